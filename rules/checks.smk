# Whether the image shows what was altered: docs/checks.md.  Only where
# `pairs.check_margin` asks for it.


rule check_alterations:
    """Ask the base model whether the image shows what each rewrite changed."""
    input:
        prompts="results/iter{iteration}/prompts.jsonl",
        # Of the same shard: cut alike, and written by one job.
        responses="results/iter{iteration}/responses/{shard}.jsonl",
        altered="results/iter{iteration}/altered/{shard}.jsonl",
        base=asked_base([]),
    output:
        checks="results/iter{iteration}/checks/{shard}.jsonl",
    log:
        "logs/iter{iteration}/check_alterations/{shard}.log",
    benchmark:
        "timings/iter{iteration}/check_alterations/{shard}.tsv"
    conda:
        GENERATING
    threads: 8 * GPUS
    resources:
        **MODEL_JOB,
    params:
        **asks_model("check_alterations"),
        **reads(template=[template("check.txt")]),
        image_root=config["image_root"],
    shell:
        ask_with("check_alterations") + "--prompts {input.prompts} "
        "--responses {input.responses} --altered {input.altered} "
        "--template {params.template:q} --image-root {params.image_root:q} "
        "--output {output.checks} 2> {log}"


use rule merge_altered as merge_checks with:
    input:
        lambda wildcards: expand(
            "results/iter{iteration}/checks/{shard}.jsonl",
            iteration=wildcards.iteration,
            shard=shards("responses"),
        ),
    output:
        "results/iter{iteration}/checks.jsonl",
    localrule: True  # it is not inherited


use rule check_alterations as check_held_out with:
    input:
        prompts="results/certificate/prompts.jsonl",
        responses="results/certificate/responses/{shard}.jsonl",
        altered="results/certificate/altered/{shard}.jsonl",
        base=asked_base([]),
    output:
        checks="results/certificate/checks/{shard}.jsonl",
    log:
        "logs/certificate/check_held_out/{shard}.log",
    benchmark:
        "timings/certificate/check_held_out/{shard}.tsv"
