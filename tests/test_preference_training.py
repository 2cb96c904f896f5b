"""Training of a panel's members: the loss, what is learnt, what survives a kill."""

import json
import math
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
import torch
from datasets import Dataset
from PIL import Image
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM
from trl import DPOConfig, DPOTrainer

from selfjudge.engines.special_tokens import read_special_tokens
from selfjudge.ground.ledgers import Usage
from selfjudge.ground.lines import read_json, write_records
from selfjudge.ground.records import Preference
from selfjudge.ground.templates import assistant_turn, user_turn
from selfjudge.training import preferences
from selfjudge.training.conversations import IGNORED
from selfjudge.training.losses import (
    Objective,
    preference_loss,
    simpo_loss,
    sum_log_probs,
)
from selfjudge.training.models import load_model, load_processor
from selfjudge.training.preferences import PairCollator, select_pairs, train_member
from selfjudge.training.settings import TrainSettings
from selfjudge.training.trainer import Base
from test_training import SETTINGS, base  # noqa: F401

NUM_ROWS = 8
SIMPO = Objective(objective="simpo", beta=2.0, gamma=1.0, sft_weight=0.0)
SFT = Objective(objective="sft", beta=2.0, gamma=1.0, sft_weight=0.0)
DPO = Objective(objective="dpo", beta=0.1, gamma=0.0, sft_weight=0.0)
MPO = Objective(objective="mpo", beta=0.1, gamma=0.0, sft_weight=0.0)
WORDS = "red green blue yellow purple orange circle square".split()


def settings(**changes: Any) -> TrainSettings:
    quick = {"num_epochs": 2, "lora_dropout": 0.0, "save_steps": 2}
    return msgspec.convert(SETTINGS | quick | changes, TrainSettings)


def make_row(number: int, **changes: Any) -> Preference:
    """Chosen says one word, rejected another, of different lengths."""
    row = Preference(
        id=f"{number:016x}",
        prompt_id=f"{number + 100:016x}",
        for_member=None,
        images=(f"{number}.png",),
        prompt=[user_turn(1, f"What is it? {'so ' * number}")],
        chosen=[assistant_turn(f"It is {WORDS[number % 8]}.")],
        rejected=[assistant_turn(f"I think that it is {WORDS[(number + 3) % 8]}.")],
        chosen_id="a",
        rejected_id="b",
        reward_chosen=1.0,
        reward_rejected=0.0,
        raters=(),
        marks_chosen=(),
        marks_rejected=(),
    )
    return msgspec.structs.replace(row, **changes)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Preferences for all members; their images, of two sizes, lie beside them."""
    folder = tmp_path_factory.mktemp("preferences")
    for number in range(NUM_ROWS):
        colour = tuple(Random(number).randbytes(3))
        size = [(112, 112), (100, 40)][number % 2]
        Image.new("RGB", size, colour).save(folder / f"{number}.png")
    write_records(folder / "preferences.jsonl", map(make_row, range(NUM_ROWS)))
    return folder / "preferences.jsonl"


def log_probs(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and labels of six rows, of which each learns another number of tokens."""
    logits = torch.randn(6, 9, 13, generator=generator)
    labels = torch.randint(0, 13, (6, 9), generator=generator)
    for row, learnt in enumerate((1, 8, 3, 5, 2, 4)):
        labels[row, : 9 - learnt] = IGNORED
    return logits, labels


@pytest.mark.parametrize("beta", [0.1, 2.0, 10.0])
@pytest.mark.parametrize("gamma", [0.0, 1.0])
def test_the_loss_is_trls(beta: float, gamma: float) -> None:
    """The numbers of trl.experimental.cpo on texts, and their gradients."""
    cpo = pytest.importorskip("trl.experimental.cpo")
    logits, labels = log_probs(torch.Generator().manual_seed(0))
    theirs = logits.clone().requires_grad_()
    means = cpo.CPOTrainer.get_batch_logps(theirs, labels, average_log_prob=True)

    class Settings:
        """What the method reads of a trainer."""

        alpha, label_smoothing, loss_type = 0.0, 0.0, "simpo"
        accelerator = type("", (), {"device": torch.device("cpu")})

    Settings.beta, Settings.simpo_gamma = beta, gamma
    expected, *_ = cpo.CPOTrainer.cpo_loss(Settings(), *means.chunk(2))
    expected.mean().backward()

    ours = logits.clone().requires_grad_()
    sums, counts = sum_log_probs(ours, labels)
    assert counts.tolist() == [1, 8, 3, 5, 2, 4]
    objective = msgspec.structs.replace(SIMPO, beta=beta, gamma=gamma)
    loss = preference_loss(sums, counts, objective)
    loss.backward()
    torch.testing.assert_close(loss, expected.mean())
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_the_sft_term_is_trls_cpo_alpha() -> None:
    """TRL adds the chosen tokens' mean loss; alone it is the objective `sft`."""
    logits, labels = log_probs(torch.Generator().manual_seed(1))
    sums, counts = sum_log_probs(logits, labels)
    chosen = torch.nn.functional.cross_entropy(
        logits[:3, :-1].reshape(-1, 13), labels[:3, 1:].reshape(-1)
    )
    plain = preference_loss(sums, counts, SIMPO)
    mixed = msgspec.structs.replace(SIMPO, sft_weight=0.5)
    torch.testing.assert_close(
        preference_loss(sums, counts, mixed), plain + 0.5 * chosen
    )
    torch.testing.assert_close(preference_loss(sums[:3], counts[:3], SFT), chosen)


