"""Where people trip: each a project as they have it, and what they are told.

The runs import a few prompts, and ask no model.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from selfjudge.ground.lines import read_lines
from small_project import judged_pairs, write_branch
from test_workflow import REPOSITORY

pytestmark = pytest.mark.workflow

CONFIG = f"""
base_model: {REPOSITORY}/demo/base
image_root: my images
iterations: 2
pool: {{prompts_per_iteration: 3}}
benchmarks: {{mmrb: null}}
prompts:
  keep_out: []
  sources:
    - {{name: mine, kind: jsonl, path: my prompts.jsonl, gold_answers: false}}
"""
# A stage that takes as long as its project says, as a person's own rules may be.
SLOW = """
rule slow:
    output: "results/slow.txt"
    log: "logs/slow.log"
    shell:
        "exec {sys.executable} -c 'import pathlib, time; "
        'time.sleep(float(pathlib.Path("seconds").read_text())); '
        'pathlib.Path("results/slow.txt").touch()\\' 2> {log}'
"""
FIRST, SECOND = (f"results/iter{at}/prompts.jsonl" for at in (1, 2))
# The logger as it is here, whatever was installed.
HERE = os.environ | {"PYTHONPATH": str(REPOSITORY / "logger")}
# In a place of its own for mounts, as one may without being asked for a password.
MOUNTING = ["unshare", "--mount", "sh", "-ec"]
READ_ONLY = 'mount --bind "$0" "$0"; mount -o remount,ro,bind "$0"; exec "$@"'


def command(project: Path, *words: str) -> list[str]:
    """What a person types, with the paths that lead there from anywhere."""
    return [
        *(sys.executable, "-m", "snakemake"),
        *("--snakefile", str(REPOSITORY / "Snakefile")),
        *("--profile", str(REPOSITORY / "profiles/workstation")),
        *("--directory", str(project), *words),
    ]


def run(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake from elsewhere, another Snakemake and Python first in PATH.

    What it said, errors too, is its ``stdout``.
    """
    return subprocess.run(
        command(project, *words),
        cwd=project.parent,
        env=HERE | {"PATH": f"{project.parent / 'bin'}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def check_told(said: str, *pieces: str) -> None:
    """A person's own mistake is told in three lines at most, without a traceback.

    They begin with the line of the first piece; after them follows where the job's
    log lies, if a job it was, and nothing else.
    """
    assert "Traceback" not in said, said
    said = re.sub(r"\n  log: /.*\n\Z", "", said)
    lines = [line for line in said.splitlines() if line.strip()]
    at = next((i for i, line in enumerate(lines) if pieces[0] in line), None)
    assert at is not None, said
    told = lines[at:]
    assert all(any(one in line for line in told) for one in pieces), said
    assert len(told) <= 3, said


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with spaces and other letters in all its paths, after an import.

    Its prompts are as Windows writes them: a mark first, CRLF, blank lines.
    """
    above = tmp_path_factory.mktemp("home of é")
    (above / "bin").mkdir()
    for name in ("snakemake", "python", "python3"):
        other = above / "bin" / name
        other.write_text('#!/bin/sh\ntouch "$0 was run"\nexit 42\n')
        other.chmod(0o755)
    project = above / "my pictures 漢字"
    (project / "my images").mkdir(parents=True)
    (project / "config.yaml").write_text(CONFIG, encoding="utf-8")
    lines = []
    for number in range(6):
        Image.new("RGB", (32, 32), (40 * number, 9, 9)).save(
            project / f"my images/ü {number}.png"
        )
        lines.append({"images": [f"ü {number}.png"], "question": "How many dogs?"})
    lines.append({"images": ["none.png"], "question": "Why?"})
    text = "\r\n\r\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    path = project / "my prompts.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n\r\n")
    done = run(project, FIRST)
    assert done.returncode == 0, done.stdout
    told = "import_prompts: 1 of 7 rows of the sources dropped (missing_image 1): "
    assert told in done.stdout
    return project


@pytest.fixture
def project(imported: Path, tmp_path: Path) -> Path:
    """A copy of it under another name."""
    shutil.copytree(imported.parent / "bin", tmp_path / "bin")
    return Path(shutil.copytree(imported, tmp_path / "renamed"))


def test_a_project_may_be_called_and_lie_as_one_likes(imported: Path) -> None:
    """Spaces, other letters, run from elsewhere; what stands first in PATH is not
    run."""
    assert len(list(read_lines(imported / "results/prompts.jsonl"))) == 6
    assert len(list(read_lines(imported / FIRST))) == 3
    assert not list((imported.parent / "bin").glob("* was run"))


def test_a_project_that_was_renamed_has_nothing_to_do(project: Path) -> None:
    assert "Nothing to be done" in run(project, "-n", FIRST).stdout


def test_a_name_in_another_encoding_is_told_of(project: Path) -> None:
    """And ends nothing, whether a prompt names the file or not."""
    named = project / "my images" / "bad.png"
    Image.new("RGB", (32, 32)).save(named)
    named.rename(os.fsdecode(os.fsencode(named.parent) + b"/bad\xff.png"))
    done = run(project, "-n", "results/prompts.jsonl")
    assert done.returncode == 0 and "import_prompts" in done.stdout, done.stdout


def test_a_pool_that_is_too_small_says_why(project: Path) -> None:
    """And names no file that goes with the failed job."""
    text = CONFIG.replace("per_iteration: 3", "per_iteration: 4")
    (project / "config.yaml").write_text(text, encoding="utf-8")
    (project / "results/prompts.jsonl").unlink()
    done = run(project, "results/prompts.jsonl")
    assert done.returncode == 1
    check_told(
        done.stdout.partition("1 job failed")[2],
        "at least 8 usable prompts, 4 for each of 2 iterations (got 6; dropped: "
        "1 missing_image, such as my prompts.jsonl:13 (['none.png'])). Hint: set",
    )
    log = (project / "logs/import_prompts.log").read_text()
    assert "results/dropped_prompts.jsonl" not in log and '"num_rows":7' in log


def test_a_folder_of_images_says_what_it_leaves_out(project: Path) -> None:
    """On the terminal where a link leads to more of them; none is lost silently."""
    folder = project / "my images"
    (folder / "more").symlink_to("..")
    bad = os.fsdecode(os.fsencode(folder) + b"/bad\xff.png")
    (folder / "ü 0.png").rename(bad)
    images = "[{name: mine, kind: images, path: my images}]"
    text = f"{CONFIG.partition('  sources:')[0]}  sources: {images}\n"
    (project / "config.yaml").write_text(text, encoding="utf-8")
    dropped = "results/sources/mine/dropped_images.jsonl"
    done = run(project, dropped)
    assert done.returncode == 0, done.stdout
    assert "1 link to a folder is not followed (linked_folder)" in done.stdout
    rows = [json.loads(line) for _, line in read_lines(project / dropped)]
    assert {row["image"]: row["reason"] for row in rows} == {
        "bad\ufffd.png": "bad_image_path",
        "more": "linked_folder",
    }
    assert "Nothing to be done" in run(project, "-n", dropped).stdout
    (folder / "more").unlink()
    assert "list_images" in run(project, "-n", dropped).stdout


def test_a_config_that_is_no_yaml_is_named_with_its_line(project: Path) -> None:
    """Before Snakemake reads it, which would not say which file it is."""
    (project / "config.yaml").write_text(f"{CONFIG}train:\n\tmin_rows: 1\n")
    done = run(project, "-n", FIRST)
    assert done.returncode == 1
    line = CONFIG.count("\n") + 2
    check_told(done.stdout, f"config.yaml:{line}: must be YAML", "Hint: indent with")


def test_what_is_laid_over_a_config_is_named_where_it_is_wrong(project: Path) -> None:
    """A key that stands twice in it, by its line; the project's file has none such."""
    over = project.parent / "over.yaml"
    over.write_text("train: {min_rows: 1}\nseed: 1\ntrain: {num_epochs: 1}\n")
    done = run(project, "-n", FIRST, "--configfile", str(over))
    assert done.returncode == 1
    check_told(done.stdout, f"{over}:3: 'train' must stand once (got it again)")
    over = project.parent / "over.json"
    over.write_text('{\n\t"seed": 1,\n\t"seed": 2\n}')
    done = run(project, "-n", FIRST, "--configfile", str(over))
    check_told(done.stdout, f"{over}:3: 'seed' must stand once (got it again)")
    laid = "config.yaml, or what --configfile or --config lays over it: 'trainn' is no"
    over.write_text('{\n\t"trainn": {}\n}')
    for words in (["--configfile", str(over)], ["--config", "trainn=1"]):
        check_told(run(project, "-n", FIRST, *words).stdout, laid)
    (project / "config.yaml").write_text(f"{CONFIG}trainn: 1\n", encoding="utf-8")
    check_told(run(project, "-n", FIRST).stdout, "config.yaml: 'trainn' is no known")


def test_plan_names_the_file_alone(project: Path) -> None:
    """It asks Snakemake with a config of its own, of which nobody knows."""
    text = CONFIG.replace(f"{REPOSITORY}/demo/base", "./nowhere")
    (project / "config.yaml").write_text(text, encoding="utf-8")
    words = [sys.executable, str(REPOSITORY / "scripts/plan_run.py"), "--directory"]
    done = subprocess.run([*words, str(project)], capture_output=True, text=True)
    assert done.returncode == 1
    check_told(done.stderr, "snakemake -n: config.yaml: 'base_model' must be")


@pytest.mark.parametrize(
    "target", ["iter9/prompts.jsonl", "iter1/majorty/pairs.jsonl", "iter2/vlrbb.json"]
)
def test_a_target_that_nothing_makes_names_those_there_are(
    project: Path, target: str
) -> None:
    """Iterations, filters and benchmarks."""
    done = run(project, "-n", f"results/{target}")
    assert done.returncode == 1
    check_told(
        done.stdout,
        f"results/{target}: must be a file that a rule makes (got none). Hint: ",
        "iterations are 1 to 2 (0: the base model), filters majority, correctness",
        "benchmarks vlrb.",
    )


def test_a_config_of_comments_takes_every_default(project: Path) -> None:
    """As the sentence of a folder without one advises."""
    (project / "config.yaml").write_text("# as the paper has it\n")
    done = run(project, "-n", "results/prompts.jsonl")
    assert done.returncode == 0, done.stdout
    assert (
        "fetch_prompts" in done.stdout
    )  # of the Hub, as the repository's config has it


def test_two_runs_at_once_and_one_that_is_stopped(project: Path) -> None:
    """The second is refused; Ctrl-C stops the first, and the same words go on."""
    (project / "project.smk").write_text(SLOW)
    (project / "seconds").write_text("600")
    first = subprocess.Popen(
        command(project, "results/slow.txt"),
        env=HERE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # As a terminal has it: a group of its own, whatever pytest was started by.
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        deadline = time.monotonic() + 120
        while not (project / "logs/slow.log").exists():
            assert time.monotonic() < deadline and first.poll() is None
            time.sleep(0.1)
        second = run(project, "results/slow.txt")
        assert second.returncode == 1
        check_told(second.stdout, "Directory cannot be locked", "--unlock")
        os.killpg(first.pid, signal.SIGINT)
        said, _ = first.communicate(timeout=60)
    finally:
        if first.poll() is None:
            os.killpg(first.pid, signal.SIGKILL)
    assert first.returncode
    assert re.search(r"^stopped by you after .*: 0/1 jobs done\.", said, re.M), said
    check_told(said, "The same command goes on from here")
    (project / "seconds").write_text("0")
    again = run(project, "results/slow.txt")
    assert again.returncode == 0, again.stdout
    assert "1 job done" in again.stdout


@pytest.fixture
def mountable() -> Iterator[None]:
    """A machine on which a test may mount: for root a folder's mode is no obstacle."""
    done = subprocess.run([*MOUNTING, "mount -t tmpfs none /mnt"], capture_output=True)
    if done.returncode:
        pytest.skip("no right to mount")
    yield


@pytest.mark.parametrize("place", [".", "results"])
def test_a_folder_that_is_read_only_is_named(
    project: Path, place: str, mountable: None
) -> None:
    """Before a job starts, and whoever one is."""
    folder = project / place
    words = [*MOUNTING, READ_ONLY, str(folder), *command(project, SECOND)]
    done = subprocess.run(words, env=HERE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    said = f"{folder.resolve()}: must be a folder that you may write in"
    check_told(done.stdout + done.stderr, said)


def test_a_folder_beside_those_written_in_may_be_read_only(
    project: Path, mountable: None
) -> None:
    """As a project of files that belong to somebody else, with a scratch disk."""
    mounts = ""
    for name in (".snakemake", "results", "logs", "timings"):
        (project / name).mkdir(exist_ok=True)
        mounts += f'mount --bind "$0/{name}" "$0/{name}"; '
    # Before the folder above is read-only, so that they stay as they are.
    script = READ_ONLY.replace("; mount -o", f"; {mounts}mount -o")
    words = [*MOUNTING, script, str(project), *command(project, SECOND)]
    done = subprocess.run(words, env=HERE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / SECOND).exists()


def test_a_full_disk_is_said(project: Path, mountable: None) -> None:
    """Before a job starts, in a line or two, though no log can be written."""
    script = """
    cp -a "$0/." "$0 copy"
    mount -t tmpfs -o size=4m none "$0"
    cp -a "$0 copy/." "$0"
    cat /dev/zero > "$0/fill" 2> /dev/null || true
    exec "$@"
    """
    words = [*MOUNTING, script, str(project), *command(project, SECOND)]
    done = subprocess.run(words, env=HERE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    said = f"{project}: must have room to write (got ", "Hint: `snakemake ... plan`"
    check_told(done.stdout + done.stderr, *said)
    # What makes room, or frees a project, is not kept from it where there is little.
    fill = next(line for line in script.splitlines() if "fill" in line)
    for flag in ("--unlock", "--delete-temp-output"):
        done = subprocess.run(
            [
                *MOUNTING,
                script.replace(fill, ""),
                str(project),
                *command(project, flag),
            ],
            env=HERE,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_handful_of_rows_is_refused_before_a_gpu_is_asked_for(project: Path) -> None:
    """By the decision that finds them; judgments alone are nobody's mistake."""
    branch = project / "results/iter1/majority"
    write_branch(branch, judged_pairs())
    for name in ("accepted", "dropped_judgments"):
        (branch / f"{name}.jsonl").unlink()
    rules = ["--allowed-rules", "filter_judgments", "train_judge", "--"]
    done = run(project, *rules, "results/iter1/majority/judge.json")
    assert done.returncode == 1
    check_told(
        done.stdout.partition("1 job failed")[2],
        "judgments.jsonl: accepted judgments must be at least 50, 'train.min_rows'",
        "dropped_pairs.jsonl: of ",
        "Hint: at this rate ",
    )
    assert not list((project / "logs").rglob("train_judge.log"))
    assert not (branch / "accepted.jsonl").exists()
    assert (branch / "judgments.jsonl").exists()


def test_an_old_snakemake_is_told_first() -> None:
    """Nothing that it lacks is imported before it is asked for its version."""
    text = (REPOSITORY / "Snakefile").read_text()
    before, _, _ = text.partition('min_version("')
    modules = re.findall(r"^(?:from|import) (\S+)", before, re.M)
    assert [one for one in modules if one.startswith("snakemake")] == [
        "snakemake.utils"
    ]
