"""What a run still costs, before it is paid for: tokens, GPU hours, time, disk.

Which jobs are stale comes from Snakemake; how much each asks from `workload`; what
a request costs from the ledgers of finished shards, else from config.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

from selfjudge.ground.ledgers import Ledger
from selfjudge.run.certificate_load import (
    count_certificate_requests,
    is_of_certificate,
    parse_certificate_part,
)
from selfjudge.run.panel_load import (
    PANEL_STAGES,
    count_panel_requests,
    engine_of,
    member_of,
    parse_panel_part,
)
from selfjudge.run.workload import (
    CERTAINTIES,
    RIDES,
    TRAININGS,
    WHOLE,
    Asked,
    Certainty,
    Expectations,
    Part,
    Speed,
    Stage,
    Workload,
    parse_asked,
    parse_part,
)

# `scaled`: config's guess, times what guesses of other stages were wrong by.
CostCertainty = Literal["measured", "scaled", "guessed"]
COST_CERTAINTIES: tuple[CostCertainty, ...] = ("measured", "scaled", "guessed")
STAGE_ORDER: tuple[Stage, ...] = get_args(Stage)
BYTES_PER_TOKEN = 4
# Ids, seed and keys of a record, and the copies of its text: shard, whole, journal.
BYTES_PER_RECORD = 250
NUM_COPIES = 3


class Rates(NamedTuple):
    """What one request costs, and what a job costs before its first."""

    prompt_tokens: float
    output_tokens: float
    gpu_seconds: float
    start_seconds: float
    certainty: CostCertainty


class PartCost(NamedTuple):
    """What one part of a run still costs; ``seconds_per_job`` are by the clock.

    The jobs of what rides in another part's are those of that part.
    """

    part: Part
    num_jobs: int
    num_requests: float
    num_prompt_tokens: float
    num_output_tokens: float
    gpu_hours: float
    seconds_per_job: float
    disk_gigabytes: float
    numbers: Certainty
    cost: CostCertainty


class Stale(NamedTuple):
    """The jobs to run by part, and how many outputs decisions will write.

    ``asked`` are the benchmarks and collections that a stale job asks for.
    """

    jobs: Counter[Part]
    num_decided: int
    asked: frozenset[Asked] = frozenset()


def read_stale(dry_run: str) -> Stale:
    """What `snakemake -n` says is to be done, by the outputs of each job.

    Not `--summary`: it takes what a killed job left behind for done.
    """
    head = "    output: "
    jobs = {line for line in dry_run.splitlines() if line.startswith(head)}
    parts: Counter[Part] = Counter()
    num_decided = 0
    asked: set[Asked | None] = set()
    for job in jobs:
        # A judge is a folder and a .json; benchmarks of a judge are asked together.
        outputs = {
            output.removeprefix("results/").partition(".json")[0]
            for output in job.removeprefix(head).split(", ")
        }
        found = {part for output in outputs if (part := find_part(output))}
        parts.update(found)
        num_decided += 0 if found else len(outputs)
        asked |= set(map(parse_asked, outputs))
    return Stale(parts, num_decided, frozenset(filter(None, asked)))


def find_part(path: str) -> Part | None:
    """The part of a loop or certificate that made a path; None if no model did."""
    return parse_certificate_part(path) or parse_part(path) or parse_panel_part(path)


class CostModel:
    """What requests cost, from ledgers by their path and from expectations."""

    def __init__(
        self,
        config: Mapping[str, Any],
        plan: Expectations,
        ledgers: Mapping[str, Iterable[Ledger]],
    ) -> None:
        self.config = config
        self.plan = plan
        self.lines: list[tuple[Part, Ledger]] = [
            (part, line)
            for path, lines in ledgers.items()
            if (part := find_part(path)) is not None
            for line in lines
            # One that did not end counts requests that it never came to.
            if line.finished
            and line.num_calls
            and line.engine in (self._engine_of(part), "trl")
        ]

    def rates(self, part: Part) -> Rates:
        """What a request of this part costs."""
        found = self._lines_of(part.stage)
        # Of members of a panel its own tell best, then those of the same engine.
        own = [line for other, line in found if member_of(other) == member_of(part)]
        alike = [line for other, line in found if self._is_alike(other, part)]
        if lines := own or alike:
            return self._with_start(part, measured_rates(lines))
        judged = [line for _, line in self._lines_of("judgments")]
        if part.stage in ("benchmark_judgments", "certificate") and judged:
            # By the same template, on other images.
            scaled = measured_rates(judged)._replace(certainty="scaled")
            return self._with_start(part, scaled)
        return self._guess(part)

    def _engine_of(self, part: Part) -> str:
        """The name of the engine that a part is asked with."""
        return str(engine_of(part, self.config)["name"])

    def _is_alike(self, one: Part, other: Part) -> bool:
        """Whether two parts of a stage cost alike: they have one engine."""
        return self._engine_of(one) == self._engine_of(other)

    def _with_start(self, part: Part, rates: Rates) -> Rates:
        """The rates of runs that found the model loaded, with what loading takes."""
        if rates.start_seconds:
            return rates
        asked = [line for _, line in self._asked_like(part)]
        return rates._replace(start_seconds=mean_start(asked))

    def _lines_of(self, stage: Stage) -> list[tuple[Part, Ledger]]:
        """The ledgers of a stage, each with its part."""
        return [(part, line) for part, line in self.lines if part.stage == stage]

    def _asked_like(self, part: Part) -> list[tuple[Part, Ledger]]:
        """The ledgers of stages that ask a model, with the engine of a part."""
        return [
            (other, line)
            for other, line in self.lines
            # Of checks no tokens are told.
            if other.stage not in (*TRAININGS, "checks") and self._is_alike(other, part)
        ]

    def _guess(self, part: Part) -> Rates:
        """The config's expectation; times the error that it had elsewhere."""
        plan = self.plan
        prompt_tokens, output_tokens = expected_tokens(part, plan)
        if part.stage == "reinforce":  # as training; writing besides
            tokens = prompt_tokens + output_tokens
            by_vllm = self.config["reinforce"]["vllm_gpu_memory_utilization"]
            writer = plan.speeds["vllm" if by_vllm else "transformers"]
            writing = writer.output_tokens_per_second
            seconds = tokens / plan.train_tokens_per_second + output_tokens / writing
            start = plan.start_seconds
            return Rates(prompt_tokens, output_tokens, seconds, start, "guessed")
        if part.stage in TRAININGS:
            seconds = prompt_tokens / plan.train_tokens_per_second
            start = plan.start_seconds
            return Rates(prompt_tokens, output_tokens, seconds, start, "guessed")
        speed = plan.speeds.get(self._engine_of(part))
        if speed is None:  # an engine without a model
            return Rates(prompt_tokens, output_tokens, 0.0, 0.0, "guessed")
        lines = [line for _, line in self._asked_like(part)]
        spent = sum(line.seconds * max(1, line.num_gpus) for line in lines)
        modelled = sum(
            seconds_at(speed, line.num_prompt_tokens, line.num_output_tokens)
            for line in lines
        )
        seconds = seconds_at(speed, prompt_tokens, output_tokens)
        start = plan.start_seconds
        if not modelled:
            return Rates(prompt_tokens, output_tokens, seconds, start, "guessed")
        start = mean_start(lines)
        seconds *= spent / modelled
        return Rates(prompt_tokens, output_tokens, seconds, start, "scaled")


