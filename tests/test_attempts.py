"""Why jobs end and what follows, from what SLURM prints; no SLURM is needed."""

import dataclasses
import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from selfjudge.run import site_check, slurm
from selfjudge.run.attempts import (
    MAX_FREE,
    Attempts,
    avoided,
    find_cause,
    grow,
    may_pass_later,
    pinned,
    with_excluded,
)
from selfjudge.run.config import ConfigError
from selfjudge.run.dry_runs import (
    PlannedJob,
    ask_snakemake,
    find_sentence,
    load_config,
    planned_jobs,
)
from selfjudge.run.site import Site, read_site
from selfjudge.run.site_check import (
    Cluster,
    cache_notes,
    propose,
    read_cluster,
    read_partitions,
    site_faults,
    site_notes,
)
from selfjudge.run.slurm import (
    Ended,
    QueuedJob,
    ancestors,
    is_accounted_as,
    one_word,
    parse_seconds,
    read_accounted,
    read_job,
    read_queue,
)
from selfjudge.run.status import find_failures, format_status

SHOWN = (
    "JobId=7 JobName=x UserId=root(0) JobState=FAILED Reason=NonZeroExitCode "
    "RunTime=00:00:03 TimeLimit=1-02:00:00 PreemptEligibleTime=2026-11-26T10:00:00 "
    "PreemptTime={preempted} ReqNodeList=(null) NodeList={node} BatchHost=h1 Comment=a"
)


def ended(state: str = "FAILED", seconds: int = 300, **changes: Any) -> Ended:
    known: dict[str, Any] = {"limit": 7200, "node": "h1"} | changes
    return Ended(state=state, seconds=seconds, **known)


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        (ended("PREEMPTED"), "preempted"),
        (ended("FAILED", preempted=True), "preempted"),
        (ended("NODE_FAIL"), "lost"),
        (ended("BOOT_FAIL"), "lost"),
        (ended("LOST"), "lost"),
        (ended("OUT_OF_MEMORY"), "memory"),
        (ended("TIMEOUT", 7200), "time"),
        (ended("DEADLINE"), "time"),
        (ended("CANCELLED", 5), "cancelled"),
        (ended("FAILED", 5), "early"),
        (ended("FAILED", 600), "failed"),
        # Told to leave five minutes before, or up to one earlier: SLURM is not exact.
        (ended("FAILED", 6900), "left"),
        (ended("FAILED", 6850), "left"),
        (ended("FAILED", 6700), "failed"),
        (ended("FAILED", 6900, limit=None), "failed"),
        # A limit within which it is told at once says nothing.
        (ended("FAILED", 20, limit=60), "early"),
    ],
)
def test_a_cause_is_found(told: Ended, cause: str) -> None:
    assert find_cause(told, "", 300) == cause


def test_a_log_tells_of_memory_that_slurm_took_away_and_no_other() -> None:
    killed = "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0."
    # Of SLURM 22.05 with cgroups, where the step is OUT_OF_MEMORY and its job FAILED.
    step = (
        "srun: error: h1: task 0: Out Of Memory\nslurmstepd-h1: error: Detected 1 "
        "oom-kill event(s) in StepId=1.0. Some of your processes may have been killed "
        "by the cgroup out-of-memory handler.\n"
    )
    polled = "slurmstepd-h1: error: StepId=7.0 exceeded memory limit (3 > 2), being"
    cuda = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"
    causes = [find_cause(ended(), log, 300) for log in (killed, step, polled, cuda)]
    assert causes == ["memory", "memory", "memory", "failed"]


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        # As srun of SLURM 22.05 said it.
        (
            "srun: error: Unable to confirm allocation for job 2: Unable to contact "
            "slurm controller (connect failure)\nsrun: Check SLURM_JOB_ID environment "
            "variable. Expired or invalid job 2\n",
            "lost",
        ),
        ("srun: error: Unable to create step for job 2: Socket timed out on", "lost"),
        # Not of srun, or for people to mend.
        ("openai.APIConnectionError: Connection refused", "early"),
        ("srun: fatal: Could not establish a configuration source", "early"),
        ("srun: error: h1: task 0: Exited with exit code 1", "early"),
    ],
)
def test_a_job_that_began_while_nobody_answered_is_lost(said: str, cause: str) -> None:
    """SLURM says FAILED of it; it uses up no retry, and its node is as good as any."""
    assert find_cause(ended("FAILED", 20), f"host: h1\n{said}", 300) == cause


