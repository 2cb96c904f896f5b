rule score_benchmark:
    """Score one judge on one benchmark; keeps the outcome of every pair."""
    input:
        pairs="results/benchmarks/{benchmark}.jsonl",
        rows="results/benchmarks/{benchmark}_rows.jsonl",
        manifest="results/benchmarks/{benchmark}_manifest.json",
        judgments="results/iter{iteration}/{filter}/{benchmark}/{collection}/judgments.jsonl",
    output:
        scores="results/iter{iteration}/{filter}/{benchmark}/{collection}/scores.json",
    log:
        "logs/iter{iteration}/{filter}/{benchmark}/{collection}/score_benchmark.log",
    wildcard_constraints:
        **BASE_OR_TRAINED,
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=2000,
        runtime=30,  # minutes
    params:
        code=code("score_benchmark"),
        protocol=lambda wildcards: OWN_PROTOCOL[wildcards.collection],
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/score_benchmark.py --benchmark {wildcards.benchmark} "
        "--iteration {wildcards.iteration} --filter {wildcards.filter} "
        "--protocol {params.protocol} --pairs {input.pairs} --rows {input.rows} "
        "--manifest {input.manifest} --judgments {input.judgments} "
        "--output {output.scores} 2> {log}"


def rescoring(wildcards):
    """A protocol under which judgments are scored that were asked for by another."""
    name, collection = wildcards.protocol, wildcards.collection
    if COLLECTION_OF[name] != collection or OWN_PROTOCOL[collection] == name:
        raise WorkflowError(
            f"the judgments '{collection}' cannot be scored again under '{name}': "
            f"it scores '{COLLECTION_OF[name]}'."
        )
    return name


use rule score_benchmark as rescore_benchmark with:
    output:
        scores="results/iter{iteration}/{filter}/{benchmark}/{collection}/{protocol}.json",
    log:
        "logs/iter{iteration}/{filter}/{benchmark}/{collection}/{protocol}.log",
    params:
        code=code("score_benchmark"),
        protocol=rescoring,


def scores_path(iteration, filter_name, benchmark, protocol):
    """The scores of one judge on one benchmark under a protocol."""
    collection = COLLECTION_OF[protocol]
    name = "scores" if OWN_PROTOCOL[collection] == protocol else protocol
    folder = f"results/iter{iteration}/{filter_name}/{benchmark}/{collection}"
    return f"{folder}/{name}.json"


def protocol_of(wildcards):
    """The protocol of a comparison: `selfjudge` where its name says no other."""
    return wildcards.get("protocol", "selfjudge")


def scores_of_base(wildcards):
    """The scores of the base model."""
    return scores_path(0, "base", wildcards.benchmark, protocol_of(wildcards))


def scores_at(wildcards):
    """The scores of all configured filters at an iteration; none at iteration 0."""
    if wildcards.iteration == "0":
        return []
    return [
        scores_path(
            wildcards.iteration, name, wildcards.benchmark, protocol_of(wildcards)
        )
        for name in config["filters"]
    ]


def scores_before(wildcards):
    """The scores of the same filters one iteration before, where there are any."""
    before = int(wildcards.iteration) - 1
    if before < 1:
        return []
    return [
        scores_path(before, name, wildcards.benchmark, protocol_of(wildcards))
        for name in config["filters"]
    ]


def counts_until(wildcards):
    """What the configured filters built and accepted up to an iteration, for people."""
    return expand(
        "results/iter{iteration}/{filter}/{counts}.json",
        iteration=[i for i in ITERATIONS if i <= int(wildcards.iteration)],
        filter=config["filters"],
        counts=["pairs_report", "filter_report"],
    )


def judges_at(wildcards):
    """What the judges of all configured filters are: two may be one."""
    if wildcards.iteration == "0":
        return []
    return expand(
        "results/iter{iteration}/{filter}/judge.json",
        iteration=wildcards.iteration,
        filter=config["filters"],
    )


rule compare_scores:
    """Every configured filter beside the base model, with intervals and tests."""
    input:
        base=scores_of_base,
        scores=scores_at,
        previous=scores_before,
        judges=judges_at,
        # Read by nobody here: who has scores wants to know what they came from.
        counts=lambda wildcards: ancient(counts_until(wildcards)),
    output:
        "results/iter{iteration}/{benchmark}.json",
    log:
        "logs/iter{iteration}/{benchmark}.log",
    wildcard_constraints:
        iteration=BASE_OR_TRAINED["iteration"],
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=2000,
        runtime=30,  # minutes
    params:
        **reads(leaderboard=[here("scripts/selfjudge/benchmarks/leaderboard.yaml")]),
        code=code("compare_scores"),
        scores=lambda wildcards, input: (
            f"--scores {input.scores}" if input.scores else ""
        ),
        previous=lambda wildcards, input: (
            f"--previous {input.previous}" if input.previous else ""
        ),
        judges=lambda wildcards, input: (
            f"--judges {input.judges}" if input.judges else ""
        ),
        # One test of each two filters, at the iteration that was meant from the start.
        tested=lambda wildcards: (
            "--test-filters" if wildcards.iteration == str(ITERATIONS[-1]) else ""
        ),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/compare_scores.py --base {input.base} {params.scores} "
        "{params.previous} {params.judges} {params.tested} --leaderboard {params.leaderboard:q} --output {output} "
        "2> {log}"


use rule compare_scores as compare_protocol with:
    output:
        "results/iter{iteration}/{benchmark}_{protocol}.json",
    log:
        "logs/iter{iteration}/{benchmark}_{protocol}.log",
