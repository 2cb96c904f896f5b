"""The loop on a real SLURM, undisturbed and through faults.

A small project is judged, and its judge trained, many times side by side on a cluster
of our own (`slurm/`): each run meets a fault of its own, and must end by itself with
the bytes of the run that met none.  What is scaled down is the run, not the profile.
"""

import itertools
import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from selfjudge.ground.ledgers import read_ledgers
from selfjudge.run.slurm import is_accounted_as
from slurm.cluster import Cluster, wait_until, why_not
from slurm.project import BRANCH, CONFIG, write_project
from test_workflow import change_config, clone_repository, edit
from tiny_panel import MEMBERS, RATED, SKILLS, write_tiny_panel

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]

JUDGED = f"{BRANCH}/judgments.jsonl"
TRAINED = f"{BRANCH}/judge.json"
ALTERED = "results/iter1/altered.jsonl"
PATIENCE = 1800  # seconds; a machine that is busy with other things is slow
# The training waits on purpose after each step, so many seconds.
STEP = 2.5
SLOW = "    def on_step_end(self, args: Any, state: Any, control: Any, "
SLOW += "**_: Any) -> None:\n"
# A run that is to be disturbed stays under way until it was: its judging waits after
# its first answers (responses, of its first rewrites), its training after its first
# checkpoint, for a file in the project.
GATE = "while not os.path.exists('go'): time.sleep(0.2)\n"
HELD = "SECONDS_HELD = 30.0"  # so few answers would all be written at the end
WRITTEN = "            self._last_write = time.monotonic()\n"
SAVED = f"{BRANCH}/training/checkpoint-*/complete.json"


