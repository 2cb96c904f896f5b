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
    beside = spec["path"] or ""
    if spec["format"] == "vl_rewardbench" and not beside.endswith((".json", ".jsonl")):
        return ""
    return image_version(os.path.join(os.path.dirname(spec["path"]), "images"))


def benchmark_origin(wildcards):
    """The command-line arguments that say what a release must be, where known."""
    spec = config["benchmarks"][wildcards.benchmark]
    revision = spec["revision"] if spec["path"] is None else None
    origin = {"--revision": revision, "--sha256": spec["sha256"]}
    return [text for pair in origin.items() if pair[1] for text in pair]


rule fetch_benchmark:
    """Download a benchmark's release file from the Hub (needs the network)."""
    output:
        "results/sources/benchmarks/{benchmark}.{suffix}",
    log:
        "logs/fetch_benchmark/{benchmark}.{suffix}.log",
    # Here, not on a node: nodes often have no network, and may be told so.
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("fetch_benchmark"),
        settings=lambda wildcards: settings(
            config["benchmarks"][wildcards.benchmark], "dataset", "revision", "file"
        ),
    shell:
        "HF_HUB_OFFLINE=0 {PYTHON[decide]} {SCRIPTS:q}/fetch_benchmark.py --settings {params.settings:q} "
        "--output {output} 2> {log}"


rule prepare_benchmark:
    """Turn a public release into pairs; the manifest says what came and what not."""
    input:
        source=benchmark_source,
    output:
        pairs="results/benchmarks/{benchmark}.jsonl",
        images=directory("results/benchmarks/{benchmark}_images"),
        rows="results/benchmarks/{benchmark}_rows.jsonl",
        manifest="results/benchmarks/{benchmark}_manifest.json",
    log:
        "logs/benchmarks/{benchmark}.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),  # minutes
    params:
        code=code("prepare_benchmark"),
        release=lambda wildcards: config["benchmarks"][wildcards.benchmark]["format"],
        origin=benchmark_origin,
        images=benchmark_images,
        max_pixels=config["prompts"]["limits"]["max_pixels"],
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/prepare_benchmark.py --benchmark {wildcards.benchmark} "
        "--format {params.release} --source {input.source:q} {params.origin:q} "
        "--max-pixels {params.max_pixels} --images {output.images} "
        "--pairs {output.pairs} --rows {output.rows} "
        "--manifest {output.manifest} 2> {log}"


def judge_on_trial(wildcards):
    """The judge whose benchmark judgments are asked for; none for the base model."""
    if (wildcards.filter == "base") != (wildcards.iteration == "0"):
        raise WorkflowError("iteration 0 is the base model, and only iteration 0 is.")
    if wildcards.filter == "base":
        return []
    return trained_judge(wildcards.iteration, wildcards.filter)


SAMPLING_KEYS = ("max_tokens", "temperature", "top_k", "top_p")
# Iteration 0 is the base model, and only there is the filter called `base`.
TRIAL = {
    "iteration": "|".join(map(str, [0, *ITERATIONS])),
    "filter": "|".join(["base", *FILTERS]),
}


rule blind_benchmark:
    """The pairs of a benchmark with a flat grey picture in place of each image."""
    input:
        pairs="results/benchmarks/{benchmark}.jsonl",
        images=ancient("results/benchmarks/{benchmark}_images"),
    output:
        pairs="results/benchmarks/{benchmark}_blind.jsonl",
        images=directory("results/benchmarks/{benchmark}_blind_images"),
    log:
        "logs/benchmarks/{benchmark}_blind.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),  # minutes
    params:
        code=code("blind_benchmark"),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/blind_benchmark.py --pairs {input.pairs} "
        "--images {input.images} --blind-images {output.images} "
        "--output {output.pairs} 2> {log}"


def shown(wildcards):
    """The name of the pairs and images that a collection shows to a judge."""
    is_blind = wildcards.collection == "blind"
    return f"results/benchmarks/{wildcards.benchmark}{'_blind' * is_blind}"


def asked_settings(wildcards):
    """The number of samples and their sampling, as JSON; one greedy sample is all."""
    asked = config["benchmark_judgments"]
    if wildcards.collection == "greedy":
        greedy = {"temperature": 0, "top_k": 0, "top_p": 1.0}
        asked = {"num_samples": 1, "sampling": asked["sampling"] | greedy}
    return settings(asked, "num_samples", "sampling")


