def judged_before(wildcards):
    """At iteration 1, what another filter's judgments of a shard are; else none.

    All filters ask the base model there, most of them the same: one goes first,
    whatever their order in the config, so that what they share is answered from the
    journal.  (Which one changes where it is taken out, or a filter that stands
    before it in `FILTERS` is added: the others then wait for another, and rerun.)
    """
    first = first_asked(config["filters"])
    if wildcards.iteration != "1" or wildcards.filter == first:
        return []
    return ancient(f"results/iter1/{first}/judgments/{wildcards.shard}.jsonl")


rule ask_judge:
    """What the judge of the iteration before is asked: every pair, in both orders."""
    input:
        pairs="results/iter{iteration}/{filter}/pairs.jsonl",
    output:
        "results/iter{iteration}/{filter}/asks.jsonl",
    log:
        "logs/iter{iteration}/{filter}/ask_judge.log",
    # Light, and many on a cluster: here, not on a node.
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("ask_judge"),
        asking=as_json(asking_of("paired", read_samples(config["judgments"]))),
        seed=config["seed"],
        rows="",
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/ask_judge.py --pairs {input.pairs} "
        "{params.rows} --asking {params.asking:q} --seed {params.seed} "
        "--output {output} 2> {log}"


rule judge_pairs:
    """Have the judge of the iteration before answer one shard of what it is asked."""
    input:
        asks="results/iter{iteration}/{filter}/asks.jsonl",
        pairs="results/iter{iteration}/{filter}/pairs.jsonl",
        judge=previous_judge,
        base=lambda wildcards: asked_base(previous_judge(wildcards)),
        before=judged_before,
    output:
        "results/iter{iteration}/{filter}/judgments/{shard}.jsonl",
    log:
        "logs/iter{iteration}/{filter}/judge_pairs/{shard}.log",
    benchmark:
        "timings/iter{iteration}/{filter}/judge_pairs/{shard}.tsv"
    conda:
        GENERATING
    threads: 8 * GPUS
    resources:
        **MODEL_JOB,
    params:
        **asks_model("judge_pairs", previous_judge),
        **reads(templates=[template("judge.txt")]),
        stage="judge_pairs",
        image_root=config["image_root"],
        parts=lambda wildcards, input, output: (
            f"--part {input.asks} {input.pairs} {IMAGE_ROOT} {output}"
        ),
    shell:
        ask_with("judge_pairs")
        + "--stage {params.stage} --templates {params.templates:q} "
        "{params.parts} 2> {log}"


rule merge_judgments:
    """All shards of a filter's judgments, in the order of the pairs."""
    input:
        lambda wildcards: expand(
            "results/iter{w.iteration}/{w.filter}/judgments/{shard}.jsonl",
            w=[wildcards],
            shard=shards("judgments"),
        ),
    output:
        "results/iter{iteration}/{filter}/judgments.jsonl",
    localrule: True
    shell:
        "cat {input} > {output}"


def matched_rows(wildcards):
    """The accepted rows of the filters to whose smallest number this one's are cut."""
    return [
        f"results/iter{wildcards.iteration}/{other}/accepted.jsonl"
        for other in FILTER_SPECS[wildcards.filter].accepted_as_many_as
    ]


def matched_argument(wildcards, input):
    """The command-line argument that names what a filter's size is cut to, if any."""
    return f"--matched {input.matched}" if input.matched else ""


rule filter_judgments:
    """Accept the judgments that agree with the construction; drop with a reason."""
    input:
        pairs="results/iter{iteration}/{filter}/pairs.jsonl",
        # Read only to say what became of the prompts.
        dropped_pairs=ancient("results/iter{iteration}/{filter}/dropped_pairs.jsonl"),
        judgments="results/iter{iteration}/{filter}/judgments.jsonl",
        matched=matched_rows,
    output:
        accepted="results/iter{iteration}/{filter}/accepted.jsonl",
        dropped="results/iter{iteration}/{filter}/dropped_judgments.jsonl",
    log:
        "logs/iter{iteration}/{filter}/filter_judgments.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=4000,
        runtime=60,  # minutes
    params:
        **reads(template=[template("judge.txt")]),
        code=code("filter_judgments"),
        filter=filter_json,
        seed=config["seed"],
        matched=matched_argument,
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/filter_judgments.py --filter {params.filter:q} "
        "--pairs {input.pairs} --dropped-pairs {input.dropped_pairs} "
        "--judgments {input.judgments} {MIN_ROWS} "
        "--template {params.template:q} {params.matched} --seed {params.seed} "
        "--accepted {output.accepted} --dropped {output.dropped} 2> {log}"


rule count_judgments:
    """How many judgments a filter accepted, and why it dropped others: for people."""
    input:
        pairs="results/iter{iteration}/{filter}/pairs.jsonl",
        judgments="results/iter{iteration}/{filter}/judgments.jsonl",
        accepted="results/iter{iteration}/{filter}/accepted.jsonl",
        dropped="results/iter{iteration}/{filter}/dropped_judgments.jsonl",
        matched=matched_rows,
    output:
        "results/iter{iteration}/{filter}/filter_report.json",
    log:
        "logs/iter{iteration}/{filter}/count_judgments.log",
    # Light, and many on a cluster: here, not on a node.
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("count_judgments"),
        matched=matched_argument,
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/count_judgments.py --pairs {input.pairs} "
        "--judgments {input.judgments} --accepted {input.accepted} "
        "--dropped {input.dropped} {params.matched} --output {output} 2> {log}"
