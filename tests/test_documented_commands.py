"""Every command line in README and docs is one that works as it is written."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from snakemake.cli import parse_args

from test_workflow import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
# What stands for a value in a command line.
TARGET = re.compile(r"results/|plan$|probe$|check_|judges$|all$|status$")


def documented(program: str) -> list[str]:
    """The command lines of a program that stand in the blocks of all pages."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S):
            for line in block.splitlines():
                line = re.sub(r"\s#\s.*", "", line).strip().removeprefix("$ ")
                for part in re.split(r"\s*(?:&&|\|)\s*", line):
                    words = re.sub(r"^(?:\w+=\S+ |\S*/bin/)+", "", part)
                    if words.startswith(program):
                        found.append(words)
    return sorted(set(found))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repository as the working directory: profiles are found from it."""
    monkeypatch.chdir(REPOSITORY)


@pytest.mark.parametrize("line", documented("snakemake "))
def test_no_option_swallows_a_target(line: str, project: None) -> None:
    """What looks like a target is one, and every option is Snakemake's."""
    words = shlex.split(line)[1:]
    _, args = parse_args(words)
    meant = {
        word
        for at, word in enumerate(words)
        if TARGET.match(word) and words[at - 1] not in ("--directory", "-d")
    }
    assert meant <= set(args.targets), line
    assert all(TARGET.search(target) for target in args.targets), line
    for profile in args.profile or []:
        assert Path(profile, "config.yaml").is_file()
    for overlay in args.configfile or []:
        assert Path(overlay).is_file() or not str(overlay).startswith("overlays")


def test_there_are_commands_to_look_at() -> None:
    assert len(documented("snakemake ")) >= 10
    assert len(documented("python ")) >= 5 and len(documented("make ")) >= 3


@pytest.mark.parametrize("line", documented("make "))
def test_targets_of_make_are_there(line: str) -> None:
    text = (REPOSITORY / "Makefile").read_text()
    targets = [word for word in shlex.split(line)[1:] if "=" not in word]
    assert all(re.search(rf"^{re.escape(one)}:", text, re.M) for one in targets), line


@pytest.mark.parametrize("line", documented("python scripts/"))
def test_options_of_scripts_are_theirs(line: str) -> None:
    """By their help: none of ours is run."""
    script, *words = shlex.split(line)[1:]
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    done = subprocess.run(
        [sys.executable, script, "--help"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(option in done.stdout for option in options), line


@pytest.mark.workflow
def test_readme_leads_from_ones_own_images_to_pairs(tmp_path: Path) -> None:
    """README's config, its row and its command, in a dry run."""
    blocks = re.findall(
        r"^```\w*\n(.*?)^```", (REPOSITORY / "README.md").read_text(), re.M | re.S
    )
    (config,) = [block for block in blocks if "image_root:" in block]
    (row,) = [block for block in blocks if block.startswith('{"images"')]
    (line,) = [one for one in documented("snakemake ") if one.endswith("pairs.jsonl")
               and "-n" not in one.split()]  # fmt: skip
    (tmp_path / "config.yaml").write_text(config)
    (tmp_path / "prompts.jsonl").write_text(row)
    (tmp_path / "images").mkdir()
    words = shlex.split(line.replace("myproject", str(tmp_path)))[1:]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *words, "--dry-run"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^generate_responses +\d+$", done.stdout, re.M)
