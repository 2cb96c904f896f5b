"""Asking a judge about one's own responses: pure parts, and the real script."""

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import write_lines
from judge_folders import (
    ROOT,
    TEXT,
    longer,
    make_judge_folder,
    make_pictures,
    responses_of,
    scripted,
)
from selfjudge.engines.base import EngineSettings
from selfjudge.engines.checkpoints import hash_directory, read_version
from selfjudge.engines.journal import RefusedError
from selfjudge.ground.lines import RecordError, read_json, write_json
from selfjudge.ground.requests import Generation, Request, Sampling
from selfjudge.use.asked import read_asked, write_asked
from selfjudge.use.asking import count_comparisons, run_command
from selfjudge.use.comparing import Match
from selfjudge.use.judges import open_judge
from selfjudge.use.rows import Row, read_rows
from selfjudge.use.tournaments import (
    Game,
    count_games,
    count_rounds,
    next_games,
    ranking,
    strengths,
)
from selfjudge.use.trust import Trust, read_trust

SCRIPT = ROOT / "scripts" / "use_judge.py"
IMAGE = "a.png"


def match(first: str, second: str) -> Match:
    return Match((IMAGE,), "What is it?", first, second)


def row(number: int, *responses: str, **changes: Any) -> Row:
    made = Row(
        number=number, images=(IMAGE,), question="What is it?", responses=responses
    )
    return msgspec.structs.replace(made, **changes)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    make_pictures(tmp_path, 3)
    return tmp_path


# What a folder says of how it is asked


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A judge's folder without weights."""
    judge = tmp_path / "majority" / "judge"
    judge.mkdir(parents=True)
    write_asked(
        judge,
        template=ROOT / "scripts/templates/judge.txt",
        sampling=Sampling(max_tokens=7, temperature=0.6, top_p=0.9, top_k=50),
        max_pixels_shown=None,
    )
    return judge


def test_a_judge_is_asked_as_its_folder_says(folder: Path) -> None:
    asked = read_asked(folder)
    assert asked.text == TEXT and asked.sampling.top_k == 50
    assert asked.max_pixels_shown is None and asked.asking.orders == "both"


