# Panel of Peers: members answer, rate each other, and each learns from the ratings.
# Everything lies below results/panel/iter{iteration}/{ballot}/{member}; at iteration 1
# all ballots share the answers and ratings of the members as they came, `base`.
from itertools import chain

from selfjudge.panel.ballots import BALLOTS
from selfjudge.run.config import lay_over

PANEL = config["panel"]
PANEL_ITERATIONS = range(1, PANEL["iterations"] + 1)
# Each of the panel as a config of its own: what it does not say holds of all.
RATERS = {
    name: lay_over(
        {
            "base_family": None,
            "engine": config["engine"],
            "interpreters": config["interpreters"],
            "scores_only": False,
            "lmms_eval_model": PANEL["skills"]["lmms_eval"]["model"],
        },
        own,
    )
    for name, own in PANEL["members"].items()
}
# Who answers and learns; the others are judges that only compare.
MEMBERS = [name for name, own in RATERS.items() if not own["scores_only"]]
SCORERS = [name for name in RATERS if name not in MEMBERS]
# The ballot whose number of preferences `random` is cut to.
FIRST_RATED = next((n for n in PANEL["ballots"] if BALLOTS[n].wording), None)
AS_ASKED = [template("respond_open.txt"), template("respond_closed.txt")]


wildcard_constraints:
    member="|".join(RATERS),
    ballot="|".join(["base", *PANEL["ballots"]]),
    wording="plain|informed|matches",


# Also of the members as they came, and at more iterations than the judge's loop.
AT_ANY = {"iteration": "|".join(map(str, (0, *PANEL_ITERATIONS)))}
IN_PANEL = {"iteration": "|".join(map(str, PANEL_ITERATIONS))}
FOLDER = "results/panel/iter{iteration}/{ballot}"


class OfMember:
    """What a shell text names of a member, as in {OF_MEMBER:engine/ada/}.

    In no parameter, so that engine settings that alter no answer make nothing stale.
    """

    def __format__(self, spec):
        kind, member, _ = spec.split("/")
        asked = RATERS[member]
        if kind == "launch":
            return f"{shlex.quote(asked['interpreters']['train'] or 'python')} {BY_GPU}"
        if kind == "engine":
            return shlex.quote(json.dumps(asked["engine"] | IMAGES, sort_keys=True))
        return shlex.quote(asked["interpreters"][kind] or "python")


OF_MEMBER = OfMember()
# How a training is started: a process a GPU.
BY_GPU = ""
if config["train"]["gpus"] > 1:
    BY_GPU = "-m torch.distributed.run --standalone "
    BY_GPU += f"--nproc-per-node {config['train']['gpus']}"


try:
    PANEL_ENVIRONMENTS = {
        name: generating_environment(asked) for name, asked in RATERS.items()
    }
except ValueError as error:
    raise WorkflowError(f"{CONFIG_PLACE}: 'panel.members': {error}")


def member_model(wildcards, iteration):
    """A member after an iteration as an input; none where it is as it came."""
    if iteration == 0 or wildcards.member in SCORERS:
        return []
    w = wildcards
    folder = f"results/panel/iter{iteration}/{w.ballot}/{w.member}/model"
    return [ancient(folder), f"{folder}.json"]


def before(wildcards):
    """The member that answers and rates in an iteration: of the one before."""
    return member_model(wildcards, int(wildcards.iteration) - 1)


def after(wildcards):
    """The member that an iteration made."""
    return member_model(wildcards, int(wildcards.iteration))


def fetched_member(model, trains=False):
    """An input function: the mark that a Hub model was fetched, where a job opens it."""

    def find(wildcards):
        asked = RATERS[wildcards.member]
        opens = trains or engine_runs_model(asked["engine"]["name"])
        is_there = model(wildcards) or is_folder(asked["base_model"].partition("@")[0])
        name = wildcards.member
        if is_there or not opens:
            return []
        return ancient(f"results/sources/members/{name}.json")

    return find


