# Rules of the embedded run alone; the Snakefile includes a project's project.smk.
# The runs of `make demo-seeds` include it too: the scripts lie beside this file.
DEMO = os.path.relpath(workflow.current_basedir)


rule make_world:
    """Render the world's images; write prompts and three benchmarks with known answers."""
    output:
        prompts="data/prompts.jsonl",
        scenes="data/scenes.jsonl",
        images=directory("data/images"),
        vlrb="data/vlrb/test.parquet",
        mmrb="data/mmrb/all_data.json",
        mmrb_images=directory("data/mmrb/images"),
        criteria="data/criteria/pairs.jsonl",
        criteria_images=directory("data/criteria/images"),
    log:
        "logs/make_world.log",
    conda:
        "../envs/decide.yaml"
    params:
        code=code_fingerprint(Path(workflow.current_basedir, "make_world.py")),
        seed=config["seed"],
        num_closed=1600,
        num_open=800,
        num_vlrb=420,
        num_mmrb=100,
        num_criteria=15,
    shell:
        "{PYTHON[decide]} {DEMO:q}/make_world.py --seed {params.seed} --num-closed {params.num_closed} "
        "--num-open {params.num_open} --num-vlrb {params.num_vlrb} "
        "--num-mmrb {params.num_mmrb} --num-criteria {params.num_criteria} "
        "--out data 2> {log}"


# What it compares by beyond what `count_judgments` reaches.
MEASURED_BY = [
    "selfjudge.benchmarks.statistics:Sample",
    "selfjudge.benchmarks.statistics:mean_interval",
    "selfjudge.ground.records:Accepted",
    "selfjudge.ground.records:Prompt",
    "selfjudge.pairs.answers:extract_answer",
    "selfjudge.pairs.answers:normalise_gold",
]


rule measure_truth:
    """What a filter built and accepted, by the truth that the world knows."""
    input:
        scenes="data/scenes.jsonl",
        prompts=pooled("prompts.jsonl"),
        pairs="results/iter{iteration}/{filter}/pairs.jsonl",
        judgments="results/iter{iteration}/{filter}/judgments.jsonl",
        accepted="results/iter{iteration}/{filter}/accepted.jsonl",
    output:
        "results/iter{iteration}/{filter}/truth.json",
    log:
        "logs/iter{iteration}/{filter}/measure_truth.log",
    conda:
        "../envs/decide.yaml"
    params:
        code=code_fingerprint(Path(workflow.current_basedir, "measure_truth.py")),
        # What it reads, parses and compares by: the package is not below its folder.
        package=code("count_judgments", *MEASURED_BY),
    shell:
        "PYTHONPATH={SCRIPTS:q} {PYTHON[decide]} {DEMO:q}/measure_truth.py "
        "--iteration {wildcards.iteration} --filter {wildcards.filter} "
        "--scenes {input.scenes} --prompts {input.prompts} --pairs {input.pairs} "
        "--judgments {input.judgments} --accepted {input.accepted} "
        "--output {output} 2> {log}"


PROJECT_TARGETS += expand(
    "results/iter{iteration}/{filter}/truth.json",
    iteration=ITERATIONS,
    filter=config["filters"],
)


if config["certificate"]["share"] and BENCHMARKS:

    rule measure_certificates:
        """Certificates beside the world's truth and a benchmark; if any are asked for."""
        input:
            scenes="data/scenes.jsonl",
            prompts="results/certificate/prompts.jsonl",
            pairs="results/certificate/pairs.jsonl",
            choice="results/choice.json",
            certificates=[
                "results/iter0/base/certificate.json",
                *expand(
                    "results/iter{iteration}/{filter}/certificate.json",
                    iteration=ITERATIONS,
                    filter=config["filters"],
                ),
            ],
            comparisons=[
                f"results/iter{iteration}/{BENCHMARKS[0]}.json"
                for iteration in [0, *ITERATIONS]
            ],
        output:
            "results/certificate/beside_truth.json",
        log:
            "logs/certificate/measure_certificates.log",
        conda:
            "../envs/decide.yaml"
        params:
            code=code_fingerprint(
                Path(workflow.current_basedir, "measure_certificates.py")
            ),
            package=code("certify_judge"),
        shell:
            "PYTHONPATH={SCRIPTS:q} {PYTHON[decide]} {DEMO:q}/measure_certificates.py "
            "--scenes {input.scenes} --prompts {input.prompts} --pairs {input.pairs} "
            "--choice {input.choice} --certificates {input.certificates} "
            "--comparisons {input.comparisons} --output {output} 2> {log}"

    PROJECT_TARGETS.append("results/certificate/beside_truth.json")


if IS_CHECKED:

    rule measure_checks:
        """What checking rewrites does to open pairs, by the truth of the world."""
        input:
            scenes="data/scenes.jsonl",
            prompts="results/iter{iteration}/prompts.jsonl",
            responses="results/iter{iteration}/responses.jsonl",
            altered="results/iter{iteration}/altered.jsonl",
            checks="results/iter{iteration}/checks.jsonl",
        output:
            "results/iter{iteration}/checks_beside_truth.json",
        log:
            "logs/iter{iteration}/measure_checks.log",
        conda:
            "../envs/decide.yaml"
        params:
            code=code_fingerprint(Path(workflow.current_basedir, "measure_checks.py")),
            package=code("build_pairs", *MEASURED_BY),
            settings=settings(config["pairs"]),
        shell:
            "PYTHONPATH={SCRIPTS:q} {PYTHON[decide]} {DEMO:q}/measure_checks.py "
            "--scenes {input.scenes} --prompts {input.prompts} "
            "--responses {input.responses} --altered {input.altered} "
            "--checks {input.checks} --settings {params.settings:q} "
            "--output {output} 2> {log}"

    PROJECT_TARGETS += expand(
        "results/iter{iteration}/checks_beside_truth.json",
        iteration=ITERATIONS[: count_dealt(config)],
    )
