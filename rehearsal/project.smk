# Rules of the rehearsal alone; the Snakefile includes a project's project.smk.


rule make_images:
    """Render a few images for all prompts, and two benchmarks of the public sizes.

    The world's own prompts stay beside them; nobody reads them.
    """
    output:
        images=directory("data/world/images"),
        vlrb="data/world/vlrb/test.parquet",
        mmrb="data/world/mmrb/all_data.json",
        mmrb_images=directory("data/world/mmrb/images"),
    log:
        "logs/make_images.log",
    conda:
        str(Path(workflow.basedir, "envs", "decide.yaml"))
    params:
        code=code_fingerprint(Path(workflow.basedir, "demo", "make_world.py")),
        # Rows that the releases have (docs/benchmarks.md).
        num_vlrb=1247,
        num_mmrb=4711,
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/../demo/make_world.py "
        "--num-closed 200 --num-open 100 "
        "--num-vlrb {params.num_vlrb} --num-mmrb {params.num_mmrb} "
        "--out data/world &> {log}"


rule make_prompts:
    """Write as many prompts about these images as the config says."""
    input:
        images=ancient("data/world/images"),
    output:
        prompts="data/prompts.jsonl",
    log:
        "logs/make_prompts.log",
    conda:
        str(Path(workflow.basedir, "envs", "decide.yaml"))
    params:
        code=code_fingerprint(Path("make_prompts.py").resolve()),
        number=config["prompts"]["sources"][0]["num_prompts"],
    shell:
        "{PYTHON[decide]} make_prompts.py --scripts {SCRIPTS:q} "
        "--images {input.images} --num-prompts {params.number} "
        "--prompts {output.prompts} 2> {log}"


ruleorder: rehearse_training > train_judge


rule rehearse_training:
    """Read and check the rows that a training would take; there are no weights."""
    input:
        accepted="results/iter{iteration}/{filter}/accepted.jsonl",
        judge=start_of_training,
    output:
        judge=directory("results/iter{iteration}/{filter}/judge"),
        version="results/iter{iteration}/{filter}/judge.json",
    log:
        "logs/iter{iteration}/{filter}/rehearse_training.log",
    conda:
        str(Path(workflow.basedir, "envs", "train.yaml"))
    params:
        code=code_fingerprint(Path("rehearse_training.py").resolve()),
        image_root=config["image_root"],
    shell:
        "{PYTHON[train]} rehearse_training.py --scripts {SCRIPTS:q} "
        "--accepted {input.accepted} --image-root {params.image_root:q} "
        "--output {output.judge} --version {output.version} 2> {log}"