@pytest.mark.parametrize("beta", [0.1, 1.0])
@pytest.mark.parametrize(
    ("objective", "losses", "weights"),
    [
        ("dpo", ["sigmoid"], None),
        ("mpo", ["sigmoid", "bco_pair", "sft"], [0.8, 0.2, 1.0]),
    ],
)
def test_losses_with_a_reference_are_trls(
    tiny_idefics3: Path,
    tmp_path: Path,
    objective: str,
    losses: list[str],
    weights: list[float] | None,
    beta: float,
) -> None:
    """The numbers of its DPOTrainer on texts, model and reference of other weights."""
    tokenizer = load_processor(tiny_idefics3, trust_remote_code=False).tokenizer
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    config = LlamaConfig(
        vocab_size=len(tokenizer), num_attention_heads=2, num_key_value_heads=2, **shape
    )
    torch.manual_seed(0)
    model, reference = LlamaForCausalLM(config), LlamaForCausalLM(config)
    texts = [
        {"prompt": "What is it?", "chosen": f" {WORDS[n]}", "rejected": f" It {word}"}
        for n, word in enumerate(["is not", "is", "is so so"])
    ]
    options = DPOConfig(
        str(tmp_path),
        loss_type=losses,
        loss_weights=weights,
        beta=beta,
        per_device_train_batch_size=3,
        report_to="none",
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
    )
    trainer = DPOTrainer(
        model,
        reference,
        args=options,
        train_dataset=Dataset.from_list(texts),
        processing_class=tokenizer,
    )
    batch = next(iter(trainer.get_train_dataloader()))
    expected = trainer.compute_loss(trainer.model, dict(batch))

    labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, IGNORED)
    asked = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        sums, counts = sum_log_probs(trainer.model(**asked).logits, labels)
        before, _ = sum_log_probs(trainer.ref_model(**asked).logits, labels)
    ours = Objective(objective=objective, beta=beta, gamma=0.0, sft_weight=0.0)  # type: ignore[arg-type]
    assert not torch.allclose(sums, before)
    found = preference_loss(sums, counts, ours, before)
    torch.testing.assert_close(found, expected.detach())


def test_the_loss_falls_as_chosen_is_preferred() -> None:
    """log 2 at a difference of gamma / beta; no length takes part."""
    zero = torch.zeros(1)
    assert simpo_loss(zero + 0.5, zero, 2.0, 1.0).item() == pytest.approx(math.log(2))
    losses = [simpo_loss(zero + d, zero, 2.0, 1.0).item() for d in (-1, 0, 1, 2)]
    assert losses == sorted(losses, reverse=True)


def test_a_batch_is_chosen_first(base: Path, rows: Path) -> None:  # noqa: F811
    """Of twice as many rows; what is learnt of each is its own response alone."""
    processor = load_processor(base, trust_remote_code=False)
    pairs, left_out = select_pairs(
        rows, "ada", rows.parent, base, processor, settings()
    )
    assert len(pairs) == NUM_ROWS and left_out == []
    model = load_model(base, settings(method="full"))
    listed = model.generation_config.eos_token_id
    ends = frozenset(read_special_tokens(processor, listed, base).end_ids)
    collate = PairCollator(processor, rows.parent, ends)
    batch = collate([{"row": msgspec.json.encode(pair).decode()} for pair in pairs[:3]])
    learnt = [
        processor.tokenizer.decode(row[row != IGNORED], skip_special_tokens=True)
        for row in batch["labels"]
    ]
    assert learnt[:3] == ["It is red.", "It is green.", "It is blue."]
    assert learnt[3] == "I think that it is yellow."
    with torch.no_grad():
        labels = batch.pop("labels")
        together, _ = sum_log_probs(model(**batch).logits, labels)
    # Beside others in a batch, padded, a row is what it is alone.
    alone = collate([{"row": msgspec.json.encode(pairs[1]).decode()}])
    with torch.no_grad():
        labels = alone.pop("labels")
        single, _ = sum_log_probs(model(**alone).logits, labels)
    torch.testing.assert_close(together[[1, 4]], single, rtol=1e-3, atol=1e-3)


