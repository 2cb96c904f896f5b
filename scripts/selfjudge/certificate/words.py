"""A certificate in sentences, made by rules from its figures.

A rule speaks of an interval, not of a value.  Where an interval is too wide to say
either, the sentence says so, and how many pairs would settle it: that something is not
seen clears nobody.
"""

from collections.abc import Iterator, Sequence
from math import ceil, log, log10
from typing import Literal

from selfjudge.certificate.calibration import CONFIDENCE, Abstention
from selfjudge.certificate.figures import Figure, Section, What

COIN = 0.5
FEW_PAIRS = 30  # of a kind of error, of which nothing is said
# A kind of error is said to be found where its interval lies above the coin, and to be
# relied on where it lies above this.
RELIABLE = 0.7
HARM = 0.05  # a difference that matters, either way
MOST_NEEDED = 100_000  # pairs; what lies so near the harm is settled by no pool

# Whether an interval lies beyond the harm, short of it, or over it.
Finding = Literal["harmed", "clear", "open"]


def say(figures: Sequence[Figure], abstentions: Sequence[Abstention]) -> str:
    """What may be asked of a judge on these pictures, and what not."""
    known = {(one.section, one.what): one for one in figures}
    parts = (
        say_sees(figures),
        say_unparsed(known),
        say_looks(known),
        say_consistent(known),
        say_led(figures),
        say_fair(figures),
        say_knows(abstentions),
    )
    return " ".join(sentence for part in parts for sentence in part)


Known = dict[tuple[Section, What], Figure]


def percent(share: float | None) -> str:
    """A share in percent, without a digit after the point."""
    return "-" if share is None else f"{round(100 * share)}"


def span(figure: Figure) -> str:
    """A share in percent, its interval and number of pairs."""
    return f"{percent(figure.value)} % ({ends(figure)}; {figure.num_pairs} pairs)"


def ends(figure: Figure) -> str:
    """The ends of an interval in percent."""
    return f"{percent(figure.low)} to {percent(figure.high)}"


def say_sees(figures: Sequence[Figure]) -> Iterator[str]:
    """How often it is right, beside the base model; which errors it finds."""
    (whole,) = (one for one in figures if one.what == "all")
    if whole.value is None or whole.low is None:
        yield "There is no held-out pair: nothing can be said."
        return
    beside = ""
    if whole.base_value is not None:
        beside = f"; the base model {percent(whole.base_value)} %"
    yield f"It tells the better response on {span(whole)}{beside}."
    if is_below(whole, COIN):
        yield "That is right less often than a coin: ask it nothing yet."
        return
    if whole.low <= COIN:
        yield "That is not told from a coin: ask it nothing yet."
        return
    kinds = [one for one in figures if one.what == "kind"]
    many = [one for one in kinds if one.num_pairs >= FEW_PAIRS]
    few = [one for one in kinds if one.num_pairs < FEW_PAIRS]
    found = [one for one in many if (one.low or 0) > RELIABLE]
    wrong = [one for one in many if is_below(one, COIN)]
    lost = [
        one
        for one in many
        if one.low is not None and one.low <= COIN and not is_below(one, COIN)
    ]
    if found:
        yield f"It may be asked about: {name_all(found)}."
    if lost:
        yield f"Not told from a coin, so do not rely on it there: {name_all(lost)}."
    if wrong:
        yield (
            "Right less often than a coin, so do not rely on it there: "
            f"{name_all(wrong)}."
        )
    if few:
        yield f"Of too few pairs to say anything: {name_all(few)}."


def is_below(figure: Figure, value: float) -> bool:
    """Whether the whole interval of a figure lies below a value."""
    return figure.high is not None and figure.high < value


def say_unparsed(known: Known) -> Iterator[str]:
    """How many judgments come to nothing, if any does."""
    unparsed = known["sees", "unparsed"]
    if unparsed.value:
        yield (
            f"It states no verdict in {100 * unparsed.value:.3g} % of judgments, and "
            "is wrong there. What leads it is told of pairs with a verdict in both "
            "orders; how sure it is, of all, by the weights of both letters."
        )


def name_all(figures: Sequence[Figure]) -> str:
    """The names of figures with value and number of pairs."""
    return ", ".join(
        f"{one.name} ({percent(one.value)} % of {one.num_pairs})" for one in figures
    )


def say_looks(known: Known) -> Iterator[str]:
    """Whether it needs the picture."""
    gap, blind = known["looks", "gap"], known["looks", "grey"]
    if gap.value is None or gap.low is None:
        yield "Whether it looks was not tried."
    elif gap.low > 0:
        yield (
            f"It looks: with a grey picture it is right on {span(blind)}, "
            f"{percent(gap.value)} points less."
        )
    elif is_below(gap, 0):
        yield (
            f"It does better without the picture: with a grey picture it is right on "
            f"{span(blind)}, {percent(-gap.value)} points more."
        )
    else:
        yield (
            f"That it looks is not shown: with a grey picture it is right on "
            f"{span(blind)}, which is not told from what it does with the picture."
        )


