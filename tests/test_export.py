"""A judge handed on: the folder, its card, and the upload, over HTTP to a stand-in."""

import base64
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from judge_folders import ROOT, make_judge_folder
from selfjudge.benchmarks.comparisons import compare
from selfjudge.engines.checkpoints import hash_directory
from selfjudge.ground.lines import read_json, write_json
from selfjudge.use.asked import read_asked
from selfjudge.use.export import export_judge
from selfjudge.use.trust import read_trust
from small_project import scores_of

PROVENANCE = {
    "base_fingerprint": "f" * 24,
    "accepted_sha256": "a" * 64,
    "settings": {"method": "lora", "learning_rate": 1e-4, "num_epochs": 2},
    "seed": 3,
    "versions": {"torch": "2"},
    "base_model": {"name": "org/base", "revision": "abc123", "is_on_hub": True},
    "num_rows": 88,
    "num_rows_left_out": 0,
    "num_steps": 12,
}
CERTIFICATE = {
    "iteration": 2,
    "filter": "majority",
    "words": "It may be asked about counts, not about colours.",
    "num_pairs": 120,
    "temperature": 1.7,
    "abstain_below": 0.81,
    "figures": [
        {
            "section": "sees",
            "name": "count",
            "num_pairs": 40,
            "value": 0.75,
            "low": 0.6,
            "high": 0.86,
            "base_value": 0.5,
        },
        {"section": "looks", "name": "grey", "num_pairs": 0, "value": None}
        | {"low": None, "high": None, "base_value": None},
    ],
}


@pytest.fixture
def judge(tmp_path: Path) -> Path:
    """The judge of iteration 2 of a run with scores and a certificate."""
    results = tmp_path / "results"
    judge = make_judge_folder(results / "iter2" / "majority" / "judge")
    write_json(judge / "provenance.json", PROVENANCE)
    adapter = judge / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    (adapter / "adapter_model.safetensors").write_bytes(b"adapter")
    write_json(judge.with_name("certificate.json"), CERTIFICATE)
    scores = compare([scores_of(2, 11)], scores_of(0, 3), {})
    write_json(results / "iter2/vlrb.json", scores)
    return judge


def test_the_folder_is_the_same_judge_with_a_card(judge: Path, tmp_path: Path) -> None:
    """To the journal, and to whoever asks it; the card says what is known of it."""
    out = export_judge(judge, tmp_path / "my-judge", licence="apache-2.0")
    assert hash_directory(out) == hash_directory(judge)
    assert read_asked(out) == read_asked(judge)
    assert read_trust(out).abstain_below == 0.81
    assert read_json(out / "provenance.json") == PROVENANCE
    assert not (out / "adapter").exists()
    card = ModelCard.load(out / "README.md")
    assert card.data.base_model == "org/base" and card.data.license == "apache-2.0"
    assert card.data.pipeline_tag == "image-text-to-text"
    text = card.text
    assert CERTIFICATE["words"] in text and "| accepted judgments | 88 |" in text
    assert "| sees: count | 40 | 0.750 | 0.600 to 0.860 | 0.500 |" in text
    assert "| looks: grey | 0 | - | - | - |" in text
    (overall,) = [line for line in text.splitlines() if "| overall |" in line]
    row = next(
        one
        for one in read_json(judge.parents[1] / "vlrb.json")["rows"]
        if one["group"] == "overall" and one["iteration"] == 2
    )
    assert f"| {100 * row['accuracy']:.1f} |" in overall
    assert "{" not in text and "\n\n\n" not in text


