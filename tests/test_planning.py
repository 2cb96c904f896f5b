"""What a run still costs: counts, rates, schedule, totals."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from examples import make_pair, make_prompt, write_lines
from selfjudge.ground.ledgers import Ledger
from selfjudge.ground.lines import content_id, write_json, write_records
from selfjudge.pairs.pool import on_side
from selfjudge.run.config import lay_over
from selfjudge.run.plan_text import as_number, as_time, format_plan
from selfjudge.run.planning import (
    CostModel,
    PartCost,
    Stale,
    find_part,
    plan_rows,
    read_stale,
    total,
)
from selfjudge.run.scheduling import schedule, waits_for
from selfjudge.run.workload import Expectations, Part, Workload

ROOT = Path(__file__).parents[1]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
# Numbers below speak of eight shards a stage, whatever config.yaml has.
for stage in ("certificate", "responses", "judgments", "benchmark_judgments"):
    CONFIG[stage]["shards"] = 8
RESPONSES = Part("responses", 1)
JUDGMENTS = Part("judgments", 1, "majority")
TRAIN = Part("train", 1, "majority")
REINFORCE = Part("reinforce", 1, "reinforced")
BENCHMARK = Part("benchmark_judgments", 1, "majority")


def plan(
    project: Path,
    stale: dict[Part, int],
    ledgers: dict[str, list[Ledger]] | None = None,
    asked: Collection[tuple[str, str]] = (("vlrb", "paired"),),
    **changes: Any,
) -> dict[Part, PartCost]:
    """The rows of stale jobs in a project, by part."""
    config = lay_over(CONFIG, changes)
    expected = msgspec.convert(config["plan"], Expectations, strict=False)
    work = Workload(project, config, expected, asked)
    costs = CostModel(config, expected, ledgers or {})
    return {row.part: row for row in plan_rows(Counter(stale), work, costs)}


def make_ledger(**changes: Any) -> Ledger:
    """A finished shard: 100 requests of 50 + 10 tokens in 20 s on two GPUs."""
    ledger = Ledger(
        stage="generate_responses",
        engine="transformers",
        model="m",
        started="2026-01-01T00:00:00+00:00",
        num_gpus=2,
        num_requests=120,
        num_from_journal=20,
        num_calls=100,
        num_prompt_tokens=5000,
        num_cached_prompt_tokens=None,
        num_output_tokens=1000,
        start_seconds=30.0,
        seconds=20.0,
        finished=True,
    )
    return msgspec.structs.replace(ledger, **changes)


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("iter1/responses/1of8", RESPONSES),
        ("iter2/altered/8of8", Part("alterations", 2)),
        ("iter2/checks/8of8", Part("checks", 2)),
        ("iter1/majority/judgments/1of1", JUDGMENTS),
        ("iter1/majority/judge", TRAIN),
        ("iter1/reinforced/judge", REINFORCE),
        ("iter1/majority/vlrb/paired/judgments/1of1", BENCHMARK),
        ("iter1/majority/benchmarks/1of1", BENCHMARK),  # its ledger
        ("sources/mine/asked/1of4", Part("questions", 0, "mine")),
        ("sources/mine/blind/1of4", Part("answers", 0, "mine")),
        ("sources/mine/images", None),
        ("sources/mine", None),
        ("iter1/majority/asks", None),
        ("benchmarks/vlrb_official_asks", None),
        ("iter1/responses", None),
        ("iter1/majority/judgments", None),
        ("iter1/majority/pairs", None),
        ("iter1/majority/vlrb/paired/scores", None),
        ("benchmarks/vlrb", None),
        ("iter1/vlrb", None),
    ],
)
def test_parts_follow_from_paths(path: str, part: Part | None) -> None:
    """Outputs that a model made have a part, decisions have none."""
    assert find_part(path) == part


def test_dry_run_is_counted_by_place() -> None:
    """Jobs by their outputs; a judge's folder and .json are one job."""
    lines = [
        "rule generate_responses:",
        "    input: results/iter1/prompts.jsonl, results/iter1/responses/1of2.jsonl",
        "    output: results/iter1/responses/2of2.jsonl",
        "rule train_judge:",
        "    output: results/iter1/majority/judge, results/iter1/majority/judge.json",
        "localrule merge_responses:",
        "    output: results/iter1/responses.jsonl",
    ]
    stale = read_stale("\n".join(lines))
    assert stale == Stale(Counter({RESPONSES: 1, TRAIN: 1}), 1)
    assert read_stale("Nothing to be done") == Stale(Counter(), 0)


