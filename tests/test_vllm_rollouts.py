"""Training by reward whose rollouts vLLM writes."""

import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import torch
from peft import get_peft_model

from selfjudge.engines.special_tokens import read_special_tokens
from selfjudge.engines.vllm_dialects import installed_version
from selfjudge.ground.lines import read_json
from selfjudge.ground.templates import user_turn
from selfjudge.training import vllm_rollouts
from selfjudge.training.models import load_model, load_processor, lora_config
from selfjudge.training.reinforcement_trainer import ReinforcementTrainer
from selfjudge.training.settings import TrainSettings
from selfjudge.training.vllm_rollouts import (
    learnt_weights,
    started_as_ours,
    weights_left_open,
)
from test_reinforcement import (
    DEMO_BASE,
    ROWS_PER_STEP,
    picked,
    reinforce,
    reinforce_until_told,
)
from test_training import SETTINGS, read_weights

__all__ = ["picked"]  # a fixture
MEMORY = 0.1  # of a GPU's
# Between what vLLM says of the probability of a token that it wrote and what the
# weights that learn say of it: vLLM computes in bfloat16.
CLOSE = 0.03
RATES = {"lora": 3e-2, "full": 1e-3}  # large: each step is to be seen


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
    """What each step of a training had; vLLM, and what it and TRL set, end with it."""
    pytest.importorskip("vllm", reason="needs vLLM: see requirements-vllm.txt")
    before = dict(os.environ)
    yield watch_rollouts(monkeypatch)
    end_vllm()
    os.environ.clear()
    os.environ.update(before)


def end_vllm() -> None:
    """So that another can start in this process."""
    from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

    cleanup_dist_env_and_memory()


@pytest.mark.vllm
@pytest.mark.parametrize("method", ["lora", "full"])
def test_what_is_learnt_is_written_by(
    method: str, steps: list[Any], picked: Path, tmp_path: Path
) -> None:
    """vLLM has the weights of each step, adapters added to them, and its prompts are
    those that are learnt from, image and all."""
    judge, usage = reinforce(
        picked,
        tmp_path,
        method=method,
        learning_rate=RATES[method],
        vllm_memory=MEMORY,
    )
    assert len(steps) == 4 and all(apart < CLOSE for apart, _ in steps)
    told = read_json(judge / "provenance.json")
    assert told["vllm"] == installed_version()
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
    monkeypatch.setattr(vllm_rollouts, "hand_over", lambda model, llm: None)
    reinforce(picked, tmp_path, learning_rate=3e-2, vllm_memory=MEMORY)
    assert steps[0][0] < CLOSE < steps[-1][0]


@pytest.mark.vllm
@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_training_that_goes_on_hands_over_its_weights(
    method: str,
    steps: list[Any],
    picked: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """vLLM starts with those that the training started from, or its checkpoint's."""
    changes: dict[str, Any] = {"method": method, "learning_rate": RATES[method]}
    changes |= {"vllm_memory": MEMORY}
    reinforce_until_told(monkeypatch, picked, tmp_path, **changes)
    end_vllm()
    judge, _ = reinforce(picked, tmp_path, **changes)
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
            vllm_memory=MEMORY,
            rollouts={"sampling": sampling, "parsed_reward": 0.0},
        )
    special = read_special_tokens(load_processor(model, False), None, model)
    written = {token for _, texts in steps for text in texts for token in text}
    assert len(written) > 50 and written <= set(special.writable_ids)


@pytest.mark.vllm
def test_vllm_is_started_with_arguments_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over TRL's own, whose seed is 0 in every run; and only while we say so."""
    pytest.importorskip("vllm", reason="needs vLLM: see requirements-vllm.txt")
    from trl.generation import vllm_generation

    monkeypatch.setattr(vllm_generation, "LLM", dict)
    with started_as_ours([4, 5], num_images=2, seed=7, trusted=True):
        started = vllm_generation.LLM(model="judge", seed=0, trust_remote_code=False)
    assert started["model"] == "judge" and started["seed"] == 7
    assert started["trust_remote_code"] and started["limit_mm_per_prompt"]["image"] == 2
    assert started["additional_config"] == {"blocked_token_ids": [4, 5]}
    assert vllm_generation.LLM is dict


