"""How the judgments of each collection are asked for, as data.

`paired` asks as the loop does, in both orders; `greedy` the same at temperature 0;
`blind` as `paired`, of pairs whose images are grey.  `official` asks as the authors
of a benchmark do.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import msgspec

from selfjudge.ground.records import BenchmarkFormat
from selfjudge.ground.requests import Samples, Sampling
from selfjudge.judging.asks import JUDGE_TEMPLATE, Asking

Collection = Literal["paired", "greedy", "blind", "official"]
COLLECTIONS: tuple[Collection, ...] = get_args(Collection)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialAsking:
    """How the `official` collection of a benchmark asks for judgments.

    ``template`` is a path below the folder of templates.  ``num_votes`` is None
    where the configuration says how many.
    """

    template: str
    order: Literal["random", "release"]
    num_votes: int | None
    sampling: Sampling


# VL-RewardBench: inference_hf.py at 9b10abd, lines 19 and 45-49.  Multimodal
# RewardBench: 1_run_model_as_judge_gpt4o.py at b4b92cd, lines 40-75.
OFFICIAL: dict[BenchmarkFormat, OfficialAsking] = {
    "vl_rewardbench": OfficialAsking(
        template="official/vl_rewardbench.txt",
        order="random",
        num_votes=None,
        sampling=Sampling(max_tokens=2048, temperature=0.2, top_p=0.2),
    ),
    "multimodal_rewardbench": OfficialAsking(
        template="official/multimodal_rewardbench.txt",
        order="release",
        num_votes=1,
        sampling=Sampling(max_tokens=1024, temperature=1.0),
    ),
}


def asking_of(
    collection: Collection,
    settings: Samples,
    release: BenchmarkFormat | None = None,
    num_votes: int = 1,
) -> Asking:
    """How a collection asks for judgments of a release, or of the loop's own pairs.

    ``settings`` are those of the config, which the official collection does not
    take; ``num_votes`` holds where the authors of a benchmark do not fix it.
    """
    if collection == "official":
        assert release is not None
        spec = OFFICIAL[release]
        return Asking(
            template=spec.template.rpartition("/")[2],
            orders=spec.order,
            num_samples=spec.num_votes or num_votes,
            sampling=spec.sampling,
        )
    sampling, num_samples = settings.sampling, settings.num_samples
    if collection == "greedy":
        num_samples = 1
        greedy = {"temperature": 0.0, "top_k": 0, "top_p": 1.0}
        sampling = msgspec.structs.replace(sampling, **greedy)
    return Asking(
        template=JUDGE_TEMPLATE,
        orders="both",
        num_samples=num_samples,
        sampling=sampling,
    )
