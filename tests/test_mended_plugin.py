"""What rules/slurm.smk makes of the plugin's answers and of a job's resources."""

import asyncio
import json
import logging
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from selfjudge.run import attempts, slurm
from selfjudge.run.site import read_site

ROOT = Path(__file__).parents[1]
SMK = ROOT / "rules/slurm.smk"


@pytest.fixture(scope="module")
def mended() -> type:
    """The executor's class, as the workflow has it."""
    known: dict[str, Any] = {"sys": sys, "json": json, "shlex": shlex, "Path": Path}
    known["workflow"] = SimpleNamespace(basedir=str(ROOT))
    exec(compile(SMK.read_text(), str(SMK), "exec"), known)
    found = known["Mended"]
    assert isinstance(found, type)
    return found


@pytest.fixture
def executor(mended: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An executor that has submitted job 7 and has asked nothing yet."""
    made: Any = object.__new__(mended)
    made.attempts, made.states, made.missed, made.asked = {}, {}, {}, ["7"]
    made.silent_since = None
    made.stopping, made.refused, made.submitted = Stopping(), 0, {"7"}
    made.logger = logging.getLogger("test")
    made.run_uuid, made.slurm_logdir = "run", tmp_path
    made.site = site_of(tmp_path)
    monkeypatch.setattr(slurm, "partition_limits", lambda partition: (240, 500000, 8))
    return made


class Stopping:
    """An event that nobody sets, and for which nobody waits in earnest."""

    waited = 0

    def is_set(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        self.waited += 1
        assert self.waited < 20
        return False


def site_of(folder: Path, **local: Any) -> Any:
    for name in ("site.yaml", "site.schema.yaml"):
        (folder / name).write_text((ROOT / "profiles/slurm" / name).read_text())
    (folder / "local.yaml").write_text(yaml.safe_dump(local))
    return read_site(folder)


def ask(executor: Any, answer: dict[str, str] | None) -> dict[str, str]:
    """What the plugin is told where SLURM gives this answer."""

    async def query(command: str, logger: Any) -> Any:
        return (None, None) if answer is None else (answer, 0.1)

    executor.query = query
    logger = logging.getLogger("test")
    states, seconds = asyncio.run(executor.ask_states("squeue", logger))
    assert seconds is not None
    return dict(states)


@pytest.mark.parametrize(
    ("decisions", "num_prompts", "here"),
    [
        ("local", 62_500, True),  # 16 responses each: a million
        ("local", 62_501, False),
        ("jobs", 10, False),
    ],
)
def test_decisions_run_here_up_to_a_million_records(
    mended: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    decisions: str,
    num_prompts: int,
    here: bool,
) -> None:
    """Above that, or where a site wants it, they are jobs; no other rule moves."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["pool"]["prompts_per_iteration"] = num_prompts
    names = ("build_pairs", "judge_pairs", "ask_judge")
    workflow = SimpleNamespace(
        _localrules={"ask_judge"}, rules=[SimpleNamespace(name=name) for name in names]
    )
    site_of(tmp_path, decisions=decisions)
    known = mended.__post_init__.__globals__
    changes = {"config": config, "workflow": workflow, "SITE": tmp_path}
    for name, value in changes.items():
        monkeypatch.setitem(known, name, value)
    monkeypatch.setattr(known["PLUGIN"].Executor, "__post_init__", lambda self: None)
    for name in ("query_job_status", "get_submit_command", "set_gres_string"):
        monkeypatch.setattr(known["PLUGIN"], name, None)
    mended.__post_init__(object.__new__(mended))
    assert workflow._localrules == {"ask_judge"} | ({"build_pairs"} if here else set())


def test_no_answer_is_no_news(executor: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert [ask(executor, None) for _ in range(9)] == [{}] * 9
    assert ask(executor, {"7": "RUNNING"}) == {"7": "RUNNING"}
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2 and "does not answer" in said[0] and "again" in said[1]


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("CANCELLED by 0", "CANCELLED"),
        ("PREEMPTED", "FAILED"),
        ("LAUNCH_FAILED", "FAILED"),
        ("COMPLETED", "COMPLETED"),
        ("REQUEUE_HOLD", "REQUEUE_HOLD"),
    ],
)
def test_states_are_those_that_the_plugin_knows(
    executor: Any, told: str, state: str
) -> None:
    assert ask(executor, {"7": told}) == {"7": state}


