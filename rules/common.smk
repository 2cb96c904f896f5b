# What every rule file uses: the checked config, paths, fingerprints, settings.
import json
import os
import shlex
import shutil

import msgspec
import yaml
from snakemake.exceptions import WorkflowError

from selfjudge.benchmarks.collections import asking_of
from selfjudge.benchmarks.registry import FORMATS, OFFICIAL, SCORINGS, collections_of
from selfjudge.engines import ENGINES
from selfjudge.engines.sections import VLLMSettings, check_for_mllama, read_section
from selfjudge.ground.code_fingerprints import code_fingerprint
from selfjudge.ground.fingerprints import folder_fingerprint
from selfjudge.ground.lines import file_sha256
from selfjudge.ground.requests import read_samples
from selfjudge.judging.asks import CRITERION_TEMPLATES
from selfjudge.pairs.filters import FILTERS as FILTER_SPECS
from selfjudge.pairs.filters import find_uncut, first_asked
from selfjudge.run.config import reinforcement_settings, training_settings
from selfjudge.run.contradictions import check_config
from selfjudge.run.families import (
    check_processor,
    check_reinforcing,
    check_serving,
    engine_runs_model,
    find_environment,
    find_model_type,
    installed_vllm,
    vllm_beside_torch,
)
from selfjudge.run.pool_size import count_dealt
from selfjudge.run.shards import cut_stages
from selfjudge.training.identity import decisive

# Rules say `python`: Snakemake's own, unless a deployed environment comes first.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def here(path):
    """A path of this repository, relative to the working directory."""
    return os.path.relpath(Path(workflow.basedir, path))


try:
    schema = yaml.safe_load(Path(here("config.schema.yaml")).read_text())
    check_config(config, schema, CONFIG_PLACE)
except ValueError as error:
    raise WorkflowError(str(error))
config |= cut_stages(config)

# Shell texts name these: their values may differ from clone to clone, or follow
# the machine, without making anything stale.
SCRIPTS = here("scripts")
IMAGES = config["images"]
ENGINE = json.dumps(config["engine"] | IMAGES, sort_keys=True)
DEVICE = config["engine"]["device"]
JOURNAL = "results/journal"
IMAGE_ROOT = shlex.quote(config["image_root"])
# That a pool suffices is checked, and is no reason to import or select anew.
POOL = "--iterations {} --prompts-per-iteration {}".format(
    count_dealt(config),
    config["pool"]["prompts_per_iteration"],
)
# As little is it a reason to decide anew whether there is enough to train on.
MIN_ROWS = f"--min-rows {config['train']['min_rows']}"
# What is held out of all training, if anything is: part of what a stage depends on.
HELD_OUT = ""
if config["certificate"]["share"]:
    HELD_OUT = f"--held-out-share {config['certificate']['share']}"
# As much for the check that a pool suffices.
HELD_OUT_AT = HELD_OUT and f"{HELD_OUT} --seed {config['seed']}"
# What no model wrote is stale as soon as a model is to write it.
IS_SIMULATED = "simulated" if config["engine"]["name"] == "simulator" else ""
# GPUs of a job that asks a model: more than one where vLLM cuts it over several.
GPUS = 1
if config["engine"]["name"] == "vllm":
    GPUS = config["engine"]["vllm"]["tensor_parallel_size"]
for kind, path in config["interpreters"].items():
    if path and os.sep in path and not os.access(path, os.X_OK):
        raise WorkflowError(
            f"{CONFIG_PLACE}: 'interpreters.{kind}' must be a Python that can be run "
            f"(got {path!r}). Hint: paths start from {Path.cwd()}."
        )
# The interpreter of each kind of work; `python` is that of a rule's environment.
PYTHON = {
    kind: shlex.quote(path or "python") for kind, path in config["interpreters"].items()
}
# In the order of config.yaml: the first benchmark and filter are the main ones.
CONFIG = json.dumps(config)

FILTERS = list(FILTER_SPECS)
BENCHMARKS = [name for name, spec in config["benchmarks"].items() if spec]
# Protocols beside `selfjudge`, and whose judgments each of them scores.
COLLECTION_OF = {
    protocol.name: protocol.collection
    for scoring in SCORINGS.values()
    for protocol in scoring.protocols
}
# The protocol that a collection of judgments was asked for.
OWN_PROTOCOL = {
    collection: "selfjudge" if collection == "paired" else collection
    for collection in COLLECTION_OF.values()
}
PROTOCOL_NAMES = [name for name in COLLECTION_OF if name != "selfjudge"]
# What the rules of a project of its own (project.smk) add to `all`.
PROJECT_TARGETS = []
# What a panel, if there is one, adds to `all` and to the page.
PANEL_TARGETS = []
# What certificates, if there are any, add to `all` and to the page.
CERTIFICATE_TARGETS = []
ITERATIONS = range(1, config["iterations"] + 1)
# Iteration 0 is the base model, and only there is the filter called `base`.
BASE_OR_TRAINED = {
    "iteration": "|".join(map(str, [0, *ITERATIONS])),
    "filter": "|".join(["base", *FILTERS]),
}


