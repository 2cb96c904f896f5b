"""The terminal of a run: a line a stage, time left, and failures last."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from snakemake_logger_plugin_selfjudge.stages import (
    Run,
    duration,
    explain,
    fit,
    lay_out,
    progress_of,
)
from test_workflow import REPOSITORY

ERASED = "\r\x1b[K"


class Clock:
    """Seconds that a test moves on."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def job(jobid: int, rule: str = "judge_pairs", log: Any = (), **wildcards: Any) -> Any:
    """A JOB_INFO or JOB_ERROR event."""
    return {"jobid": jobid, "rule_name": rule, "wildcards": wildcards, "log": log}


def test_a_stage_is_one_line(clock: Clock, tmp_path: Path) -> None:
    """When none of its jobs runs any more: counts, time, speed; short ones not."""
    log = tmp_path / "1.log"
    log.write_text("x: 1/30 records, 0.1 records/s\nx: 30/30 records, 9 records/s, E")
    run = Run({"judge_pairs": 2, "build_pairs": 1, "total": 3}, clock)
    assert run.start(job(1, iteration=1, shard="1of2", log=[log])) == []
    assert run.start(job(2, iteration=1, shard="2of2", log=[log])) == []
    clock.now = 10
    run.finish(1)
    run.count(1, 3)
    assert run.start(job(3, "build_pairs")) == []  # the second shard still runs
    clock.now = 20
    run.finish(2)
    run.finish(3)
    run.count(3, 3)
    lines = run.closing()
    assert lines[0].split() == (
        "3/3 iter1 judge_pairs (2 jobs) 30 s, 60 records, 2.0/s".split()
    )
    assert lines[-1] == "3 jobs done in 20 s"


def test_short_stages_are_counted_only(clock: Clock) -> None:
    run = Run({"ask_judge": 1, "all": 1, "total": 2}, clock)
    run.start(job(1, "ask_judge"))
    clock.now = 1
    run.finish(1)
    run.count(1, 2)
    assert run.start(job(2, "all")) == []
    assert "1/2 jobs" in run.state()


def test_time_left_is_by_rule(clock: Clock) -> None:
    """Seven more jobs of 10 s one after another, whatever shorter ones took."""
    run = Run({"train_judge": 10, "total": 10}, clock)
    assert run.time_left() == ""
    for number in range(3):
        run.start(job(number, "train_judge"))
        clock.now += 10
        run.finish(number)
        run.count(number + 1, 10)
    assert run.time_left() == "about 70 s left"


def test_what_a_stage_has_to_say_is_a_line(clock: Clock, tmp_path: Path) -> None:
    """Lines "note: ..." of a job that ended well, under its name; no other."""
    log = tmp_path / "stage.log"
    log.write_text("{}\nnote: 1 of 2 rows dropped\nkeep a note: no\nnote: b\n")
    run = Run({"import_prompts": 1, "total": 1}, clock)
    run.start(job(1, "import_prompts", [str(log)]))
    said = ["import_prompts: 1 of 2 rows dropped", "import_prompts: b"]
    assert run.finish(1) == said
    assert run.finish(1) == []


@pytest.mark.parametrize(
    ("width", "columns"), [(None, 4), (200, 4), (92, 4), (91, 3), (80, 3), (10, 3)]
)
def test_a_stage_fits_a_narrow_terminal(width: int | None, columns: int) -> None:
    """What is left goes first: the line that is drawn again says it too."""
    cells = ["24/50", "iter0 judge_benchmarks (base, 1of1)", "3 min, 9 records, 1.2/s"]
    line = lay_out(*cells, "about 31 min left", width)
    assert re.split(" {2,}", line) == [*cells, "about 31 min left"][:columns]
    assert width is None or width < 70 or len(line) <= width