def test_benchmarks_of_a_judge_are_one_job() -> None:
    """A shard is a job, of however many benchmarks and collections."""
    asked = [("vlrb", "paired"), ("vlrb", "official"), ("mmrb", "paired")]
    lines = [
        "    output: "
        + ", ".join(
            f"results/{judge}/{name}/{collection}/judgments/{shard}of2.jsonl"
            for name, collection in asked
        )
        for judge in ("iter0/base", "iter1/majority")
        for shard in (1, 2)
    ]
    base = Part("benchmark_judgments", 0, "base")
    found = read_stale("\n".join(lines))
    assert found == Stale(Counter({base: 2, BENCHMARK: 2}), 0, frozenset(asked))


def test_each_collection_asks_in_its_own_way(tmp_path: Path) -> None:
    """Both orders of all samples, one greedy sample, the votes of the authors."""
    write_lines(tmp_path / "results/benchmarks/vlrb.jsonl", *["{}"] * 10)
    write_lines(tmp_path / "results/benchmarks/mmrb.jsonl", *["{}"] * 100)
    protocols = {
        "vlrb": {"protocols": ["greedy", "blind", "official", "official_strict"]},
        "mmrb": {"protocols": ["official"]},
    }
    expected = {
        ("vlrb", "paired"): 10 * 2 * 3,
        ("vlrb", "greedy"): 10 * 2,
        ("vlrb", "blind"): 10 * 2 * 3,
        ("vlrb", "official"): 10 * 5,
        ("mmrb", "paired"): 100 * 2 * 3,
        ("mmrb", "official"): 100,
    }
    votes = {"benchmark_judgments": {"num_samples": 3}, "benchmarks": protocols}
    for asked in [*({one} for one in expected), expected.keys()]:
        row = plan(tmp_path, {BENCHMARK: 8}, asked=asked, **votes)[BENCHMARK]
        assert row.num_requests == pytest.approx(sum(expected[one] for one in asked))
        assert row.numbers == "counted"


def test_expected_numbers_follow_from_config(tmp_path: Path) -> None:
    """Before anything is there: prompts, samples, rates, orders, epochs."""
    rows = plan(tmp_path, {RESPONSES: 8, JUDGMENTS: 8, TRAIN: 1, BENCHMARK: 8})
    # 25,000 prompts an iteration, 0.7 closed.
    assert rows[RESPONSES].num_requests == pytest.approx(17500 * 16 + 7500)
    pairs = 17500 * 0.4 + 7500 * 0.8
    assert rows[JUDGMENTS].num_requests == pytest.approx(pairs * 2)
    assert rows[TRAIN].num_requests == pytest.approx(pairs * 2 * 0.5 * 5)
    assert rows[BENCHMARK].num_requests == 1247 * 2
    assert {row.numbers for row in rows.values()} == {"guessed"}
    assert {row.cost for row in rows.values()} == {"guessed"}
    prompt, output = 600 + 40 + 150, 150
    row, speed = rows[RESPONSES], CONFIG["plan"]["speeds"]["transformers"]
    assert row.num_prompt_tokens == pytest.approx(row.num_requests * prompt)
    assert row.num_output_tokens == pytest.approx(row.num_requests * output)
    seconds = row.num_prompt_tokens / speed["prompt_tokens_per_second"]
    seconds += row.num_output_tokens / speed["output_tokens_per_second"] + 8 * 90
    assert row.gpu_hours == pytest.approx(seconds / 3600)


def test_a_certificate_is_counted_once_its_pairs_are_there(tmp_path: Path) -> None:
    """Both orders of every variant; of the pairs themselves verdicts are weighed."""
    part = find_part("iter1/majority/certificate/grey/1of8")
    assert part == find_part("iter1/majority/certificate/1of8")
    assert part == Part("certificate", 1, "majority")
    held_out = {"share": 0.05}
    guessed = plan(tmp_path, {part: 8}, certificate=held_out)[part]
    assert guessed.numbers == "guessed" and guessed.num_requests > 2 * 200 * 10
    counts = {"original": 50, "grey": 20}
    write_json(
        tmp_path / "results/certificate/variants/report.json",
        {"num_by_variant": counts},
    )
    counted = plan(tmp_path, {part: 8}, certificate=held_out)[part]
    assert (counted.num_requests, counted.numbers) == (2 * 120, "counted")


