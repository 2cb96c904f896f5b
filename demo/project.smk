# Rules of the embedded run alone; the Snakefile includes a project's project.smk.
# The runs of `make demo-seeds` include it too: the scripts lie beside this file.
DEMO = os.path.relpath(workflow.current_basedir)


rule make_world:
    """Render the world's images; write prompts and two benchmarks with known answers."""
    output:
        prompts="data/prompts.jsonl",
        scenes="data/scenes.jsonl",
        images=directory("data/images"),
        vlrb="data/vlrb/test.parquet",
        mmrb="data/mmrb/all_data.json",
        mmrb_images=directory("data/mmrb/images"),
    log:
        "logs/make_world.log",
    conda:
        "../envs/decide.yaml"
    params:
        code=code_fingerprint(Path(workflow.current_basedir, "make_world.py")),
        seed=config["seed"],
        num_closed=1600,
        num_open=800,
        num_vlrb=420,
        num_mmrb=200,
    shell:
        "python {DEMO:q}/make_world.py --seed {params.seed} --num-closed {params.num_closed} "
        "--num-open {params.num_open} --num-vlrb {params.num_vlrb} "
        "--num-mmrb {params.num_mmrb} --out data 2> {log}"
