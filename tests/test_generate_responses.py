"""Responses of one shard, and their rewrites, by one loaded model."""

import json
import runpy
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from examples import image_bytes, make_prompt
from selfjudge.engines import open_engine, stage
from selfjudge.engines.base import EngineSettings
from selfjudge.engines.simulator import SimulatorEngine
from selfjudge.ground.ledgers import read_ledgers
from selfjudge.ground.lines import content_id, read_records, write_records
from selfjudge.ground.records import Altered, Response
from selfjudge.ground.requests import Generation, Request, Sampling
from selfjudge.pairs.responses import alteration_requests, altered_from, load_templates

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "demo" / "templates"
CATEGORIES = [TEMPLATES / f"alter/{name}.txt" for name in ("object", "attribute")]
BASE = str(ROOT / "demo" / "base")
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
SAMPLING = Sampling(max_tokens=64, temperature=1.0)


class Stopped(BaseException):
    """A job that is killed."""


class Project:
    """A folder with prompts of both kinds and their image."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "a.png").write_bytes(image_bytes(size=(72, 72)))
        opened = {
            "kind": "open",
            "answer_format": None,
            "question": "Describe the image.",
        }
        self.prompts = sorted(
            (
                make_prompt(n, id=content_id(n), **(opened if n % 2 else {}))
                for n in range(8)
            ),
            key=lambda prompt: prompt.id,
        )
        write_records(folder / "prompts.jsonl", self.prompts)

    def settings(self, engine: str) -> dict[str, Any]:
        return {
            **CONFIG["engine"],
            "name": engine,
            "dtype": "float32",
            "device": "cpu",
            "batch_size": 4,
            "max_pixels_shown": None,
        }

    def generate(self, engine: str, shard: str = "1of1") -> None:
        """Run the script on a shard, with its own journal and ledgers."""
        run = self.folder / shard
        draws = {"sampling": msgspec.to_builtins(SAMPLING)}
        command = ["generate_responses.py", "--model", BASE, "--shard", shard]
        command += ["--engine", json.dumps(self.settings(engine)), "--seed", "0"]
        command += ["--journal", str(run / "journal"), "--settings"]
        command += [json.dumps(draws | {"num_samples": 3}), "--alter-settings"]
        command += [json.dumps(draws), "--prompts", str(self.folder / "prompts.jsonl")]
        command += ["--image-root", str(self.folder), "--templates"]
        kinds = ("open", "closed")
        command += [str(TEMPLATES / f"respond_{kind}.txt") for kind in kinds]
        command += ["--alter-templates", *map(str, CATEGORIES)]
        for name, option in (("responses", "ledger"), ("altered", "alter-ledger")):
            command += [f"--{name}", str(run / f"{name}.jsonl")]
            command += [f"--{option}", str(run / "ledgers" / f"{name}.jsonl")]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", command)
            runpy.run_path(
                str(ROOT / "scripts/generate_responses.py"), run_name="__main__"
            )

    def responses(self, shard: str = "1of1") -> list[Response]:
        return list(read_records(self.folder / shard / "responses.jsonl", Response))

    def altered(self, shard: str = "1of1") -> list[Altered]:
        return list(read_records(self.folder / shard / "altered.jsonl", Altered))

    def altered_alone(self, engine: str) -> list[Altered]:
        """The rewrites, by a model that is loaded for nothing else."""
        settings = msgspec.convert(self.settings(engine), EngineSettings, strict=False)
        requests = list(
            alteration_requests(
                {one.id: one for one in self.prompts if one.kind == "open"},
                self.responses(),
                load_templates(CATEGORIES, "question", "response"),
                SAMPLING,
                self.folder,
                0,
            )
        )
        journal = self.folder / "alone"
        model = stage.Model(model=BASE, revision=None, engine=settings, journal=journal)
        (answered,) = model.answer([requests], stage="alter_responses", ledger=None)
        return [altered_from(*pair) for pair in answered]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The engines that were opened."""
    engines: list[Any] = []

    def note(*args: Any, **named: Any) -> Any:
        engines.append(open_engine(*args, **named))
        return engines[-1]

    monkeypatch.setattr(stage, "open_engine", note)
    return engines


@pytest.mark.parametrize("engine", ["simulator", "transformers"])
def test_rewrites_are_those_of_a_job_of_their_own(
    tmp_path: Path, opened: list[Any], engine: str
) -> None:
    """Whatever the engine wrote before; and the model is opened once for both."""
    project = Project(tmp_path)
    project.generate(engine)
    assert len(opened) == 1
    responses, altered = project.responses(), project.altered()
    assert len(responses) == 4 * 3 + 4
    opened_prompts = {p.id for p in project.prompts if p.kind == "open"}
    whole = [
        r.id
        for r in responses
        if r.prompt_id in opened_prompts and r.finish_reason != "length"
    ]
    assert whole and [one.response_id for one in altered] == whole
    assert altered == project.altered_alone(engine)


def test_shards_are_parts_of_the_whole(tmp_path: Path) -> None:
    """A rewrite is in the shard of its prompt."""
    project = Project(tmp_path)
    shards = ["1of3", "2of3", "3of3"]
    for shard in ("1of1", *shards):
        project.generate("simulator", shard)
    assert [r for s in shards for r in project.responses(s)] == project.responses()
    assert [r for s in shards for r in project.altered(s)] == project.altered()


def test_a_job_killed_while_it_rewrites_asks_for_no_response_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on with the rewrites, and each stage has its own ledger."""
    project = Project(tmp_path)
    generate = SimulatorEngine.generate

    def killed(self: Any, batch: Sequence[Request]) -> Iterator[Generation]:
        if batch[0].id.endswith(("/object", "/attribute")):
            raise Stopped
        return generate(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(SimulatorEngine, "generate", killed)
        with pytest.raises(Stopped):
            project.generate("simulator")
    project.generate("simulator")
    ledgers = read_ledgers(tmp_path / "1of1/ledgers")
    calls = {
        name: [(line.stage, line.num_calls, line.finished) for line in lines]
        for name, lines in ledgers.items()
    }
    assert calls == {
        "responses": [
            ("generate_responses", 16, True),
            ("generate_responses", 0, True),
        ],
        "altered": [("alter_responses", 0, False), ("alter_responses", 4, True)],
    }