def test_a_job_that_slurm_forgot_is_asked_for_and_then_given_up(
    executor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = slurm.Ended(state="COMPLETED", seconds=9, limit=60, node="h1")
    monkeypatch.setattr(slurm, "show_job", lambda job: done)
    assert [ask(executor, {}) for _ in range(3)] == [{}, {}, {"7": "COMPLETED"}]
    monkeypatch.setattr(slurm, "show_job", lambda job: None)
    # While nobody can be asked it is not known to be gone.
    monkeypatch.setattr(slurm, "is_unknown", lambda job: False)
    assert ask(executor, {}) == {}
    monkeypatch.setattr(slurm, "is_unknown", lambda job: True)
    assert ask(executor, {}) == {"7": "FAILED"}
    assert executor.states["7"] == "LOST"


class Job:
    """As much of a job of Snakemake's as is looked at."""

    name, threads, attempt = "judge_pairs", 8, 2
    wildcards = ("1of2",)

    def __init__(self, resources: dict[str, Any]) -> None:
        self.resources = resources

    def is_group(self) -> bool:
        return False


def submitted(executor: Any, **resources: Any) -> tuple[dict[str, Any], str]:
    """The resources with which the plugin builds a command, and what is added to it."""
    job = Job(resources)
    built: dict[str, Any] = {}

    def build(view: Any, params: Any, settings: Any = None) -> str:
        built.update(view.resources)
        assert view.resources.runtime == built["runtime"] and view.threads == 8
        return "sbatch"

    executor.attempts = {job: executor.known} if hasattr(executor, "known") else {}
    call = executor.command(build, job, {}, failed_nodes={"x"})
    return built, str(call)


ASKED: dict[str, Any] = {"runtime": 120, "mem_mb": 64000, "slurm_partition": "gpu"}
ASKED |= {"gpu": 2, "gpu_model": "h100-80", "slurm_extra": "--exclude=h9"}


@pytest.mark.parametrize(
    ("local", "added"),
    [
        ({}, " --gpus=h100-80:2"),
        ({"gpu_request": "gres"}, " --gres=gpu:h100-80:2"),
        ({"gpu_request": "gpus-per-node"}, " --gpus-per-node=h100-80:2"),
    ],
)
def test_gpus_are_asked_for_as_the_site_wants(
    executor: Any, tmp_path: Path, local: dict[str, str], added: str
) -> None:
    executor.site = site_of(tmp_path, **local)
    assert submitted(executor, **ASKED)[1] == f"sbatch{added}"


def test_what_grows_and_what_is_avoided(executor: Any, tmp_path: Path) -> None:
    asked, _ = submitted(executor, **ASKED)
    assert (asked["runtime"], asked["mem_mb"]) == (120, 64000)
    assert asked["slurm_extra"] == "--exclude=h9"
    executor.known = attempts.Attempts()
    for cause in ("time", "time", "memory", "early", "cancelled"):
        executor.known.learn(cause, "h1")
    asked, _ = submitted(executor, **ASKED)
    assert (asked["runtime"], asked["mem_mb"]) == (240, 128000)
    assert asked["slurm_extra"] == "--exclude=h9,h1"
    executor.site = site_of(
        tmp_path, max_minutes=200, max_mb=100000, memory=False, gpu_cpus=4
    )
    asked, _ = submitted(executor, **ASKED)
    assert asked["runtime"] == 200 and "mem_mb" not in asked
    assert asked["cpus_per_task"] == 8


def test_a_job_of_one_node_is_pinned_to_it_and_keeps_off_none(executor: Any) -> None:
    executor.known = attempts.Attempts(bad_nodes=["h1"])
    asked, _ = submitted(executor, **ASKED, nodelist="h9")
    assert asked["slurm_extra"] == "--nodelist=h9"


@pytest.mark.parametrize(
    ("resources", "told"),
    [
        ({}, "failed within 120 seconds on h1. The next attempt keeps off h1."),
        # A check of this one node.
        ({"nodelist": "h1"}, "failed within 120 seconds on h1."),
    ],
)
def test_an_early_failure_says_what_follows(
    executor: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    resources: dict[str, Any],
    told: str,
) -> None:
    ended = slurm.Ended(state="FAILED", seconds=1, limit=7200, node="h1")
    monkeypatch.setattr(slurm, "show_job", lambda number: ended)
    aux = {"slurm_logfile": tmp_path / "absent.log"}
    info = SimpleNamespace(job=Job(resources), external_jobid="7", aux=aux)
    assert executor.learn(info) == told


LISTED = "8|rule_judge_pairs_wildcards_1of2\n7|rule_judge_pairs_wildcards_1of2\n"


@pytest.mark.parametrize(
    ("answers", "num_cancelled"),
    [
        # No answer says nothing: the job may be there.
        ([None, None, ""], 0),
        ([None, LISTED, LISTED, None, "7|rule_judge_pairs_wildcards_1of2\n"], 2),
    ],
)
def test_a_refused_job_is_submitted_again_when_it_is_known_to_be_gone(
    executor: Any,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[str | None],
    num_cancelled: int,
) -> None:
    left, cancelled, again = [*answers], [], []

    def call(*words: str) -> str | None:
        if words[0] == "scancel":
            cancelled.append(words[1:])
            return ""
        assert words[0] == "squeue" and not again
        return left.pop(0)

    monkeypatch.setattr(slurm, "call", call)
    executor._job_submission_executor = SimpleNamespace(
        submit=lambda run, job: again.append(job)
    )
    job = Job({})
    info = SimpleNamespace(job=job, external_jobid=None)
    executor._report_job_error_threadsafe(info, "sbatch: error: Socket timed out")
    assert (left, again) == ([], [job])
    assert cancelled == [("8",)] * num_cancelled


@pytest.mark.parametrize("broken", ["log", "logdir"])
def test_a_disk_that_fails_ends_no_run(
    executor: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    broken: str,
) -> None:
    """What is raised there would reach the thread that waits for all jobs."""
    ended = slurm.Ended(state="FAILED", seconds=600, limit=7200, node="h1")
    monkeypatch.setattr(slurm, "show_job", lambda number: ended)
    log = tmp_path / "absent.log"
    if broken == "log":
        log = tmp_path  # to read a folder is an OSError
    else:
        executor.slurm_logdir = tmp_path / "absent"
    info = SimpleNamespace(job=Job({}), external_jobid="7", aux={"slurm_logfile": log})
    assert executor.learn(info) == "failed on h1."
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert (tmp_path / "ended.jsonl").is_file() == (broken == "log")