def seconds_at(speed: Speed, prompt_tokens: float, output_tokens: float) -> float:
    """GPU seconds at a speed that the config expects of an engine."""
    reading = prompt_tokens / speed.prompt_tokens_per_second
    return reading + output_tokens / speed.output_tokens_per_second


def measured_rates(lines: Sequence[Ledger]) -> Rates:
    """What requests cost on average that the journal did not answer."""
    asked = sum(line.num_requests - line.num_from_journal for line in lines)
    return Rates(
        prompt_tokens=sum(line.num_prompt_tokens for line in lines) / asked,
        output_tokens=sum(line.num_output_tokens for line in lines) / asked,
        gpu_seconds=sum(line.seconds * max(1, line.num_gpus) for line in lines) / asked,
        start_seconds=mean_start(lines),
        certainty="measured",
    )


def mean_start(lines: Sequence[Ledger]) -> float:
    """The mean seconds of loading a model, over the runs that did."""
    seconds = [line.start_seconds for line in lines if line.start_seconds]
    return sum(seconds) / max(1, len(seconds))


def expected_tokens(part: Part, plan: Expectations) -> tuple[float, float]:
    """Prompt and output tokens of one request; of a row of training, all and
    supervised ones."""
    asked = plan.image_tokens + plan.question_tokens + plan.instruction_tokens
    if part.stage == "questions":
        return asked, plan.question_tokens
    if part.stage == "checks":  # a sentence, and no text
        return asked, 0.0
    if part.stage in ("answers", "responses", "answer_prompts", "answer_benchmark"):
        return asked, plan.response_tokens
    if part.stage == "rate_responses":
        return asked + plan.response_tokens, plan.rating_tokens
    if part.stage == "train_member":  # two texts a row
        return 2 * (asked + plan.response_tokens), 2 * plan.response_tokens
    if part.stage in ("alterations", "alter_again"):
        return asked + plan.response_tokens, plan.response_tokens
    asked += 2 * plan.response_tokens
    if part.stage == "train":
        return asked + plan.judgment_tokens, plan.judgment_tokens
    return asked, plan.judgment_tokens