def test_a_quota_is_no_nodes_fault() -> None:
    """A job that fails early by it keeps off no node; it does use up a retry."""
    said = "OSError: [Errno 122] Disk quota exceeded: '/home/me/.cache/vllm'"
    cause = find_cause(ended("FAILED", 5), said, 300)
    attempts = Attempts()
    assert cause == "quota" and attempts.learn(cause, "h1")
    assert attempts.bad_nodes == []


def test_what_is_the_clusters_fault_uses_up_no_retry_but_has_an_end() -> None:
    attempts = Attempts()
    counts = [attempts.learn("preempted", "h1") for _ in range(MAX_FREE + 1)]
    assert counts == [False] * MAX_FREE + [True]
    assert (attempts.minutes_factor, attempts.memory_factor) == (1, 1)
    for cause in ("failed", "cancelled", "early", "time", "memory"):
        assert Attempts().learn(cause, "h1")  # type: ignore[arg-type]


def test_only_what_was_short_grows_and_up_to_the_limit() -> None:
    attempts = Attempts()
    attempts.learn("cancelled", "h1")
    attempts.learn("time", "h1")
    assert (attempts.minutes_factor, attempts.memory_factor) == (2, 1)
    attempts.learn("memory", "h1")
    assert (attempts.minutes_factor, attempts.memory_factor) == (2, 2)
    assert [grow(120, 2, None), grow(120, 2, 180), grow(720, 1, 240)] == [240, 180, 240]


def test_bad_nodes_are_avoided_but_not_all_nodes() -> None:
    mine, others = Attempts(), [Attempts(), Attempts()]
    mine.learn("early", "h1")
    assert avoided(mine.bad_nodes, [mine, *others], 8) == ["h1"]
    for one in others:
        one.learn("early", "h2")
        assert avoided([], [mine, *others], 8) == (["h2"] if one is others[1] else [])
    assert avoided(mine.bad_nodes, [mine, *others], 8) == ["h1", "h2"]
    assert avoided(mine.bad_nodes, [mine, *others], 3) == ["h1"]
    assert avoided(mine.bad_nodes, [mine, *others], 1) == []


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("", "--exclude=h1"),
        ("--signal=TERM@300", "--signal=TERM@300 --exclude=h1"),
        ("--exclude=h[7-9] --nice", "--nice --exclude=h[7-9],h1"),
        ("-x h7", "--exclude=h7,h1"),
        ("-xh7 --exclude h8", "--exclude=h7,h8,h1"),
        ("--reservation=dgx-x2", "--reservation=dgx-x2 --exclude=h1"),
    ],
)
def test_a_sites_own_excluded_nodes_stay(extra: str, expected: str) -> None:
    assert with_excluded(extra, ["h1"]) == expected
    assert with_excluded(extra, []) == extra


def test_a_job_of_one_node_excludes_none() -> None:
    extra = "--signal=TERM@300 -x h1 --reservation=dgx-x2"
    wanted = "--signal=TERM@300 --reservation=dgx-x2 --nodelist=h1"
    assert pinned(extra, "h1") == wanted
    assert pinned("", "h1") == "--nodelist=h1"


@pytest.mark.parametrize(
    ("said", "later"),
    [
        ("sbatch: error: RPC rate limit exceeded 10 times with 30 retries", True),
        ("sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job ...", True),
        ("sbatch: error: QOSMaxSubmitJobPerUserLimit", True),
        (
            "sbatch: error: Job submission failed: Unable to contact slurm",
            True,
        ),
        ("Socket timed out on send/recv operation", True),
        ("Resource temporarily unavailable", True),
        ("QOSMaxWallDurationPerJobLimit", False),
        ("Requested time limit is invalid (missing or exceeds some limit)", False),
        ("Invalid account or account/partition combination specified", False),
    ],
)
def test_only_what_may_pass_is_submitted_again(said: str, later: bool) -> None:
    assert may_pass_later(said) == later


def test_a_job_is_read_from_controller_and_accounting() -> None:
    whole = read_job(SHOWN.format(preempted="None", node="h1"))
    assert whole == Ended(state="FAILED", seconds=3, limit=93600, node="h1")
    told = read_job(SHOWN.format(preempted="2026-11-26T10:00:00", node="(null)"))
    assert told is not None and told.preempted and told.node == ""
    assert read_job("slurm_load_jobs error: Invalid job id specified") is None
    line = "7|CANCELLED by 0|63|2|None assigned|rule_a|/p\n"
    assert read_accounted(line) == Ended(
        state="CANCELLED", seconds=63, limit=120, node=""
    )
    assert read_accounted("") is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:03", 3),
        ("1:02:03", 3723),
        ("2-00:00:00", 172800),
        ("UNLIMITED", None),
        ("Partition_Limit", None),
        ("", None),
    ],
)
def test_durations_are_read(text: str, seconds: int | None) -> None:
    assert parse_seconds(text) == seconds


