"""What Snakemake keeps of a job does not tell where project, clone and templates lie.

Nothing is run: of all stages that read a template or another file of the repository,
Snakemake is asked what it would write down, and later compare.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from selfjudge.run.config import lay_over
from test_workflow import clone_repository

pytestmark = pytest.mark.workflow

CONFIG = {
    "iterations": 1,
    "filters": ["majority", "reinforced"],
    "image_root": "images",
    "prompts": {"sources": [{"name": "photos", "kind": "images", "path": "images"}]},
    "alterations": {"categories": ["count"]},
    # So few that each stage is one job.
    "pool": {"prompts_per_iteration": 16},
    "pairs": {"check_margin": 0.0},
    "base_model": "someone/base@abc",
    "base_family": "qwen3_vl",
    "engine": {"name": "simulator"},
    "certificate": {"share": 0.5},
    "benchmarks": {
        "vlrb": {"path": "test.parquet", "protocols": ["official"]},
        "mmrb": None,
    },
    "panel": {
        "members": {
            "ada": {"base_model": "someone/ada@abc"},
            "judge": {"base_model": "someone/judge@abc", "scores_only": True},
        },
        "iterations": 1,
        "ballots": ["peers", "informed"],
        "preferences": {"min_votes": 1},
        "skills": {"path": "questions.jsonl"},
    },
}
TARGETS = ["all", "results/probe/report.json"]
# The project and the Snakefile, then targets; prints what is kept of each job.
LISTING = """
import json, sys
from pathlib import Path
from snakemake.api import SnakemakeApi
from snakemake.settings.types import (
    DAGSettings, OutputSettings, Quietness, ResourceSettings
)

project, snakefile, *targets = sys.argv[1:]
with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
    asked = api.workflow(
        ResourceSettings(cores=1), workdir=Path(project), snakefile=Path(snakefile)
    )
    asked.dag(DAGSettings(targets=set(targets))).execute_workflow(executor="dryrun")
    workflow = asked._workflow
    kept = workflow.persistence
    for job in workflow.dag.jobs:
        listed = [kept._input(job), kept._params(job), kept._code(job.rule)]
        print(json.dumps([job.rule.name, [*job.output], *listed]))
"""
AS_ASKED = {"respond_open.txt", "respond_closed.txt"}
ASKED_BY_PAIRS = AS_ASKED | {"count.txt"}
READ = {
    "ask_questions": {f"{x}.txt" for x in "open yes_no number choice phrase".split()},
    "answer_questions": {"respond_closed.txt"},
    "generate_responses": ASKED_BY_PAIRS,
    "check_alterations": {"check.txt"},
    "judge_pairs": {"judge.txt"},
    "filter_judgments": {"judge.txt"},
    "train_judge": {"judge.txt"},
    "pick_reinforcement": {"judge.txt"},
    "reinforce_judge": {"judge.txt"},
    "probe_model": ASKED_BY_PAIRS | {"judge.txt", "check.txt"},
    "judge_benchmarks": {"judge.txt", "vl_rewardbench.txt"},
    "compare_scores": {"leaderboard.yaml"},
    "compare_protocol": {"leaderboard.yaml"},
    "answer_held_out": ASKED_BY_PAIRS,
    "check_held_out": {"check.txt"},
    "alter_again": {"count.txt"},
    "build_variants": {"certificate.yaml"},
    "judge_variants": {"judge.txt"},
    "answer_prompts": AS_ASKED,
    "rate_responses": {"rate.txt", "rate_informed.txt", "judge.txt"},
    "build_preferences": AS_ASKED,
    "answer_benchmark": AS_ASKED,
    "build_report": {"report.html", "report.css", "report.js"},
}

Kept = list[list[object]]


def ask_snakemake(project: Path, clone: Path) -> subprocess.CompletedProcess[str]:
    """Have Snakemake plan all of a project."""
    command = [sys.executable, "-c", LISTING, str(project), str(clone / "Snakefile")]
    return subprocess.run(
        [*command, *TARGETS], capture_output=True, text=True, timeout=300
    )


def kept_of(project: Path, clone: Path) -> Kept:
    """Of each job the rule, outputs, inputs, parameters and shell text, sorted."""
    done = ask_snakemake(project, clone)
    assert done.returncode == 0 and done.stdout, done.stderr
    return sorted(map(json.loads, done.stdout.splitlines()), key=json.dumps)


def write_project(folder: Path, **changes: object) -> Path:
    """A project of which nothing was run, with changes laid over its config."""
    (folder / "images").mkdir(parents=True)
    for name in ("test.parquet", "questions.jsonl"):
        (folder / name).touch()
    (folder / "config.yaml").write_text(yaml.safe_dump(lay_over(CONFIG, changes)))
    return folder


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository that may be changed."""
    folder = tmp_path_factory.mktemp("cloned") / "my selfjudge"
    clone_repository(folder)
    return folder


@pytest.fixture(scope="module")
def kept(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """What is kept of a project that lies outside of the clone."""
    return kept_of(write_project(tmp_path_factory.mktemp("project")), clone)


def test_a_moved_project_is_the_same(kept: Kept, clone: Path, tmp_path: Path) -> None:
    """Another way from it to the clone is no change."""
    assert kept_of(write_project(tmp_path / "deeper/still"), clone) == kept


def test_equal_templates_elsewhere_are_the_same(
    kept: Kept, clone: Path, tmp_path: Path
) -> None:
    """Where a project's own lie says nothing: what they hold does."""
    shutil.copytree(clone / "scripts/templates", tmp_path / "project/own/templates")
    project = write_project(tmp_path / "project", templates="own/templates")
    assert kept_of(project, clone) == kept


def contents(kept: Kept) -> dict[str, set[str]]:
    """The files that rules name by content, as "judge.txt <hash>"."""
    found: dict[str, set[str]] = {}
    for rule, _, _, parameters, _ in kept:
        held = set(re.findall(r"[\w.]+ [0-9a-f]{16}(?=')", str(parameters)))
        found[str(rule)] = found.get(str(rule), set()) | held
    return {rule: held for rule, held in found.items() if held}


def test_an_edited_file_changes_those_that_read_it(
    kept: Kept, clone: Path, tmp_path: Path
) -> None:
    """And nothing else: of each stage, the content of each file that it reads."""
    captions = {path.name for path in (clone / "scripts/templates/captions").iterdir()}
    before = contents(kept)
    expected = READ | {"make_plots": captions}
    assert {
        rule: {one.split()[0] for one in held} for rule, held in before.items()
    } == expected
    shutil.copytree(clone, tmp_path / "edited", symlinks=True)
    files = [*(tmp_path / "edited/scripts/templates").rglob("*.*")]
    files.append(tmp_path / "edited/scripts/selfjudge/benchmarks/leaderboard.yaml")
    for path in files:
        path.write_text(path.read_text() + "\n")
    edited = kept_of(write_project(tmp_path / "project"), tmp_path / "edited")
    after = contents(edited)
    assert after.keys() == before.keys()
    assert all(before[rule].isdisjoint(after[rule]) for rule in before)

    def without(listed: Kept) -> str:
        return re.sub(r" [0-9a-f]{16}'", "'", json.dumps(listed))

    assert without(edited) == without(kept)


def test_a_missing_template_is_named_before_anything_starts(
    clone: Path, tmp_path: Path
) -> None:
    shutil.copytree(clone / "scripts/templates", tmp_path / "own")
    (tmp_path / "own/judge.txt").unlink()
    project = write_project(tmp_path / "project", templates="../own")
    told = ask_snakemake(project, clone).stderr
    assert "../own/judge.txt: this file must exist (got none)" in told
