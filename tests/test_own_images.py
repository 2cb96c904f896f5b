"""docs/own_images.md does what it says: each of its sources, and the one command."""

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from examples import image_bytes, make_prompt
from selfjudge.ground.lines import write_records
from selfjudge.ground.records import Prompt
from selfjudge.pairs.imports import import_prompts
from selfjudge.pairs.pool import side_of
from selfjudge.pairs.readers import read_foreign
from selfjudge.pairs.source_rows import ImportLimits
from selfjudge.pairs.sources import convert_rows, write_rows
from selfjudge.run.config import lay_over
from selfjudge.run.projects import count_trained, new_project, share_pool

ROOT = Path(__file__).parents[1]
OVERLAYS = [
    path
    for path in sorted((ROOT / "overlays").glob("*.yaml"))
    if "base_model" in yaml.safe_load(path.read_text())
]
PAGE = (ROOT / "docs" / "own_images.md").read_text(encoding="utf-8")
SOURCE = re.compile(
    r"^### (?P<name>[^\n]+)\n\n```python\n(?P<code>.*?)```\n\n"
    r"```yaml\n(?P<config>.*?)```",
    re.MULTILINE | re.DOTALL,
)
SHOWN = {match["name"]: match for match in SOURCE.finditer(PAGE)}
LIMITS = ImportLimits(max_pixels=10**6, max_line_bytes=10**6)


def prompts_of(config: dict[str, object], project: Path) -> list[Prompt]:
    """What comes of a project's only source, as the rules make it."""
    (source,) = config["prompts"]["sources"]  # type: ignore[index]
    root, path = project / str(config["image_root"]), project / source["path"]
    if source["kind"] == "rows":
        counts: Counter[str] = Counter()
        made = project / "made.jsonl"
        rows = convert_rows(read_foreign(path), path.parent, root / "mine", counts)
        write_rows(rows, made)
        path = made
    return import_prompts({source["name"]: path}, root, LIMITS).prompts


@pytest.mark.parametrize("name", SHOWN)
def test_every_source_of_the_page_works(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lines make a source of two prompts."""
    (tmp_path / "photos").mkdir()
    for image, color in (("a", "red"), ("b", "blue")):
        content = image_bytes(size=(40, 40), color=color)
        (tmp_path / "photos" / f"{image}.png").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    exec(SHOWN[name]["code"], {})
    found = prompts_of(yaml.safe_load(SHOWN[name]["config"]), tmp_path)
    assert [prompt.question for prompt in found] == ["What is on the left?"] * 2


def test_every_source_of_the_table_is_shown() -> None:
    """Its links lead to a heading."""
    table = PAGE[PAGE.index("| You have |") : PAGE.index("`rows` are written once")]
    links = set(re.findall(r"\(#([\w-]+)\)", table))
    assert links == {name.lower().replace(" ", "-") for name in SHOWN}


def test_a_project_says_only_what_differs(tmp_path: Path) -> None:
    """Paths are from the project; a base model may be a folder or a Hub id."""
    images = tmp_path / "photos"
    config = new_project(tmp_path / "deep" / "mine", images, 1001, "org/model", None)
    assert config == {
        "questions": {"shards": 2},
        "image_root": "../../photos",
        "prompts": {
            "sources": [{"name": "images", "kind": "images", "path": "../../photos"}]
        },
        "base_model": "org/model",
        "train": {"learning_rate": 1e-4},
    }
    like = new_project(tmp_path / "mine", images, 9, None, ROOT / "demo")
    assert (tmp_path / "mine" / like["base_model"]).resolve() == ROOT / "demo" / "base"
    assert "benchmarks" not in like and like["responses"]["num_samples"] == 8
    # Nor does it need a benchmark of the Hub where that project needs none.
    assert like["prompts"]["keep_out"] == [] and "keep_out" not in config["prompts"]
    # Its questions are taken over, but not into how many jobs these are cut.
    assert like["questions"]["shards"] == 1 and like["questions"]["fixed"]


@pytest.mark.parametrize(
    ("own", "rate"),
    [
        ({}, 1e-4),
        ({"train": {"min_rows": 9}}, 1e-4),
        ({"train": {"method": "lora"}}, 1e-4),
        ({"train": {"learning_rate": 1e-5}}, 1e-5),
        ({"train": {"method": "full"}}, None),
    ],
)
def test_adapters_are_trained_at_a_rate_that_moves_them(
    own: dict[str, Any], rate: float | None, tmp_path: Path
) -> None:
    """Of config.yaml it is a full fine-tune's; who names a rate or a method has it."""
    (tmp_path / "like.yaml").write_text(yaml.safe_dump(own))
    config = new_project(
        tmp_path / "mine", tmp_path / "photos", 9, None, tmp_path / "like.yaml"
    )
    assert config.get("train", {}).get("learning_rate") == rate
    assert config.get("train", {}).items() >= own.get("train", {}).items()


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.stem)
def test_a_project_like_an_overlay_has_all_of_it(path: Path, tmp_path: Path) -> None:
    """Its file is taken over whole, as `--configfile` would lay it over a project."""
    own = yaml.safe_load(path.read_text())
    config = new_project(tmp_path / "mine", tmp_path / "photos", 9, None, path)
    assert lay_over(config, own) == config
    assert config["image_root"] == "../photos"
    assert config["train"]["learning_rate"] == 1e-4


