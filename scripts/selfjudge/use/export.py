"""A judge as a folder fit for the Hub: weights, how it is asked, and a model card."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

from selfjudge.ground.lines import read_json
from selfjudge.ground.places import iteration_folders
from selfjudge.ground.versions import own_version
from selfjudge.use.asked import FOLDER, read_asked
from selfjudge.use.trust import FILE as CERTIFICATE
from selfjudge.use.trust import read_trust

TEMPLATE = Path(__file__).parents[2] / "templates" / "model_card.md"
PROVENANCE = "provenance.json"
ADAPTER = "adapter"
WEIGHTS = re.compile(r".*\.(safetensors|safetensors\.index\.json)")
# What a base model's folder may hold that does not speak of the judge.
NOT_TAKEN = ("README.md", ".gitattributes")
PLACE = re.compile(r"iter(\d+)/([^/]+)/judge$")


class Named(NamedTuple):
    """Which judge of a run it is; None where nothing says so."""

    iteration: int | None
    filter: str | None


class Base(NamedTuple):
    """The model that training began with, through ``num_judges`` trained before.

    ``folder`` is where its files lie; None where no such folder is found here.
    ``is_on_hub``: whether its name is one of the Hub's, by what training said.
    """

    name: str
    revision: str | None
    folder: Path | None
    num_judges: int
    is_on_hub: bool


def export_judge(
    judge: Path,
    output: Path,
    *,
    results: Path | None = None,
    is_adapter: bool = False,
    licence: str | None = None,
) -> Path:
    """Write a judge's folder for others, with its card; returns ``output``.

    ``results`` is the folder of its run, for benchmarks; None: where the judge lies.
    ``licence`` is the base model's, as the Hub names it; None: what the base's own
    card says.  The folder appears when it is whole.  Raises ValueError where the
    judge is none, has no adapter, or one over another judge, or ``output`` is there
    already.
    """
    read_asked(judge)
    provenance = read_provenance(judge)
    base = find_base(judge, provenance)
    method = provenance["settings"].get("method")
    if is_adapter and method == "full":
        raise ValueError(
            f"--adapter: must be of a judge trained with 'train.method' 'lora' (got "
            f"'{judge}', trained with '{method}'). Hint: leave --adapter out: its "
            "weights are the judge"
        )
    if is_adapter and base.num_judges:
        raise ValueError(
            f"--adapter: must be of a judge trained from a base model (got '{judge}', "
            f"whose adapter lies over '{provenance['base_model']['name']}', a trained "
            "judge). Hint: leave --adapter out: merged weights need no other judge"
        )
    if output.exists():
        raise ValueError(f"--output: must not exist yet (got '{output}')")
    weights = judge / ADAPTER if is_adapter else judge
    if not any(WEIGHTS.fullmatch(path.name) for path in weights.glob("*")):
        raise ValueError(
            f"{weights}: must hold weights in safetensors (got none). Hint: is the "
            "judge whole?"
        )
    partial = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for path in files_of(judge, is_adapter):
        shutil.copyfile(path, partial / path.name)
    shutil.copytree(judge / FOLDER, partial / FOLDER)
    trust = read_trust(judge)
    certificate = None
    if trust.source:
        certificate = read_json(trust.source)
        shutil.copyfile(trust.source, partial / CERTIFICATE)
    name = name_judge(judge, certificate)
    card = write_card(
        output.name,
        provenance=provenance,
        base=base,
        certificate=certificate,
        named=name,
        results=results or find_results(judge),
        is_adapter=is_adapter,
        licence=licence or licence_of(base),
    )
    (partial / "README.md").write_text(card, encoding="utf-8")
    partial.replace(output)
    return output


def files_of(judge: Path, is_adapter: bool) -> Iterator[Path]:
    """The files that go along: weights or adapter, processor, chat template."""
    for path in sorted(judge.iterdir()):
        is_weights = WEIGHTS.fullmatch(path.name) is not None
        skipped = is_adapter and (is_weights or path.name == "config.json")
        hidden = path.name.startswith(".") or path.name in (*NOT_TAKEN, CERTIFICATE)
        if path.is_file() and not hidden and not skipped:
            yield path
    if is_adapter:
        yield from (path for path in sorted((judge / ADAPTER).iterdir()))


def read_provenance(judge: Path) -> dict[str, Any]:
    """What a judge was trained from; ValueError if it does not say so."""
    path = judge / PROVENANCE
    if not path.is_file():
        raise ValueError(
            f"{judge}: must hold '{PROVENANCE}', which training writes (got none). "
            "Hint: only a trained judge can be handed on"
        )
    told = read_json(path)
    assert isinstance(told, dict)
    return told


def name_judge(judge: Path, certificate: dict[str, Any] | None) -> Named:
    """Which iteration and filter a judge is of: by its certificate, or its place."""
    if certificate and "iteration" in certificate:
        return Named(certificate["iteration"], certificate.get("filter"))
    place = PLACE.search(judge.resolve().as_posix())
    return Named(int(place[1]), place[2]) if place else Named(None, None)


def find_results(judge: Path) -> Path | None:
    """The results folder that a judge lies in; None if it lies elsewhere."""
    for folder in judge.resolve().parents[:3]:
        if any(iteration_folders(folder)):
            return folder
    return None


def find_base(judge: Path, provenance: dict[str, Any]) -> Base:
    """What a judge was trained from, and what that was, down to no trained judge.

    A judge of a later iteration may start from one of an earlier: what that started
    from is named, and its licence holds.
    """
    told, num_judges = provenance["base_model"], 0
    folder = find_folder(told["name"], judge)
    seen = {judge.resolve()}
    while folder and folder not in seen and (folder / PROVENANCE).is_file():
        seen.add(folder)
        before = read_provenance(folder)
        if "base_model" not in before:
            break  # another program's file
        told, num_judges = before["base_model"], num_judges + 1
        folder = find_folder(told["name"], folder)
    if folder is None and PLACE.search(told["name"]):
        num_judges += 1  # one that is gone
    is_on_hub = told.get("is_on_hub", False)
    return Base(told["name"], told["revision"], folder, num_judges, is_on_hub)


def find_folder(name: str, judge: Path) -> Path | None:
    """The folder of a model that a judge's training named, from where it ran: here, or
    above the judge."""
    for start in (Path(), *judge.resolve().parents):
        if (start / name).is_dir():
            return (start / name).resolve()
    return None


def licence_of(base: Base) -> str | None:
    """The licence that the base model's own card names, where it is a folder here."""
    card = (base.folder or Path()) / "README.md"
    if base.folder is None or not card.is_file():
        return None
    from huggingface_hub import ModelCard

    licence = ModelCard.load(card, ignore_metadata_errors=True).data.license
    return str(licence) if licence else None


