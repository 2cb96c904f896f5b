"""Models behind one door; only this package and `training` know a model.

A model stage makes two calls: `open_engine`, then `journal.run_requests`.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from selfjudge.engines.base import Engine, EngineSettings
from selfjudge.engines.checkpoints import engine_fingerprint, resolve_model

# What holds each engine.  Imported by name: an engine's libraries may not be here,
# and its code must not count as code of stages that ask another one.
MODULES = {
    "transformers": "transformers_engine",
    "vllm": "vllm_engine",
    "openai": "openai_engine",
    "simulator": "simulator",
    "replay": "replay",
}


def open_engine(
    settings: EngineSettings, model: str, revision: str | None, *, journal: Path
) -> Engine:
    """The engine of the settings with a model in it.

    ``model`` is a directory or a Hub id, ``revision`` a Hub branch, tag or
    commit; ``journal`` is the directory of all models' journals, which `replay`
    answers from.  Raises ValueError where the model cannot be used.
    """
    if settings.name == "simulator" and settings.simulator is None:
        raise ValueError(
            "engine: 'simulator' must be the section of that name (got none); see "
            "config.yaml"
        )
    module: Any = import_module(f"{__name__}.{MODULES[settings.name]}")
    if settings.name == "replay":
        path = resolve_model(model, revision, weights=False)
        fingerprint = engine_fingerprint(path, settings.dtype)
        engine: Engine = module.ReplayEngine(fingerprint, journal)
    elif settings.name == "openai":
        engine = module.OpenAIEngine(model, revision=revision, settings=settings.openai)
    elif settings.name == "vllm":
        engine = module.VLLMEngine(
            model,
            revision=revision,
            dtype=settings.dtype,
            device=settings.device,
            trust_remote_code=settings.trust_remote_code,
            settings=settings.vllm,
        )
    elif settings.name == "simulator":
        engine = module.SimulatorEngine(
            model, revision, settings.simulator, batch_size=settings.batch_size
        )
    else:
        engine = module.TransformersEngine(
            resolve_model(model, revision),
            dtype=settings.dtype,
            device=settings.device,
            batch_size=settings.batch_size,
            max_batch_tokens=settings.max_batch_tokens,
            trust_remote_code=settings.trust_remote_code,
        )
    return engine