def tell_targets(target):
    """What to say of a target that no rule makes."""
    panel = ""
    if config["panel"]["members"]:
        panel = f", a panel's iterations 1 to {config['panel']['iterations']}"
    return (
        f"{target}: must be a file that a rule makes (got none). Hint: iterations are "
        f"1 to {ITERATIONS[-1]} (0: the base model), filters {', '.join(FILTERS)}, "
        f"benchmarks {', '.join(BENCHMARKS) or 'none'}{panel}."
    )


def code(script, *entries):
    """A hash of the code of a stage: `params: code=` makes a real change stale.

    ``entries``: what counts too, as `code_fingerprint` takes it.
    """
    return code_fingerprint(Path(workflow.basedir, "scripts", f"{script}.py"), *entries)


def model_code(script):
    """As `code`, of a stage that asks a model: with the engine that answers.

    Not the simulator: it states verdicts, and a better parser would ask it all again.
    """
    engine = ENGINES[config["engine"]["name"]]
    return code(script, *([] if IS_SIMULATED else [f"selfjudge.engines.{engine}"]))


def template(name):
    """The path of a prompt template: the project's if it has any, else ours."""
    if config["templates"]:
        return os.path.join(config["templates"], name)
    return here(os.path.join("scripts", "templates", name))


def reads(**files):
    """The parameters of a stage that reads templates, or other files of ours.

    Each is no input: a path that leads from the project to the clone is another one
    when either is moved.  Nor does Snakemake keep a parameter that takes `input`, as
    paths do here; what makes a stage stale is `contents`.
    ``files``: by parameter, a list of paths, or a function of wildcards that finds it.
    """

    def paths(given):
        return lambda wildcards, input: given(wildcards) if callable(given) else given

    def held(path):
        if not os.path.isfile(path):
            raise WorkflowError(
                f"{path}: this file must exist (got none). Hint: a project with "
                "'templates' of its own needs each that it asks with."
            )
        return f"{Path(path).name} {file_sha256(Path(path))[:16]}"

    def contents(wildcards):
        found = [paths(given)(wildcards, None) for given in files.values()]
        return [held(path) for several in found for path in several]

    return {"contents": contents} | {name: paths(files[name]) for name in files}


def settings(section, *keys):
    """A config section, or some of its keys, as JSON: what a stage may depend on."""
    chosen = {key: section[key] for key in keys} if keys else section
    return json.dumps(chosen, sort_keys=True)


# What a job that asks a model takes: MB, minutes.
MODEL_JOB = {"gpu": GPUS, "mem_mb": 64000, "runtime": 120}


def answering(judge, engine=config["engine"]):
    """What of the engine decides an answer, beside its code; as its fingerprint has it.

    Not where a model runs, or how many texts at once.
    """
    keys = []
    if engine["name"] == "vllm":
        keys = ["max_model_len", "batch_invariant", *(["lora"] if judge else [])]
    chosen = {key: engine["vllm"][key] for key in keys}
    return json.dumps({"dtype": engine["dtype"], **chosen})


def ledger(wildcards, output):
    """The file to which a model stage appends what making its output cost."""
    place = Path(output[0]).relative_to("results").with_suffix(".jsonl")
    return str(Path("results", "ledgers", place))


def asks_model(script, judge=lambda wildcards: [], ledger=ledger):
    """The parameters of a stage that asks a judge, or the base model if none."""
    return {
        "code": model_code(script),
        "model": lambda wildcards: model_arguments(judge(wildcards)),
        "version": lambda wildcards: model_version(judge(wildcards)),
        "answering": lambda wildcards: answering(judge(wildcards)),
        "max_pixels_shown": IMAGES["max_pixels_shown"],
        "ledger": ledger,
    }


def ask_with(script):
    """The beginning of the shell text of a stage that asks a model.

    `exec`: a shell between would die of a SIGTERM at once, and the job with it, before
    the stage has written down what it has.
    """
    return (
        f"exec {{PYTHON[generate]}} {{SCRIPTS:q}}/{script}.py {{params.model}} "
        "--engine {ENGINE:q} --journal {JOURNAL} --ledger {params.ledger} "
        "--shard {wildcards.shard} --gpus {resources.gpu} "
    )


def as_json(record):
    """A record as JSON, to be handed to a script."""
    return msgspec.json.encode(record).decode()


def filter_json(wildcards):
    """What a filter is, so that no other one makes its stages stale."""
    return as_json(FILTER_SPECS[wildcards.filter])


def shards(stage):
    """The shards of a model stage, as they stand in file names."""
    count = config[stage]["shards"]
    return [f"{index}of{count}" for index in range(1, count + 1)]


