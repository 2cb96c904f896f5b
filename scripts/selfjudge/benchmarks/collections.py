"""How the judgments of each collection are asked for, as data.

`paired` asks as the loop does, in both orders; `greedy` the same at temperature 0;
`blind` as `paired`, of pairs whose images are grey.  `official` asks as the authors
of a benchmark do.
"""

from typing import Literal, get_args

import msgspec

from selfjudge.ground.records import BenchmarkFormat
from selfjudge.ground.requests import Samples, Sampling
from selfjudge.judging.asks import JUDGE_TEMPLATE, Asking

Collection = Literal["paired", "greedy", "blind", "official"]
COLLECTIONS: tuple[Collection, ...] = get_args(Collection)


# VL-RewardBench: inference_hf.py at 9b10abd, lines 19 and 45-49.  Multimodal
# RewardBench: 1_run_model_as_judge_gpt4o.py at b4b92cd, lines 40-75.
# A vote in a random order is one of as many as the configuration says.
OFFICIAL: dict[BenchmarkFormat, Asking] = {
    "vl_rewardbench": Asking(
        template="vl_rewardbench.txt",
        orders="random",
        num_samples=1,
        sampling=Sampling(max_tokens=2048, temperature=0.2, top_p=0.2),
    ),
    "multimodal_rewardbench": Asking(
        template="multimodal_rewardbench.txt",
        orders="release",
        num_samples=1,
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
        if spec.orders == "random":
            return msgspec.structs.replace(spec, num_samples=num_votes)
        return spec
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
