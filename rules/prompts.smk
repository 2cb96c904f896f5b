def source_path(source):
    """The file of a prompt source: the user's own, or the one that is fetched."""
    if source["kind"] == "jsonl":
        return source["path"]
    return f"results/sources/{source['name']}.jsonl"


def hub_source(wildcards):
    """The config of a Hub source."""
    named = {source["name"]: source for source in config["prompts"]["sources"]}
    return named[wildcards.source]


rule fetch_prompts:
    """Stream prompts of a Hub data set and save their images (needs the network)."""
    output:
        prompts="results/sources/{source}.jsonl",
    log:
        "logs/fetch_prompts/{source}.log",
    # Here, not on a node: nodes often have no network, and may be told so.
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("fetch_prompts"),
        settings=lambda wildcards: settings(
            hub_source(wildcards), "dataset", "revision", "subsets", "num_prompts"
        ),
        # No output: Snakemake empties a folder that a failed job has written, and
        # this one may hold the user's images, and those fetched so far.
        images=lambda wildcards: os.path.join(config["image_root"], wildcards.source),
    shell:
        "HF_HUB_OFFLINE=0 {PYTHON[decide]} {SCRIPTS:q}/fetch_prompts.py --settings {params.settings:q} --seed "
        f"{config['seed']} "
        "--images {params.images:q} --prompts {output.prompts} 2> {log}"


rule import_prompts:
    """Check, route and number the prompts of all sources."""
    input:
        sources=[source_path(source) for source in config["prompts"]["sources"]],
    output:
        prompts="results/prompts.jsonl",
        dropped="results/dropped_prompts.jsonl",
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
        "--threads {threads} --prompts {output.prompts} "
        "--dropped {output.dropped} --report {output.report} 2> {log}"


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
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/select_prompts.py --prompts {input.prompts} "
        "--iteration {wildcards.iteration} {POOL} "
        "--seed {params.seed} --output {output.prompts} 2> {log}"