def asks_member(script, model):
    """The parameters of a stage that asks a member; ``model`` finds its checkpoint."""

    def asked(wildcards):
        return RATERS[wildcards.member]

    def version(wildcards):
        is_simulated = asked(wildcards)["engine"]["name"] == "simulator"
        if model(wildcards):
            return "simulated" if is_simulated else ""
        place = f"panel.members.{wildcards.member}.base_model"
        return base_version(asked(wildcards), place)

    def member_code(wildcards):
        engine = asked(wildcards)["engine"]["name"]
        entries = (
            [] if engine == "simulator" else [f"selfjudge.engines.{ENGINES[engine]}"]
        )
        return code(script, *entries)

    return {
        "code": member_code,
        "model": lambda wildcards: model_arguments(model(wildcards), asked(wildcards)),
        "version": version,
        "answering": lambda wildcards: answering(
            model(wildcards), asked(wildcards)["engine"]
        ),
        "max_pixels_shown": IMAGES["max_pixels_shown"],
        "ledger": ledger,
        "image_root": config["image_root"],
        "seed": config["seed"],
    }


def gpus_of_member(wildcards):
    """GPUs of a job that asks a member."""
    engine = RATERS[wildcards.member]["engine"]
    is_vllm = engine["name"] == "vllm"
    return engine["vllm"]["tensor_parallel_size"] if is_vllm else 1


def cpus_of_member(wildcards):
    """CPUs of a job that asks a member: some for each GPU."""
    return 8 * gpus_of_member(wildcards)


MEMBER_JOB = {**MODEL_JOB, "gpu": gpus_of_member}


def ask_member(script):
    """The beginning of the shell text of a stage that asks a member."""
    return (
        f"exec {{OF_MEMBER:generate/{{wildcards.member}}/}} {{SCRIPTS:q}}/{script}.py "
        "{params.model} --engine {OF_MEMBER:engine/{wildcards.member}/} "
        "--journal {JOURNAL} --ledger {params.ledger} --shard {wildcards.shard} "
        "--gpus {resources.gpu} --image-root {params.image_root:q} --seed {params.seed} "
    )


def samples_json(num_samples, sampling, **changes):
    """How many texts are drawn of each prompt, and how, as JSON."""
    drawn = {"num_samples": num_samples, "sampling": {**sampling, **changes}}
    return json.dumps(drawn, sort_keys=True)


# Greedy beside sampled: what a member holds, not what it may say.
SAMPLED = PANEL["responses"]["sampling"]
GREEDY_JSON = samples_json(1, SAMPLED, temperature=0)
PANEL_SHARDS = [f"{at}of{PANEL['shards']}" for at in range(1, PANEL["shards"] + 1)]


def counted(wildcards):
    """Whose answers and ratings a ballot counts: at iteration 1 all count the same."""
    return "base" if wildcards.iteration == "1" else wildcards.ballot


def in_all_shards(name):
    """An input function: the files of all shards that a ballot counts."""
    return lambda wildcards: [
        f"results/panel/iter{wildcards.iteration}/{counted(wildcards)}/{name}/{shard}.jsonl"
        for shard in PANEL_SHARDS
    ]


def of_all_members(name):
    """An input function: the files of one shard of all members of a ballot."""
    return lambda wildcards: [
        f"{FOLDER}/{member}/{name}/{{shard}}.jsonl".format(**wildcards)
        for member in MEMBERS
    ]


def own_alone(ballot):
    """Whether members rate their own texts alone: if all that counts them do."""
    if ballot != "base":
        return BALLOTS[ballot].voters == "self"
    rated = [BALLOTS[name] for name in PANEL["ballots"] if BALLOTS[name].wording]
    return all(ballot.voters == "self" for ballot in rated)


def rating_template(wildcards):
    """The template by which candidates are rated."""
    if wildcards.wording == "matches":
        return [template("judge.txt")]
    if PANEL["ratings"]["mode"] == "relative":
        return [template("rate_relative.txt")]
    informed = wildcards.wording == "informed"
    return [template("rate_informed.txt" if informed else "rate.txt")]


