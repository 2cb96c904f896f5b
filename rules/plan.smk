def slots():
    """How many jobs of models may run at once: GPUs where they are limited, or -j."""
    at_once = workflow.nodes or workflow.cores or 1
    limit = workflow.global_resources.get("gpu")
    return min(at_once, (limit.value if limit else 0) or at_once)


rule plan:
    """What a run still costs, from the stale stages alone; starts nothing."""

    # Snakemake's own Python: the plan asks Snakemake what is stale.
    localrule: True
    params:
        config=json.dumps(config),
        slots=lambda wildcards: slots(),
    shell:
        "{sys.executable:q} {SCRIPTS:q}/plan_run.py --slots {params.slots} "
        "--config {params.config:q}"


rule check_site:
    """Which keys of site.yaml and local.yaml cannot work on this cluster."""
    localrule: True
    shell:
        "{sys.executable:q} {SCRIPTS:q}/check_site.py"


rule status:
    """How far a run is; beside a running one: --nolock, or scripts/show_status.py."""
    localrule: True
    params:
        config=json.dumps(config),
        slots=lambda wildcards: slots(),
    shell:
        "{sys.executable:q} {SCRIPTS:q}/show_status.py . --slots {params.slots} "
        "--config {params.config:q}"
