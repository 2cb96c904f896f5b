"""The overlays for other models: each plans, and lies where it should."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from selfjudge.run.contradictions import check_config
from selfjudge.run.families import FAMILIES, find_model_type
from test_config import CONFIG, SCHEMA, lay_over

ROOT = Path(__file__).parents[1]
# Of models; those of benchmarks are below.
OVERLAYS = sorted(
    path
    for path in (ROOT / "overlays").glob("*.yaml")
    if "base_model" in yaml.safe_load(path.read_text())
)
MORE_BENCHMARKS = ROOT / "overlays/benchmarks_2026.yaml"
TARGET = "results/iter1/vlrb.json"
# A project says what only it knows: where its images are, and its prompts.
PROJECT = {
    "image_root": "pictures",
    "prompts": {
        "sources": [
            {
                "name": "mine",
                "kind": "jsonl",
                "path": "prompts.jsonl",
                "gold_answers": False,
            }
        ]
    },
    "seed": 11,
    # A script, into which nobody sees: ours may lack what these models need.
    "interpreters": {"generate": "./python", "train": "./python"},
}


def plan(project: Path, *arguments: str) -> str:
    """What a dry run would do, with the commands of its jobs."""
    (project / "prompts.jsonl").touch()
    (project / "python").touch(mode=0o755)
    command = [sys.executable, "-m", "snakemake", "--directory", str(project), "-np"]
    done = subprocess.run(
        [*command, TARGET, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_config(project: Path, config: object) -> None:
    (project / "config.yaml").write_text(yaml.safe_dump(config))


def test_there_are_overlays() -> None:
    assert len(OVERLAYS) >= 3


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.stem)
def test_overlay_names_an_exact_model_of_a_known_family(path: Path) -> None:
    """It passes the closed schema, and its model is pinned to a commit."""
    overlay = yaml.safe_load(path.read_text())
    check_config(lay_over(CONFIG, overlay), SCHEMA)
    model, _, commit = overlay["base_model"].partition("@")
    assert re.fullmatch("[0-9a-f]{40}", commit)
    family = FAMILIES[str(find_model_type(model, None))]
    assert family.environment in ("generate", "generate_mllama")


@pytest.mark.workflow
@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.stem)
def test_overlay_plans_over_a_project(path: Path, tmp_path: Path) -> None:
    """`--configfile` lays it over the project: its model, the project's images."""
    write_config(tmp_path, PROJECT)
    printed = plan(tmp_path, "--configfile", f"overlays/{path.name}")
    overlay = yaml.safe_load(path.read_text())
    model, _, commit = overlay["base_model"].partition("@")
    assert f"--model {model} --revision {commit}" in printed
    assert "fetch_model" in printed and "--image-root pictures" in printed
    assert '"name": "vllm"' in printed


@pytest.mark.workflow
def test_an_interpreter_without_torchvision_is_refused_before_anything_runs(
    tmp_path: Path,
) -> None:
    """Not when the first training begins, days later; it names the interpreter."""
    python = tmp_path / "env" / "bin" / "python"
    (tmp_path / "env/lib/python3.11/site-packages/torch").mkdir(parents=True)
    python.parent.mkdir()
    python.touch(mode=0o755)
    own = {"interpreters": {"generate": "./python", "train": str(python)}}
    write_config(tmp_path, PROJECT | own)
    overlay = ROOT / "overlays" / "qwen3_vl_8b.yaml"
    with pytest.raises(AssertionError, match=r"'interpreters\.train' must have torchv"):
        plan(tmp_path, "--configfile", str(overlay))


@pytest.mark.workflow
def test_an_overlay_may_be_a_projects_own_config(tmp_path: Path) -> None:
    """Copied into a project and added to, it needs no option."""
    path = OVERLAYS[0]
    write_config(tmp_path, yaml.safe_load(path.read_text()) | PROJECT)
    assert yaml.safe_load(path.read_text())["base_model"].split("@")[1] in plan(
        tmp_path
    )


@pytest.mark.workflow
def test_the_command_line_lies_over_the_project(tmp_path: Path) -> None:
    """Repository below project below `--configfile`: what the docs say of them."""
    write_config(tmp_path, PROJECT | {"judgments": {"shards": 3}})
    (tmp_path / "over.yaml").write_text("judgments: {shards: 2}")
    printed = plan(tmp_path, "--configfile", str(tmp_path / "over.yaml"))
    assert len(set(re.findall(r"iter1/majority/judgments/\dof2", printed))) == 2
    assert "of3.jsonl" not in printed
    assert "--seed 11" in printed


@pytest.mark.workflow
def test_a_model_cut_over_gpus_asks_for_them(tmp_path: Path) -> None:
    """Jobs that ask get as many GPUs as vLLM cuts the model over; training its own."""
    write_config(tmp_path, PROJECT | {"engine": {"vllm": {"tensor_parallel_size": 4}}})
    for engine, asked in (("vllm", {"1", "4"}), ("transformers", {"1"})):
        over = tmp_path / "over.yaml"
        model = "Qwen/Qwen3-VL-32B-Instruct@0123456789"
        over.write_text(f"base_model: {model}\nengine: {{name: {engine}}}\n")
        printed = plan(tmp_path, "--configfile", str(over))
        assert set(re.findall(r"gpu=(\d+)", printed)) == asked


def test_more_benchmarks_pass_the_schema() -> None:
    """Laid over the repository's, which keep theirs."""
    overlay = yaml.safe_load(MORE_BENCHMARKS.read_text())
    config = lay_over(CONFIG, overlay)
    check_config(config, SCHEMA)
    formats = [spec["format"] for spec in config["benchmarks"].values()]
    assert formats == [
        *("vl_rewardbench", "multimodal_rewardbench"),
        *("multi_crit", "multi_crit", "mmrb2"),
    ]


@pytest.mark.workflow
def test_more_benchmarks_plan_over_a_project(tmp_path: Path) -> None:
    """A release at hand is asked for; the judge reads the template for criteria."""
    write_config(tmp_path, PROJECT | {"iterations": 4})
    (tmp_path / "prompts.jsonl").touch()
    (tmp_path / "python").touch(mode=0o755)
    release = tmp_path / "data/mmrb2/reasoning.json"
    release.parent.mkdir(parents=True)
    release.write_text('{"pairs": []}')
    command = [sys.executable, "-m", "snakemake", "--directory", str(tmp_path), "-np"]
    command += ["--configfile", str(MORE_BENCHMARKS), "--", "results/iter4/mmrb2.json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    printed = done.stdout
    assert "compare_scores" in printed and "--format mmrb2" in printed, done.stderr
    assert "fetch_benchmark" in printed and "data/open_ended-*.parquet" in printed
    assert "judge_criterion.txt" in printed