def test_the_note_is_no_file_of_the_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A judge with it, or with a certificate in it, is the same one to the journal."""
    (folder / "config.json").write_text("{}")
    with_note = hash_directory(folder)
    write_json(folder / "certificate.json", {"temperature": 2.0})
    assert hash_directory(folder) == with_note == read_version(folder).fingerprint
    monkeypatch.chdir(folder)
    assert hash_directory(Path()) == with_note
    (folder / "config.json").write_text("{ }")
    assert hash_directory(folder) != with_note


@pytest.mark.parametrize("part", ["template", "sampling", "max_pixels_shown", "names"])
def test_what_was_changed_by_hand_is_refused(folder: Path, part: str) -> None:
    path = folder / "asking" / "asking.json"
    told = read_json(path)
    if part == "template":
        text = folder / "asking" / "judge.txt"
        text.write_text(text.read_text().replace("impartial", "partial"))
    else:
        told[part] = {
            "sampling": told["sampling"] | {"temperature": 0.0},
            "max_pixels_shown": 5,
            "names": ["1", "2"],
        }[part]
        write_json(path, told)
    with pytest.raises(RecordError, match=part):
        read_asked(folder)


def test_what_is_no_judge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such folder"):
        read_asked(tmp_path / "gone")
    with pytest.raises(ValueError, match=r"must say in 'asking/asking.json'.*Hint"):
        read_asked(tmp_path)


def test_a_certificate_is_found_in_the_folder_or_beside_it(folder: Path) -> None:
    """Beside what a link leads to, too: results/chosen_judge may be one."""
    assert read_trust(folder) == Trust()
    assert "never abstains" in read_trust(folder).explain()
    beside = folder.with_name("certificate.json")
    write_json(beside, {"temperature": 1.5, "abstain_below": 0.8, "sees": {}})
    link = folder.parents[1] / "chosen_judge"
    link.symlink_to(folder)
    for place in (folder, link):
        assert read_trust(place) == Trust(
            temperature=1.5, abstain_below=0.8, source=beside.resolve()
        )
    inside = folder / "certificate.json"
    write_json(inside, {"temperature": None, "abstain_below": None})
    assert read_trust(folder) == Trust(source=inside)
    write_json(inside, {"temperature": 0})
    with pytest.raises(ValueError, match="'temperature' must be above 0"):
        read_trust(folder)


# What two orders come to

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(TEXTS, TEXTS, st.sampled_from([longer, lambda a, b, r: "A"]))
def test_exchanging_the_responses_exchanges_the_answer(
    one: str, other: str, better: Any
) -> None:
    if one == other:
        other += "."
    judge, engine = scripted(better)
    forth, back = judge.compare([match(one, other), match(other, one)])
    assert forth.probability == pytest.approx(1 - (back.probability or 0))
    if forth.better is not None:
        assert back.better == 1 - forth.better
    assert len(engine.asked) == 2, "it is the same question"


def test_a_judge_of_places_has_no_opinion() -> None:
    judge, _ = scripted(lambda first, second, request: "A")
    (one,) = judge.compare([match("x", "yy")])
    assert one.probability == pytest.approx(0.5) and not one.orders_agree
    assert [told.prefers for told in one.judgments] in ([0, 1], [1, 0])


def test_probabilities_are_those_of_both_orders_and_of_the_certificate() -> None:
    (plain,) = scripted(longer, sure=2.0)[0].compare([match("yy", "x")])
    assert plain.probability == pytest.approx(1 / (1 + math.exp(-2)))
    assert (plain.better, plain.orders_agree, plain.abstained) == (0, True, False)
    trust = Trust(temperature=4.0, abstain_below=0.7)
    (unsure,) = scripted(longer, sure=2.0, trust=trust)[0].compare([match("yy", "x")])
    assert unsure.probability == pytest.approx(1 / (1 + math.exp(-0.5)))
    assert (unsure.better, unsure.abstained) == (None, True)


def test_draws_follow_the_picture_and_not_its_place(pictures: Path) -> None:
    """A server writes each picture to a folder of its own."""
    (pictures / "sub").mkdir()
    moved = pictures / "sub" / "b.png"
    moved.write_bytes((pictures / "0.png").read_bytes())
    judge, engine = scripted(longer)
    for path in (pictures / "0.png", moved, pictures / "1.png"):
        judge.compare([Match((str(path),), "q", "x", "yy")])
    seeds = [{one.seed for one in engine.asked[at : at + 2]} for at in (0, 2, 4)]
    assert seeds[0] == seeds[1] != seeds[2]


def test_without_probabilities_what_is_stated_decides() -> None:
    judge, engine = scripted(longer, probabilities=False)
    (agreed,) = judge.compare([match("x", "yy")])
    assert (agreed.probability, agreed.better) == (0.0, 1) and not engine.scored
    judge, _ = scripted(lambda first, second, request: "A", probabilities=False)
    (split,) = judge.compare([match("x", "yy")])
    assert (split.probability, split.better, split.orders_agree) == (0.5, None, False)


def test_an_unparsed_text_is_tried_once_more_and_then_decided_by_probability() -> None:
    """The second try has another seed; after that the letters' probabilities."""
    seeds: dict[tuple[str, str], set[int]] = {}

    def mumbles(first: str, second: str, request: Request) -> str:
        seen = seeds.setdefault((first, second), set())
        seen.add(request.seed)
        if len(request.messages) == 2:  # asked for a letter
            return longer(first, second, request)
        if "never" in first + second:
            return "I cannot tell."
        return "Hm." if len(seen) == 1 else longer(first, second, request)

    judge, engine = scripted(mumbles)
    retried, never = judge.compare([match("x", "yy"), match("never", "n")])
    assert {one.source for one in retried.judgments} == {"retried"}
    assert {one.source for one in never.judgments} == {"probability"}
    assert (retried.better, never.better) == (1, 0)
    assert [one.prefers for one in never.judgments] == [None, None]
    assert (judge.spent.num_texts, judge.spent.num_unparsed) == (4, 2)
    assert judge.spent.num_retried == 2 and len(engine.asked) == 8
    ends = [r.messages[-1]["content"][0]["text"] for r in engine.scored]
    assert {end.rpartition("\n")[2] for end in ends} == {"Verdict: [["}


