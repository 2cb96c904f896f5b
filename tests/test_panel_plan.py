"""What a panel still costs: which jobs, how many requests, what waits for what."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from selfjudge.ground.ledgers import Usage, ledger_from
from selfjudge.ground.lines import write_json
from selfjudge.run.config import lay_over
from selfjudge.run.panel_load import (
    count_panel_requests,
    panel_waits_for,
    parse_panel_part,
)
from selfjudge.run.planning import (
    CostModel,
    PartCost,
    gpus_of,
    plan_rows,
    read_stale,
)
from selfjudge.run.scheduling import schedule
from selfjudge.run.workload import Expectations, Part, Workload

ROOT = Path(__file__).parents[1]
OWN = {
    "pool": {"prompts_per_iteration": 1000},
    "panel": {
        "members": {name: {"base_model": f"org/{name}"} for name in ("a", "b", "c")},
        "ballots": ["peers", "self"],
        "shards": 4,
        "responses": {"num_samples": 9},
        "skills": {"path": "questions.jsonl"},
    },
    "plan": {"different_rate": 0.5, "preference_rate": 0.6},
}
CONFIG = lay_over(yaml.safe_load((ROOT / "config.yaml").read_text()), OWN)
ANSWERS = Part("answer_prompts", 1, "base/a")
RATINGS = Part("rate_responses", 1, "base/a")
TRAIN = Part("train_member", 1, "peers/a")
DRAWN = Part("train_member", 2, "random/a")
SKILLS = Part("answer_benchmark", 1, "peers/a")


def plan(
    project: Path, *parts: Part, ledgers: dict[str, Any] | None = None
) -> dict[Part, PartCost]:
    """The rows of these parts, all their jobs stale."""
    whole = ("train_member", "answer_benchmark")
    jobs = Counter({part: 1 if part.stage in whole else 4 for part in parts})
    expected = msgspec.convert(CONFIG["plan"], Expectations, strict=False)
    work = Workload(project, CONFIG, expected)
    costs = CostModel(CONFIG, expected, ledgers or {})
    return {row.part: row for row in plan_rows(jobs, work, costs)}


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("panel/iter1/base/a/responses/1of4", ANSWERS),
        ("panel/iter1/base/a/own_answers/1of4", ANSWERS),
        ("panel/iter1/base/a/ratings/informed/3of4", RATINGS),
        ("panel/iter1/peers/a/model", TRAIN),
        ("panel/iter1/peers/a/skills/greedy/1of1", SKILLS),
        ("panel/iter1/peers/a/skills/sampled/1of1", SKILLS),
        # Decisions.
        ("panel/iter1/peers/a/skills", None),
        ("panel/iter1/base/candidates/1of4", None),
        ("panel/iter1/base/votes/plain/1of4", None),
        ("panel/iter1/peers/preferences", None),
        ("panel/iter1/skills", None),
        ("iter1/majority/judge", None),
    ],
)
def test_a_path_tells_who_made_it(path: str, part: Part | None) -> None:
    assert parse_panel_part(path) == part


def test_a_dry_run_is_read() -> None:
    """A job with two outputs is one; two shards are two."""
    folder = "results/panel/iter1/base/a"
    lines = []
    for shard in ("1of4.jsonl", "2of4.jsonl"):
        outputs = f"{folder}/responses/{shard}, {folder}/own_answers/{shard}"
        lines.append(f"    output: {outputs}")
    lines.append("    output: results/panel/iter1/base/candidates/1of4.jsonl")
    stale = read_stale("\n".join(lines))
    assert stale.jobs == {ANSWERS: 2} and stale.num_decided == 1


def test_requests_follow_from_the_config(tmp_path: Path) -> None:
    """Greedy answers beside the samples; half of all texts are different."""
    (tmp_path / "questions.jsonl").write_text('{"a": 1}\n' * 50)
    own = Part("rate_responses", 2, "self/a")
    found = plan(tmp_path, ANSWERS, RATINGS, own, TRAIN, SKILLS)
    numbers = {part: row.num_requests for part, row in found.items()}
    assert numbers == {
        ANSWERS: 10000,
        RATINGS: 13500,
        own: pytest.approx(4500),
        TRAIN: pytest.approx(600),
        SKILLS: 250,
    }
    assert found[RATINGS].numbers == "guessed" and found[SKILLS].numbers == "counted"
    # A pair is two texts.
    rated = found[RATINGS]
    assert found[TRAIN].num_prompt_tokens / 600 == pytest.approx(
        2 * rated.num_prompt_tokens / 13500
    )


def test_a_judge_is_asked_for_every_match(tmp_path: Path) -> None:
    """Each text and each of its opponents; all texts at once are one request."""
    judge = {"judge": {"base_model": "org/judge", "scores_only": True}}
    config = lay_over(CONFIG, {"panel": {"members": judge}})
    expected = msgspec.convert(config["plan"], Expectations, strict=False)
    part = RATINGS._replace(filter="base/judge")

    def count(part: Part, **ratings: Any) -> float:
        changed = lay_over(config, {"panel": {"ratings": ratings}})
        work = Workload(tmp_path, changed, expected)
        return count_panel_requests(work, part).value

    assert count(RATINGS) == 13500  # of three who answer
    assert count(part) == 4 * 13500
    assert count(part, num_opponents=6, mode="relative") == 6 * 13500
    assert count(RATINGS, mode="relative") == 1000


def test_files_tell_better_than_the_config(tmp_path: Path) -> None:
    results = tmp_path / "results" / "panel"
    folder = results / "iter1" / "base" / "candidates"
    folder.mkdir(parents=True)
    for shard in range(1, 5):
        (folder / f"{shard}of4.jsonl").write_text("{}\n" * 100)
    report = {"for_member": {"all": 400}, "num_prompts": 1000}
    write_json(results / "iter1" / "peers" / "panel_report.json", report)
    later = Part("train_member", 2, "peers/a")
    found = plan(tmp_path, RATINGS, TRAIN, later)
    assert (found[RATINGS].num_requests, found[RATINGS].numbers) == (400, "counted")
    assert (found[TRAIN].num_requests, found[TRAIN].numbers) == (400, "counted")
    assert (found[later].num_requests, found[later].numbers) == (400, "measured")


def test_ledgers_tell_what_a_request_costs(tmp_path: Path) -> None:
    usage = Usage(num_requests=10, num_calls=10, num_prompt_tokens=500, seconds=20.0)
    line = ledger_from(
        usage, stage="rate_responses", engine="transformers", model="m", started="",
        finished=True,
    )  # fmt: skip
    ledgers = {"panel/iter1/base/a/ratings/plain/1of4": [line]}
    found = plan(tmp_path, RATINGS, ledgers=ledgers)[RATINGS]
    assert found.cost == "measured"
    assert found.num_prompt_tokens == 50 * found.num_requests


def test_each_member_costs_what_its_engine_does(tmp_path: Path) -> None:
    """By config's speeds; then by its own ledgers, else by those of its engine."""
    slow = {"engine": {"name": "transformers"}}
    wide = {"engine": {"name": "vllm", "vllm": {"tensor_parallel_size": 4}}}
    fast = {"engine": {"name": "vllm"}}
    members = {"a": slow, "b": fast, "c": wide, "d": fast}
    config = lay_over(CONFIG, {"panel": {"members": members}})
    expected = msgspec.convert(config["plan"], Expectations, strict=False)
    parts = [RATINGS._replace(filter=f"base/{name}") for name in members]
    work = Workload(tmp_path, config, expected)

    def costs(ledgers: dict[str, Any]) -> list[PartCost]:
        jobs = Counter(dict.fromkeys(parts, 4))
        return plan_rows(jobs, work, CostModel(config, expected, ledgers))

    a, b, c, _ = costs({})
    assert a.gpu_hours > 2 * b.gpu_hours
    assert gpus_of(c.part, config) == 4 and gpus_of(b.part, config) == 1
    usage = Usage(num_requests=10, num_calls=10, num_prompt_tokens=500, seconds=20.0)
    line = ledger_from(
        usage, stage="rate_responses", engine="vllm", model="m", started="",
        finished=True,
    )  # fmt: skip
    other = msgspec.structs.replace(line, num_prompt_tokens=700)
    place = "panel/iter1/base/{}/ratings/plain/1of4"
    a, b, c, d = costs({place.format("b"): [line], place.format("d"): [other]})
    tokens = [row.num_prompt_tokens / row.num_requests for row in (b, c, d)]
    assert tokens == [50, 60, 70]
    assert [row.cost for row in (a, b, c, d)] == ["guessed", *["measured"] * 3]