def say_consistent(known: Known) -> Iterator[str]:
    """Whether both orders agree, beside how often it agrees with itself anyway."""
    both, again = known["consistent", "orders"], known["consistent", "again"]
    if both.value is not None:
        yield f"Both orders prefer the same response on {span(both)}."
    if again.value is not None:
        yield f"Asked again, it says the same on {span(again)}."


def say_led(figures: Sequence[Figure]) -> Iterator[str]:
    """What moves it that should not, what does not, and what the pairs leave open."""
    led = [one for one in figures if one.section == "led"]
    for one in led:
        if find(one) == "harmed":
            yield f"It is led: {say_size(one)}."
    clear = [one for one in led if find(one) == "clear"]
    if clear:
        named = "; ".join(map(say_size, clear))
        yield f"It is not led by {percent(HARM)} points or more: {named}."
    still = [one for one in led if find(one) == "open"]
    if still:
        named = "; ".join(f"{say_size(one)}, {say_need(one)}" for one in still)
        yield f"Not settled is whether it is led by {percent(HARM)} points: {named}."


def say_size(figure: Figure) -> str:
    """A figure of what leads a judge: name, value, interval and number of pairs."""
    if figure.value is None:
        return figure.name
    unit = " %, fair is 50" if fair_value(figure) else " points"
    size = f"{percent(figure.value)}{unit}"
    return f"{figure.name}: {size} ({ends(figure)}; {figure.num_pairs} pairs)"


def fair_value(figure: Figure) -> float:
    """What a figure is of a judge, or of pairs, with whom nothing is wrong."""
    is_difference = figure.section == "led" and figure.what != "style"
    return 0.0 if is_difference else COIN


def find(figure: Figure) -> Finding:
    """Whether an interval lies wholly beyond the harm, wholly within it, or neither.

    Words that tell pairs are told on pairs that they were not fitted on: where nothing
    leaks they may be right on fewer than half, which is no harm.  Of pairs any leak is
    one, of a judge only what is more than the harm that is stated.
    """
    if figure.low is None or figure.high is None:
        return "open"
    low, high = (end - fair_value(figure) for end in (figure.low, figure.high))
    is_of_pairs, is_fitted = figure.section == "fair", figure.what == "words"
    least = 0.0 if is_of_pairs else HARM
    if low > least or (high < -least and not is_fitted):
        return "harmed"
    return "clear" if high < HARM and (low > -HARM or is_fitted) else "open"


def say_need(figure: Figure) -> str:
    """How many pairs would settle what an interval leaves open."""
    if figure.value is None:
        return "of no pair there are verdicts to tell it by"
    needed = count_needed(figure)
    if needed is None:
        return f"too near {percent(HARM)} points for any number of pairs to tell"
    return f"about {needed} would tell if that stays"


def count_needed(figure: Figure) -> int | None:
    """The pairs with which an interval about the same value would lie on one side.

    An interval is half as wide with four times as many.  Two digits; None where it
    would be more than `MOST_NEEDED`, or where there is no value yet.
    """
    if figure.value is None or figure.low is None or figure.high is None:
        return None
    off = figure.value - fair_value(figure)
    off = off if figure.what == "words" else abs(off)
    # From the value to where the interval's end must lie: of pairs either end will do.
    room = max(off, HARM - off) if figure.section == "fair" else abs(off - HARM)
    ends_off = abs(figure.low - figure.value), abs(figure.high - figure.value)
    if figure.num_pairs * max(ends_off) ** 2 >= MOST_NEEDED * room**2:
        return None
    needed = max(figure.num_pairs + 1, figure.num_pairs * (max(ends_off) / room) ** 2)
    unit: int = 10 ** max(0, int(log10(needed)) - 1)
    return ceil(needed / unit) * unit


def say_fair(figures: Sequence[Figure]) -> Iterator[str]:
    """What tells the pairs apart without the picture, if anything does."""
    fair = [one for one in figures if one.section == "fair" and one.what != "part"]
    for one in fair:
        if find(one) == "harmed":
            yield (
                f"The pairs leak: {one.name} tells {span(one)}, so as much can be "
                "learned without looking."
            )
    still = [one for one in fair if find(one) == "open"]
    if still:
        named = "; ".join(
            f"{one.name} tells {span(one)}, {say_need(one)}" for one in still
        )
        yield f"Not settled is whether the pairs leak: {named}."


def say_knows(abstentions: Sequence[Abstention]) -> Iterator[str]:
    """How much it answers if it is to be right."""
    for one in abstentions:
        if one.answered_rate:
            yield (
                f"If {percent(one.target)} % of its answers are to be right, it "
                f"answers {percent(one.answered_rate)} % of pairs."
            )
            return
    target = min(one.target for one in abstentions)
    number, least = abstentions[0].num_pairs, least_promising(target)
    if number < least:
        yield (
            f"Too few pairs to promise that it is right on {percent(target)} %: "
            f"{number}, and without a fault it would take {least}."
        )
    else:
        yield (
            f"No limit on how sure it is keeps it right on {percent(target)} %: "
            "hear it, do not obey it."
        )


def least_promising(target: float) -> int:
    """The fewest answered pairs that promise a share right: all of them are."""
    return ceil(log(1 - CONFIDENCE) / log(target))
