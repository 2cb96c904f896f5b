"""A run without any benchmark ends with a judge and its certificate, by real Snakemake.

One small run is made once: one iteration over the demo's world and base model, a third
of the pool held out.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from selfjudge.certificate.variants import VARIANTS
from selfjudge.engines.checkpoints import model_fingerprint
from selfjudge.ground.ledgers import read_ledgers
from test_workflow import change_config, clone_repository, edit, planned, run

pytestmark = pytest.mark.workflow

WORLD = {"num_closed": 90, "num_open": 60, "num_vlrb": 3, "num_mmrb": 2}
CONFIG: dict[str, Any] = {
    "iterations": 1,
    "filters": ["majority"],
    "pool": {"prompts_per_iteration": 60},
    "certificate": {
        "share": 0.35,
        "num_prompts": 60,
        "num_variant_pairs": 8,
        "shards": 1,
    },
    "benchmarks": {"vlrb": None, "mmrb": None, "criteria": None},
}


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which a small demo without benchmarks has run to its end."""
    clone = tmp_path_factory.mktemp("certified") / "selfjudge"
    clone_repository(clone)
    change_config(clone / "demo", **CONFIG)
    for name, number in WORLD.items():
        rules = clone / "demo/project.smk"
        found = re.search(rf"{name}=\d+", rules.read_text())
        assert found
        edit(rules, found[0], f"{name}={number}")
    run(clone, "judges", "all")
    return clone


def read(certified: Path, name: str) -> Any:
    """A document of the run."""
    return json.loads((certified / "demo/results" / name).read_text())


def images_of(path: Path) -> set[str]:
    """The sha256s of all images of a file of prompts."""
    lines = path.read_text().splitlines()
    return {sha for line in lines for sha in json.loads(line)["image_sha256s"]}


def test_no_image_is_trained_on_and_certified_on(certified: Path) -> None:
    """The prompts of the iteration share no picture with those held out."""
    results = certified / "demo/results"
    held_out = images_of(results / "certificate/prompts.jsonl")
    trained = images_of(results / "iter1/prompts.jsonl")
    assert held_out and trained and held_out.isdisjoint(trained)


def test_the_chosen_judge_comes_with_its_certificate(certified: Path) -> None:
    """A folder that an engine opens, and what is said of it, as in its own place."""
    choice = read(certified, "choice.json")
    assert (choice["iteration"], choice["filter"]) == (1, "majority")
    chosen = certified / "demo/results/chosen_judge"
    own = certified / "demo/results/iter1/majority"
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        assert (chosen / name).samefile(own / "judge" / name)
    # What is said of a judge makes it no other one: its answers are in the journal.
    assert model_fingerprint(chosen) == model_fingerprint(own / "judge")
    told = (chosen / "certificate.json").read_bytes()
    assert told == (own / "certificate.json").read_bytes()


def test_figures_are_of_the_pairs_that_there_are(certified: Path) -> None:
    """As many as the variants' report counts; the base model stands beside."""
    counts = read(certified, "certificate/variants/report.json")["num_by_variant"]
    found = read(certified, "iter1/majority/certificate.json")
    base = read(certified, "iter0/base/certificate.json")
    figures = {one["name"]: one for one in found["figures"]}
    assert figures["all pairs"]["num_pairs"] == counts["original"] > 8
    assert figures["with another's picture"]["num_pairs"] == counts["other_image"] == 8
    assert len(found["outcomes"]) == counts["original"]
    beside = {one["name"]: one["value"] for one in base["figures"]}
    assert figures["all pairs"]["base_value"] == beside["all pairs"] is not None


def test_a_judge_is_asked_everything_in_one_job(certified: Path) -> None:
    """Two lines of a ledger: judgments of all variants, and verdicts weighed."""
    ledgers = read_ledgers(certified / "demo/results/ledgers")
    counts = read(certified, "certificate/variants/report.json")["num_by_variant"]
    judged, weighed = ledgers["iter1/majority/certificate/1of1"]
    assert (judged.stage, weighed.stage) == ("judge_variants", "weigh_verdicts")
    assert judged.num_requests == 2 * sum(counts.values())
    assert weighed.num_requests == 2 * counts["original"]
    folder = certified / "demo/results/iter1/majority/certificate"
    assert {path.name for path in folder.iterdir()} == {*VARIANTS, "weighed"}


def test_the_page_says_what_the_certificate_says(certified: Path) -> None:
    """Without a benchmark there is a page all the same."""
    page = (certified / "demo/results/report.html").read_text()
    choice = read(certified, "choice.json")
    assert "no benchmark is configured" in page
    assert choice["words"] in page.replace("&#39;", "'")


def test_nothing_is_left_to_do(certified: Path) -> None:
    """Fewer pairs of each variant ask no model to write again, but the judges."""
    assert planned(certified, "judges", "all") == {}
    change_config(certified / "demo", certificate={"num_variant_pairs": 7})
    jobs = planned(certified, "judges")
    assert {"build_variants", "judge_variants", "certify_judge"} <= jobs.keys()
    assert jobs.keys().isdisjoint({"answer_held_out", "train_judge", "alter_again"})