@pytest.mark.parametrize("has_pool", [False, True])
def test_no_more_is_certified_than_is_held_out(tmp_path: Path, has_pool: bool) -> None:
    """Sources of 1,000 rows hold out a tenth, and a pool what the seed drew; of more
    than is asked about that much."""
    part = Part("certificate", 1, "majority")
    source = {"name": "mine", "kind": "jsonl", "path": "prompts.jsonl"}

    def expect(num_prompts: int) -> float:
        section = {"share": 0.1, "num_prompts": num_prompts}
        prompts = {"sources": [source]}
        found = plan(tmp_path, {part: 8}, certificate=section, prompts=prompts)
        return found[part].num_requests

    most = expect(100)
    pool = [
        msgspec.structs.replace(make_prompt(at), image_sha256s=(str(at),))
        for at in range(1000)
    ]
    write_records(tmp_path / "prompts.jsonl", pool)
    number = 100
    if has_pool:
        write_records(tmp_path / "results" / "prompts.jsonl", pool)
        number = sum(1 for _ in on_side("held_out", pool, 0.1, CONFIG["seed"]))
        assert 50 < number < 150
    assert expect(1000) == pytest.approx(most * number / 100)
    assert expect(20) == pytest.approx(most * 20 / 100)


def test_what_the_base_does_for_certificates_is_counted(tmp_path: Path) -> None:
    """By share of the pool; then by the prompts held out, and the pairs they gave."""
    names = ("responses", "altered", "checks", "altered_again")
    parts = [find_part(f"certificate/{name}/1of8") for name in names]
    stages = ("responses", "alterations", "checks", "alter_again")
    assert parts == [Part(stage, 0, "held-out") for stage in stages]
    changes = {"certificate": {"share": 0.05, "num_prompts": 1000, "shards": 2}}

    def rows() -> list[tuple[float, str]]:
        found = plan(tmp_path, {part: 2 for part in parts if part}, **changes)
        return [(round(row.num_requests, 6), row.numbers) for row in found.values()]

    # 0.7 closed, 16 samples; 0.8 of the open ones give a pair, rewritten twice more.
    expected = [700 * 16 + 300, 300, 2 * 300, 2 * 0.8 * 300]
    assert rows() == [(number, "guessed") for number in expected]
    folder = tmp_path / "results" / "certificate"
    closed = [make_prompt(at, kind="closed") for at in range(3)]
    opened = [make_prompt(9, kind="open", answer_format=None)]
    write_records(folder / "prompts.jsonl", closed + opened)
    pairs = [make_pair(0), make_pair(1, origin="alteration", rejected_response_id="x")]
    write_records(folder / "pairs.jsonl", pairs)
    assert rows() == [(n, "counted") for n in (3 * 16 + 1, 1, 2, 2)]


def test_a_certificate_waits_for_its_pairs_and_its_judge() -> None:
    """For no other judge, and the loop for no certificate."""
    order = ("responses", "checks", "alter_again")
    held = [Part(stage, 0, "held-out") for stage in order]
    judged, trained = Part("certificate", 1, "majority"), Part("train", 1, "majority")
    others = [Part("train", 2, "majority"), Part("judgments", 1, "majority")]
    waits = {
        later: [
            one for one in (*held, trained, *others) if waits_for(later, one, CONFIG)
        ]
        for later in (*held, judged, *others)
    }
    assert waits[judged] == [*held, trained]
    assert [waits[one] for one in held] == [[], held[:1], held[:2]]
    assert waits[others[0]] == [trained] and not waits[others[1]]
    questions = Part("questions", 0, "photos")
    assert waits_for(held[0], questions, CONFIG)