def test_failures_stand_last_with_their_log(clock: Clock, tmp_path: Path) -> None:
    log = tmp_path / "stage.log"
    log.write_text("noise\nerror: prompts.jsonl:2: must be (got x)\nHint: y\n")
    run = Run({"import_prompts": 1, "total": 1}, clock)
    run.start(job(1, "import_prompts", [str(log)]))
    failed = job(1, "import_prompts", [str(log)]) | {"rule_msg": None}
    assert "prompts.jsonl:2" in "".join(run.fail(failed))
    assert run.closing()[-3:] == [
        "  error: prompts.jsonl:2: must be (got x)",
        "  Hint: y",
        f"  log: {log}",
    ]


def test_a_failure_says_what_the_cluster_does_about_it(tmp_path: Path) -> None:
    """Of what SLURM's plugin says only ours, beside the stage's own sentence."""
    log = tmp_path / "judge.log"
    log.write_text("error: device: must be a GPU\n")
    said = "failed within 120 seconds on n1. The next attempt keeps off n1. "
    said += "SLURM-job '26' failed, SLURM status is: 'FAILED'."
    run = Run({"total": 1})
    [line] = run.fail(job(1, "judge_pairs", [str(log)]) | {"rule_msg": said})
    assert line == (
        "FAILED  judge_pairs: device: must be a GPU (failed within 120 seconds on n1. "
        "The next attempt keeps off n1.)"
    )


def test_a_job_that_is_tried_again_and_ends_well_has_not_failed(clock: Clock) -> None:
    run = Run({"train_judge": 1, "total": 1}, clock)
    run.start(job(1, "train_judge"))
    run.fail(job(1, "train_judge") | {"rule_msg": "OUT_OF_MEMORY"})
    run.start(job(1, "train_judge"))
    run.finish(1)
    run.count(1, 1)
    assert run.closing() == ["1 job done in 0 s"]


def test_a_run_that_a_person_stops_has_not_failed(clock: Clock, tmp_path: Path) -> None:
    log = tmp_path / "stage.log"
    log.write_text("Traceback (most recent call last):\n  x\nKeyboardInterrupt\n")
    run = Run({"train_judge": 2, "total": 2}, clock)
    run.start(job(1, "train_judge", [str(log)]))
    assert run.fail(job(1, "train_judge", [str(log)])) == []
    (line,) = run.closing()
    assert line.startswith("stopped by you after 0 s: 0/2 jobs done.")


def test_what_a_cluster_says_comes_first(tmp_path: Path) -> None:
    log = tmp_path / "stage.log"
    log.write_text("one\n\ntwo\n")
    assert explain([str(log)], "SLURM status is: 'TIMEOUT'. See\nmore") == [
        "SLURM status is: 'TIMEOUT'. See",
        "one",
        "two",
    ]
    assert explain([str(tmp_path / "none.log")], None) == ["it wrote nothing"]


def test_a_log_on_a_full_disk_says_why_it_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage cannot write there that it cannot write."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100))
    (tmp_path / "stage.log").touch()
    log = str(tmp_path / "stage.log")
    assert explain([log], None) == ["it wrote nothing: the disk is full"]
    assert explain([str(tmp_path / "no/folder.log")], None) == ["it wrote nothing"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "judge_pairs: 3/9 records, 1.2 records/s, ETA 0:00:05",
            [("judge_pairs", 3, 9, "records", 1.2)],
        ),
        (
            "2026 step 8/8, loss 0.07, 10.20 rows/s, 0:00 left",
            [("", 8, 8, "steps", 10.2)],
        ),
        ("device: cpu, 1/2 threads", []),
        (
            "a: 1/9 records, 1.0 records/s, ETA\na: 9/9 records, 2.0 records/s, ETA\n"
            "b: 0/2 records, 0.0 records/s, ETA",
            [("a", 9, 9, "records", 2.0), ("b", 0, 2, "records", 0.0)],
        ),
    ],
)
def test_stages_tell_how_far_they_are(line: str, told: Any, tmp_path: Path) -> None:
    log = tmp_path / "stage.log"
    log.write_bytes(b"\xff" + line.encode())
    assert [one[:5] for one in progress_of([str(log)])] == told