def silent_about_hm(first: str, second: str, request: Request) -> str:
    """Prefers the longer one, but states no verdict where one response is hm."""
    if len(request.messages) == 1 and "hm" in (first, second):
        return "Well."
    return longer(first, second, request)


def test_what_is_told_with_a_text_is_not_asked_for_after_it() -> None:
    """But of a judgment without a verdict; every answer stays as it was."""
    matches = [match("x", "yy"), match("hm", "h"), match("zzz", "z")]
    asking, apart = scripted(silent_about_hm)
    telling, engine = scripted(silent_about_hm, tells=True)
    for ours, theirs in zip(
        telling.compare(matches), asking.compare(matches), strict=True
    ):
        assert ours.probability == pytest.approx(theirs.probability, abs=1e-6)
        assert ours.better == theirs.better
    assert len(apart.scored) == 6
    assert [set(responses_of(one)) for one in engine.scored] == [{"hm", "h"}] * 2


def test_a_judge_without_probabilities_takes_none_that_are_told() -> None:
    judge, engine = scripted(longer, tells=True, probabilities=False)
    (one,) = judge.compare([match("x", "yy")])
    assert one.judgments[0].probability is None and one.probability == 0
    assert not any(request.choices for request in engine.asked)


def test_a_greedy_judge_is_not_asked_the_same_again() -> None:
    judge, engine = scripted(lambda first, second, request: "Hm.")
    greedy = msgspec.structs.replace(judge.asked.sampling, temperature=0.0)
    judge.asked = msgspec.structs.replace(judge.asked, sampling=greedy)
    (one,) = judge.compare([match("x", "yy")])
    assert len(engine.asked) == 2 and one.better is None


def test_a_prompt_without_room_has_no_answer() -> None:
    """Its reason says so; the others have theirs."""
    judge, engine = scripted(lambda a, b, r: "" if "long" in a + b else longer(a, b, r))
    lost, found = judge.compare([match("long", "x"), match("x", "yy")])
    assert (lost.reason, lost.better, lost.probability) == ("no_room", None, None)
    assert found.better == 1 and len(engine.scored) == 2


def test_a_text_that_was_cut_off_leaves_room_for_a_verdict() -> None:
    """Its end goes, so that prompt, text and verdict fit where the first two did."""
    judge, engine = scripted(longer)
    answer = engine.generate

    def cut(batch: Sequence[Request]) -> Any:
        for one in answer(batch):
            assert isinstance(one, Generation)
            words = {"text": "word " * 100, "num_output_tokens": 96}
            yield msgspec.structs.replace(one, finish_reason="length", **words)

    engine.generate = cut  # type: ignore[method-assign]
    (one,) = judge.compare([match("x", "yy")])
    assert one.better == 1 and one.judgments[0].text == "word " * 100
    stem = engine.scored[0].messages[-1]["content"][0]["text"]
    assert stem.endswith("word w\nVerdict: [[") and len(stem) < 500 - 48


