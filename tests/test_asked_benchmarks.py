"""Which benchmarks a judge is asked for, and which are kept out of the pool, by dry
runs of the shipped configuration."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.workflow
ROOT = Path(__file__).resolve().parents[1]


def plan(project: Path, target: str, **benchmarks: object) -> str:
    """What a dry run says in a project with these keys of `benchmarks`."""
    project.mkdir(exist_ok=True)
    config = {"benchmarks": benchmarks, "iterations": 1}
    config["benchmark_judgments"] = {"shards": 8}
    (project / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--directory", str(project)]
    command += ["--profile", "profiles/local", "-n", target]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.stdout + done.stderr


def asked(said: str) -> list[set[str]]:
    """The benchmarks and collections of each planned job of `judge_benchmarks`."""
    return [
        {
            "/".join(path.split("/")[3:5])
            for path in re.search(r"^    output: (.*)$", job, re.M)[1].split(", ")
        }
        for job in said.split("rule judge_benchmarks:")[1:]
    ]


def test_a_release_that_is_not_at_hand_is_left_out(tmp_path: Path) -> None:
    """The other is asked without it; with it, both in the same jobs."""
    target = "results/iter1/vlrb.json"
    jobs = asked(plan(tmp_path / "without", target))
    assert len(jobs) == 2 * 8 and all(job == {"vlrb/paired"} for job in jobs)
    release = tmp_path / "release" / "all_data.json"
    release.parent.mkdir()
    release.write_text("[]")
    jobs = asked(plan(tmp_path / "with", target, mmrb={"path": str(release)}))
    assert len(jobs) == 2 * 8
    assert all(job == {"vlrb/paired", "mmrb/paired"} for job in jobs)


def test_a_release_that_is_not_at_hand_is_named(tmp_path: Path) -> None:
    """As soon as somebody wants its scores."""
    said = plan(tmp_path, "results/iter1/mmrb.json")
    assert "'benchmarks.mmrb.path' must exist (got 'data/mmrb/all_data.json'" in said


def test_a_protocol_that_asks_must_be_configured(tmp_path: Path) -> None:
    """A judge is asked for all collections at once; a re-scoring asks for nothing."""
    official = "results/iter1/vlrb_official.json"
    said = plan(tmp_path / "without", official)
    assert "'benchmarks.vlrb.protocols' must name a protocol of the coll" in said
    protocols = ["official", "greedy", "official_strict"]
    jobs = asked(plan(tmp_path / "with", official, vlrb={"protocols": protocols}))
    expected = {"vlrb/paired", "vlrb/official", "vlrb/greedy"}
    assert len(jobs) == 2 * 8 and all(job == expected for job in jobs)
    strict = "results/iter1/vlrb_official_strict.json"
    said = plan(tmp_path / "with", strict, vlrb={"protocols": ["official"]})
    expected = {"vlrb/paired", "vlrb/official"}
    assert "rule rescore_benchmark:" in said and asked(said)
    assert all(job == expected for job in asked(said))


@pytest.mark.parametrize("is_left_out", [False, True])
def test_what_is_scored_is_kept_out_of_the_pool(
    tmp_path: Path, is_left_out: bool
) -> None:
    """Its pairs and images, by default; not those of one that is null."""
    benchmarks = {"vlrb": None} if is_left_out else {}
    said = plan(tmp_path, "results/prompts.jsonl", **benchmarks)
    (job,) = said.split("rule import_prompts:")[1:]
    _, *kept_out = re.search(r"^    input: (.*)$", job, re.M)[1].split(", ")
    vlrb = "results/benchmarks/vlrb"
    assert kept_out == ([] if is_left_out else [f"{vlrb}.jsonl", f"{vlrb}_images"])
    assert ("rule fetch_benchmark:" in said) != is_left_out
