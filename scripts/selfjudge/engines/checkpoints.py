"""Where a model's files are, and a name for exactly what is in them."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from selfjudge.ground.code_fingerprints import module_text
from selfjudge.ground.lines import file_sha256

# The code between weights and texts: rendering, images, sampling, decoding.
ANSWERING = (
    "engines.transformers_engine",
    "engines.conversations",
    "engines.image_lengths",
    "engines.mllama",
    "engines.row_sampler",
    "engines.special_tokens",
    "ground.images",
)
# What may determine an answer; the rest of a directory (README, licence,
# adapter/, optimizer states) may change without making a model another one.
MODEL_SUFFIXES = (".safetensors", ".json", ".jinja", ".model", ".txt", ".py")
NOT_MODEL = re.compile(
    r"provenance\.json|certificate\.json|trainer_state\.json|.*_results\.json|(readme|license|notice).*",
    re.IGNORECASE,
)
INDEX = "model.safetensors.index.json"
# The Hub cache's own layout; its directory names are safe as file names.
SNAPSHOT = re.compile(r"/models--(?P<id>[^/]+)/snapshots/(?P<commit>[0-9a-f]{40})$")


def resolve_model(
    model: str, revision: str | None = None, *, weights: bool = True
) -> Path:
    """The directory of a model: the one named, or the snapshot of a Hub id.

    ``revision`` (branch, tag or commit; None is the default branch) speaks of the
    Hub only.  Without ``weights`` just a config is fetched and asked for, enough
    to know the fingerprint.  Raises ValueError on a model that is not there, not
    allowed, or not in safetensors.
    """
    path = Path(model)
    if not path.is_dir():
        if path.exists() or model.startswith(("/", ".", "~")) or model.count("/") != 1:
            raise ValueError(
                f"model: must be a directory or a Hub id such as 'org/name' "
                f"(got '{model}', and there is no such directory)"
            )
        patterns = [f"*{suffix}" for suffix in MODEL_SUFFIXES]
        path = download_snapshot(
            model, revision, patterns if weights else ["config.json"]
        )
    check_config(path)
    if weights:
        check_weights(path)
    return path


def download_snapshot(model_id: str, revision: str | None, patterns: list[str]) -> Path:
    """The directory in the Hub cache of one model at one revision, fetched if new.

    Only files that match one of the ``patterns`` are fetched.  Raises ValueError
    with what the Hub said, in one line, and what to do.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return Path(
            snapshot_download(model_id, revision=revision, allow_patterns=patterns)
        )
    except GatedRepoError as error:
        hint = "accept its licence on its page, then export HF_TOKEN"
        failure: Exception = error
    except RevisionNotFoundError as error:
        hint, failure = "see the revisions on the model's page", error
    except RepositoryNotFoundError as error:
        hint = "check the spelling; a private model needs HF_TOKEN"
        failure = error
    except LocalEntryNotFoundError as error:
        hint = (
            "it is not in the Hub cache and the Hub does not answer: fetch it once "
            "where there is a network, unset HF_HUB_OFFLINE, or set HF_HUB_CACHE"
        )
        failure = error
    except HFValidationError as error:
        hint, failure = "a Hub id looks like 'org/name'", error
    except OSError as error:
        hint, failure = "is there room in the Hub cache (HF_HUB_CACHE)?", error
    name = model_id if revision is None else f"{model_id}@{revision}"
    said = " ".join(str(failure).split())[:200]
    raise ValueError(
        f"model: must be a directory or a model that the Hub hands out "
        f"(got '{name}': {type(failure).__name__}: {said}); {hint}"
    ) from failure


def check_config(path: Path) -> None:
    """Raise ValueError unless a directory holds a model's config."""
    if not (path / "config.json").is_file():
        raise ValueError(
            f"{path}: must hold 'config.json' (got {list_names(path)}); a LoRA "
            f"adapter alone is no model: merge it into its base model first"
        )


