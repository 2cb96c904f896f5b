"""What a server with OpenAI's interface is sent, and what its replies say."""

import base64
import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from PIL import Image

from selfjudge.engines.sections import OpenAISettings
from selfjudge.ground.images import fit_size, open_rgb
from selfjudge.ground.requests import Generation, LastChoice, Request

# Marks of the common families, for models whose own we cannot read.
COMMON_MARKS = re.compile(
    r"<\|[^<>|\s]{1,40}\|>|</?s>|<(?:image|img|end_of_utterance|fake_token_around_image"
    r"|start_of_turn|end_of_turn|eos|bos|pad|unk)>|\[/?INST\]|\[IMG\]"
    r"|</?(?:think|tool_call|tool_response)>"
)
# What servers say of a prompt longer than the model reads.
TOO_LONG = re.compile(
    r"context_length_exceeded|maximum (?:context|model) length|longer than the maximum",
    re.IGNORECASE,
)
# What vendors say of a prompt that their filter does not let through.
UNWANTED = re.compile(
    r"content_filter|content management policy|content_?policy_?violation"
    r"|flagged as potentially violating",
    re.IGNORECASE,
)
# The answers to these: nothing, as any engine for want of room; nothing, as of a
# text that the server withheld.
NO_ROOM = {"choices": [{"message": {}, "finish_reason": "length"}]}
WITHHELD = {"choices": [{"message": {}, "finish_reason": "content_filter"}]}
ORIENTATION = 0x0112
# What a server writes where a log-probability is minus infinity.
CUT_OFF = -9999.0
# The likeliest tokens told in each place of a text: of two letters between which a
# judge decides both are among them, and each one more is sent for every token.
MOST_LIKELY = 5


class ServerError(ValueError):
    """The server said no, or nothing for too long."""


class ClosedError(ServerError):
    """The server says no to whatever it is asked."""


def find_defuse(folder: Path | None) -> Callable[[str], str]:
    """What breaks up a special token that a text spells out.

    Those of the tokenizer in a model's folder; without one, the common families'.
    """
    if folder is None:
        return lambda text: COMMON_MARKS.sub(lambda m: f"{m[0][0]} {m[0][1:]}", text)
    from transformers import AutoProcessor

    from selfjudge.engines.checkpoints import read_end_ids
    from selfjudge.engines.special_tokens import read_special_tokens

    processor = AutoProcessor.from_pretrained(folder)
    return read_special_tokens(processor, read_end_ids(folder), folder).defuse


def write_body(
    request: Request,
    ending: str | None,
    model: str,
    settings: OpenAISettings,
    defuse: Callable[[str], str],
    *,
    tells_choices: bool = False,
) -> dict[str, Any]:
    """The request as the server wants it, for a text; with an ``ending``, for the
    logprobs of the conversation that ends with it.

    Those in the text are asked for of a server that ``tells_choices``.  Raises
    ValueError where images and image parts do not match.
    """
    images = [encode_image(path, request.max_pixels) for path in request.images]
    num_parts = sum(
        part["type"] == "image" for turn in request.messages for part in turn["content"]
    )
    if num_parts != len(images):
        raise ValueError(
            f"request {request.id}: 'messages' must hold one image part for each "
            f"of its images (got {num_parts} parts, {len(images)} images)"
        )
    sampling = request.sampling
    body: dict[str, Any] = {
        "model": model,
        "messages": write_messages(request, iter(images), defuse),
        settings.max_tokens_field: sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": request.seed % 2**63,
    }
    # What a request does not say, a server takes from its model's own settings.
    body |= {"presence_penalty": 0.0, "frequency_penalty": 0.0}
    if settings.top_k:
        body["top_k"] = sampling.top_k or -1
        body |= {"repetition_penalty": 1.0, "min_p": 0.0}
    elif sampling.top_k:
        raise ServerError(
            f"'sampling.top_k' must be 0 for a server that does not know it (got "
            f"{sampling.top_k}, and 'engine.openai.top_k' is false)"
        )
    if tells_choices and ending is None:
        body |= {"logprobs": True, "top_logprobs": MOST_LIKELY}
    if ending is not None:
        body["messages"][-1]["content"][-1]["text"] += ending
        body |= {
            "add_generation_prompt": False,
            "continue_final_message": True,
            "prompt_logprobs": 0,
            settings.max_tokens_field: 1,  # none is not allowed
            "temperature": 0.0,
        }
    return body


