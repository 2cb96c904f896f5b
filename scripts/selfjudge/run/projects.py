"""A project made for a folder of images: what its config must say, and no more."""

import os
from collections.abc import Iterable, Mapping
from math import ceil
from pathlib import Path
from typing import Any

import yaml

from selfjudge.ground.records import ORDERS, Prompt
from selfjudge.pairs.pool import on_side
from selfjudge.run.config import (
    DEFAULTS,
    SCHEMA,
    ConfigError,
    check_yaml,
    lay_over,
    read_config,
    shape_faults,
)
from selfjudge.run.pool_size import count_dealt

# What of another project is taken over: the model, and how it is asked and trained.
TAKEN = (
    *("templates", "base_model", "base_family", "engine", "interpreters"),
    *("images", "questions", "responses", "alterations", "pairs", "judgments"),
    *("train", "probe", "plan"),
)
PATHS = ("templates", "base_model")  # of these, from the project directory
# What adapters are trained at where nothing says a rate: config.yaml's is that of a
# full fine-tune, by which they hardly move; the overlays have this one.
LORA_RATE = 1e-4
# The share of prompts about one's own images that give a pair judged right in both
# orders, for want of a better figure: the probe finds the project's own.
LEARNT_RATE = 0.1
# The least prompts to give each iteration some of its own: at that rate 50 rows.
FEWEST_SHARED = 250
# Of questions and answers about so many a job has some minutes of work.
IMAGES_PER_SHARD = 1000


def new_project(
    project: Path, images: Path, num_images: int, model: str | None, like: Path | None
) -> dict[str, Any]:
    """The config of a project in ``project`` on the images below a folder.

    ``model`` is a Hub id or a folder; ``like`` a project whose settings are taken, or
    a file of settings, such as an overlay.  Raises ValueError where it is neither.
    """
    cut = {"shards": -(-num_images // IMAGES_PER_SHARD)}
    path = path_from(project, images)
    config: dict[str, Any] = {
        "questions": cut,
        "image_root": path,
        "prompts": {"sources": [{"name": "images", "kind": "images", "path": path}]},
    }
    if like:
        known = read_settings(like)
        folder = like if like.is_dir() else like.parent
        config |= {key: known[key] for key in known if key not in config}
        config["questions"] = {**known.get("questions", {}), **cut}
        # Its benchmarks are not taken over, but that none of them is kept out is.
        if known.get("prompts", {}).get("keep_out") == []:
            config["prompts"]["keep_out"] = []
        for key in PATHS:
            if known.get(key) and (folder / known[key]).is_dir():
                config[key] = path_from(project, folder / known[key])
        if pythons := config.get("interpreters"):
            config["interpreters"] = {
                kind: python_from(project, folder, python)
                for kind, python in pythons.items()
            }
    if model:
        is_folder = Path(model).is_dir()
        config["base_model"] = path_from(project, Path(model)) if is_folder else model
    train = config.get("train", {})
    defaults = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))["train"]
    if (defaults | train)["method"] == "lora" and "learning_rate" not in train:
        config["train"] = {"learning_rate": LORA_RATE, **train}
    return config


def read_settings(like: Path) -> dict[str, Any]:
    """What of a project, or of a file of settings, holds for other images too.

    Of a project that is how a model is asked and trained; a file, which says nothing
    else, counts whole.  Raises ValueError where there is none, or one that the schema
    refuses.
    """
    if not like.exists():
        raise ValueError(
            f"--like: must be a project's folder or a YAML file (got '{like}'). Hint: "
            "overlays/ has files for several models"
        )
    path = like / "config.yaml" if like.is_dir() else like
    if not path.is_file():
        raise ValueError(f"{like}: must be a project, with a config.yaml (got none)")
    check_yaml(path)
    known, defaults, schema = (
        yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        for file in (path, DEFAULTS, SCHEMA)
    )
    if faults := shape_faults(lay_over(defaults, known), schema):
        raise ConfigError("\n".join(f"{path}: {fault}" for fault in faults))
    if path.name != "config.yaml":
        return dict(known)
    return {key: known[key] for key in (*TAKEN, "prompts") if key in known}


