"""A certificate in sentences, made by rules from its figures.

A rule speaks of an interval, not of a value: what the pairs do not show is said so.
"""

from collections.abc import Iterator, Sequence

from selfjudge.certificate.figures import Figure, Section

COIN = 0.5
FEW_PAIRS = 30  # of a kind of error, of which nothing is said
# A kind of error is said to be found where its interval lies above the coin, and to be
# relied on where it lies above this.
RELIABLE = 0.7
MOVED = 0.05  # a difference that matters


def say(figures: Sequence[Figure]) -> str:
    """What may be asked of a judge on these pictures, and what not."""
    known = {(one.section, one.name): one for one in figures}
    parts = (
        say_sees(figures),
        say_looks(known),
        say_consistent(known),
        say_led(figures),
        say_fair(figures),
        say_knows(known),
    )
    return " ".join(sentence for part in parts for sentence in part)


Known = dict[tuple[Section, str], Figure]


def percent(share: float | None) -> str:
    """A share in percent, without a digit after the point."""
    return "-" if share is None else f"{100 * share:.0f}"


def span(figure: Figure) -> str:
    """A share in percent, its interval and number of pairs."""
    ends = f"{percent(figure.low)} to {percent(figure.high)}"
    return f"{percent(figure.value)} % ({ends}; {figure.num_pairs} pairs)"


def say_sees(figures: Sequence[Figure]) -> Iterator[str]:
    """How often it is right, beside the base model; which errors it finds."""
    whole, *parts = [one for one in figures if one.section == "sees"]
    if whole.value is None or whole.low is None:
        yield "There is no held-out pair: nothing can be said."
        return
    beside = ""
    if whole.base_value is not None:
        beside = f"; the base model {percent(whole.base_value)} %"
    yield f"It tells the better response on {span(whole)}{beside}."
    if whole.low <= COIN:
        yield "That is not told from a coin: ask it nothing yet."
        return
    kinds = [one for one in parts if not one.name.endswith(("change", "changes"))]
    many = [one for one in kinds if one.num_pairs >= FEW_PAIRS]
    few = [one for one in kinds if one.num_pairs < FEW_PAIRS]
    found = [one for one in many if (one.low or 0) > RELIABLE]
    lost = [one for one in many if one.low is not None and one.low <= COIN]
    if found:
        yield f"It may be asked about: {name_all(found)}."
    if lost:
        yield f"Not told from a coin, so do not rely on it there: {name_all(lost)}."
    if few:
        yield f"Of too few pairs to say anything: {name_all(few)}."


def name_all(figures: Sequence[Figure]) -> str:
    """The names of figures with value and number of pairs."""
    return ", ".join(
        f"{one.name} ({percent(one.value)} % of {one.num_pairs})" for one in figures
    )


def say_looks(known: Known) -> Iterator[str]:
    """Whether it needs the picture."""
    gap = known["looks", "its picture minus grey"]
    blind = known["looks", "with a grey picture"]
    if gap.value is None or gap.low is None:
        return
    if gap.low > 0:
        yield (
            f"It looks: with a grey picture it is right on {span(blind)}, "
            f"{percent(gap.value)} points less."
        )
    else:
        yield (
            f"That it looks is not shown: with a grey picture it is right on "
            f"{span(blind)}, which is not told from what it does with the picture."
        )


def say_consistent(known: Known) -> Iterator[str]:
    """Whether both orders agree, beside how often it agrees with itself anyway."""
    both = known["consistent", "same response in both orders"]
    again = known["consistent", "asked again with other dice"]
    if both.value is not None:
        yield f"Both orders prefer the same response on {span(both)}."
    if again.value is not None:
        yield f"Asked again, it says the same on {span(again)}."


def say_led(figures: Sequence[Figure]) -> Iterator[str]:
    """What moves it that should not."""
    led = [
        one
        for one in figures
        if one.section == "led" and one.low is not None and one.high is not None
    ]
    moved = [one for one in led if is_moved(one)]
    for one in moved:
        size = percent(one.value)
        unit = " %" if is_share(one) else " points"
        known = f"{ends(one)}; {one.num_pairs} pairs"
        yield f"It is led: {one.name}: {size}{unit} ({known})."
    if led and not moved:
        yield "Place, length, a planted verdict and style are not seen to lead it."


def ends(figure: Figure) -> str:
    """The ends of an interval in percent."""
    return f"{percent(figure.low)} to {percent(figure.high)}"


def is_share(figure: Figure) -> bool:
    """Whether a figure of this section is a share, for which a coin is fair."""
    return figure.name.startswith("plain")


def is_moved(figure: Figure) -> bool:
    """Whether the interval lies wholly beyond what does not matter."""
    assert figure.low is not None and figure.high is not None
    fair = COIN if is_share(figure) else 0.0
    return figure.low > fair + MOVED or figure.high < fair - MOVED


def say_fair(figures: Sequence[Figure]) -> Iterator[str]:
    """What tells the pairs apart without the picture, if anything does."""
    for one in figures:
        if one.section != "fair" or "," in one.name or one.low is None:
            continue
        assert one.high is not None
        # Words are told on pairs that they were not fitted on: of pairs that leak
        # nothing they may be right on fewer than half.  Length below half is a leak.
        is_below = one.high < COIN and one.name != "words alone"
        if one.low > COIN or is_below:
            yield (
                f"The pairs leak: {one.name} tells {span(one)}, so as much can be "
                "learned without looking."
            )


def say_knows(known: Known) -> Iterator[str]:
    """How much it answers if it is to be right."""
    for target in ("90", "95"):
        one = known["knows", f"answers if {target} % are to be right"]
        if not one.num_pairs:
            return
        if one.value:
            yield (
                f"If {target} % of its answers are to be right, it answers "
                f"{percent(one.value)} % of pairs."
            )
            return
    yield "No limit on how sure it is keeps it right on 90 %: hear it, do not obey it."
