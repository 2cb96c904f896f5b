"""How judges are right by whether the planted language prior agrees with the truth.

Reads the scores of finished projects of the demo on their benchmark `vlrb`; prints a
line for each project, protocol, judge and group: the share of judgments, over both
orders, that prefer the better response where it has the more familiar words, where the
other has, and of how many pairs.

    PYTHONPATH=scripts python demo/measure_prior.py demo/seeds/base3_loop0
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from pretrain_tasks import familiarity
from selfjudge.benchmarks.scores import Scores
from selfjudge.benchmarks.votes import PairOutcome
from selfjudge.ground.lines import read_document, read_records
from selfjudge.ground.records import Pair
from selfjudge.run.commands import arguments, run
from selfjudge.run.config import read_config

Side = Literal["agrees", "opposed", "neither"]
PROTOCOLS = {"sampled": "paired", "greedy": "greedy"}  # and the folders of their scores


class Share(NamedTuple):
    """Of judgments of so many pairs, which share is right."""

    accuracy: float
    num_pairs: int


def side_of(pair: Pair) -> Side:
    """Whether the better response of a pair has the more familiar words."""
    gap = familiarity(pair.chosen) - familiarity(pair.rejected)
    return "agrees" if gap > 0 else "opposed" if gap < 0 else "neither"


def shares(
    pairs: dict[str, Pair], outcomes: Iterable[PairOutcome]
) -> dict[tuple[str, Side], Share]:
    """By group and side; of every pair as many judgments were asked for."""
    found: dict[tuple[str, Side], list[float]] = defaultdict(list)
    for outcome in outcomes:
        assert outcome.accuracy is not None, "these protocols decide every pair"
        place = outcome.group, side_of(pairs[outcome.pair_id])
        found[place].append(outcome.accuracy)
    return {
        place: Share(sum(told) / len(told), len(told))
        for place, told in sorted(found.items())
    }


def judges(project: Path) -> Iterator[tuple[str, Path]]:
    """The base model and the last judge of each filter, and where their scores lie."""
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
                scores = read_document(folder / part / "scores.json", Scores)
                for (group, side), share in shares(pairs, scores.outcomes).items():
                    print(
                        f"{project.name} {protocol:7} {name:12} {group:13} {side:8} "
                        f"{100 * share.accuracy:5.1f} % of {share.num_pairs} pairs"
                    )


if __name__ == "__main__":
    run(main)