def write_card(
    name: str,
    *,
    provenance: dict[str, Any],
    base: Base,
    certificate: dict[str, Any] | None,
    named: Named,
    results: Path | None,
    is_adapter: bool,
    licence: str | None,
) -> str:
    """The text of the model card: the Hub's metadata, then what people should know."""
    from huggingface_hub import ModelCardData
    from jinja2 import Environment, StrictUndefined

    data = ModelCardData(
        base_model=base.name if base.is_on_hub else None,
        language="en",
        library_name="peft" if is_adapter else "transformers",
        license=licence,
        pipeline_tag="image-text-to-text",
        tags=["selfjudge", "judge", "reward-model", "llm-as-a-judge"],
    )
    address = f"https://huggingface.co/{base.name}"
    link = f"[{base.name}]({address})" if base.is_on_hub else f"`{base.name}`"
    at = f" at `{base.revision}`" if base.revision else ""
    through = f", by way of judges trained before it ({base.num_judges})"
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    text: str = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        metadata=f"---\n{data.to_yaml()}\n---\n",
        name=name,
        version=own_version(),
        base={"link": f"{link}{at}{through if base.num_judges else ''}"},
        is_adapter=is_adapter,
        training=training_rows(provenance, named),
        certificate=certificate_table(certificate) if certificate else None,
        benchmarks=benchmark_rows(results, named) if results else [],
        licence_sentence=say_licence(base.name, licence),
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def say_licence(base: str, licence: str | None) -> str:
    """What the base's licence means for whoever takes the judge."""
    if licence is None:
        return (
            f"The licence of the base model, {base}, is not known here: look it up "
            "before you pass the judge on."
        )
    return (
        f"The base model, {base}, is under `{licence}`; what it asks of weights made "
        "from it holds for these."
    )


