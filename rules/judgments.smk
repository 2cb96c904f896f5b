def shared_judgments(wildcards):
    """At iteration 1, the first filter's judgments of the same shard.

    All filters ask the base model there, most of them the same: one after the
    other, so that what they share is answered from the journal.
    """
    first = config["filters"][0]
    if wildcards.iteration != "1" or wildcards.filter == first:
        return []
    return ancient(f"results/iter1/{first}/judgments/{wildcards.shard}.jsonl")


rule judge_pairs:
    """Have the judge of the iteration before judge one shard, in both orders."""
    input:
        pairs="results/iter{iteration}/{filter}/pairs.jsonl",
        judge=previous_judge,
        shared=shared_judgments,
        template=template("judge.txt"),
    output:
        judgments="results/iter{iteration}/{filter}/judgments/{shard}.jsonl",
    log:
        "logs/iter{iteration}/{filter}/judge_pairs/{shard}.log",
    benchmark:
        "timings/iter{iteration}/{filter}/judge_pairs/{shard}.tsv"
    conda:
        "../envs/model.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=64000,
        runtime=120,
    params:
        code=code("judge_pairs"),
        model=lambda wildcards: model_arguments(previous_judge(wildcards)),
        version=lambda wildcards: model_version(previous_judge(wildcards)),
        dtype=config["engine"]["dtype"],
        settings=settings(config["judgments"], "num_samples", "sampling"),
        image_root=config["image_root"],
        seed=config["seed"],
        ledger=ledger,
    shell:
        "{PYTHON[generate]} {SCRIPTS:q}/judge_pairs.py {params.model} --engine {ENGINE:q} "
        "--journal {JOURNAL} --ledger {params.ledger} "
        "--pairs {input.pairs} --template {input.template:q} "
        "--image-root {params.image_root:q} --settings {params.settings:q} "
        "--seed {params.seed} --shard {wildcards.shard} "
        "--output {output.judgments} 2> {log}"


rule merge_judgments:
    """All shards of a filter's judgments, in the order of the pairs."""
    input:
        lambda wildcards: expand(
            "results/iter{iteration}/{filter}/judgments/{shard}.jsonl",
            iteration=wildcards.iteration,
            filter=wildcards.filter,
            shard=shards("judgments"),
        ),
    output:
        "results/iter{iteration}/{filter}/judgments.jsonl",
    localrule: True
    shell:
        "cat {input} > {output}"


def matched_filter_report(wildcards):
    """The report of the filter to whose number of accepted judgments this is cut."""
    other = FILTER_SPECS[wildcards.filter].accepted_as_many_as
    if other is None:
        return []
    return f"results/iter{wildcards.iteration}/{other}/filter_report.json"


rule filter_judgments:
    """Accept the judgments that agree with the construction; drop with a reason."""
    input:
        pairs="results/iter{iteration}/{filter}/pairs.jsonl",
        judgments="results/iter{iteration}/{filter}/judgments.jsonl",
        template=template("judge.txt"),
        matched=matched_filter_report,
    output:
        accepted="results/iter{iteration}/{filter}/accepted.jsonl",
        dropped="results/iter{iteration}/{filter}/dropped_judgments.jsonl",
        report="results/iter{iteration}/{filter}/filter_report.json",
    log:
        "logs/iter{iteration}/{filter}/filter_judgments.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code("filter_judgments"),
        settings=settings(config["filter"]),
        seed=config["seed"],
        matched=lambda wildcards, input: (
            f"--matched {input.matched}" if input.matched else ""
        ),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/filter_judgments.py --filter {wildcards.filter} "
        "--pairs {input.pairs} --judgments {input.judgments} "
        "--template {input.template:q} {params.matched} "
        "--settings {params.settings:q} --seed {params.seed} "
        "--accepted {output.accepted} --dropped {output.dropped} "
        "--report {output.report} 2> {log}"