def test_an_overlay_says_not_which_images(tmp_path: Path) -> None:
    """Nor which prompts; what else it holds is taken, paths from where it lies."""
    (tmp_path / "base").mkdir()
    (tmp_path / "over.yaml").write_text(
        "image_root: elsewhere\nbase_model: base\nseed: 7\nquestions: {shards: 9}\n"
        "prompts: {keep_out: [], sources: [{name: a, kind: rows, path: a.csv}]}\n"
    )
    given = (tmp_path / "deep/mine", tmp_path / "photos", 9, None)
    config = new_project(*given, tmp_path / "over.yaml")
    assert config["image_root"] == "../../photos" and config["seed"] == 7
    assert config["base_model"] == "../../base"
    assert config["prompts"]["keep_out"] == []
    assert [one["kind"] for one in config["prompts"]["sources"]] == ["images"]
    assert config["questions"] == {"shards": 1}
    # A project's config.yaml is no overlay: it says more than settings.
    (tmp_path / "config.yaml").write_text((tmp_path / "over.yaml").read_text())
    assert new_project(*given, tmp_path) == new_project(
        *given, tmp_path / "config.yaml"
    )
    assert "seed" not in new_project(*given, tmp_path)


@pytest.mark.parametrize(
    ("like", "told"),
    [
        ("absent", "--like: must be a project's folder or a YAML file (got 'absent')"),
        ("photos", "photos: must be a project, with a config.yaml (got none)"),
        ("broken", "broken/config.yaml:2: must be YAML (got: "),
        ("broken.yaml", "broken.yaml:2: must be YAML (got: "),
        ("wrong.yaml", "wrong.yaml: 'train.rate' is no known key."),
        ("empty.yaml", "wrong.yaml: 'train' must be of type object (got None)"),
    ],
)
def test_settings_that_cannot_be_taken_over_are_named(
    like: str, told: str, tmp_path: Path
) -> None:
    """In one line, before anything is made."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/1.png").write_bytes(image_bytes())
    (tmp_path / "broken").mkdir()
    for name in ("broken/config.yaml", "broken.yaml"):
        (tmp_path / name).write_text("seed: 1\nengine: {name: [vllm}\n")
    (tmp_path / "wrong.yaml").write_text("train: {rate: 1}\n")
    (tmp_path / "empty.yaml").write_text("train:\n")
    done = judge_images(tmp_path, "--images", "photos", "--like", like)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {told.replace('wrong', Path(like).stem)}")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "judge_of_photos").exists()


def test_a_broken_config_of_a_project_is_named_with_its_line(tmp_path: Path) -> None:
    """As Snakemake names it, which never sees it here."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/1.png").write_bytes(image_bytes())
    (tmp_path / "config.yaml").write_text("image_root: photos\nengine: {name: [vllm}\n")
    done = judge_images(tmp_path, "--images", "photos", "--project", ".")
    assert done.stderr.startswith("error: config.yaml:2: must be YAML (got: ")
    assert done.stderr.count("\n") == 1


