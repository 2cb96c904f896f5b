"""Faults of a configuration that no schema can tell: those that lie between keys."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from selfjudge.benchmarks.registry import FORMATS, SCORINGS
from selfjudge.pairs.filters import FILTERS, FilterName
from selfjudge.run.config import DEFAULTS, OWN, check_shape, refuse, rollouts_per_step

# What lies beside the folders of a panel's members.
PANEL_FOLDERS = ("candidates", "votes")


def check_config(
    config: Mapping[str, Any], schema: Mapping[str, Any], place: str = OWN
) -> None:
    """Check against the closed schema, then what no schema can say.

    Raises ConfigError with one line for each fault: ``place``, must, got, hint.
    """
    check_shape(config, schema, place)
    refuse(contradictions(config), place)


def contradictions(config: Mapping[str, Any]) -> list[str]:
    """Faults that lie between keys, each with what to do."""
    faults = []
    threshold = config["pairs"]["majority_threshold"]
    num_samples = config["responses"]["num_samples"]
    if threshold > num_samples:
        faults.append(
            f"'pairs.majority_threshold' must be at most 'responses.num_samples', "
            f"{num_samples} (got {threshold}): no prompt could reach it."
        )
    bounds = config["pairs"]["alteration_bounds"]
    if bounds["min_length_rate"] > bounds["max_length_rate"]:
        faults.append(
            "'pairs.alteration_bounds.min_length_rate' must be at most "
            f"'max_length_rate', {bounds['max_length_rate']} "
            f"(got {bounds['min_length_rate']})."
        )
    faults += step_faults("train", config["train"])
    faults += reinforcement_faults(config["reinforce"], config["train"]["max_length"])
    faults += server_faults(config)
    faults += incomplete_sources(config)
    faults += image_source_faults(config)
    faults += [
        f"'prompts.keep_out' must hold names of 'benchmarks' (got {name!r}). Hint: "
        f"some of {', '.join(config['benchmarks'])}."
        for name in config["prompts"]["keep_out"]
        if name not in config["benchmarks"]
    ]
    names = [source["name"] for source in config["prompts"]["sources"]]
    if len(names) != len(set(names)):
        faults.append(f"'prompts.sources' must have different names (got {names}).")
    known_gold = any(
        source.get("gold_answers") for source in config["prompts"]["sources"]
    )
    needs_gold = [name for name in config["filters"] if compares_with_gold(name)]
    if needs_gold and not known_gold:
        faults.append(
            f"'filters' must not hold {needs_gold} where no prompt source has "
            "'gold_answers: true': they compare with gold answers."
        )
    return faults + benchmark_faults(config) + panel_faults(config, known_gold)


def compares_with_gold(name: FilterName) -> bool:
    """Whether a filter is labelled by gold answers, or cut to one that is."""
    named = {name, *FILTERS[name].accepted_as_many_as}
    return any(spec.label == "gold" for k, spec in FILTERS.items() if k in named)


def server_faults(config: Mapping[str, Any]) -> list[str]:
    """Faults of samplings that a server would refuse when it is asked."""
    if config["engine"]["openai"]["top_k"]:
        return []
    own = ("responses", "alterations", "judgments", "benchmark_judgments", "questions")
    asked = {name: config[name] for name in own if is_served(config, {})}
    for member in config["panel"]["members"].values():
        if is_served(config, member):
            asked["panel.ratings"] = config["panel"]["ratings"]
            if not member.get("scores_only", False):
                asked["panel.responses"] = config["panel"]["responses"]
    return [
        f"'{name}.sampling.top_k' must be 0 where 'engine.openai.top_k' is false (got "
        f"{top_k}): the server does not know it."
        for name, section in asked.items()
        if (top_k := section["sampling"]["top_k"])
    ]


def is_served(config: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Whether a server answers, with a member's ``own`` keys laid over the config."""
    name = own.get("engine", {}).get("name", config["engine"]["name"])
    return bool(name == "openai")