@pytest.mark.parametrize(
    ("later", "earlier", "waits"),
    [
        (RATINGS, ANSWERS, True),
        (RATINGS, Part("answer_prompts", 1, "base/b"), True),
        (TRAIN, RATINGS, True),
        (TRAIN, ANSWERS, True),
        (SKILLS, TRAIN, True),
        (SKILLS, Part("train_member", 1, "peers/b"), False),
        (Part("answer_prompts", 2, "peers/a"), TRAIN, True),
        (Part("answer_prompts", 2, "self/a"), TRAIN, False),
        (Part("train_member", 2, "peers/a"), RATINGS, False),
        (TRAIN._replace(iteration=2), Part("rate_responses", 2, "peers/b"), True),
        # Drawn, and cut to as many as the first ballot that rates has.
        (DRAWN, Part("rate_responses", 2, "peers/b"), True),
        (DRAWN, Part("rate_responses", 2, "self/b"), False),
        (DRAWN, Part("rate_responses", 1, "peers/b"), False),
        (DRAWN, Part("answer_prompts", 2, "random/b"), True),
        (ANSWERS, RATINGS, False),
        (ANSWERS, Part("responses", 1), False),
    ],
)  # fmt: skip
def test_what_waits_for_what(later: Part, earlier: Part, waits: bool) -> None:
    ballots = ["random", "peers", "self"]
    assert panel_waits_for(later, earlier, ballots) is waits


def test_a_chain_takes_the_sum_of_its_stages(tmp_path: Path) -> None:
    """On as many slots as one could want."""
    rows = plan(tmp_path, ANSWERS, RATINGS, TRAIN)
    hours = sum(row.seconds_per_job for row in rows.values()) / 3600
    assert schedule(list(rows.values()), 64, CONFIG) == pytest.approx(hours)
