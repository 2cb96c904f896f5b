"""What each filter is, as data: a labelling of pairs and an acceptance of judgments."""

from collections.abc import Iterable
from typing import Literal, get_args

from selfjudge.ground.records import Settings

FilterName = Literal[
    "majority",
    "correctness",
    "majority_matched",
    "reinforced",
    "consistent",
    "unchecked",
]
FILTER_NAMES: tuple[FilterName, ...] = get_args(FilterName)


class Filter(Settings, frozen=True, kw_only=True):
    """One way to choose training data.

    ``label``: whose answer is held right in a closed pair, the majority's or
    the gold one.  ``pairs_as_many_as``: the filter to whose number of closed
    pairs this filter's are cut, or None.  ``accept``: pairs whose both orders prefer
    the chosen response, or the same response whichever it is; or all judgments that
    parse, as many of each letter and of each order.  ``accepted_as_many_as``: the
    filter to whose number of accepted judgments this filter's are cut, or None.
    ``learns_by``: what training does with them: it imitates what was accepted, or
    rewards verdicts on the pairs; what was accepted is then only counted.
    """

    label: Literal["majority", "gold"]
    accept: Literal["right", "consistent", "parsed"]
    pairs_as_many_as: str | None = None
    accepted_as_many_as: str | None = None
    learns_by: Literal["imitation", "reward"] = "imitation"


FILTERS: dict[FilterName, Filter] = {
    # The paper's default.
    "majority": Filter(label="majority", accept="right"),
    # The paper's Figure 4: needs gold answers.
    "correctness": Filter(label="gold", accept="right"),
    # Figure 4's third curve: majority's labels, but no more data than correctness.
    "majority_matched": Filter(
        label="majority", accept="right", pairs_as_many_as="correctness"
    ),
    # Ours: majority's labels, but the judge tries each pair and is told how it did.
    "reinforced": Filter(label="majority", accept="right", learns_by="reward"),
    # Controls of ours, of as much data.  What they gain is gained without labels:
    # here that both orders agree, and so that no place is preferred,
    "consistent": Filter(
        label="majority", accept="consistent", accepted_as_many_as="majority"
    ),
    # and here that neither letter is said more often; right or wrong alike.
    "unchecked": Filter(
        label="majority", accept="parsed", accepted_as_many_as="majority"
    ),
}


def first_asked(filters: Iterable[FilterName]) -> FilterName:
    """The filter whose pairs the base model judges first, at iteration 1.

    What others share with it is answered from the journal.  It does not depend on
    the order in which filters are configured.
    """
    return min(filters, key=FILTER_NAMES.index)
