"""Engines: who answers; beside `training` the only room that knows a model.

In: requests.  Out: generations, each kept in a journal before anybody sees it.
A model stage makes one call, `stage.answer_requests`; the probe, which asks for three
stages in turn, holds a `stage.Model`.

Read `base` (what an engine is), `sections` (their settings), `stage`, `journal`
with `journal_files`, `journal_index` and `progress`, then the engines:
`transformers_engine` (with `conversations`, `image_lengths`, `mllama`, `row_sampler`,
`special_tokens`), `vllm_engine` (with `vllm_dialects`, `vllm_blocking`, `ahead`),
`openai_engine` (with `openai_bodies`), `replay`, `simulator`; `weighing`, which has
one of them weigh choices instead of writing; and `checkpoints`:
which weights a name means; `devices`: what they are computed on.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from selfjudge.engines.base import Engine, EngineSettings
from selfjudge.engines.checkpoints import engine_fingerprint, resolve_model
from selfjudge.engines.devices import find_device
from selfjudge.engines.sections import read_section

# Each engine's class, as "module:class" below this package.  Imported by name: an
# engine's libraries may not be here, and its code must not count as code of stages
# that ask another one.
ENGINES = {
    "transformers": "transformers_engine:TransformersEngine",
    "vllm": "vllm_engine:VLLMEngine",
    "openai": "openai_engine:OpenAIEngine",
    "simulator": "simulator:SimulatorEngine",
    "replay": "replay:ReplayEngine",
}


def find_engine(name: str) -> Any:
    """The class of an engine; importing it needs the engine's libraries."""
    module, _, engine = ENGINES[name].partition(":")
    # transformers would import it, with scipy and pandas, for a way of decoding that is
    # not used here: 3.6 to 3.9 s of CPU without, 4.3 to 4.7 with it (n = 3).
    with hidden("sklearn"):
        return getattr(import_module(f"{__name__}.{module}"), engine)


@contextmanager
def hidden(package: str) -> Iterator[None]:
    """Have imports take a package for one that is not installed, if none has it yet."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]


def open_engine(
    settings: EngineSettings, model: str, revision: str | None, *, journal: Path
) -> Engine:
    """The engine of the settings with a model in it.

    ``model`` is a directory or a Hub id, ``revision`` a Hub branch, tag or
    commit; ``journal`` is the directory of all models' journals, which `replay`
    answers from.  Raises ValueError where the model cannot be used, or where the
    engine's own section is not as it must be.
    """
    engine_class = find_engine(settings.name)
    if settings.name == "replay":
        path = resolve_model(model, revision, weights=False)
        fingerprint = engine_fingerprint(path, settings.dtype)
        engine: Engine = engine_class(fingerprint, journal)
    elif settings.name == "openai":
        engine = engine_class(
            model,
            revision=revision,
            settings=read_section(settings.openai, engine_class.section, "openai"),
        )
    elif settings.name == "vllm":
        engine = engine_class(
            model,
            revision=revision,
            dtype=settings.dtype,
            device=settings.device,
            trust_remote_code=settings.trust_remote_code,
            settings=read_section(settings.vllm, engine_class.section, "vllm"),
        )
    elif settings.name == "simulator":
        engine = engine_class(
            model,
            revision,
            read_section(settings.simulator, engine_class.section, "simulator"),
            batch_size=settings.batch_size,
        )
    else:
        engine = engine_class(
            resolve_model(model, revision),
            dtype=settings.dtype,
            device=find_device(settings.device),
            batch_size=settings.batch_size,
            max_batch_tokens=settings.max_batch_tokens,
            trust_remote_code=settings.trust_remote_code,
        )
    return engine