def test_nodes_are_those_of_the_partition_to_which_jobs_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """sbatch refuses a node of another one."""
    monkeypatch.setattr(slurm, "call", lambda *words: "gpu|h2\ncpu*|h1\ncpu*|h1\n")
    assert slurm.partition_nodes("") == ["h1"]
    assert slurm.partition_nodes("gpu,cpu") == ["h1", "h2"]
    monkeypatch.setattr(slurm, "call", lambda *words: None)
    with pytest.raises(ValueError, match="sinfo: must name nodes"):
        slurm.partition_nodes("gpu")


def test_states_are_one_word() -> None:
    states = ["CANCELLED by 0", "COMPLETED", "CANCELLED+", ""]
    assert [*map(one_word, states)] == ["CANCELLED", "COMPLETED", "CANCELLED", ""]


@pytest.mark.parametrize(
    ("folder", "is_it"),
    [
        ("/d/läufe mit ??0", True),
        ("/d/läufe mit 模型0", True),
        ("/d/läufe mit ?0", False),
        ("/d/läufe mit ??00", False),
        ("/d/läufe", False),
        ("/d/./läufe mit 模型0", True),
        ("/.*", False),
    ],
)
def test_a_folder_is_known_in_letters_that_a_database_lacks(
    folder: str, is_it: bool
) -> None:
    """As MariaDB in latin1 kept it for sacct."""
    assert is_accounted_as(folder, Path("/d/läufe mit 模型0")) == is_it


def test_only_a_projects_own_jobs_are_found(tmp_path: Path) -> None:
    listing = (
        f"7|RUNNING|1:00|h1|None|rule_judge_pairs_wildcards_1_majority_1of2|{tmp_path}\n"
        f"8|PENDING|0:00||Priority|somebody's own|{tmp_path}\n"
        "9|PENDING|0:00||Priority|rule_judge_pairs|/elsewhere\n"
    )
    (found,) = read_queue(listing, tmp_path)
    assert (found.id, found.rule, found.place) == (
        "7",
        "judge_pairs",
        "1_majority_1of2",
    )


def test_who_started_us_is_known() -> None:
    found = list(ancestors())
    # Whose starter has ended is init's, who starts nobody.
    known = [number for number in (os.getpid(), os.getppid()) if number != 1]
    assert found[: len(known)] == known


# -- status --------------------------------------------------------------------

DRY_RUN = """\
rule judge_pairs:
    output: results/iter1/majority/judgments/1of2.jsonl
    wildcards: iteration=1, filter=majority, shard=1of2
localrule merge_judgments:
    output: results/iter1/majority/judgments.jsonl
    wildcards: iteration=1, filter=majority

rule import_prompts:
    output: results/prompts.jsonl
"""


def test_a_dry_run_names_its_jobs() -> None:
    assert list(planned_jobs(DRY_RUN)) == [
        PlannedJob("judge_pairs", "1_majority_1of2"),
        PlannedJob("merge_judgments", "1_majority"),
        PlannedJob("import_prompts", ""),
    ]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            'WorkflowError in file "/r/rules/common.smk", line 261:\n'
            "config.yaml: 'max_num_seqs' must be at most 32 (got 256). Hint: less.\n"
            '  File "/r/rules/common.smk", line 261, in <module>\n',
            "config.yaml: 'max_num_seqs' must be at most 32 (got 256). Hint: less.",
        ),
        (
            'InputFunctionException in rule a in file "/r/b.smk", line 263:\n'
            "Error:\n  WorkflowError:\n    config.yaml: 'path' must exist.\n"
            "Wildcards:\n  iteration=0\nTraceback:\n"
            '  File "/r/b.smk", line 251, in shards (rule a, line 379, /r/b.smk)\n',
            "config.yaml: 'path' must exist.",
        ),
        (
            "Building DAG of jobs...\n"
            'MissingInputException in rule import_prompts in file "/p.smk", line 79:\n'
            "Missing input files for rule import_prompts:\n    output: a.jsonl\n"
            "    affected files:\n        nope.jsonl\n",
            "Missing input files for rule import_prompts:\noutput: a.jsonl\n"
            "affected files:\nnope.jsonl",
        ),
        ("Building DAG of jobs...\n\nlast words\n", "last words"),
        ("WorkflowError:\n", "WorkflowError:"),
        ("", "failed"),
    ],
)
def test_the_sentence_of_a_dry_run_is_handed_on(said: str, sentence: str) -> None:
    """As Snakemake 9.27 prints it, and not where in the code it was raised."""
    assert find_sentence(said) == sentence


