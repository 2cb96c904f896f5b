"""Figures that others published, through our adapters and scorers."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from examples import make_judgment
from published import (
    ALWAYS_FIRST,
    MMRB_FILES,
    accuracies,
    both_orders,
    judge_rows,
    prepare_mmrb,
    prepare_vlrb,
    read_rows,
    score,
)
from selfjudge.benchmarks import registry
from selfjudge.benchmarks.collections import asking_of
from selfjudge.benchmarks.leaderboard import PublishedTable, read_leaderboard
from selfjudge.benchmarks.preparing import Prepared
from selfjudge.benchmarks.protocols import SELFJUDGE
from selfjudge.benchmarks.registry import find_protocol
from selfjudge.benchmarks.scores import group_outcomes, macro_accuracy
from selfjudge.benchmarks.vl_rewardbench import GROUPS
from selfjudge.benchmarks.votes import PairOutcome
from selfjudge.ground.records import Judgment
from selfjudge.ground.requests import Samples, Sampling
from selfjudge.judging.asks import ask_pairs

LEADERBOARD = (
    Path(__file__).parents[1] / "scripts/selfjudge/benchmarks/leaderboard.yaml"
)
OFFICIAL = find_protocol("vl_rewardbench", "official")
MMRB_OFFICIAL = find_protocol("multimodal_rewardbench", "official")
VLRB_1250 = {"general": 183, "hallucination": 749, "reasoning": 318}


@pytest.fixture(scope="session")
def hub_rows() -> list[dict[str, Any]]:
    """VL-RewardBench as served before 2025-05-13."""
    return read_rows("vlrb/rows_1250.json")


@pytest.fixture(scope="session")
def hub(
    hub_rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Prepared:
    """The same, prepared."""
    return prepare_vlrb(tmp_path_factory.mktemp("hub"), hub_rows)


@pytest.fixture(scope="session")
def github(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """VL-RewardBench's older copy, in the order of the XComposer file."""
    rows = read_rows("vlrb/rows_github_2024-12.jsonl")
    return prepare_vlrb(tmp_path_factory.mktemp("github"), rows)


