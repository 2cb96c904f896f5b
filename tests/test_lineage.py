import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples import (
    BOUNDS,
    image_bytes,
    judge_both,
    make_altered,
    make_judgment,
    make_pair,
    make_prompt,
    make_responses,
    make_row,
    write_lines,
)
from selfjudge.benchmarks.comparisons import compare
from selfjudge.certificate.building import build_variants
from selfjudge.certificate.variants import VARIANTS
from selfjudge.ground.lines import read_records, write_json, write_records
from selfjudge.ground.records import Altered, Pair, Prompt
from selfjudge.judging.reinforcement import pick_pairs
from selfjudge.pairs.building import Candidates, build_pairs
from selfjudge.pairs.filters import FILTERS, FilterName
from selfjudge.pairs.imports import import_prompts
from selfjudge.pairs.labelling import PairSettings
from selfjudge.pairs.source_rows import ImportLimits
from selfjudge.report import lineage_index
from selfjudge.report.lineage import Graph, Node
from selfjudge.report.lineage_index import Index, open_index
from selfjudge.report.lineage_text import show_impact, show_lineage
from selfjudge.report.lineage_walk import every_step, walk_down, walk_up
from small_project import ROOT, scores_of, write_branch

SETTINGS = PairSettings(majority_threshold=3, alteration_bounds=BOUNDS)
DIGEST = "ab" * 32
SCORES = "results/iter0/base/vlrb/paired/scores.json"
SOURCES = ["a/prompts.jsonl", "b/prompts.jsonl"]
ROWS = {
    "a": [
        {"images": ["red.png"], "question": "How many dogs are there?"},
        {"images": ["red.png"], "question": " Describe the scene. "},
        {"images": ["blue.png"], "question": "How many cats are there?", "answer": "3"},
        {"images": ["no.png"], "question": "Why?"},
    ],
    "b": [
        {"images": ["same.png"], "question": "How many dogs are there?", "answer": "3"},
    ],
}
TEXTS = {
    "How many dogs are there?": ["3", "3", "3", "4"],
    "How many cats are there?": ["3", "3", "3", "3"],
    "Describe the scene.": ["Two dogs run on a green field."],
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run by the real decisions, with a file of every kind, two judges long."""
    monkeypatch.chdir(tmp_path)
    for name, color in {"red": "red", "same": "red", "blue": "blue"}.items():
        path = tmp_path / "images" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(image_bytes(color=color))
    for name, rows in ROWS.items():
        write_lines(tmp_path / name / "prompts.jsonl", *map(json.dumps, rows))
    write_pool(tmp_path / "results")
    for name in ("majority", "correctness"):
        write_filter(tmp_path / "results", name)
    write_benchmark(tmp_path / "results")
    for iteration, start in ((1, "base"), (2, "results/iter1/majority/judge")):
        folder = tmp_path / f"results/iter{iteration}/majority/judge"
        write_json(folder.with_suffix(".json"), {"fingerprint": "f"})
        write_json(folder / "provenance.json", {"base_model": {"name": start}})
    return tmp_path


def write_pool(results: Path) -> None:
    """Prompts, those of iteration 1, their responses and rewrites."""
    sources = {name: Path(name) / "prompts.jsonl" for name in ROWS}
    limits = ImportLimits(max_pixels=10**6, max_line_bytes=10**6)
    found = import_prompts(sources, Path("images"), limits)
    write_records(results / "prompts.jsonl", found.prompts)
    write_records(results / "dropped_prompts.jsonl", found.dropped)
    write_records(results / "iter1" / "prompts.jsonl", found.prompts)
    given = candidates(results)
    write_records(
        results / "iter1" / "responses.jsonl", (r for c in given for r in c.responses)
    )
    write_records(
        results / "iter1" / "altered.jsonl", (a for c in given for a in c.altered)
    )


def candidates(results: Path) -> list[Candidates]:
    """The prompts with their responses; an open one has a good and a bad rewrite."""
    found = []
    for prompt in read_records(results / "prompts.jsonl", Prompt):
        responses = make_responses(prompt, *TEXTS[prompt.question])
        texts = ["Two cats run on a green field.", ""] if prompt.kind == "open" else []
        altered = [make_altered(responses[0], text) for text in texts]
        found.append(Candidates(prompt, responses, altered))
    return found


def write_filter(results: Path, name: FilterName) -> None:
    """The pairs and judgments of a filter at iteration 1."""
    outcomes = list(build_pairs(candidates(results), FILTERS[name], SETTINGS, seed=0))
    pairs = [outcome.pair for outcome in outcomes if outcome.pair]
    ends = [("A", "B"), ("A", "A")]
    judged = [
        (pair, judge_both(pair, *end)) for pair, end in zip(pairs, ends, strict=True)
    ]
    folder = results / "iter1" / name
    write_branch(folder, judged, name)
    write_records(
        folder / "dropped_pairs.jsonl", (o.dropped for o in outcomes if o.dropped)
    )


def write_benchmark(results: Path) -> None:
    """A benchmark of two pairs with the base model's judgments and scores."""
    pairs = [
        make_pair(
            number,
            chosen_response_id=None,
            rejected_response_id=None,
            origin="benchmark",
            category="general",
            images=(f"ab/{DIGEST}.png",),
        )
        for number in range(2)
    ]
    write_records(results / "benchmarks" / "vlrb.jsonl", pairs)
    rows = [make_row(pair, number) for number, pair in enumerate(pairs)]
    write_records(results / "benchmarks" / "vlrb_rows.jsonl", rows)
    write_records(
        results / "iter0/base/vlrb/paired/judgments.jsonl",
        (judgment for pair in pairs for judgment in judge_both(pair, "A", "A")),
    )
    scores = scores_of(0, 1, num_pairs=2)
    write_json(results.parent / SCORES, scores)
    write_json(results / "iter0/vlrb.json", compare([], scores, {}, files=[SCORES]))


@pytest.fixture
def certified(project: Path) -> Path:
    """The run with two held-out images, two certified judges, and a probe."""
    results = project / "results"
    held_out = [
        make_prompt(
            number,
            images=(f"{color}.png",),
            image_sha256s=(str(number) * 32,),
            question="Describe the scene.",
            kind="open",
        )
        for number, color in ((10, "green"), (11, "white"))
    ]
    pool = list(read_records(results / "prompts.jsonl", Prompt))
    write_records(results / "prompts.jsonl", [*pool, *held_out])
    write_held_out(results / "certificate", held_out)
    for judge in ("iter0/base", "iter1/majority"):
        write_certified(results, judge)
    write_json(results / "iter0/base/certificate.json", {})
    write_records(results / "probe/prompts.jsonl", pool)
    for name in ("responses", "altered", "*/pairs", "*/dropped_pairs", "*/judgments"):
        path = results / "iter1" / f"{name.replace('*', 'majority')}.jsonl"
        (results / "probe" / path.name).write_bytes(path.read_bytes())
    return project


def write_held_out(folder: Path, prompts: list[Prompt]) -> None:
    """What is said of held-out prompts, and all variants of their pairs."""
    given: list[Candidates] = []
    again: list[Altered] = []
    for prompt in prompts:
        color = prompt.images[0].removesuffix(".png")
        (folder.parents[1] / "images" / prompt.images[0]).write_bytes(
            image_bytes(color=color)
        )
        responses = make_responses(prompt, *TEXTS[prompt.question])
        last = make_altered(responses[0], "Two cats run on a green field.")
        given.append(Candidates(prompt, responses, [last]))
        for text in ("Two cats run on a brown field.", ""):
            again.append(make_altered(responses[0], text, response_id=last.id))
            last = again[-1]
    write_records(folder / "prompts.jsonl", prompts)
    write_records(folder / "responses.jsonl", (r for c in given for r in c.responses))
    write_records(folder / "altered.jsonl", (a for c in given for a in c.altered))
    write_records(folder / "altered_again.jsonl", again)
    outcomes = list(build_pairs(given, FILTERS["majority"], SETTINGS, seed=0))
    pairs = [outcome.pair for outcome in outcomes if outcome.pair]
    write_records(folder / "pairs.jsonl", pairs)
    write_records(
        folder / "dropped_pairs.jsonl", (o.dropped for o in outcomes if o.dropped)
    )
    build_variants(
        pairs,
        again,
        bounds=BOUNDS,
        wordings={
            "padding": "{response} So.",
            "plant": "{response}",
            "style": "{response}",
        },
        image_root=Path("images"),
        num_variant_pairs=2,
        seed=0,
        output=folder / "variants",
    )


def write_certified(results: Path, judge: str) -> None:
    """A judgment by a judge of every variant in each order, and what it weighs."""
    folder = results / judge / "certificate"
    for name in VARIANTS:
        pairs = read_records(results / f"certificate/variants/{name}.jsonl", Pair)
        judgments = [
            make_judgment(pair, order, f"{judge}, {name}: Verdict: [[A]]")
            for pair in pairs
            for order in ("chosen_first", "rejected_first")
        ]
        write_records(folder / name / "0.jsonl", judgments)
    weighed = [{"pair_id": "of a pair", "logprobs": [0, 0]}]
    write_records(folder / "weighed" / "0.jsonl", weighed)


@pytest.fixture
def index(project: Path) -> Iterator[Index]:
    """The index of the whole run."""
    with open_index(project, SOURCES) as opened:
        yield opened


def lines_of(project: Path, name: str) -> list[dict[str, Any]]:
    """The records of a file below results."""
    return [json.loads(line) for line in (project / "results" / name).open()]


def ask(project: Path, one: str, most: int = 50) -> str:
    """What is shown of an id."""
    with open_index(project, SOURCES) as index:
        return "\n".join(show_lineage(index, one, most))


def accepted_row(project: Path) -> dict[str, Any]:
    """The first row that the judge of `majority` was trained on."""
    return lines_of(project, "iter1/majority/accepted.jsonl")[0]


def pair_of(project: Path, origin: str) -> dict[str, Any]:
    """The pair of an origin."""
    pairs = lines_of(project, "iter1/majority/pairs.jsonl")
    return next(pair for pair in pairs if pair["origin"] == origin)


def kinds_in(step: Any) -> set[str]:
    """The kinds of all lines and nodes that a walk comes by."""
    steps = list(every_step(step))
    return {line.kind for s in steps for line in s.lines} | {s.node.kind for s in steps}


def test_a_training_row_leads_up_to_its_image_and_row(
    project: Path, index: Index
) -> None:
    """Judgment, pair, both responses, prompt, image and source row."""
    graph = Graph(index)
    up = walk_up(graph, graph.find(accepted_row(project)["judgment_id"]))
    reached = kinds_in(up)
    assert {"judgment", "pair", "response", "prompt", "image", "source row"} <= reached
    assert [end for step in every_step(up) for end in step.ends] == []


def test_a_training_row_names_its_prompt(project: Path) -> None:
    """It is the prompt of its pair."""
    row = accepted_row(project)
    pairs = lines_of(project, "iter1/majority/pairs.jsonl")
    (pair,) = [pair for pair in pairs if pair["id"] == row["pair_id"]]
    assert row["prompt_id"] == pair["prompt_id"]


def test_an_altered_response_leads_up_to_its_response(
    project: Path, index: Index
) -> None:
    """The rejected side of an alteration is a rewrite of the chosen one."""
    pair = pair_of(project, "alteration")
    up = walk_up(Graph(index), Node("pair", pair["id"]))
    roles = {step.role: step.node for step in up.steps if step.role}
    assert roles == {
        "chosen": Node("response", pair["chosen_response_id"]),
        "rejected": Node("altered", pair["rejected_response_id"]),
    }


def test_an_image_leads_down_to_everything(project: Path, index: Index) -> None:
    """Every kind of line of the loop comes from an image."""
    down = walk_down(Graph(index), Graph(index).find("red.png"))
    assert kinds_in(down) >= {
        "prompt",
        "dropped prompt",
        "response",
        "altered",
        "pair",
        "dropped pair",
        "judgment",
        "accepted",
        "dropped judgment",
    }


def test_a_benchmark_pair_leads_down_to_its_outcomes(
    project: Path, index: Index
) -> None:
    """Judgments and outcomes, with the protocol and the comparison they went into."""
    pair = lines_of(project, "benchmarks/vlrb.jsonl")[0]
    down = walk_down(Graph(index), Node("pair", pair["id"]))
    assert kinds_in(down) == {"pair", "release row", "outcome", "judgment"}
    shown = ask(project, pair["id"])
    assert f"under selfjudge: {SCORES}:" in shown and "results/iter0/vlrb.json" in shown


@pytest.mark.parametrize("run", ["project", "certified"])
def test_what_is_reached_downwards_leads_up_again(
    run: str, request: pytest.FixtureRequest
) -> None:
    """For every id of the run, of whatever kind, and no thread ends on the way up."""
    with open_index(request.getfixturevalue(run), SOURCES) as index:
        check_both_ways(Graph(index))


def check_both_ways(graph: Graph) -> None:
    """Whatever is reached downwards leads up again."""
    nodes = {graph.node_named(one) for one in graph.index.ids_from("", 10**6)}
    assert {node.kind for node in nodes} == {
        *("image", "prompt", "response", "altered", "pair", "judgment")
    }
    above = {node: list(every_step(walk_up(graph, node))) for node in nodes}
    assert [end for steps in above.values() for s in steps for end in s.ends] == []
    for node in nodes:
        for step in every_step(walk_down(graph, node)):
            names = {n for s in above[step.node] for n in graph.names_of(s.node)}
            assert node.id in names


def test_every_line_of_a_run_is_found(project: Path, index: Index) -> None:
    """Each line of each file that holds ids stands in the index, at its place."""
    found = {
        line.place
        for one in index.ids_from("", 10**6)
        for line in index.lines_with(one)
    }
    expected = {
        f"{path.relative_to(project).as_posix()}:{number}"
        for path in [
            *(project / "results").rglob("*.jsonl"),
            *map(project.joinpath, SOURCES),
        ]
        for number, _ in enumerate(path.open(), start=1)
    }
    outcomes = {place for place in found if place.startswith(SCORES)}
    assert found - outcomes == expected and len(outcomes) == 2
    text = (project / SCORES).read_text().splitlines()
    assert all('"pair_id"' in text[int(place.split(":")[1]) - 1] for place in outcomes)


def test_places_are_where_the_records_stand(project: Path, index: Index) -> None:
    """File, line and content go together."""
    for one in index.ids_from("", 10**6):
        for line in index.lines_with(one):
            if line.kind != "outcome":
                text = (project / line.file).read_text().splitlines()[line.number - 1]
                assert json.loads(text) == line.record


@pytest.mark.parametrize("form", ["path", "sha256", "prefix", "file"])
def test_an_image_goes_by_many_names(project: Path, form: str) -> None:
    """Path, digest, the beginning of one, or the file itself."""
    (row,) = [
        r for r in lines_of(project, "prompts.jsonl") if r["images"] == ["blue.png"]
    ]
    digest = row["image_sha256s"][0]
    names = {
        "path": "blue.png",
        "sha256": digest,
        "prefix": digest[:12],
        "file": "images/blue.png",
    }
    assert f"prompt {row['id']}" in ask(project, names[form])


def test_the_image_of_a_benchmark_goes_by_its_sha256(project: Path) -> None:
    """It is in the name that the release's image was stored under."""
    pair = lines_of(project, "benchmarks/vlrb.jsonl")[0]
    assert f"pair {pair['id']}" in ask(project, DIGEST)


def test_dropped_rows_are_told(project: Path) -> None:
    """A row without an image is found by it; a duplicate by the prompt it equals."""
    assert "dropped, missing_image, a row of a/prompts.jsonl:4" in ask(
        project, "no.png"
    )
    (kept,) = [r for r in lines_of(project, "prompts.jsonl") if "dogs" in r["question"]]
    assert "dropped, duplicate, a row of b/prompts.jsonl:1" in ask(project, kept["id"])
    assert kept["answer"] == "3"


def test_fates_and_reasons_are_told(project: Path) -> None:
    """In which filters a prompt gave a pair, what was accepted, and what was not."""
    (kept,) = [r for r in lines_of(project, "prompts.jsonl") if "cats" in r["question"]]
    shown = ask(project, kept["id"])
    assert "dropped, unanimous: results/iter1/majority/dropped_pairs.jsonl:" in shown
    assert "dropped, no_wrong_response: results/iter1/correctness/" in shown
    row = accepted_row(project)
    shown = ask(project, row["judgment_id"])
    assert "accepted: results/iter1/majority/accepted.jsonl:1" in shown


def test_judges_are_told(project: Path) -> None:
    """Those trained on it, those to be trained, and those that started from these."""
    _, _, judges = ask(project, accepted_row(project)["judgment_id"]).partition(
        "judges trained on it"
    )
    assert judges.splitlines()[1:] == [
        "  results/iter1/correctness/judge: 1 row (not trained yet)",
        "  results/iter1/majority/judge: 1 row",
        "  results/iter2/majority/judge: started from results/iter1/majority/judge",
    ]


def test_a_judge_is_trained_by_reward_on_what_was_picked(project: Path) -> None:
    """Not on what was accepted; a pair that was not picked says why."""
    write_filter(project / "results", "reinforced")
    folder = project / "results/iter1/reinforced"
    pick_pairs(
        pairs=folder / "pairs.jsonl",
        judgments=folder / "judgments.jsonl",
        picked=folder / "reinforce.jsonl",
        dropped=folder / "dropped_reinforce.jsonl",
        template="{question}{response_a}{response_b}",
    )
    (one, other) = lines_of(project, "iter1/reinforced/reinforce.jsonl")
    assert one["pair_id"] == other["pair_id"]
    place, judge = "results/iter1/reinforced/reinforce.jsonl", "iter1/reinforced/judge"
    shown = ask(project, one["pair_id"])
    assert f"picked: {place}:1" in shown and f"picked: {place}:2" in shown
    assert f"{judge}: 2 rows (not trained yet)" in shown
    (row,) = lines_of(project, "iter1/reinforced/dropped_reinforce.jsonl")
    shown = ask(project, row["id"])
    assert "dropped, always_right: results/iter1/reinforced/dropped_reinforce" in shown
    assert "accepted: results/iter1/reinforced/accepted.jsonl" in shown
    assert "iter1/majority/judge: 2 rows" in shown and judge not in shown


def test_impact_counts_by_kind_and_file(project: Path) -> None:
    """What used an image, and the judges behind it."""
    with open_index(project, SOURCES) as index:
        lines = list(show_impact(index, "red.png"))
        digest = lines[1].split()[-1]
        assert list(show_impact(index, digest))[2:] == lines[2:]
    shown = "\n".join(lines)
    for name in ("responses.jsonl: line 1, 2", "majority/accepted.jsonl: line 1, 2"):
        assert f"results/iter1/{name}" in shown
    assert "2 prompt" in shown
    assert "results/iter2/majority/judge: started from" in shown


def impact(project: Path, one: str) -> list[str]:
    """What is counted of an image, without the spaces at both ends."""
    with open_index(project, SOURCES) as index:
        return [line.strip() for line in show_impact(index, one)]


def test_impact_of_a_held_out_image(certified: Path) -> None:
    """All of the certificate that it is in, the judges, and where its copies lie."""
    lines = impact(certified, "green.png")
    pools = "results/certificate"
    for counted in (
        f"1 prompt           {pools}/prompts.jsonl: line 1",
        f"1 response         {pools}/responses.jsonl: line 1",
        f"1 altered          {pools}/altered.jsonl: line 1",
        f"2 altered          {pools}/altered_again.jsonl: line 1, 2",
        f"1 pair             {pools}/pairs.jsonl: line 1",
        f"1 dropped pair     {pools}/variants/dropped_rewrites.jsonl: line 1",
        f"13 variant          {pools}/variants: in 13 files",
        f"3 copy             {pools}/variants/images",
        "26 judgment         results/iter0/base/certificate: in 13 files",
        "26 judgment         results/iter1/majority/certificate: in 13 files",
    ):
        assert counted in lines
    assert lines[-5:] == [
        "held out: no iteration has it, judges are certified on it",
        "no judge was trained on it",
        "judges certified on it",
        "results/iter0/base/certificate.json: 26 judgments",
        "results/iter1/majority/certificate.json: 26 judgments (not written yet)",
    ]


def test_a_judge_is_not_certified_on_what_it_was_trained_on(certified: Path) -> None:
    """The impact of a training image names no certificate."""
    assert "certif" not in "".join(impact(certified, "red.png"))


def test_a_held_out_pair_counts_its_variants(certified: Path) -> None:
    """And their judgments by judge; each judgment leads up to pair and image."""
    (pair, _) = lines_of(certified, "certificate/pairs.jsonl")
    shown = ask(certified, pair["id"])
    assert "13 of kind variant: results/certificate/variants" in shown
    assert "26 of kind judgment: results/iter1/majority/certificate\n" in shown
    assert len(shown.splitlines()) < 30
    place = "iter1/majority/certificate/mirrored/0.jsonl"
    shown = ask(certified, lines_of(certified, place)[0]["id"])
    assert f"results/{place}:1" in shown and "image green.png" in shown
    assert "judges certified on it" in shown and "variants" not in shown


def test_a_rewrite_of_a_rewrite(certified: Path) -> None:
    """It leads up to the first one, and says why it was dropped."""
    *_, row = lines_of(certified, "certificate/variants/dropped_rewrites.jsonl")
    shown = ask(certified, row["id"])
    assert f"dropped, {row['reason']}: results/certificate/variants/" in shown
    assert shown.count("altered response") == 3 and "image white.png" in shown


def test_the_records_of_a_probe(certified: Path) -> None:
    """They stand beside those of iteration 1, which they equal."""
    shown = ask(certified, accepted_row(certified)["judgment_id"])
    for name in ("judgments", "pairs", "responses", "prompts"):
        assert f"results/probe/{name}.jsonl:" in shown


@pytest.mark.parametrize(
    ("gone", "one"),
    [
        ("certificate/pairs.jsonl", "iter1/majority/certificate/original/0.jsonl"),
        ("certificate/prompts.jsonl", "certificate/responses.jsonl"),
        ("certificate/responses.jsonl", "certificate/prompts.jsonl"),
        ("certificate/variants/original.jsonl", "certificate/pairs.jsonl"),
        ("probe/pairs.jsonl", "probe/judgments.jsonl"),
    ],
)
def test_the_end_of_a_thread_in_a_certificate(
    certified: Path, gone: str, one: str
) -> None:
    """It names the certificate's own file, or the probe's."""
    record = lines_of(certified, one)[0]["id"]
    results = certified / "results"
    for path in (results / gone, results / "prompts.jsonl"):
        path.unlink()
    for path in results.glob("iter1/*/pairs.jsonl"):
        path.unlink()
    assert f"results/{gone} is not there" in ask(certified, record)


def test_an_image_that_trained_nothing(project: Path) -> None:
    """It is said, not left to be concluded."""
    with open_index(project, SOURCES) as index:
        *_, last = show_impact(index, "blue.png")
    assert last.strip() == "no judge was trained on it"


def test_long_texts_and_lists_are_clipped(project: Path) -> None:
    """A tree stays readable, and says that there is more."""
    (kept,) = [r for r in lines_of(project, "prompts.jsonl") if "dogs" in r["question"]]
    path = project / "results/iter1/responses.jsonl"
    rows = lines_of(project, "iter1/responses.jsonl")
    for row in rows:
        row["text"] = f"a\n\u202e{'b' * 5000}"
    write_lines(path, *map(json.dumps, rows))
    shown = ask(project, kept["id"], most=2)
    assert (
        'sample 0: "a <U+202E>bbb' in shown and max(map(len, shown.splitlines())) < 250
    )
    assert "and 2 more of kind response" in shown


def test_an_unknown_id_is_an_error(project: Path) -> None:
    """Place, must, got, hint."""
    says = r"'ffff': must be an id of .* .none of its 21 files"
    with pytest.raises(ValueError, match=says):
        ask(project, "ffff")


def test_several_ids_are_listed(project: Path) -> None:
    """What else must be typed can be seen."""
    ids = [row["id"] for row in lines_of(project, "iter1/responses.jsonl")]
    first = next(d for d in "0123456789abcdef" if sum(one[0] == d for one in ids) > 1)
    with pytest.raises(ValueError, match=r"begins several.*") as raised:
        ask(project, first)
    listed = str(raised.value).splitlines()[1:]
    assert len(listed) > 1 and all(line.split()[-1][0] == first for line in listed)


MISSING = {
    "iter1/responses.jsonl": "chosen response",
    "iter1/altered.jsonl": "rejected altered response",
    "iter1/majority/pairs.jsonl": "pair",
}


@pytest.mark.parametrize("name", MISSING)
def test_the_end_of_a_thread_is_told(project: Path, name: str) -> None:
    """Upwards, at the place where it ends, with the file that should be there."""
    pair = pair_of(project, "alteration")
    judgments = lines_of(project, "iter1/majority/judgments.jsonl")
    (one, _) = [row["id"] for row in judgments if row["pair_id"] == pair["id"]]
    for path in (project / "results/iter1").glob(f"*/{Path(name).name}"):
        path.unlink()
    (project / "results" / name).unlink(missing_ok=True)
    shown = ask(project, one).splitlines()
    (at,) = [
        n for n, line in enumerate(shown) if line.strip().startswith(MISSING[name])
    ]
    assert "(no record of its own)" in shown[at]
    told = f"the thread ends here: results/{name} is not there"
    assert told in [line.strip() for line in shown[at:]]


def test_a_prompt_without_its_files(project: Path) -> None:
    """No prompts at all: what named it still leads there, and ends."""
    (project / "results/prompts.jsonl").unlink()
    (project / "results/iter1/prompts.jsonl").unlink()
    (project / "results/dropped_prompts.jsonl").unlink()
    for path in (project / "results/iter1").glob("*/dropped_pairs.jsonl"):
        path.unlink()
    shown = ask(project, pair_of(project, "alteration")["prompt_id"])
    assert "results/iter1/prompts.jsonl is not there" in shown


@pytest.mark.parametrize(
    ("gone", "one"),
    [
        ("iter1/responses.jsonl", "prompt"),
        ("iter1/majority/judgments.jsonl", "pair"),
        ("iter1/majority/accepted.jsonl", "judgment"),
    ],
)
def test_a_run_in_progress_says_what_is_not_there_yet(
    project: Path, gone: str, one: str
) -> None:
    """Downwards, a thread ends where the next file is not written yet."""
    pair = pair_of(project, "majority_answer")
    judgments = lines_of(project, "iter1/majority/judgments.jsonl")
    judgment = next(row["id"] for row in judgments if row["pair_id"] == pair["id"])
    (project / "results" / gone).unlink()
    ids = {"prompt": pair["prompt_id"], "pair": pair["id"], "judgment": judgment}
    assert f"results/{gone} is not there" in ask(project, ids[one])


def test_pairs_of_older_code_do_not_break_it(project: Path) -> None:
    """Where pairs do not name their responses, that is what is said."""
    for path in (project / "results/iter1").glob("*/pairs.jsonl"):
        rows = [json.loads(line) for line in path.open()]
        for row in rows:
            response = row.pop("chosen_response_id")
            row.pop("rejected_response_id")
        write_lines(path, *map(json.dumps, rows))
    for path in (project / "results/iter1").glob("*/accepted.jsonl"):
        rows = [json.loads(line) for line in path.open()]
        write_lines(path, *(json.dumps({**row, "prompt_id": None}) for row in rows))
    told = "does not name them (an older code wrote it)"
    shown = ask(project, accepted_row(project)["judgment_id"])
    assert told in shown and "source row: a/prompts.jsonl" in shown
    assert "does not name its responses" in ask(project, response)
    assert "results/iter1/majority/accepted.jsonl" in ask(
        project, pair_of(project, "majority_answer")["prompt_id"]
    )


def test_a_line_that_is_no_record_is_passed_over(project: Path) -> None:
    """A file cut short, or written just now, takes the others' ids from nobody."""
    path = project / "results/iter1/majority/judgments.jsonl"
    path.write_bytes(path.read_bytes() + b'{"id": "cut sho\n\n\xff\n[1]\n')
    assert "accepted" in ask(project, accepted_row(project)["judgment_id"])


def test_only_what_changed_is_read_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By size and time; what is gone is forgotten."""
    read: list[str] = []
    real = lineage_index.read_ids

    def noting(path: Path, *rest: Any) -> Iterator[tuple[str, int, int]]:
        read.append(path.relative_to(project).as_posix())
        return real(path, *rest)

    monkeypatch.setattr(lineage_index, "read_ids", noting)
    one = lines_of(project, "iter1/responses.jsonl")[0]["id"]
    ask(project, one)
    assert len(read) == len(set(read)) > 10
    read.clear()
    ask(project, one)
    assert read == []
    path = project / "results/iter1/responses.jsonl"
    rows = lines_of(project, "iter1/responses.jsonl")
    write_lines(path, *map(json.dumps, rows[1:]))
    (project / "results/iter1/altered.jsonl").unlink()
    with pytest.raises(ValueError, match="must be an id"):
        ask(project, lines_of(project, "iter1/majority/pairs.jsonl")[0]["id"] + "x")
    assert read == ["results/iter1/responses.jsonl"]
    fresh = ask(project, rows[1]["id"])
    (project / ".snakemake/selfjudge/lineage.sqlite").unlink()
    assert ask(project, rows[1]["id"]) == fresh


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" * 99])
def test_a_broken_index_is_built_anew(project: Path, content: bytes) -> None:
    """An index is never needed, and never believed."""
    one = accepted_row(project)["judgment_id"]
    shown = ask(project, one)
    (project / ".snakemake/selfjudge/lineage.sqlite").write_bytes(content)
    assert ask(project, one) == shown


def test_an_index_that_cannot_be_kept(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is built in a temporary folder, and that is said."""
    (project / ".snakemake").write_text("in the way")
    assert "came from" in ask(project, accepted_row(project)["judgment_id"])
    assert "cannot be written" in capsys.readouterr().err


def test_a_file_that_changes_meanwhile_is_an_error(project: Path) -> None:
    """What stands at a place must still be what the index found there."""
    one = accepted_row(project)["judgment_id"]
    with open_index(project) as index:
        path = project / "results/iter1/majority/accepted.jsonl"
        path.write_bytes(b"x" + path.read_bytes())
        with pytest.raises(ValueError, match=r"accepted\.jsonl:1: must hold .* again"):
            list(show_lineage(index, one, 9))


def why(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The script, run as a person does."""
    command = [sys.executable, str(ROOT / "scripts/why.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_script(project: Path) -> None:
    """It prints what is shown; a mistake is one line and status 1."""
    (project / "config.yaml").write_text(
        "prompts: {sources: [{name: a, kind: jsonl, path: a/prompts.jsonl}]}"
    )
    done = why(accepted_row(project)["judgment_id"], "--project", str(project))
    assert done.returncode == 0 and "source row: a/prompts.jsonl" in done.stdout
    done = why("--impact", "red.png", "--project", str(project))
    assert done.returncode == 0 and "accepted" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["x", "--project", "no/such"], 1, "must be a project directory"),
        (["x", "--project", "."], 1, "must hold files of a run below results/"),
        ([], 2, "must have an id, or --impact"),
        (["x", "--impact", "y"], 2, "must have an id, or --impact"),
    ],
)
def test_the_script_refuses(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    status: int,
    says: str,
) -> None:
    """No project, no run, nothing asked."""
    monkeypatch.chdir(tmp_path)
    done = why(*arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)
    assert says in done.stderr and not (tmp_path / ".snakemake").exists()


def test_pairs_are_still_pairs(project: Path) -> None:
    """The files of this run are those that the loop reads."""
    path = project / "results/iter1/majority/pairs.jsonl"
    assert len(list(read_records(path, Pair))) == 2
