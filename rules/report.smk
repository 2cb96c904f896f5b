# What a whole run has, to tell what is missing from a plot.
EXPECTED = {
    "iterations": config["iterations"],
    "filters": config["filters"],
    "targets": BENCHMARKS + SCORED_OTHERWISE,
}


rule make_plots:
    """Every figure of the run as a drawing and the table behind it."""
    input:
        comparisons=expand(
            "results/iter{iteration}/{target}.json",
            iteration=range(config["iterations"] + 1),
            target=EXPECTED["targets"],
        ),
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
    output:
        index="results/plots/index.json",
    log:
        "logs/make_plots.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("make_plots"),
        expected=settings(EXPECTED),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/make_plots.py --results results "
        "--expected {params.expected:q} --output results/plots 2> {log}"


rule build_report:
    """One page with the scores of all iterations and what each filter accepted."""
    input:
        comparisons=expand(
            "results/iter{iteration}/{benchmark}.json",
            iteration=range(config["iterations"] + 1),
            benchmark=BENCHMARKS,
        ),
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
        template=here("scripts/templates/report.html"),
    output:
        "results/report.html",
    log:
        "logs/build_report.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("build_report"),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/build_report.py --template {input.template:q} "
        "--comparisons {input.comparisons} "
        "--filter-reports {input.filters} --pairs-reports {input.pairs} "
        "--output {output} 2> {log}"
