"""What the judgments of one pair come to under a protocol."""

from collections.abc import Sequence
from random import Random
from typing import Literal, NamedTuple

from selfjudge.benchmarks.protocols import Protocol
from selfjudge.ground.records import BenchmarkRow, Judgment, Order, Pair, Record
from selfjudge.judging.asks import release_order

BaselineName = Literal["coin", "always_first", "longer_response", "ignores_criterion"]
OVERALL = "overall"
# Rows over several criteria of a prompt: prompts with all right; prompts whose labels
# conflict, and the judge tells criteria apart; conflicts with both right.
CRITERIA_ROWS = ("all_criteria", "tradeoffs", "conflicts")
# Multimodal RewardBench, 2_get_accuracy.py at b4b92cd, lines 13-23.
COIN_SEED = 123


class PairOutcome(Record, frozen=True, kw_only=True):
    """What the judgments of one pair came to.

    ``accuracy`` is the share that prefers the chosen response (of those with a
    verdict, where the others are left out), or 1 or 0 where the protocol decides the
    pair as a whole; None if it leaves it undecided.
    ``agreement`` is the share of samples that prefer the same response in both
    orders; None where no sample has both.  The counts are of the judgments that
    the protocol looks at; ``num_first`` prefer the response that stands first.
    """

    pair_id: str
    prompt_id: str
    group: str
    split: str
    num_judgments: int
    num_unparsed: int
    num_first: int
    accuracy: float | None
    agreement: float | None


class Vote(NamedTuple):
    """One judgment, read: whether it prefers chosen, None if it is unparsed."""

    order: Order
    sample: int
    preference: bool | None


def new_coin() -> Random:
    """The stream of coins for one scoring: unparsed judgments in release order."""
    return Random(COIN_SEED)


def cast_votes(judgments: Sequence[Judgment], protocol: Protocol) -> list[Vote]:
    """The judgments as the protocol's parser reads them.

    A judgment that was cut off is unparsed, whoever's parser it is.  The authors'
    scripts read whatever text they have, but the limit that cut it is ours: what
    stands before the cut may be a draft, or an echo of the instruction.
    """
    return [
        Vote(
            judgment.order,
            judgment.sample,
            None
            if judgment.finish_reason == "length"
            else protocol.read(judgment.text, judgment.order),
        )
        for judgment in judgments
    ]


def select_votes(
    pair: Pair, row: BenchmarkRow, votes: Sequence[Vote], protocol: Protocol
) -> list[Vote]:
    """The votes that count, once they are known to be complete."""
    if protocol.order == "both":
        check_both_orders(pair, votes)
    else:
        check_official(pair, row, votes, protocol)
    return list(votes)


def check_both_orders(pair: Pair, votes: Sequence[Vote]) -> None:
    """Check that every sample was judged once in each order."""
    places = [(vote.order, vote.sample) for vote in votes]
    for place in places:
        if places.count(place) > 1:
            raise ValueError(f"pair {pair.id}: judged twice as {place}")
    samples = {vote.sample for vote in votes}
    if not samples or len(places) != 2 * len(samples):
        raise ValueError(
            f"pair {pair.id}: every sample must have both orders "
            f"(got {sorted(places)}). Hint: judgments of the collection "
            "'official' are not in both orders."
        )


def check_official(
    pair: Pair, row: BenchmarkRow, votes: Sequence[Vote], protocol: Protocol
) -> None:
    """Check that the votes are of the `official` collection, and complete."""
    samples = [vote.sample for vote in votes]
    if not samples or len(set(samples)) != len(samples):
        raise ValueError(
            f"pair {pair.id}: every sample must have one judgment (got the samples "
            f"{samples}). Hint: judgments of the collection 'paired' cannot be "
            f"scored under '{protocol.name}'."
        )
    if protocol.order == "random" and len(samples) % 2 == 0:
        raise ValueError(
            f"pair {pair.id}: the number of votes must be odd (got {len(samples)}): "
            "an even number can tie."
        )
    if protocol.order == "release":
        orders = [vote.order for vote in votes]
        if orders != [release_order(row)]:
            raise ValueError(
                f"pair {pair.id}: must have one judgment, in the order of the release, "
                f"{release_order(row)!r} (got {orders})"
            )


def settle(
    pair: Pair,
    row: BenchmarkRow,
    votes: Sequence[Vote],
    protocol: Protocol,
    coin: Random,
) -> PairOutcome:
    """The outcome that selected votes come to."""
    group = pair.category or OVERALL
    if protocol.order == "release":
        accuracy: float | None = single(votes[0], protocol, coin)
    elif protocol.order == "random":
        accuracy = strict_majority(votes)
    else:
        accuracy = mean_share(votes, protocol)
    return PairOutcome(
        pair_id=pair.id,
        prompt_id=pair.prompt_id,
        group=group,
        split=row.split if protocol.splits else group,
        num_judgments=len(votes),
        num_unparsed=sum(vote.preference is None for vote in votes),
        num_first=sum(prefers_first(vote) is True for vote in votes),
        accuracy=accuracy,
        agreement=agreement_of(votes) if protocol.order == "both" else None,
    )


def mean_share(votes: Sequence[Vote], protocol: Protocol) -> float | None:
    """The share of votes that prefer chosen; an unparsed one is wrong, or left out."""
    if protocol.unparsed == "left_out":
        votes = [vote for vote in votes if vote.preference is not None]
    right = sum(vote.preference is True for vote in votes)
    return right / len(votes) if votes else None


def strict_majority(votes: Sequence[Vote]) -> float | None:
    """1 or 0 if more than half of all votes, unparsed included, say so, else None."""
    for preference in (True, False):
        if 2 * sum(vote.preference is preference for vote in votes) > len(votes):
            return float(preference)
    return None


def single(vote: Vote, protocol: Protocol, coin: Random) -> float:
    """1 or 0 by one vote; an unparsed one counts as the protocol says."""
    if vote.preference is not None:
        return float(vote.preference)
    if protocol.unparsed == "wrong":
        return 0.0
    return float((coin.random() < 0.5) == (vote.order == "chosen_first"))


def agreement_of(votes: Sequence[Vote]) -> float:
    """The share of samples that prefer the same response in both orders."""
    by_place = {(vote.order, vote.sample): vote.preference for vote in votes}
    samples = {vote.sample for vote in votes}
    agreeing = sum(
        by_place["chosen_first", sample] is not None
        and by_place["chosen_first", sample] == by_place["rejected_first", sample]
        for sample in samples
    )
    return agreeing / len(samples)


def prefers_first(vote: Vote) -> bool | None:
    """Whether a vote prefers the response that stands first, None if unparsed."""
    if vote.preference is None:
        return None
    return vote.preference == (vote.order == "chosen_first")


def always_first(vote: Vote) -> Vote:
    """The vote of a judge that prefers the response that stands first."""
    return vote._replace(preference=vote.order == "chosen_first")


def longer_response(pair: Pair, vote: Vote) -> Vote:
    """The vote of a judge that prefers more characters, or else the first."""
    if len(pair.chosen) == len(pair.rejected):
        return always_first(vote)
    return vote._replace(preference=len(pair.chosen) > len(pair.rejected))