@pytest.mark.workflow
def test_a_plan_of_what_cannot_be_says_why(tmp_path: Path) -> None:
    """By Snakemake's own sentence: the config is checked further there."""
    (tmp_path / "config.yaml").write_text("engine: {name: vllm}\n")
    with pytest.raises(
        ValueError, match=r"^snakemake -n: config\.yaml: 'engine"
    ) as told:
        ask_snakemake(tmp_path, ["all"], load_config(tmp_path))
    assert "File" not in str(told.value)


def test_plan_and_status_are_of_the_config_that_snakemake_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --configfile too: by their rules, and in what is asked of Snakemake."""
    (tmp_path / "config.yaml").write_text("iterations: 1\n")
    (tmp_path / "over.yaml").write_text("iterations: 3\n")
    command = [sys.executable, "-m", "snakemake", "--nolock", "-n", "-p"]
    command += ["--snakefile", str(PROFILE.parents[1] / "Snakefile")]
    command += [
        "--directory",
        str(tmp_path),
        "--configfile",
        str(tmp_path / "over.yaml"),
    ]
    done = subprocess.run(
        [*command, "--", "plan", "status"], capture_output=True, text=True
    )
    asked: list[tuple[str, Any]] = []

    def ask(_: Path, targets: list[str], config: Any, *words: str, **more: Any) -> str:
        asked.append((targets[0], config["iterations"]))
        return ""

    for script in ("plan_run", "show_status"):
        (line,) = [one for one in done.stdout.splitlines() if f"{script}.py" in one]
        module = importlib.import_module(script)
        monkeypatch.setattr(module, "ask_snakemake", ask)
        words = shlex.split(line[line.index(f"{script}.py") :])
        monkeypatch.setattr(sys, "argv", words)
        monkeypatch.chdir(tmp_path)
        module.main()
    assert {*asked} == {("results/iter3/vlrb.json", 3)}, done.stdout + done.stderr
    assert "status of results/iter3/vlrb.json" in capsys.readouterr().out


def test_status_counts_each_job_once_and_says_why_it_failed() -> None:
    shards = [PlannedJob("judge_pairs", f"1_majority_{n}of5") for n in range(1, 6)]
    running: dict[str, Any] = {
        "id": "9",
        "state": "RUNNING",
        "seconds": 60,
        "node": "h1",
    }
    waiting: Any = {"id": "8", "state": "PENDING", "seconds": 0, "node": ""}
    queue = [
        QueuedJob(**running, reason="None", **shards[1]._asdict()),
        QueuedJob(**waiting, reason="Priority", **shards[2]._asdict()),
    ]
    noted = [
        {"job": "3", "cause": "memory", "node": "h1"} | shards[2]._asdict(),
        {"job": "4", "cause": "early", "node": "h2"} | shards[3]._asdict(),
        {"job": "5", "cause": "early", "node": "h2"} | shards[3]._asdict(),
        # Long since done.
        {"job": "2", "cause": "early", "node": "h2"} | shards[0]._asdict(),
    ]
    accounted = [
        ("5", *shards[3], ended("FAILED")),  # noted already
        ("6", *shards[4], ended("TIMEOUT", node="h3")),
        ("9", *shards[1], ended("RUNNING")),
    ]
    to_do = shards[1:]
    failures = find_failures(noted, accounted, to_do)
    shown = format_status(shards, to_do, queue, failures)
    row = next(line for line in shown.splitlines() if line.startswith("judge_pairs "))
    assert row.split() == ["judge_pairs", "1", "1", "1", "2"]
    assert "1 wait: Priority (others go first)" in shown
    assert "3of5: tried again after 1 attempt, the last over its memory on h1" in shown
    assert "4of5: failed 2 attempts, the last failed within 120 seconds on h2" in shown
    assert "5of5: failed 1 attempt, the last over its time limit on h3 (job 6)" in shown
    assert "1of5" not in shown


# -- the site ------------------------------------------------------------------

PROFILE = Path(__file__).parents[1] / "profiles/slurm"
LISTING = """\
cpu*|1-00:00:00|64|256000|(null)|(null)|c1
h100|4:00:00|32|500000|gpu:h100-80:4(S:0-1)|nvlink,80gb|g1
h100|4:00:00|32|500000+|gpu:h100-80:4|nvlink|g2
"""
CLUSTER = Cluster(
    partitions=read_partitions(LISTING),
    accounts=frozenset({"lab"}),
    qos=frozenset({"normal"}),
    config={"AccountingStorageEnforce": "associations", "SelectType": "select/linear"},
)


def site_of(tmp_path: Path, **local: Any) -> Site:
    """The shipped site with some keys of a local.yaml."""
    for name in ("site.yaml", "site.schema.yaml"):
        (tmp_path / name).write_text((PROFILE / name).read_text())
    (tmp_path / "local.yaml").write_text(yaml.safe_dump(local))
    return read_site(tmp_path)


def test_a_number_of_a_site_is_whole(tmp_path: Path) -> None:
    """As of a config, whose check it shares."""
    with pytest.raises(ConfigError, match=r"local.yaml: 'gpu_cpus' .*Hint: write 2$"):
        site_of(tmp_path, gpu_cpus=2.0)


def test_partitions_are_read() -> None:
    found = CLUSTER.partitions["h100"]
    assert (found.minutes, found.num_nodes, found.cpus) == (240, 2, 32)
    assert found.gpus == {"h100-80": 8} and found.features == {"nvlink", "80gb"}
    assert CLUSTER.partitions["cpu"].is_default and not CLUSTER.partitions["cpu"].gpus


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "'gpu_partition' must be one of cpu, h100 (got 'gpu')"),
    ({"gpu_partition": "cpu"}, "'gpu_partition' must have GPUs (got 'cpu', which"),
    ({"cpu_partition": "short"}, "'cpu_partition' must be one of cpu, h100 (got"),
    ({"gpu_model": "h100"}, "'gpu_model' must be one of h100-80 in h100 (got 'h100')"),
    ({"max_minutes": 600}, "'max_minutes' must be at most 240, the limit of h100"),
    ({"max_mb": 600000}, "'max_mb' must be at most 500000"),
    ({"gpu_cpus": 40}, "'gpu_cpus' must be at most 32 in h100 (got 40)"),
    ({"signal": "TERM@14400"}, "'signal' must come after a job's begin"),
    ({"constraint": "80gb&nvlnk"}, "'constraint' must be one of 80gb, nvlink in h100"),
    ({"account": "other"}, "'account' must be one of lab (got 'other')"),
    ({"gpu_qos": "high"}, "'gpu_qos' must be one of normal (got 'high')"),
    ({"gpu_request": "gpus"}, "'gpu_request' must be gres with select/linear"),
]
RIGHT = {"gpu_partition": "h100", "gpu_model": "h100-80", "gpu_request": "gres"}


@pytest.mark.parametrize(("local", "told"), WRONG)
def test_each_key_that_cannot_work_is_named(
    tmp_path: Path, local: dict[str, Any], told: str
) -> None:
    chosen = RIGHT | (local or {"gpu_partition": "gpu"})
    faults = list(site_faults(site_of(tmp_path, **chosen), CLUSTER))
    assert len(faults) == 1 and told in faults[0], faults


def test_limits_on_what_may_be_asked_are_told(tmp_path: Path) -> None:
    """What -j and submit_rate should be; nothing where nothing is limited."""
    slow = {"SlurmctldParameters": "idle_on_node_suspend,rl_enable,rl_bucket_size=50"}
    limited = dataclasses.replace(
        CLUSTER,
        most_queued={"account old": 0, "qos long": 20},
        config=CLUSTER.config | slow,
    )
    before, after = list(site_notes(CLUSTER)), list(site_notes(limited))
    more = [note for note in after if note not in before]
    assert len(more) == 3
    assert more[0] == "account old: takes none of your jobs"
    assert more[1].startswith("qos long: at most 20") and "-j 20" in more[1]
    assert "submit_rate" in more[2]


def test_limits_are_those_of_this_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each association's by itself; of a QOS where the user or a partition has it."""
    answers = {
        "sinfo": "cpu*|1:00:00|2|1000|(null)|(null)|n1\n",
        "scontrol": "MinJobAge               = 300 sec\n",
        "partition": "PartitionName=gpu\n  Default=NO QoS=narrow\n  QoS=N/A\n",
        "assoc": "lab||normal,long|7\nlab|gpu|normal|\nlab|cpu|normal|3\nlab||x|5\n",
        "qos": "normal|\nlong|20\nothers|1\nnarrow|2\n",
    }

    def call(*words: str) -> str:
        fields = next((word for word in words if word.startswith("format=")), "")
        said = answers[next(word for word in (*words[2:], *words) if word in answers)]
        # As many columns as were asked for.
        assert not fields or said.split("\n")[0].count("|") == fields.count(",")
        return said

    monkeypatch.setattr(site_check, "call", call)
    cluster = read_cluster()
    assert cluster.accounts == {"lab"} and cluster.qos == {"normal", "long", "x"}
    assert cluster.most_queued == {"account lab": 5, "account lab in cpu": 3} | {
        "qos long": 20,
        "qos narrow": 2,
    }