def test_the_adapter_alone_has_no_weights_of_the_base(
    judge: Path, tmp_path: Path
) -> None:
    out = export_judge(judge, tmp_path / "adapter-only", is_adapter=True)
    names = {path.name for path in out.iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json"} <= names
    assert {"tokenizer.json", "chat_template.jinja", "asking"} <= names
    assert not {"model.safetensors", "config.json"} & names
    card = ModelCard.load(out / "README.md")
    assert card.data.library_name == "peft" and card.data.license is None
    assert "is not known here" in card.text and "--enable-lora" in card.text
    # The folder alone is no model that the command could load.
    assert f"--judge judge --asking {out.name}" in card.text


def test_a_judge_of_which_little_is_known_says_so(judge: Path, tmp_path: Path) -> None:
    """No certificate, no benchmark, a base that is a folder with a card of its own."""
    base = tmp_path / "base"
    base.mkdir()
    (base / "README.md").write_text("---\nlicense: mit\n---\nA base.\n")
    told = PROVENANCE | {"base_model": {"name": str(base), "revision": None}}
    alone = tmp_path / "alone"
    judge.rename(alone)
    write_json(alone / "provenance.json", told)
    card = ModelCard.load(export_judge(alone, tmp_path / "out") / "README.md")
    assert card.data.license == "mit" and card.data.base_model is None
    assert "nobody has measured" in card.text and "None was run." in card.text


@pytest.fixture
def chained(judge: Path) -> Path:
    """A judge of iteration 3 that began with that of iteration 2, named as Snakemake
    does: from the project's folder."""
    later = make_judge_folder(judge.parents[2] / "iter3/majority/judge")
    shutil.copytree(judge / "adapter", later / "adapter")
    before = {"name": "results/iter2/majority/judge", "revision": None}
    write_json(later / "provenance.json", PROVENANCE | {"base_model": before})
    return later


def test_the_base_is_the_model_below_all_judges(chained: Path, tmp_path: Path) -> None:
    """Its name and its licence, not those of the judge that training began with."""
    card = ModelCard.load(export_judge(chained, tmp_path / "out") / "README.md")
    assert card.data.base_model == "org/base" and "at `abc123`" in card.text
    base = tmp_path / "org/base"
    base.mkdir(parents=True)
    (base / "README.md").write_text("---\nlicense: mit\n---\nA base.\n")
    card = ModelCard.load(export_judge(chained, tmp_path / "again") / "README.md")
    assert card.data.license == "mit"


def test_a_folder_is_no_page_of_the_hub(judge: Path, tmp_path: Path) -> None:
    """Whatever it is called, and though the judge was copied away from it."""
    base = {"name": "models/ours", "revision": None, "is_on_hub": False}
    write_json(judge / "provenance.json", PROVENANCE | {"base_model": base})
    card = ModelCard.load(export_judge(judge, tmp_path / "out") / "README.md")
    assert card.data.base_model is None and "huggingface.co" not in card.content
    assert "starting from `models/ours`" in card.text


@pytest.mark.parametrize("is_gone", [False, True])
def test_an_adapter_over_a_judge_is_refused(
    chained: Path, judge: Path, tmp_path: Path, is_gone: bool
) -> None:
    """Over the base model it would be another judge."""
    if is_gone:
        shutil.rmtree(judge)
    with pytest.raises(ValueError, match=r"--adapter: must be .* leave --adapter out"):
        export_judge(chained, tmp_path / "out", is_adapter=True)
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize("iteration", [2, 3])
def test_a_judge_trained_in_full_has_no_adapter(
    iteration: int, chained: Path, judge: Path, tmp_path: Path
) -> None:
    """And is told so, whatever it began with."""
    one = judge if iteration == 2 else chained
    shutil.rmtree(one / "adapter")
    told = read_json(one / "provenance.json")
    told["settings"]["method"] = "full"
    write_json(one / "provenance.json", told)
    with pytest.raises(
        ValueError, match=r"--adapter: .*'lora' \(got .* 'full'\)\. Hint: leave"
    ):
        export_judge(one, tmp_path / "out", is_adapter=True)
    assert not list(tmp_path.glob("*out*"))
    export_judge(one, tmp_path / "out")


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda judge, out: (judge / "provenance.json").unlink(), "provenance.json"),
        (lambda judge, out: (judge / "model.safetensors").unlink(), "safetensors"),
        (lambda judge, out: out.mkdir(), "must not exist yet"),
        (lambda judge, out: (judge / "asking/asking.json").unlink(), "how it is asked"),
    ],
    ids=["provenance", "weights", "there", "asking"],
)
def test_what_cannot_be_handed_on_is_refused(
    judge: Path, tmp_path: Path, break_it: Any, says: str
) -> None:
    out = tmp_path / "out"
    break_it(judge, out)
    with pytest.raises(ValueError, match=says):
        export_judge(judge, out)
    assert not list(tmp_path.glob(".out*"))