def step_faults(section: str, train: Mapping[str, Any]) -> list[str]:
    """Faults of how many rows an optimizer step takes."""
    gpus, size, rows = (train[key] for key in ("gpus", "batch_size", "rows_per_step"))
    if rows % (gpus * size) == 0:
        return []
    return [
        f"'{section}.rows_per_step' must be a multiple of 'train.gpus' x "
        f"'{section}.batch_size', {gpus} x {size} (got {rows}): the number of GPUs "
        "must not decide what is trained."
    ]


def reinforcement_faults(
    reinforce: Mapping[str, Any], max_length: int | None
) -> list[str]:
    """Faults of training by reward, on rows of at most so many tokens."""
    faults = []
    if reinforce["vllm_gpu_memory_utilization"]:
        if max_length is None:
            faults.append(
                "'train.max_length' must be a number of tokens where "
                "'reinforce.vllm_gpu_memory_utilization' is a number (got null): vLLM "
                "would make room for all that the model can read."
            )
        sampling = reinforce["sampling"]
        if sampling["top_k"] or sampling["top_p"] < 1:
            faults.append(
                "'reinforce.sampling' must have top_k 0 and top_p 1 where "
                "'reinforce.vllm_gpu_memory_utilization' is a number (got "
                f"{sampling['top_k']} and {sampling['top_p']}): what they cut off "
                "would be weighed as if it had been unlikely."
            )
    rows, size = rollouts_per_step(reinforce), reinforce["batch_size"]
    if rows % size:
        faults.append(
            "'reinforce.batch_size' must divide 2 x 'reinforce.pairs_per_step' x "
            f"'reinforce.num_rollouts', {rows} (got {size})."
        )
    if not reinforce["sampling"]["temperature"]:
        faults.append(
            "'reinforce.sampling.temperature' must be more than 0 (got 0): rollouts "
            "that are all the same teach nothing."
        )
    return faults


def panel_faults(config: Mapping[str, Any], known_gold: bool) -> list[str]:
    """Faults of a panel, if there is one."""
    panel = config["panel"]
    members, ballots = list(panel["members"]), panel["ballots"]
    if not members:
        return []
    faults = []
    scorers = [n for n in members if panel["members"][n].get("scores_only", False)]
    if scorers == members:
        faults.append(
            "'panel.members' must have one without 'scores_only' (got none): who "
            "would answer?"
        )
    if panel["ratings"]["mode"] == "relative" and (
        informed := sorted({"informed", "self_informed"} & set(ballots))
    ):
        faults.append(
            f"'panel.ballots' must not hold {informed} with 'panel.ratings.mode: "
            "relative': no template shows the rater's own answer beside all responses."
        )
    if len(members) == 1:
        faults.append(
            f"'panel.members' must be at least two (got {members[0]} alone): who would "
            "rate it? Hint: {} for no panel."
        )
    faults += [
        f"'panel.members' must not hold the name {name!r}: a folder there has it."
        for name in members
        if name in PANEL_FOLDERS
    ]
    least, raters = panel["preferences"]["min_votes"], len(members) - 1
    without_author = sorted({"peers", "informed"} & set(ballots))
    if without_author and 0 < raters < least:
        faults.append(
            f"'panel.preferences.min_votes' must be at most {raters} under "
            f"{without_author} with {len(members)} members (got {least}): nobody votes "
            "on its own response."
        )
    faults += step_faults("panel.train", config["train"] | panel["train"])
    if not sum(panel["ratings"]["criteria"].values()):
        faults.append(
            "'panel.ratings.criteria' must weigh at least one criterion more than 0."
        )
    if "random" in ballots and panel["preferences"]["source"] == "own":
        faults.append(
            "'panel.ballots' must not hold 'random' with 'panel.preferences.source: "
            "own': it is cut to the number of pairs that all members share."
        )
    if "gold" in ballots and not known_gold:
        faults.append(
            "'panel.ballots' must not hold 'gold' where no prompt source has "
            "'gold_answers: true': it compares with gold answers."
        )
    return faults


