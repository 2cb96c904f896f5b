"""What each filter is, as data: a labelling of pairs and an acceptance of judgments."""

from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

from selfjudge.ground.records import Settings

FilterName = Literal[
    "majority",
    "correctness",
    "majority_matched",
    "correctness_matched",
    "grounded",
    "reinforced",
    "consistent",
    "unchecked",
]
FILTER_NAMES: tuple[FilterName, ...] = get_args(FilterName)


class Filter(Settings, frozen=True, kw_only=True):
    """One way to choose training data.

    ``label``: whose answer is held right in a closed pair, the majority's or
    the gold one.  ``accept``: pairs whose both orders prefer the chosen response; the
    same where the reasoning is `grounded` too; or whose orders prefer the same
    response, whichever it is; or all judgments that parse, as many of each letter and
    of each order.  ``accepted_as_many_as``: the filters to whose smallest number of
    accepted judgments this filter's are cut; none for no cut.  ``learns_by``: what
    training does with them: it imitates what was accepted, or rewards verdicts on the
    pairs; what was accepted is then only counted.
    """

    label: Literal["majority", "gold"]
    accept: Literal["right", "grounded", "consistent", "parsed"]
    accepted_as_many_as: tuple[str, ...] = ()
    learns_by: Literal["imitation", "reward"] = "imitation"


FILTERS: dict[FilterName, Filter] = {
    # The paper's default.
    "majority": Filter(label="majority", accept="right"),
    # The paper's Figure 4: needs gold answers.
    "correctness": Filter(label="gold", accept="right"),
    # The same two without the difference in size: both cut to the smaller.
    "majority_matched": Filter(
        label="majority",
        accept="right",
        accepted_as_many_as=("majority", "correctness"),
    ),
    "correctness_matched": Filter(
        label="gold",
        accept="right",
        accepted_as_many_as=("majority", "correctness"),
    ),
    # Of ours: right for the right reason.
    "grounded": Filter(label="majority", accept="grounded"),
    # Ours: majority's labels, but the judge tries each pair and is told how it did.
    "reinforced": Filter(label="majority", accept="right", learns_by="reward"),
    # Controls of ours, of as much data.  What they gain is gained without labels:
    # here that both orders agree, and so that no place is preferred,
    "consistent": Filter(
        label="majority", accept="consistent", accepted_as_many_as=("majority",)
    ),
    # and here that neither letter is said more often; right or wrong alike.
    "unchecked": Filter(
        label="majority", accept="parsed", accepted_as_many_as=("majority",)
    ),
}


def first_asked(filters: Iterable[FilterName]) -> FilterName:
    """The filter whose pairs the base model judges first, at iteration 1.

    What others share with it is answered from the journal.  It does not depend on
    the order in which filters are configured.
    """
    return min(filters, key=FILTER_NAMES.index)


def find_uncut(name: FilterName) -> FilterName | None:
    """The filter that a cut one is before it is cut; None where there is no such.

    Where nothing is cut, both accept the same rows, and one training is enough.
    """
    uncut = msgspec.structs.replace(FILTERS[name], accepted_as_many_as=())
    return next((k for k, spec in FILTERS.items() if spec == uncut and k != name), None)