def test_a_project_like_another_computes_as_that_does(tmp_path: Path) -> None:
    """By the same interpreters, from wherever it lies, on images as large."""
    other, python = tmp_path / "a" / "other", tmp_path / "a" / "venv" / "bin" / "python"
    other.mkdir(parents=True)
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    own = {
        "interpreters": {"generate": "../venv/bin/python", "train": "python3"},
        "images": {"max_pixels_shown": 2000},
        "prompts": {"keep_out": ["a_benchmark_of_its_own"]},
    }
    (other / "config.yaml").write_text(yaml.safe_dump(own))
    config = new_project(tmp_path / "mine", tmp_path / "photos", 9, None, other)
    assert config["images"] == own["images"]
    assert config["prompts"].keys() == {"sources"}
    found = config["interpreters"]
    assert found["train"] == "python3"
    # The link itself, not what it leads to.
    assert (tmp_path / "mine").joinpath(found["generate"]).parent.resolve() == (
        python.parent
    )


ALL = {"mode": "reuse", "prompts_per_iteration": 87}


@pytest.mark.parametrize(
    ("num_prompts", "own", "min_rows", "pool"),
    [
        (1003, {}, 50, {"prompts_per_iteration": 250}),
        (1000, {}, 50, {"prompts_per_iteration": 250}),
        (87, {}, 50, ALL),
        # What trains on a single row has as little use of 21 prompts.
        (87, {}, 1, ALL),
        (87, {"mode": "fresh"}, 1, {"prompts_per_iteration": 21}),
        (87, {"mode": "reuse"}, 1, {"prompts_per_iteration": 87}),
        # 300 are too few for 100 rows, at a tenth learnt from in both orders.
        (1200, {}, 100, {"mode": "reuse", "prompts_per_iteration": 1200}),
        (2000, {}, 100, {"prompts_per_iteration": 500}),
    ],
)
def test_iterations_share_the_pool(
    num_prompts: int, own: dict[str, Any], min_rows: int, pool: dict[str, Any]
) -> None:
    """Equally, or each has all of it, unless the project says how."""
    config = {
        "iterations": 4,
        "pool": {"mode": "fresh"} | own,
        "train": {"min_rows": min_rows},
    }
    assert share_pool(num_prompts, config, own) == pool


@pytest.mark.parametrize(("share", "num_trained"), [(0, 40), (0.5, 20)])
def test_what_is_held_out_is_no_share_of_an_iteration(
    share: float, num_trained: int
) -> None:
    """Else the run would stop where the first iteration draws."""
    prompts = [
        Prompt(
            id=str(number),
            images=("a.png",),
            image_sha256s=(str(number),),
            question="Why?",
            kind="open",
            answer_format=None,
            answer=None,
            source="mine",
        )
        for number in range(40)
    ]
    config = {"certificate": {"share": share}, "seed": 0}
    counted = count_trained(prompts, config)
    assert counted == sum(side_of(p, share, 0) == "training" for p in prompts)
    assert abs(counted - num_trained) < 10


