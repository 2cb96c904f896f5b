from selfjudge.report.results_folder import (
    expected_by,
    list_comparisons,
    list_page_files,
)

# What a whole run has, to tell what is missing from a plot or a page.
EXPECTED = expected_by(config)
# The figures that no whole run lacks, for `snakemake --report`: what is in
# results/plots beside them depends on what is found.
REPORTED = [
    *(("accuracy", "accuracy", target) for target in EXPECTED.targets),
    *(("groups", "groups", benchmark) for benchmark in BENCHMARKS),
    *(
        ("filters", "filters", benchmark)
        for benchmark in BENCHMARKS
        if len(config["filters"]) > 1
    ),
    ("accepted", "accepted", None),
    ("health", "health", None),
    ("health", "length", None),
    *(("health", "health_benchmark", target) for target in EXPECTED.targets),
]


def reported(section, kind, of, suffix):
    """A figure's drawing (svg) or table (csv), for Snakemake's report."""
    name = f"{kind}_{of}" if of else kind
    return report(
        f"results/plots/{name}.{suffix}",
        caption=f"../scripts/templates/captions/{kind}.rst",
        category=section,
        labels={"figure": name, "as": {"svg": "plot", "csv": "table"}[suffix]},
    )


def truths(wildcards):
    """What a project measures by a truth of its own: drawn where there is any."""
    return [path for path in PROJECT_TARGETS if path.endswith("/truth.json")]


rule make_plots:
    """Every figure of the run as a drawing, and the table behind it."""
    input:
        comparisons=list_comparisons(EXPECTED),
        filters=expand(
            "results/iter{iteration}/{filter}/filter_report.json",
            iteration=ITERATIONS,
            filter=config["filters"],
        ),
        pairs=expand(
            "results/iter{iteration}/{filter}/pairs_report.json",
            iteration=ITERATIONS,
            filter=config["filters"],
        ),
        truths=truths,
    output:
        *(reported(*figure, suffix) for figure in REPORTED for suffix in ("svg", "csv")),
        index="results/plots/index.json",
    log:
        "logs/make_plots.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=2000,
        runtime=30,  # minutes
    params:
        # Found by the script itself; only what they hold counts.
        **reads(
            captions=sorted(
                map(str, Path(here("scripts/templates/captions")).glob("*"))
            )
        ),
        code=code("make_plots"),
        expected=repr(EXPECTED),  # the order of filters and benchmarks too
        bounds=settings(config["probe"], "min_parsed_rate"),  # below which a figure warns
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/make_plots.py --results results "
        "--timings timings --config {CONFIG:q} "
        "--output results/plots 2> {log}"


rule build_report:
    """One page with all results of the run, and the records behind them."""
    input:
        files=list_page_files(EXPECTED),
        panel=PANEL_TARGETS,
        certificates=[file for file in CERTIFICATE_TARGETS if file.endswith(".json")],
    output:
        "results/report.html",
    log:
        "logs/build_report.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=2000,
        runtime=30,  # minutes
    params:
        # As the captions.
        **reads(
            parts=[
                here(f"scripts/templates/report.{suffix}")
                for suffix in ("html", "css", "js")
            ]
        ),
        code=code("build_report"),
        settings=settings(config["report"]),
        image_root=config["image_root"],
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/build_report.py --config {CONFIG:q} "
        "--output {output} 2> {log}"
