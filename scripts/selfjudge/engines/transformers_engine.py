"""Vision-language models run by transformers: on a laptop, in CI, or where no
faster engine knows the model (Mllama today)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from logging import getLogger
from math import log
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    GenerationConfig,
    LogitsProcessorList,
)
from transformers.utils import logging

from selfjudge.engines.checkpoints import (
    engine_fingerprint,
    read_end_ids,
    resolve_model,
)
from selfjudge.engines.conversations import Conversations, open_images, texts_of
from selfjudge.engines.image_lengths import PLAIN, ImageLengths
from selfjudge.engines.mllama import hide_images_from_text_before
from selfjudge.engines.row_sampler import ChoiceRecorder, RowSampler
from selfjudge.engines.special_tokens import read_special_tokens
from selfjudge.ground.images import shown_size
from selfjudge.ground.requests import Generation, Request

logger = getLogger(__name__)

# Of a batch the log-probabilities of the choices, a row a request.
Weighing = Callable[[Sequence[Request]], list[list[float]]]
TEXTS_AT_ONCE = 1000  # enough to keep all tokenizer threads busy


class TransformersEngine:
    """A model directory or Hub id, loaded and ready to answer.

    The settings are those of `EngineSettings`.  On the CPU in float32 a batch
    gives the same bytes each time; what is decoded from a row follows from that
    row's request, up to rounding in the model itself (see `RowSampler`).
    Defaults in the model's generation_config.json are not followed, but for the
    tokens that end a text.
    """

    depends_on_batch = True
    waiting_seconds = None

    def __init__(
        self,
        model: str | Path,
        *,
        revision: str | None = None,
        dtype: str = "auto",
        device: str = "auto",
        batch_size: int = 8,
        max_batch_tokens: int | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        self.path = resolve_model(str(model), revision)
        self.fingerprint = engine_fingerprint(self.path, dtype)
        self.dtype = dtype
        self.batch_size = batch_size
        self.max_batch_tokens = max_batch_tokens
        self.trust_remote_code = trust_remote_code
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(device)
        self.num_gpus = int(self.device.type == "cuda")
        logging.disable_progress_bar()
        self.processor = AutoProcessor.from_pretrained(
            self.path, trust_remote_code=trust_remote_code
        )
        self.tokenizer = self.processor.tokenizer
        self.special = read_special_tokens(
            self.processor, read_end_ids(self.path), self.path
        )
        self.conversations = Conversations(self.processor, self.special)
        if self.tokenizer.pad_token_id is None:
            end = self.special.end_ids[0]
            self.tokenizer.pad_token = self.tokenizer.convert_ids_to_tokens(end)
        self.tokenizer.padding_side = "left"
        self.image_lengths = ImageLengths(self.processor)

    @cached_property
    def model(self) -> Any:
        """The model with its weights, loaded when it is first asked for."""
        model = AutoModelForImageTextToText.from_pretrained(
            self.path,
            dtype=self.dtype,
            use_safetensors=True,
            trust_remote_code=self.trust_remote_code,
        )
        model.to(self.device).eval()
        hide_images_from_text_before(model)
        # What generate is not told it would look up here.
        model.generation_config = GenerationConfig(
            do_sample=False,
            bos_token_id=self.tokenizer.bos_token_id,
            eos_token_id=self.special.end_ids,
            pad_token_id=self.tokenizer.pad_token_id,
        )
        return model

    def plan_batches(self, requests: Sequence[Request]) -> list[list[Request]]:
        """Batches of one ``max_tokens`` and number of images, alike in length.

        Longest first, so that too large a batch fails in the first minute.
        """
        return self._plan(requests, rows_each=1)

    def _plan(self, requests: Sequence[Request], rows_each: int) -> list[list[Request]]:
        """Batches of requests that take ``rows_each`` sequences each."""
        lengths = self._estimate_lengths(requests)

        def kind(request: Request) -> tuple[int, int]:
            return request.sampling.max_tokens, len(request.images)

        def fits(request: Request, batch: list[Request]) -> bool:
            rows = (len(batch) + 1) * rows_each
            # The first of a batch has its longest prompt.
            longest = lengths[batch[0].id] + request.sampling.max_tokens
            return (
                kind(request) == kind(batch[0])
                and rows <= self.batch_size
                and rows * longest <= (self.max_batch_tokens or rows * longest)
            )

        batches: list[list[Request]] = []
        for request in sorted(
            requests, key=lambda r: (*kind(r), lengths[r.id], r.id), reverse=True
        ):
            if batches and fits(request, batches[-1]):
                batches[-1].append(request)
            else:
                batches.append([request])
        return batches

    def _estimate_lengths(self, requests: Sequence[Request]) -> dict[str, int]:
        """Prompt lengths in tokens by request id, near enough to sort by.

        Exact for the text but for the template's marks; an image counts by its
        size, which only the header of its file is read for.
        """
        texts = list(
            dict.fromkeys(text for request in requests for text in texts_of(request))
        )
        known: dict[str, int] = {}
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            chunk = texts[start : start + TEXTS_AT_ONCE]
            rows = self.tokenizer(chunk, add_special_tokens=False)["input_ids"]
            known |= zip(chunk, map(len, rows), strict=True)
        by_image: dict[tuple[str, int | None], int] = {}
        for request in requests:
            for path in request.images:
                key = path, request.max_pixels
                if key not in by_image:
                    by_image[key] = 1 + self.image_lengths.count(shown_size(*key))
        return {
            request.id: sum(known[text] for text in texts_of(request))
            + sum(by_image[path, request.max_pixels] for path in request.images)
            for request in requests
        }

    def show(self, request: Request) -> str:
        """The request in the model's chat template."""
        return self.conversations.show(request)

    def start(self) -> None:
        """Load the weights, unless they are."""
        assert self.model is not None

    def generate(self, batch: Sequence[Request]) -> Iterator[Generation]:
        """One generation for each request of the batch, in the batch's order.

        Lengths count the end token too.  Where memory does not suffice, the halves
        of the batch are answered one after the other.  An image that the processor
        refuses gets an empty text that is cut off at once, and a line in the log.
        Raises ValueError where images and image parts do not match, OSError where an
        image cannot be decoded.
        """
        try:
            answers = self._answer(batch)
        except torch.OutOfMemoryError as error:
            if len(batch) == 1:
                raise
            # Not here, where the error still holds on to what it was computed with.
            logger.warning("%d rows are too many: %s", len(batch), first_line(error))
        except ImageRefusedError as error:
            if len(batch) == 1:
                yield self._refuse(batch[0], error)
                return
        else:
            yield from answers
            return
        if self.num_gpus:
            torch.cuda.empty_cache()
        half = (len(batch) + 1) // 2
        yield from self.generate(batch[:half])
        yield from self.generate(batch[half:])

    def _refuse(self, request: Request, error: Exception) -> Generation:
        """The answer to a request whose images the processor does not take."""
        self._log_refused(request, error)
        return self.conversations.read(request, [], [])

    def _log_refused(self, request: Request, error: Exception) -> None:
        """One line for people."""
        names = ", ".join(request.images)
        logger.warning("request %s: %s refused: %s", request.id, names, error)

    def _answer(self, batch: Sequence[Request]) -> list[Generation]:
        """The generations of a batch, as `generate` has them."""
        images = open_images(batch)
        texts = [
            self.conversations.render(request, add_generation_prompt=True)
            for request in batch
        ]
        inputs = self._encode(texts, [[images[p] for p in r.images] for r in batch])
        samplings = [request.sampling for request in batch]
        sampler = RowSampler(
            samplings,
            [request.seed for request in batch],
            self.special.writable_ids,
            self.special.end_ids[0],
            self.model.device,
        )
        choices = {choice for request in batch for choice in request.choices}
        recorder = ChoiceRecorder(self.conversations.choice_ids(sorted(choices)))
        with torch.inference_mode():
            sequences = self.model.generate(
                **inputs,
                max_new_tokens=max(sampling.max_tokens for sampling in samplings),
                logits_processor=LogitsProcessorList(
                    [recorder, sampler] if recorder.ids else [sampler]
                ),
            )
        width = inputs["input_ids"].shape[1]
        starts = (width - inputs["attention_mask"].sum(dim=1)).tolist()
        rows = zip(batch, sequences.tolist(), starts, strict=True)
        return [
            self.conversations.read(
                request,
                ids[width:],
                ids[start:width],
                told=partial(recorder.tell, row) if recorder.ids else None,
            )
            for row, (request, ids, start) in enumerate(rows)
        ]

    def choice_logprobs(
        self, requests: Sequence[Request], choices: Sequence[str]
    ) -> Iterator[tuple[str, list[float]]]:
        """For each request, in any order, its id and each choice's log-probability.

        Natural logs, summed over the tokens that follow the conversation once the
        choice is appended.  Where a choice changes how the end of the
        conversation is cut into tokens ("[[" and "A" become "[[A"), all choices
        are scored from the first token that any of them changes, so that the
        sums stay comparable.  Sampling and seed play no part.  Where each choice is
        one more token a conversation is read once, else once a choice.  Where the
        processor refuses an image, all choices weigh alike, and the log has a line.
        """
        begun = {
            request.id: self.conversations.render(request, continue_final_message=True)
            for request in requests
        }
        ids = {
            request_id: self.conversations.next_ids(text, choices)
            for request_id, text in begun.items()
        }
        weigh_next = partial(self._weigh_next, begun=begun, ids=ids)
        for batch in self._plan([one for one in requests if ids[one.id]], rows_each=1):
            yield from self._weigh(batch, choices, weigh_next)
        weigh_whole = partial(self._weigh_whole, begun=begun, choices=choices)
        slow = [one for one in requests if not ids[one.id]]
        for batch in self._plan(slow, rows_each=len(choices)):
            yield from self._weigh(batch, choices, weigh_whole)

    def _weigh(
        self, batch: Sequence[Request], choices: Sequence[str], weigh: Weighing
    ) -> Iterator[tuple[str, list[float]]]:
        """The log-probabilities of one batch, as `choice_logprobs` has them."""
        try:
            told = weigh(batch)
        except ImageRefusedError as error:
            if len(batch) == 1:
                self._log_refused(batch[0], error)
                yield batch[0].id, [-log(len(choices))] * len(choices)
            else:
                for request in batch:
                    yield from self._weigh([request], choices, weigh)
            return
        for request, logprobs in zip(batch, told, strict=True):
            yield request.id, logprobs

    def _weigh_next(
        self,
        batch: Sequence[Request],
        begun: Mapping[str, str],
        ids: Mapping[str, tuple[int, ...]],
    ) -> list[list[float]]:
        """Of each request the logprobs of its ``ids`` as the next token.

        ``begun`` are the conversations that they continue, as the model reads them.
        """
        images = open_images(batch)
        texts = [begun[request.id] for request in batch]
        inputs = self._encode(texts, [[images[p] for p in r.images] for r in batch])
        wanted = torch.tensor([ids[request.id] for request in batch])
        with torch.inference_mode():
            logits = self.model(**inputs, logits_to_keep=1, use_cache=False).logits
        logprobs = logits[:, -1].float().log_softmax(dim=-1)
        told: list[list[float]] = logprobs.gather(-1, wanted.to(self.device)).tolist()
        return told

    def _weigh_whole(
        self,
        batch: Sequence[Request],
        begun: Mapping[str, str],
        choices: Sequence[str],
    ) -> list[list[float]]:
        """Of each request the logprobs of all tokens that a choice adds or changes."""
        images = open_images(batch)
        texts, rows_of_images, num_scored = [], [], []
        for request in batch:
            prefix = begun[request.id]
            texts += [prefix + choice for choice in choices]
            rows_of_images += [[images[p] for p in request.images]] * len(choices)
            num_scored += self.conversations.count_scored(prefix, choices)
        inputs = self._encode(texts, rows_of_images)
        sums = self._sum_logprobs(inputs, num_scored)
        return [
            sums[start : start + len(choices)]
            for start in range(0, len(sums), len(choices))
        ]

    def _sum_logprobs(self, inputs: Any, num_scored: list[int]) -> list[float]:
        """The log-probability of the last ``num_scored`` tokens of each row."""
        keep = max(num_scored) + 1
        with torch.inference_mode():
            logits = self.model(**inputs, logits_to_keep=keep, use_cache=False).logits
        sums = []
        for row, count in enumerate(num_scored):
            # The logits at a place speak of the token after it.
            logprobs = logits[row, -count - 1 : -1].float().log_softmax(dim=-1)
            ids = inputs["input_ids"][row, -count:] if count else []
            sums.append(sum(logprobs[i, token].item() for i, token in enumerate(ids)))
        return sums

    def _encode(self, texts: list[str], images: list[list[Image.Image]]) -> Any:
        """The model's inputs, one row a text, padded on the left.

        Raises ImageRefusedError where the processor takes other images, but not these.
        """
        try:
            inputs = self._process(texts, images)
        except ValueError as error:
            plain = [[Image.new("RGB", PLAIN) for _ in row] for row in images]
            self._process(texts, plain)  # raises if it is not the images
            raise ImageRefusedError(first_line(error)) from error
        return inputs.to(self.model.device, self.model.dtype)

    def _process(self, texts: list[str], images: list[list[Image.Image]]) -> Any:
        return self.processor(
            text=texts,
            images=images if any(images) else None,
            padding=True,
            add_special_tokens=self.conversations.needs_bos(texts[0]),
            return_tensors="pt",
        )


class ImageRefusedError(ValueError):
    """The processor does not take an image of this shape."""


def first_line(error: Exception) -> str:
    """What an error says, without what a library adds below."""
    return str(error).strip().split("\n")[0][:200]