def test_what_jobs_on_other_nodes_read_lies_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings with which questions are counted; they are gone afterwards."""
    (tmp_path / "config.yaml").write_text("image_root: photos\n")
    script = importlib.import_module("judge_images")
    asked: list[str] = []

    def ask(command: list[str], *words: str) -> None:
        one = Path(words[words.index("--configfile") + 1])
        assert one.parent == tmp_path
        assert json.loads(one.read_text()) == {"pool": {"prompts_per_iteration": 1}}
        asked.append(words[-1])
        raise SystemExit(3)

    monkeypatch.setattr(script, "ask", ask)
    words = ["--images", str(tmp_path / "photos"), "--project", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["judge_images.py", *words])
    with pytest.raises(SystemExit):
        script.main()
    assert asked == ["results/prompts.jsonl"]
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_make_hands_on_options_that_begin_with_a_hyphen() -> None:
    """JOBS=-j8 is a value of --snakemake, and no option of the script."""
    words = ["make", "-n", "judge", "IMAGES=absent", "JOBS=-j8"]
    # A make above this one would have it say which folder it is in.
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))
    }
    said = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    line = said.stdout.replace("\\\n", " ").strip().splitlines()[-1]
    command = [sys.executable, *shlex.split(line)[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.startswith("error: absent: must be a folder"), done.stderr


@pytest.mark.parametrize(
    ("num_prompts", "own", "least"),
    [(0, {}, 1), (0, {"mode": "fresh"}, 4), (3, {"mode": "fresh"}, 4)],
)
def test_a_pool_of_hardly_any_prompts_is_refused(
    num_prompts: int, own: dict[str, Any], least: int
) -> None:
    """None at all, or three for four iterations that are to share none."""
    config = {"iterations": 4, "pool": {"mode": "fresh"}, "train": {"min_rows": 1}}
    with pytest.raises(ValueError, match=rf"at least {least} .*\(got {num_prompts}\)"):
        share_pool(num_prompts, config, own)


@pytest.mark.parametrize(("min_rows", "fewest"), [(50, 250), (51, 255), (1, 5)])
@pytest.mark.parametrize("is_short", [True, False])
def test_too_few_prompts_to_train_on_are_warned_of(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    min_rows: int,
    fewest: int,
    is_short: bool,
) -> None:
    """By the least rows that training takes, before the probe is paid for."""
    text = f"image_root: photos\niterations: 1\ntrain: {{min_rows: {min_rows}}}\n"
    (tmp_path / "config.yaml").write_text(text)
    script = importlib.import_module("judge_images")

    def ask(command: list[str], *words: str) -> None:
        if words[-1] == "probe_judge":
            raise SystemExit(3)
        (tmp_path / "results").mkdir()
        number = fewest - is_short
        write_records(
            tmp_path / "results" / "prompts.jsonl", map(make_prompt, range(number))
        )

    monkeypatch.setattr(script, "ask", ask)
    words = ["--images", str(tmp_path / "photos"), "--project", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["judge_images.py", *words])
    with pytest.raises(SystemExit):
        script.main()
    warned = (
        f"should have {fewest} prompts (got {fewest - 1})" in capsys.readouterr().err
    )
    assert warned == is_short


@pytest.mark.parametrize(
    ("pool", "before", "after", "is_stopped", "is_warned"),
    [
        # The remainder of equal shares is nobody's fault.
        ({"prompts_per_iteration": 5}, 21, 23, False, False),
        ({"prompts_per_iteration": 5}, 21, 24, True, False),
        ({"prompts_per_iteration": 10, "mode": "reuse"}, 10, 25, True, False),
        ({"prompts_per_iteration": 10, "mode": "reuse"}, 25, 26, True, False),
        # Told once, or so from the beginning: the user's choice.
        ({"prompts_per_iteration": 10, "mode": "reuse"}, 25, 25, False, True),
        ({"prompts_per_iteration": 5}, None, 25, False, True),
        ({"prompts_per_iteration": 5}, None, 20, False, False),
    ],
)
def test_new_prompts_that_no_iteration_uses_stop_the_command_once(
    pool: dict[str, Any],
    before: int | None,
    after: int,
    is_stopped: bool,
    is_warned: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever adds images wants them used, and would pay for all the rest again."""
    own = {"image_root": "photos", "pool": pool}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(own))
    path = tmp_path / "results/prompts.jsonl"
    path.parent.mkdir()

    def import_prompts(number: int) -> None:
        write_records(path, map(make_prompt, range(number)))

    script = importlib.import_module("judge_images")
    asked = []

    def ask(command: list[str], *words: str) -> None:
        asked.append(words[-1])
        if words[-1] == "probe_judge":
            raise SystemExit(3)
        import_prompts(after)

    if before is not None:
        import_prompts(before)
    monkeypatch.setattr(script, "ask", ask)
    words = ["--images", str(tmp_path / "photos"), "--project", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["judge_images.py", *words])
    with pytest.raises(ValueError if is_stopped else SystemExit) as stopped:
        script.main()
    used = pool["prompts_per_iteration"] * (1 if "mode" in pool else 4)
    told = f"{after - used} of {after} prompts"
    if is_stopped:
        assert asked == ["results/prompts.jsonl"]
        assert told in str(stopped.value)
        assert f"delete 'pool' in {tmp_path}/config.yaml" in str(stopped.value)
    else:
        assert asked == ["results/prompts.jsonl", "probe_judge"]
    said = capsys.readouterr().err
    assert (f"WARNING: {told}" in said) == ("are used by no" in said) == is_warned