def rating_settings(wildcards):
    """How candidates are rated; a judge writes as it does of pairs."""
    ratings = {k: PANEL["ratings"][k] for k in ("mode", "num_opponents", "sampling")}
    if wildcards.wording == "matches":
        ratings["sampling"] = config["judgments"]["sampling"]
    return json.dumps(ratings, sort_keys=True)


def matches_of(wildcards):
    """The verdicts of judges that a ballot counts, of one shard."""
    if wildcards.asked == "none" or own_alone(wildcards.ballot):
        return []
    return [
        f"{FOLDER}/{name}/ratings/matches/{{shard}}.jsonl".format(**wildcards)
        for name in SCORERS
    ]


use rule fetch_model as fetch_member with:
    output:
        "results/sources/members/{member}.json",
    log:
        "logs/fetch_member/{member}.log",
    localrule: True  # it is not inherited
    params:
        model=lambda wildcards: model_arguments([], RATERS[wildcards.member]),


use rule select_prompts as select_panel_prompts with:
    output:
        prompts="results/panel/iter{iteration}/prompts.jsonl",
    log:
        "logs/panel/iter{iteration}/select_prompts.log",
    wildcard_constraints:
        **IN_PANEL,


rule answer_prompts:
    """Have a member answer one shard of prompts, and once more greedily."""
    input:
        prompts="results/panel/iter{iteration}/prompts.jsonl",
        model=before,
        base=fetched_member(before),
    output:
        responses=f"{FOLDER}/{{member}}/responses/{{shard}}.jsonl",
        own=f"{FOLDER}/{{member}}/own_answers/{{shard}}.jsonl",
    log:
        "logs/panel/iter{iteration}/{ballot}/{member}/answer_prompts/{shard}.log",
    benchmark:
        "timings/panel/iter{iteration}/{ballot}/{member}/answer_prompts/{shard}.tsv"
    wildcard_constraints:
        **IN_PANEL,
    conda:
        lambda wildcards: PANEL_ENVIRONMENTS[wildcards.member]
    threads: cpus_of_member
    resources:
        **MEMBER_JOB,
    params:
        **asks_member("answer_prompts", before),
        **reads(templates=AS_ASKED),
        samples=samples_json(PANEL["responses"]["num_samples"], SAMPLED),
        greedy=GREEDY_JSON,
    shell:
        ask_member("answer_prompts")
        + "--prompts {input.prompts} --templates {params.templates:q} "
        "--part {params.samples:q} {output.responses} "
        "--part {params.greedy:q} {output.own} 2> {log}"


rule list_candidates:
    """Each different text that members gave to the prompts of one shard."""
    input:
        prompts="results/panel/iter{iteration}/prompts.jsonl",
        responses=of_all_members("responses"),
    output:
        f"{FOLDER}/candidates/{{shard}}.jsonl",
    log:
        "logs/panel/iter{iteration}/{ballot}/list_candidates/{shard}.log",
    wildcard_constraints:
        **IN_PANEL,
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("list_candidates"),
        members=MEMBERS,
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/list_candidates.py --members {params.members} "
        "--prompts {input.prompts} --responses {input.responses} "
        "--shard {wildcards.shard} --output {output} 2> {log}"


rule rate_responses:
    """Have a member rate one shard of candidates, each alone."""
    input:
        prompts="results/panel/iter{iteration}/prompts.jsonl",
        candidates=f"{FOLDER}/candidates/{{shard}}.jsonl",
        own=lambda wildcards: (
            []
            if wildcards.member in SCORERS
            else f"{FOLDER}/{{member}}/own_answers/{{shard}}.jsonl".format(**wildcards)
        ),
        model=before,
        base=fetched_member(before),
    output:
        f"{FOLDER}/{{member}}/ratings/{{wording}}/{{shard}}.jsonl",
    log:
        "logs/panel/iter{iteration}/{ballot}/{member}/rate_responses/{wording}/{shard}.log",
    benchmark:
        "timings/panel/iter{iteration}/{ballot}/{member}/rate_responses/{wording}/{shard}.tsv"
    wildcard_constraints:
        **IN_PANEL,
    conda:
        lambda wildcards: PANEL_ENVIRONMENTS[wildcards.member]
    threads: cpus_of_member
    resources:
        **MEMBER_JOB,
    params:
        **asks_member("rate_responses", before),
        **reads(template=rating_template),
        settings=rating_settings,
        only_own=lambda wildcards: "--only-own" if own_alone(wildcards.ballot) else "",
        own=lambda wildcards, input: f"--own-answers {input.own}" if input.own else "",
    shell:
        ask_member("rate_responses")
        + "--member {wildcards.member} --wording {wildcards.wording} {params.only_own} "
        "--prompts {input.prompts} --candidates {input.candidates} "
        "{params.own} --template {params.template:q} "
        "--settings {params.settings:q} --output {output} 2> {log}"


