"""Put runs of the tiny panel beside goals that were fixed before the first of them.

Reads results/panel/iter3/skills.json of each seed's project directory; prints, as means
over the seeds, what each ballot did to the members and to the skills that they lack,
and which goals are reached.  Figures are of greedy answers unless marked.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from panel_lessons import LACKING

# Of the issue that this demo answers.
MEAN_GAIN = 0.03  # of the three members' accuracy on all questions, under `informed`
GAP_CLOSED = 0.5  # of a lacking skill's gap to the best member that has it
LARGEST_LOSS = 0.02  # of any member on all questions
# Milder ones, of the study before it.
SKILL_GAIN, NUM_SKILLS = 0.05, 2  # in so many lacking skills, and more than `self`
MILD_LOSS = 0.05


class Run(NamedTuple):
    """The rows of one seed: accuracies by ballot, member, group and decoding."""

    found: dict[tuple[str, str, str, str], float]

    def accuracy(
        self, ballot: str, member: str, group: str, decoding: str = "greedy"
    ) -> float:
        """The accuracy of a member; ``base`` is the ballot of iteration 0."""
        return self.found[ballot, member, group, decoding]

    def gain(
        self, ballot: str, member: str, group: str, decoding: str = "greedy"
    ) -> float:
        """By how much a member's accuracy is above that of iteration 0."""
        after = self.accuracy(ballot, member, group, decoding)
        return after - self.accuracy("base", member, group, decoding)

    def gap(self, ballot: str, member: str) -> float:
        """By how much a member is below the best other in the skill that it lacks.

        The best other is as it came, whatever the ballot.
        """
        skill = LACKING[member]
        best = max(self.accuracy("base", m, skill) for m in LACKING if m != member)
        return best - self.accuracy(ballot, member, skill)


def read_run(folder: Path) -> Run:
    """The accuracies of a project directory."""
    path = folder / "results" / "panel" / "iter3" / "skills.json"
    rows: list[dict[str, Any]] = json.loads(path.read_text())["members"]
    return Run(
        {
            (row["ballot"], row["member"], row["group"], row["decoding"]): row[
                "accuracy"
            ]
            for row in rows
        }
    )


def mean_gain(run: Run, ballot: str, decoding: str = "greedy") -> float:
    """The mean gain of the members on all questions."""
    return fmean(run.gain(ballot, member, "overall", decoding) for member in LACKING)


# What a goal asks, what was seen, and whether it is reached.
Goal = tuple[str, str, bool]


def mean_of(runs: list[Run], of: Callable[[Run], float]) -> float:
    """The mean over seeds."""
    return fmean(map(of, runs))


def check_goals(runs: list[Run], ballots: list[str]) -> list[Goal]:
    """Each goal, on the mean of seeds."""
    goals: list[Goal] = []
    for ballot in (name for name in ("informed", "peers") if name in ballots):
        goals += check_gain(runs, ballot)
        goals += check_losses(runs, ballot)
        goals += check_controls(runs, ballot, ballots)
    if "random" in ballots:
        fall = mean_of(runs, lambda run: mean_gain(run, "random"))
        goals.append(("random falls", f"{fall:+.3f}", fall < 0))
    return goals


def check_gain(runs: list[Run], ballot: str) -> Iterator[Goal]:
    """What the members gain, and how much of its lacking skill each regains."""
    gain = mean_of(runs, lambda run: mean_gain(run, ballot))
    asked = f"{ballot}: mean gain at least {MEAN_GAIN}"
    yield asked, f"{gain:+.3f}", gain >= MEAN_GAIN
    for member, skill in LACKING.items():
        start = mean_of(runs, lambda run, m=member: run.gap("base", m))
        end = mean_of(runs, lambda run, m=member: run.gap(ballot, m))
        closed = 1 - end / start
        asked = f"{ballot}: {member} regains {GAP_CLOSED} of its gap in {skill}"
        yield asked, f"{closed:.2f} of {start:.2f}", closed >= GAP_CLOSED


def check_losses(runs: list[Run], ballot: str) -> Iterator[Goal]:
    """What the member loses that loses most."""
    gains = {
        m: mean_of(runs, lambda run, m=m: run.gain(ballot, m, "overall"))
        for m in LACKING
    }
    worst = min(gains, key=lambda m: gains[m])
    for limit in (LARGEST_LOSS, MILD_LOSS):
        asked = f"{ballot}: no member loses more than {limit}"
        yield asked, f"{worst} {gains[worst]:+.3f}", gains[worst] >= -limit


def check_controls(runs: list[Run], ballot: str, ballots: list[str]) -> Iterator[Goal]:
    """Whether a ballot is above those that it is to beat."""
    gain = mean_of(runs, lambda run: mean_gain(run, ballot))
    for other in (name for name in ("self", "random") if name in ballots):
        rest = mean_of(runs, lambda run, o=other: mean_gain(run, o))
        yield f"{ballot}: above {other}", f"{gain:+.3f}, {rest:+.3f}", gain > rest
    if "self" not in ballots:
        return
    own, alone = (
        {
            m: mean_of(runs, lambda run, b=b, m=m, s=skill: run.gain(b, m, s))
            for m, skill in LACKING.items()
        }
        for b in (ballot, "self")
    )
    num_risen = sum(own[m] >= SKILL_GAIN and own[m] > alone[m] for m in LACKING)
    yield (
        f"{ballot}: {NUM_SKILLS} lacking skills rise by {SKILL_GAIN}, and more than "
        "under self",
        ", ".join(f"{m} {rise:+.2f}" for m, rise in own.items()),
        num_risen >= NUM_SKILLS,
    )


def print_table(runs: list[Run], ballots: list[str]) -> None:
    """A line a ballot: gains by seed, and the lacking skills' accuracy."""
    print(f"{'ballot':14} greedy gain by seed    sampled   lacking skills (mean)")
    starts = [
        f"{skill} ({m}) {fmean(r.accuracy('base', m, skill) for r in runs):.2f}"
        for m, skill in LACKING.items()
    ]
    print(f"{'as they came':14} {'':30} {', '.join(starts)}")
    for ballot in ballots:
        gains = " ".join(f"{mean_gain(run, ballot):+.3f}" for run in runs)
        sampled = fmean(mean_gain(run, ballot, "sampled") for run in runs)
        ends = [
            f"{skill} ({m}) {fmean(r.accuracy(ballot, m, skill) for r in runs):.2f}"
            for m, skill in LACKING.items()
        ]
        print(f"{ballot:14} {gains:22} {sampled:+.3f}   {', '.join(ends)}")
        for member in LACKING:
            each = " ".join(
                f"{run.gain(ballot, member, 'overall'):+.3f}" for run in runs
            )
            print(f"    {member:10} {each}")


def main() -> None:
    """Print the table and the goals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("projects", type=Path, nargs="+", help="a directory each seed")
    options = parser.parse_args()
    runs = [read_run(folder) for folder in options.projects]
    ballots = list(dict.fromkeys(key[0] for key in runs[0].found if key[0] != "base"))
    print_table(runs, ballots)
    print(f"\ngoals, on the mean of {len(runs)} seeds")
    for goal, seen, reached in check_goals(runs, ballots):
        print(f"  {'reached' if reached else 'MISSED ':8} {goal}: {seen}")


if __name__ == "__main__":
    main()
