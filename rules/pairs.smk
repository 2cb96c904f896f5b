def alter_templates():
    """The templates of the categories of error that are injected."""
    return [
        template(os.path.join("alter", f"{category}.txt"))
        for category in config["alterations"]["categories"]
    ]


def alter_ledger(wildcards, output):
    """The ledger of the rewriting, beside that of the responses."""
    return ledger(wildcards, [output.altered])


rule generate_responses:
    """Sample the base model's responses to one shard of this iteration's prompts,
    and have it rewrite the open ones with one injected error each."""
    input:
        prompts="results/iter{iteration}/prompts.jsonl",
        base=asked_base([]),
    output:
        responses="results/iter{iteration}/responses/{shard}.jsonl",
        altered="results/iter{iteration}/altered/{shard}.jsonl",
    log:
        "logs/iter{iteration}/generate_responses/{shard}.log",
    benchmark:
        "timings/iter{iteration}/generate_responses/{shard}.tsv"
    conda:
        GENERATING
    threads: 8 * GPUS
    resources:
        **MODEL_JOB,
    params:
        **asks_model("generate_responses"),
        **reads(
            templates=[template("respond_open.txt"), template("respond_closed.txt")],
            alter_templates=alter_templates(),
        ),
        settings=settings(config["responses"], "num_samples", "sampling"),
        alter_settings=settings(config["alterations"], "sampling"),
        alter_ledger=alter_ledger,
        image_root=config["image_root"],
        seed=config["seed"],
    shell:
        ask_with("generate_responses")
        + "--prompts {input.prompts} --templates {params.templates:q} "
        "--alter-templates {params.alter_templates:q} "
        "--image-root {params.image_root:q} --settings {params.settings:q} "
        "--alter-settings {params.alter_settings:q} "
        "--alter-ledger {params.alter_ledger} --seed {params.seed} "
        "--responses {output.responses} --altered {output.altered} 2> {log}"


rule merge_responses:
    """All shards of an iteration's responses, in prompt order."""
    input:
        lambda wildcards: expand(
            "results/iter{iteration}/responses/{shard}.jsonl",
            iteration=wildcards.iteration,
            shard=shards("responses"),
        ),
    output:
        "results/iter{iteration}/responses.jsonl",
    localrule: True
    shell:
        "cat {input} > {output}"


rule merge_altered:
    """All shards of an iteration's altered responses, in prompt order."""
    input:
        lambda wildcards: expand(
            "results/iter{iteration}/altered/{shard}.jsonl",
            iteration=wildcards.iteration,
            shard=shards("responses"),
        ),
    output:
        "results/iter{iteration}/altered.jsonl",
    localrule: True
    shell:
        "cat {input} > {output}"


# Whether rewrites are checked before they may be rejected responses.
IS_CHECKED = config["pairs"]["check_margin"] is not None


rule build_pairs:
    """Pair responses whose better one is known by construction."""
    input:
        prompts=pooled("prompts.jsonl"),
        responses=pooled("responses.jsonl"),
        altered=pooled("altered.jsonl"),
        checks=pooled("checks.jsonl") if IS_CHECKED else [],
    output:
        pairs="results/iter{iteration}/{filter}/pairs.jsonl",
        dropped="results/iter{iteration}/{filter}/dropped_pairs.jsonl",
    log:
        "logs/iter{iteration}/{filter}/build_pairs.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=4000,
        runtime=60,  # minutes
    params:
        code=code("build_pairs"),
        filter=filter_json,
        settings=settings(config["pairs"]),
        checks=lambda wildcards, input: (
            f"--checks {input.checks}" if input.checks else ""
        ),
        seed=config["seed"],
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/build_pairs.py --filter {params.filter:q} "
        "--prompts {input.prompts} --responses {input.responses} "
        "--altered {input.altered} {params.checks} "
        "--settings {params.settings:q} --seed {params.seed} "
        "--pairs {output.pairs} --dropped {output.dropped} 2> {log}"


rule count_pairs:
    """How many pairs of what kind a filter built, and why others were not: for people."""
    input:
        prompts=pooled("prompts.jsonl"),
        responses=pooled("responses.jsonl"),
        pairs="results/iter{iteration}/{filter}/pairs.jsonl",
        dropped="results/iter{iteration}/{filter}/dropped_pairs.jsonl",
    output:
        "results/iter{iteration}/{filter}/pairs_report.json",
    log:
        "logs/iter{iteration}/{filter}/count_pairs.log",
    # Light, and many on a cluster: here, not on a node.
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("count_pairs"),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/count_pairs.py --prompts {input.prompts} "
        "--responses {input.responses} --pairs {input.pairs} --dropped {input.dropped} --output {output} 2> {log}"
