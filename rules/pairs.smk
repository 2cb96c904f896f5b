rule generate_responses:
    """Sample the base model's responses to one shard of this iteration's prompts."""
    input:
        prompts="results/iter{iteration}/prompts.jsonl",
        templates=[template("respond_open.txt"), template("respond_closed.txt")],
        base=asked_base([]),
    output:
        responses="results/iter{iteration}/responses/{shard}.jsonl",
    log:
        "logs/iter{iteration}/generate_responses/{shard}.log",
    benchmark:
        "timings/iter{iteration}/generate_responses/{shard}.tsv"
    conda:
        GENERATING
    threads: 8
    resources:
        gpu=GPUS,
        mem_mb=growing(64000),
        runtime=growing(120),  # minutes
    params:
        code=model_code("generate_responses"),
        model=model_arguments([]),
        version=lambda wildcards: base_version(),
        dtype=config["engine"]["dtype"],
        settings=settings(config["responses"], "num_samples", "sampling"),
        image_root=config["image_root"],
        seed=config["seed"],
        ledger=ledger,
    shell:
        "{PYTHON[generate]} {SCRIPTS:q}/generate_responses.py {params.model} --engine {ENGINE:q} "
        "--journal {JOURNAL} --ledger {params.ledger} "
        "--prompts {input.prompts} --templates {input.templates:q} "
        "--image-root {params.image_root:q} --settings {params.settings:q} "
        "--seed {params.seed} --shard {wildcards.shard} "
        "--output {output.responses} 2> {log}"


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


rule alter_responses:
    """Have the base model rewrite open responses with one injected error."""
    input:
        prompts="results/iter{iteration}/prompts.jsonl",
        responses="results/iter{iteration}/responses.jsonl",
        templates=[
            template(os.path.join("alter", f"{category}.txt"))
            for category in config["alterations"]["categories"]
        ],
        base=asked_base([]),
    output:
        altered="results/iter{iteration}/altered/{shard}.jsonl",
    log:
        "logs/iter{iteration}/alter_responses/{shard}.log",
    benchmark:
        "timings/iter{iteration}/alter_responses/{shard}.tsv"
    conda:
        GENERATING
    threads: 8
    resources:
        gpu=GPUS,
        mem_mb=growing(64000),
        runtime=growing(120),  # minutes
    params:
        code=model_code("alter_responses"),
        model=model_arguments([]),
        version=lambda wildcards: base_version(),
        dtype=config["engine"]["dtype"],
        settings=settings(config["alterations"], "sampling"),
        image_root=config["image_root"],
        seed=config["seed"],
        ledger=ledger,
    shell:
        "{PYTHON[generate]} {SCRIPTS:q}/alter_responses.py {params.model} --engine {ENGINE:q} "
        "--journal {JOURNAL} --ledger {params.ledger} "
        "--prompts {input.prompts} "
        "--responses {input.responses} --templates {input.templates:q} "
        "--image-root {params.image_root:q} --settings {params.settings:q} "
        "--seed {params.seed} --shard {wildcards.shard} "
        "--output {output.altered} 2> {log}"


rule merge_altered:
    """All shards of an iteration's altered responses, in prompt order."""
    input:
        lambda wildcards: expand(
            "results/iter{iteration}/altered/{shard}.jsonl",
            iteration=wildcards.iteration,
            shard=shards("alterations"),
        ),
    output:
        "results/iter{iteration}/altered.jsonl",
    localrule: True
    shell:
        "cat {input} > {output}"


def matched_pairs_report(wildcards):
    """The report of the filter to whose number of closed pairs this one is cut."""
    other = FILTER_SPECS[wildcards.filter].pairs_as_many_as
    if other is None:
        return []
    return f"results/iter{wildcards.iteration}/{other}/pairs_report.json"


rule build_pairs:
    """Pair responses whose better one is known by construction."""
    input:
        prompts=pooled("prompts.jsonl"),
        responses=pooled("responses.jsonl"),
        altered=pooled("altered.jsonl"),
        matched=matched_pairs_report,
    output:
        pairs="results/iter{iteration}/{filter}/pairs.jsonl",
        dropped="results/iter{iteration}/{filter}/dropped_pairs.jsonl",
        report="results/iter{iteration}/{filter}/pairs_report.json",
    log:
        "logs/iter{iteration}/{filter}/build_pairs.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),  # minutes
    params:
        code=code("build_pairs"),
        settings=settings(config["pairs"]),
        seed=config["seed"],
        matched=lambda wildcards, input: (
            f"--matched {input.matched}" if input.matched else ""
        ),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/build_pairs.py --filter {wildcards.filter} "
        "--prompts {input.prompts} --responses {input.responses} "
        "--altered {input.altered} {params.matched} "
        "--settings {params.settings:q} --seed {params.seed} "
        "--pairs {output.pairs} --dropped {output.dropped} "
        "--report {output.report} 2> {log}"