def check_given(
    project: Path, images: Path, model: str | None, like: Path | None
) -> None:
    """Raise ValueError where a project's config says otherwise than what is given.

    Settings taken over may have been changed since; but a section that is as if none
    had been given was never taken over.
    """
    path = project / "config.yaml"
    config = read_config(project)
    given = new_project(project, images, 1, model, like)
    own = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    sources = [source.get("path") for source in config["prompts"]["sources"]]
    told = {"--images": ("image_root", [config["image_root"], *filter(None, sources)])}
    if "base_model" in given:
        told["--model" if model else "--like"] = ("base_model", [config["base_model"]])
    for option, (key, values) in told.items():
        if place(project, given[key]) not in {place(project, one) for one in values}:
            raise ValueError(
                f"{option}: must be as {path} says, '{values[0]}' (got "
                f"'{given[key]}'). {ANOTHER}"
            )
    if not like:
        return
    # The number of shards is of the images, and a model was compared above.
    plain = new_project(project, images, 1, model, None)
    compared = given.keys() - {"questions", "image_root", "prompts", "base_model"}
    missing = [
        key
        for key in given
        if key in compared
        and given[key] != plain.get(key)
        and own.get(key) in (None, plain.get(key))
    ]
    if missing:
        raise ValueError(
            f"--like: {path} must have its sections, {', '.join(missing)} (got none of "
            f"these). {ANOTHER}"
        )


ANOTHER = "Hint: PROJECT=another_folder makes another project; or change that file."


def place(project: Path, value: str) -> Path | str:
    """The folder that a project's config names; the name itself where it is none."""
    folder = (project / value).resolve()
    return folder if folder.is_dir() else value


def with_pool(text: str, pool: Mapping[str, Any]) -> str:
    """The text of a config with some keys more in its section `pool`.

    What stands there stays, comments too.  Of a section in an odd form, such as an
    alias, something else comes out: let the caller look.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    sections = root.value if isinstance(root, yaml.MappingNode) else []
    node = next((value for key, value in sections if key.value == "pool"), None)
    if node is None:
        end = "" if text.endswith("\n") or not text else "\n"
        return text + end + yaml.safe_dump({"pool": dict(pool)}, sort_keys=False)
    at, indent = node.start_mark.index, " " * node.start_mark.column
    lines = [f"{key}: {value}" for key, value in pool.items()]
    if text.startswith("{", at):
        inner = ", ".join(lines) + (", " if node.value else "")
        return text[: at + 1] + inner + text[at + 1 :]
    return text[:at] + "".join(f"{line}\n{indent}" for line in lines) + text[at:]


def path_from(project: Path, path: Path) -> str:
    """A path as it is written in a project: from its directory."""
    return Path(os.path.relpath(path.resolve(), project.resolve())).as_posix()


def python_from(project: Path, like: Path, python: str | None) -> str | None:
    """An interpreter of the project ``like``, as it is written in another.

    A name stays as it is, and so does a link: an environment's Python is one, and
    what it leads to knows nothing of the environment.
    """
    if not python or os.sep not in python or Path(python).is_absolute():
        return python
    return os.path.relpath(like.resolve() / python, project.resolve())


def count_trained(prompts: Iterable[Prompt], config: dict[str, Any]) -> int:
    """How many prompts of the pool are not held out for certificates."""
    share, seed = config["certificate"]["share"], config["seed"]
    return sum(1 for _ in on_side("training", prompts, share, seed))


def share_pool(
    num_prompts: int, config: dict[str, Any], own: Mapping[str, Any]
) -> dict[str, Any]:
    """The section `pool` with which all prompts are used.

    ``num_prompts`` are those that `count_trained` counts.  Each iteration takes an
    equal share; or all of them, where a share would be smaller than `FEWEST_SHARED` and
    the project's ``own`` section says no mode.  Raises ValueError where there are none,
    or with such a mode fewer than iterations.
    """
    num_dealt = count_dealt(config)
    share = num_prompts // num_dealt
    least = num_dealt if "mode" in own else 1
    if num_prompts < least:
        reuse = ", or 'pool.mode: reuse'" if num_prompts else ""
        raise ValueError(
            f"the folder must give at least {least} prompts to train on (got "
            f"{num_prompts}). Hint: more images{reuse}; "
            "results/sources/images/questions_report.json counts the questions."
        )
    if "mode" not in own and share < max(FEWEST_SHARED, count_fewest(config)):
        return {"mode": "reuse", "prompts_per_iteration": num_prompts}
    return {"prompts_per_iteration": share}


def count_fewest(config: dict[str, Any]) -> int:
    """How many prompts of an iteration give the least rows to train on, at a tenth.

    Each prompt that is learnt from has a row in each order.
    """
    min_rows: int = config["train"]["min_rows"]
    return ceil(min_rows / (LEARNT_RATE * len(ORDERS)))