def plan_rows(
    stale: Counter[Part], workload: Workload, costs: CostModel
) -> list[PartCost]:
    """What each part costs, in the order in which a run comes to them."""
    filters = [None, "base", *workload.config["filters"]]

    def rank(part: Part) -> tuple[int, int, int, str]:
        stage = STAGE_ORDER.index(part.stage)
        known = part.filter in filters  # a member of a panel comes last
        place = filters.index(part.filter) if known else len(filters)
        return part.iteration, stage, place, str(part)

    order = sorted(stale, key=rank)
    return [plan_row(part, stale[part], workload, costs) for part in order]


def plan_row(
    part: Part, num_jobs: int, workload: Workload, costs: CostModel
) -> PartCost:
    """What the stale jobs of one part cost; each shard has an equal share.

    What rides in the jobs of another part finds the model loaded.
    """
    config = workload.config
    trains = part.stage in TRAININGS
    is_panel = part.stage in PANEL_STAGES
    sections = {**RIDES, "answers": "questions", "checks": "responses"}
    if is_panel:
        name, requests = "panel", count_panel_requests(workload, part)
    elif is_of_certificate(part):
        name, requests = "certificate", count_certificate_requests(workload, part)
    else:
        name = sections.get(part.stage, str(part.stage))
        requests = workload.count_requests(part)
    num_shards = 1 if part.stage in WHOLE else config[name].get("shards", 1)
    number = requests.value * num_jobs / num_shards
    rates = costs.rates(part)
    if part.stage in RIDES:
        rates = rates._replace(start_seconds=0.0)
    gpus = gpus_of(part, config)
    seconds = number * rates.gpu_seconds / num_jobs / gpus + rates.start_seconds
    size = (
        number * NUM_COPIES * (rates.output_tokens * BYTES_PER_TOKEN + BYTES_PER_RECORD)
    )
    return PartCost(
        part=part,
        num_jobs=num_jobs,
        num_requests=number,
        num_prompt_tokens=number * rates.prompt_tokens,
        num_output_tokens=number * rates.output_tokens,
        gpu_hours=seconds * num_jobs * gpus / 3600,
        seconds_per_job=seconds,
        disk_gigabytes=workload.plan.judge_gigabytes if trains else size / 1e9,
        numbers=requests.certainty,
        cost=rates.certainty,
    )


def gpus_of(part: Part, config: Mapping[str, Any]) -> int:
    """The GPUs of one job, as the rules ask for them."""
    if part.stage == "reinforce":
        return 1
    engine = engine_of(part, config)
    if part.stage in TRAININGS:
        return int(config["train"]["gpus"])
    if engine["name"] == "vllm":
        return int(engine["vllm"]["tensor_parallel_size"])
    return 1


def total(rows: Sequence[PartCost]) -> dict[str, float]:
    """The sums of what adds up; a job counts once, whatever rides in it."""
    names = (
        *("num_jobs", "num_requests", "num_prompt_tokens", "num_output_tokens"),
        *("gpu_hours", "disk_gigabytes"),
    )
    sums = {name: sum(getattr(row, name) for row in rows) for name in names}
    riding = sum(row.num_jobs for row in rows if row.part.stage in RIDES)
    return sums | {"num_jobs": sums["num_jobs"] - riding}


def least_certain_of(rows: Sequence[PartCost]) -> tuple[Certainty, CostCertainty]:
    """The weakest ground that any row stands on."""
    return (
        max((row.numbers for row in rows), key=CERTAINTIES.index),
        max((row.cost for row in rows), key=COST_CERTAINTIES.index),
    )
