"""What a plan says of too little, before anything is paid."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from examples import make_prompt, write_lines
from selfjudge.ground.lines import write_json, write_records
from selfjudge.run.config import lay_over
from selfjudge.run.needs import tell_needs
from selfjudge.run.probe_report import CLOSED_PAIRS, OPEN_PAIRS, RIGHT_PAIRS
from selfjudge.run.workload import Expectations, Workload

ROOT = Path(__file__).parents[1]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
MINE = {"name": "mine", "kind": "jsonl", "path": "p.jsonl", "gold_answers": False}


def needs(
    project: Path, each: int, *stages: Any, imports: bool = True, **changes: Any
) -> list[str]:
    """What is said of a project with a prompts file of its own."""
    own: dict[str, Any] = {
        "prompts": {"sources": [MINE]},
        "pool": {"prompts_per_iteration": each},
    }
    config = lay_over(CONFIG, own | changes)
    expected = msgspec.convert(config["plan"], Expectations, strict=False)
    workload = Workload(project, config, expected)
    return list(tell_needs(workload, stages or ["train"], imports))


@pytest.mark.parametrize(
    ("each", "rows", "warnings"),
    [
        (250, 130, []),
        (97, 50, []),
        (96, 50, ["training"]),  # 49.9
        (251, 131, ["import"]),
        (60, 31, ["training"]),
    ],
)
def test_too_few_prompts_are_warned_of(
    tmp_path: Path, each: int, rows: int, warnings: list[str]
) -> None:
    """By config's rates: 52 rows of 100 prompts; four iterations, 1,000 rows."""
    write_lines(tmp_path / "p.jsonl", *["{}"] * 1000, "")
    first, *others = needs(tmp_path, each)
    assert first == (
        f"an iteration's {each} prompts give about {rows} rows to train majority "
        "(guessed); 'train.min_rows', 50, needs 97"
    )
    warned = [line for line in others if line.startswith("WARNING")]
    assert [re.split(" (?:the )?", line)[1] for line in warned] == warnings


@pytest.mark.parametrize(
    ("number", "hint"),
    [(60, "4 x 97 are the fewest"), (800, "set 'pool.prompts_per_iteration: 200'")],
)
def test_what_would_do_is_said(tmp_path: Path, number: int, hint: str) -> None:
    """A smaller share for each iteration, where that is enough to train on."""
    write_lines(tmp_path / "p.jsonl", *["{}"] * number)
    assert hint in needs(tmp_path, 25000)[-1]
    # One iteration's prompts, where all use the same.
    pool = {"pool": {"mode": "reuse", "prompts_per_iteration": number}}
    assert not any("import" in line for line in needs(tmp_path, number, **pool))


def test_what_is_not_known_is_not_warned_of(tmp_path: Path) -> None:
    """A source that is not there yet, a pool that was imported, a plan without
    training."""
    assert len(needs(tmp_path, 25000)) == 1
    hub = {"prompts": CONFIG["prompts"]}
    assert len(needs(tmp_path, 25000, **hub)) == 1
    number = CONFIG["prompts"]["sources"][0]["num_prompts"]
    many = needs(tmp_path, number // 4 + 1, **hub)
    assert any(f"got {number} rows" in line for line in many)
    write_lines(tmp_path / "p.jsonl", *["{}"] * 3)
    prompts = map(make_prompt, range(400))
    assert needs(tmp_path, 100, "responses")[0].startswith("WARNING the import")
    # A judge that is asked about a benchmark needs no prompts.
    assert needs(tmp_path, 100, "benchmark_judgments", imports=False) == []
    (tmp_path / "results").mkdir()
    write_records(tmp_path / "results" / "prompts.jsonl", prompts)
    assert needs(tmp_path, 100, "responses") == []


@pytest.mark.parametrize(
    ("text", "is_counted"),
    [
        (b"{}", True),
        (b"\n \xef\xbb\xbf {}\n", False),
        (b"\xef\xbb\xbf{}", True),
        (b'[{"question": "Why?"}, {}]', False),
        (b"[\n  {},\n  {}\n]", False),
        ('{"question": "Why?"}'.encode("utf-16"), False),
        (b"", True),
    ],
)
def test_rows_are_those_of_json_lines(
    tmp_path: Path, text: bytes, is_counted: bool
) -> None:
    """Of an array on one line, "1 rows" would send a person to add prompts."""
    (tmp_path / "p.jsonl").write_bytes(text)
    assert bool(needs(tmp_path, 100, "responses")) == is_counted


@pytest.mark.parametrize(
    ("each", "told"),
    [
        (90, None),  # 360 of 400
        (91, "may be refused: .* 4 x 91 prompts .got 400 rows, about 360 without"),
        (101, "will be refused: .* 4 x 101 prompts .got 400 rows, about 360 without"),
    ],
)
def test_what_chance_holds_out_is_no_certainty(
    tmp_path: Path, each: int, told: str | None
) -> None:
    """Which images a certificate takes is drawn for each, so how many is not known."""
    write_lines(tmp_path / "p.jsonl", *["{}"] * 400)
    certificate = CONFIG["certificate"] | {"share": 0.1}
    said = needs(tmp_path, each, "responses", certificate=certificate)
    assert bool(said) == (told is not None)
    assert told is None or re.search(told, said[0])


def test_what_checks_cost_is_not_in_a_guess(tmp_path: Path) -> None:
    """Until the probe, or an iteration, has counted pairs with them."""
    pairs = {"pairs": {"check_margin": 0.0}}
    assert len(needs(tmp_path, 100)) == 1
    first, second = needs(tmp_path, 100, **pairs)
    assert first.endswith("needs 97") and "check_margin" in second
    (tmp_path / "results/probe").mkdir(parents=True)
    write_records(tmp_path / "results/prompts.jsonl", map(make_prompt, range(400)))
    shares = {CLOSED_PAIRS: 0.5, OPEN_PAIRS: 0.3, RIGHT_PAIRS: None}
    write_json(
        tmp_path / "results/probe/report.json",
        {"shares": {name: {"rate": rate} for name, rate in shares.items()}},
    )
    assert len(needs(tmp_path, 100, **pairs)) == 1


def test_a_training_by_reward_counts_the_pairs_it_learns_from(tmp_path: Path) -> None:
    """Half of the pairs, in both orders, as much as is imitated at a rate of a half."""
    (line,) = needs(tmp_path, 1000, "reinforce", filters=["reinforced"])
    assert "about 520 rows to train reinforced (guessed)" in line
    folder = tmp_path / "results/iter1/reinforced"
    folder.mkdir(parents=True)
    write_lines(folder / "reinforce.jsonl", *["{}"] * 8)
    line, warning = needs(tmp_path, 1000, "reinforce", filters=["reinforced"])
    assert "about 8 rows to train reinforced (counted)" in line
    assert "must be at least 6250 (got 1000)" in warning


def test_no_row_at_all_has_no_rate(tmp_path: Path) -> None:
    """More than there are, and no division by nothing."""
    folder = tmp_path / "results/iter1/majority"
    folder.mkdir(parents=True)
    write_json(folder / "filter_report.json", {"num_accepted": 0})
    write_json(
        folder / "pairs_report.json", {"num_pairs": 0, "num_closed": 0, "num_open": 0}
    )
    assert "must be at least 101 (got 100)" in needs(tmp_path, 100)[1]