def write_messages(
    request: Request, images: Iterator[str], defuse: Callable[[str], str]
) -> list[dict[str, Any]]:
    """The turns, with each image inside as a data URI."""
    return [
        {
            "role": turn["role"],
            "content": [
                {"type": "image_url", "image_url": {"url": next(images)}}
                if part["type"] == "image"
                else {"type": "text", "text": defuse(part["text"])}
                for part in turn["content"]
            ],
        }
        for turn in request.messages
    ]


def encode_image(path: str, max_pixels: int | None = None) -> str:
    """An image file as a data URI: its own bytes, or a PNG of what we would see."""
    with Image.open(path) as stored:
        # An MPO is a JPEG with more pictures behind it, as many phones write.
        kinds = {"PNG": "png", "JPEG": "jpeg", "MPO": "jpeg"}
        kind = kinds.get(str(stored.format))
        fits = fit_size(stored.size, max_pixels) == stored.size
        upright = stored.getexif().get(ORIENTATION, 1) == 1
        if (
            kind
            and fits
            and upright
            and stored.mode == "RGB"
            and "transparency" not in stored.info
        ):
            return as_data_uri(kind, Path(path).read_bytes())
    buffer = io.BytesIO()
    open_rgb(path, max_pixels).save(buffer, "PNG")
    return as_data_uri("png", buffer.getvalue())


def as_data_uri(kind: str, content: bytes) -> str:
    """The URI that holds an image's bytes."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def reply_to_refused(text: str) -> dict[str, Any] | None:
    """The reply that stands for a refusal of one prompt; None if it is another.

    ``text`` is the body of a reply with status 400.
    """
    if TOO_LONG.search(text):
        return dict(NO_ROOM)
    return dict(WITHHELD) if UNWANTED.search(text) else None


def read_reply(request: Request, reply: dict[str, Any]) -> Generation:
    """The generation in a reply; a text that the server withheld is empty."""
    choice, usage = reply["choices"][0], reply.get("usage") or {}
    details = usage.get("prompt_tokens_details") or {}
    text = choice["message"].get("content") or ""
    return Generation(
        request_id=request.id,
        text=text,
        finish_reason="length" if choice.get("finish_reason") == "length" else "stop",
        num_prompt_tokens=usage.get("prompt_tokens", 0),
        num_output_tokens=usage.get("completion_tokens", 0),
        num_cached_prompt_tokens=details.get("cached_tokens"),
        last_choice=find_choice(text, choice.get("logprobs"), request.choices),
    )


class ToldToken(msgspec.Struct):
    """A token of a text, with its log-probability, or one that might stand there.

    It may be a part of a character, which has ``codes`` and no text.
    """

    token: str
    logprob: float
    codes: list[Annotated[int, msgspec.Meta(ge=0, le=255)]] | None = msgspec.field(
        name="bytes", default=None
    )
    top_logprobs: list["ToldToken"] = []

    @property
    def content(self) -> bytes:
        """Its bytes."""
        return self.token.encode() if self.codes is None else bytes(self.codes)


class ToldText(msgspec.Struct):
    """What a server tells of the log-probabilities in a text."""

    content: list[ToldToken]


def find_choice(text: str, told: Any, choices: Sequence[str]) -> LastChoice | None:
    """The last of a text's tokens that is a choice and no more, as a server tells it.

    None where it tells nothing that can be read, where its tokens do not spell the
    text, or where another choice was too unlikely to be told.
    """
    try:
        tokens = msgspec.convert(told, ToldText).content if choices else []
    except msgspec.ValidationError:
        return None
    names = {choice.encode(): choice for choice in choices}
    places = [at for at, token in enumerate(tokens) if token.content in names]
    if not places:
        return None
    place = places[-1]
    before = b"".join(token.content for token in tokens[:place])
    if not text.encode().startswith(before + tokens[place].content):
        return None
    likely = [*tokens[place].top_logprobs, tokens[place]]
    logprobs = {
        names[one.content]: one.logprob for one in likely if one.content in names
    }
    if len(logprobs) < len(names) or min(logprobs.values()) <= CUT_OFF:
        return None
    return LastChoice(start=len(before.decode()), logprobs=logprobs)


def read_prompt(request: Request, reply: dict[str, Any]) -> list[tuple[str, float]]:
    """The token ids of a prompt with their log-probabilities; the first has none."""
    rows = reply.get("prompt_logprobs")
    if not rows:
        raise ServerError(
            f"request {request.id}: the server must tell 'prompt_logprobs' (got none); "
            "vLLM does"
        )
    return [
        (token, float(told["logprob"]))
        for row in rows[1:]
        for token, told in list((row or {}).items())[:1]
    ]
