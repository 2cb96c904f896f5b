"""The configuration checked as a whole, before anything is planned."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from selfjudge.benchmarks.registry import FORMATS, SCORINGS
from selfjudge.pairs.filters import FILTERS, FilterName

# What lies beside the folders of a panel's members.
PANEL_FOLDERS = ("candidates", "votes")
DEFAULTS = Path(__file__).parents[3] / "config.yaml"


class ConfigError(ValueError):
    """Everything that is wrong with a configuration, a line each."""


def lay_over(base: Any, top: Any) -> Any:
    """Two configs merged as Snakemake merges them: mappings deeply, lists whole."""
    if not (isinstance(base, Mapping) and isinstance(top, Mapping)):
        return top
    return {**base, **{key: lay_over(base.get(key), top[key]) for key in top}}


def read_config(project: Path) -> dict[str, Any]:
    """The repository's config.yaml with the project's, if any, laid over it."""
    config = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))
    own = project / "config.yaml"
    if own.is_file():
        config = lay_over(config, yaml.safe_load(own.read_text(encoding="utf-8")) or {})
    return dict(config)


def source_files(project: Path) -> list[str]:
    """The files of a project's prompt sources, from the project; fetched ones too."""
    return [
        source.get("path") or f"results/sources/{source['name']}.jsonl"
        for source in read_config(project)["prompts"]["sources"]
    ]


def check_config(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check against the closed schema, then what no schema can say.

    Raises ConfigError with one line for each fault: place, must, got, hint.
    """
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(dict(config)), key=lambda e: list(e.path))
    faults = [line for error in errors for line in describe(error)]
    if not faults:
        faults = contradictions(config)
    if faults:
        raise ConfigError("\n".join(f"config.yaml: {fault}" for fault in faults))


def describe(error: jsonschema.ValidationError) -> list[str]:
    """The faults that one schema error stands for, in words."""
    place = ".".join(map(str, error.path))
    limit, got = error.validator_value, error.instance
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        patterns = error.schema.get("patternProperties", {})
        return [
            unknown_key(place, str(key), known)
            for key in got
            if key not in known and not any(re.search(p, str(key)) for p in patterns)
        ]
    if error.validator == "required":
        missing = [key for key in limit if key not in got]
        return [f"'{join(place, key)}' is missing" for key in missing]
    values = limit if isinstance(limit, list) else [limit]
    must = {
        "type": f"of type {' or '.join(map(str, values))}",
        "enum": f"one of {', '.join(map(repr, values))}",
        "minimum": f"at least {limit}",
        "exclusiveMinimum": f"more than {limit}",
        "exclusiveMaximum": f"less than {limit}",
        "maximum": f"at most {limit}",
        "minItems": f"a list of at least {limit}",
        "uniqueItems": "a list without repetitions",
        "minLength": "a non-empty string",
        "minProperties": f"a mapping of at least {limit}",
        "pattern": f"of the form {limit}",
    }.get(str(error.validator))
    if must is None:
        return [f"'{place}': {error.message}"]
    return [f"'{place}' must be {must} (got {got!r})"]


def unknown_key(place: str, key: str, known: Mapping[str, Any]) -> str:
    """The fault of a key that the schema does not know, with the nearest it does."""
    near = difflib.get_close_matches(key, known, n=1)
    hint = f" Hint: did you mean '{near[0]}'?" if near else ""
    return f"'{join(place, key)}' is no known key.{hint}"


def join(place: str, key: str) -> str:
    """A dotted place one level deeper."""
    return f"{place}.{key}" if place else key


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
    faults += incomplete_sources(config)
    names = [source["name"] for source in config["prompts"]["sources"]]
    if len(names) != len(set(names)):
        faults.append(f"'prompts.sources' must have different names (got {names}).")
    known_gold = any(source["gold_answers"] for source in config["prompts"]["sources"])
    needs_gold = [name for name in config["filters"] if compares_with_gold(name)]
    if needs_gold and not known_gold:
        faults.append(
            f"'filters' must not hold {needs_gold} where no prompt source has "
            "'gold_answers: true': they compare with gold answers."
        )
    return faults + benchmark_faults(config) + panel_faults(config, known_gold)


def compares_with_gold(name: FilterName) -> bool:
    """Whether a filter is labelled by gold answers, or cut to one that is."""
    spec = FILTERS[name]
    specs = [spec, *(FILTERS[other] for other in spec.accepted_as_many_as)]
    return any(one.label == "gold" for one in specs)


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


def panel_faults(config: Mapping[str, Any], known_gold: bool) -> list[str]:
    """Faults of a panel, if there is one."""
    panel = config["panel"]
    members, ballots = list(panel["members"]), panel["ballots"]
    if not members:
        return []
    faults = []
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
    for name, spec in config["benchmarks"].items():
        if spec is None:
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


def incomplete_sources(config: Mapping[str, Any]) -> list[str]:
    """Sources and benchmarks that lack what their kind needs."""
    faults = []
    needs = {"jsonl": ("path",), "hub": ("dataset", "subsets", "num_prompts")}
    for source in config["prompts"]["sources"]:
        for key in needs[source["kind"]]:
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
    if not any(config["benchmarks"].values()):
        faults.append("'benchmarks' must have at least one that is not null.")
    return faults
