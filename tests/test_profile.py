"""What `--profile slurm` asks of a cluster; no SLURM is needed to look at it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.profiles import ProfileConfigFileParser

from selfjudge.run.config import ConfigError
from selfjudge.run.site import read_site
from test_workflow import REPOSITORY, clone_repository

pytestmark = pytest.mark.workflow

# Every kind of job.
TARGETS = ("results/iter1/vlrb.json",)


# How a rule asks for a GPU: itself, or as rules/common.smk says of all model jobs.
GPU = r"^ +(gpu=|\*\*(MODEL|MEMBER)_JOB)"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone."""
    clone_repository(tmp_path / "selfjudge")
    return tmp_path / "selfjudge"


def plan(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A dry run of the documented command on the demo."""
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "-j", "8"]
    return subprocess.run(
        [*command, "--directory", "demo", "-n", *TARGETS, *arguments],
        cwd=clone,
        capture_output=True,
        text=True,
    )


def planned_resources(clone: Path) -> dict[str, dict[str, str]]:
    """The resources of each rule that a dry run names, as printed."""
    done = plan(clone)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(
        r"^rule (\w+):\n(?:    .*\n)*?    resources: (.*)$", done.stdout, re.M
    )
    return {
        rule: dict(item.split("=", 1) for item in line.split(", "))
        for rule, line in found
    }


def rule_bodies() -> dict[str, str]:
    """The text of each rule below its first line."""
    return {
        rule: body
        for path in (REPOSITORY / "rules").glob("*.smk")
        for rule, body in re.findall(
            r"^rule (\w+):\n(.*?)(?=^\S|\Z)", path.read_text(), re.M | re.S
        )
    }


def gpu_rules() -> set[str]:
    """The rules whose text asks for a GPU."""
    bodies = rule_bodies().items()
    asking = {rule for rule, body in bodies if re.search(GPU, body, re.M)}
    text = "".join(path.read_text() for path in (REPOSITORY / "rules").glob("*.smk"))
    heirs = re.findall(r"^use rule (\w+) as (\w+) with:", text, re.M)
    return asking | {heir for rule, heir in heirs if rule in asking}


def read_profile() -> dict[str, Any]:
    """The profile of the clone that we are in, as Snakemake reads it."""
    with open("slurm/config.yaml") as file:
        return dict(ProfileConfigFileParser().parse(file))


def test_profile_sends_every_gpu_rule_to_the_gpu_nodes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The list of GPU rules in the profile is complete, and holds nothing else."""
    monkeypatch.chdir(REPOSITORY)
    asked = {entry.partition(":")[0] for entry in read_profile()["set-resources"]}
    assert asked == gpu_rules() and len(asked) >= 5


def test_every_job_asks_for_what_its_rule_needs(clone: Path) -> None:
    """GPU stages ask for one H100, decisions for none; all for one node."""
    resources = planned_resources(clone)
    assert {"judge_pairs", "judge_benchmarks", "train_judge"} < resources.keys()
    for rule, asked in resources.items():
        needs_gpu = rule in gpu_rules()
        assert asked["nodes"] == "1", rule
        assert asked["slurm_partition"] == ("gpu" if needs_gpu else "cpu"), rule
        assert asked.get("gpu") == ("1" if needs_gpu else None), rule
        assert asked.get("gpu_model") == ("h100" if needs_gpu else None), rule
        assert int(asked["mem_mb"]) >= 2000 and int(asked["runtime"]) >= 30, rule


def test_every_job_with_a_gpu_is_told_so(clone: Path) -> None:
    """It would else compute on the CPU where the GPU cannot be used."""
    printed = plan(clone, "-p").stdout
    scripts = "generate_responses|judge_pairs|train_judge"
    commands = re.findall(rf"^.*scripts/(?:{scripts})\.py .*$", printed, re.M)
    assert len(commands) >= 5
    assert all(" --gpus 1 " in command for command in commands)
    # A shell between would die of a SIGTERM before the stage has saved anything.
    assert all("exec " in one.partition("scripts/")[0] for one in commands)
    assert all("--device cpu " in one for one in commands if "train_judge" in one)


def test_no_rule_asks_for_more_by_the_attempt() -> None:
    """What a retry asks for follows from why the job ended: `attempts` says."""
    asked = [
        value
        for body in rule_bodies().values()
        for value in re.findall(r"^ +(?:mem_mb|runtime)=(.*),", body, re.M)
    ]
    assert len(asked) >= 20
    assert [value for value in asked if "attempt" in value] == []


def test_local_file_is_laid_over_the_shipped_one(clone: Path) -> None:
    """Each key of local.yaml reaches the jobs; git does not see the file."""
    local = {
        "gpu_partition": "a100,h100-long",
        "account": "proj-1.2",
        "qos": "high",
        "gpu_model": None,
        "constraint": "80gb|nvlink",
        "extra": "--exclude=node[7-9]",
        "gpu_account": "proj-1.2-gpu",
        "cpu_extra": "--nice=10",
        "rules": {"train_judge": {"mem_mb": 256000}},
    }
    (clone / "profiles/slurm/local.yaml").write_text(yaml.safe_dump(local))
    resources = planned_resources(clone)
    judge = resources["judge_pairs"]
    assert judge["slurm_partition"].startswith("a100")
    assert judge["slurm_account"] == "proj-1.2-gpu"
    assert resources["build_pairs"]["slurm_account"] == "proj-1.2"
    assert resources["build_pairs"]["slurm_extra"] == "--nice=10"
    assert judge["qos"] == "high"
    assert "gpu_model" not in judge
    assert judge["constraint"] == "80gb|nvlink"
    assert judge["slurm_extra"] == f"--signal=TERM@300 {local['extra']}"
    (clone / "profiles/slurm/local.yaml").write_text("signal: null\n")
    assert planned_resources(clone)["judge_pairs"]["slurm_extra"] == ""
    assert resources["train_judge"]["mem_mb"] == "256000"
    assert resources["train_judge"]["slurm_partition"] == judge["slurm_partition"]
    ignored = ["git", "check-ignore", "profiles/slurm/local.yaml"]
    assert subprocess.run(ignored, cwd=REPOSITORY, capture_output=True).stdout


def test_gpu_jobs_inherit_account_and_qos_alone(clone: Path) -> None:
    """A null partition is the cluster's default, and not that of the decisions."""
    local = {"gpu_partition": None, "account": "mine", "qos": "high"}
    local |= {"cpu_extra": "--nice=10", "signal": None}
    (clone / "profiles/slurm/local.yaml").write_text(yaml.safe_dump(local))
    resources = planned_resources(clone)
    judge = resources["judge_pairs"]
    assert (judge["slurm_partition"], judge["slurm_extra"]) == ("", "")
    assert (judge["slurm_account"], judge["qos"]) == ("mine", "high")
    assert resources["build_pairs"]["slurm_partition"] == "cpu"


def test_decisions_that_stay_on_the_login_node_are_light() -> None:
    """They are rules, ask for no GPU and are given no images."""
    text = (REPOSITORY / "rules/slurm.smk").read_text()
    (names,) = re.findall(r"^LIGHT = \{\n(.*?)^\}", text, re.M | re.S)
    light = set(re.findall(r'"(\w+)"', names))
    rules = "".join(path.read_text() for path in (REPOSITORY / "rules").glob("*.smk"))
    known = set(re.findall(r"^ *(?:use rule \w+ as|rule) (\w+)", rules, re.M))
    assert light <= known and len(light) >= 10
    assert not light & gpu_rules()
    bodies = rule_bodies().items()
    with_images = {rule for rule, body in bodies if "image_root" in body}
    assert with_images and not light & with_images


def test_an_heir_of_a_local_rule_is_local() -> None:
    """Snakemake does not hand that on, and a download would run on a node."""
    bodies = rule_bodies().items()
    local = {rule for rule, body in bodies if "\n    localrule: True" in body}
    text = "\n".join(path.read_text() for path in (REPOSITORY / "rules").glob("*.smk"))
    heirs = [
        (heir, "\n    localrule: True" in body)
        for rule, heir, body in re.findall(
            r"^ *use rule (\w+) as (\w+) with:(\n.*?)(?=^\S|\Z)", text, re.M | re.S
        )
        if rule in local
    ]
    assert {"fetch_member", "ask_benchmark"} < {heir for heir, _ in heirs}
    assert [heir for heir, is_local in heirs if not is_local] == []


def test_a_check_of_a_node_names_it(clone: Path) -> None:
    """The rule hands it on to where the sbatch command is made."""
    target = "results/gpus/nodes/h9.txt"
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "-j", "1"]
    done = subprocess.run(
        [*command, "--directory", "demo", "-n", target],
        cwd=clone,
        capture_output=True,
        text=True,
    )
    assert re.search(r"^    resources: .*\bnodelist=h9\b", done.stdout, re.M), done


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gpu_partitoin: a100", "'gpu_partitoin' is no known key. Hint: did you mean"),
        ("gpu_request: gpu", "'gpu_request' must be one of 'gpus', 'gres'"),
        ("max_minutes: 4h", "'max_minutes' must be of type integer or null (got '4h')"),
        ("signal: TERM", "'signal' must be of the form"),
        ("submit_rate: 30 a minute", "'submit_rate' must be of the form"),
        # Of these Snakemake says no key, and of none that nothing is ever submitted.
        ("submit_rate: 0.5/1s", "'submit_rate' must be of the form"),
        ("submit_rate: 0/1s", "'submit_rate' must be of the form"),
        ("submit_rate: 1/0s", "'submit_rate' must be of the form"),
        ("account", "must be keys and values (got 'account')"),
        ("a: [", "must be YAML"),
    ],
)
def test_mistakes_in_the_local_file_are_named(
    clone: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    """A key or value that cannot be is refused, not passed over."""
    monkeypatch.chdir(clone)
    Path("slurm/local.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"slurm/local.yaml: .*{re.escape(told)}"):
        read_site(Path("slurm"))


def test_snakemake_tells_of_a_mistake_in_the_local_file(clone: Path) -> None:
    """What the documented command prints of it."""
    (clone / "profiles/slurm/local.yaml").write_text("gpu_partitoin: a100\n")
    done = plan(clone)
    assert done.returncode != 0
    assert "slurm/local.yaml: 'gpu_partitoin' is no" in done.stdout + done.stderr


def test_a_site_says_how_fast_jobs_are_submitted(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Snakemake reads it."""
    monkeypatch.chdir(clone)
    assert read_profile()["max-jobs-per-timespan"] == "10/1s"
    Path("slurm/local.yaml").write_text("submit_rate: 30/1m\n")
    assert read_profile()["max-jobs-per-timespan"] == "30/1m"


def test_modules_are_loaded_before_each_job(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The modules of a site become the command that each job begins with."""
    monkeypatch.chdir(clone)
    assert "precommand" not in read_profile()
    Path("slurm/local.yaml").write_text("modules: [cuda/12.8, gcc]\n")
    command = read_profile()["precommand"]
    assert command.endswith("module load cuda/12.8 gcc")
    modules = Path("modules/init")
    modules.mkdir(parents=True)
    (modules / "sh").write_text('module() { echo "$@"; }\n')
    done = subprocess.run(
        ["sh", "-c", command],
        env={"MODULESHOME": "modules", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "load cuda/12.8 gcc\n", done.stderr


def test_only_the_login_node_goes_to_the_network() -> None:
    """Downloads run where Snakemake runs, also when all jobs are told to be offline."""
    downloads = {
        rule: body for rule, body in rule_bodies().items() if rule.startswith("fetch_")
    }
    assert len(downloads) >= 2
    for rule, body in downloads.items():
        assert "    localrule: True\n" in body, rule
        assert "HF_HUB_OFFLINE=0 " in body, rule
