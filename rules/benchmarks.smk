def release_format(benchmark):
    """What is known of the format of a benchmark's release."""
    return FORMATS[config["benchmarks"][benchmark]["format"]]


def official_asking(benchmark):
    """How the authors of a benchmark ask about it; None if they do not."""
    return OFFICIAL.get(config["benchmarks"][benchmark]["format"])


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
    path = spec["path"] or ""
    if not path or path.endswith(".parquet"):
        return ""
    folder = release_format(wildcards.benchmark).image_folder
    return image_version(os.path.join(os.path.dirname(path), folder))


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
        mem_mb=4000,
        runtime=60,  # minutes
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
        mem_mb=4000,
        runtime=60,  # minutes
    params:
        code=code("blind_benchmark"),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/blind_benchmark.py --pairs {input.pairs} "
        "--images {input.images} --blind-images {output.images} "
        "--output {output.pairs} 2> {log}"


def is_at_hand(benchmark):
    """Whether a release is on the Hub, on this disk, made by a rule, or prepared."""
    path = config["benchmarks"][benchmark]["path"]
    return (
        path is None
        or os.path.exists(path)
        or os.path.exists(f"results/benchmarks/{benchmark}.jsonl")
        or any(rule.is_producer(path) for rule in workflow.rules)
    )


def asks_path(benchmark, collection):
    """What a collection asks about a benchmark, whoever the judge."""
    return f"results/benchmarks/{benchmark}_{collection}_asks.jsonl"


def is_asked(benchmark, collection):
    """Whether judges are asked for a collection: decided when a run is planned.

    A job of the run knows it by the asks, which were made before it: a release that
    comes while the run goes on must not become part of it.
    """
    if workflow.is_main_process:
        return is_at_hand(benchmark)
    return os.path.exists(asks_path(benchmark, collection))


CONFIGURED = [
    (name, collection)
    for name in BENCHMARKS
    for collection in collections_of(config["benchmarks"][name])
]
# All of these are asked in one job of each judge.  A release that is not at hand is
# left out, and named when somebody wants its scores.
ASKED = [asked for asked in CONFIGURED if is_asked(*asked)] or CONFIGURED


def shown(benchmark, collection):
    """The name of the pairs and images that a collection shows to a judge."""
    return f"results/benchmarks/{benchmark}{'_blind' * (collection == 'blind')}"


def benchmark_asking(wildcards):
    """How a collection asks about a benchmark."""
    return asking_of(
        wildcards.collection,
        read_samples(config["benchmark_judgments"]),
        official_asking(wildcards.benchmark),
        config["official_judgments"]["num_votes"],
    )


def rows_to_ask(wildcards):
    """The rows of a release, where it is asked about in the release's order."""
    if benchmark_asking(wildcards).orders != "release":
        return []
    return f"results/benchmarks/{wildcards.benchmark}_rows.jsonl"


use rule ask_judge as ask_benchmark with:
    input:
        pairs=lambda wildcards: f"{shown(wildcards.benchmark, wildcards.collection)}.jsonl",
        rows=rows_to_ask,
    output:
        asks_path("{benchmark}", "{collection}"),
    log:
        "logs/benchmarks/{benchmark}_{collection}_asks.log",
    localrule: True  # it is not inherited
    params:
        asking=lambda wildcards: as_json(benchmark_asking(wildcards)),
        rows=lambda wildcards, input: f"--rows {input.rows}" if input.rows else "",


def asked_templates():
    """The templates that the asks of all benchmarks name."""
    samples = read_samples(config["benchmark_judgments"])
    official = {official_asking(name).template for name, c in ASKED if c == "official"}
    ours = {asking_of(c, samples).template for _, c in ASKED if c != "official"}
    by_criterion = {
        CRITERION_TEMPLATES[asking_of(c, samples).template]
        for name, c in ASKED
        if c != "official" and release_format(name).has_criteria
    }
    return [
        *(template(name) for name in sorted(ours | by_criterion)),
        *(here(f"scripts/templates/official/{name}") for name in sorted(official)),
    ]


def benchmark_parts(wildcards, input, output):
    """The command-line arguments that name each collection's files."""
    return " ".join(
        f"--part {' '.join(files)}"
        for files in zip(input.asks, input.pairs, input.images, output)
    )


def benchmark_ledger(wildcards):
    """The ledger of a judge's judgments of all benchmarks."""
    place = f"iter{wildcards.iteration}/{wildcards.filter}/benchmarks"
    return f"results/ledgers/{place}/{wildcards.shard}.jsonl"


use rule judge_pairs as judge_benchmarks with:
    input:
        asks=[asks_path(*asked) for asked in ASKED],
        pairs=[f"{shown(*asked)}.jsonl" for asked in ASKED],
        # The pairs name images by content: the folder's time says nothing.
        images=ancient([f"{shown(*asked)}_images" for asked in ASKED]),
        judge=scored_judge,
        base=lambda wildcards: asked_base(scored_judge(wildcards)),
    output:
        [
            f"results/iter{{iteration}}/{{filter}}/{name}/{c}/judgments/{{shard}}.jsonl"
            for name, c in ASKED
        ],
    log:
        "logs/iter{iteration}/{filter}/judge_benchmarks/{shard}.log",
    benchmark:
        "timings/iter{iteration}/{filter}/judge_benchmarks/{shard}.tsv"
    wildcard_constraints:
        **BASE_OR_TRAINED,
    params:
        **asks_model("judge_pairs", scored_judge, benchmark_ledger),
        **reads(templates=asked_templates()),
        stage="judge_benchmarks",
        image_root="",
        parts=benchmark_parts,


def benchmark_shards(wildcards):
    """All shards of a judge's judgments of a benchmark, if any are asked for."""
    name, collection = wildcards.benchmark, wildcards.collection
    if (name, collection) in ASKED:
        return expand(
            "results/iter{w.iteration}/{w.filter}/{w.benchmark}/{w.collection}/judgments/{shard}.jsonl",
            w=[wildcards],
            shard=shards("benchmark_judgments"),
        )
    if not is_at_hand(name):
        raise WorkflowError(
            f"{CONFIG_PLACE}: 'benchmarks.{name}.path' must exist (got "
            f"{config['benchmarks'][name]['path']!r}, which does not). Hint: "
            "docs/benchmarks.md says how to get the release."
        )
    raise WorkflowError(
        f"{CONFIG_PLACE}: 'benchmarks.{name}.protocols' must name a protocol of the "
        f"collection '{collection}' before a judge can be asked for it (got "
        f"{config['benchmarks'][name]['protocols']})."
    )


rule merge_benchmark_judgments:
    """All shards of a judge's judgments of a benchmark, in the order of the pairs."""
    input:
        benchmark_shards,
    output:
        "results/iter{iteration}/{filter}/{benchmark}/{collection}/judgments.jsonl",
    wildcard_constraints:
        **BASE_OR_TRAINED,
    localrule: True
    shell:
        "cat {input} > {output}"