def test_a_dry_run_ends_where_it_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JOBS=-n makes nothing, of which nothing can be counted."""
    (tmp_path / "config.yaml").write_text("image_root: photos\n")
    script = importlib.import_module("judge_images")
    monkeypatch.setattr(script, "ask", lambda *words: None)
    words = ["--images", str(tmp_path / "photos"), "--project", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["judge_images.py", *words, "--snakemake=-n"])
    with pytest.raises(ValueError, match=r"prompts\.jsonl: must be made by now .*-n"):
        script.main()


def judge_images(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script that `make judge` runs, in a folder."""
    command = [sys.executable, str(ROOT / "scripts" / "judge_images.py")]
    return subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, timeout=900
    )


@pytest.mark.parametrize(
    ("name", "got"),
    [
        ("absent", "no such folder"),
        ("empty", "none in it"),
        ("empty/notes.txt", "a file"),
    ],
)
def test_a_folder_without_images_is_named(tmp_path: Path, name: str, got: str) -> None:
    """In one line, before anything is made."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("hello")
    done = judge_images(tmp_path, "--images", name)
    assert done.stderr == f"error: {name}: must be a folder of images (got {got})\n"
    assert not (tmp_path / f"judge_of_{Path(name).name}").exists()


@pytest.mark.parametrize(
    "words",
    [
        *("--configfile over.yaml", "--configfiles=over.yaml", "-j 2 --conf over.yaml"),
        *("--config seed=7", "-C seed=7", "-Cseed=7"),
    ],
)
def test_a_config_on_the_command_line_is_refused(words: str, tmp_path: Path) -> None:
    """Snakemake takes the last alone, and this command has one of its own."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/1.png").write_bytes(image_bytes())
    done = judge_images(tmp_path, "--images", "photos", f"--snakemake={words}")
    assert done.returncode == 1
    assert re.fullmatch(
        r"error: --snakemake: must leave the config alone \(got '-[^ ]+'\)\. Hint: "
        r"LIKE=overlay\.yaml .*\n",
        done.stderr,
    ), done.stderr
    assert not (tmp_path / "judge_of_photos").exists()