class Hub(ThreadingHTTPServer):
    """As much of the Hub as an upload asks for; keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.created: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.is_closed = False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *args: Any) -> None:
        pass

    def answer(self, content: Any, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.answer({"id": "me/judge", "sha": "0" * 40, "siblings": []})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.tokens.add(self.headers.get("Authorization") or "")
        if self.server.is_closed:
            self.answer({"error": "Invalid username or password."}, 401)
        elif self.path.endswith("/repos/create"):
            self.server.created.append(json.loads(body))
            self.answer({"url": f"{self.server.url}/me/judge", "name": "me/judge"})
        elif "/preupload/" in self.path:
            names = [file["path"] for file in json.loads(body)["files"]]
            self.answer(
                {
                    "files": [
                        {"path": name, "uploadMode": "regular", "shouldIgnore": False}
                        for name in names
                    ]
                }
            )
        elif "/commit/" in self.path:
            for line in body.splitlines():
                told = json.loads(line)
                if told["key"] == "file":
                    value = told["value"]
                    content = base64.b64decode(value["content"])
                    self.server.files[value["path"]] = content
            self.answer(
                {
                    "commitUrl": f"{self.server.url}/me/judge/commit/0",
                    "commitOid": "0" * 40,
                }
            )
        else:
            self.answer({})


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    yield hub
    hub.shutdown()
    hub.server_close()


EXPORT = (sys.executable, ROOT / "scripts/export_judge.py")


def call(
    hub: Hub, *arguments: object, program: Sequence[object] = EXPORT
) -> subprocess.CompletedProcess[str]:
    own = {"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_secret", "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run(
        [*map(str, program), *map(str, arguments)],
        env={**os.environ, **own, "HF_HUB_OFFLINE": "0"},
        capture_output=True,
        text=True,
    )


def test_a_push_sends_every_file(judge: Path, tmp_path: Path, hub: Hub) -> None:
    """By huggingface_hub itself, which makes the page first."""
    out = tmp_path / "out"
    to = ["--push", "me/judge", "--private", "--adapter"]
    done = call(hub, "--judge", judge, "--output", out, *to)
    assert done.returncode == 0, done.stderr
    assert hub.created[0]["name"] == "judge" and hub.created[0]["organization"] == "me"
    sent = {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file()
    }
    assert hub.files == sent and "asking/judge.txt" in sent
    assert hub.tokens == {"Bearer hf_secret"}


def test_a_hub_that_says_no_leaves_the_folder(
    judge: Path, tmp_path: Path, hub: Hub
) -> None:
    """One error, without the token; the folder is whole."""
    hub.is_closed = True
    out = tmp_path / "out"
    done = call(hub, "--judge", judge, "--output", out, "--push", "me/judge")
    assert done.returncode == 1 and "error: --push: the Hub must take" in done.stderr
    assert "hf_secret" not in done.stderr and "Traceback" not in done.stderr
    assert (out / "README.md").is_file()
    hub.is_closed = False
    again = done.stderr.rsplit(": ", 1)[1].split()
    assert again == ["hf", "upload", "me/judge", str(out)]
    said = call(hub, *again[1:], program=[Path(sys.executable).parent / "hf"])
    assert said.returncode == 0, said.stderr
    assert "README.md" in hub.files
