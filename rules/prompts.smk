from selfjudge.run.config import source_file


def sources_of(kind):
    """The sources of a kind, by name."""
    sources = config["prompts"]["sources"]
    return {one["name"]: one for one in sources if one["kind"] == kind}


def hub_settings(wildcards):
    """What of a Hub source decides what is fetched."""
    source = {"subsets": None, "revision": None} | sources_of("hub")[wildcards.source]
    return settings(source, "dataset", "revision", "subsets", "num_prompts")


rule fetch_prompts:
    """Stream prompts of a Hub data set and save their images (needs the network)."""
    output:
        prompts="results/sources/{source}.jsonl",
    log:
        "logs/fetch_prompts/{source}.log",
    wildcard_constraints:
        source="|".join(sources_of("hub")) or "(?!)",
    # Here, not on a node: nodes often have no network, and may be told so.
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("fetch_prompts"),
        settings=hub_settings,
        # No output: Snakemake empties a folder that a failed job has written, and
        # this one may hold the user's images, and those fetched so far.
        images=lambda wildcards: os.path.join(config["image_root"], wildcards.source),
    shell:
        "HF_HUB_OFFLINE=0 {PYTHON[decide]} {SCRIPTS:q}/fetch_prompts.py --settings {params.settings:q} --seed "
        f"{config['seed']} "
        "--images {params.images:q} --prompts {output.prompts} 2> {log}"


def rows_path(wildcards):
    """The file or folder of a source of rows in another shape."""
    return sources_of("rows")[wildcards.source]["path"]


rule convert_prompts:
    """Write rows of another shape as prompts, their images below the image root."""
    input:
        # A folder's time says nothing: `version` tells whether its content changed.
        rows=lambda wildcards: (
            ancient(rows_path(wildcards))
            if os.path.isdir(rows_path(wildcards))
            else rows_path(wildcards)
        ),
    output:
        prompts="results/sources/{source}.jsonl",
    log:
        "logs/convert_prompts/{source}.log",
    wildcard_constraints:
        source="|".join(sources_of("rows")) or "(?!)",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=4000,
        runtime=120,  # minutes
    params:
        code=code("convert_prompts"),
        version=lambda wildcards: (
            image_version(rows_path(wildcards))
            if os.path.isdir(rows_path(wildcards))
            else ""
        ),
        # No output, as above: it may hold the user's images.
        images=lambda wildcards: os.path.join(config["image_root"], wildcards.source),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/convert_prompts.py --rows {input.rows:q} "
        "--images {params.images:q} --prompts {output.prompts} 2> {log}"


# Benchmarks that are configured, and left out of the pool.
KEPT_OUT = [name for name in config["prompts"]["keep_out"] if name in BENCHMARKS]


rule import_prompts:
    """Check, route and number the prompts of all sources."""
    input:
        sources=[source_file(source) for source in config["prompts"]["sources"]],
        keep_out=expand("results/benchmarks/{name}.jsonl", name=KEPT_OUT),
        keep_out_images=ancient(
            expand("results/benchmarks/{name}_images", name=KEPT_OUT)
        ),
    output:
        prompts="results/prompts.jsonl",
        dropped="results/dropped_prompts.jsonl",
        aside="results/prompt_fields.jsonl",
        report="results/prompts_report.json",
    log:
        "logs/import_prompts.log",
    conda:
        "../envs/decide.yaml"
    threads: 4
    resources:
        mem_mb=4000,
        runtime=120,  # minutes
    params:
        code=code("import_prompts"),
        names=[source["name"] for source in config["prompts"]["sources"]],
        limits=settings(config["prompts"]["limits"]),
        image_root=config["image_root"],
        images=lambda wildcards: image_version(config["image_root"]),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/import_prompts.py --sources {input.sources:q} "
        "--names {params.names:q} "
        "--image-root {params.image_root:q} --limits {params.limits:q} {POOL} "
        "{HELD_OUT_AT} "
        "--threads {threads} --prompts {output.prompts} "
        "--keep-out {input.keep_out} --keep-out-images {input.keep_out_images} "
        "--dropped {output.dropped} --aside {output.aside} "
        "--report {output.report} 2> {log}"


rule select_prompts:
    """Select this iteration's prompts from the pool."""
    input:
        prompts="results/prompts.jsonl",
    output:
        prompts="results/iter{iteration}/prompts.jsonl",
    log:
        "logs/iter{iteration}/select_prompts.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=2000,
        runtime=30,  # minutes
    params:
        code=code("select_prompts"),
        seed=config["seed"],
        prompts_per_iteration=config["pool"]["prompts_per_iteration"],
        held_out=HELD_OUT,
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/select_prompts.py --prompts {input.prompts} "
        "--iteration {wildcards.iteration} {POOL} {params.held_out} "
        "--seed {params.seed} --output {output.prompts} 2> {log}"
