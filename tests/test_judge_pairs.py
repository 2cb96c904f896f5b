"""Several parts of asks answered by one loaded judge."""

import json
import runpy
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from examples import ask_both_orders, image_bytes, make_pair
from selfjudge.engines import open_engine, stage
from selfjudge.engines.base import Refusal
from selfjudge.ground.ledgers import Ledger
from selfjudge.ground.lines import content_id, read_records, write_records
from selfjudge.ground.records import Ask, Judgment, Pair
from selfjudge.ground.requests import Generation, Request, Sampling

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "demo" / "templates" / "judge.txt"
BASE = str(ROOT / "demo" / "base")
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
SAMPLINGS = {
    "loop": Sampling(max_tokens=12, temperature=1.0),
    "greedy": Sampling(max_tokens=12, temperature=0.0),
}


class Project:
    """A folder with two parts: asks, pairs, images and where judgments go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for number, (name, sampling) in enumerate(SAMPLINGS.items()):
            pairs = make_pairs(10 * number, count=4 + number)
            write_records(folder / f"{name}_pairs.jsonl", pairs)
            asks = ask_both_orders(pairs, 1, sampling, 0)
            write_records(folder / f"{name}_asks.jsonl", asks)
            (folder / f"{name}_images").mkdir()
            image = image_bytes(size=(48, 48), color=("red", "blue")[number])
            (folder / f"{name}_images" / "a.png").write_bytes(image)

    def judge(self, *names: str, run: str = "run", **how: Any) -> None:
        """Run the script on parts, with a journal and a ledger of the run's name."""
        engine = CONFIG["engine"] | {"name": how.get("engine", "simulator")}
        engine |= {"dtype": "float32", "device": "cpu", "batch_size": 4}
        engine |= {"max_pixels_shown": how.get("max_pixels_shown")}
        command = ["judge_pairs.py", "--model", BASE, "--engine", json.dumps(engine)]
        command += ["--journal", str(self.folder / run / "journal")]
        command += ["--ledger", str(self.folder / run / "ledger.jsonl")]
        command += ["--templates", str(TEMPLATE), "--shard", how.get("shard", "1of1")]
        for name in names:
            stem = self.folder / name
            command += ["--part", f"{stem}_asks.jsonl", f"{stem}_pairs.jsonl"]
            command += [f"{stem}_images", str(self.folder / run / f"{name}.jsonl")]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", command)
            runpy.run_path(str(ROOT / "scripts/judge_pairs.py"), run_name="__main__")

    def texts(self, name: str, run: str = "run") -> dict[str, str]:
        """What was said, by what was asked."""
        path = self.folder / run / f"{name}.jsonl"
        return {
            f"{one.pair_id}/{one.order}/{one.sample}": one.text
            for one in read_records(path, Judgment)
        }

    def asked(self, name: str) -> list[str]:
        """What is asked of a part, in its order."""
        asks = read_records(self.folder / f"{name}_asks.jsonl", Ask)
        return [f"{one.pair_id}/{one.order}/{one.sample}" for one in asks]

    def ledger(self, run: str = "run") -> list[Ledger]:
        """The lines of a run's ledger."""
        return list(read_records(self.folder / run / "ledger.jsonl", Ledger))