@pytest.mark.parametrize(
    ("environ", "kept"),
    [
        ({}, 3),
        ({"XDG_CACHE_HOME": "/shared"}, 1),
        ({"XDG_CACHE_HOME": "/shared", "TRITON_HOME": "/shared"}, 0),
        ({"HF_HOME": "/home/me/hf", "XDG_CACHE_HOME": "/s", "TRITON_HOME": "/s"}, 1),
    ],
)
def test_caches_in_a_home_are_named(environ: dict[str, str], kept: int) -> None:
    (note,) = list(cache_notes(environ, Path("/home/me"))) or [""]
    names = ("models and data sets", "what vLLM compiles", "what Triton compiles")
    assert sum(name in note for name in names) == kept


def test_what_is_proposed_can_work(tmp_path: Path) -> None:
    assert list(site_faults(site_of(tmp_path, **RIGHT), CLUSTER)) == []
    wrong = {key: value for local, _ in WRONG for key, value in local.items()}
    del wrong["signal"], wrong["constraint"]  # for people to say
    wrong["gpu_partition"] = "gpu"
    wrong["account"] = wrong["qos"] = "other"
    proposed = propose(site_of(tmp_path, **wrong), CLUSTER)
    assert list(site_faults(site_of(tmp_path, **wrong | proposed), CLUSTER)) == []