def test_a_profile_with_a_config_is_refused(tmp_path: Path) -> None:
    """What is said on the command line takes its place."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/1.png").write_bytes(image_bytes())
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "config.yaml"
    words = ("--images", "photos", "--profile", "mine")
    for key in ("configfile: [over.yaml]", "config: [seed=7]"):
        path.write_text(f"cores: 1\n{key}\n")
        done = judge_images(tmp_path, *words)
        told = f"error: mine/config.yaml: must leave the config alone (got '{key[:6]}"
        assert done.stderr.startswith(told), done.stderr
    assert not (tmp_path / "judge_of_photos").exists()


@pytest.mark.parametrize("option", ["--images", "--project", "--like"])
def test_an_empty_folder_is_none(
    option: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`make judge` without IMAGES; "" would be the folder that one types in."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    (tmp_path / "config.yaml").write_text("iterations: 1\n")
    monkeypatch.chdir(tmp_path)
    script = importlib.import_module("judge_images")
    monkeypatch.setattr(script, "ask", lambda *words: pytest.fail("it runs"))
    given = {"--images": ".", "--project": "mine", "--like": "."} | {option: ""}
    words = [word for pair in given.items() for word in pair]
    monkeypatch.setattr(sys, "argv", ["judge_images.py", *words])
    with pytest.raises(SystemExit):
        script.main()
    assert (
        f"argument {option}: must be a folder (got ''). Hint: make judge IMAGES=photos"
        in capsys.readouterr().err
    )
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "config.yaml"}


def test_settings_are_not_taken_over_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor where the project says nothing of their section; what is ours goes on."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Path("photos/1.png").write_bytes(image_bytes())
    Path("other.yaml").write_text("train: {min_rows: 1}\n")
    Path("same.yaml").write_text("iterations: 4\n")
    start = importlib.import_module("judge_images").start_project
    start(Path("judge"), Path("photos"), None, Path("same.yaml"))
    path = Path("judge/config.yaml")
    config = yaml.safe_load(path.read_text())
    del config["train"]  # as such projects were until 2026-11-28
    path.write_text(yaml.safe_dump(config))
    start(Path("judge"), Path("photos"), None, Path("same.yaml"))
    with pytest.raises(ValueError, match="sections, train "):
        start(Path("judge"), Path("photos"), None, Path("other.yaml"))


BASE = yaml.safe_load((ROOT / "config.yaml").read_text())["base_model"]


@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        ({}, {}, None),
        ({}, {"images": "link"}, None),
        ({}, {"images": "b/photos"}, r"--images: .* '\.\./a/photos' .*b/photos'\)"),
        ({}, {"images": "absent"}, r"--images: .*\(got '\.\./absent'\)"),
        ({}, {"model": BASE}, None),
        ({}, {"model": "org/new"}, rf"--model: .* '{BASE}' \(got 'org/new'\)"),
        ({"model": "org/new"}, {"model": "org/new"}, None),
        ({"model": "org/new"}, {}, None),
        ({"model": "org/new"}, {"model": "org/old"}, r"--model: .*\(got 'org/old'\)"),
        ({"model": "b"}, {"model": "./b/../b"}, None),
        ({"model": "b"}, {"model": "a"}, r"--model: .* '\.\./b' \(got '\.\./a'\)"),
        ({}, {"like": "tiny"}, r"--like: .*\(got '\.\./b'\)"),
        ({"model": "b"}, {"like": "tiny"}, r"--like: .* sections, train \(got none"),
        ({"like": "tiny"}, {"like": "tiny"}, None),
        ({"like": "tiny"}, {}, None),
        ({"like": "over.yaml"}, {"like": "over.yaml"}, None),
        ({}, {"like": "over.yaml"}, r"--like: .* sections, seed, train \("),
        ({"like": "tiny", "model": "x/y"}, {"like": "tiny", "model": "x/y"}, None),
        ({"like": "tiny"}, {"like": "tiny", "model": "x/y"}, r"--model: .*'x/y'\)"),
    ],
)
def test_a_project_that_says_otherwise_is_not_gone_on_with(
    first: dict[str, str],
    then: dict[str, str],
    told: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two folders of one name, or a model given too late; the same goes on."""
    monkeypatch.chdir(tmp_path)
    for folder in ("a/photos", "b/photos"):
        Path(folder).mkdir(parents=True)
        Path(folder, "1.png").write_bytes(image_bytes())
    Path("link").symlink_to("a/photos")
    Path("tiny").mkdir()
    Path("tiny/config.yaml").write_text("base_model: ../b\ntrain: {min_rows: 1}\n")
    Path("over.yaml").write_text("seed: 7\ntrain: {min_rows: 1}\n")
    start = importlib.import_module("judge_images").start_project

    def give(images: str = "a/photos", model: str = "", like: str = "") -> None:
        path = Path(like) if like else None
        start(Path("judge"), Path(images), model or None, path)

    give(**first)
    path = Path("judge/config.yaml")
    # Settings that were taken over may be changed by hand.
    path.write_text(path.read_text().replace("min_rows: 1", "min_rows: 2"))
    before = path.read_text()
    if told:
        with pytest.raises(ValueError, match=rf"{told}.* Hint: PROJECT="):
            give(**then)
    else:
        give(**then)
    assert path.read_text() == before