def test_a_folder_is_counted_until_its_questions_are(tmp_path: Path) -> None:
    """By its files, then as it was listed; answers by the closed questions."""
    asked, answered = Part("questions", 0, "mine"), Part("answers", 0, "mine")
    source = {"name": "mine", "kind": "images", "path": "photos"}
    changes = {
        "prompts": {"sources": [source]},
        "questions": {"fixed": ["Is it wet?"], "shards": 2},
    }

    def rows() -> list[tuple[float, str]]:
        found = plan(tmp_path, {asked: 2, answered: 1}, **changes)
        return [(found[one].num_requests, found[one].numbers) for one in found]

    (tmp_path / "photos" / "deep").mkdir(parents=True)
    for name in ("a.jpg", "b.txt", "deep/c.png"):
        (tmp_path / "photos" / name).touch()
    assert rows() == [(10, "guessed"), (2 * 5 * 2 * 4 / 2, "guessed")]
    folder = tmp_path / "results" / "sources" / "mine"
    write_records(folder / "images.jsonl", [{"id": "1"}])
    write_records(
        folder / "prompts.jsonl",
        [make_prompt(kind="closed"), make_prompt(1, kind="open", answer_format=None)],
    )
    write_records(folder / "blind_prompts.jsonl", [make_prompt(2, kind="closed")])
    assert rows() == [(5, "counted"), (2 * 4 / 2, "counted")]


@pytest.mark.parametrize(("share", "writer"), [(None, "transformers"), (0.3, "vllm")])
def test_training_by_reward_is_rollouts_on_one_gpu(
    share: float | None, writer: str, tmp_path: Path
) -> None:
    """Of the pairs that are not always right, then of those picked; as a judge is
    asked, and trained besides."""
    changes = {
        "train": {"gpus": 8},
        "reinforce": {"vllm_gpu_memory_utilization": share},
    }
    row = plan(tmp_path, {REINFORCE: 1}, **changes)[REINFORCE]
    pairs = 17500 * 0.4 + 7500 * 0.8
    assert row.num_requests == pytest.approx(pairs * 0.5 * 2 * 8)
    speeds = CONFIG["plan"]
    prompt, output = row.num_prompt_tokens, row.num_output_tokens
    assert output == pytest.approx(row.num_requests * speeds["judgment_tokens"])
    seconds = (prompt + output) / speeds["train_tokens_per_second"]
    seconds += output / speeds["speeds"][writer]["output_tokens_per_second"]
    assert row.gpu_hours * 3600 == pytest.approx(seconds + speeds["start_seconds"])
    write_lines(tmp_path / "results/iter1/reinforced/reinforce.jsonl", *["{}"] * 6)
    row = plan(tmp_path, {REINFORCE: 1})[REINFORCE]
    assert (row.num_requests, row.numbers) == (6 * 8, "counted")


def test_a_part_of_the_shards_is_a_part_of_the_cost(tmp_path: Path) -> None:
    """Three stale shards of eight ask for three eighths."""
    whole = plan(tmp_path, {RESPONSES: 8})[RESPONSES]
    part = plan(tmp_path, {RESPONSES: 3})[RESPONSES]
    assert part.num_requests == pytest.approx(whole.num_requests * 3 / 8)
    assert part.gpu_hours == pytest.approx(whole.gpu_hours * 3 / 8)
    assert part.seconds_per_job == pytest.approx(whole.seconds_per_job)


