# Rules of the embedded panel alone: the world that its members see.
PANEL_DEMO = os.path.relpath(Path(workflow.current_basedir).parent)


rule make_panel_world:
    """Render images; write prompts for three iterations, and questions of skills."""
    output:
        prompts="data/prompts.jsonl",
        skills="data/skills.jsonl",
        images=directory("data/images"),
    log:
        "logs/make_panel_world.log",
    conda:
        "../../envs/decide.yaml"
    params:
        code=code_fingerprint(
            Path(workflow.current_basedir).parent / "make_panel_world.py"
        ),
        seed=config["seed"],
        num_prompts=3 * config["pool"]["prompts_per_iteration"],
        num_skills=500,
    shell:
        "{PYTHON[decide]} {PANEL_DEMO:q}/make_panel_world.py --seed {params.seed} "
        "--num-prompts {params.num_prompts} --num-skills {params.num_skills} "
        "--out data 2> {log}"