@pytest.mark.parametrize("probabilities", [True, False])
@pytest.mark.parametrize("is_cut_twice", [True, False])
def test_a_text_that_was_cut_off_states_nothing(
    is_cut_twice: bool, probabilities: bool
) -> None:
    """Whatever verdict stands in it: it is drawn once more, like one without any."""
    judge, engine = scripted(longer, probabilities=probabilities)
    answer = engine.generate
    num_calls = 0

    def cut(batch: Sequence[Request]) -> Any:
        nonlocal num_calls
        num_calls += 1
        reason = "length" if is_cut_twice or num_calls == 1 else "stop"
        for one in answer(batch):
            assert isinstance(one, Generation)
            changes = {"finish_reason": reason, "num_output_tokens": 96}
            yield msgspec.structs.replace(one, **changes)

    engine.generate = cut  # type: ignore[method-assign]
    (one,) = judge.compare([match("x", "yy")])
    states = [None, None] if is_cut_twice else [1, 1]
    assert [order.prefers for order in one.judgments] == states
    assert one.orders_agree is not is_cut_twice
    assert one.better == (1 if probabilities or not is_cut_twice else None)
    assert judge.spent == ((2, 2, 0) if is_cut_twice else (2, 0, 2))


def test_another_model_is_asked_like_a_judge(folder: Path) -> None:
    """Such as the base model beside it; it has no part in the judge's certificate."""
    write_json(folder.with_name("certificate.json"), {"temperature": 3.0})
    engine = EngineSettings(name="openai")
    quiet: list[str] = []
    base = open_judge("org/base", engine, asking=str(folder), log=quiet.append)
    assert base.asked == read_asked(folder) and base.trust == Trust()
    assert "org--base" in base.identity["fingerprint"] and "no certificate" in quiet[0]
    own = open_judge(str(folder), engine, log=quiet.append)
    assert own.trust.temperature == 3.0


def test_both_orders_of_a_pair_are_neighbours_that_share_a_prefix() -> None:
    """An engine that keeps what it computed finds images and instruction again."""
    judge, _ = scripted(longer)
    asked: list[list[Request]] = []
    judge.engine.plan_batches = lambda requests: (
        asked.append(  # type: ignore[method-assign]
            list(requests)
        )
        or [list(requests)]
    )
    judge.compare([match("x", "yy"), match("z", "yyy")])
    one, other, *_ = asked[0]
    assert one.images == other.images and one.id.split("/")[0] == other.id.split("/")[0]
    texts = [request.messages[0]["content"][-1]["text"] for request in (one, other)]
    shared = next(
        place
        for place, (left, right) in enumerate(zip(*texts, strict=False))
        if left != right
    )
    assert shared >= TEXTS_BEFORE, "all up to the first response"


TEXTS_BEFORE = len(TEXT.partition("{question}")[0])


# Tournaments


@pytest.mark.parametrize("number", range(2, 40))
def test_a_tournament_takes_as_many_games_as_were_counted(number: int) -> None:
    """Each round is of different responses; in a full one all meet once; and the
    best of a judge that is always right is found, at either place."""
    for best in (0, number - 1):
        played: list[Game] = []
        for _ in range(count_rounds(number)):
            games = next_games(number, played)
            if number > 6:
                places = [place for game in games for place in game]
                assert len(set(places)) == len(places) == number // 2 * 2
            played += [
                Game(a, b, 1.0 if abs(a - best) < abs(b - best) else 0.0)
                for a, b in games
            ]
        assert len(played) == count_games(number)
        assert len(played) <= max(15, number * math.ceil(math.log2(number)) / 2)
        assert ranking(strengths(number, played))[0] == best


def test_swiss_rounds_pair_what_has_not_met() -> None:
    played: list[Game] = []
    for _ in range(count_rounds(16)):
        played += [Game(a, b, float(a < b)) for a, b in next_games(16, played)]
    met = [frozenset(game[:2]) for game in played]
    assert len(set(met)) == len(met) == 32


