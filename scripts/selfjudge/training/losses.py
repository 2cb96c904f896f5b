"""What a training on preferences makes small, from log-probabilities of both texts.

SimPO (Meng, Xia and Chen 2024, arXiv 2405.14734, equation 6) has no reference model:
its reward is the mean log-probability of a response's tokens.  What other libraries
call SimPO often has an SFT term beside (TRL's `cpo_alpha`, ms-swift's too, 1 by
default): here that is `sft_weight`, and 0 is SimPO as published.

DPO (Rafailov et al. 2023, arXiv 2305.18290, equation 7) and MPO (Wang et al. 2024,
arXiv 2411.10442: DPO, BCO and SFT together) compare with a reference, the member as
it was before the training, and take sums over tokens.
"""

from typing import Literal

import msgspec
import torch
from torch.nn import functional

from selfjudge.training.conversations import IGNORED
from selfjudge.training.settings import check

# Parts of MPO, as its authors weigh them.
MPO_PREFERENCE, MPO_QUALITY, MPO_GENERATION = 0.8, 0.2, 1.0


class Objective(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a training on preferences makes small.

    ``beta`` scales differences of log-probabilities (natural log): of their means
    over tokens under "simpo", of their sums under "dpo" and "mpo".  ``gamma`` is what
    SimPO asks of the difference beyond, ``sft_weight`` the part of the chosen text's
    own loss beside it: of no meaning elsewhere.  Under "sft" only chosen is learnt.
    """

    objective: Literal["simpo", "sft", "dpo", "mpo"]
    beta: float
    gamma: float
    sft_weight: float

    def __post_init__(self) -> None:
        """Raise ValueError on a number out of bounds."""
        check("beta", "above 0", self.beta, self.beta > 0)
        check("gamma", "at least 0", self.gamma, self.gamma >= 0)
        check("sft_weight", "at least 0", self.sft_weight, self.sft_weight >= 0)

    @property
    def needs_reference(self) -> bool:
        """Whether log-probabilities before the training take part."""
        return self.objective in ("dpo", "mpo")


def sum_log_probs(
    logits: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The sum of the learnt tokens' log-probabilities of each row, and their number.

    Logits are (rows, tokens, vocabulary), labels (rows, tokens) with -100 where
    nothing is learnt; both results are (rows,), in float32.
    """
    labels = labels[:, 1:]
    learnt = labels != IGNORED
    # Only learnt places: a vocabulary of 128,000 in float32 is half a MB a token.
    chosen = logits[:, :-1][learnt].float()
    found = -functional.cross_entropy(chosen, labels[learnt], reduction="none")
    sums = torch.zeros(len(labels), device=found.device, dtype=found.dtype)
    rows = torch.arange(len(labels), device=found.device)
    sums = sums.index_add(0, rows[:, None].expand_as(learnt)[learnt], found)
    return sums, learnt.sum(dim=1)


def preference_loss(
    sums: torch.Tensor,
    counts: torch.Tensor,
    objective: Objective,
    reference: torch.Tensor | None = None,
) -> torch.Tensor:
    """The loss of a batch whose first half is chosen, and second half rejected.

    ``sums`` and ``counts`` are of `sum_log_probs`, ``reference`` the sums before the
    training, all (rows,).  Under "sft" the whole batch is chosen, and the loss the
    mean over its tokens.
    """
    if objective.objective == "sft":
        return sft_loss(sums, counts)
    half = len(sums) // 2
    if objective.objective == "simpo":
        chosen, rejected = (sums / counts).chunk(2)
        loss = simpo_loss(chosen, rejected, objective.beta, objective.gamma).mean()
        if objective.sft_weight:
            loss = loss + objective.sft_weight * sft_loss(sums[:half], counts[:half])
        return loss
    assert reference is not None
    chosen, rejected = (objective.beta * (sums - reference)).chunk(2)
    loss = -functional.logsigmoid(chosen - rejected).mean()
    if objective.objective == "dpo":
        return loss
    quality = -functional.logsigmoid(chosen) - functional.logsigmoid(-rejected)
    return (
        MPO_PREFERENCE * loss
        + MPO_QUALITY * quality.mean()
        + MPO_GENERATION * sft_loss(sums[:half], counts[:half])
    )


def sft_loss(sums: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """The mean over all tokens of what is imitated."""
    return -sums.sum() / counts.sum()


def simpo_loss(
    chosen: torch.Tensor, rejected: torch.Tensor, beta: float, gamma: float
) -> torch.Tensor:
    """SimPO's loss of each pair, from mean log-probabilities of both texts."""
    return -functional.logsigmoid(beta * (chosen - rejected) - gamma)
