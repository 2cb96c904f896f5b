"""How much certificates have to do, as `workload` says it of the judge's loop.

What the base model does about held-out prompts, before any judge, is of iteration 0 and
of no filter: `OF_HELD_OUT` stands for it.
"""

from collections import Counter

from selfjudge.certificate.severity import NUM_ROUNDS, rewritten
from selfjudge.certificate.variants import count_asks
from selfjudge.ground.lines import read_json, read_records
from selfjudge.ground.places import locate
from selfjudge.ground.records import ORDERS, Pair, Prompt
from selfjudge.pairs.checks import SIDES
from selfjudge.run.pool_size import count_held_out
from selfjudge.run.workload import Number, Part, Stage, Workload

OF_HELD_OUT = "held-out"  # no source or filter can be called so
# What is asked of the base model there, by the names of its files.
NAMES: dict[str, Stage] = {
    "responses": "responses",
    "altered": "alterations",
    "checks": "checks",
    "altered_again": "alter_again",
}


def parse_certificate_part(path: str) -> Part | None:
    """The part that made a path below results; None if it is of no certificate."""
    match path.split("/"):
        case ["certificate", name, _] if name in NAMES:
            return Part(NAMES[name], 0, OF_HELD_OUT)
    located = locate(path)
    if located is None or located.shard is None or not located.place.filter:
        return None
    place = located.place
    if "certificate" not in (located.name, place.benchmark):
        return None
    return Part("certificate", place.iteration, place.filter)


def is_of_certificate(part: Part) -> bool:
    """Whether a part is of a certificate, and not of the loop."""
    return part.stage == "certificate" or part.filter == OF_HELD_OUT


def count_certificate_requests(work: Workload, part: Part) -> Number:
    """Requests of all shards of a part."""
    if part.stage == "certificate":
        return count_judged(work)
    if part.stage == "alter_again":
        return count_larger_errors(work)
    closed, opened = count_prompts(work)
    if part.stage == "responses":
        return work.count_responses(closed, opened)
    if part.stage == "checks":  # about both texts
        return opened._replace(value=len(SIDES) * opened.value)
    return opened


def count_prompts(work: Workload) -> tuple[Number, Number]:
    """Closed and open prompts that are held out."""
    path = work.results / "certificate" / "prompts.jsonl"
    if path.is_file():
        kinds = Counter(prompt.kind for prompt in read_records(path, Prompt))
        return Number(kinds["closed"], "counted"), Number(kinds["open"], "counted")
    number = count_held_out(work.project, work.config, work.pool)
    closed = number * work.plan.closed_rate
    return Number(closed, "guessed"), Number(number - closed, "guessed")


def count_larger_errors(work: Workload) -> Number:
    """Rewrites of rewrites: to each one with a second error, and one with a third."""
    path = work.results / "certificate" / "pairs.jsonl"
    if path.is_file():
        number = sum(1 for _ in rewritten(read_records(path, Pair)))
        return Number(NUM_ROUNDS * number, "counted")
    _, opened = count_prompts(work)
    return Number(NUM_ROUNDS * opened.value * work.plan.open_pair_rate, "guessed")


def count_judged(work: Workload) -> Number:
    """Judgments of held-out pairs and their variants, and verdicts to weigh.

    Until they are there every variant is expected of as many pairs as may be.
    """
    path = work.results / "certificate" / "variants" / "report.json"
    if path.is_file():
        counts = read_json(path)["num_by_variant"]
        number = sum(counts.values()) + counts["original"]
        return Number(len(ORDERS) * number, "counted")
    closed, opened = count_prompts(work)
    num_pairs = closed.value * work.plan.closed_pair_rate
    num_pairs += opened.value * work.plan.open_pair_rate
    each = min(num_pairs, work.config["certificate"]["num_variant_pairs"])
    return Number(count_asks(num_pairs, each), "guessed")


def certificate_waits_for(later: Part, earlier: Part) -> bool:
    """Whether jobs of one part, of a certificate, need what those of another write."""
    match later.stage, earlier.stage:
        case "certificate", ("train" | "reinforce"):
            return later[1:] == earlier[1:]
        case "responses", ("questions" | "answers"):
            return True
        case (
            ("certificate", _)
            | ("checks", "responses")
            | ("alter_again", ("responses" | "checks"))
        ):
            return earlier.filter == OF_HELD_OUT
    return False
