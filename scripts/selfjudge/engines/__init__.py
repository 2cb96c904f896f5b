"""Models behind one door; only this package and `training` know a model.

A model stage makes two calls: `open_engine`, then `journal.run_requests`.
"""

from importlib import import_module
from pathlib import Path

from selfjudge.engines.base import Engine, EngineSettings
from selfjudge.engines.checkpoints import engine_fingerprint, resolve_model
from selfjudge.engines.replay import ReplayEngine


def open_engine(
    settings: EngineSettings, model: str, revision: str | None, *, journal: Path
) -> Engine:
    """The engine of the settings with a model in it.

    ``model`` is a directory or a Hub id, ``revision`` a Hub branch, tag or
    commit; ``journal`` is the directory of all models' journals, which `replay`
    answers from.  Raises ValueError where the model cannot be used.
    """
    if settings.name == "replay":
        path = resolve_model(model, revision, weights=False)
        return ReplayEngine(engine_fingerprint(path, settings.dtype), journal)
    if settings.name == "openai":
        from selfjudge.engines.openai_engine import OpenAIEngine

        return OpenAIEngine(model, revision=revision, settings=settings.openai)
    if settings.name == "vllm":
        from selfjudge.engines.vllm_engine import VLLMEngine

        return VLLMEngine(
            model,
            revision=revision,
            dtype=settings.dtype,
            device=settings.device,
            trust_remote_code=settings.trust_remote_code,
            settings=settings.vllm,
        )
    if settings.name == "simulator":
        if settings.simulator is None:
            raise ValueError(
                "engine: 'simulator' must be the section of that name (got none); see "
                "config.yaml"
            )
        # By its name: it states answers and verdicts, and what it is made of must
        # not become part of the stages, or a better parser would judge all again.
        simulator = import_module("selfjudge.engines.simulator")
        engine: Engine = simulator.SimulatorEngine(
            model, revision, settings.simulator, batch_size=settings.batch_size
        )
        return engine
    path = resolve_model(model, revision)
    # Here, not above: torch takes seconds to import and may not be installed.
    from selfjudge.engines.transformers_engine import TransformersEngine

    return TransformersEngine(
        path,
        dtype=settings.dtype,
        device=settings.device,
        batch_size=settings.batch_size,
        max_batch_tokens=settings.max_batch_tokens,
        trust_remote_code=settings.trust_remote_code,
    )
