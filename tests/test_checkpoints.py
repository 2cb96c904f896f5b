"""Finding a model, refusing what is none, and naming exactly what it is."""

import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from selfjudge.engines import EngineSettings, checkpoints, open_engine
from selfjudge.engines.checkpoints import (
    model_fingerprint,
    read_version,
    resolve_model,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def model(tiny_idefics3: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_idefics3, tmp_path / "judge"))


@pytest.fixture
def hub(tiny_idefics3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Hub cache without a network that holds `lab/tiny` at one commit."""
    from huggingface_hub import constants

    repository = tmp_path / "hub" / "models--lab--tiny"
    snapshot = repository / "snapshots" / COMMIT
    shutil.copytree(tiny_idefics3, snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    # The library reads its environment once, when it is imported.
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return snapshot


def test_directory_is_taken_as_it_is(model: Path) -> None:
    """A directory with config and safetensors is its own answer."""
    assert resolve_model(str(model), None) == model


def test_hub_id_becomes_its_snapshot(hub: Path) -> None:
    """A Hub id, at any name of the commit, becomes the cached snapshot."""
    assert resolve_model("lab/tiny").resolve() == hub
    assert resolve_model("lab/tiny", "main").resolve() == hub
    assert resolve_model("lab/tiny", COMMIT).resolve() == hub
    assert model_fingerprint(hub) == f"lab--tiny@{COMMIT}"
    assert re.fullmatch(r"[\w@.-]+", model_fingerprint(hub, "float32"))


def test_hub_id_without_weights_is_enough_for_replay(hub: Path, tmp_path: Path) -> None:
    """A replay knows the model's name from a config alone and loads nothing."""
    (hub / "model.safetensors").unlink()
    settings = EngineSettings(name="replay", dtype="float32")
    engine = open_engine(settings, "lab/tiny", "main", journal=tmp_path)
    assert re.fullmatch(
        rf"lab--tiny@{COMMIT}-float32-[0-9a-f]{{8}}", engine.fingerprint
    )


@pytest.mark.parametrize(
    ("model_id", "revision", "message"),
    [
        ("lab/unknown", None, r"got 'lab/unknown'.*not in the Hub cache.*HF_HUB"),
        ("lab/tiny", "v2", r"got 'lab/tiny@v2'.*not in the Hub cache"),
        ("lab/ti ny", None, r"got 'lab/ti ny'.*HFValidationError"),
        ("results/iter1/judge", None, r"directory or a Hub id.*no such directory"),
        ("./lab/tiny", None, "no such directory"),
    ],
)
def test_model_that_is_not_there(
    hub: Path, model_id: str, revision: str | None, message: str
) -> None:
    """Neither directory nor Hub model: one line with what was given and a hint."""
    with pytest.raises(ValueError, match=message) as caught:
        resolve_model(model_id, revision)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("GatedRepoError", "HF_TOKEN"), ("RevisionNotFoundError", "revisions")],
)
def test_refusals_of_the_hub_carry_a_hint(
    name: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the Hub refuses is told together with what a person can do."""
    import huggingface_hub
    from huggingface_hub import errors

    def refuse(*args: object, **settings: object) -> None:
        response = SimpleNamespace(headers={}, request=None)
        raise getattr(errors, name)("Access is restricted", response=response)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(ValueError, match=f"lab/closed.*{name}.*{hint}"):
        resolve_model("lab/closed")


def test_directory_without_config(model: Path) -> None:
    """An adapter's directory is no model, and the error says what it holds."""
    (model / "config.json").unlink()
    with pytest.raises(ValueError, match=r"judge: must hold 'config\.json'.*model\.s"):
        resolve_model(str(model))
    shutil.rmtree(model)
    model.mkdir()
    with pytest.raises(ValueError, match="an empty directory"):
        resolve_model(str(model))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt"])
def test_pickled_weights_are_refused(model: Path, name: str) -> None:
    """Weights that can run code when opened are no weights."""
    (model / "model.safetensors").rename(model / name)
    with pytest.raises(ValueError, match=rf"must be '\*\.safetensors'.*{name}.*code"):
        resolve_model(str(model))


def test_missing_shard_is_named(model: Path) -> None:
    """An index whose files are not all there is an interrupted copy."""
    index = '{"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}'
    (model / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ValueError, match=r"missing model-2\.safetensors"):
        resolve_model(str(model))


def test_fingerprint_ignores_what_cannot_answer(model: Path) -> None:
    """Where a model came from, its adapter and its README do not change its name."""
    before = model_fingerprint(model)
    assert re.fullmatch(r"[0-9a-f]{24}", before)
    (model / "provenance.json").write_text("{}")
    (model / "README.md").write_text("A judge.")
    (model / "LICENSE.txt").write_text("Yours.")
    (model / "trainer_state.json").write_text("{}")
    (model / "training_args.bin").write_bytes(b"pickle")
    (model / "adapter").mkdir()
    (model / "adapter" / "adapter_model.safetensors").write_bytes(b"lora")
    assert model_fingerprint(model) == before
    moved = model.rename(model.with_name("moved"))
    assert model_fingerprint(moved) == before


@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "processor_config.json",
        "chat_template.jinja",
        "generation_config.json",
    ],
)
def test_fingerprint_sees_every_byte(model: Path, name: str) -> None:
    """One changed byte in any file that shapes an answer makes another model."""
    before = model_fingerprint(model)
    content = bytearray((model / name).read_bytes())
    content[-2] ^= 1
    (model / name).write_bytes(content)
    changed = model_fingerprint(model)
    assert changed != before
    (model / name).unlink()
    assert model_fingerprint(model) not in {before, changed}


def test_a_judge_is_not_read_where_its_version_tells(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a byte; but all of it once a file is younger, other in size, or new."""
    version = model.with_name(f"{model.name}.json")
    version.write_bytes(msgspec.json.encode(read_version(model)))
    whole = model_fingerprint(model)
    read = []
    monkeypatch.setattr(
        checkpoints, "file_sha256", lambda path: (read.append(path), "0")[1]
    )
    assert model_fingerprint(model) == whole == read_version_of(version)
    assert read == []
    weights = model / "model.safetensors"
    before = weights.read_bytes(), weights.stat().st_mtime_ns
    for content, mtime in (
        (before[0][:-1], before[1]),
        (before[0], version.stat().st_mtime_ns + 1),
    ):
        weights.write_bytes(content)
        os.utime(weights, ns=(mtime, mtime))
        assert model_fingerprint(model) != whole and read
        read.clear()
    weights.write_bytes(before[0])
    os.utime(weights, ns=(before[1], before[1]))
    assert model_fingerprint(model) == whole and not read
    (model / "more.safetensors").write_bytes(b"")
    os.utime(model / "more.safetensors", ns=(1, 1))
    assert model_fingerprint(model) != whole
    version.write_text('{"fingerprint": "of an older release"}')
    (model / "more.safetensors").unlink()
    read.clear()
    model_fingerprint(model)
    assert read, "a version without sizes tells nothing"


def read_version_of(path: Path) -> str:
    return str(msgspec.json.decode(path.read_bytes())["fingerprint"])


def test_fingerprint_tells_number_formats_apart(model: Path) -> None:
    """The same weights in bfloat16 answer differently."""
    names = {model_fingerprint(model, one) for one in ("auto", "float32", "bfloat16")}
    assert len(names) == 3