@pytest.mark.vllm
def test_a_cpu_multiplies_with_the_weights_of_now() -> None:
    """One that knows AVX-512 or AMX packs them, unless vLLM is started as ours."""
    pytest.importorskip("vllm", reason="needs vLLM: see requirements-vllm.txt")
    from vllm.model_executor.layers import utils

    packs = utils.dispatch_cpu_unquantized_gemm
    layer: Any = torch.nn.Linear(8, 8, bias=False)
    with pytest.raises(KeyError), weights_left_open():
        utils.dispatch_cpu_unquantized_gemm(layer, remove_weight=True)
        raise KeyError
    assert utils.dispatch_cpu_unquantized_gemm is packs
    asked = torch.ones(1, 8)
    for factor in (1, 2):
        layer.weight.data.fill_(factor)
        assert layer.cpu_linear(asked, layer.weight, None).eq(8 * factor).all()


def adapted(dtype: str, **changes: Any) -> Any:
    """The demo's base with adapters that are not nothing."""
    torch.manual_seed(0)
    chosen = SETTINGS | {"dtype": dtype, "lora_dropout": 0.0} | changes
    settings = msgspec.convert(chosen, TrainSettings, strict=False)
    model = get_peft_model(load_model(DEMO_BASE, settings), lora_config(settings))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_adapted_weights_are_handed_over_and_stay_as_they_are(
    dtype: torch.dtype,
) -> None:
    """By the names of the model's own file."""
    model = adapted(str(dtype).removeprefix("torch."))
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    given = dict(learnt_weights(model, dtype))
    assert all(weight.equal(before[name]) for name, weight in model.named_parameters())
    base, merged = (
        read_weights(DEMO_BASE),
        dict(model.merge_and_unload().named_parameters()),
    )
    assert given and given.keys() <= base.keys()
    for name, weight in base.items():
        learnt = given.get(name, weight.to(dtype))
        torch.testing.assert_close(learnt, merged[name], rtol=0.02, atol=2e-3)


def test_of_all_weights_those_that_learn_are_handed_over() -> None:
    """In the number format of vLLM; what sees is not trained, and vLLM has it."""
    settings = msgspec.convert(
        SETTINGS | {"method": "full"}, TrainSettings, strict=False
    )
    given = dict(learnt_weights(load_model(DEMO_BASE, settings), torch.bfloat16))
    assert {weight.dtype for weight in given.values()} == {torch.bfloat16}
    assert given.keys() <= read_weights(DEMO_BASE).keys()
    assert any("text" in name for name in given)
    assert not any("vision" in name for name in given)


def test_an_adapter_that_vllm_could_not_have_is_refused() -> None:
    """The output layer is the embedding: there is no weight of its own to change."""
    model = adapted("float32", lora_target_modules=".*lm_head")
    with pytest.raises(ValueError, match=r"must match no tied weights .*lm_head"):
        dict(learnt_weights(model, torch.float32))


@pytest.mark.parametrize(
    ("read", "says"),
    [
        ([[1, 2, 3], [1, 2, 2, 3]], "got 4 tokens for 3, the first other one at 2"),
        ([[1, 2, 3], [1, 9, 3]], "got 3 tokens for 3, the first other one at 1"),
        ([[1, 2], [1, 2, 3]], "got 2 tokens for 3, the first other one at 2"),
        ([[1, 2, 3], [1, 2, 3]], None),
    ],
)
def test_a_prompt_that_is_read_otherwise_is_refused(
    read: list[list[int]], says: str | None
) -> None:
    """A judge would learn from what it was not asked."""
    written = (read, [[7], [8]], [[[-0.1]], [[-0.2]]], None)
    trainer = SimpleNamespace(
        hand_over=lambda model, llm: None,
        state=SimpleNamespace(global_step=1),
        _last_loaded_step=1,
        processing_class=load_processor(DEMO_BASE, False),
        asked=[[user_turn(0, "?")]] * 2,
        chat_template_kwargs={},
        num_generations=1,
        vllm_generation=SimpleNamespace(generate=lambda *asked: written),
    )
    ask = partial(ReinforcementTrainer._generate_single_turn, trainer, [[1, 2, 3]] * 2)
    if says:
        with pytest.raises(ValueError, match=says):
            ask(None)
    else:
        assert ask(None) == ([[7], [8]], [[-0.1], [-0.2]])


@pytest.mark.parametrize(
    ("version", "got"), [("", "none"), ("0.10.2", "0.10.2"), ("0.31.0", "0.31.0")]
)
def test_a_vllm_that_is_not_there_or_too_old_is_told(
    version: str,
    got: str,
    picked: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vllm_rollouts, "installed_version", lambda: version)
    with pytest.raises(
        ValueError,
        match=rf"'reinforce\.vllm_gpu_memory_utilization' must be null .* and {got} in",
    ):
        reinforce(picked, tmp_path, vllm_memory=MEMORY)
