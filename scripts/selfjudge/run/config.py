"""The configuration: read, merged, held against the schema, and handed to a stage."""

import difflib
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from selfjudge.run.shards import cut_stages

DEFAULTS = Path(__file__).parents[3] / "config.yaml"
SCHEMA = DEFAULTS.with_name("config.schema.yaml")
OWN = "config.yaml"
# Where a fault may lie as soon as there is such a thing: merged, nobody knows in which.
LAID_OVER = f"{OWN}, or what --configfile or --config lays over it"


def is_whole(_: Any, value: Any) -> bool:
    """Whether a value counts: JSON Schema takes 2.0 too, which no `range` does."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_finite(_: Any, value: Any) -> bool:
    """Whether a value measures: YAML has .nan and .inf besides, which pass limits."""
    return is_whole(_, value) or (isinstance(value, float) and math.isfinite(value))


DRAFT = jsonschema.Draft202012Validator
TYPES = {"integer": is_whole, "number": is_finite}
VALIDATOR = jsonschema.validators.extend(
    DRAFT, type_checker=DRAFT.TYPE_CHECKER.redefine_many(TYPES)
)


class ConfigError(ValueError):
    """Everything that is wrong with a configuration, a line each."""


def lay_over(base: Any, top: Any) -> Any:
    """Two configs merged as Snakemake merges them: mappings deeply, lists whole."""
    if not (isinstance(base, Mapping) and isinstance(top, Mapping)):
        return top
    return {**base, **{key: lay_over(base.get(key), top[key]) for key in top}}


def read_config(project: Path) -> dict[str, Any]:
    """The repository's config.yaml with the project's, if any, laid over it.

    With a number of shards for each stage.  Raises ConfigError where a section is not
    as the schema has it.
    """
    config = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))
    own = project / "config.yaml"
    if own.is_file():
        check_yaml(own)
        config = lay_over(config, yaml.safe_load(own.read_text(encoding="utf-8")) or {})
    check_shape(config, yaml.safe_load(SCHEMA.read_text(encoding="utf-8")))
    return cut_stages(config)


def check_yaml(path: Path) -> bool:
    """Whether a file has any key: a project's may be empty, or comments alone.

    Raises ConfigError if it is no YAML mapping, or a key stands in one twice.

    YAML would keep the last one, and a member of a panel be gone without a word.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            text = text.replace("\t", " ")  # where YAML has none between two values
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: must be UTF-8 ({error})") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(
            f"{path}:{line}: must be YAML (got: {error.problem}). Hint: indent with "
            "spaces, no tabs; close every bracket and quote."
        ) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: must be YAML ({error})") from None
    if not isinstance(root, yaml.MappingNode | None):
        raise ConfigError(f"{path}: must be a mapping, `key: value` (got another form)")
    faults = [
        f"{path}:{key.start_mark.line + 1}: '{place}' must stand once (got it again)"
        for place, key in repeated_keys(root, "")
    ]
    if faults:
        raise ConfigError("\n".join(faults))
    return root is not None and bool(root.value)


def repeated_keys(node: Any, place: str) -> Iterator[tuple[str, Any]]:
    """The keys below a YAML node that stand twice, each with its dotted place."""
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from repeated_keys(item, join(place, str(number)))
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = join(place, str(key.value))
            if name in seen:
                yield name, key
            seen.add(name)
            yield from repeated_keys(value, name)


def source_files(project: Path) -> list[str]:
    """The files of a project's prompt sources, from the project; fetched ones too."""
    return list(map(source_file, read_config(project)["prompts"]["sources"]))


def source_file(source: Mapping[str, Any]) -> str:
    """The prompts file of a source: the user's own, or the one that is made."""
    if source["kind"] == "jsonl":
        return str(source["path"])
    return f"results/sources/{source['name']}.jsonl"


def check_shape(
    config: Mapping[str, Any], schema: Mapping[str, Any], place: str = OWN
) -> None:
    """Check against the closed schema; raises ConfigError, a line for each fault."""
    refuse(shape_faults(config, schema), place)


def shape_faults(values: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """What of some values is not as a schema has it, a line each."""
    if odd := list(odd_keys(values, "")):
        return odd
    errors = VALIDATOR(schema).iter_errors(dict(values))
    ordered = sorted(errors, key=lambda error: list(error.path))
    return [line for error in ordered for line in describe(error)]


def odd_keys(values: Any, place: str) -> Iterator[str]:
    """The faults of keys that are no text: YAML takes 1, on and no for other things."""
    is_mapping = isinstance(values, Mapping)
    items = values if isinstance(values, list) else []
    for key, value in values.items() if is_mapping else enumerate(items):
        name = join(place, str(key))
        if is_mapping and not isinstance(key, str):
            yield f"'{name}' must be text (got {key!r}). Hint: write it in quotes"
        yield from odd_keys(value, name)


def refuse(faults: Iterable[str], place: str = OWN) -> None:
    """Raise ConfigError if there are any faults; ``place`` is where they lie."""
    if lines := [f"{place}: {fault}" for fault in faults]:
        raise ConfigError("\n".join(lines))


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
    hint = hint_number(got, values) if error.validator == "type" else ""
    return [f"'{place}' must be {must} (got {got!r}){hint}"]


def hint_number(got: Any, types: Collection[str]) -> str:
    """How to write a value as a number of the schema's ``types``; "" if it is none."""
    if is_whole(None, got) or not {"integer", "number"} & {*types}:
        return ""
    if isinstance(got, float) and not math.isfinite(got):
        return ". Hint: a number must be finite"
    if isinstance(got, float):
        return f". Hint: write {int(got)}" if got.is_integer() else ""
    hint = as_number(got, types)
    return f". Hint: YAML takes this for text: write {hint}" if hint else ""


def as_number(got: Any, types: Iterable[str]) -> str | None:
    """How YAML wants a number that stands there as text, such as 1e-5.

    None where it is no finite number, or none of the schema's ``types``.
    """
    if not isinstance(got, str):
        return None
    try:
        value: float = int(got)
    except ValueError:
        try:
            value = float(got)
        except ValueError:
            return None
    if not math.isfinite(value):
        return None
    if isinstance(value, int) or (value.is_integer() and "integer" in types):
        return str(int(value)) if {"integer", "number"} & {*types} else None
    if "number" not in types:
        return None
    text = repr(value)
    return text if "." in text else text.replace("e", ".0e")


def unknown_key(place: str, key: str, known: Mapping[str, Any]) -> str:
    """The fault of a key that the schema does not know, with the nearest it does."""
    near = difflib.get_close_matches(key, known, n=1)
    hint = f" Hint: did you mean '{near[0]}'?" if near else ""
    return f"'{join(place, key)}' is no known key.{hint}"


def join(place: str, key: str) -> str:
    """A dotted place one level deeper."""
    return f"{place}.{key}" if place else key


def training_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a training is told: sections `images` and `train` without what is not its
    to know."""
    apart = ("start_from", "gpus", "min_rows")
    train = {key: value for key, value in config["train"].items() if key not in apart}
    return {**config["images"], **train}


def reinforcement_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a training by reward: section `reinforce` laid over it."""
    reinforce = config["reinforce"]
    own = ("learning_rate", "num_epochs", "batch_size")
    return training_settings(config) | {
        **{key: reinforce[key] for key in own},
        "rows_per_step": rollouts_per_step(reinforce),
    }


def rollouts_per_step(reinforce: Mapping[str, Any]) -> int:
    """Rollouts of an optimizer step: of each pair in both orders."""
    return 2 * int(reinforce["pairs_per_step"]) * int(reinforce["num_rollouts"])
