"""How the judgments of each collection are asked for, as data.

`paired` asks as the loop does, in both orders; `greedy` the same at temperature 0;
`blind` as `paired`, of pairs whose images are grey; `reworded` by a second prompt that
no judge was ever trained on.  `official` asks as the authors
of a benchmark do, and its file says how.
"""

from typing import Literal, get_args

import msgspec

from selfjudge.ground.requests import Samples
from selfjudge.judging.asks import JUDGE_TEMPLATE, REWORDED_TEMPLATE, Asking

Collection = Literal["paired", "greedy", "blind", "reworded", "official"]
COLLECTIONS: tuple[Collection, ...] = get_args(Collection)


def asking_of(
    collection: Collection,
    settings: Samples,
    official: Asking | None = None,
    num_votes: int = 1,
) -> Asking:
    """How a collection asks for judgments of a benchmark, or of the loop's own pairs.

    ``settings`` are those of the config, which the ``official`` way does not take;
    ``num_votes`` holds where the authors of a benchmark do not fix it: a vote in a
    random order is one of as many as the configuration says.
    """
    if collection == "official":
        assert official is not None
        if official.orders == "random":
            return msgspec.structs.replace(official, num_samples=num_votes)
        return official
    sampling, num_samples = settings.sampling, settings.num_samples
    if collection == "greedy":
        num_samples = 1
        greedy = {"temperature": 0.0, "top_k": 0, "top_p": 1.0}
        sampling = msgspec.structs.replace(sampling, **greedy)
    return Asking(
        template=REWORDED_TEMPLATE if collection == "reworded" else JUDGE_TEMPLATE,
        orders="both",
        num_samples=num_samples,
        sampling=sampling,
    )
