"""How much every stage of a run has to do: counted where files exist, else expected.

A number is `counted` if it stands in a file of the run, `measured` if it follows
from a rate that finished iterations had, and `guessed` if it follows from config.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from selfjudge.benchmarks.collections import COLLECTIONS, asking_of
from selfjudge.benchmarks.collections import Collection as Collected
from selfjudge.benchmarks.registry import FORMATS, OFFICIAL, collections_of
from selfjudge.ground.images import iter_files
from selfjudge.ground.lines import read_json, read_lines, read_records
from selfjudge.ground.places import PROBE, locate
from selfjudge.ground.records import ORDERS, Pair, Prompt, Settings
from selfjudge.ground.requests import read_samples
from selfjudge.pairs.checks import SIDES
from selfjudge.pairs.filters import FILTERS, first_asked
from selfjudge.pairs.pictures import is_image_name
from selfjudge.pairs.pool import check_pool
from selfjudge.run.pool_size import (
    PoolSize,
    count_unused,
    measure_pool,
)
from selfjudge.run.probe_report import CLOSED_PAIRS, OPEN_PAIRS, RIGHT_PAIRS

Certainty = Literal["counted", "measured", "guessed"]
# The less certain, the later.
CERTAINTIES: tuple[Certainty, ...] = ("counted", "measured", "guessed")
Stage = Literal[
    "questions",
    "answers",
    "responses",
    "alterations",
    "checks",
    "alter_again",
    "judgments",
    "train",
    "reinforce",
    "benchmark_judgments",
    "certificate",
    "answer_prompts",
    "rate_responses",
    "train_member",
    "answer_benchmark",
]
TRAININGS: tuple[Stage, ...] = ("train", "reinforce", "train_member")
# What is one job, into however many the others of its section are cut.
WHOLE: tuple[Stage, ...] = (*TRAININGS, "answer_benchmark")
# What is asked in the jobs of another stage, of the model that these have loaded.
RIDES: dict[Stage, Stage] = {"alterations": "responses"}
# What a stage's shards are called; those of a benchmark's judgments as the loop's.
SHARDED: dict[str, Stage] = {
    "responses": "responses",
    "altered": "alterations",
    "checks": "checks",
    "judgments": "judgments",
}
# What is asked about a folder of images, whose name stands for the filter.
ABOUT_IMAGES: dict[str, Stage] = {
    "asked": "questions",
    "seen": "answers",
    "blind": "answers",
}


class Speed(Settings, frozen=True, kw_only=True):
    """Tokens a second of one GPU: of prompts read, and of texts written."""

    prompt_tokens_per_second: float
    output_tokens_per_second: float


class Expectations(Settings, frozen=True, kw_only=True):
    """The config section `plan`: what holds until files and ledgers tell better."""

    closed_rate: float
    closed_pair_rate: float
    open_pair_rate: float
    shared_pair_rate: float
    accepted_rate: float
    question_tokens: int
    instruction_tokens: int
    image_tokens: int
    response_tokens: int
    judgment_tokens: int
    different_rate: float
    preference_rate: float
    rating_tokens: int
    speeds: dict[str, Speed]
    train_tokens_per_second: float
    start_seconds: float
    judge_gigabytes: float


class Number(NamedTuple):
    """An amount, and how well it is known."""

    value: float
    certainty: Certainty


# A benchmark, and how judgments of it are asked for.
Asked = tuple[str, Collected]


class Part(NamedTuple):
    """A stage at a place of the run: jobs that differ in their shard alone."""

    stage: Stage
    iteration: int
    filter: str | None = None


def parse_part(path: str) -> Part | None:
    """The part that made a path below results; None if no model made it.

    A ledger lies at the same path below results/ledgers, but for that of a judge's
    judgments of all benchmarks, which are one job.
    """
    match path.split("/"):
        case ["sources", source, name, _] if name in ABOUT_IMAGES:
            return Part(ABOUT_IMAGES[name], 0, source)
    located = locate(path)
    if located is None:
        return None
    place, name, shard = located
    if name == "judge" and place.filter:
        specs = {str(name): spec for name, spec in FILTERS.items()}
        spec = specs.get(place.filter)
        by_reward = spec is not None and spec.learns_by == "reward"
        stage: Stage = "reinforce" if by_reward else "train"
        return Part(stage, place.iteration, place.filter)
    if shard is None:
        return None
    if name == "benchmarks" or (name == "judgments" and place.benchmark):
        return Part("benchmark_judgments", place.iteration, place.filter)
    sharded = SHARDED.get(name)
    return Part(sharded, place.iteration, place.filter) if sharded else None


def parse_asked(path: str) -> Asked | None:
    """The benchmark and collection of a path below results, if judgments of one."""
    match path.split("/"):
        case [_, _, benchmark, name, "judgments", _]:
            return next(((benchmark, one) for one in COLLECTIONS if one == name), None)
    return None


def least_certain(*numbers: Number) -> Certainty:
    """How certain is what follows from all the numbers."""
    return max((number.certainty for number in numbers), key=CERTAINTIES.index)


class Workload:
    """The numbers of one project directory under one config.

    ``asked`` are the collections that are asked for; None for all that are
    configured.  A release that is not at hand is configured and not asked for.
    """

    def __init__(
        self,
        project: Path,
        config: Mapping[str, Any],
        plan: Expectations,
        asked: Collection[Asked] | None = None,
    ):
        self.asked = asked
        self.results = project / "results"
        self.project = project
        self.config = config
        self.plan = plan

    def count_requests(self, part: Part) -> Number:
        """Requests of all shards; of a training, rows or rollouts times epochs."""
        if part.stage in ABOUT_IMAGES.values():
            assert part.filter is not None
            return self._count_about_images(part.stage, part.filter)
        if part.stage == "responses":
            return self.count_responses(*self.count_prompts(part.iteration))
        if part.stage == "alterations":
            return self.count_prompts(part.iteration)[1]
        if part.stage == "checks":  # about both texts
            opened = self.count_prompts(part.iteration)[1]
            return Number(len(SIDES) * opened.value, opened.certainty)
        if part.stage == "benchmark_judgments":
            return self.count_benchmark_requests()
        assert part.filter is not None
        if part.stage == "train":
            rows = self.count_accepted(part.iteration, part.filter)
            return Number(
                rows.value * self.config["train"]["num_epochs"], rows.certainty
            )
        if part.stage == "reinforce":
            return self.count_rollouts(part.iteration, part.filter)
        return self.count_judgments(part.iteration, part.filter)

    def _count_about_images(self, stage: Stage, source: str) -> Number:
        """Questions that are asked for, or answers to the closed ones, with the image
        and without; before they are written, as if each could be used."""
        settings = self.config["questions"]
        folder = self.results / "sources" / source
        asked = [folder / "prompts.jsonl", folder / "blind_prompts.jsonl"]
        if stage == "answers" and all(path.is_file() for path in asked):
            prompts = (one for path in asked for one in read_records(path, Prompt))
            closed = sum(prompt.kind == "closed" for prompt in prompts)
            return Number(closed * settings["num_answers"], "counted")
        images = self._count_images(source)
        formats = set(settings["formats"])
        if stage == "questions":
            each = len(formats) * settings["num_samples"]
            return Number(images.value * each, images.certainty)
        each = len(formats - {"open"}) * settings["num_samples"]
        each = 2 * settings["num_answers"] * (each + len(settings["fixed"]))
        return Number(images.value * each, "guessed")

    def _count_images(self, source: str) -> Number:
        """The images of a folder: as they were listed, else the files called so."""
        listed = self.results / "sources" / source / "images.jsonl"
        if listed.is_file():
            return Number(sum(1 for _ in read_lines(listed)), "counted")
        named = {one["name"]: one for one in self.config["prompts"]["sources"]}
        files = iter_files(self.project / named[source]["path"])
        return Number(sum(is_image_name(path.name) for path in files), "guessed")

    def count_rollouts(self, iteration: int, filter_name: str) -> Number:
        """Rollouts of a training by reward: of every pair but those always right."""
        reinforce = self.config["reinforce"]
        each = reinforce["num_rollouts"] * reinforce["num_epochs"]
        path = self.results / f"iter{iteration}" / filter_name / "reinforce.jsonl"
        if path.is_file():
            return Number(sum(1 for _ in read_lines(path)) * each, "counted")
        pairs = self.count_pairs(iteration, filter_name)
        rate = self._accepted_rate(filter_name)
        value = pairs.value * (1 - rate.value) * len(ORDERS) * each
        return Number(value, least_certain(pairs, rate))

    def count_prompts(self, iteration: int) -> tuple[Number, Number]:
        """Closed and open prompts that an iteration draws from."""
        reuse = self.config["pool"]["mode"] == "reuse"
        kinds = self._kinds(1 if reuse else iteration)
        if kinds is not None:
            return Number(kinds[0], "counted"), Number(kinds[1], "counted")
        number = self.config["pool"]["prompts_per_iteration"]
        closed = number * self.plan.closed_rate
        return Number(closed, "guessed"), Number(number - closed, "guessed")

    def count_responses(self, closed: Number, opened: Number) -> Number:
        """Responses to so many prompts: samples of closed ones, one to open ones."""
        samples = self.config["responses"]["num_samples"]
        return Number(closed.value * samples + opened.value, closed.certainty)

    def count_unused(self) -> int | None:
        """Prompts of the pool that no iteration uses, once it is there."""
        if self.pool is None:
            return None
        return count_unused(len(self.pool.closed_by_rank), self.config)

    def _kinds(self, iteration: int) -> tuple[int, int] | None:
        """Closed and open prompts of an iteration, once the pool is there.

        Raises ValueError where the pool does not reach so far.
        """
        each = self.config["pool"]["prompts_per_iteration"]
        if self.pool is None:
            return None
        ranked = self.pool.closed_by_rank
        check_pool(len(ranked), iteration, each)
        closed = sum(ranked[(iteration - 1) * each : iteration * each])
        return closed, each - closed

    @cached_property
    def pool(self) -> PoolSize | None:
        """What the pool comes to, once it is there."""
        path = self.results / "prompts.jsonl"
        return measure_pool(path, self.config) if path.is_file() else None

    def count_pairs(self, iteration: int, filter_name: str) -> Number:
        """The pairs of a filter: of its report, or by rates of other iterations."""
        report = self._report(iteration, filter_name, "pairs_report")
        if report:
            return Number(report["num_pairs"], "counted")
        closed, opened = self.count_prompts(iteration)
        rates = (
            self._pair_rate(filter_name, "num_closed", 0, self.plan.closed_pair_rate),
            self._pair_rate(filter_name, "num_open", 1, self.plan.open_pair_rate),
        )
        value = closed.value * rates[0].value + opened.value * rates[1].value
        return Number(value, least_certain(closed, *rates))

    def _pair_rate(self, filter_name: str, key: str, kind: int, guess: float) -> Number:
        """Pairs a prompt of a kind, where iterations of this or any filter tell, or
        else the probe."""
        for names in ([filter_name], self.config["filters"]):
            num_pairs = num_prompts = 0.0
            for iteration, report in self._reports(names, "pairs_report"):
                num_pairs += report[key]
                num_prompts += self.count_prompts(iteration)[kind].value
            if num_prompts:
                return Number(num_pairs / num_prompts, "measured")
        return self._probed((CLOSED_PAIRS, OPEN_PAIRS)[kind], guess)

    def count_judgments(self, iteration: int, filter_name: str) -> Number:
        """Judgments of pairs that no other filter has asked the same judge for."""
        pairs = self.count_pairs(iteration, filter_name)
        number = pairs.value * self.config["judgments"]["num_samples"] * len(ORDERS)
        first = first_asked(self.config["filters"])
        if iteration > 1 or filter_name == first:
            return Number(number, pairs.certainty)
        shared = self._shared_rate(filter_name, first)
        return Number(number * (1 - shared.value), least_certain(pairs, shared))

    def _shared_rate(self, filter_name: str, first: str) -> Number:
        """The share of a filter's pairs at iteration 1 that the first filter has."""
        paths = [
            self.results / "iter1" / n / "pairs.jsonl" for n in (filter_name, first)
        ]
        if all(path.is_file() for path in paths):
            own, other = ({p.id for p in read_records(q, Pair)} for q in paths)
            return Number(len(own & other) / max(1, len(own)), "counted")
        return Number(self.plan.shared_pair_rate, "guessed")

    def count_accepted(self, iteration: int, filter_name: str) -> Number:
        """The rows to train on."""
        report = self._report(iteration, filter_name, "filter_report")
        if report:
            return Number(report["num_accepted"], "counted")
        pairs = self.count_pairs(iteration, filter_name)
        rate = self._accepted_rate(filter_name)
        value = pairs.value * len(ORDERS) * rate.value
        return Number(value, least_certain(pairs, rate))

    def _accepted_rate(self, filter_name: str) -> Number:
        """Accepted judgments, of one for each pair and order."""
        for names in ([filter_name], self.config["filters"]):
            accepted = num_pairs = 0.0
            for iteration, report in self._reports(names, "filter_report"):
                accepted += report["num_accepted"]
                num_pairs += self.count_pairs(iteration, report["filter"]).value
            if num_pairs:
                return Number(accepted / num_pairs / len(ORDERS), "measured")
        if self.config["judgments"]["num_samples"] > 1:  # one trace of several is kept
            return Number(self.plan.accepted_rate, "guessed")
        return self._probed(RIGHT_PAIRS, self.plan.accepted_rate)

    def _probed(self, what: str, guess: float) -> Number:
        """A share that the probe found, else the config's guess."""
        path = self.results / PROBE / "report.json"
        rate = read_json(path)["shares"][what]["rate"] if path.is_file() else None
        return Number(guess, "guessed") if rate is None else Number(rate, "measured")

    def count_benchmark_requests(self) -> Number:
        """Judgments of all benchmarks, as each of their collections asks for them."""
        numbers = [
            self._count_collection(name, collection)
            for name, spec in self.config["benchmarks"].items()
            if spec
            for collection in collections_of(spec)
            if self.asked is None or (name, collection) in self.asked
        ]
        return Number(sum(n.value for n in numbers), least_certain(*numbers))

    def _count_collection(self, benchmark: str, collection: Collected) -> Number:
        """Judgments of one collection of a benchmark."""
        spec = self.config["benchmarks"][benchmark]
        asking = asking_of(
            collection,
            read_samples(self.config["benchmark_judgments"]),
            OFFICIAL.get(spec["format"]),
            self.config["official_judgments"]["num_votes"],
        )
        path = self.results / "benchmarks" / f"{benchmark}.jsonl"
        if path.is_file():
            number = sum(1 for _ in read_lines(path))
            return Number(number * asking.num_each, "counted")
        number = FORMATS[spec["format"]].num_rows
        return Number(number * asking.num_each, "guessed")

    def _report(self, iteration: int, filter_name: str, name: str) -> Any:
        """A report of counts, or None if it is not there."""
        path = self.results / f"iter{iteration}" / filter_name / f"{name}.json"
        return read_json(path) if path.is_file() else None

    def _reports(self, filters: list[str], name: str) -> Iterator[tuple[int, Any]]:
        """All reports of these filters, with their iterations."""
        for iteration in range(1, self.config["iterations"] + 1):
            for filter_name in filters:
                report = self._report(iteration, filter_name, name)
                if report:
                    yield iteration, report | {"filter": filter_name}