def test_files_take_the_place_of_guesses(tmp_path: Path) -> None:
    """Prompts, pairs, accepted rows and benchmark pairs are counted where they are."""
    results = tmp_path / "results"
    prompts = [make_prompt(n, id=content_id(n)) for n in range(400)]
    prompts += [
        make_prompt(n, id=content_id(n), kind="open", answer_format=None)
        for n in range(400, 500)
    ]
    write_records(results / "prompts.jsonl", prompts)
    write_json(
        results / "iter1/majority/pairs_report.json",
        {"num_pairs": 60, "num_closed": 40, "num_open": 20},
    )
    write_json(results / "iter1/majority/filter_report.json", {"num_accepted": 90})
    write_lines(results / "benchmarks/vlrb.jsonl", *["{}"] * 7)
    second = [part._replace(iteration=2) for part in (JUDGMENTS, TRAIN)]
    stale = {
        RESPONSES: 8,
        JUDGMENTS: 8,
        TRAIN: 1,
        BENCHMARK: 8,
        second[0]: 8,
        second[1]: 1,
    }
    pool = {"prompts_per_iteration": 125}
    rows = plan(tmp_path, stale, pool=pool)
    work = Workload(tmp_path, lay_over(CONFIG, {"pool": pool}), None)  # type: ignore[arg-type]
    counts = [work.count_prompts(i) for i in (1, 2, 3, 4)]
    assert work.count_unused() == 0
    assert sum(closed.value for closed, _ in counts) == 400
    assert sum(opened.value for _, opened in counts) == 100
    closed, opened = (number.value for number in counts[0])
    assert rows[RESPONSES].num_requests == closed * 16 + opened
    assert rows[JUDGMENTS].num_requests == 120
    assert rows[TRAIN].num_requests == 90 * 5
    assert rows[BENCHMARK].num_requests == 14
    assert {rows[part].numbers for part in (RESPONSES, JUDGMENTS, TRAIN)} == {"counted"}
    # Iteration 2 by the rates of iteration 1.
    closed_2, opened_2 = (number.value for number in counts[1])
    pairs = closed_2 * 40 / closed + opened_2 * 20 / opened
    assert rows[second[0]].num_requests == pytest.approx(2 * pairs)
    assert rows[second[1]].num_requests == pytest.approx(2 * pairs * 90 / 120 * 5)
    assert {rows[part].numbers for part in second} == {"measured"}


def test_shared_pairs_are_judged_once(tmp_path: Path) -> None:
    """At iteration 1 another filter asks only for pairs that the first has not."""
    own = Part("judgments", 1, "correctness")
    filters = ["majority", "correctness"]
    later = own._replace(iteration=2)
    guessed = plan(tmp_path, {JUDGMENTS: 8, own: 8, later: 8}, filters=filters)
    assert guessed[own].num_requests == pytest.approx(
        guessed[JUDGMENTS].num_requests * 0.2
    )
    assert guessed[later].num_requests == pytest.approx(guessed[JUDGMENTS].num_requests)
    for name, numbers in (("majority", range(4)), ("correctness", range(1, 6))):
        folder = tmp_path / "results/iter1" / name
        write_records(folder / "pairs.jsonl", map(make_pair, numbers))
        counts = {"num_pairs": len(numbers), "num_closed": len(numbers), "num_open": 0}
        write_json(folder / "pairs_report.json", counts)
    counted = plan(tmp_path, {own: 8}, filters=filters)[own]
    assert counted.num_requests == pytest.approx(4)
    assert counted.numbers == "counted"


def test_a_probe_takes_the_place_of_guesses(tmp_path: Path) -> None:
    """Its ledgers tell what a request costs, its shares how many pairs there are;
    a benchmark's judgment costs what a pair's does."""
    ledgers = {"probe/responses": [make_ledger()]}
    ledgers["probe/judgments"] = [make_ledger(num_output_tokens=500, start_seconds=0.0)]
    shares = {
        "pairs, of closed prompts": {"rate": 0.5},
        "pairs, of open prompts": {"rate": 0.25},
        "pairs: right in both orders": {"rate": 0.2},
    }
    write_json(tmp_path / "results/probe/report.json", {"shares": shares})
    stale = {RESPONSES: 8, JUDGMENTS: 8, TRAIN: 1, BENCHMARK: 8}
    rows = plan(tmp_path, stale, ledgers)
    assert [rows[part].cost for part in (RESPONSES, JUDGMENTS, BENCHMARK)] == [
        *("measured", "measured", "scaled")
    ]
    assert rows[BENCHMARK].num_output_tokens == 5 * rows[BENCHMARK].num_requests
    number = CONFIG["pool"]["prompts_per_iteration"]
    closed = CONFIG["plan"]["closed_rate"] * number
    pairs = 0.5 * closed + 0.25 * (number - closed)
    assert rows[JUDGMENTS].num_requests == pytest.approx(2 * pairs)
    epochs = CONFIG["train"]["num_epochs"]
    assert rows[TRAIN].num_requests == pytest.approx(2 * pairs * 0.2 * epochs)
    # The judgments' run found the model loaded: the responses' tells what that takes.
    for part in (RESPONSES, JUDGMENTS, BENCHMARK):
        assert rows[part].seconds_per_job > 30