def test_a_job_of_two_stages_counts_both(clock: Clock, tmp_path: Path) -> None:
    """One log holds responses and their rewrites; the line that lives says which."""
    log = tmp_path / "1.log"
    run = Run({"generate_responses": 1, "total": 1}, clock)
    run.start(job(1, "generate_responses", [str(log)], iteration=1, shard="1of1"))
    sampled = "generate_responses: 40/40 records, 4.0 records/s, ETA 0\n"
    log.write_text(sampled)
    assert run.state().endswith(
        "iter1 generate_responses (1of1) 40/40 records, 4.0 records/s"
    )
    writing = "alter_responses: 3/20 records, 2.0 records/s, ETA 9\n"
    log.write_text(sampled + "a line of some length\n" * 1000 + writing)
    state = run.state()
    assert state.endswith("(1of1) alter_responses 3/20 records, 2.0 records/s")
    ended = "alter_responses: 20/20 records, 2.0 records/s, ETA 0\n"
    log.write_text(sampled + "a line of some length\n" * 1000 + ended)
    clock.now = 20
    run.finish(1)
    assert "20 s, 60 records, 3.0/s" in run.closing()[0]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (99, "99 s"), (120, "2 min"), (7200, "2.0 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("width", [0, 1, 10, 80])
def test_a_line_never_wraps(width: int) -> None:
    assert len(fit("x" * 200, width)) <= max(width - 1, 3)


def test_a_recording_is_what_each_terminal_shows(tmp_path: Path) -> None:
    """Lines that stay, wrapped or laid out anew; of a state one now and then, cut."""
    stage = f" 4/50  {'iter1 judge_pairs (majority, 1of1)':<36} "
    stage += f"{'3 min, 9 records, 1.2/s':<30} about 31 min left"
    state = "4/50 jobs | 9 s | " + "x" * 90
    text = f"start\n{ERASED}{state}{ERASED}{stage}\n{state}{ERASED}{'y' * 100}\n"
    program = f"import sys; sys.stdout.write({text!r})"
    name = str(tmp_path / "told")
    record = [str(REPOSITORY / "docs/record_terminal.py"), "--every", "0"]
    done = subprocess.run(
        [sys.executable, *record, "--out", name, sys.executable, "-c", program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    narrow, wide = (
        Path(f"{name}_{width}.txt").read_text().splitlines()[1:] for width in (80, 120)
    )
    cut = fit(state, 80)
    laid = stage.partition("about")[0].rstrip()
    assert narrow == ["start", cut, laid, cut, "y" * 80, "y" * 20]
    assert wide == ["start", state, stage, state, "y" * 100]


def test_snakemake_finds_the_logger() -> None:
    """Installed with requirements.txt, by its name."""
    assert LoggerPluginRegistry().is_installed("selfjudge")


@pytest.mark.workflow
@pytest.mark.parametrize("profile", [["--profile", "profiles/local"], ["--cores", "1"]])
def test_the_sentence_of_a_failed_stage_is_on_the_terminal(
    tmp_path: Path, profile: list[str]
) -> None:
    """Whatever the profile, from a folder with spaces and other letters in its name."""
    project = tmp_path / "my pictures é"
    project.mkdir()
    (project / "config.yaml").write_text(
        f"base_model: {REPOSITORY}/demo/base\nbenchmarks: {{mmrb: null}}\nprompts:\n"
        "  keep_out: []\n"
        "  sources: [{name: mine, kind: jsonl, path: p.jsonl, gold_answers: false}]\n"
    )
    (project / "p.jsonl").write_text('{"imgs": 1}\n')
    command = [sys.executable, "-m", "snakemake", "results/iter1/prompts.jsonl"]
    done = subprocess.run(
        [*command, "--directory", str(project), *profile],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "error: p.jsonl:1: field 'images' is missing" in said
    if "--profile" in profile:
        assert "Exception" not in said and len(said.splitlines()) < 12
        assert re.search(r"log: .*my pictures é/logs/import_prompts.log$", said)
    assert list((project / ".snakemake/log").glob("*"))
