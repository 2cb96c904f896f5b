"""Training by reward whose rollouts vLLM writes."""

import os
import shutil
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from selfjudge.engines.special_tokens import read_special_tokens
from selfjudge.ground.lines import read_json
from selfjudge.training.models import load_processor
from selfjudge.training.reinforcement import ReinforcementTrainer
from selfjudge.training.resuming import CheckpointMark
from test_reinforcement import DEMO_BASE, ROWS_PER_STEP, picked, reinforce
from test_training import read_weights

__all__ = ["picked"]  # a fixture
BY_VLLM = {"vllm_memory": 0.1}
# Between what vLLM says of the probability of a token that it wrote and what the
# weights that learn say of it: vLLM computes in bfloat16.
CLOSE = 0.03


def watch_rollouts(patch: pytest.MonkeyPatch) -> list[tuple[float, list[list[int]]]]:
    """A list to which each step adds how far the two are apart, and what was written.

    Apart: mean distance of log-probabilities, over the tokens of a step's rollouts.
    """
    steps: list[tuple[float, list[list[int]]]] = []
    told = ReinforcementTrainer._generate_and_score_completions

    def watch(self: Any, inputs: Any) -> Any:
        made = told(self, inputs)
        apart = self._metrics["train"]["sampling/sampling_logp_difference/mean"][-1]
        masks, ids = made["completion_mask"], made["completion_ids"]
        texts = [
            row[mask.bool()].tolist() for row, mask in zip(ids, masks, strict=True)
        ]
        steps.append((apart, texts))
        return made

    patch.setattr(ReinforcementTrainer, "_generate_and_score_completions", watch)
    return steps


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What each step of a training had; vLLM ends with the test."""
    pytest.importorskip("vllm", reason="needs vLLM: see requirements-vllm.txt")
    yield watch_rollouts(monkeypatch)
    end_vllm()


def end_vllm() -> None:
    """So that another can start in this process."""
    from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

    cleanup_dist_env_and_memory()


@pytest.mark.vllm
def test_what_is_learnt_is_written_by(
    steps: list[Any], picked: Path, tmp_path: Path
) -> None:
    """vLLM has the weights of each step, adapters merged into them, and its prompts are
    those that are learnt from, image and all."""
    judge, usage = reinforce(picked, tmp_path, learning_rate=3e-2, rollouts=BY_VLLM)
    assert len(steps) == 4 and all(apart < CLOSE for apart, _ in steps)
    told = read_json(judge / "provenance.json")
    assert told["rollouts"]["vllm_memory"] == BY_VLLM["vllm_memory"]
    before, after = read_weights(DEMO_BASE), read_weights(judge)
    assert any(not before[name].equal(after[name]) for name in before)
    assert usage.num_requests == 4 * ROWS_PER_STEP
    assert usage.num_output_tokens == sum(len(x) for _, some in steps for x in some)
    seconds = usage.rollout_seconds, usage.reward_seconds, usage.update_seconds
    assert all(one is not None and one > 0 for one in seconds)


@pytest.mark.vllm
def test_weights_that_are_not_handed_over_are_seen(
    steps: list[Any], picked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: after a step the two are apart."""
    from trl.generation.vllm_generation import VLLMGeneration

    monkeypatch.setattr(VLLMGeneration, "sync_weights", lambda self: None)
    reinforce(picked, tmp_path, learning_rate=3e-2, rollouts=BY_VLLM)
    assert steps[0][0] < CLOSE < steps[-1][0]


@pytest.mark.vllm
def test_a_training_that_goes_on_hands_over_its_weights(
    steps: list[Any], picked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """vLLM starts with those that the training started from."""

    def tell(self: Any, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointMark, "on_step_begin", tell)
        with pytest.raises(SystemExit):
            reinforce(picked, tmp_path, learning_rate=3e-2, rollouts=BY_VLLM)
    end_vllm()
    judge, _ = reinforce(picked, tmp_path, learning_rate=3e-2, rollouts=BY_VLLM)
    told = read_json(judge / "provenance.json")
    assert told["resumed_from"] == "checkpoint-3" and len(steps) == 4
    assert all(apart < CLOSE for apart, _ in steps)


@pytest.mark.vllm
def test_vllm_writes_no_mark(
    steps: list[Any], tiny_idefics3: Path, picked: Path, tmp_path: Path
) -> None:
    """Not even of random weights, whose output is wider than the vocabulary."""
    model = shutil.copytree(tiny_idefics3, tmp_path / "model")
    sampling = {"max_tokens": 40, "temperature": 2.0}
    with pytest.raises(ValueError, match="got the same reward"):
        reinforce(
            picked,
            tmp_path,
            model,
            num_epochs=1,
            max_length=512,
            rollouts=BY_VLLM | {"sampling": sampling, "parsed_reward": 0.0},
        )
    special = read_special_tokens(load_processor(model, False), None, model)
    written = {token for _, texts in steps for text in texts for token in text}
    assert len(written) > 50 and written <= set(special.writable_ids)


def test_without_vllm_it_is_told(picked: Path, tmp_path: Path) -> None:
    if find_spec("vllm"):
        pytest.skip("vLLM is installed here")
    with pytest.raises(ValueError, match=r"'reinforce\.vllm_memory' must be null"):
        reinforce(picked, tmp_path, rollouts=BY_VLLM)