def test_ledgers_take_the_place_of_speeds(tmp_path: Path) -> None:
    """Tokens and seconds of a request are those of finished shards of the stage."""
    ledgers = {"iter1/responses/1of8": [make_ledger()]}
    row = plan(tmp_path, {RESPONSES: 7}, ledgers)[RESPONSES]
    assert row.cost == "measured"
    assert row.num_prompt_tokens == pytest.approx(row.num_requests * 50)
    assert row.num_output_tokens == pytest.approx(row.num_requests * 10)
    seconds = row.num_requests * 20 * 2 / 100 + 7 * 30
    assert row.gpu_hours == pytest.approx(seconds / 3600)


def test_other_stages_are_scaled_by_what_guesses_were_wrong_by(tmp_path: Path) -> None:
    """A machine ten times as slow as expected is so for every generating stage."""
    speed = CONFIG["plan"]["speeds"]["transformers"]
    expected = 5000 / speed["prompt_tokens_per_second"]
    expected += 1000 / speed["output_tokens_per_second"]
    line = make_ledger(num_gpus=1, seconds=10 * expected, start_seconds=0.0)
    plain = plan(tmp_path, {JUDGMENTS: 8}, plan={"start_seconds": 0})[JUDGMENTS]
    scaled = plan(tmp_path, {JUDGMENTS: 8}, {"iter1/responses/1of8": [line]})
    assert scaled[JUDGMENTS].cost == "scaled"
    assert scaled[JUDGMENTS].gpu_hours == pytest.approx(10 * plain.gpu_hours)


