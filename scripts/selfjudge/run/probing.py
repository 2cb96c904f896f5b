"""A few prompts through the whole of iteration 1, before the rest is paid for.

What is asked is what iteration 1 will ask: the same requests with the same seeds, so
that the journal answers them there.  The model is loaded once; between its answers
stand decisions, as nowhere else in the workflow: nobody trains on what is written.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from selfjudge.engines.stage import Model
from selfjudge.ground.lines import write_records
from selfjudge.ground.records import (
    Altered,
    Category,
    Check,
    Pair,
    Prompt,
    Response,
    Settings,
)
from selfjudge.ground.requests import Draws, Request, Samples
from selfjudge.ground.seeds import seed_for
from selfjudge.judging.asks import Asking, ask_pairs, judgment_from, judgment_requests
from selfjudge.pairs.building import build_pairs, join_candidates
from selfjudge.pairs.checks import CHOICES, check_requests, checks_from
from selfjudge.pairs.filters import Filter
from selfjudge.pairs.labelling import PairSettings
from selfjudge.pairs.responses import (
    alteration_requests,
    altered_from,
    response_from,
    response_requests,
)


class Recipe(Settings, frozen=True, kw_only=True):
    """What iteration 1 asks, and how it pairs: sections of the config."""

    responses: Samples
    alterations: Draws
    pairs: PairSettings
    filter: Filter
    judgments: Asking


class Templates(NamedTuple):
    """The texts of the prompt templates; ``check`` where rewrites are checked."""

    open: str
    closed: str
    alter: Mapping[Category, str]
    judge: str
    check: str | None = None


def choose_probed(
    prompts: Iterable[Prompt], number: int, run_seed: int
) -> list[Prompt]:
    """So many of the prompts, drawn by the seed, in their order; all if there are
    fewer."""
    known = list(prompts)
    ranked = sorted(known, key=lambda p: seed_for(run_seed, "probe", p.id))
    drawn = {prompt.id for prompt in ranked[:number]}
    return [prompt for prompt in known if prompt.id in drawn]


class Probe:
    """The stages of iteration 1 on some prompts, each with its file and its ledger."""

    def __init__(
        self,
        model: Model,
        recipe: Recipe,
        templates: Templates,
        *,
        image_root: Path,
        run_seed: int,
        folder: Path,
        ledgers: Path,
    ) -> None:
        self.model = model
        self.recipe = recipe
        self.templates = templates
        self.image_root = image_root
        self.run_seed = run_seed
        self.folder = folder
        self.ledgers = ledgers

    def run(self, prompts: list[Prompt]) -> None:
        """Ask, decide and write, stage by stage."""
        write_records(self.folder / "prompts.jsonl", prompts)
        requests = list(self.response_requests(prompts))
        responses = self.ask("responses", "generate_responses", requests, response_from)
        opened = {prompt.id: prompt for prompt in prompts if prompt.kind == "open"}
        rewriting = list(
            alteration_requests(
                opened,
                responses,
                self.templates.alter,
                self.recipe.alterations.sampling,
                self.image_root,
                self.run_seed,
            )
        )
        altered = self.ask("altered", "alter_responses", rewriting, altered_from)
        checking = list(self.check_requests(opened, responses, altered))
        checks = self.check(checking)
        built = list(
            build_pairs(
                join_candidates(prompts, responses, altered, checks),
                self.recipe.filter,
                self.recipe.pairs,
                self.run_seed,
            )
        )
        pairs = [one.pair for one in built if one.pair is not None]
        dropped = [one.dropped for one in built if one.dropped is not None]
        write_records(self.folder / "pairs.jsonl", pairs)
        write_records(self.folder / "dropped_pairs.jsonl", dropped)
        judging = list(self.judgment_requests(pairs))
        self.ask("judgments", "judge_pairs", judging, judgment_from)
        asked = {
            "response": requests,
            "rewrite": rewriting,
            "check": checking,
            "judgment": judging,
        }
        shown = [
            f"-- a prompt of a {name}, as the model reads it\n"
            + self.model.show(part[0])
            for name, part in asked.items()
            if part
        ]
        (self.folder / "shown.txt").write_text("\n\n".join(shown), encoding="utf-8")

    def response_requests(self, prompts: Iterable[Prompt]) -> Iterable[Request]:
        """What iteration 1 asks about each prompt."""
        for prompt in prompts:
            is_closed = prompt.kind == "closed"
            yield from response_requests(
                prompt,
                self.templates.closed if is_closed else self.templates.open,
                self.recipe.responses.num_samples if is_closed else 1,
                self.recipe.responses.sampling,
                self.image_root,
                self.run_seed,
            )

    def check_requests(
        self,
        prompts: Mapping[str, Prompt],
        responses: list[Response],
        altered: list[Altered],
    ) -> Iterable[Request]:
        """What iteration 1 asks about each rewrite, if it does."""
        if self.templates.check is None:
            return ()
        return check_requests(
            prompts, responses, altered, self.templates.check, self.image_root
        )

    def check(self, requests: list[Request]) -> list[Check]:
        """The checks that the model's answers become, written if they are asked for."""
        if self.templates.check is None:
            return []
        (answered,) = self.model.answer(
            [requests],
            stage="check_alterations",
            ledger=self.ledgers / "checks.jsonl",
            choices=CHOICES,
        )
        checks = list(checks_from(answered))
        write_records(self.folder / "checks.jsonl", checks)
        return checks

    def judgment_requests(self, pairs: list[Pair]) -> Iterable[Request]:
        """What iteration 1 asks about each pair, in both orders."""
        asking = self.recipe.judgments
        asks = ask_pairs(pairs, (), asking, self.run_seed)
        known = {pair.id: pair for pair in pairs}
        templates = {asking.template: self.templates.judge}
        return judgment_requests(known, asks, templates, self.image_root)

    def ask(
        self, name: str, stage: str, requests: list[Request], make: Any
    ) -> list[Any]:
        """The records that the model's answers become, written to a file."""
        ledger = self.ledgers / f"{name}.jsonl"
        (answered,) = self.model.answer([requests], stage=stage, ledger=ledger)
        records = [make(generation, request) for generation, request in answered]
        write_records(self.folder / f"{name}.jsonl", records)
        return records