def test_without_slurm_the_check_says_what_is_missing(tmp_path: Path) -> None:
    site_of(tmp_path)
    script = PROFILE.parents[1] / "scripts/check_site.py"
    done = subprocess.run(
        [sys.executable, str(script), "--site", str(tmp_path)],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: sinfo: must answer (it does not). Hint: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        (None, False),
        ("# Ours.\ngpu_model: a100\n", False),
        ("# Ours.\n" + yaml.safe_dump(RIGHT) + "# The end.\n", True),
    ],
)
def test_the_documented_commands_end_in_a_site_that_works(
    text: str | None, is_right: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether check_site had anything to propose or not; and a second time."""
    page = (PROFILE.parents[1] / "docs/slurm.md").read_text()
    (line,) = re.findall(r"^mv .*?(?= +#)", page, re.M)
    monkeypatch.chdir(tmp_path)
    folder = Path("profiles/slurm")
    folder.mkdir(parents=True)
    for name in ("site.yaml", "site.schema.yaml"):
        (folder / name).write_text((PROFILE / name).read_text())
    local = folder / "local.yaml"
    if text:
        local.write_text(text)
    script = importlib.import_module("check_site")
    monkeypatch.setattr(script, "read_cluster", lambda: CLUSTER)
    monkeypatch.setattr(sys, "argv", ["check_site.py", "--site", str(folder)])
    for is_good in (is_right, True):
        try:
            script.main()
        except SystemExit as end:
            assert end.code == 1 and not is_good
        else:
            assert is_good
        subprocess.run(line, shell=True, check=True)
    assert list(site_faults(read_site(folder), CLUSTER)) == []
    assert not is_right or local.read_text() == text


def test_what_is_mended_is_the_plugin_that_is_pinned() -> None:
    """A new version may have learned what rules/slurm.smk adds: look, then delete."""
    root = PROFILE.parents[1]
    pin = "snakemake-executor-plugin-slurm==2.8.0\n"
    assert pin in (root / "requirements.txt").read_text()
    assert "(2.8.0)" in (root / "rules/slurm.smk").read_text().splitlines()[0]
