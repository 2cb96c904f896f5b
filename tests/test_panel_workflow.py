"""The panel's rules, run by real Snakemake with an engine that only pretends.

What no model writes is not trained on: it runs up to the first training.  One run, of
two tiny members, is real and goes to its end.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from selfjudge.ground.ledgers import read_ledgers
from selfjudge.ground.lines import read_json, read_lines
from selfjudge.report.lineage_index import open_index
from selfjudge.report.lineage_text import show_impact, show_lineage
from tiny_panel import MEMBERS as TINY
from tiny_panel import NUM_QUESTIONS as NUM_TINY
from tiny_panel import RATED, SKILLS, write_tiny_panel

pytestmark = pytest.mark.workflow

REPOSITORY = Path(__file__).resolve().parents[1]
NUM_PROMPTS, NUM_QUESTIONS = 24, 6
BALLOTS = ["peers", "informed", "self", "random", "gold"]
MEMBERS = {name: {"base_model": f"someone/{name}@abc"} for name in ("ada", "bea")}
JUDGE = {"judge": {"base_model": "someone/judge@abc", "scores_only": True}}
CONFIG = {
    "iterations": 1,
    "image_root": "images",
    "prompts": {
        "keep_out": [],
        "sources": [
            {
                "name": "own",
                "kind": "jsonl",
                "path": "prompts.jsonl",
                "gold_answers": True,
            }
        ],
    },
    "pool": {"prompts_per_iteration": NUM_PROMPTS},
    "engine": {"name": "simulator"},
    "train": {"min_rows": 1},
    "panel": {
        "members": MEMBERS | JUDGE,
        "iterations": 2,
        "ballots": BALLOTS,
        "shards": 1,
        "responses": {"num_samples": 4},
        # A judge that draws its verdicts holds few texts as good as keep.
        "preferences": {"min_votes": 1, "keep": 0.6, "margin": 0.25},
        "skills": {"path": "questions.jsonl"},
    },
}
REPORTS = [f"results/panel/iter1/{name}/panel_report.json" for name in BALLOTS]
TARGETS = [*REPORTS, "results/panel/iter0/skills.json"]


def snakemake(project: Path, *arguments: str) -> str:
    """Run Snakemake on a project; what it printed."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", "Snakefile"]
    command += ["--profile", "profiles/local", "--directory", str(project)]
    done = subprocess.run(
        [*command, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    return printed


def planned(project: Path, *targets: str) -> dict[str, int]:
    """The jobs that a dry run would start, by rule."""
    table = re.search(
        r"^job +count\n-+ +-+\n(.*?)^total ",
        snakemake(project, "-n", *targets),
        re.M | re.S,
    )
    rows = (line.split() for line in table[1].splitlines()) if table else ()
    return {rule: int(count) for rule, count in rows}


def write_rows(project: Path, name: str, numbers: range) -> None:
    """Rows of prompts with gold answers, and an image of each."""
    lines = []
    for number in numbers:
        image = project / "images" / f"{number}.png"
        image.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (number, 0, 0)).save(image)
        text = {"images": [image.name], "question": "How many dogs are there?"}
        row = text | {"answer": str(number % 10), "answer_format": "number"}
        lines.append(json.dumps(row) + "\n")
    (project / name).write_text("".join(lines))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which all ballots have chosen at iteration 1."""
    folder = tmp_path_factory.mktemp("panel")
    rows = {"prompts.jsonl": range(2 * NUM_PROMPTS)}
    rows["questions.jsonl"] = range(100, 100 + NUM_QUESTIONS)
    for name, numbers in rows.items():
        write_rows(folder, name, numbers)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    snakemake(folder, *TARGETS)
    return folder


def test_every_prompt_is_accounted_for(project: Path) -> None:
    """In every ballot, once for all members or once for each."""
    for path in REPORTS:
        report = read_json(project / path)
        name = path.split("/")[3]
        scopes = len(MEMBERS) if name == "self" else 1
        assert report["num_prompts"] == NUM_PROMPTS
        counted = report["num_preferences"] + report["num_dropped"]
        assert counted == scopes * NUM_PROMPTS, path
        assert report["gold"]["all"]["num_prompts"] == NUM_PROMPTS
        asked = report["ratings"]["judge"]["num_ratings"]
        # It rates whatever ballot counts more than one's own word.
        assert (asked > 0) == (name in ("peers", "informed", "self"))
    peers, drawn = read_json(project / REPORTS[0]), read_json(project / REPORTS[3])
    assert set(peers["agreement_rate"]["judge"]) == set(MEMBERS)
    assert 0 < drawn["num_preferences"] <= peers["num_preferences"]
    assert peers["ratings"]["ada"]["num_ratings"] > NUM_PROMPTS


def test_ballots_share_what_members_say_as_they_came(project: Path) -> None:
    """At iteration 1 each member answers once, and rates once in each wording."""
    ledgers = read_ledgers(project / "results" / "ledgers")
    stages = [path.rsplit("/", 1)[0].removeprefix("panel/") for path in ledgers]
    folders = sorted(stage for stage in set(stages) if stage.startswith("iter1/"))
    assert folders == sorted(
        [
            *(
                f"iter1/base/{member}/{work}"
                for member in MEMBERS
                for work in ("responses", "ratings/plain", "ratings/informed")
            ),
            "iter1/base/judge/ratings/matches",
        ]
    )
    assert not list((project / "results/panel/iter1/peers").glob("ada/responses"))


def test_skills_at_iteration_0_are_of_the_members_as_they_came(project: Path) -> None:
    found = read_json(project / "results/panel/iter0/skills.json")
    assert found["simulated"] is True
    rows = found["members"]
    assert {row["member"] for row in rows} == set(MEMBERS)
    assert all(row["num_questions"] == NUM_QUESTIONS for row in rows)
    assert all(row["ballot"] == "base" and row["gain"] is None for row in rows)


def test_a_preference_leads_up_to_its_image_and_down_to_who_learns(
    project: Path,
) -> None:
    """Over both candidates, what was rated, and the responses that said them."""
    path = project / "results/panel/iter1/peers/preferences.jsonl"
    row = read_json_line(path)
    with open_index(project, ["prompts.jsonl"]) as index:
        told = "\n".join(show_lineage(index, row["id"], 20))
        seen = "\n".join(show_lineage(index, row["chosen_id"], 20))
        below = "\n".join(show_impact(index, row["images"][0]))
    assert f"preference {row['id']} for all, rewards " in told
    for name in ("chosen candidate", "rejected candidate", "response", "prompt"):
        assert re.search(rf"^ +{name} [0-9a-f]+ ", told, re.M), name
    assert f"image {row['images'][0]}" in told
    assert "results/panel/iter1/peers, all: 1 row" in told
    assert re.search(r"rating [0-9a-f]+ of ada: ", seen)
    assert "rewards ada " in seen
    for kind in ("candidate", "rating", "vote", "preference"):
        assert re.search(rf"^ +\d+ {kind} ", below, re.M), kind
    assert "no judge" not in below


def read_json_line(path: Path) -> Any:
    """The first record of a file."""
    return json.loads(path.read_text().splitlines()[0])


def test_nothing_is_stale_afterwards(project: Path) -> None:
    """Nor when a file is touched, or the engine works in other batches."""
    assert planned(project, *TARGETS) == {}
    os.utime(project / "results/panel/iter1/prompts.jsonl")
    path = project / "config.yaml"
    before = path.read_text()
    path.write_text(
        yaml.safe_dump(CONFIG | {"engine": {"name": "simulator", "batch_size": 7}})
    )
    try:
        assert planned(project, *TARGETS) == {}
    finally:
        path.write_text(before)


def test_a_moved_project_has_nothing_to_do(project: Path, tmp_path: Path) -> None:
    """Though another path leads from it to the templates of the repository."""
    moved = shutil.copytree(project, tmp_path / "deeper/project")
    assert planned(Path(moved), *TARGETS) == {}


def test_other_thresholds_ask_nobody(project: Path) -> None:
    path = project / "config.yaml"
    before = path.read_text()
    panel = CONFIG["panel"] | {
        "preferences": {"keep": 0.7, "margin": 0.25, "min_votes": 1}
    }  # type: ignore[operator]
    path.write_text(yaml.safe_dump(CONFIG | {"panel": panel}))
    try:
        jobs = planned(project, *TARGETS)
    finally:
        path.write_text(before)
    assert set(jobs) == {"build_preferences", "report_panel"}


def test_a_simulated_member_is_not_trained(project: Path) -> None:
    """The whole target is planned: each ballot's members, at each iteration."""
    jobs = planned(project, "results/panel/iter2/skills.json")
    assert jobs["train_member"] == 2 * len(MEMBERS) * len(BALLOTS)
    assert jobs["answer_prompts"] == len(MEMBERS) * len(BALLOTS)
    # gold and random rate nothing; under self a judge has no say.
    assert jobs["rate_responses"] == len(MEMBERS) * (len(BALLOTS) - 2) + 2


def test_a_member_without_its_folder_is_named(project: Path) -> None:
    """Before anything starts, with its place in the config."""
    path = project / "config.yaml"
    before = path.read_text()
    members = MEMBERS | {"ada": {"base_model": "./nowhere"}}
    panel = CONFIG["panel"] | {"members": members}  # type: ignore[operator]
    engine = {"engine": {"name": "transformers"}}
    path.write_text(yaml.safe_dump(CONFIG | {"panel": panel} | engine))
    try:
        with pytest.raises(AssertionError) as told:
            snakemake(project, "-n", "results/panel/iter2/skills.json")
    finally:
        path.write_text(before)
    assert "'panel.members.ada.base_model' must be an existing folder" in str(
        told.value
    )


# What lmms-eval is called with, and what it leaves: a folder named after the model.
LMMS_EVAL = (
    f"""#!/usr/bin/env python3
import json, os, sys
PYTHON = {sys.executable!r}
"""
    + """\
if sys.argv[1] == "-c":  # where a model of the Hub lies
    os.execv(PYTHON, [PYTHON, *sys.argv[1:]])
words = dict(zip(sys.argv[3::2], sys.argv[4::2]))
assert sys.argv[1:3] == ["-m", "lmms_eval"], sys.argv
if words["--tasks"] == "nothing":
    sys.exit(print("Error during evaluation"))  # 0, as lmms-eval
folder = os.path.join(words["--output_path"], "someone__model")
os.makedirs(folder)
value = 0.5 if "ada" in words["--model_args"] else 0.25
results = {
    task: {
        "alias": task,
        "accuracy,none": value,
        "accuracy_stderr,none": "N/A",
        "submission,none": None,
    }
    for task in words["--tasks"].split(",")
}
numbers = {task: {"original": 9, "effective": 8} for task in results}
with open(os.path.join(folder, "20260101_120000_results.json"), "w") as file:
    json.dump({"results": results, "n-samples": numbers, "words": words}, file)
"""
)


def test_lmms_eval_measures_members_on_public_tasks(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its command line, and by what it writes; here something stands in for it.

    bea lies in the Hub's cache: most classes take no revision.
    """
    stand_in = project / "lmms_python"
    stand_in.write_text(LMMS_EVAL)
    stand_in.chmod(0o755)
    path = project / "config.yaml"
    before = path.read_text()
    asked = {"tasks": ["pope", "mmbench_en_dev"], "model_args": "device_map=cpu"}
    (project / "ada").mkdir()
    commit = "a" * 40
    snapshot = project / "hub/hub/models--someone--bea/snapshots" / commit
    snapshot.mkdir(parents=True)
    monkeypatch.setenv("HF_HOME", str(project / "hub"))
    fetched = project / "results/sources/members/bea.json"
    fetched.parent.mkdir(parents=True, exist_ok=True)
    fetched.write_text("{}")
    members = {
        "ada": {"base_model": "./ada"},
        "bea": {"base_model": f"someone/bea@{commit}"},
    }
    panel = CONFIG["panel"] | {"skills": {"lmms_eval": asked}, "members": members}  # type: ignore[operator]
    changed = {"panel": panel, "interpreters": {"evaluate": str(stand_in)}}
    path.write_text(yaml.safe_dump(CONFIG | changed))
    target = "results/panel/iter0/public_skills.json"
    try:
        jobs = planned(project, "results/panel/iter1/public_skills.json")
        snakemake(project, target)
        rows = read_json(project / target)["rows"]
        folder = project / "results/panel/iter0/base/bea/lmms_eval"
        (said,) = folder.glob("*/*_results.json")
        words = read_json(said)["words"]
        panel["skills"] = {"lmms_eval": asked | {"tasks": ["nothing"]}}
        path.write_text(yaml.safe_dump(CONFIG | changed))
        with pytest.raises(AssertionError, match="lmms-eval wrote no results"):
            snakemake(project, target)
    finally:
        path.write_text(before)
    assert jobs["run_lmms_eval"] == len(MEMBERS) * (len(BALLOTS) + 1)
    assert len(rows) == 2 * len(MEMBERS)
    found = {(row["member"], row["task"]): row for row in rows}
    ada = found["ada", "pope"]
    assert (ada["value"], ada["metric"], ada["num_questions"]) == (0.5, "accuracy", 8)
    assert ada["stderr"] is None and ada["gain"] is None
    assert words["--model"] == "llava_hf"
    assert words["--model_args"] == f"pretrained={snapshot},device_map=cpu"


def test_the_documented_config_is_planned(tmp_path: Path) -> None:
    """That of docs/panel.md, with members and a base that are not here."""
    page = (REPOSITORY / "docs" / "panel.md").read_text(encoding="utf-8")
    config, question = re.findall(r"^```\w*\n(.*?)^```", page, re.M | re.S)[:2]
    (tmp_path / "config.yaml").write_text(config)
    (tmp_path / "questions.jsonl").write_text(question)
    (tmp_path / "prompts.jsonl").write_text(question)
    jobs = planned(tmp_path, "results/panel/iter3/skills.json")
    members = yaml.safe_load(config)["panel"]["members"]
    assert jobs["train_member"] == 3 * len(members)
    # Of many shards; who measures few questions loads a model once.
    assert jobs["answer_prompts"] > 3 * len(members)
    assert jobs["answer_benchmark"] == 2 * len(members)


def test_one_member_more_asks_only_what_is_new(project: Path) -> None:
    """The others are answered from the journal: its files stay as they are.

    Last: it adds to the project.
    """
    journal = project / "results" / "journal"
    before = {path: path.read_bytes() for path in journal.rglob("*.jsonl")}
    members = MEMBERS | {"cyd": {"base_model": "someone/cyd@abc"}} | JUDGE
    panel = CONFIG["panel"] | {"members": members}  # type: ignore[operator]
    (project / "config.yaml").write_text(yaml.safe_dump(CONFIG | {"panel": panel}))
    jobs = planned(project, *REPORTS[:1])
    assert jobs["answer_prompts"] == 1
    snakemake(project, *REPORTS[:1])
    new = set(journal.rglob("*.jsonl")) - set(before)
    assert new and {path.parent for path in new} & {p.parent for p in before} == set()
    assert all(path.read_bytes() == content for path, content in before.items())
    votes = project / "results/panel/iter1/base/votes/plain/1of1.jsonl"
    assert all(
        b'"raters":["ada","bea","cyd","judge"]' in line for _, line in read_lines(votes)
    )


def test_a_killed_run_goes_on_to_skills(tmp_path: Path) -> None:
    """What was answered, rated and trained before is not done again.

    Killed with all its jobs, as by the machine's end, once the first member that is
    trained is asked.
    """
    write_tiny_panel(tmp_path)
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/local"]
    started = subprocess.Popen(
        [*command, "--directory", str(tmp_path), RATED, SKILLS],
        cwd=REPOSITORY,
        start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    asked = "logs/panel/iter1/gold/*/answer_benchmark/*.log"
    while started.poll() is None and not any(tmp_path.glob(asked)):
        time.sleep(0.1)
    assert started.poll() is None, "over before a trained member was asked"
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    journal = tmp_path / "results" / "journal"
    before = {path: path.read_bytes() for path in journal.rglob("*.jsonl")}
    snakemake(tmp_path, "--unlock")
    left = planned(tmp_path, RATED, SKILLS)
    assert left.get("train_member", 0) <= len(TINY) - 1
    done = {"answer_prompts", "list_candidates", "build_preferences"}
    assert not done & set(left), left
    snakemake(tmp_path, RATED, SKILLS)
    assert all(path.read_bytes() == content for path, content in before.items())
    rows = read_json(tmp_path / SKILLS)["members"]
    seen = {(row["iteration"], row["ballot"], row["member"]) for row in rows}
    assert seen == {
        (at, ballot, name) for at, ballot in ((0, "base"), (1, "gold")) for name in TINY
    }
    assert all(row["num_questions"] <= NUM_TINY for row in rows)
    assert all((row["gain"] is None) == (row["iteration"] == 0) for row in rows)
    for name in TINY:
        folder = tmp_path / f"results/panel/iter1/gold/{name}/model"
        told = read_json(folder / "provenance.json")
        assert told["member"] == name and told["num_rows"] > 0
        base = tmp_path / "config.yaml"
        start = Path(yaml.safe_load(base.read_text())["base_model"])
        weights = "model.safetensors"
        assert (folder / weights).read_bytes() != (start / weights).read_bytes()
    assert planned(tmp_path, RATED, SKILLS) == {}