def test_nobody_rests_twice_before_all_have() -> None:
    played: list[Game] = []
    rests = []
    for _ in range(count_rounds(9)):
        games = next_games(9, played)
        (rest,) = set(range(9)) - {place for game in games for place in game}
        rests.append(rest)
        played += [Game(a, b, float(a < b)) for a, b in games]
    assert len(set(rests)) == len(rests) == 4


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-2, 2), min_size=2, max_size=6))
def test_strengths_are_in_the_order_of_what_made_the_games(true: list[float]) -> None:
    """Games by Bradley and Terry's own model: whoever is clearly stronger stands
    higher, and nobody is infinitely strong."""
    games = [
        Game(a, b, 1 / (1 + math.exp(true[b] - true[a])))
        for a in range(len(true))
        for b in range(a)
    ]
    found = strengths(len(true), games)
    assert abs(sum(found)) < 1e-6 and all(math.isfinite(value) for value in found)
    for left, right in pairwise(ranking(true)):
        assert found[left] >= found[right] - 1e-6 or true[left] - true[right] < 1e-6


def test_strengths_know_a_published_example() -> None:
    """Without the prior, shares of two alone are exactly their odds."""
    many = [Game(0, 1, 0.8)] * 4000
    assert strengths(2, many)[0] * 2 == pytest.approx(math.log(4), abs=0.01)


# Rows


def test_rows_rank_by_place_and_equal_texts_are_level() -> None:
    judge, _ = scripted(longer)
    rows = [row(1, "x", "yyy", "yy", "yyy"), row(2, "x", reason="not_json")]
    lines = list(run_command(rows, "rank", judge))
    assert (lines[0]["order"], lines[0]["best"]) == ([1, 3, 2, 0], 1)
    assert lines[0]["strengths"][1] == lines[0]["strengths"][3]
    assert count_comparisons(rows, "rank") == 3 == len(lines[0]["games"])
    assert lines[1] == {"row": 2, "id": None, "reason": "not_json", "detail": None}


def test_many_responses_are_ranked_by_a_swiss_tournament() -> None:
    """The order is right but for neighbours, and the best is the best."""
    judge, engine = scripted(longer)
    responses = ["y" * n for n in (3, 9, 1, 12, 7, 5, 11, 2)]
    rows = [row(1, *responses)]
    (line,) = run_command(rows, "rank", judge)
    assert line["best"] == 3 and len(line["games"]) == 12
    assert len(engine.asked) == 2 * count_comparisons(rows, "rank") == 24


def test_scores_are_of_each_response_against_the_reference() -> None:
    judge, engine = scripted(longer, sure=2.0)
    rows = [row(1, "x", "yyy", "zz", reference="zz")]
    (line,) = run_command(rows, "score", judge)
    low, high, same = line["scores"]
    assert low == pytest.approx(1 - high) and high > 0.8 and same == 0.5
    assert count_comparisons(rows, "score") == 2 and len(engine.asked) == 4