rule count_votes:
    """What each rater gives each candidate of one shard."""
    input:
        prompts="results/panel/iter{iteration}/prompts.jsonl",
        candidates=f"{FOLDER}/candidates/{{shard}}.jsonl",
        ratings=lambda wildcards: (
            []
            if wildcards.asked == "none"
            else of_all_members(f"ratings/{wildcards.asked}")(wildcards)
        ),
        matches=matches_of,
    output:
        f"{FOLDER}/votes/{{asked}}/{{shard}}.jsonl",
    log:
        "logs/panel/iter{iteration}/{ballot}/count_votes/{asked}/{shard}.log",
    wildcard_constraints:
        **IN_PANEL,
        asked="plain|informed|none",
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("count_votes"),
        members=MEMBERS,
        criteria=json.dumps(
            {"weights": PANEL["ratings"]["criteria"], "mode": PANEL["ratings"]["mode"]}
        ),
        matches=lambda wildcards, input: (
            f"--scorers {' '.join(SCORERS)} --matches {input.matches}"
            if input.matches
            else ""
        ),
        ratings=lambda wildcards, input: (
            f"--ratings {input.ratings}" if input.ratings else ""
        ),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/count_votes.py --members {params.members} "
        "--prompts {input.prompts} --candidates {input.candidates} {params.ratings} "
        "{params.matches} --criteria {params.criteria:q} --shard {wildcards.shard} "
        "--output {output} 2> {log}"


def counted_votes(wildcards):
    """The votes that a ballot counts, of all shards."""
    asked = BALLOTS[wildcards.ballot].wording or "none"
    return in_all_shards(f"votes/{asked}")(wildcards)


def matched_preferences(wildcards):
    """The preferences to whose number those of a ballot that rates nothing are cut."""
    is_drawn = BALLOTS[wildcards.ballot].voters == "nobody"
    folder = f"results/panel/iter{wildcards.iteration}"
    return (
        f"{folder}/{FIRST_RATED}/preferences.jsonl" if is_drawn and FIRST_RATED else []
    )


rule build_preferences:
    """Choose, by a ballot, the best and the worst text of each prompt."""
    input:
        prompts="results/panel/iter{iteration}/prompts.jsonl",
        votes=counted_votes,
        matched=matched_preferences,
    output:
        kept=f"{FOLDER}/preferences.jsonl",
        dropped=f"{FOLDER}/dropped_preferences.jsonl",
    log:
        "logs/panel/iter{iteration}/{ballot}/build_preferences.log",
    wildcard_constraints:
        **IN_PANEL,
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=4000,
        runtime=120,  # minutes
    params:
        **reads(templates=AS_ASKED),
        code=code("build_preferences"),
        ballot=lambda wildcards: as_json(BALLOTS[wildcards.ballot]),
        members=MEMBERS,
        scorers=SCORERS,
        settings=settings(PANEL["preferences"]),
        seed=config["seed"],
        matched=matched_argument,
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/build_preferences.py --ballot {params.ballot:q} "
        "--members {params.members} --scorers {params.scorers} "
        "--prompts {input.prompts} --votes {input.votes} {params.matched} "
        " --templates {params.templates:q} "
        "--settings {params.settings:q} {MIN_ROWS} --seed {params.seed} "
        "--preferences {output.kept} --dropped {output.dropped} 2> {log}"