HAND = "# Mine.\nimage_root: photos  # all of them\n\n"
NEW = {"mode": "reuse", "prompts_per_iteration": 40}
ALONE = {"prompts_per_iteration": 40}


@pytest.mark.parametrize(
    ("text", "pool", "changed"),
    [
        (HAND, NEW, HAND + "pool:\n  mode: reuse\n  prompts_per_iteration: 40\n"),
        ("a: 1", ALONE, "a: 1\npool:\n  prompts_per_iteration: 40\n"),
        ("", ALONE, "pool:\n  prompts_per_iteration: 40\n"),
        ("# pool: {}\n", ALONE, "# pool: {}\npool:\n  prompts_per_iteration: 40\n"),
        (
            HAND + "pool:\n  # why\n  mode: fresh  # so\nseed: 1\n",
            ALONE,
            HAND + "pool:\n  # why\n  prompts_per_iteration: 40\n  mode: fresh  # so\n"
            "seed: 1\n",
        ),
        (
            "pool: {mode: fresh}  # so\n",
            ALONE,
            "pool: {prompts_per_iteration: 40, mode: fresh}  # so\n",
        ),
        (
            "pool: {}\n" + HAND,
            NEW,
            "pool: {mode: reuse, prompts_per_iteration: 40}\n" + HAND,
        ),
        (
            "\ufeff# Ü\r\n'pool':\r\n    mode: fresh # ü\r\n",
            ALONE,
            "\ufeff# Ü\r\n'pool':\r\n    prompts_per_iteration: 40\n    mode: fresh "
            "# ü\r\n",
        ),
        ("pool:\n  # mode: reuse\nseed: 1\n", NEW, None),
        ("pool: null\n", NEW, None),
        ("pool:", NEW, None),
        ("{seed: 1}\n", NEW, None),
        ("seed: 1\n...\n", NEW, None),
        ("x: &a {mode: fresh}\npool: *a\n", ALONE, None),
        ("pool: &a {mode: fresh}\nx: *a\n", ALONE, None),
    ],
)
def test_a_config_keeps_what_was_written_by_hand(
    text: str, pool: dict[str, Any], changed: str | None, tmp_path: Path
) -> None:
    """Comments and all; a form that is not known is left to the hand."""
    (tmp_path / "real.yaml").write_bytes(text.encode())
    (tmp_path / "config.yaml").symlink_to("real.yaml")
    add_pool = importlib.import_module("judge_images").add_pool
    if changed is None:
        with pytest.raises(ValueError, match=r"by hand .*Hint: pool: \{.*: 40\}, then"):
            add_pool(tmp_path, pool)
    else:
        add_pool(tmp_path, pool)
        assert yaml.safe_load(changed)["pool"].items() >= pool.items()
    expected = text if changed is None else changed
    assert (tmp_path / "real.yaml").read_bytes().decode() == expected
    assert (tmp_path / "config.yaml").is_symlink()
    assert len([*tmp_path.iterdir()]) == 2


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with photos and a project of whose images questions were asked."""
    folder = tmp_path_factory.mktemp("own images")
    (folder / "photos").mkdir()
    for number in range(4):
        content = image_bytes(size=(72, 72), color=(60 * number, 99, 9))
        (folder / "photos" / f"{number}.png").write_bytes(content)
    (folder / "photos" / "notes.txt").write_text("hello")
    done = judge_images(
        folder,
        *("--images", "photos", "--project", "mine"),
        *("--like", str(ROOT / "demo"), "--profile", str(ROOT / "profiles" / "local")),
        # The path to the judge is the loop's, and tested there.
        *("--snakemake", "--omit-from select_prompts"),
    )
    assert (folder / "mine/results/prompts.jsonl").is_file(), done.stdout + done.stderr
    yield folder / "mine"


def test_questions_are_asked_read_answered_and_chosen(asked: Path) -> None:
    """Every text and every file is kept, or has its reason."""
    results = asked / "results"
    report = json.loads((results / "sources/images/questions_report.json").read_text())
    # Of each image five written questions, and the four fixed ones of the demo.
    assert report["num_questions"] == 4 * (5 + 4)
    assert report["num_images"] == 4 and report["dropped_images"] == {
        "no_image_file": 1
    }
    kept, dropped = report["num_kept"], sum(report["dropped_questions"].values())
    assert kept + dropped == report["num_questions"]
    prompts = (results / "prompts.jsonl").read_text().splitlines()
    own = yaml.safe_load((asked / "config.yaml").read_text())
    assert own["pool"] == {"mode": "reuse", "prompts_per_iteration": len(prompts)}
    assert len(prompts) == kept
    ledgers = sorted((results / "ledgers/sources/images").rglob("*.jsonl"))
    assert [path.parent.name for path in ledgers] == ["asked", "seen"]


def test_the_plan_is_of_what_the_command_makes(asked: Path) -> None:
    """Of all its judges, and of no benchmark, which it never asks about."""
    told = dry_run(asked, "-p", "probe_judge")
    assert re.search(r"plan_run\.py .*\}' judge\n", told)
    planned = dry_run(asked, "judge")
    for name in ("judge.json", "pairs_report.json", "filter_report.json"):
        assert len(set(re.findall(rf"iter\d/majority/{name}", planned))) == 4
    assert "train_judge" in planned and "judge_benchmarks" not in planned
    command = [sys.executable, ROOT / "scripts/plan_run.py", "--directory", asked]
    done = subprocess.run([*command, "judge"], capture_output=True, text=True)
    assert done.stdout.startswith("plan of judge\n"), done.stderr
    stages = [line.split(" ")[0] for line in done.stdout.splitlines()]
    assert stages.count("train") == 4 and "benchmark_judgments" not in stages


def dry_run(project: Path, *words: str) -> str:
    """What Snakemake would do in a project."""
    command = [sys.executable, "-m", "snakemake", "--directory", str(project), *words]
    command += ["--snakefile", str(ROOT / "Snakefile"), "-n", "--profile"]
    command.append(str(ROOT / "profiles" / "local"))
    environment = {
        key: value for key, value in os.environ.items() if key != "SNAKEMAKE_PROFILE"
    }
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


def test_the_command_goes_on_where_it_was(asked: Path) -> None:
    """Nothing of a folder that is as it was is stale; a new image asks again."""
    target = "results/prompts.jsonl"
    assert "Nothing to be done" in dry_run(asked, target)
    image = asked.parent / "photos" / "new.png"
    image.write_bytes(image_bytes(size=(72, 72), color="white"))
    told = dry_run(asked, target)
    assert "list_images" in told and "ask_questions" in told
    image.unlink()