class Run:
    """A clone with a project, and the Snakemake that works on it."""

    def __init__(
        self,
        name: str,
        cluster: Cluster,
        folder: Path,
        step: float = STEP,
        is_held: bool = False,
        **site: Any,
    ) -> None:
        self.name, self.cluster = name, cluster
        self.clone = folder / name / "selfjudge"
        self.project = self.clone / "project"
        self.target = JUDGED
        self.printed = ""
        self.process: subprocess.Popen[str]
        self.seconds = 0.0
        clone_repository(self.clone)
        write_project(self.project, self.clone / "demo/base")
        package = self.clone / "scripts/selfjudge"
        slow = f"{SLOW}        import glob, os, time\n        time.sleep({step})\n"
        slow += f"        if glob.glob({SAVED!r}):\n            {GATE}"
        edit(package / "training/resuming.py", SLOW, slow)
        held = f"{WRITTEN}            if self.stage != 'generate_responses':\n"
        held += f"                {GATE}"
        edit(package / "engines/journal_files.py", WRITTEN, held)
        edit(package / "engines/journal_files.py", HELD, "SECONDS_HELD = 2.0")
        if not is_held:
            self.go()
        local = {"cpu_partition": "cpu", **site}
        path = self.clone / "profiles/slurm/local.yaml"
        path.write_text(yaml.safe_dump(local))

    def start(self) -> "Run":
        """Start the documented command, for one stage."""
        rules = ["judge_pairs", "merge_judgments", "train_judge"]
        rules += ["generate_responses", "merge_altered", "check_node", "check_nodes"]
        return self.launch("--allowed-rules", *rules, "--", self.target)

    def launch(self, *words: str) -> "Run":
        """Start Snakemake with the profile, in the project."""
        command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "-j", "8"]
        self.process = subprocess.Popen(
            [*command, "--directory", self.project.name, *words],
            cwd=self.clone,
            env=self.cluster.environment | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Ctrl-C is ignored by what is started in the background.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        self.began = time.monotonic()
        self.printed = ""
        return self

    def go(self) -> None:
        """Let it go on to its end."""
        (self.project / "go").touch()

    def go_once_ended(self, jobs: Sequence[str]) -> None:
        """Let it go on as soon as one of these jobs runs no more."""
        wait_until(
            lambda: not set(jobs) <= set(self.running()),
            PATIENCE,
            f"{self.name}: to lose one of its jobs",
        )
        self.go()

    def end(self) -> str:
        """What it printed until its end; one without an end is stopped."""
        if self.process.stdout is None or self.process.stdout.closed:
            return self.printed
        try:
            printed, _ = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGINT)
            printed, _ = self.process.communicate()
        self.seconds = time.monotonic() - self.began
        self.printed = printed
        return printed

    def finish(self, status: int = 0) -> str:
        """What it printed until its end, which must be as expected."""
        printed = self.end()
        assert self.process.returncode == status, f"{self.name}\n{printed}"
        return printed

    def wait_to_say(self, words: str) -> None:
        """Return as soon as Snakemake has said this of it."""
        logs = self.project / ".snakemake/log"
        wait_until(
            lambda: any(words in log.read_text() for log in logs.glob("*.log")),
            PATIENCE,
            f"{self.name}: to say {words!r}",
        )

    def jobs(self) -> list[dict[str, str]]:
        """All SLURM jobs that it ever had, in the order of their ids."""
        fields = "jobid,state,nodelist,nnodes,alloctres,timelimitraw,comment,workdir"
        # Not since midnight, as it would be by itself.
        words = "sacct -X --starttime now-1days --parsable2 --noheader --format"
        told = self.cluster.call(f"{words} {fields}")
        rows = (line.split("|") for line in told.splitlines())
        jobs = [dict(zip(fields.split(","), row, strict=True)) for row in rows]
        return [job for job in jobs if is_accounted_as(job["workdir"], self.project)]

    def running(self, rule: str = "") -> list[str]:
        """The ids of its jobs that run at this moment, of one rule or of all."""
        command = "squeue --noheader --states R --format '%i|%k|%Z'"
        rows = (line.split("|") for line in self.cluster.call(command).splitlines())
        return [
            job
            for job, comment, folder in rows
            if folder == str(self.project) and comment.startswith(f"rule_{rule}")
        ]

    def journalled(self, stage: str = "") -> list[str]:
        """The keys of all answers that were journalled, of one stage or of all."""
        journal = self.project / "results/journal"
        return [
            answer["key"]
            for path in journal.glob(f"*/*-{stage}*.jsonl")
            for line in path.read_bytes().split(b"\n")[:-1]
            for answer in json.loads(line)
        ]

    def is_under_way(self) -> bool:
        """Whether it has some answers, or its training has saved a checkpoint."""
        if self.target == JUDGED:
            return bool(self.journalled())
        if self.target == ALTERED:
            return bool(self.journalled("alter_responses"))
        saved = (self.project / BRANCH / "training").glob("checkpoint-*/complete.json")
        return any(saved)

    def wait(self) -> "Run":
        """Return in the midst of its work, while a job of it runs."""

        def is_to_be_disturbed() -> bool:
            assert self.process.poll() is None, f"{self.name}: over already"
            return self.is_under_way() and bool(self.running())

        wait_until(is_to_be_disturbed, PATIENCE, f"{self.name}: to be under way")
        return self

    def num_asked_again(self) -> int:
        """Answers journalled twice: two jobs of a shard, or a journal not read."""
        keys = self.journalled()
        return len(keys) - len(set(keys))

    def causes(self) -> list[str]:
        """Why jobs of it ended that did not end well, as it has noted."""
        path = self.project / "logs/slurm/ended.jsonl"
        lines = path.read_text().splitlines() if path.is_file() else []
        return [json.loads(line)["cause"] for line in lines]

    def files(self) -> dict[str, bytes]:
        """The judgments, the responses and rewrites, or the weights of the judge."""
        if self.target == JUDGED:
            return {JUDGED: (self.project / JUDGED).read_bytes()}
        if self.target == ALTERED:
            shards = sorted((self.project / "results/iter1").glob("*/?of?.jsonl"))
            assert len(shards) == 4, self.name
            return {
                str(path.relative_to(self.project)): path.read_bytes()
                for path in shards
            }
        paths = sorted((self.project / BRANCH / "judge").glob("*.safetensors"))
        assert paths, self.name
        return {path.name: path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A SLURM with a node of each kind."""
    with Cluster() as running:
        yield running


@pytest.fixture(scope="module")
def make_run(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Run]]:
    """Makes runs, which end with the module; their paths are as people's may be."""
    folder = tmp_path_factory.mktemp("läufe mit 模型")
    made = []

    def make(name: str, target: str = JUDGED, **site: Any) -> Run:
        run = Run(name, cluster, folder, **site)
        run.target = target
        made.append(run)
        return run

    yield make
    for run in made:
        if hasattr(run, "process"):
            run.process.kill()


@pytest.fixture(scope="module")
def loop(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The whole loop of a small demo with a real model."""
    run = Run("loop", cluster, tmp_path_factory.mktemp("loop"))
    run.project = run.clone / "demo"
    run.go()
    small = {"num_closed": 8, "num_open": 12, "num_vlrb": 4, "num_mmrb": 2}
    for name, number in (small | {"num_criteria": 1}).items():
        rules = run.project / "project.smk"
        rules.write_text(re.sub(rf"{name}=\d+", f"{name}={number}", rules.read_text()))
    change_config(
        run.project,
        iterations=1,
        filters=["majority"],
        pool={"prompts_per_iteration": 20},
        benchmarks={"mmrb": None, "criteria": None},
        engine={"batch_size": 8},
        responses={"num_samples": 4},
        pairs={"majority_threshold": 2},
        # So few rows are one step, whose rate would be 0 while it warms up.
        train={"num_epochs": 1, "warmup_ratio": 0.0},
    )
    run.launch("results/iter1/vlrb.json")
    yield run
    run.process.kill()


def finish_all(runs: Sequence[Run]) -> None:
    """Wait for runs side by side, and say what became of each."""
    with ThreadPoolExecutor(len(runs)) as pool:
        list(pool.map(Run.end, runs))
    time.sleep(5)  # the accounting is told a little later


def assert_as_undisturbed(run: Run, undisturbed: list[Run]) -> None:
    """The files are the undisturbed run's, and no answer was journalled twice."""
    (plain,) = (one for one in undisturbed if one.target == run.target)
    plain.end()
    for one in (plain, run):
        assert one.process.returncode == 0, f"{one.name}\n{one.printed}"
    whole = plain.files()
    for name, content in run.files().items():
        assert content == whole[name], name
    ledgers = read_ledgers(run.project / "results/ledgers")
    calls: Counter[str] = Counter()
    for line in itertools.chain.from_iterable(ledgers.values()):
        calls[line.stage] += line.num_calls
    print(
        f"{run.name}: {run.seconds:.0f} s, {len(run.jobs())} jobs, "
        f"{run.num_asked_again()} answers twice of {len(run.journalled())}, calls in "
        f"the ledgers {dict(calls)}, causes {run.causes()}"
    )
    assert run.num_asked_again() == 0


# -- one fault each, side by side ----------------------------------------------


@pytest.fixture(scope="module")
def undisturbed(make_run: Callable[..., Run]) -> list[Run]:
    """Runs that meet no fault, begun before the others: one of each stage."""
    targets = {"undisturbed": JUDGED, "trained": TRAINED, "rewritten": ALTERED}
    return [make_run(name, target).start() for name, target in targets.items()]


@pytest.fixture(scope="module")
def first(
    cluster: Cluster, make_run: Callable[..., Run], undisturbed: list[Run]
) -> dict[str, Run]:
    """Runs that are cancelled, and on each kind of partition that preempts."""
    at_once = ("cancelled_at_once", "requeued_at_once", "told_before")
    later = {"gpu_partition": "preempted_later"}
    runs = [
        make_run("cancelled", is_held=True),
        make_run("cancelled_trained", TRAINED, is_held=True),
        *[make_run(name, is_held=True, gpu_partition=name) for name in at_once],
        make_run("rewriting", ALTERED, is_held=True, gpu_partition=at_once[0]),
        make_run("preempted_trained", TRAINED, is_held=True, **later),
    ]
    for run in runs:
        run.start()
    named = {run.name: run for run in runs}
    jobs = {kind: named[kind].wait().running() for kind in (*at_once, "rewriting")}
    urgent = "sbatch -p urgent --exclusive -o /dev/null --wrap 'sleep 5' --nodelist "
    cluster.call(f"{urgent} preempted")
    for kind in ("cancelled", "cancelled_trained"):
        jobs[kind] = named[kind].wait().running()[:1]
        cluster.call(f"scancel {jobs[kind][0]}")
    jobs["preempted_trained"] = named["preempted_trained"].wait().running()
    cluster.call(f"{urgent} preempted_later")
    for kind, running in jobs.items():
        named[kind].go_once_ended(running)
    finish_all(runs)
    return named


@pytest.fixture(scope="module")
def second(
    cluster: Cluster, make_run: Callable[..., Run], undisturbed: list[Run]
) -> dict[str, Run]:
    """Runs on bad nodes, and within limits that are too narrow."""
    runs = [
        make_run("lost", is_held=True, gpu_partition="lost"),
        make_run("lost_trained", TRAINED, is_held=True, gpu_partition="lost_later"),
        make_run(
            "short_trained", TRAINED, step=5, gpu_partition="short", signal="TERM@60"
        ),
        make_run(
            "hung", is_held=True, rules={"judge_pairs": {"runtime": 2}}, signal=None
        ),
        make_run("large", rules={"judge_pairs": {"mem_mb": 200}}),
        make_run("faulty", gpu_partition="faulty"),
        make_run("broken", gpu_partition="broken"),
        make_run("one_job", gpu_partition="one_job"),
        make_run("checked", "check_nodes", gpu_partition="faulty"),
    ]
    where = "__import__('os').environ['SLURMD_NODENAME']"  # the test's GPUs are none
    edit(runs[-1].clone / "scripts/check_gpu.py", "describe_gpu_apart()", where)
    for run in runs:
        run.start()
    named = {run.name: run for run in runs}
    job = named["hung"].wait().running()[0]
    cluster.call(f"scancel --signal STOP {job}")
    named["hung"].go()
    for kind, node in (("lost", "lost"), ("lost_trained", "lost_later")):
        named[kind].wait()
        cluster.cut_power(node)
        named[kind].go()
    finish_all(runs)
    return named


def test_undisturbed_run_has_no_job_too_many(
    undisturbed: list[Run], first: dict[str, Run]
) -> None:
    """A job for each shard, one for the training; nothing was noted of any."""
    finish_all(undisturbed)
    for run, num_jobs in zip(undisturbed, (2, 1, 2), strict=True):
        assert [job["state"] for job in run.jobs()] == ["COMPLETED"] * num_jobs
        assert run.causes() == []
        assert_as_undisturbed(run, undisturbed)


@pytest.mark.parametrize("kind", ["cancelled", "cancelled_trained"])
def test_cancelled_job_is_submitted_again(
    first: dict[str, Run], undisturbed: list[Run], kind: str
) -> None:
    """A shard or a training, with no more time and memory than before."""
    run = first[kind]
    assert run.causes() == ["cancelled"]
    asked = {(job["comment"], job["timelimitraw"]) for job in run.jobs()}
    assert len(asked) == len(run.jobs()) - 1, "nothing grew"
    assert_as_undisturbed(run, undisturbed)


@pytest.mark.parametrize(
    "kind",
    [
        *("cancelled_at_once", "requeued_at_once", "told_before"),
        *("preempted_trained", "rewriting"),
    ],
)
def test_preempted_job_is_submitted_again(
    first: dict[str, Run], undisturbed: list[Run], kind: str
) -> None:
    """Whether a site cancels or requeues, at once or after a grace."""
    run = first[kind]
    assert set(run.causes()) == {"preempted"}
    assert_as_undisturbed(run, undisturbed)


@pytest.mark.parametrize("kind", ["lost", "lost_trained"])
def test_lost_node_is_left(
    second: dict[str, Run], undisturbed: list[Run], kind: str
) -> None:
    """Shards and training go on at another node, after SlurmdTimeout."""
    run = second[kind]
    assert set(run.causes()) == {"lost"}
    assert "spare" in {job["nodelist"] for job in run.jobs()}
    assert_as_undisturbed(run, undisturbed)


def test_training_is_split_where_time_is_short(
    second: dict[str, Run], undisturbed: list[Run]
) -> None:
    """The partition's limit is far below ours: the training goes on in more jobs."""
    run = second["short_trained"]
    assert set(run.causes()) == {"left"}
    assert {job["timelimitraw"] for job in run.jobs()} == {"5"}
    provenance = run.project / BRANCH / "judge/provenance.json"
    assert json.loads(provenance.read_text())["resumed_from"]
    assert_as_undisturbed(run, undisturbed)


def test_job_over_its_time_limit_gets_more(
    second: dict[str, Run], undisturbed: list[Run]
) -> None:
    """A job that hangs ends at its limit; its successor may take longer."""
    run = second["hung"]
    assert "time" in run.causes()
    limits = [int(job["timelimitraw"]) for job in run.jobs()]
    assert min(limits) == 2 and max(limits) > 2
    assert_as_undisturbed(run, undisturbed)


def test_job_over_its_memory_gets_more(
    second: dict[str, Run], undisturbed: list[Run]
) -> None:
    """Two Snakemakes do not fit into the first job's memory; later ones have more."""
    run = second["large"]
    assert set(run.causes()) == {"memory"}
    sizes = re.findall(r"mem=(\d+)M", " ".join(job["alloctres"] for job in run.jobs()))
    assert sizes[0] == "200" and sizes[-1] in ("400", "600")
    assert_as_undisturbed(run, undisturbed)


@pytest.mark.parametrize("kind", ["faulty", "broken"])
def test_bad_node_is_kept_off(
    second: dict[str, Run], undisturbed: list[Run], kind: str
) -> None:
    """It fails each job at once, or SLURM's own prolog: one attempt a shard at most."""
    run = second[kind]
    nodes = [job["nodelist"] for job in run.jobs()]
    assert kind in nodes and nodes.count(kind) <= 2
    assert nodes.count("spare") == 2
    if kind == "faulty":
        assert "The next attempt keeps off faulty." in run.printed
    assert_as_undisturbed(run, undisturbed)


def test_limit_on_jobs_is_waited_for(
    second: dict[str, Run], undisturbed: list[Run]
) -> None:
    """One job of a user at a time: the other shard waits its turn, and none fails."""
    run = second["one_job"]
    assert "SLURM takes no more jobs for now" in run.printed
    assert run.causes() == []
    assert_as_undisturbed(run, undisturbed)


def test_each_node_is_checked_by_a_job_of_its_own(second: dict[str, Run]) -> None:
    """Once each, and on no other node; the bad one is named."""
    run = second["checked"]
    assert run.process.returncode == 1
    assert sorted(job["nodelist"] for job in run.jobs()) == ["faulty", "spare"]
    assert re.search(r"on faulty", run.printed), run.printed
    told = run.project / "results/gpus/nodes"
    assert [path.read_text() for path in told.iterdir()] == ["torch: spare\n"]


def test_mistakes_of_a_site_are_named(cluster: Cluster, tmp_path: Path) -> None:
    """Three of them on this cluster; what is proposed instead has none."""
    shipped = Path(__file__).parents[1] / "profiles/slurm"
    for name in ("site.yaml", "site.schema.yaml"):
        (tmp_path / name).write_text((shipped / name).read_text())
    wrong = {"gpu_partition": "gpus", "gpu_model": "a100", "account": "labour"}
    local = tmp_path / "local.yaml"
    local.write_text(yaml.safe_dump(wrong))
    script = str(shipped.parents[1] / "scripts/check_site.py")
    command = [sys.executable, script, "--site", str(tmp_path)]
    environment = cluster.environment

    def check() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )

    done = check()
    assert done.returncode == 1
    assert "qos one_job: at most 1 of your jobs in the queue" in done.stdout
    assert f"{local}: 'gpu_partition' must be one of " in done.stdout
    assert f"{local}: 'gpu_model' must be one of h100 (got 'a100')" in done.stdout
    assert f"{local}: 'account' must be one of lab, root (got 'labour')" in done.stdout
    (tmp_path / "local.proposed.yaml").rename(local)
    done = check()
    assert done.returncode == 0 and "nothing in site.yaml" in done.stdout, done.stdout


# -- nobody answers, or somebody stops -----------------------------------------


def assert_stopped(run: Run) -> None:
    """A run that was interrupted ends, and leaves no job in the queue."""
    run.finish(status=1)
    listing = run.cluster.call("squeue --noheader --format '%Z'").splitlines()
    assert str(run.project) not in listing


def test_nobody_answers_for_a_while(
    cluster: Cluster, make_run: Callable[..., Run], undisturbed: list[Run]
) -> None:
    """Controller and accounting are away: jobs stay known, submissions wait, and
    Ctrl-C cancels what there is, during it or after it."""
    at_work, late = make_run("at_work", is_held=True), make_run("submitted_late")
    stopped = make_run("stopped", is_held=True)
    meanwhile = make_run("stopped_meanwhile", is_held=True)
    for run in (at_work, stopped, meanwhile):
        run.start()
    for run in (at_work, stopped, meanwhile):
        run.wait()
    cluster.kill("slurmdbd")
    cluster.kill("slurmctld")
    late.start()
    at_work.wait_to_say("does not answer")
    late.wait_to_say("takes no more jobs")
    at_work.go()
    meanwhile.process.send_signal(signal.SIGINT)
    meanwhile.wait_to_say("Terminating processes on user request")
    cluster.start_accounting()
    cluster.start_controller()
    stopped.process.send_signal(signal.SIGINT)
    assert_stopped(stopped)
    assert_stopped(meanwhile)
    stopped.go()
    finish_all([at_work, late])
    assert "SLURM does not answer" in at_work.printed
    assert "SLURM takes no more jobs for now" in late.printed
    # A job that meets a controller just back may fail at once, and is tried again.
    assert at_work.causes() == [] and set(late.causes()) <= {"early", "lost"}
    for run in (at_work, late):
        assert len(run.jobs()) == 2 + len(run.causes())
        assert_as_undisturbed(run, undisturbed)
    finish_all([stopped.start()])
    assert_as_undisturbed(stopped, undisturbed)


def test_failed_shard_leaves_its_neighbour(
    make_run: Callable[..., Run], undisturbed: list[Run]
) -> None:
    """A shard that fails for good costs nothing that the other has done."""
    run = make_run("fails_for_good").start()
    shard = "rule_judge_pairs_wildcards_1_majority_1of2"
    while run.process.poll() is None:
        listing = run.cluster.call("squeue --noheader --format '%i|%k|%Z'")
        for row in listing.splitlines():
            job, comment, folder = row.split("|")
            if comment == shard and folder == str(run.project):
                run.cluster.call(f"scancel {job}")
        time.sleep(1)
    run.finish(status=1)
    shards = run.project / BRANCH / "judgments"
    assert {path.name for path in shards.iterdir()} == {"2of2.jsonl"}
    finish_all([run.start()])
    assert_as_undisturbed(run, undisturbed)


def recover(run: Run) -> subprocess.CompletedProcess[str]:
    """Run the documented command that follows a killed Snakemake."""
    return subprocess.run(
        [sys.executable, "scripts/recover_run.py", "project"],
        cwd=run.clone,
        env=run.cluster.environment,
        capture_output=True,
        text=True,
    )


def test_killed_snakemake_is_recovered(
    make_run: Callable[..., Run], undisturbed: list[Run]
) -> None:
    """Nobody can start beside a living run; after a dead one, one command mends."""
    run = make_run("killed")
    engine = CONFIG["engine"]
    slow = {**engine["simulator"], "tokens_per_second": 4}
    change_config(run.project, engine={"simulator": slow})
    alive = run.start().wait().process
    assert "cannot be locked" in run.start().finish(status=1)
    refused = recover(run)
    assert refused.returncode == 1
    assert f"a Snakemake works here, process {alive.pid}" in refused.stderr
    alive.kill()
    alive.wait()
    assert run.running(), "the jobs outlive their Snakemake"
    done = recover(run)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not run.running()
    change_config(run.project, engine=engine)
    finish_all([run.start()])
    assert_as_undisturbed(run, undisturbed)


# -- the loop ------------------------------------------------------------------


def test_gpu_jobs_get_a_gpu_each_and_no_others(loop: Run) -> None:
    """Every job has what its rule asked for, on one node, and is never requeued."""
    wait_until(lambda: bool(loop.running("generate")), PATIENCE, "a job of a model")
    script = [sys.executable, "scripts/show_status.py", "demo"]
    target = "results/iter1/vlrb.json"
    told = subprocess.run(
        [*script, target],
        cwd=loop.clone,
        env=loop.cluster.environment,
        capture_output=True,
        text=True,
    )
    print(told.stdout, told.stderr)
    assert f"Snakemake works here, process {loop.process.pid}" in told.stdout
    assert re.search(r"^generate_responses +1 ", told.stdout, re.M)
    loop.finish()
    time.sleep(5)
    compared = json.loads((loop.project / "results/iter1/vlrb.json").read_text())
    assert {row["iteration"] for row in compared["rows"]} == {0, 1}
    profile = "generate_responses judge_pairs judge_benchmarks".split()
    gpu_rules = {*profile, "train_judge"}
    seen = set()
    for job in loop.jobs():
        rule = re.sub("^rule_|_wildcards_.*$", "", job["comment"])
        seen.add(rule)
        assert job["state"] == "COMPLETED" and job["nnodes"] == "1", job
        assert ("gres/gpu:h100=1" in job["alloctres"]) == (rule in gpu_rules), job
    light = {"select_prompts", "build_pairs", "filter_judgments", "score_benchmark"}
    # What reads no image is decided where Snakemake runs.
    assert seen >= gpu_rules and not seen & {*light, "compare_scores"}
    shown = loop.cluster.call("scontrol show job")
    assert "Requeue=0" in shown
    print(f"the loop: {loop.seconds:.0f} s, {len(loop.jobs())} jobs")


# -- the panel -----------------------------------------------------------------


def test_panel_ends_though_a_training_was_cancelled(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Members answer, rate and learn as jobs with a GPU; who was cancelled goes on."""
    run = Run("panel", cluster, tmp_path)
    run.project = run.clone / "panel"
    run.project.mkdir()
    write_tiny_panel(run.project, run.clone / "demo")
    run.go()
    run.launch(RATED, SKILLS)
    trainings: list[str] = []

    def is_training() -> bool:
        assert run.process.poll() is None, run.end()
        trainings[:] = run.running("train_member")
        return bool(trainings)

    try:
        wait_until(is_training, PATIENCE, "panel: to train a member")
        cluster.call(f"scancel {trainings[0]}")
        run.finish()
    finally:
        run.process.kill()
    rows = json.loads((run.project / SKILLS).read_text())["members"]
    learnt = {row["member"] for row in rows if row["iteration"] == 1}
    assert learnt == set(MEMBERS)
    time.sleep(5)
    ended: dict[str, list[str]] = {}
    for job in run.jobs():
        rule = re.sub("^rule_|_wildcards_.*$", "", job["comment"])
        is_model = rule in {"answer_prompts", "rate_responses", "train_member"}
        is_model |= rule == "answer_benchmark"
        assert ("gres/gpu:h100=1" in job["alloctres"]) == is_model, job
        ended.setdefault(rule, []).append(job["state"].split()[0])
    assert sorted(ended.pop("train_member")) == ["CANCELLED", *["COMPLETED"] * 2]
    assert {state for states in ended.values() for state in states} == {"COMPLETED"}
    assert len(ended["rate_responses"]) == len(MEMBERS)
    print(f"the panel: {run.seconds:.0f} s, {len(run.jobs())} jobs")