@pytest.mark.parametrize(
    "changes", [{"engine": "simulator"}, {"num_calls": 0}, {"finished": False}]
)
def test_what_tells_nothing_of_this_engine_is_left_out(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    """Neither another engine's ledger, nor one without a call, nor half a run's."""
    ledgers = {"iter1/responses/1of8": [make_ledger(**changes)]}
    assert plan(tmp_path, {RESPONSES: 8}, ledgers)[RESPONSES].cost == "guessed"


def test_model_cut_over_gpus_takes_them_all(tmp_path: Path) -> None:
    """GPU hours stay, but for starting; a job is shorter, and takes two slots."""
    engine = {"name": "vllm", "vllm": {"tensor_parallel_size": 2}}
    changes = {"engine": engine, "plan": {"start_seconds": 0}}
    both = plan(tmp_path, {RESPONSES: 8}, **changes)[RESPONSES]
    engine["vllm"] = {"tensor_parallel_size": 1}
    one = plan(tmp_path, {RESPONSES: 8}, **changes)[RESPONSES]
    assert both.gpu_hours == pytest.approx(one.gpu_hours)
    assert both.seconds_per_job == pytest.approx(one.seconds_per_job / 2)
    engine["vllm"] = {"tensor_parallel_size": 2}
    config = lay_over(CONFIG, changes)
    assert schedule([both], 4, config) == pytest.approx(both.seconds_per_job * 4 / 3600)


def make_row(part: Part, num_jobs: int, seconds: float) -> PartCost:
    """A row of which only the time matters."""
    return PartCost(part, num_jobs, 1, 2, 3, 4.0, seconds, 5.0, "counted", "measured")


def test_schedule_fills_slots_and_waits() -> None:
    """Shards side by side, stages one after the other, a training on its GPUs."""
    rows = [
        make_row(RESPONSES, 8, 3600),
        make_row(JUDGMENTS, 3, 3600),
        make_row(TRAIN, 1, 7200),
        make_row(BENCHMARK, 2, 3600),
        # Needs nothing of the above.
        make_row(RESPONSES._replace(iteration=2), 2, 3600),
    ]
    assert schedule(rows[:1], 4, CONFIG) == 2
    assert schedule(rows[:1], 3, CONFIG) == 3
    assert schedule(rows[:4], 4, CONFIG) == 2 + 1 + 2 + 1
    # The other iteration's responses fill the slots beside the training.
    assert schedule(rows, 4, CONFIG) <= 7
    assert schedule(rows[:3], 1, CONFIG) == 8 + 3 + 2
    assert schedule([], 4, CONFIG) == 0
    # What rides makes the jobs longer that it rides in, and is no job itself.
    riding = make_row(Part("alterations", 1), 8, 1800)
    assert schedule([rows[0], riding, rows[1]], 4, CONFIG) == 2 * 1.5 + 1


def test_rewrites_ride_in_the_jobs_of_responses(tmp_path: Path) -> None:
    """No job and no start of a model is theirs; what they ask is."""
    stale = {RESPONSES: 8, Part("alterations", 1): 8}
    rows = plan(tmp_path, stale)
    responses, rewrites = rows.values()
    assert total(list(rows.values()))["num_jobs"] == 8
    assert rewrites.num_requests == 7500
    assert responses == plan(tmp_path, {RESPONSES: 8})[RESPONSES]
    tokens = rewrites.num_prompt_tokens, rewrites.num_output_tokens
    speed = CONFIG["plan"]["speeds"]["transformers"]
    asked = tokens[0] / speed["prompt_tokens_per_second"]
    asked += tokens[1] / speed["output_tokens_per_second"]
    assert rewrites.gpu_hours * 3600 == pytest.approx(asked)


@pytest.mark.parametrize(
    ("later", "earlier", "changes", "waits"),
    [
        # By reward from what majority's judge was trained to.
        (REINFORCE, TRAIN, {"reinforce": {"start_from": "imitated"}}, True),
        (REINFORCE, TRAIN, {"reinforce": {"start_from": "previous"}}, False),
        # Cut to as many as another accepts, which follows from its judgments.
        (TRAIN._replace(filter="unchecked"), JUDGMENTS, {}, True),
        (TRAIN._replace(filter="unchecked", iteration=2), JUDGMENTS, {}, False),
        (TRAIN._replace(filter="correctness"), JUDGMENTS, {}, False),
        # Not cut, it may have the other's judge.
        (
            TRAIN._replace(filter="majority_matched"),
            TRAIN,
            {"filters": ["majority", "correctness", "majority_matched"]},
            True,
        ),
        (
            TRAIN._replace(filter="majority_matched"),
            TRAIN,
            {"filters": ["correctness", "majority_matched"]},
            False,
        ),
        (TRAIN._replace(filter="correctness"), TRAIN, {}, False),
        (TRAIN._replace(iteration=2), TRAIN, {}, True),
        (TRAIN, TRAIN, {}, False),
    ],
)
def test_what_else_a_training_waits_for(
    later: Part, earlier: Part, changes: dict[str, Any], waits: bool
) -> None:
    """As the rules of training and filtering have it."""
    assert waits_for(later, earlier, lay_over(CONFIG, changes)) is waits


def test_totals_are_the_sums_and_stand_in_the_table(tmp_path: Path) -> None:
    """Every column that adds up does."""
    stale = {RESPONSES: 8, JUDGMENTS: 8, TRAIN: 1}
    rows = list(plan(tmp_path, stale).values())
    sums = total(rows)
    assert sums["num_jobs"] == 17
    for name, value in sums.items():
        assert value == pytest.approx(sum(getattr(row, name) for row in rows))
    text = format_plan(Stale(Counter(stale), 3), rows, 1.5, 8, "transformers")
    (line,) = [line for line in text.splitlines() if line.startswith("total")]
    assert as_number(sums["num_prompt_tokens"]) in line.split()
    assert as_time(3600 * sums["gpu_hours"]) in line
    assert "about 1.5 h by the clock, 8 at once" in text
    assert "measured on no machine" in text


def test_nothing_is_said_to_be_nothing() -> None:
    """A finished run, and one in which only decisions are stale."""
    assert format_plan(Stale(Counter(), 0), [], 0, 8, "x") == "nothing to do"
    said = format_plan(Stale(Counter(), 2), [], 0, 8, "x")
    assert said == "no model has work to do; 2 files are to be written by decisions"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1234, "0.123"),
        (9999, "9999"),
        (12345, "12.3k"),
        (2.5e6, "2.5M"),
        (3e11, "300G"),
    ],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    """Units are thousands."""
    assert as_number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.5, "1.5 s"), (90, "1.5 min"), (7200, "2 h")]
)
def test_times_have_units(seconds: float, text: str) -> None:
    """Seconds, minutes, hours."""
    assert as_time(seconds) == text