def pool_iteration(wildcards):
    """The iteration whose prompts and responses this iteration uses."""
    return 1 if config["pool"]["mode"] == "reuse" else wildcards.iteration


def pooled(name):
    """An input function: a file of the pool that an iteration draws from."""
    return lambda wildcards: f"results/iter{pool_iteration(wildcards)}/{name}"


def python_of(kind, asked=config):
    """The interpreter of a kind of work, where it is known before anything runs.

    ``asked``: the config, or the member of a panel that is asked instead.
    """
    chosen = asked["interpreters"][kind]
    if chosen is None and workflow.deployment_settings.deployment_method:
        return None  # of an environment that Snakemake will make
    return Path(shutil.which(chosen) or chosen) if chosen else Path(sys.executable)


def generating_environment(asked=config):
    """The environment of stages that ask a model, by the engine and the family."""
    engine = asked["engine"]
    model, _, _ = asked["base_model"].partition("@")
    model_type = find_model_type(model, asked["base_family"])
    environment = find_environment(engine["name"], model_type)
    if engine["name"] == "vllm":
        python = python_of("generate", asked)
        check_serving(
            model,
            model_type,
            serves_adapters=engine.get("vllm", {}).get("lora", False),
            version=installed_vllm(python) if python else None,
        )
        if environment == "generate_mllama":
            check_for_mllama(read_section(engine["vllm"], VLLMSettings, "vllm"))
    # What opens the processor: training does, and asking where the job has the model.
    opening = ["generate", "train"] if engine_runs_model(engine["name"]) else ["train"]
    known = {} if engine["name"] == "simulator" else opening
    pythons = {kind: python_of(kind, asked) for kind in known}
    check_processor(model_type, {kind: path for kind, path in pythons.items() if path})
    return f"../envs/{environment}.yaml"


TRAINER = python_of("train")
try:
    GENERATING = generating_environment()
    check_reinforcing(
        find_model_type(config["base_model"].partition("@")[0], config["base_family"]),
        config["filters"],
        by_vllm=bool(config["reinforce"]["vllm_gpu_memory_utilization"]),
        version=vllm_beside_torch(TRAINER) if TRAINER else None,
    )
except ValueError as error:
    raise WorkflowError(f"{CONFIG_PLACE}: {error}")


def is_folder(model):
    """Whether a base model is a folder, and no Hub id."""
    return model.startswith((".", "/")) or Path(model).is_dir()


# A Hub id and commit stand for themselves, a folder for its contents.
def base_version(asked=config, place="base_model"):
    """What makes results of a base model stale when it changes.

    ``place``: where in the config it stands.
    """
    if asked["engine"]["name"] == "simulator":
        return "simulated"
    model, _, _ = asked["base_model"].partition("@")
    if is_folder(model):
        if not Path(model).is_dir():
            raise WorkflowError(
                f"{CONFIG_PLACE}: '{place}' must be an existing folder or a Hub "
                f"id (got {model!r}). Hint: paths start from {Path.cwd()}."
            )
        cache = Path(".snakemake", "selfjudge", f"{place}.json")
        return folder_fingerprint(Path(model), cache)
    return asked["base_model"]


def trained_judge(iteration, filter_name):
    """A trained judge as an input: its folder, and the file that tells its version.

    The folder's time says nothing, and Snakemake compares contents of files only.
    """
    folder = f"results/iter{iteration}/{filter_name}/judge"
    return [ancient(folder), f"{folder}.json"]


def previous_judge(wildcards):
    """The judge of the iteration before; none at iteration 1, where it is the base."""
    iteration = int(wildcards.iteration)
    return trained_judge(iteration - 1, wildcards.filter) if iteration > 1 else []


def scored_judge(wildcards):
    """The judge that is measured; none for the base model."""
    if (wildcards.filter == "base") != (wildcards.iteration == "0"):
        raise WorkflowError("iteration 0 is the base model, and only iteration 0 is.")
    if wildcards.filter == "base":
        return []
    return trained_judge(wildcards.iteration, wildcards.filter)


def start_of_training(wildcards):
    """The judge that training starts from; none if it is the base model."""
    return [] if config["train"]["start_from"] == "base" else previous_judge(wildcards)


def model_arguments(judge, asked=config):
    """The command-line arguments that name a judge, or the base model if none."""
    if judge:
        return f"--model {judge[0]}"
    model, _, revision = asked["base_model"].partition("@")
    named = f" --revision {shlex.quote(revision)}" if revision else ""
    return f"--model {shlex.quote(model)}{named}"


def model_version(judge):
    """As `base_version` where a stage runs the base model; a judge is an input."""
    return IS_SIMULATED if judge else base_version()


def image_version(folder):
    """A hash of the images below a folder, read again only where they changed."""
    name = folder.replace("/", "_").strip("._")
    cache = Path(".snakemake", "selfjudge", f"images_{name}.json")
    return folder_fingerprint(Path(folder), cache)
