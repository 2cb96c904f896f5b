def benchmark_source(wildcards):
    """The release file of a benchmark: the user's own, or the one that is fetched."""
    spec = config["benchmarks"][wildcards.benchmark]
    if spec["path"] is not None:
        return spec["path"]
    suffix = Path(spec["file"]).suffix
    return f"results/sources/benchmarks/{wildcards.benchmark}{suffix}"


def benchmark_images(wildcards):
    """A hash of the images that lie beside a release, where they are not inside."""
    spec = config["benchmarks"][wildcards.benchmark]
    if spec["format"] == "vl_rewardbench":
        return ""
    return image_version(os.path.join(os.path.dirname(spec["path"]), "images"))


rule fetch_benchmark:
    """Download a benchmark's release file from the Hub (needs the network)."""
    output:
        "results/sources/benchmarks/{benchmark}.{suffix}",
    log:
        "logs/fetch_benchmark/{benchmark}.{suffix}.log",
    # Here, not on a node: nodes often have no network.
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("fetch_benchmark"),
        settings=lambda wildcards: settings(
            config["benchmarks"][wildcards.benchmark], "dataset", "revision", "file"
        ),
    shell:
        "python {SCRIPTS:q}/fetch_benchmark.py --settings {params.settings:q} "
        "--output {output} 2> {log}"


rule prepare_benchmark:
    """Turn a public release into pairs; the manifest says what came and what not."""
    input:
        source=benchmark_source,
    output:
        pairs="results/benchmarks/{benchmark}.jsonl",
        images=directory("results/benchmarks/{benchmark}_images"),
        manifest="results/benchmarks/{benchmark}_manifest.json",
    log:
        "logs/benchmarks/{benchmark}.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code("prepare_benchmark"),
        release=lambda wildcards: config["benchmarks"][wildcards.benchmark]["format"],
        images=benchmark_images,
        max_pixels=config["prompts"]["limits"]["max_pixels"],
    shell:
        "python {SCRIPTS:q}/prepare_benchmark.py --benchmark {wildcards.benchmark} "
        "--format {params.release} --source {input.source:q} "
        "--max-pixels {params.max_pixels} --images {output.images} "
        "--pairs {output.pairs} --manifest {output.manifest} 2> {log}"


def judge_on_trial(wildcards):
    """The judge whose benchmark judgments are asked for; none for the base model."""
    if (wildcards.filter == "base") != (wildcards.iteration == "0"):
        raise WorkflowError("iteration 0 is the base model, and only iteration 0 is.")
    if wildcards.filter == "base":
        return []
    return trained_judge(wildcards.iteration, wildcards.filter)


# Iteration 0 is the base model, and only there is the filter called `base`.
TRIAL = {
    "iteration": "|".join(map(str, [0, *ITERATIONS])),
    "filter": "|".join(["base", *FILTERS]),
}


rule judge_benchmark:
    """Have a judge judge one shard of a benchmark, in both orders."""
    input:
        pairs="results/benchmarks/{benchmark}.jsonl",
        # The pairs name images by content: the folder's time says nothing.
        images=ancient("results/benchmarks/{benchmark}_images"),
        judge=judge_on_trial,
        template=template("judge.txt"),
    output:
        judgments="results/iter{iteration}/{filter}/{benchmark}/{collection}/judgments/{shard}.jsonl",
    log:
        "logs/iter{iteration}/{filter}/{benchmark}/{collection}/judge_benchmark/{shard}.log",
    benchmark:
        "timings/iter{iteration}/{filter}/{benchmark}/{collection}/judge_benchmark/{shard}.tsv"
    wildcard_constraints:
        **TRIAL,
    conda:
        "../envs/model.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=64000,
        runtime=120,
    params:
        code=code("judge_pairs"),
        model=lambda wildcards: model_arguments(judge_on_trial(wildcards)),
        version=lambda wildcards: model_version(judge_on_trial(wildcards)),
        dtype=config["engine"]["dtype"],
        settings=settings(config["benchmark_judgments"], "num_samples", "sampling"),
        seed=config["seed"],
    shell:
        "python {SCRIPTS:q}/judge_pairs.py {params.model} --engine {ENGINE:q} "
        "--journal {JOURNAL} --pairs {input.pairs} --template {input.template:q} "
        "--image-root {input.images} --settings {params.settings:q} "
        "--seed {params.seed} --shard {wildcards.shard} "
        "--output {output.judgments} 2> {log}"


rule merge_benchmark_judgments:
    """All shards of a judge's judgments of a benchmark, in the order of the pairs."""
    input:
        lambda wildcards: expand(
            "results/iter{w.iteration}/{w.filter}/{w.benchmark}/{w.collection}/judgments/{shard}.jsonl",
            w=[wildcards],
            shard=shards("benchmark_judgments"),
        ),
    output:
        "results/iter{iteration}/{filter}/{benchmark}/{collection}/judgments.jsonl",
    wildcard_constraints:
        **TRIAL,
    localrule: True
    shell:
        "cat {input} > {output}"


rule score_benchmark:
    """Score one judge on one benchmark; keeps the outcome of every pair."""
    input:
        pairs="results/benchmarks/{benchmark}.jsonl",
        judgments="results/iter{iteration}/{filter}/{benchmark}/{collection}/judgments.jsonl",
    output:
        scores="results/iter{iteration}/{filter}/{benchmark}/{collection}/scores.json",
    log:
        "logs/iter{iteration}/{filter}/{benchmark}/{collection}/score_benchmark.log",
    wildcard_constraints:
        **TRIAL,
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("score_benchmark"),
    shell:
        "python {SCRIPTS:q}/score_benchmark.py --benchmark {wildcards.benchmark} "
        "--iteration {wildcards.iteration} --filter {wildcards.filter} "
        "--pairs {input.pairs} --judgments {input.judgments} "
        "--output {output.scores} 2> {log}"


def scores_path(iteration, filter_name, benchmark):
    """The scores of one judge on one benchmark."""
    return f"results/iter{iteration}/{filter_name}/{benchmark}/paired/scores.json"


def scores_at(wildcards):
    """The scores of all configured filters at an iteration; none at iteration 0."""
    if wildcards.iteration == "0":
        return []
    return [
        scores_path(wildcards.iteration, name, wildcards.benchmark)
        for name in config["filters"]
    ]


def scores_before(wildcards):
    """The scores of the same filters one iteration before, where there are any."""
    if int(wildcards.iteration) < 2:
        return []
    return [
        scores_path(int(wildcards.iteration) - 1, name, wildcards.benchmark)
        for name in config["filters"]
    ]


rule compare_scores:
    """Every configured filter beside the base model, with intervals and tests."""
    input:
        base=lambda wildcards: scores_path(0, "base", wildcards.benchmark),
        scores=scores_at,
        previous=scores_before,
    output:
        "results/iter{iteration}/{benchmark}.json",
    log:
        "logs/iter{iteration}/{benchmark}.log",
    wildcard_constraints:
        iteration=TRIAL["iteration"],
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("compare_scores"),
        scores=lambda wildcards, input: (
            f"--scores {input.scores}" if input.scores else ""
        ),
        previous=lambda wildcards, input: (
            f"--previous {input.previous}" if input.previous else ""
        ),
    shell:
        "python {SCRIPTS:q}/compare_scores.py --base {input.base} {params.scores} "
        "{params.previous} --output {output} 2> {log}"
