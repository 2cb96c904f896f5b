"""How judges are right by whether the planted language prior agrees with the truth.

Reads what finished projects of the demo were asked on their benchmark `vlrb`; prints a
line for each project, protocol, judge and group: the share of judgments, over both
orders, that prefer the better response where it has the more familiar words, where the
other has, and of how many pairs.

    PYTHONPATH=scripts python demo/measure_prior.py demo/seeds/base3_loop0
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from pretrain_tasks import familiarity
from selfjudge.ground.lines import read_records
from selfjudge.ground.records import Judgment, Pair
from selfjudge.judging.verdicts import parse_verdict, prefers_chosen
from selfjudge.run.commands import arguments, run
from selfjudge.run.config import read_config

Side = Literal["agrees", "opposed", "neither"]
PROTOCOLS = {"sampled": "paired", "greedy": "greedy"}  # and the folders of their asks


class Share(NamedTuple):
    """Of judgments of some pairs, how many are right."""

    num_right: int
    num_judgments: int
    num_pairs: int


def side_of(pair: Pair) -> Side:
    """Whether the better response of a pair has the more familiar words."""
    gap = familiarity(pair.chosen) - familiarity(pair.rejected)
    return "agrees" if gap > 0 else "opposed" if gap < 0 else "neither"


def shares(
    pairs: dict[str, Pair], judgments: Iterator[Judgment]
) -> dict[tuple[str, Side], Share]:
    """By group and side; an unparsed judgment is not right."""
    right: dict[tuple[str, Side], list[bool]] = defaultdict(list)
    asked: dict[tuple[str, Side], set[str]] = defaultdict(set)
    for judgment in judgments:
        pair = pairs[judgment.pair_id]
        place = pair.category or "", side_of(pair)
        verdict = parse_verdict(judgment.text)
        right[place].append(bool(prefers_chosen(verdict, judgment.order)))
        asked[place].add(pair.id)
    return {
        place: Share(sum(found), len(found), len(asked[place]))
        for place, found in sorted(right.items())
    }


def judges(project: Path) -> Iterator[tuple[str, Path]]:
    """The base model and the last judge of each filter, and where their asks lie."""
    config = read_config(project)
    yield "base", project / "results/iter0/base/vlrb"
    for name in config["filters"]:
        yield name, project / f"results/iter{config['iterations']}/{name}/vlrb"


def main() -> None:
    """Read, count, print."""
    parser = arguments(__doc__)
    parser.add_argument("projects", type=Path, nargs="+")
    for project in parser.parse_args().projects:
        path = project / "results/benchmarks/vlrb.jsonl"
        pairs = {pair.id: pair for pair in read_records(path, Pair)}
        for name, folder in judges(project):
            for protocol, part in PROTOCOLS.items():
                judgments = read_records(folder / part / "judgments.jsonl", Judgment)
                for (group, side), share in shares(pairs, judgments).items():
                    percent = 100 * share.num_right / share.num_judgments
                    print(
                        f"{project.name} {protocol:7} {name:12} {group:13} {side:8} "
                        f"{percent:5.1f} % of {share.num_pairs} pairs"
                    )


if __name__ == "__main__":
    run(main)
