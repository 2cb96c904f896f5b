rule build_report:
    """One page with all results of the run, and the records behind them."""
    input:
        comparisons=expand(
            "results/iter{iteration}/{scored}.json",
            iteration=range(config["iterations"] + 1),
            scored=[*BENCHMARKS, *SCORED_OTHERWISE],
        ),
        records=expand(
            "results/iter{iteration}/{filter}/{name}",
            iteration=ITERATIONS,
            filter=config["filters"],
            name=[
                "pairs.jsonl",
                "judgments.jsonl",
                "accepted.jsonl",
                "dropped_judgments.jsonl",
            ],
        ),
        parts=expand(
            "{folder}/report.{suffix}",
            folder=here("scripts/templates"),
            suffix=["html", "css", "js"],
        ),
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
        settings=settings(config["report"]),
        image_root=config["image_root"],
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/build_report.py --config {CONFIG:q} "
        "--output {output} 2> {log}"