rule judge_benchmark:
    """Have a judge judge one shard of a benchmark, in both orders."""
    input:
        pairs=lambda wildcards: f"{shown(wildcards)}.jsonl",
        # The pairs name images by content: the folder's time says nothing.
        images=lambda wildcards: ancient(f"{shown(wildcards)}_images"),
        judge=judge_on_trial,
        base=lambda wildcards: asked_base(judge_on_trial(wildcards)),
        template=template("judge.txt"),
    output:
        judgments="results/iter{iteration}/{filter}/{benchmark}/{collection}/judgments/{shard}.jsonl",
    log:
        "logs/iter{iteration}/{filter}/{benchmark}/{collection}/judge_benchmark/{shard}.log",
    benchmark:
        "timings/iter{iteration}/{filter}/{benchmark}/{collection}/judge_benchmark/{shard}.tsv"
    wildcard_constraints:
        **TRIAL,
        collection="paired|greedy|blind",
    conda:
        GENERATING
    threads: 8
    resources:
        gpu=GPUS,
        mem_mb=growing(64000),
        runtime=growing(120),  # minutes
    params:
        code=model_code("judge_pairs"),
        model=lambda wildcards: model_arguments(judge_on_trial(wildcards)),
        version=lambda wildcards: model_version(judge_on_trial(wildcards)),
        dtype=config["engine"]["dtype"],
        settings=asked_settings,
        seed=config["seed"],
        ledger=ledger,
    shell:
        "{PYTHON[generate]} {SCRIPTS:q}/judge_pairs.py {params.model} --engine {ENGINE:q} "
        "--journal {JOURNAL} --ledger {params.ledger} "
        "--pairs {input.pairs} --template {input.template:q} "
        "--image-root {input.images} --settings {params.settings:q} "
        "--seed {params.seed} --shard {wildcards.shard} "
        "--output {output.judgments} 2> {log}"


def asking(wildcards):
    """How the authors of a benchmark ask for judgments."""
    return OFFICIAL[config["benchmarks"][wildcards.benchmark]["format"]]


def official_settings(wildcards):
    """The number of votes on a pair and their sampling, as JSON."""
    spec = asking(wildcards)
    sampling = {name: getattr(spec.sampling, name) for name in SAMPLING_KEYS}
    num_votes = spec.num_votes or config["official_judgments"]["num_votes"]
    return settings({"num_samples": num_votes, "sampling": sampling})


rule judge_official:
    """Have a judge judge one shard of a benchmark as its authors ask."""
    input:
        pairs="results/benchmarks/{benchmark}.jsonl",
        rows="results/benchmarks/{benchmark}_rows.jsonl",
        images=ancient("results/benchmarks/{benchmark}_images"),
        judge=judge_on_trial,
        base=lambda wildcards: asked_base(judge_on_trial(wildcards)),
        template=lambda wildcards: here(
            os.path.join("scripts", "templates", asking(wildcards).template)
        ),
    output:
        judgments="results/iter{iteration}/{filter}/{benchmark}/{collection}/judgments/{shard}.jsonl",
    log:
        "logs/iter{iteration}/{filter}/{benchmark}/{collection}/judge_official/{shard}.log",
    benchmark:
        "timings/iter{iteration}/{filter}/{benchmark}/{collection}/judge_official/{shard}.tsv"
    wildcard_constraints:
        **TRIAL,
        collection="official",
    conda:
        GENERATING
    threads: 8
    resources:
        gpu=GPUS,
        mem_mb=growing(64000),
        runtime=growing(120),  # minutes
    params:
        code=model_code("judge_official"),
        model=lambda wildcards: model_arguments(judge_on_trial(wildcards)),
        version=lambda wildcards: model_version(judge_on_trial(wildcards)),
        dtype=config["engine"]["dtype"],
        order=lambda wildcards: asking(wildcards).order,
        settings=official_settings,
        seed=config["seed"],
        ledger=ledger,
    shell:
        "{PYTHON[generate]} {SCRIPTS:q}/judge_official.py {params.model} --engine {ENGINE:q} "
        "--journal {JOURNAL} --ledger {params.ledger} "
        "--pairs {input.pairs} --rows {input.rows} "
        "--template {input.template:q} --order {params.order} "
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
        rows="results/benchmarks/{benchmark}_rows.jsonl",
        manifest="results/benchmarks/{benchmark}_manifest.json",
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
        mem_mb=growing(2000),
        runtime=growing(30),  # minutes
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
    if COLLECTIONS[name] != collection or OWN_PROTOCOL[collection] == name:
        raise WorkflowError(
            f"the judgments '{collection}' cannot be scored again under '{name}': "
            f"it scores '{COLLECTIONS[name]}'."
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
    collection = COLLECTIONS[protocol]
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


rule compare_scores:
    """Every configured filter beside the base model, with intervals and tests."""
    input:
        base=scores_of_base,
        scores=scores_at,
        previous=scores_before,
        leaderboard=here("scripts/selfjudge/benchmarks/leaderboard.yaml"),
    output:
        "results/iter{iteration}/{benchmark}.json",
    log:
        "logs/iter{iteration}/{benchmark}.log",
    wildcard_constraints:
        iteration=TRIAL["iteration"],
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),  # minutes
    params:
        code=code("compare_scores"),
        scores=lambda wildcards, input: (
            f"--scores {input.scores}" if input.scores else ""
        ),
        previous=lambda wildcards, input: (
            f"--previous {input.previous}" if input.previous else ""
        ),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/compare_scores.py --base {input.base} {params.scores} "
        "{params.previous} --leaderboard {input.leaderboard:q} --output {output} "
        "2> {log}"


use rule compare_scores as compare_protocol with:
    output:
        "results/iter{iteration}/{benchmark}_{protocol}.json",
    log:
        "logs/iter{iteration}/{benchmark}_{protocol}.log",
