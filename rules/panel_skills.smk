# What members can do, before and after: questions whose answers are known.
rule prepare_skills:
    """Check and number the questions by which members are measured."""
    input:
        questions=PANEL["skills"]["path"] or [],
        pool="results/prompts.jsonl",
    output:
        skills="results/panel/skills.jsonl",
        dropped="results/panel/dropped_skills.jsonl",
    log:
        "logs/panel/prepare_skills.log",
    conda:
        "../envs/decide.yaml"
    threads: 4
    resources:
        mem_mb=4000,
        runtime=120,  # minutes
    params:
        code=code("prepare_skills"),
        limits=settings(config["prompts"]["limits"]),
        image_root=config["image_root"],
        images=lambda wildcards: image_version(config["image_root"]),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/prepare_skills.py "
        "--questions {input.questions:q} --pool {input.pool} "
        "--image-root {params.image_root:q} --limits {params.limits:q} "
        "--threads {threads} --output {output.skills} "
        "--dropped {output.dropped} 2> {log}"


rule answer_benchmark:
    """Have a member answer the questions, greedily and sampled."""
    input:
        questions="results/panel/skills.jsonl",
        model=after,
        base=fetched_member(after),
    output:
        greedy=f"{FOLDER}/{{member}}/skills/greedy/{{shard}}.jsonl",
        sampled=f"{FOLDER}/{{member}}/skills/sampled/{{shard}}.jsonl",
    log:
        "logs/panel/iter{iteration}/{ballot}/{member}/answer_benchmark/{shard}.log",
    benchmark:
        "timings/panel/iter{iteration}/{ballot}/{member}/answer_benchmark/{shard}.tsv"
    wildcard_constraints:
        **AT_ANY,
    conda:
        lambda wildcards: PANEL_ENVIRONMENTS[wildcards.member]
    threads: cpus_of_member
    resources:
        **MEMBER_JOB,
    params:
        **asks_member("answer_prompts", after),
        **reads(templates=AS_ASKED),
        samples=samples_json(PANEL["skills"]["num_samples"], SAMPLED),
        greedy=GREEDY_JSON,
    shell:
        ask_member("answer_prompts")
        + "--stage answer_benchmark --prompts {input.questions} "
        "--templates {params.templates:q} "
        "--part {params.greedy:q} {output.greedy} "
        "--part {params.samples:q} {output.sampled} 2> {log}"


rule score_answers:
    """Score one member's answers; keeps the outcome of every question."""
    input:
        questions="results/panel/skills.jsonl",
        # One job a member: the config does not tell how many questions there are, and
        # the pool's number of jobs would load a model for a few each.
        greedy=f"{FOLDER}/{{member}}/skills/greedy/1of1.jsonl",
        sampled=f"{FOLDER}/{{member}}/skills/sampled/1of1.jsonl",
    output:
        f"{FOLDER}/{{member}}/skills.json",
    log:
        "logs/panel/iter{iteration}/{ballot}/{member}/score_answers.log",
    wildcard_constraints:
        **AT_ANY,
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("score_answers"),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/score_answers.py "
        "--iteration {wildcards.iteration} --ballot {wildcards.ballot} "
        "--member {wildcards.member} --questions {input.questions} "
        "--greedy {input.greedy} --sampled {input.sampled} "
        "--output {output} 2> {log}"


rule compare_members:
    """All ballots' members at an iteration beside themselves at iteration 0."""
    input:
        questions="results/panel/skills.jsonl",
        base=[f"results/panel/iter0/base/{name}/skills.json" for name in MEMBERS],
        scores=lambda wildcards: expand(
            "results/panel/iter{iteration}/{ballot}/{member}/skills.json",
            iteration=wildcards.iteration,
            ballot=PANEL["ballots"] if wildcards.iteration != "0" else [],
            member=MEMBERS,
        ),
        # Read by nobody here: who has skills wants to know what they came from.
        reports=lambda wildcards: ancient(
            expand(
                f"{FOLDER}/panel_report.json",
                iteration=range(1, int(wildcards.iteration) + 1),
                ballot=PANEL["ballots"],
            )
        ),
    output:
        "results/panel/iter{iteration}/skills.json",
    log:
        "logs/panel/iter{iteration}/compare_members.log",
    wildcard_constraints:
        **AT_ANY,
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("compare_members"),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/compare_members.py "
        "--iteration {wildcards.iteration} --questions {input.questions} "
        "--base {input.base} --scores {input.scores} --output {output} 2> {log}"