@pytest.fixture(scope="session")
def mmrb(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The public rows of Multimodal RewardBench."""
    rows = [row for name in MMRB_FILES for row in read_rows(f"mmrb/{name}.json")]
    for row in rows:
        row["Better"] = row.pop("label")
    return prepare_mmrb(tmp_path_factory.mktemp("mmrb"), rows)


# ------------------------------------------------------------------ the releases


def test_rows_before_may_2025(hub: Prepared) -> None:
    """1250 rows, their groups, ids, the leak of the label, the old labels."""
    manifest = hub.manifest
    assert (manifest.release, manifest.num_pairs) == ("vlrb_1250", 1250)
    assert manifest.groups == VLRB_1250
    assert len({row.release_id for row in hub.rows}) == 1225
    assert manifest.num_chosen_first == 1245
    assert len({pair.id for pair in hub.pairs}) == 1250


def test_the_github_copy_is_the_same_release(github: Prepared, hub: Prepared) -> None:
    """Other ids, another order, image marks in the question: the same pairs."""
    assert github.manifest.release == "vlrb_1250"
    assert github.manifest.groups == VLRB_1250

    def contents(prepared: Prepared) -> Counter[tuple[str, str, str]]:
        return Counter((p.question, p.chosen, p.rejected) for p in prepared.pairs)

    assert contents(github).keys() == contents(hub).keys()


def test_prefixes_of_ids_equal_the_image_folders(github: Prepared) -> None:
    """The group rule agrees with the folders of the GitHub copy on every row."""
    rows = read_rows("vlrb/rows_github_2024-12.jsonl")
    folders = {
        "povid": "hallucination",
        "rlaif-v": "hallucination",
        "rlhf-v": "hallucination",
        "reasoning_tasks": "reasoning",
        "vlfeedback": "general",
        "wildvision-battle": "general",
    }
    expected = [folders[row["image_path"].split("/")[1]] for row in rows]
    assert [row.split for row in github.rows] == expected


def corrected(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with the known labels turned."""
    errata: Any = read_rows("vlrb/errata_1250_to_1247.json")
    turned = {
        flip["row_in_vlrb_hf1250_unifiedreward_data"]: flip["new_ranking"]
        for flip in errata["flipped_labels"]
    }
    return [
        row | {"human_ranking": turned.get(number, row["human_ranking"])}
        for number, row in enumerate(rows)
    ]


def without_dropped(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows without the three that were dropped."""
    wrong = next(n for n, row in enumerate(rows) if row["id"] == "mathverse_2279")
    again = ("wildvision-battle-545", "wildvision-battle-580")
    return [row for n, row in enumerate(rows) if n != wrong and row["id"] not in again]


def test_rows_since_may_2025(hub_rows: list[dict[str, Any]], tmp_path: Path) -> None:
    """With the errata applied, the groups of 1247 rows come out and are known."""
    manifest = prepare_vlrb(tmp_path, without_dropped(corrected(hub_rows))).manifest
    assert (manifest.release, manifest.num_pairs) == ("vlrb_1247", 1247)
    assert manifest.groups == {"general": 181, "hallucination": 749, "reasoning": 317}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(corrected, id="new-labels-on-1250-rows"),
        pytest.param(without_dropped, id="old-labels-on-1247-rows"),
        pytest.param(lambda rows: rows[:-1], id="a-row-missing"),
    ],
)
def test_half_a_revision_is_no_known_release(
    hub_rows: list[dict[str, Any]], tmp_path: Path, change: Any
) -> None:
    """Labels of one revision on the rows of another are named, never mixed."""
    manifest = prepare_vlrb(tmp_path, change(hub_rows)).manifest
    assert manifest.release is None
    assert any("no release that is known" in warning for warning in manifest.warnings)


def test_public_rows_of_mmrb(mmrb: Prepared) -> None:
    """4711 rows, six categories, ids, labels."""
    manifest = mmrb.manifest
    assert (manifest.release, manifest.num_pairs) == ("mmrb_4711", 4711)
    assert manifest.groups == {
        "open_generation/correctness_task": 623,
        "open_generation/preference_task": 654,
        "knowledge": 630,
        "reasoning": 1096,
        "safety": 508,
        "vqa": 1200,
    }
    assert len({row.release_id for row in mmrb.rows}) == 4482
    assert manifest.repeats.num_repeated_ids == 229
    assert manifest.num_chosen_first == 2341
    assert not any("visitbench" in warning for warning in manifest.warnings)
    splits = Counter(row.split for row in mmrb.rows)
    assert (splits["reasoning/math"], splits["reasoning/coding"]) == (514, 582)
    assert (splits["safety/bias"], splits["safety/toxicity"]) == (508, 0)


# ------------------------------------------------------------- the XComposer file


@pytest.fixture(scope="session")
def xcomposer(github: Prepared) -> list[Judgment]:
    """InternLM-XComposer-2.5-Reward's verdicts as texts, in the orders it saw."""
    verdicts = read_rows("vlrb/ixc25_reward_predictions_derived.jsonl")

    def ask(_: Any, row: Any) -> list[tuple[str, str]]:
        found = verdicts[row.row]
        assert row.release_id == found["id"]
        # `order` 1 exchanges the responses: the first shown is number `order`.
        shown_first = found["order"] == (0 if row.chosen_first else 1)
        order = "chosen_first" if shown_first else "rejected_first"
        text = f"Overall Judgment: Answer {found['verdict']} is better."
        return [(order, text)]

    return judge_rows(github, ask)


def test_xcomposer_scores(github: Prepared, xcomposer: list[Judgment]) -> None:
    """155/183, 452/749, 200/318, overall 64.56, macro 69.3132."""
    scores = score(github, OFFICIAL, xcomposer)
    right = Counter(o.group for o in scores.outcomes if o.accuracy == 1)
    assert right == {"general": 155, "hallucination": 452, "reasoning": 200}
    found = accuracies(scores)
    assert found["overall"] == 0.6456 == 807 / 1250
    assert found["macro"] == 0.693132
    percent = {group: round(100 * (share or 0), 2) for group, share in found.items()}
    assert percent | {"macro": 69.31, "overall": 64.56} == percent
    assert (percent["general"], percent["hallucination"]) == (84.7, 60.35)
    assert percent["reasoning"] == 62.89


def test_xcomposer_scores_the_same_under_our_protocol(
    github: Prepared, xcomposer: list[Judgment]
) -> None:
    """A judge without a preference for a place scores alike."""
    official = score(github, OFFICIAL, xcomposer)
    right = {outcome.pair_id: outcome.accuracy == 1 for outcome in official.outcomes}
    judgments = judge_rows(github, lambda pair, _: both_orders(right[pair.id]))
    assert accuracies(score(github, SELFJUDGE, judgments)) == accuracies(official)


@pytest.mark.parametrize(
    ("groups", "macro"),
    [
        pytest.param(GROUPS, 69.31, id="right"),
        pytest.param(
            {k: v for k, v in GROUPS.items() if k != "hallucination"},
            63.86,
            id="povid-as-general",
        ),
        pytest.param(
            {k: v for k, v in GROUPS.items() if k not in ("RLHF", "RLAIF")},
            64.24,
            id="lower-case-prefixes",
        ),
        pytest.param(
            # One row moves, and nine of no known prefix are in no group at all.
            GROUPS
            | {"LRVInstruction": "hallucination"}
            | dict.fromkeys(("jailbreak", "politics", "svit"), "unknown"),
            69.61,
            id="lrvinstruction-as-hallucination",
        ),
    ],
)
def test_broken_groups_give_the_known_wrong_macros(
    github: Prepared, xcomposer: list[Judgment], groups: dict[str, str], macro: float
) -> None:
    """The three wrong groupings of public code bases, and what they cost."""
    outcomes = regroup(github, score(github, OFFICIAL, xcomposer).outcomes, groups)
    named = [outcome for outcome in outcomes if outcome.group != "unknown"]
    found = macro_accuracy(list(group_outcomes(named).values()))
    assert round(100 * (found or 0), 2) == macro


def regroup(
    prepared: Prepared, outcomes: Sequence[PairOutcome], groups: dict[str, str]
) -> list[PairOutcome]:
    """The outcomes as another grouping of subsets would have them."""
    subsets = {row.pair_id: row.subset for row in prepared.rows}
    return [
        msgspec.structs.replace(
            outcome, group=groups.get(subsets[outcome.pair_id], "general")
        )
        for outcome in outcomes
    ]


def test_r1_reward_groups_as_its_script_does(hub: Prepared) -> None:
    """Its substrings of the id and our prefixes agree on every row."""
    theirs = {k: v for k, v in GROUPS.items() if k not in ("RLHF", "RLAIF")}
    judgments = judge_rows(hub, lambda *_: ALWAYS_FIRST)
    outcomes = regroup(hub, score(hub, SELFJUDGE, judgments).outcomes, theirs)
    groups = {outcome.pair_id: outcome.group for outcome in outcomes}
    for row in hub.rows:
        name = row.release_id
        if "mmmu" in name or "mathverse" in name:
            expected = "reasoning"
        elif "hallucination" in name or "rlhf" in name or "rlaif" in name:
            expected = "hallucination"
        else:
            expected = "general"
        assert groups[row.pair_id] == expected


# ------------------------------------------------------------------ other harnesses


def test_vlmevalkit_counts(hub: Prepared) -> None:
    """Its integer counts give its published floats, to the last digit."""
    published: Any = read_rows("vlrb/vlmevalkit_pr703_scores.json")
    assert published["denominators"] == VLRB_1250
    for model in published["rows"]:
        left = Counter(model["correct"])
        right = set()
        for row in hub.rows:
            if left[row.split] > 0:
                left[row.split] -= 1
                right.add(row.pair_id)
        judgments = judge_rows(
            hub, lambda pair, _, right=right: both_orders(pair.id in right)
        )
        groups = group_outcomes(score(hub, SELFJUDGE, judgments).outcomes)
        found = {name: macro_accuracy([group]) for name, group in groups.items()}
        everything = [outcome for group in groups.values() for outcome in group]
        found["Macro Accuracy"] = macro_accuracy(
            [groups[name] for name in ("hallucination", "reasoning", "general")]
        )
        found["Overall Consistency"] = macro_accuracy([everything])
        exact = model["model"] != "GPT4o-20241120"  # printed with six digits
        for name, share in model["published"].items():
            got = found[name] or 0.0
            assert (got if exact else round(got, 6)) == share


def test_parity_of_length_is_almost_fair(hub: Prepared) -> None:
    """652 of 1250 rows swap; a judge that takes the first scores 47.76 %.

    As lmms-eval and VLMEvalKit put responses in places: Unicode code points count.
    """
    odd = {p.id: (len(p.chosen) + len(p.rejected)) % 2 == 1 for p in hub.pairs}
    assert sum(odd.values()) == 652
    first = [row.chosen_first != odd[row.pair_id] for row in hub.rows]
    assert sum(first) / len(first) == 0.4776


def test_always_a_on_mmrb(mmrb: Prepared) -> None:
    """2341 of 4711, by judgments and as a baseline."""
    judgments = judge_rows(
        mmrb,
        lambda _, row: [
            ("chosen_first" if row.chosen_first else "rejected_first", "[[A]]")
        ],
    )
    scores = score(mmrb, MMRB_OFFICIAL, judgments)
    assert sum(outcome.accuracy or 0 for outcome in scores.outcomes) == 2341
    (blind,) = [
        row.accuracy
        for row in scores.baselines
        if (row.baseline, row.group) == ("always_first", "overall")
    ]
    assert blind == accuracies(scores)["overall"] == round(2341 / 4711, 6)


def test_mmrb_official_example(tmp_path: Path) -> None:
    """Two real outputs of a judge: the official script prints 1 / 2, and so do we."""
    examples = read_rows("mmrb/mmrb_official_example.jsonl")
    rows = [
        {
            "ID": example["ID"],
            "Category": example["Meta"]["Category"],
            "Text": "What is this?",
            "Image": example["Image"],
            "Output1": "first",
            "Output2": "second",
            "Better": {"A": "Output1", "B": "Output2"}[example["Label"]],
        }
        for example in examples
    ]
    prepared = prepare_mmrb(tmp_path, rows)
    judgments = judge_rows(
        prepared,
        lambda _, row: [
            (
                "chosen_first" if row.chosen_first else "rejected_first",
                examples[row.row]["output"],
            )
        ],
    )
    assert accuracies(score(prepared, MMRB_OFFICIAL, judgments))["overall"] == 1 / 2


# ------------------------------------------------------------------- what leaks


def test_always_first_scores_half_under_our_protocol(hub: Prepared) -> None:
    """The release leaks its labels by position; our scores do not."""
    found = accuracies(score(hub, SELFJUDGE, judge_rows(hub, lambda *_: ALWAYS_FIRST)))
    assert set(found.values()) == {0.5}


def test_always_first_scores_near_half_in_random_orders(hub: Prepared) -> None:
    """Five votes in orders drawn by seed: within three standard errors of 50."""
    text = "Overall Judgment: Answer 1 is better."
    judgments = [
        judgment
        for pair, row in zip(
            sorted(hub.pairs, key=lambda p: p.id),
            sorted(hub.rows, key=lambda r: r.pair_id),
            strict=True,
        )
        for judgment in ask_official(pair, row, text)
    ]
    found = accuracies(score(hub, OFFICIAL, judgments))["overall"]
    assert found == pytest.approx(0.5, abs=3 * 0.5 / 1250**0.5)


def ask_official(pair: Any, row: Any, text: str) -> list[Judgment]:
    """The votes of a judge that always says the same."""
    settings = Samples(num_samples=1, sampling=Sampling(max_tokens=1, temperature=0))
    asking = asking_of("official", settings, registry.OFFICIAL["vl_rewardbench"], 5)
    return [
        make_judgment(pair, ask.order, text, sample=ask.sample)
        for ask in ask_pairs([pair], [row], asking, 0)
    ]


def test_longer_response_is_a_baseline(hub: Prepared) -> None:
    """The preferred response is longer in 533 rows, equally long in 11."""
    judgments = judge_rows(hub, lambda *_: ALWAYS_FIRST)
    scores = score(hub, SELFJUDGE, judgments)
    (found,) = [
        row.accuracy
        for row in scores.baselines
        if (row.baseline, row.group) == ("longer_response", "overall")
    ]
    assert found == (533 + 11 / 2) / 1250


# ------------------------------------------------------------------- the leaderboard


def table(source: str) -> PublishedTable:
    """The table of our leaderboard with this in its source."""
    (found,) = [t for t in read_leaderboard(LEADERBOARD) if source in t.source]
    return found


def test_leaderboard_of_vlrb_is_the_published_table() -> None:
    """Our rows are the typed picture's; macro is the mean of three columns."""
    published: Any = read_rows("vlrb/vlrb_paper_table2.json")
    ours = table("the authors' table")
    assert ours.models == {row["model"]: row["values"] for row in published["rows"]}
    assert ours.columns == published["columns"]
    weighted = []
    for general, hallucination, reasoning, overall, macro in ours.models.values():
        assert macro == pytest.approx(
            (general + hallucination + reasoning) / 3, abs=0.1
        )
        by_rows = (183 * general + 749 * hallucination + 318 * reasoning) / 1250
        weighted.append(abs(overall - by_rows))
    assert len(weighted) == 16
    # Undecided rows leave the denominator: overall is not the rows' mean.
    assert max(weighted) == pytest.approx(3.7, abs=0.05)


def test_leaderboard_of_mmrb_is_the_published_table() -> None:
    """Overall is the mean over 5211 rows for all eight models."""
    published: Any = read_rows("mmrb/mmrb_leaderboard.json")
    ours = table("README of facebookresearch/multimodal_rewardbench")
    assert ours.models == {row["model"]: row["values"] for row in published["rows"]}
    numbers = published["n_full_5211"]
    assert sum(numbers) == 5211 and len(ours.models) == 8
    for overall, *columns in ours.models.values():
        total = sum(a * n for a, n in zip(columns, numbers, strict=True)) / 5211
        assert total == pytest.approx(overall, abs=0.001)


def test_leaderboard_of_vlmevalkit_is_the_published_one() -> None:
    """Rounded to a tenth of a percent."""
    published: Any = read_rows("vlrb/vlmevalkit_pr703_scores.json")
    ours = table("VLMEvalKit")
    names = ("general", "hallucination", "reasoning", "Overall Consistency")
    for row in published["rows"]:
        found = [row["published"][name] for name in (*names, "Macro Accuracy")]
        assert ours.models[row["model"]] == pytest.approx(
            [100 * value for value in found], abs=0.05
        )


# ------------------------------------------------------------------------- speed


def test_twelve_thousand_judgments_score_in_two_seconds(hub: Prepared) -> None:
    """1250 pairs, five samples in both orders, texts of 1500 characters."""
    reasoning = "The first response names two dogs where the image shows one. " * 24
    texts = [
        (order, f"{reasoning}\nVerdict: [[{letter}]]")
        for order, letter in (("chosen_first", "A"), ("rejected_first", "B"))
        for _ in range(5)
    ]
    judgments = judge_rows(hub, lambda *_: texts)
    assert len(judgments) == 12_500
    start = time.process_time()
    scores = score(hub, SELFJUDGE, judgments)
    assert time.process_time() - start < 2
    assert accuracies(scores)["overall"] == 1.0