def train(rows: Path, start: Path, folder: Path, **changes: Any) -> dict[str, Any]:
    """Train in a folder; the provenance."""
    objective, code = changes.pop("objective", SIMPO), changes.pop("code", "c")
    output = train_member(
        preferences=rows,
        member="ada",
        image_root=rows.parent,
        base=Base(name=str(start), revision=None, path=start, fingerprint="f"),
        output=folder / "model",
        work=folder / "training",
        settings=settings(**changes),
        objective=objective,
        seed=0,
        code=code,
        usage=Usage(),
    )
    found: dict[str, Any] = read_json(output / "provenance.json")
    return found


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(load_file(folder / "model" / "model.safetensors"))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_members_learn_to_prefer(
    base: Path,  # noqa: F811
    rows: Path,
    tmp_path: Path,
    method: str,
) -> None:
    """The loss falls, and the member loads like any model."""
    rate = {"lora": 5e-3, "full": 1e-3}[method]
    told = train(rows, base, tmp_path, method=method, learning_rate=rate, num_epochs=6)
    first, *_, last = told["loss"]["by_epoch"]
    assert last < 0.8 * first
    assert (told["num_rows"], told["objective"]["gamma"]) == (NUM_ROWS, 1.0)
    assert not (tmp_path / "training").exists()
    load_model(tmp_path / "model", settings())


def test_sft_learns_chosen_alone(base: Path, rows: Path, tmp_path: Path) -> None:  # noqa: F811
    """Whatever was rejected, the same weights; and the loss falls."""
    others = [
        make_row(n, rejected=[assistant_turn("What else? " * (n + 1))])
        for n in range(NUM_ROWS)
    ]
    write_records(rows.with_name("others.jsonl"), others)
    options = {"objective": SFT, "method": "full", "learning_rate": 1e-3}
    told = train(rows, base, tmp_path / "a", **options)
    train(rows.with_name("others.jsonl"), base, tmp_path / "b", **options)
    first, *_, last = told["loss"]["by_epoch"]
    assert last < first
    one, other = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_reference_is_the_member_before_its_training(
    tiny_idefics3: Path, rows: Path, tmp_path: Path, method: str
) -> None:
    """So at the first step no pair differs from it: the loss of DPO is log 2."""
    told = train(
        rows,
        tiny_idefics3,
        tmp_path,
        method=method,
        objective=DPO,
        learning_rate=1e-3,
        num_epochs=3,
    )
    assert told["loss"]["first"] == pytest.approx(math.log(2), abs=1e-4)
    assert told["loss"]["by_epoch"][-1] < math.log(2)