def benchmark_faults(config: Mapping[str, Any]) -> list[str]:
    """Faults of how benchmarks are to be scored."""
    faults = []
    num_votes = config["official_judgments"]["num_votes"]
    if num_votes % 2 == 0:
        faults.append(
            f"'official_judgments.num_votes' must be odd (got {num_votes}): an even "
            "number of votes can tie."
        )
    scored = [name for name, spec in config["benchmarks"].items() if spec]
    for name, spec in config["benchmarks"].items():
        if spec is None:
            if meant := meant_benchmark(name, config["benchmarks"]):
                faults.append(
                    f"'benchmarks.{name}' must be the name of a benchmark where it is "
                    f"null (got none of {', '.join(scored)}). Hint: did you mean "
                    f"'{meant}'?"
                )
            continue
        if spec["format"] not in FORMATS:
            faults.append(
                f"'benchmarks.{name}.format' must be one of {', '.join(FORMATS)} "
                f"(got {spec['format']!r})."
            )
            continue
        known = [protocol.name for protocol in SCORINGS[spec["format"]].protocols]
        for protocol in spec["protocols"]:
            if protocol not in known:
                others = ", ".join(other for other in known if other != "selfjudge")
                faults.append(
                    f"'benchmarks.{name}.protocols' must be some of {others} "
                    f"(got {protocol!r}): {spec['format']} has no other."
                )
    return faults


def meant_benchmark(name: str, benchmarks: Mapping[str, Any]) -> str | None:
    """The benchmark of ours that stays on beside a null much like its name or format.

    None where there is none such, or the null leaves out one of ours.  Another name is
    taken, though it leaves out nothing here: configs are laid over one another, and
    none of them knows the benchmarks of all.
    """
    shipped = shipped_benchmarks()
    if name in shipped:
        return None
    named: dict[str, str] = {}
    for key in shipped & {key for key, spec in benchmarks.items() if spec}:
        named |= {key: key, benchmarks[key]["format"]: key}
    near = difflib.get_close_matches(name, named, n=1, cutoff=0.75)
    return named[near[0]] if near else None


def shipped_benchmarks() -> set[str]:
    """The names of benchmarks in the repository's config, and in its overlays."""
    paths = [DEFAULTS, *DEFAULTS.with_name("overlays").glob("*.yaml")]
    configs = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths]
    return {name for config in configs for name in config.get("benchmarks", {})}


def image_source_faults(config: Mapping[str, Any]) -> list[str]:
    """Faults of folders of images without questions."""
    root = Path(config["image_root"]).resolve()
    asked = config["questions"]
    faults = []
    for source in config["prompts"]["sources"]:
        if source["kind"] != "images" or source.get("path") is None:
            continue
        if not Path(source["path"]).resolve().is_relative_to(root):
            faults.append(
                f"'prompts.sources': the folder of source {source['name']!r} must lie "
                f"below 'image_root', {config['image_root']!r} (got "
                f"{source['path']!r}). Hint: set 'image_root: {source['path']}'."
            )
        if not asked["formats"] and not asked["fixed"]:
            faults.append("'questions' must have 'formats' or 'fixed' (got neither).")
    return faults


def incomplete_sources(config: Mapping[str, Any]) -> list[str]:
    """Sources and benchmarks that lack what their kind needs."""
    faults = []
    needs = {"hub": ("dataset", "num_prompts")}
    for source in config["prompts"]["sources"]:
        for key in needs.get(source["kind"], ("path",)):
            if source.get(key) is None:
                faults.append(
                    f"'prompts.sources': source {source['name']!r} of kind "
                    f"{source['kind']!r} must have '{key}' (got none)."
                )
    for name, spec in config["benchmarks"].items():
        if spec is None or spec["path"] is not None:
            continue
        local = FORMATS[spec["format"]].local if spec["format"] in FORMATS else None
        if local is not None:
            faults.append(
                f"'benchmarks.{name}.path' must be {local} "
                "(got None): it is not on the Hub. Hint: null leaves a benchmark out."
            )
        elif spec["dataset"] is None or spec["file"] is None:
            faults.append(
                f"'benchmarks.{name}' must have 'path', or 'dataset' and 'file'."
            )
    if not any(config["benchmarks"].values()) and not config["certificate"]["share"]:
        faults.append(
            "'benchmarks' must have at least one that is not null, or "
            "'certificate.share' be more than 0: nothing else says how good a judge is."
        )
    return faults