def training_rows(provenance: dict[str, Any], named: Named) -> list[tuple[str, Any]]:
    """What a judge was trained on, as labels and values."""
    settings = provenance["settings"]
    rows = {
        "iteration": named.iteration,
        "filter": named.filter,
        "accepted judgments": provenance.get("num_rows"),
        "left out as too long": provenance.get("num_rows_left_out"),
        "optimizer steps": provenance.get("num_steps"),
        "tokens": provenance.get("num_tokens"),
        "method": settings.get("method"),
        "learning rate": settings.get("learning_rate"),
        "epochs": settings.get("num_epochs"),
        "seed": provenance.get("seed"),
        "sha256 of the accepted judgments": provenance.get("accepted_sha256"),
    }
    return [(label, value) for label, value in rows.items() if value is not None]


def certificate_table(certificate: dict[str, Any]) -> dict[str, Any]:
    """What a certificate says, as the card shows it."""
    figures = certificate.get("figures", [])
    limit = certificate.get("abstain_below")
    return {
        "words": certificate.get("words") or "No words.",
        "num_pairs": certificate.get("num_pairs", "an unknown number of"),
        "temperature": certificate.get("temperature"),
        "abstains": "it never abstains" if limit is None else f"abstain below {limit}",
        "is_base_told": any(one.get("base_value") is not None for one in figures),
        "rows": [
            {
                "name": f"{one['section']}: {one['name']}",
                "num_pairs": one["num_pairs"],
                "value": as_number(one["value"]),
                "interval": as_interval(one["low"], one["high"]),
                "base": as_number(one.get("base_value")),
            }
            for one in figures
        ],
    }


def benchmark_rows(results: Path, named: Named) -> list[dict[str, Any]]:
    """The scores of a judge and of the base model, by benchmark and group."""
    folder = results / f"iter{named.iteration}"
    rows = []
    for path in sorted(folder.glob("*.json")):
        comparison = read_json(path)
        if "benchmark" not in comparison:
            continue
        own = [row for row in comparison["rows"] if is_of(row, named)]
        base = {
            row["group"]: row for row in comparison["rows"] if row["iteration"] == 0
        }
        rows += [
            {
                "benchmark": comparison["benchmark"],
                "protocol": comparison["protocol"],
                "group": row["group"],
                "num_pairs": row["num_pairs"],
                "num_unparsed": row["num_unparsed"],
                "accuracy": as_percent(row["accuracy"]),
                "interval": as_interval(row["low"], row["high"], percent=True),
                "base": as_percent(base.get(row["group"], {}).get("accuracy")),
            }
            for row in own
        ]
    return rows


def is_of(row: dict[str, Any], named: Named) -> bool:
    """Whether a row of scores is the judge's."""
    return (row["iteration"], row["filter"]) == tuple(named)


def as_number(value: float | None) -> str:
    """A share, three digits; a dash if there is none."""
    return "-" if value is None else f"{value:.3f}"


def as_percent(value: float | None) -> str:
    """A share in percent; a dash if there is none."""
    return "-" if value is None else f"{100 * value:.1f}"


def as_interval(low: float | None, high: float | None, percent: bool = False) -> str:
    """Both ends of an interval; a dash if there is none."""
    if low is None or high is None:
        return "-"
    show = as_percent if percent else as_number
    return f"{show(low)} to {show(high)}"


def push(folder: Path, repository: str, *, is_private: bool) -> str:
    """Upload a folder to the Hub; the address of its page.

    The token comes from HF_TOKEN or `hf auth login`.  Raises ValueError with what the
    Hub said.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi()
    try:
        made = api.create_repo(repository, private=is_private, exist_ok=True)
        api.upload_folder(
            repo_id=made.repo_id,
            folder_path=folder,
            commit_message="Add a judge trained by selfjudge",
        )
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        said = " ".join(str(error).split())[:300]
        again = f"hf upload {repository} {quote(str(folder))}"
        again += " --private" if is_private else ""
        raise ValueError(
            f"--push: the Hub must take '{repository}' ({said}). Hint: HF_TOKEN needs "
            f"the right to write; the folder is whole: {again}"
        ) from error
    return str(made)
