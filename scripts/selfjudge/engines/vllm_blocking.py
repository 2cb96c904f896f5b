"""Token ids that no text may hold, blocked where vLLM samples.

A module of its own: vLLM imports it in the process of its engine core.
"""

from typing import Any

import torch
from vllm.v1.sample.logits_processor import LogitsProcessor
from vllm.v1.worker.gpu.sample.logits_processor.interface import (
    LogitsProcessor as LogitsProcessorOfRunner2,
)


class BlockTokens(LogitsProcessor, LogitsProcessorOfRunner2):  # type: ignore[misc]
    """Sets the logits of the config's blocked ids to minus infinity, in every row.

    vLLM has two model runners, and which one it takes depends on model and
    machine.  They want different classes and call them with different arguments;
    what both need of this one is the same.
    """

    def __init__(self, vllm_config: Any, *place: Any) -> None:
        # The first runner names the device, the second a state that does.
        device = getattr(place[0], "device", place[0])
        ids = vllm_config.additional_config["blocked_token_ids"]
        width = vllm_config.model_config.get_vocab_size()
        ids = [one for one in ids if one < width]
        self.blocked = torch.tensor(ids, dtype=torch.long, device=device)

    def apply(self, logits: Any, context: Any = None) -> Any:
        """The logits of one step, changed in place."""
        return logits.index_fill_(-1, self.blocked, float("-inf"))

    def is_argmax_invariant(self) -> bool:
        """False: the likeliest token may be a blocked one."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Nothing: all requests are treated alike."""