@pytest.mark.parametrize(
    ("command", "line", "reason"),
    [
        ("compare", "nonsense", "not_json"),
        ("compare", "[1]", "not_json"),
        ("compare", {"responses": ["a", "b"]}, "bad_field"),
        ("compare", {"question": 5}, "bad_field"),
        ("compare", {"question": " "}, "empty_question"),
        ("compare", {"responses": "a"}, "wrong_number_of_responses"),
        ("compare", {"responses": ["a", "b", "c"]}, "wrong_number_of_responses"),
        ("compare", {"responses": ["a", 5]}, "bad_field"),
        ("compare", {"responses": ["a", "a"]}, "equal_responses"),
        ("compare", {"responses": ["a", " \n"]}, "empty_response"),
        ("compare", {"images": []}, "no_image"),
        ("compare", {"images": ["gone.png"]}, "missing_image"),
        ("compare", {"images": ["bad.png"]}, "unreadable_image"),
        ("compare", {"images": ["empty.png"]}, "empty_image"),
        ("compare", {"images": ["http://x/y.png"]}, "bad_image_path"),
        ("compare", {"images": ["a\0b"]}, "bad_image_path"),
        ("rank", {"responses": ["a"]}, "wrong_number_of_responses"),
        ("score", {"responses": ["a"]}, "no_reference"),
        ("score", {"reference": 3}, "bad_field"),
    ],
)
def test_a_row_that_cannot_be_asked_about_says_why(
    pictures: Path, command: Any, line: Any, reason: str
) -> None:
    """And keeps its number, its id and its own fields."""
    (pictures / "bad.png").write_bytes(b"no image")
    (pictures / "empty.png").touch()
    if isinstance(line, dict):
        whole = {"images": ["0.png"], "question": "q", "responses": ["a", "b"]}
        if line == {"responses": ["a", "b"]}:
            whole = {"images": ["0.png"]}
        line = json.dumps({"id": 7, "split": "x", **whole, **line})
    path = write_lines(pictures / "rows.jsonl", "", line)
    (read,) = read_rows(path, command, pictures)
    assert (read.number, read.reason) == (2, reason), read.detail
    if line[0] == "{":
        assert (read.id, read.kept) == (7, {"split": "x"})


def test_rows_of_all_spellings_are_read(pictures: Path) -> None:
    """One image or several, a mark at the file's start, names of one's own kept."""
    lines = [
        b'\xef\xbb\xbf{"image": "0.png", "question": "q", "responses": ["a", "b"]}',
        {"images": "0.png", "question": "q", "responses": ["a", "b"], "who": 3},
        {
            "images": [str(pictures / "1.png"), "2.png"],
            "question": "q",
            "responses": ["a" * 100_000, "b"],
        },
    ]
    text = [one if isinstance(one, bytes) else json.dumps(one) for one in lines]
    path = write_lines(pictures / "rows.jsonl", *text)
    read = list(read_rows(path, "compare", pictures))
    assert [one.reason for one in read] == [None] * 3
    assert read[1].kept == {"who": 3}
    assert read[2].images == tuple(str(pictures / f"{n}.png") for n in (1, 2))


# The journal


def test_what_was_asked_is_not_asked_again(pictures: Path, tmp_path: Path) -> None:
    """Texts and probabilities both; and what is new is asked alone."""
    image = str(pictures / "0.png")
    old = Match((image,), "q", "x", "yy")
    new = Match((image,), "q", "x", "yyy")
    journal = tmp_path / "journal"
    judge, _ = scripted(longer, journal=journal)
    before = judge.compare([old])
    judge, engine = scripted(longer, journal=journal)
    assert judge.compare([old, new])[:1] == before
    assert len(engine.asked) == len(engine.scored) == 2


def test_what_was_told_is_in_the_journal(pictures: Path, tmp_path: Path) -> None:
    """A journal of texts alone, as older ones are, is read; the rest is asked for."""
    matches = [Match((str(pictures / "0.png"),), "q", "x", "y" * n) for n in (2, 3)]
    journal = tmp_path / "journal"
    judge, engine = scripted(longer, tells=True, journal=journal)
    first = judge.compare(matches[:1])
    judge, engine = scripted(longer, tells=True, journal=journal)
    both = judge.compare(matches)
    assert both[0] == first[0]
    assert (len(engine.asked), len(engine.scored)) == (2, 0)
    for path in (journal / engine.fingerprint).glob("*.jsonl"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert all(answer.pop("last_choice") for line in lines for answer in line)
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        path.with_suffix(".index").unlink()
    judge, engine = scripted(longer, tells=True, journal=journal)
    for one, other in zip(judge.compare(matches), both, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=1e-6)
    assert (len(engine.asked), len(engine.scored)) == (0, 4)


def test_a_refusal_ends_the_run_with_the_rest_in_the_journal(pictures: Path) -> None:
    from selfjudge.engines.base import Refusal

    image = str(pictures / "0.png")
    matches = [Match((image,), "q", "x", "y" * n) for n in range(1, 5)]
    judge, engine = scripted(longer, journal=pictures / "journal")
    answer = engine.generate

    def refuses(batch: Sequence[Request]) -> Any:
        yield Refusal(request_id=batch[0].id, reason="no")
        yield from answer(batch[1:])

    engine.generate = refuses  # type: ignore[method-assign]
    with pytest.raises(RefusedError):
        judge.compare(matches)
    judge, engine = scripted(longer, journal=pictures / "journal")
    judge.compare(matches)
    assert len(engine.asked) == 1


# The script


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True)