rule report_panel:
    """What preferences are worth, and how raters agree: for people."""
    input:
        prompts="results/panel/iter{iteration}/prompts.jsonl",
        votes=counted_votes,
        kept=f"{FOLDER}/preferences.jsonl",
        dropped=f"{FOLDER}/dropped_preferences.jsonl",
        own=lambda wildcards: list(
            chain.from_iterable(
                in_all_shards(f"{member}/own_answers")(wildcards) for member in MEMBERS
            )
        ),
    output:
        f"{FOLDER}/panel_report.json",
    log:
        "logs/panel/iter{iteration}/{ballot}/report_panel.log",
    wildcard_constraints:
        **IN_PANEL,
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("report_panel"),
        members=MEMBERS,
        scorers=SCORERS,
        only_own=lambda wildcards: "--only-own" if own_alone(counted(wildcards)) else "",
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/report_panel.py --members {params.members} "
        "--scorers {params.scorers} {params.only_own} --prompts {input.prompts} --votes {input.votes} "
        "--preferences {input.kept} --dropped {input.dropped} "
        "--own-answers {input.own} --output {output} 2> {log}"


OBJECTIVE = ("objective", "beta", "gamma", "sft_weight")
MEMBER_SETTINGS = {
    **TRAIN_SETTINGS,
    **{k: value for k, value in PANEL["train"].items() if k not in OBJECTIVE},
}
AS_MEMBER = settings(MEMBER_SETTINGS)  # as AS_TRAINED


rule train_member:
    """Train a member on a ballot's preferences; resumes where it stopped."""
    input:
        preferences=f"{FOLDER}/preferences.jsonl",
        model=before,
        base=fetched_member(before, trains=True),
    output:
        model=directory(f"{FOLDER}/{{member}}/model"),
        version=f"{FOLDER}/{{member}}/model.json",
    log:
        "logs/panel/iter{iteration}/{ballot}/{member}/train_member.log",
    benchmark:
        "timings/panel/iter{iteration}/{ballot}/{member}/train_member.tsv"
    wildcard_constraints:
        **IN_PANEL,
    conda:
        "../envs/train.yaml"
    # Each process feeds its GPU by some of its own.
    threads: 8 * config["train"]["gpus"]
    resources:
        gpu=config["train"]["gpus"],
        # Each process reads the whole model into memory before it goes to its GPU.
        mem_mb=64000 * (1 + config["train"]["gpus"]),
        runtime=720,  # minutes
    params:
        **{
            **asks_member("train_member", before),
            # No engine takes part.
            "code": code("train_member"),
            "answering": "",
        },
        settings=settings(decisive(MEMBER_SETTINGS)),
        objective=settings(PANEL["train"], *OBJECTIVE),
        work=f"{FOLDER}/{{member}}/training",
    shell:
        "exec {OF_MEMBER:launch/{wildcards.member}/} "
        "{SCRIPTS:q}/train_member.py {params.model} --member {wildcards.member} "
        "--device {DEVICE} --gpus {resources.gpu} "
        "--preferences {input.preferences} --image-root {params.image_root:q} "
        "--settings {AS_MEMBER:q} --objective {params.objective:q} "
        "--seed {params.seed} --code {params.code} --work {params.work} "
        "--ledger {params.ledger} --output {output.model} "
        "--version {output.version} 2> {log}"


# Members as they came and as they end; where nothing measures them, the models.
MEASURED = [
    *(["skills.json"] if PANEL["skills"]["path"] else []),
    *(["public_skills.json"] if PANEL["skills"]["lmms_eval"]["tasks"] else []),
]
PANEL_TARGETS += (
    expand("results/panel/iter{at}/{name}", at=(0, PANEL["iterations"]), name=MEASURED)
    if MEASURED
    else expand(
        f"{FOLDER}/{{member}}/model.json",
        iteration=PANEL["iterations"],
        ballot=PANEL["ballots"],
        member=MEMBERS,
    )
)


if MEASURED:

    include: "panel_skills.smk"
