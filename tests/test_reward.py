"""A judge as TRL's reward: what it comes to, and a real step of GRPO."""

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from judge_folders import ROOT, longer, make_judge_folder, make_pictures, scripted
from selfjudge.engines.base import EngineSettings
from selfjudge.use.reward import make_reward, question_of


def call(reward: Any, prompts: Any, completions: Any, **columns: Any) -> Any:
    return asyncio.run(reward(prompts, completions, **columns))


def picture(colour: str = "red") -> Image.Image:
    return Image.new("RGB", (30, 20), colour)


def turns(text: str) -> list[dict[str, Any]]:
    """A prompt in TRL's shape."""
    parts = [{"type": "image"}, {"type": "text", "text": text}]
    return [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": parts},
    ]


def said(text: str) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": text}]


def test_completions_of_one_prompt_are_held_against_each_other() -> None:
    """Two prompts in one batch, asked about in one go; equal texts are level, an empty
    one has nothing, and one alone no reward."""
    judge, engine = scripted(longer)
    batches: list[int] = []
    plan = engine.plan_batches
    engine.plan_batches = lambda requests: (
        batches.append(len(requests))
        or plan(  # type: ignore[method-assign]
            requests
        )
    )
    reward = make_reward(judge)
    assert inspect.iscoroutinefunction(reward) and reward.__name__ == "judge_reward"
    red, blue = picture(), picture("blue")
    texts = ["x", "yyy", "yy", "yyy", "a", " ", "b", "b", "only"]
    told = call(
        reward,
        [turns("q")] * 4 + [turns("r")] * 2 + [turns("s")] * 2 + [turns("t")],
        [said(text) for text in texts],
        images=[[red]] * 4 + [[blue]] * 5,
        trainer_state=None,
    )
    assert told[1] == told[3] > told[2] > told[0] > 0
    assert told[1] < 1
    assert told[4:] == [None, 0.0, 0.5, 0.5, None]
    assert batches == [6, 6], "three pairs in both orders: texts, then probabilities"
    (image,) = {request.images for request in engine.asked}
    assert len(image) == 1


def test_a_reference_is_what_completions_are_held_against() -> None:
    """One score each; paths and single pictures are taken too."""
    judge, engine = scripted(longer, sure=2.0)
    path = ROOT / "docs"  # any path: the scripted model opens nothing
    told = call(
        make_reward(judge),
        ["q", "q", "q"],
        ["x", "yyy", "zz"],
        image=[str(path)] * 3,
        question=["What?"] * 3,
        reference=["zz"] * 3,
    )
    assert told[0] == pytest.approx(1 - told[1]) and told[2] == 0.5
    texts = [one.messages[0]["content"][-1]["text"] for one in engine.asked]
    assert len(texts) == 4 and all("What?" in text for text in texts)


def test_a_batch_without_pictures_is_refused() -> None:
    judge, _ = scripted(longer)
    with pytest.raises(ValueError, match=r"column 'images' or 'image' \(got answer"):
        call(make_reward(judge), ["q"], ["x"], answer=["y"])


def test_a_prompt_without_room_has_no_reward() -> None:
    judge, _ = scripted(lambda first, second, request: "")
    told = call(make_reward(judge), ["q"] * 2, ["x", "yy"], images=[[picture()]] * 2)
    assert told == [None, None]


def test_the_question_is_that_of_the_last_user() -> None:
    talk = [*turns("first"), *said("no"), {"role": "user", "content": "second"}]
    assert question_of(talk) == "second" and question_of(turns("first")) == "first"


def test_a_real_step_of_grpo(tmp_path: Path) -> None:
    """TRL trains the demo's base by a judge of the same weights: the step is taken, on
    rewards that the judge gave, and the weights move."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForImageTextToText
    from trl import GRPOConfig, GRPOTrainer

    judge = make_judge_folder(tmp_path / "judge")
    settings = EngineSettings(name="transformers", dtype="float32", device="cpu")
    reward = make_reward(str(judge), settings, log=lambda line: None)
    given: list[list[float | None]] = []

    async def watched(*args: Any, **columns: Any) -> list[float | None]:
        given.append(await reward(*args, **columns))
        return given[-1]

    question = "describe the image."
    template = (ROOT / "demo/templates/respond_open.txt").read_text().strip()
    pictures = [Image.open(path) for path in make_pictures(tmp_path / "pictures", 2)]
    rows = {
        "prompt": [[{"role": "user", "content": template.format(question=question)}]]
        * 2,
        "question": [question] * 2,
        "images": [[picture] for picture in pictures],
    }
    model = AutoModelForImageTextToText.from_pretrained(judge, dtype=torch.float32)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=[watched],
        train_dataset=Dataset.from_dict(rows),
        args=GRPOConfig(
            output_dir=str(tmp_path / "run"),
            per_device_train_batch_size=4,
            num_generations=4,
            max_completion_length=24,
            max_steps=1,
            learning_rate=1e-3,
            temperature=3.0,  # so hot that completions differ
            use_cpu=True,
            bf16=False,
            report_to="none",
            save_strategy="no",
            logging_steps=1,
        ),
    )
    trainer.train()
    rewards = given[0]
    assert len(rewards) == 4
    assert all(value is not None and 0 <= value <= 1 for value in rewards)
    assert len(set(rewards)) > 1, "sampled completions differ, and so do rewards"
    log = trainer.state.log_history[0]
    values = [value for value in rewards if value is not None]
    assert log["reward"] == pytest.approx(sum(values) / 4, abs=1e-4)
    moved = [
        name
        for name, value in trainer.model.state_dict().items()
        if not torch.equal(value, before[name])
    ]
    assert moved
