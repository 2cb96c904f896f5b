FETCHED = "results/sources/base_model.json"


rule fetch_model:
    """Download the base model into the Hub's cache (needs the network)."""
    output:
        FETCHED,
    log:
        "logs/fetch_model.log",
    # Here, not on a node: nodes often have no network, and may be told so.
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        model=model_arguments([]),
    shell:
        "HF_HUB_OFFLINE=0 {PYTHON[decide]} {SCRIPTS:q}/fetch_model.py {params.model} "
        "--output {output} 2> {log}"


def fetched_base(judge):
    """The mark that a Hub model was fetched, for a stage that starts from the base.

    None for a folder, or where a judge is started from.  Its time says nothing:
    `base_version` tells what the base model is.
    """
    is_there = is_folder(config["base_model"].partition("@")[0])
    return [] if judge or is_there else ancient(FETCHED)


def asked_base(judge):
    """As `fetched_base`, for a stage that asks; none if no model runs in the job."""
    return fetched_base(judge) if engine_runs_model(config["engine"]["name"]) else []