ENGINE = '{"name": "transformers", "dtype": "float32", "device": "cpu"}'


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_judge_folder(tmp_path_factory.mktemp("judges") / "judge")


def test_the_script_asks_a_real_judge(judge: Path, pictures: Path) -> None:
    """Bad rows keep their place; a second call asks nothing, and writes the same."""
    rows: list[Any] = [
        {
            "id": f"mine-{n}",
            "image": f"{n}.png",
            "question": "how many circles are there?",
            "responses": ["there are 2 circles.", "there are 3 circles."],
            "note": n,
        }
        for n in range(3)
    ]
    rows.insert(1, {"id": "lost", "image": "gone.png", "question": "q"})
    source = write_lines(pictures / "rows.jsonl", *map(json.dumps, rows))
    output = pictures / "out" / "y.jsonl"
    command = ["--judge", judge, "compare", "--input", source, "--output", output]
    done = call(*command, "--engine", ENGINE)
    assert done.returncode == 0, done.stderr
    assert "3 of 4 rows to ask about, 3 comparisons in both orders" in done.stderr
    assert "never abstains" in done.stderr
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [line["id"] for line in lines] == ["mine-0", "lost", "mine-1", "mine-2"]
    assert [line["reason"] for line in lines] == [None, "wrong_number_of_responses"] + [
        None
    ] * 2
    for line in (lines[0], *lines[2:]):
        assert 0 < line["probability"] < 1 and len(line["judgments"]) == 2
        assert line["kept"] == {"note": int(line["id"][-1])}
        assert line["fingerprint"].startswith(hash_directory(judge))
    before = output.read_bytes()
    replay = json.dumps(json.loads(ENGINE) | {"name": "transformers"})
    again = call(*command, "--engine", replay)
    assert again.returncode == 0 and output.read_bytes() == before
    assert "6/6 records" in again.stderr and "6 from the journal" in again.stderr
    assert "compare_probabilities" not in again.stderr, "they came with the texts"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"--judge": "gone"}, "must be the folder of a judge"),
        ({"--judge": "."}, "must say in 'asking/asking.json'"),
        ({"--input": "gone.jsonl"}, "must be a JSON Lines file"),
        ({"--input": "empty.jsonl"}, "at least one row"),
        ({"--input": "bad.jsonl"}, "line 1: not_json"),
    ],
)
def test_mistakes_end_in_one_clear_error(
    judge: Path, pictures: Path, changes: dict[str, str], says: str
) -> None:
    (pictures / "empty.jsonl").write_text("\n")
    (pictures / "bad.jsonl").write_text("{]\n")
    good = {"image": "0.png", "question": "q", "responses": ["a", "b"]}
    write_lines(pictures / "rows.jsonl", json.dumps(good))
    arguments: dict[str, object] = {"--judge": judge, "--input": "rows.jsonl"}
    arguments |= changes
    arguments["--input"] = pictures / str(arguments["--input"])
    if arguments["--judge"] == ".":
        arguments["--judge"] = pictures
    words = [word for pair in arguments.items() for word in pair]
    done = call("compare", *words, "--output", pictures / "y.jsonl")
    assert done.returncode == 1 and says in done.stderr
    assert "Traceback" not in done.stderr and not (pictures / "y.jsonl").exists()