def make_pairs(start: int, count: int) -> list[Pair]:
    """Pairs in the order of their prompts; half of the ids belong to each of two."""
    pairs = [
        make_pair(
            number,
            question=f"How many dogs are in picture {number}?",
            prompt_id=f"{number % 2 * 'f' or '0'}{content_id(number)[1:]}",
        )
        for number in range(start, start + count)
    ]
    return sorted(pairs, key=lambda pair: pair.prompt_id)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A folder with two parts."""
    return Project(tmp_path)


class FailingEngine:
    """An engine that fails at the request with this number, from 1."""

    def __init__(self, engine: Any, fails_at: int) -> None:
        self.engine, self.fails_at, self.num_asked = engine, fails_at, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def generate(self, batch: Sequence[Request]) -> Iterator[Generation]:
        """The engine's generations, until it fails."""
        for generation in self.engine.generate(batch):
            self.num_asked += 1
            if self.num_asked == self.fails_at:
                raise ValueError("the model has fallen over")
            yield generation


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The engines that were opened."""
    engines: list[Any] = []

    def open_and_note(*args: Any, **kwargs: Any) -> Any:
        engines.append(open_engine(*args, **kwargs))
        return engines[-1]

    monkeypatch.setattr(stage, "open_engine", open_and_note)
    return engines


def test_parts_load_the_judge_once(project: Project, opened: list[Any]) -> None:
    """Every ask of both parts is answered in its order; the ledger has one line."""
    project.judge("loop", "greedy")
    assert len(opened) == 1
    for name in SAMPLINGS:
        assert list(project.texts(name)) == project.asked(name)
    (line,) = project.ledger()
    assert (line.num_requests, line.num_calls, line.num_from_journal) == (18, 18, 0)
    assert (line.stage, line.finished) == ("judge_pairs", True)


def test_texts_of_a_part_are_those_of_the_part_alone(
    project: Project, opened: list[Any]
) -> None:
    """On a real model, whose answers may depend on their batch, in any company."""
    how = {"engine": "transformers"}
    project.judge("loop", "greedy", run="both", **how)
    project.judge("greedy", "loop", run="turned", **how)
    for name in SAMPLINGS:
        project.judge(name, run="alone", **how)
        alone = project.texts(name, "alone")
        assert alone == project.texts(name, "both") == project.texts(name, "turned")
        assert any(alone.values())
    assert len(opened) == 4


def test_the_image_limit_decides_what_is_asked(project: Project) -> None:
    """Another limit is another question, whatever the journal knows."""
    how = {"engine": "transformers"}
    project.judge("greedy", **how)
    project.judge("greedy", **how)
    project.judge("greedy", max_pixels_shown=1024, **how)
    _, same, limited = project.ledger()
    assert (same.num_calls, limited.num_calls) == (0, limited.num_requests)


def test_shards_are_the_whole(project: Project) -> None:
    """Each shard answers the asks about its own pairs in every part."""
    project.judge("loop", "greedy", run="whole")
    for shard in ("1of2", "2of2"):
        project.judge("loop", "greedy", run=shard, shard=shard)
    for name in SAMPLINGS:
        first, second = (project.texts(name, run) for run in ("1of2", "2of2"))
        assert first and second and not first.keys() & second.keys()
        assert list((first | second).items()) == list(
            project.texts(name, "whole").items()
        )


def test_a_part_that_fails_costs_no_finished_part(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """What was answered before is in the journal, and its cost in the ledger."""

    def open_failing(*args: Any, **kwargs: Any) -> Any:
        return FailingEngine(open_engine(*args, **kwargs), fails_at=8 + 6)

    monkeypatch.setattr(stage, "open_engine", open_failing)
    with pytest.raises(SystemExit):
        project.judge("loop", "greedy")
    assert "the model has fallen over" in capsys.readouterr().err
    assert not (project.folder / "run" / "greedy.jsonl").exists()
    monkeypatch.undo()
    project.judge("loop", "greedy")
    project.judge("loop", "greedy", run="unbroken")
    broken, again = project.ledger()
    assert (broken.finished, again.finished) == (False, True)
    # Eight of the first part, and the five of the second that came before.
    assert again.num_from_journal == 13
    assert again.num_calls == 18 - 13
    for name in SAMPLINGS:
        assert project.texts(name) == project.texts(name, "unbroken")


def test_a_refused_ask_costs_no_other(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """All other asks of all parts are answered and kept before the stage ends."""

    class Refusing(FailingEngine):
        def generate(self, batch: Sequence[Request]) -> Iterator[Any]:
            for told in self.engine.generate(batch):
                self.num_asked += 1
                is_refused = self.num_asked == self.fails_at
                yield (
                    Refusal(request_id=told.request_id, reason=f"{told.request_id}: no")
                    if is_refused
                    else told
                )

    def open_refusing(*args: Any, **kwargs: Any) -> Any:
        return Refusing(open_engine(*args, **kwargs), fails_at=3)

    monkeypatch.setattr(stage, "open_engine", open_refusing)
    with pytest.raises(SystemExit):
        project.judge("loop", "greedy")
    assert "got 1 refusals of 8 requests, the first: " in capsys.readouterr().err
    assert not list((project.folder / "run").glob("[lg]*y.jsonl"))
    monkeypatch.undo()
    project.judge("loop", "greedy")
    refused, again = project.ledger()
    assert (refused.finished, refused.num_calls) == (False, 17)
    assert (again.finished, again.num_calls) == (True, 1)


def test_an_engine_that_does_not_open_leaves_its_ledger(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """What the run cost until then, under the name of the model that was wanted."""

    def open_nothing(*args: Any, **kwargs: Any) -> Any:
        raise ValueError("no such weights")

    monkeypatch.setattr(stage, "open_engine", open_nothing)
    with pytest.raises(SystemExit):
        project.judge("loop")
    (line,) = project.ledger()
    assert (line.finished, line.num_calls, line.start_seconds >= 0) == (False, 0, True)
    assert line.model == BASE


def test_parts_without_asks_open_no_judge(project: Project, opened: list[Any]) -> None:
    """A shard that has no pair of any part loads nothing, and writes empty files."""
    for name in SAMPLINGS:
        write_records(project.folder / f"{name}_asks.jsonl", [])
    project.judge("loop", "greedy")
    assert opened == []
    assert [project.texts(name) for name in SAMPLINGS] == [{}, {}]
    assert not (project.folder / "run" / "ledger.jsonl").exists()


def test_an_ask_without_its_template_ends_before_the_judge_is_loaded(
    project: Project, opened: list[Any], capsys: Any
) -> None:
    """One line that names the template, and nothing is asked."""
    path = project.folder / "greedy_asks.jsonl"
    asks = [
        msgspec.structs.replace(one, template="official.txt")
        for one in read_records(path, Ask)
    ]
    write_records(path, asks)
    with pytest.raises(SystemExit):
        project.judge("loop", "greedy")
    said = capsys.readouterr().err
    assert said.startswith("error: asks: 'template' must be one of judge.txt")
    assert said.count("\n") == 1 and opened == []
