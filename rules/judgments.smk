# A cascade judges each pair in one order, and in the other where that leaves a
# chance; then these rules take the place of `judge_pairs`.
CASCADE = config["judgments"]["both_orders"] == "cascade"
BOTH_ORDERS_RATE = f"--both-orders-rate {config['judgments']['both_orders_rate']}"


def shared(stage):
    """An input function: at iteration 1, the first filter's output of a shard.

    All filters ask the base model there, most of them the same: one after the
    other, so that what they share is answered from the journal.
    """

    def first_filter(wildcards):
        first = config["filters"][0]
        if wildcards.iteration != "1" or wildcards.filter == first:
            return []
        return ancient(f"results/iter1/{first}/{stage}/{wildcards.shard}.jsonl")

    return first_filter


def judged_shards(stage):
    """An input function: all shards of a filter's judgments."""
    return lambda wildcards: expand(
        "results/iter{iteration}/{filter}/{stage}/{shard}.jsonl",
        iteration=wildcards.iteration,
        filter=wildcards.filter,
        stage=stage,
        shard=shards("judgments"),
    )


rule judge_pairs:
    """Have the judge of the iteration before judge one shard, in both orders."""
    input:
        pairs="results/iter{iteration}/{filter}/pairs.jsonl",
        judge=previous_judge,
        base=lambda wildcards: asked_base(previous_judge(wildcards)),
        shared=shared("judgments"),
        template=template("judge.txt"),
    output:
        judgments="results/iter{iteration}/{filter}/judgments/{shard}.jsonl",
    log:
        "logs/iter{iteration}/{filter}/judge_pairs/{shard}.log",
    benchmark:
        "timings/iter{iteration}/{filter}/judge_pairs/{shard}.tsv"
    conda:
        GENERATING
    threads: 8
    resources:
        gpu=GPUS,
        mem_mb=growing(64000),
        runtime=growing(120),  # minutes
    params:
        code=model_code("judge_pairs"),
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


rule judge_first_order:
    """Have the judge of the iteration before judge one shard, each pair in one order."""
    input:
        pairs="results/iter{iteration}/{filter}/pairs.jsonl",
        judge=previous_judge,
        base=lambda wildcards: asked_base(previous_judge(wildcards)),
        shared=shared("judgments/first_order"),
        template=template("judge.txt"),
    output:
        judgments="results/iter{iteration}/{filter}/judgments/first_order/{shard}.jsonl",
    log:
        "logs/iter{iteration}/{filter}/judge_first_order/{shard}.log",
    benchmark:
        "timings/iter{iteration}/{filter}/judge_first_order/{shard}.tsv"
    conda:
        GENERATING
    threads: 8
    resources:
        gpu=GPUS,
        mem_mb=growing(64000),
        runtime=growing(120),  # minutes
    params:
        code=model_code("judge_order"),
        turn="first",
        model=lambda wildcards: model_arguments(previous_judge(wildcards)),
        version=lambda wildcards: model_version(previous_judge(wildcards)),
        dtype=config["engine"]["dtype"],
        settings=settings(config["judgments"], "num_samples", "sampling"),
        image_root=config["image_root"],
        seed=config["seed"],
        ledger=ledger,
    shell:
        "{PYTHON[generate]} {SCRIPTS:q}/judge_order.py {params.model} --engine {ENGINE:q} "
        "--journal {JOURNAL} --ledger {params.ledger} --turn {params.turn} --pairs {input.pairs} "
        "--template {input.template:q} --image-root {params.image_root:q} "
        "--settings {params.settings:q} --seed {params.seed} "
        "--shard {wildcards.shard} --output {output.judgments} 2> {log}"


rule select_second_order:
    """The pairs of one shard that may still be right in both orders, and a slice."""
    input:
        pairs="results/iter{iteration}/{filter}/pairs.jsonl",
        judgments="results/iter{iteration}/{filter}/judgments/first_order/{shard}.jsonl",
    output:
        pairs="results/iter{iteration}/{filter}/second_order_pairs/{shard}.jsonl",
    log:
        "logs/iter{iteration}/{filter}/select_second_order/{shard}.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),  # minutes
    params:
        code=code("select_second_order"),
        both_orders_rate=BOTH_ORDERS_RATE,
        seed=config["seed"],
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/select_second_order.py --filter {wildcards.filter} "
        "--pairs {input.pairs} --judgments {input.judgments} "
        "{params.both_orders_rate} --seed {params.seed} "
        "--shard {wildcards.shard} --output {output.pairs} 2> {log}"


use rule judge_first_order as judge_second_order with:
    """Have the same judge judge the selected pairs in their other order."""
    input:
        pairs=rules.select_second_order.output.pairs,
        judge=previous_judge,
        base=lambda wildcards: asked_base(previous_judge(wildcards)),
        shared=shared("judgments/second_order"),
        template=template("judge.txt"),
    output:
        judgments="results/iter{iteration}/{filter}/judgments/second_order/{shard}.jsonl",
    log:
        "logs/iter{iteration}/{filter}/judge_second_order/{shard}.log",
    benchmark:
        "timings/iter{iteration}/{filter}/judge_second_order/{shard}.tsv"
    params:
        turn="second",


if CASCADE:

    rule merge_orders:
        """All shards of both orders, laid out as `judge_pairs` would have."""
        input:
            first=judged_shards("judgments/first_order"),
            second=judged_shards("judgments/second_order"),
        output:
            "results/iter{iteration}/{filter}/judgments.jsonl",
        log:
            "logs/iter{iteration}/{filter}/merge_orders.log",
        conda:
            "../envs/decide.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(60),  # minutes
        params:
            code=code("merge_orders"),
        shell:
            "{PYTHON[decide]} {SCRIPTS:q}/merge_orders.py --first {input.first} "
            "--second {input.second} --output {output} 2> {log}"

else:

    rule merge_judgments:
        """All shards of a filter's judgments, in the order of the pairs."""
        input:
            judged_shards("judgments"),
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
        mem_mb=growing(4000),
        runtime=growing(60),  # minutes
    params:
        code=code("filter_judgments"),
        settings=settings(config["filter"]),
        both_orders_rate=BOTH_ORDERS_RATE if CASCADE else "",
        seed=config["seed"],
        matched=lambda wildcards, input: (
            f"--matched {input.matched}" if input.matched else ""
        ),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/filter_judgments.py --filter {wildcards.filter} "
        "--pairs {input.pairs} --judgments {input.judgments} "
        "--template {input.template:q} {params.matched} {params.both_orders_rate} "
        "--settings {params.settings:q} --seed {params.seed} "
        "--accepted {output.accepted} --dropped {output.dropped} "
        "--report {output.report} 2> {log}"