def train_and_kill(rows: Path, start: Path, folder: Path, **changes: Any) -> None:
    """Train until the fourth batch, and no further."""
    compute = preferences.PreferenceTrainer.compute_loss
    calls = []

    def fail(self: Any, *args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return compute(self, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preferences.PreferenceTrainer, "compute_loss", fail)
        with pytest.raises(KeyboardInterrupt):
            train(rows, start, folder, **changes)


@pytest.mark.parametrize("objective", [SIMPO, MPO])
def test_a_killed_training_goes_on(
    tiny_idefics3: Path, rows: Path, tmp_path: Path, objective: Objective
) -> None:
    """To the same weights as one that nobody interrupted."""
    options = {"objective": objective, "method": "full"}
    train(rows, tiny_idefics3, tmp_path / "whole", **options)
    train_and_kill(rows, tiny_idefics3, tmp_path / "killed", **options)
    told = train(rows, tiny_idefics3, tmp_path / "killed", **options)
    assert told["resumed_from"] == "checkpoint-2"
    whole, killed = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert whole.keys() == killed.keys()
    assert all(torch.equal(whole[name], killed[name]) for name in whole)


def test_other_code_begins_a_killed_training_anew(
    tiny_idefics3: Path, rows: Path, tmp_path: Path
) -> None:
    """Steps of two codes in one model would be the work of neither."""
    train_and_kill(rows, tiny_idefics3, tmp_path, code="c")
    told = train(rows, tiny_idefics3, tmp_path, code="d")
    assert (told["resumed_from"], told["code"]) == (None, "d")


def test_accumulated_batches_make_one_mean(
    tiny_idefics3: Path, rows: Path, tmp_path: Path
) -> None:
    """Four pairs at once, or one by one: the same step, the same logged loss."""
    quick = {"num_epochs": 1, "learning_rate": 1e-3}
    together = train(
        rows, tiny_idefics3, tmp_path / "a", batch_size=4, rows_per_step=4, **quick
    )
    pieces = {"batch_size": 1, "rows_per_step": 4}
    apart = train(rows, tiny_idefics3, tmp_path / "b", **pieces, **quick)
    assert together["num_steps"] == apart["num_steps"] == 2
    assert together["loss"]["first"] == pytest.approx(apart["loss"]["first"], rel=1e-3)


def test_a_member_learns_from_its_own_rows(tiny_idefics3: Path, rows: Path) -> None:
    """From those for it and for all."""
    path = rows.parent / "mixed.jsonl"
    names = [None, "ada", "bea", "bea"]
    mixed = [make_row(n, for_member=name) for n, name in enumerate(names)]
    write_records(path, mixed)
    processor = load_processor(tiny_idefics3, trust_remote_code=False)

    def select(member: str) -> tuple[list[Any], list[str]]:
        folder = rows.parent
        return select_pairs(path, member, folder, tiny_idefics3, processor, settings())

    kept, left_out = select("ada")
    assert [pair[0].pair_id for pair in kept] == [mixed[0].id, mixed[1].id]
    assert left_out == []
    write_records(path, mixed[1:])
    with pytest.raises(ValueError, match=r"preference for cyd \(got none\)"):
        select("cyd")


@pytest.mark.parametrize("num_long", [1, 2, 10])
def test_at_most_a_tenth_of_preferences_may_be_too_long(
    tiny_idefics3: Path, rows: Path, caplog: pytest.LogCaptureFixture, num_long: int
) -> None:
    """As in the SFT: a member trained on what is short alone is another member."""
    path = rows.parent / "long.jsonl"
    words = [assistant_turn("very " * 200)]
    some = [make_row(n, images=("0.png",)) for n in range(10)]
    some[:num_long] = [
        msgspec.structs.replace(one, rejected=words) for one in some[:num_long]
    ]
    # What others learn from is not counted.
    others = [make_row(n, for_member="bea") for n in range(10, 30)]
    write_records(path, [*some, *others])
    processor = load_processor(tiny_idefics3, trust_remote_code=False)

    def select() -> tuple[list[Any], list[str]]:
        short, folder = settings(max_length=200), rows.parent
        return select_pairs(path, "ada", folder, tiny_idefics3, processor, short)

    if num_long == 1:
        kept, left_out = select()
        assert (len(kept), left_out) == (9, [some[0].id])
        assert "1 of 10 preferences have more than 200 tokens" in caplog.text
        return
    said = rf"90% of ada's .* tokens, 200 \(got {10 - num_long} of 10; the longest"
    with pytest.raises(ValueError, match=said) as error:
        select()
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"chosen": [assistant_turn(" ")]}, "must have a text to learn"),
        ({"images": ()}, "must have an image part for each image"),
        ({"rejected": [assistant_turn("(simulated) red")]}, "a rehearsal's"),
    ],
)
def test_rows_that_cannot_be_learnt_are_named(
    changes: dict[str, Any], told: str, tiny_idefics3: Path, tmp_path: Path
) -> None:
    path = tmp_path / "preferences.jsonl"
    write_records(path, [make_row(0, **changes)])
    processor = load_processor(tiny_idefics3, trust_remote_code=False)
    with pytest.raises(ValueError, match=told) as error:
        select_pairs(path, "ada", tmp_path, tiny_idefics3, processor, settings())
    assert str(path) in str(error.value) and make_row(0).id in str(error.value)


@pytest.mark.parametrize("field", ["beta", "gamma", "sft_weight"])
def test_an_objective_has_bounds(field: str) -> None:
    text = json.dumps(msgspec.to_builtins(SIMPO) | {field: -0.1})
    with pytest.raises(msgspec.ValidationError, match=f"'{field}' must be"):
        msgspec.json.decode(text, type=Objective)
