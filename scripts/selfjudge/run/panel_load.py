"""How much the stages of a panel have to do, as `workload` says it of the judge's loop.

A part's ``filter`` is its ballot and member, such as "informed/ada"; `base` are the
members as they came.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from selfjudge.ground.lines import read_json, read_lines
from selfjudge.ground.places import locate_member
from selfjudge.panel.ballots import BALLOTS
from selfjudge.panel.tournament import count_requests_each
from selfjudge.run.config import lay_over
from selfjudge.run.workload import Number, Part, Stage, Workload

# What the outputs of a stage are called, below the folder of a member.
NAMES: dict[str, Stage] = {
    "responses": "answer_prompts",
    "own_answers": "answer_prompts",
    "ratings": "rate_responses",
    "model": "train_member",
    "skills": "answer_benchmark",
}
PANEL_STAGES = frozenset(NAMES.values())


def parse_panel_part(path: str) -> Part | None:
    """The part that made a path below results; None if no member of a panel did."""
    place = locate_member(path)
    if place is None:
        return None
    name, *deeper = place.name.split("/")
    # skills.json is a decision's; the answers lie in a folder of that name.
    if name not in NAMES or (name != "model" and not deeper):
        return None
    return Part(NAMES[name], place.iteration, f"{place.ballot}/{place.member}")


def member_of(part: Part) -> str | None:
    """The member of a panel whose work a part is; None of the judge's loop."""
    return str(part.filter).split("/")[1] if part.stage in PANEL_STAGES else None


def engine_of(part: Part, config: Mapping[str, Any]) -> Any:
    """The engine settings by which a part is asked: a member may have its own."""
    own = config["panel"]["members"].get(member_of(part), {})
    return lay_over(config["engine"], own.get("engine", {}))


def count_panel_requests(work: Workload, part: Part) -> Number:
    """Requests of all shards of a part; of a training, pairs times epochs."""
    panel = work.config["panel"]
    if part.stage == "answer_benchmark":
        questions = count_questions(work)
        return questions._replace(
            value=questions.value * (panel["skills"]["num_samples"] + 1)
        )
    prompts = Number(
        work.config["pool"]["prompts_per_iteration"],
        "counted" if work.count_unused() is not None else "guessed",
    )
    if part.stage == "answer_prompts":
        # One more, greedily.
        samples = panel["responses"]["num_samples"] + 1
        return prompts._replace(value=prompts.value * samples)
    if part.stage == "rate_responses":
        return count_ratings(work, part, prompts)
    pairs = count_pairs(work, part, prompts)
    return pairs._replace(value=pairs.value * panel["train"]["num_epochs"])


def count_questions(work: Workload) -> Number:
    """The questions by which members are measured."""
    path = work.results / "panel" / "skills.jsonl"
    if not path.is_file():
        path = work.project / work.config["panel"]["skills"]["path"]
    if not path.is_file():
        return Number(0.0, "guessed")
    return Number(sum(1 for _ in read_lines(path)), "counted")


def count_ratings(work: Workload, part: Part, prompts: Number) -> Number:
    """Different texts to rate: counted once they are listed."""
    ballot, member = str(part.filter).split("/")
    panel = work.config["panel"]
    is_judge = panel["members"][member].get("scores_only", False)
    if panel["ratings"]["mode"] == "relative" and not is_judge:
        return prompts  # all texts of a prompt at once
    # A judge is asked for each text and each of its opponents.
    times = count_requests_each(panel["ratings"]["num_opponents"]) if is_judge else 1
    folder = work.results / "panel" / f"iter{part.iteration}" / ballot / "candidates"
    spec = BALLOTS.get(ballot)
    answering = [
        name
        for name, own in panel["members"].items()
        if not own.get("scores_only", False)
    ]
    share = times / (len(answering) if spec and spec.voters == "self" else 1)
    files = list(folder.glob("*.jsonl"))
    if len(files) == panel["shards"]:
        listed = sum(1 for path in files for _ in read_lines(path))
        return Number(listed * share, "counted")
    texts = prompts.value * panel["responses"]["num_samples"] * len(answering)
    return Number(texts * work.plan.different_rate * share, "guessed")


def count_pairs(work: Workload, part: Part, prompts: Number) -> Number:
    """The preferences that a member learns from: of its report, or by others' rates."""
    ballot, member = str(part.filter).split("/")
    rates: list[float] = []
    for path in sorted(
        (work.results / "panel").glob(f"iter*/{ballot}/panel_report.json")
    ):
        report = read_json(path)
        found = report["for_member"].get("all") or report["for_member"].get(member, 0)
        if path.parts[-3] == f"iter{part.iteration}":
            return Number(found, "counted")
        rates.append(found / max(1, report["num_prompts"]))
    if rates:
        return Number(prompts.value * sum(rates) / len(rates), "measured")
    return Number(prompts.value * work.plan.preference_rate, "guessed")


def panel_waits_for(later: Part, earlier: Part, ballots: Sequence[str]) -> bool:
    """Whether jobs of one part of a panel need what those of another write.

    ``ballots`` are those configured: what a drawn one learns from is cut to as many
    as the first of them that rates.
    """
    if not {later.stage, earlier.stage} <= PANEL_STAGES:
        return False
    ballot, _ = str(later.filter).split("/")
    other, _ = str(earlier.filter).split("/")
    # At iteration 1 every ballot counts what the members as they came said.
    shared = other == "base" and earlier.iteration == later.iteration == 1
    match later.stage, earlier.stage:
        case "rate_responses", "answer_prompts":
            return ballot == other and later.iteration == earlier.iteration
        case "train_member", ("rate_responses" | "answer_prompts"):
            counts = ballot == other
            if ballot in BALLOTS and BALLOTS[ballot].voters == "nobody":
                rated = (name for name in ballots if BALLOTS[name].wording)
                counts = other in (ballot, next(rated, None))
            return (counts and later.iteration == earlier.iteration) or shared
        case (("answer_prompts" | "rate_responses" | "train_member"), "train_member"):
            before = later.iteration == earlier.iteration + 1
            return before and later.filter == earlier.filter
        case "answer_benchmark", "train_member":
            return later[1:] == earlier[1:]
    return False