LMMS_EVAL = PANEL["skills"]["lmms_eval"]


# Not every class of lmms-eval takes a revision (its `huggingface` takes none): it is
# given the folder that `fetch_member` filled.
FIND_SNAPSHOT = """
import sys
from huggingface_hub import snapshot_download
print(snapshot_download(*sys.argv[1:2], revision=(sys.argv[2:] or [None])[0], local_files_only=True))
"""


def lmms_model(wildcards):
    """The member's folder as a word of a shell; that of a Hub id is found by the job."""
    trained = after(wildcards)
    model, _, revision = RATERS[wildcards.member]["base_model"].partition("@")
    if trained or is_folder(model):
        return shlex.quote(trained[0] if trained else model)
    named = " ".join(map(shlex.quote, filter(None, (model, revision))))
    return f'"$({PYTHON["evaluate"]} -c {shlex.quote(FIND_SNAPSHOT)} {named})"'


rule run_lmms_eval:
    """Have lmms-eval measure a member on public benchmarks; what it writes is kept."""
    input:
        model=after,
        base=fetched_member(after, trains=True),
    output:
        directory(f"{FOLDER}/{{member}}/lmms_eval"),
    log:
        "logs/panel/iter{iteration}/{ballot}/{member}/run_lmms_eval.log",
    benchmark:
        "timings/panel/iter{iteration}/{ballot}/{member}/run_lmms_eval.tsv"
    wildcard_constraints:
        **AT_ANY,
    conda:
        "../envs/lmms_eval.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=64000,
        runtime=720,  # minutes
    params:
        version=asks_member("answer_prompts", after)["version"],
        kind=lambda wildcards: RATERS[wildcards.member]["lmms_eval_model"],
        model=lmms_model,
        more=f",{LMMS_EVAL['model_args']}" if LMMS_EVAL["model_args"] else "",
        tasks=",".join(LMMS_EVAL["tasks"]),
        batch_size=LMMS_EVAL["batch_size"],
    shell:
        # It ends as if all were well when it failed.
        "{PYTHON[evaluate]} -m lmms_eval --model {params.kind:q} "
        "--model_args pretrained={params.model}{params.more:q} "
        "--tasks {params.tasks:q} --batch_size {params.batch_size} "
        "--output_path {output} > {log} 2>&1; "
        "[ -d {output} ] || {{ echo 'lmms-eval wrote no results' >> {log}; exit 1; }}"


rule compare_public_skills:
    """What lmms-eval says of all ballots' members, beside iteration 0."""
    input:
        base=[f"results/panel/iter0/base/{name}/lmms_eval" for name in MEMBERS],
        results=lambda wildcards: expand(
            "results/panel/iter{iteration}/{ballot}/{member}/lmms_eval",
            iteration=wildcards.iteration,
            ballot=PANEL["ballots"] if wildcards.iteration != "0" else [],
            member=MEMBERS,
        ),
    output:
        "results/panel/iter{iteration}/public_skills.json",
    log:
        "logs/panel/iter{iteration}/compare_public_skills.log",
    wildcard_constraints:
        **AT_ANY,
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("compare_public_skills"),
        tasks=LMMS_EVAL["tasks"],
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/compare_public_skills.py "
        "--iteration {wildcards.iteration} --tasks {params.tasks:q} "
        "--base {input.base} --results {input.results} --output {output} 2> {log}"
