PROBE = "results/probe"
PROBED = ["prompts", "responses", "altered", "pairs", "dropped_pairs", "judgments"]
PROBED += ["checks"] if IS_CHECKED else []


def probe_recipe():
    """What iteration 1 asks, and how it pairs, by the filter that asks first."""
    return json.dumps(
        {
            "responses": json.loads(
                settings(config["responses"], "num_samples", "sampling")
            ),
            "alterations": json.loads(settings(config["alterations"], "sampling")),
            "pairs": config["pairs"],
            "filter": json.loads(as_json(FILTER_SPECS[first_asked(config["filters"])])),
            "judgments": json.loads(
                as_json(asking_of("paired", read_samples(config["judgments"])))
            ),
        },
        sort_keys=True,
    )


rule probe_model:
    """Ask the base model a little of what iteration 1 will ask it, in one job."""
    input:
        prompts="results/iter1/prompts.jsonl",
        base=asked_base([]),
    output:
        expand("{folder}/{name}.jsonl", folder=PROBE, name=PROBED),
        shown=f"{PROBE}/shown.txt",
    log:
        "logs/probe_model.log",
    benchmark:
        "timings/probe/probe_model.tsv"
    conda:
        GENERATING
    threads: 8 * GPUS
    resources:
        **MODEL_JOB,
    params:
        **asks_model("probe_model", ledger="results/ledgers/probe"),
        **reads(
            templates=[
                template(name)
                for name in ("respond_open.txt", "respond_closed.txt", "judge.txt")
            ],
            alter=alter_templates(),
            check=[template("check.txt")] if IS_CHECKED else [],
        ),
        recipe=probe_recipe(),
        num_prompts=config["probe"]["num_prompts"],
        image_root=config["image_root"],
        seed=config["seed"],
        folder=PROBE,
    shell:
        "exec {PYTHON[generate]} {SCRIPTS:q}/probe_model.py {params.model} "
        "--engine {ENGINE:q} --journal {JOURNAL} --ledger {params.ledger} "
        "--gpus {resources.gpu} --prompts {input.prompts} --num-prompts {params.num_prompts} "
        "--templates {params.templates:q} --alter-templates {params.alter:q} "
        + ("--check-template {params.check:q} " if IS_CHECKED else "")
        + "--image-root {params.image_root:q} --recipe {params.recipe:q} "
        "--seed {params.seed} --output {params.folder} 2> {log}"


rule report_probe:
    """What the probe found, warnings first: as counts, and for people."""
    input:
        rules.probe_model.output,
    output:
        report=f"{PROBE}/report.json",
        text=f"{PROBE}/report.txt",
    log:
        "logs/report_probe.log",
    # Light: here, not on a node.
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("report_probe"),
        bounds=settings(config["probe"]),
        folder=PROBE,
        ledgers="results/ledgers/probe",
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/report_probe.py --probe {params.folder} "
        "--ledgers {params.ledgers} --bounds {params.bounds:q} "
        "--report {output.report} --text {output.text} 2> {log}"


rule probe:
    """Print what the probe found, and what the run costs by its measure."""
    input:
        rules.report_probe.output.text,
    localrule: True
    params:
        config=json.dumps(config),
        slots=lambda wildcards: slots(),
        targets="",
    shell:
        "cat {input} && {sys.executable:q} {SCRIPTS:q}/plan_run.py "
        "--slots {params.slots} --config {params.config:q} {params.targets}"


use rule probe as probe_judge with:
    localrule: True
    params:
        config=json.dumps(config),
        slots=lambda wildcards: slots(),
        targets="judge",