def check_weights(path: Path) -> None:
    """Raise ValueError unless a directory holds whole weights in safetensors."""
    index = path / INDEX
    if index.is_file():
        shards = set(msgspec.json.decode(index.read_bytes())["weight_map"].values())
        missing = sorted(name for name in shards if not (path / name).is_file())
        if missing:
            raise ValueError(
                f"{path}: must hold every file named in '{INDEX}' (missing "
                f"{', '.join(missing[:3])}); was the copy interrupted?"
            )
    elif not any(path.glob("*.safetensors")):
        raise ValueError(
            f"{path}: weights must be '*.safetensors' (got {list_names(path)}); "
            f"'.bin' and '.pt' files can run code when opened: convert them once "
            f"with save_pretrained"
        )


def list_names(path: Path, most: int = 8) -> str:
    """The first few names in a directory, for an error message."""
    names = sorted(entry.name for entry in path.iterdir())
    more = ", ..." if len(names) > most else ""
    return ", ".join(names[:most]) + more if names else "an empty directory"


def engine_fingerprint(
    path: Path, dtype: str, answering: Sequence[str] = ANSWERING
) -> str:
    """`model_fingerprint` with a hash of the code that makes texts of weights.

    ``answering`` are that code's modules, below this package.  The journal must not
    hand out what an engine answered before it was mended.
    """
    return f"{model_fingerprint(path, dtype)}-{code_hash(answering)}"


def code_hash(answering: Sequence[str]) -> str:
    """8 hex digits over the code of modules, errors' wording and imports left out."""
    root = Path(__file__).parents[2]
    code = "\0".join(module_text(root, f"selfjudge.{name}") for name in answering)
    return hashlib.sha256(code.encode()).hexdigest()[:8]


def read_end_ids(path: Path) -> int | list[int] | None:
    """The ids that generation_config.json says end a text; None if it names none."""
    file = path / "generation_config.json"
    if not file.is_file():
        return None
    ids: int | list[int] | None = msgspec.json.decode(file.read_bytes()).get(
        "eos_token_id"
    )
    return ids


def model_fingerprint(path: Path, dtype: str = "auto") -> str:
    """A file name that two models share only if they answer alike.

    A snapshot in the Hub cache is named by its id and commit, any other
    directory by 24 hex digits of a sha256 over its answer-determining files.
    Computing in another ``dtype`` than the checkpoint's own is another model.
    """
    hub = SNAPSHOT.search(path.resolve().as_posix())
    name = f"{hub['id']}@{hub['commit']}" if hub else hash_directory(path)
    return name if dtype == "auto" else f"{name}-{dtype}"


def hash_directory(path: Path) -> str:
    """24 hex digits over names and contents of the files that make a model.

    Of a trained judge they stand in the file beside it, which spares reading 22 GB
    in every job: it is believed if it is younger than the files and tells their sizes.
    """
    # "." has a name in its absolute form alone.
    named = path if path.name else path.absolute()
    version = named.with_name(f"{named.name}.json")
    try:
        told = msgspec.json.decode(version.read_bytes(), type=Version)
        written = version.stat().st_mtime_ns
    except (OSError, msgspec.DecodeError):
        return hash_files(path)
    stats = {file.name: file.stat() for file in model_files(path)}
    is_younger = all(stat.st_mtime_ns <= written for stat in stats.values())
    sizes = {name: stat.st_size for name, stat in stats.items()}
    return told.fingerprint if is_younger and sizes == told.sizes else hash_files(path)


def hash_files(path: Path) -> str:
    """As `hash_directory`, from every byte of the files."""
    digest = hashlib.sha256()
    for file in model_files(path):
        digest.update(msgspec.json.encode((file.name, file_sha256(file))))
    return digest.hexdigest()[:24]


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """What a trained judge is, in the file beside its directory: `judge.json`.

    ``fingerprint`` is that of `hash_files`, ``sizes`` are bytes by file name.
    """

    fingerprint: str
    sizes: dict[str, int]


def read_version(path: Path) -> Version:
    """What a directory is, all of it read."""
    sizes = {file.name: file.stat().st_size for file in model_files(path)}
    return Version(fingerprint=hash_files(path), sizes=sizes)


def model_files(path: Path) -> list[Path]:
    """The files of a directory that may determine an answer, by name."""
    return [
        file
        for file in sorted(path.iterdir())
        if file.is_file() and is_model_file(file.name)
    ]


def is_model_file(name: str) -> bool:
    """Whether a file of this name may determine what the model answers."""
    return name.endswith(MODEL_SUFFIXES) and not NOT_MODEL.fullmatch(name)
