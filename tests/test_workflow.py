"""The real workflow, run by real Snakemake over the demo's world and base model.

One small run (two iterations, one filter) is made once; every case then works
on a copy of it, moved elsewhere, and looks at what Snakemake would do next.
"""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import world_benchmarks
from selfjudge.ground.ledgers import read_ledgers
from selfjudge.use.asked import read_asked

pytestmark = pytest.mark.workflow

REPOSITORY = Path(__file__).resolve().parents[1]
TARGET = "results/iter2/vlrb.json"
SMALL_WORLD = {"num_closed": 240, "num_open": 80, "num_vlrb": 24, "num_mmrb": 12}
SMALL_WORLD |= {"num_criteria": 3}
SMALL_CONFIG = {
    "iterations": 2,
    "filters": ["majority"],
    "pool": {"prompts_per_iteration": 160},
    "benchmarks": {
        "vlrb": {"path": "data/vlrb/test.parquet", "protocols": []},
        "mmrb": None,
        "criteria": None,
    },
}


def clone_repository(target: Path) -> None:
    """Copy what a clone would hold."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True)
    for name in listing.stdout.decode().split("\0"):
        source = REPOSITORY / name
        if name and (source.is_file() or source.is_symlink()):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)


def change_config(project: Path, **changes: object) -> None:
    """Lay changes over a project's config.yaml, one level deep."""
    path = project / "config.yaml"
    config = yaml.safe_load(path.read_text())
    for key, value in changes.items():
        old = config.get(key)
        merge = isinstance(value, dict) and isinstance(old, dict)
        config[key] = {**old, **value} if merge else value
    path.write_text(yaml.safe_dump(config))


def snakemake(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake on the demo of a clone, as the Makefile does."""
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/local"]
    return subprocess.run(
        [*command, "--directory", "demo", *arguments],
        cwd=clone,
        capture_output=True,
        text=True,
        timeout=900,
    )


def run(clone: Path, *arguments: str) -> str:
    """Run Snakemake to a good end; what it printed."""
    done = snakemake(clone, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def planned(clone: Path, *targets: str) -> dict[str, int]:
    """The jobs that a dry run would start, by rule."""
    printed = run(clone, "-n", *(targets or (TARGET,)))
    if "Nothing to be done" in printed:
        return {}
    table = re.search(r"^job +count\n-+ +-+\n(.*?)^total ", printed, re.M | re.S)
    assert table, printed
    rows = (line.split() for line in table[1].splitlines())
    return {rule: int(count) for rule, count in rows}


def edit(path: Path, old: str, new: str) -> None:
    """Replace a piece of text that must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def num_calls(clone: Path) -> int:
    """How many answers of models were ever journalled in a project."""
    journal = clone / "demo/results/journal"
    return sum(
        len(json.loads(line))
        for path in journal.glob("*/*.jsonl")
        for line in path.read_bytes().splitlines()
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which a small demo has run to iteration 2."""
    clone = tmp_path_factory.mktemp("finished") / "my selfjudge"
    clone_repository(clone)
    change_config(clone / "demo", **SMALL_CONFIG)
    rules = clone / "demo/project.smk"
    for name, number in SMALL_WORLD.items():
        text, count = re.subn(rf"{name}=\d+", f"{name}={number}", rules.read_text())
        assert count == 1
        rules.write_text(text)
    run(clone, TARGET)
    return clone


@pytest.fixture
def moved(finished: Path, tmp_path: Path) -> Path:
    """The finished clone in another folder; times of files as they were."""
    return Path(
        shutil.copytree(finished, tmp_path / "elsewhere/selfjudge", symlinks=True)
    )


def test_loop_ends_in_scores_of_every_iteration(finished: Path) -> None:
    """The main target holds the base model and the judge, with every group."""
    comparison = json.loads((finished / "demo" / TARGET).read_text())
    rows = {(r["iteration"], r["filter"], r["group"]): r for r in comparison["rows"]}
    groups = {"general", "hallucination", "reasoning", "overall", "macro"}
    assert rows.keys() == {
        *((0, "base", group) for group in groups),
        *((2, "majority", group) for group in groups),
    }
    overall = rows[2, "majority", "overall"]
    assert overall["num_pairs"] == SMALL_WORLD["num_vlrb"]
    assert overall["p_value_base"] is not None
    assert overall["low"] <= overall["accuracy"] <= overall["high"]


def test_scores_are_shown_as_curves(finished: Path) -> None:
    """The last line of `make demo`: every iteration beside the base, and controls."""
    command = [sys.executable, "scripts/show_scores.py", "demo", "vlrb"]
    done = subprocess.run(command, cwd=finished, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads((finished / "demo" / TARGET).read_text())["rows"]
    (line,) = re.findall(r"^majority +overall .*$", done.stdout, re.M)
    for row in rows:
        if row["group"] == "overall":
            assert f"{100 * row['accuracy']:.1f} ({100 * row['low']:.1f} to" in line
    assert "iteration 2" in done.stdout and "always_first" in done.stdout


def test_every_judge_says_what_it_was_made_of(finished: Path) -> None:
    """The provenance of iteration 2 names the judge of iteration 1 and its data."""
    judge = finished / "demo/results/iter2/majority/judge"
    provenance = json.loads((judge / "provenance.json").read_text())
    text = json.dumps(provenance)
    assert "results/iter1/majority/judge" in text
    asked = (REPOSITORY / "demo/templates/judge.txt").read_text().rstrip("\n")
    assert read_asked(judge).text == asked, "and it carries how it was asked"
    assert str(finished) not in text


def test_every_model_job_leaves_one_ledger_line(finished: Path) -> None:
    """Ledgers count the calls in the journal, and lie where their outputs do."""
    results = finished / "demo/results"
    ledgers = read_ledgers(results / "ledgers")
    assert all(len(lines) == 1 and lines[0].finished for lines in ledgers.values())
    for place, (line,) in ledgers.items():
        # A judge is a folder; its judgments of all benchmarks are one job.
        made = place.replace("benchmarks/", "vlrb/paired/judgments/")
        suffix = "" if line.stage == "train_judge" else ".jsonl"
        assert (results / f"{made}{suffix}").exists()
    asked = [x for (x,) in ledgers.values() if x.engine == "transformers"]
    assert sum(line.num_calls for line in asked) == num_calls(finished)
    assert len(ledgers) - len(asked) == 2  # judges of two iterations


def test_accepted_and_dropped_add_up(finished: Path) -> None:
    """No judgment is lost between judging and training."""
    folder = finished / "demo/results/iter1/majority"
    count = {
        name: len((folder / f"{name}.jsonl").read_bytes().splitlines())
        for name in ("judgments", "accepted", "dropped_judgments")
    }
    assert count["accepted"] + count["dropped_judgments"] == count["judgments"]
    assert count["accepted"] > 0


def test_moved_clone_has_nothing_to_do(moved: Path) -> None:
    """A clone in another folder reruns nothing, and says so."""
    assert "Nothing to be done" in run(moved, TARGET)


def test_one_iteration_more_moves_nothing(moved: Path) -> None:
    """Only the tests between filters leave iteration 2; the third asks for prompts."""
    change_config(moved / "demo", iterations=3, pool={"prompts_per_iteration": 160})
    assert planned(moved) == {"compare_scores": 1}
    assert planned(moved, "results/iter3/prompts.jsonl") == {"select_prompts": 1}
    done = snakemake(moved, "results/iter3/prompts.jsonl")
    assert done.returncode != 0
    assert "must have at least 480 usable prompts" in done.stdout + done.stderr


def with_protocols(clone: Path, *protocols: str) -> None:
    """Score vlrb under these protocols too."""
    vlrb = {"path": "data/vlrb/test.parquet", "protocols": list(protocols)}
    change_config(clone / "demo", benchmarks={"vlrb": vlrb})


def test_another_reading_of_the_same_judgments_asks_for_them_once(moved: Path) -> None:
    """Who reads the official judgments strictly needs no scores as the authors read."""
    with_protocols(moved, "official")
    assert planned(moved, "results/iter2/vlrb_official_strict.json") == {
        "ask_benchmark": 1,
        "judge_benchmarks": 3,
        "merge_benchmark_judgments": 3,
        "rescore_benchmark": 3,
        "compare_protocol": 1,
    }


def test_a_judge_is_asked_what_is_configured(moved: Path) -> None:
    """The official protocol has its own judgments; without its name, none."""
    target = "results/iter0/vlrb_official.json"
    done = snakemake(moved, "-n", target)
    assert (
        "must name a protocol of the collection 'official'" in done.stdout + done.stderr
    )
    with_protocols(moved, "official")
    assert planned(moved, target) == {
        "ask_benchmark": 1,
        "judge_benchmarks": 1,
        "merge_benchmark_judgments": 1,
        "score_benchmark": 1,
        "compare_protocol": 1,
    }


def test_another_number_of_votes_is_asked_for(moved: Path) -> None:
    """What is asked follows the config: not only the files that it is made of."""
    with_protocols(moved, "official")
    asks = "results/benchmarks/vlrb_official_asks.jsonl"
    run(moved, asks)
    assert planned(moved, asks) == {}
    change_config(moved / "demo", official_judgments={"num_votes": 3})
    assert planned(moved, asks) == {"ask_benchmark": 1}


def test_a_benchmark_that_is_not_there_is_named(moved: Path) -> None:
    """It is left out of the judges' jobs, and refused where it is wanted."""
    mmrb = {"path": "data/nowhere/all_data.json", "protocols": []}
    change_config(moved / "demo", benchmarks={"mmrb": mmrb})
    assert planned(moved) == {}
    done = snakemake(moved, "-n", "results/iter2/mmrb.json")
    assert done.returncode != 0
    assert "'benchmarks.mmrb.path' must exist" in done.stdout + done.stderr


def test_greedy_and_blind_ask_of_their_own(moved: Path) -> None:
    """Each is a collection, asked in the same job; what was asked is not again."""
    with_protocols(moved, "greedy", "blind")
    greedy, blind = (f"results/iter0/vlrb_{name}.json" for name in ("greedy", "blind"))
    paired = moved / "demo/results/iter0/base/vlrb/paired/judgments/1of1.jsonl"
    before = paired.read_bytes()
    assert planned(moved, greedy, blind) == {
        "ask_benchmark": 2,
        "blind_benchmark": 1,
        "judge_benchmarks": 1,
        "merge_benchmark_judgments": 2,
        "score_benchmark": 2,
        "compare_protocol": 2,
    }
    calls = num_calls(moved)
    run(moved, greedy, blind)
    results = moved / "demo/results"
    assert num_calls(moved) - calls == 2 * 2 * SMALL_WORLD["num_vlrb"]
    assert paired.read_bytes() == before
    (line,) = read_ledgers(results / "ledgers")["iter0/base/benchmarks/1of1"][1:]
    asked_before = 2 * SMALL_WORLD["num_vlrb"]
    assert line.num_from_journal == asked_before
    assert line.num_calls == 2 * asked_before
    images = list((results / "benchmarks/vlrb_blind_images").glob("*/*"))
    assert len(images) == 1, "all pictures of the world have one size"
    found = json.loads((moved / "demo" / blind).read_text())
    assert found["protocol"] == found["collection"] == "blind"
    assert planned(moved, greedy, blind) == {}


def test_a_cut_filter_waits_for_the_judge_that_it_may_have(moved: Path) -> None:
    """And for the rows that it is cut to; the uncut filter is not trained again."""
    filters = ["majority", "correctness", "majority_matched"]
    change_config(moved / "demo", filters=filters)
    target = "results/iter1/majority_matched/judge.json"
    assert planned(moved, target) == {
        "build_pairs": 2,
        "ask_judge": 2,
        "judge_pairs": 2,
        "merge_judgments": 2,
        "filter_judgments": 2,
        "train_judge": 1,
    }
    printed = run(moved, "-n", target)
    training = re.search(r"^rule train_judge:\n    input: (.*)", printed, re.M)
    assert training and "results/iter1/majority/judge" in training[1].split(", ")
    cut = re.findall(r"input: .*iter1/majority/accepted\.jsonl.*", printed)
    assert cut and all("iter1/correctness/accepted.jsonl" in one for one in cut)
    # Where nobody asks for the uncut filter, its judge is not trained for this alone.
    change_config(moved / "demo", filters=["correctness", "majority_matched"])
    assert planned(moved, target)["train_judge"] == 1
    printed = run(moved, "-n", target)
    assert "results/iter1/majority/judge" not in printed


def test_a_criterion_stands_in_the_prompt_of_its_pairs_alone(moved: Path) -> None:
    """Their asks name another template, and nothing else is asked again."""
    demo = yaml.safe_load((REPOSITORY / "demo/config.yaml").read_text())
    change_config(
        moved / "demo", benchmarks={"criteria": demo["benchmarks"]["criteria"]}
    )
    target, calls = "results/iter0/criteria.json", num_calls(moved)
    run(moved, target)
    results = moved / "demo/results"
    pairs, asks, vlrb = (
        [json.loads(line) for line in (results / name).read_bytes().splitlines()]
        for name in (
            "benchmarks/criteria.jsonl",
            "benchmarks/criteria_paired_asks.jsonl",
            "benchmarks/vlrb_paired_asks.jsonl",
        )
    )
    assert num_calls(moved) - calls == len(asks) == 2 * len(pairs)
    assert {ask["template"] for ask in asks} == {"judge_criterion.txt"}
    assert {ask["template"] for ask in vlrb} == {"judge.txt"}
    groups = {pair["category"]: pair["criterion"] for pair in pairs}
    assert groups == world_benchmarks.CRITERIA
    found = json.loads((moved / "demo" / target).read_text())
    rows = {row["group"]: row for row in found["rows"]}
    assert rows["all_criteria"]["num_pairs"] == SMALL_WORLD["num_criteria"]
    assert {*groups, "overall", "macro", "tradeoffs", "conflicts"} <= rows.keys()
    assert "ignores_criterion" in {row["baseline"] for row in found["baselines"]}


def test_judgments_are_scored_under_protocols_of_their_own(moved: Path) -> None:
    """What was asked for seeing is not scored as if it had been asked for blind."""
    done = snakemake(moved, "-n", "results/iter0/base/vlrb/paired/blind.json")
    assert done.returncode != 0
    assert "cannot be scored again under 'blind'" in done.stdout + done.stderr


def test_the_demo_measures_itself_by_the_truth(moved: Path) -> None:
    """No model is asked; accepted and dropped judgments are all judgments."""
    target = "results/iter1/majority/truth.json"
    assert planned(moved, target) == {"measure_truth": 1}
    run(moved, target)
    found = json.loads((moved / "demo" / target).read_text())
    assert (found["iteration"], found["filter"]) == (1, "majority")
    whole = {row["measure"]: row for row in found["rows"] if row["kind"] is None}
    folder = moved / "demo/results/iter1/majority"
    count = {
        name: len((folder / f"{name}.jsonl").read_bytes().splitlines())
        for name in ("pairs", "accepted", "dropped_judgments")
    }
    assert whole["purity"]["n"] == count["pairs"]
    assert whole["precision"]["n"] == count["accepted"]
    assert whole["dropped_purity"]["n"] == count["dropped_judgments"]
    assert whole["precision"]["low"] <= whole["precision"]["rate"] <= 1


def test_a_judge_is_trained_by_reward(moved: Path) -> None:
    """A branch beside the others: its pairs are majority's, judged from the journal;
    what is not picked has a reason; SFT's judges stay as they are."""
    reward = {"pairs_per_step": 8, "num_rollouts": 2, "batch_size": 32, "num_epochs": 1}
    change_config(moved / "demo", filters=["majority", "reinforced"], reinforce=reward)
    target = "results/iter1/vlrb.json"
    calls, jobs = num_calls(moved), planned(moved, target)
    assert jobs["reinforce_judge"] == jobs["pick_reinforcement"] == 1
    assert "train_judge" not in jobs
    run(moved, "results/iter1/reinforced/judge.json")
    assert num_calls(moved) == calls
    folder = moved / "demo/results/iter1"
    own = folder / "reinforced"
    pairs = (own / "pairs.jsonl").read_bytes()
    assert pairs == (folder / "majority/pairs.jsonl").read_bytes()
    picked = (own / "reinforce.jsonl").read_bytes().splitlines()
    dropped = (own / "dropped_reinforce.jsonl").read_bytes().splitlines()
    assert len(picked) / 2 + len(dropped) == len(pairs.splitlines())
    (line,) = read_ledgers(moved / "demo/results/ledgers/iter1/reinforced")["judge"]
    assert line.stage == "reinforce_judge" and line.finished
    steps = -(-len(picked) // 2 // 8)
    assert line.num_calls == steps and line.num_requests == steps * 32
    assert line.rollout_seconds and line.reward_seconds and line.update_seconds
    judge = "results/iter1/reinforced/judge.json"
    change_watching(moved)
    assert planned(moved, judge) == {}
    # Who writes rollouts decides what is trained, how much memory it has does not.
    python = moved / "python.sh"  # whose packages nobody sees from outside
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    change_config(moved / "demo", interpreters={"train": "../python.sh"})
    change_config(moved / "demo", train={"max_length": 4096})  # which vLLM must know
    memory = {"vllm_gpu_memory_utilization": 0.3}
    change_config(moved / "demo", reinforce=reward | memory)
    assert planned(moved, judge) == {"reinforce_judge": 1}
    run(moved, "--touch", judge)
    memory = {"vllm_gpu_memory_utilization": 0.2}
    change_config(moved / "demo", reinforce=reward | memory)
    assert planned(moved, judge) == {}
    change_config(moved / "demo", train={"max_length": None})
    # From the judge that imitated, which is there: nothing else is trained.
    reward |= {"start_from": "imitated", "vllm_gpu_memory_utilization": None}
    change_config(moved / "demo", reinforce=reward)
    jobs = planned(moved, target)
    assert jobs["reinforce_judge"] == 1 and "train_judge" not in jobs
    change_config(moved / "demo", filters=["reinforced"])
    (folder / "majority/judge.json").unlink()
    assert planned(moved, target)["train_judge"] == 1
    shown = run(moved, "-n", "-p", "results/iter1/reinforced/judge.json")
    assert "--model results/iter1/majority/judge " in shown


def test_report_follows_from_finished_files(moved: Path) -> None:
    """The page asks no model, and is stale when its own parts change."""
    target = "results/report.html"
    decisions = {"compare_scores", "make_plots", "build_report"}
    decisions.add("measure_truth")  # of the demo; a figure shows it
    assert {"build_report"} <= planned(moved, target).keys() <= decisions
    run(moved, target)
    page = (moved / "demo" / target).read_text()
    rows = json.loads((moved / "demo" / TARGET).read_text())["rows"]
    for row in rows:
        if row["group"] == "overall":
            assert f">{100 * row['accuracy']:.1f} (" in page
    missing = set(re.findall("<li><code>(.*?)</code>", page))
    assert missing <= {"results/plots/index.json"} and str(moved) not in page
    change_config(moved / "demo", engine={"batch_size": 16})
    assert planned(moved, target) == {}
    edit(moved / "scripts/templates/report.css", "max-width: 76rem", "max-width: 80rem")
    assert planned(moved, target) == {"build_report": 1}


def touch_everything(clone: Path) -> None:
    """Give every file of code, config and data a new time.

    The folders that rules write come last and lie in the future: of them
    Snakemake knows the time alone.
    """
    folders = []
    for path in clone.rglob("*"):
        if path.name == ".snakemake_timestamp":
            folders.append(path)
        elif path.is_file() and ".snakemake" not in path.parts:
            os.utime(path)
    assert len(folders) >= 4, "two judges, two sets of images"
    for path in folders:
        later = time.time() + 60
        os.utime(path, (later, later))


def edit_docstring(clone: Path) -> None:
    """Change a docstring of the verdict parser."""
    path = clone / "scripts/selfjudge/judging/verdicts.py"
    edit(path, '"""What a judgment says', '"""What the text of a judgment says')


def edit_comment_and_format(clone: Path) -> None:
    """Add a comment and break a line of the verdict parser."""
    path = clone / "scripts/selfjudge/judging/verdicts.py"
    edit(
        path,
        "    said = strip_thought(text)\n",
        "    # as far as it goes\n    said = (\n        strip_thought(text))\n",
    )


def refresh_code(clone: Path) -> None:
    """Write all tracked files anew, as a fresh clone beside old results does."""
    for folder in ("scripts", "rules", "demo/templates", "demo/base", "profiles"):
        for path in (clone / folder).rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                path.unlink()
                path.write_bytes(content)


def reword_errors(clone: Path) -> None:
    """Say errors of reading, of filtering and of a trainer's settings otherwise."""
    package = clone / "scripts/selfjudge"
    edit(package / "ground/lines.py", "the line must be UTF-8", "a line must be UTF-8")
    edit(package / "judging/joining.py", "a shard may be missing", "is one missing")
    edit(package / "pairs/building.py", "the prompts are too easy", "too easy prompts")


def change_openai_timeout(clone: Path) -> None:
    """Another default of a client that is not used."""
    path = clone / "scripts/selfjudge/engines/sections.py"
    edit(path, "timeout_seconds: float = 600.0", "timeout_seconds: float = 700.0")


def edit_other_engine(clone: Path) -> None:
    """Change the code of an engine that is not asked."""
    path = clone / "scripts/selfjudge/engines/openai_engine.py"
    edit(path, "LONGEST_WAIT = 30", "LONGEST_WAIT = 31")


def edit_help(clone: Path) -> None:
    """Explain an argument of every stage, and one of training, otherwise."""
    commands = clone / "scripts/selfjudge/run/commands.py"
    edit(commands, 'help="commit, tag', 'help="a commit, tag')
    training = clone / "scripts/selfjudge/run/training_jobs.py"
    edit(training, 'help="seed of', 'help="the seed of')


def edit_official_asking(clone: Path) -> None:
    """Ask otherwise where a benchmark is asked as its authors do, which nobody does."""
    path = clone / "scripts/selfjudge/benchmarks/vl_rewardbench.py"
    edit(path, "Sampling(max_tokens=2048", "Sampling(max_tokens=2047")


def change_watching(clone: Path) -> None:
    """Save checkpoints and write log lines at other steps."""
    change_config(clone / "demo", train={"save_steps": 7, "logging_steps": 3})


def know_another_filter(clone: Path) -> None:
    """Enter a filter that no config names."""
    path = clone / "scripts/selfjudge/pairs/filters.py"
    edit(path, '    "unchecked",\n]', '    "unchecked",\n    "other",\n]')
    other = '"other": Filter(label="gold", accept="parsed"),'
    edit(path, "    # The paper's default.", f"    {other}\n    # The paper's default.")


def move_module(clone: Path) -> None:
    """Move the verdict parser to another room and name, and rewrite its imports."""
    package = clone / "scripts/selfjudge"
    (package / "judging/verdicts.py").rename(package / "ground/letters.py")
    for folder in ("scripts", "demo"):
        for path in (clone / folder).rglob("*.py"):
            text = path.read_text()
            path.write_text(
                text.replace("judging.verdicts import", "ground.letters import")
            )


def move_templates(clone: Path) -> None:
    """Have the same templates in another folder."""
    (clone / "demo/templates").rename(clone / "templates")
    change_config(clone / "demo", templates="../templates")


@pytest.mark.parametrize(
    "change",
    [
        touch_everything,
        edit_docstring,
        edit_comment_and_format,
        refresh_code,
        reword_errors,
        change_openai_timeout,
        edit_other_engine,
        edit_help,
        edit_official_asking,
        change_watching,
        know_another_filter,
        move_module,
        move_templates,
    ],
)
def test_change_without_meaning_reruns_nothing(
    moved: Path, change: Callable[[Path], None]
) -> None:
    """Nor do errors' wording, engines that are not asked, and where code lies."""
    change(moved)
    assert planned(moved) == {}


def edit_parser(clone: Path) -> None:
    """Change what the verdict parser accepts."""
    path = clone / "scripts/selfjudge/judging/verdicts.py"
    edit(path, 'content == "A" else', 'content in ("A", "a") else')


def edit_foreign_parser(clone: Path) -> None:
    """Change how the official scorer of a benchmark reads judgments."""
    path = clone / "scripts/selfjudge/benchmarks/vl_rewardbench.py"
    edit(path, "(?:slightly", "(?:slightly|barely")


def edit_refusals(clone: Path) -> None:
    """Change what counts as a refusal to answer."""
    edit(
        clone / "scripts/selfjudge/pairs/stated.py",
        "REFUSAL = re.compile(",
        "REFUSAL = re.compile(r'no idea|' +",
    )


def edit_counts(clone: Path) -> None:
    """Another digit in a report that people read."""
    path = clone / "scripts/selfjudge/judging/counts.py"
    edit(path, "round(total / count, 1)", "round(total / count, 2)")


def edit_engine(clone: Path) -> None:
    """Change the code of the engine that answers."""
    path = clone / "scripts/selfjudge/engines/transformers_engine.py"
    edit(
        path,
        "        self.num_gpus =",
        "        self.changed = 1\n        self.num_gpus =",
    )


def edit_template(clone: Path) -> None:
    """Change what the judge reads."""
    edit(clone / "demo/templates/judge.txt", "Judge", "Please judge")


def change_lora_rank(clone: Path) -> None:
    """Train with other adapters."""
    change_config(clone / "demo", train={"lora_rank": 8})


def change_learning_rate(clone: Path) -> None:
    """Train at another rate."""
    change_config(clone / "demo", train={"learning_rate": 4.0e-4})


def change_shown_size(clone: Path) -> None:
    """Show every model smaller images."""
    change_config(clone / "demo", images={"max_pixels_shown": 2048})


def change_responses(clone: Path) -> None:
    """Draw at another temperature."""
    sampling = {"max_tokens": 48, "temperature": 0.9, "top_k": 0, "top_p": 1.0}
    change_config(clone / "demo", responses={"sampling": sampling})


def add_filter(clone: Path) -> None:
    """Run another filter beside the first."""
    change_config(clone / "demo", filters=["majority", "correctness"])


def check_rewrites(clone: Path) -> None:
    """Ask whether the image shows what was altered."""
    bounds = {"majority_threshold": 4, "check_margin": 0.0}
    change_config(clone / "demo", pairs=bounds)


FROM_TRAINING = {
    "train_judge": 2,
    "judge_pairs": 1,
    "merge_judgments": 1,
    "filter_judgments": 1,
    "count_judgments": 1,
    "judge_benchmarks": 2,
    "merge_benchmark_judgments": 2,
    "score_benchmark": 2,
    "compare_scores": 1,
}
FROM_FILTER = FROM_TRAINING | {"filter_judgments": 2, "count_judgments": 2}
FROM_JUDGING = FROM_FILTER | {"judge_pairs": 2, "merge_judgments": 2}
FROM_PAIRS = FROM_JUDGING | {"build_pairs": 2, "count_pairs": 2, "ask_judge": 2}
FROM_RESPONSES = FROM_PAIRS | {
    "generate_responses": 2,
    "merge_responses": 2,
    "merge_altered": 2,
}
# The base model's benchmarks too.
ALL_BENCHMARKS = {
    "judge_benchmarks": 3,
    "merge_benchmark_judgments": 3,
    "score_benchmark": 3,
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (edit_counts, {"count_judgments": 2}),
        (edit_foreign_parser, {"score_benchmark": 3, "compare_scores": 1}),
        # Prompts are neither imported nor selected again, and nothing is generated.
        (edit_refusals, FROM_PAIRS),
        # Iteration 1 is not judged again, but everything is parsed again.
        (edit_parser, FROM_FILTER | {"score_benchmark": 3}),
        (edit_template, FROM_JUDGING | ALL_BENCHMARKS),
        (change_learning_rate, FROM_TRAINING),
        (change_lora_rank, FROM_TRAINING),
        (edit_engine, FROM_RESPONSES | ALL_BENCHMARKS),
        (change_responses, FROM_RESPONSES),
        # Nothing is imported again: the files are what they were.
        (change_shown_size, FROM_RESPONSES | ALL_BENCHMARKS),
        # Its own branch: built, judged, filtered, trained, scored; and compared.
        (add_filter, FROM_PAIRS),
        # Rewrites are there already: only what is asked about them is new.
        (
            check_rewrites,
            FROM_PAIRS | {"check_alterations": 2, "merge_checks": 2},
        ),
    ],
)
def test_change_reruns_its_stage_and_what_follows(
    moved: Path, change: Callable[[Path], None], expected: dict[str, int]
) -> None:
    """Exactly the stale jobs are planned."""
    change(moved)
    assert planned(moved) == expected


def test_what_decides_an_answer_of_vllm_makes_stale(moved: Path) -> None:
    """Its longest prompt and its kernels do, an adapter what asks a judge; room not."""
    demo = moved / "demo"

    def stale(**settings: object) -> dict[str, int]:
        room = {"max_num_seqs": 64, "max_model_len": 8192}
        change_config(demo, engine={"name": "vllm", "vllm": room | settings})
        return planned(moved)

    whole = FROM_RESPONSES | ALL_BENCHMARKS
    assert stale() == whole
    run(moved, "--touch", TARGET)
    assert stale() == {}
    assert stale(max_num_seqs=16, gpu_memory_utilization=0.5) == {}
    assert stale(max_model_len=16384) == stale(batch_invariant=True) == whole
    of_judges = stale(lora=True)
    assert "generate_responses" not in of_judges
    # Iteration 1 asks the base model, which has no adapter.
    assert of_judges["judge_pairs"] == 1 and of_judges["judge_benchmarks"] == 2


def test_other_shards_repeat_no_model_call(moved: Path) -> None:
    """A finished stage cut anew is answered from the journal, byte for byte."""
    target = "results/iter1/majority/judgments.jsonl"
    before, calls = (moved / "demo" / target).read_bytes(), num_calls(moved)
    change_config(moved / "demo", judgments={"shards": 3})
    assert planned(moved, target) == {"judge_pairs": 3, "merge_judgments": 1}
    run(moved, target)
    assert (moved / "demo" / target).read_bytes() == before
    assert num_calls(moved) == calls


def judging_keys(clone: Path) -> list[str]:
    """The keys of all answers that were journalled while judging pairs."""
    return [
        answer["key"]
        for path in sorted(
            (clone / "demo/results/journal").glob("*/*judge_pairs*.jsonl")
        )
        for line in path.read_bytes().splitlines()
        for answer in json.loads(line)
    ]


def test_other_shards_in_mid_run_repeat_no_model_call(moved: Path) -> None:
    """A stage cut anew when one of its shards was done asks only what is left."""
    for path in (moved / "demo/results/journal").glob("*/*judge_pairs*.jsonl"):
        path.unlink()
    change_config(moved / "demo", judgments={"shards": 2})
    run(moved, "results/iter1/majority/judgments/1of2.jsonl")
    half = judging_keys(moved)
    change_config(moved / "demo", judgments={"shards": 3})
    run(moved, "results/iter1/majority/judgments.jsonl")
    whole = judging_keys(moved)
    assert half == whole[: len(half)] and len(half) < len(whole)
    assert len(whole) == len(set(whole))


def test_swapped_image_asks_again_about_its_prompts_alone(moved: Path) -> None:
    """Another picture under an old name makes its own prompts new, no others."""
    prompts = moved / "demo/results/iter1/prompts.jsonl"
    rows = [json.loads(line) for line in prompts.read_text().splitlines()]
    row = next(row for row in rows if row["kind"] == "closed")
    other = next(r for r in rows if r["images"] != row["images"])
    images = moved / "demo/data/images"
    shutil.copyfile(images / other["images"][0], images / row["images"][0])
    assert planned(moved)["import_prompts"] == 1
    calls = num_calls(moved)
    run(moved, "results/iter1/responses.jsonl", "results/iter2/responses.jsonl")
    assert 0 < num_calls(moved) - calls <= 8
    after = moved / "demo/results/prompts.jsonl"
    ids = {json.loads(line)["id"] for line in after.read_text().splitlines()}
    assert {r["id"] for r in rows} - ids == {row["id"]}


def test_a_benchmark_is_kept_out_of_the_pool(moved: Path) -> None:
    """Once it is asked for: an image of it in the pool is dropped, and counted."""
    project = moved / "demo"
    images = (project / "data/mmrb/images").rglob("*.png")
    image = min(path for path in images if path.stat().st_size)
    shutil.copy(image, project / "data/images/stolen.png")
    row = {"images": ["stolen.png"], "question": "Describe the image."}
    with (project / "data/prompts.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    benchmark = {
        "format": "multimodal_rewardbench",
        "path": "data/mmrb/all_data.json",
        "protocols": [],
    }
    change_config(project, benchmarks={"mmrb": benchmark})
    # Drawings are near each other by their hash: some more are dropped.
    keep_out = {"prompts": {"keep_out": ["mmrb"]}}
    change_config(project, pool={"prompts_per_iteration": 150}, **keep_out)
    pool = "results/prompts.jsonl"
    assert planned(moved, pool) == {"prepare_benchmark": 1, "import_prompts": 1}
    run(moved, pool)
    report = json.loads((project / "results/prompts_report.json").read_text())
    assert report["dropped"]["benchmark_image"] == 1


def test_real_config_plans_without_gpu_or_download(tmp_path: Path) -> None:
    """The paper's run is planned from a fresh clone: dry run and graph."""
    clone_repository(tmp_path)
    command = [sys.executable, "-m", "snakemake", "results/iter4/vlrb.json"]
    for flag in ("-n", "--dag"):
        done = subprocess.run(
            [*command, flag],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=os.environ | {"HF_HUB_OFFLINE": "1"},
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("digraph")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeed": 1}, "'seeed' is no known key. Hint: did you mean 'seed'?"),
        ({"seed": "x"}, "'seed' must be of type integer (got 'x')"),
        ({"iterations": 0}, "'iterations' must be at least 1 (got 0)"),
        (
            {"pairs": {"majority_threshold": 9}},
            "'pairs.majority_threshold' must be at most 'responses.num_samples', 8",
        ),
        ({"filters": ["majorty"]}, "'filters.0' must be one of 'majority'"),
        (
            {
                "filters": ["correctness"],
                "prompts": {
                    "sources": [
                        {
                            "name": "world",
                            "kind": "jsonl",
                            "path": "data/prompts.jsonl",
                            "gold_answers": False,
                        }
                    ]
                },
            },
            "no prompt source has 'gold_answers: true'",
        ),
        (
            {"base_model": "./nowhere"},
            "'base_model' must be an existing folder or a Hub id",
        ),
        (
            {"interpreters": {"train": "./no_such_python"}},
            "'interpreters.train' must be a Python that can be run",
        ),
        ({"templates": "nowhere"}, "nowhere/"),
    ],
)
def test_bad_config_is_refused_before_anything_starts(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    """Each fault of a configuration gets a line that names it."""
    clone = tmp_path / "selfjudge"
    clone_repository(clone)
    change_config(clone / "demo", **changes)
    done = snakemake(clone, "-n", TARGET)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr


def test_directory_without_config_is_refused(tmp_path: Path) -> None:
    """A mistyped project directory does not start the paper's run."""
    command = [sys.executable, "-m", "snakemake", "--directory", str(tmp_path / "x")]
    done = subprocess.run(
        [*command, "-n", TARGET], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "must hold a config.yaml" in done.stdout + done.stderr


def test_finished_run_says_so_quickly(finished: Path) -> None:
    """A rerun with nothing to do takes a few seconds of CPU: try it at any time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "Nothing to be done" in run(finished, TARGET)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 10


def test_plots_and_snakemakes_own_report(moved: Path) -> None:
    """They stand in `--report` with captions, and follow no setting of an engine."""
    target = "results/plots/index.json"
    run(moved, target)
    index = json.loads((moved / "demo" / target).read_text())
    entries = {entry["name"]: entry for entry in index}
    assert [name for name in entries if entries[name]["missing"]] == []
    assert {"accuracy_vlrb", "accepted", "health", "cost", "run"} <= entries.keys()
    assert str(moved) not in (moved / "demo/results/plots/run.csv").read_text()
    report = moved / "report.html"
    run(moved, target, "--report", str(report))
    text = report.read_text()
    assert "accuracy_vlrb.svg" in text and "judges without eyes" in text
    assert not re.search(r"""(src|href)=["']?https?://[^"']*\.(js|css)""", text)
    change_config(moved / "demo", engine={"batch_size": 8})
    assert planned(moved, target) == {}


def plan_of(clone: Path, *arguments: str) -> dict[str, dict[str, str]]:
    """The rows of a plan, by stage, iteration and filter; {} for nothing to do."""
    command = [sys.executable, "scripts/plan_run.py", "--directory", "demo"]
    done = subprocess.run(
        [*command, *arguments], cwd=clone, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    if done.stdout.endswith("nothing to do\n"):
        return {}
    head, *lines = done.stdout.split("\n\n")[1].splitlines()
    names = re.split(r" {2,}", head.strip())
    starts = [head.index(name) for name in names]
    ends = [*starts[1:], None]
    rows = [
        {n: line[a:b].strip() for n, a, b in zip(names, starts, ends, strict=True)}
        for line in lines
    ]
    keys = ("stage", "iteration", "filter")
    return {" ".join(filter(None, (row[k] for k in keys))): row for row in rows}


def tokens_spent(ledgers: Path) -> tuple[int, int]:
    """Prompt and output tokens in all ledgers below a folder or in one file."""
    paths = ledgers.rglob("*.jsonl") if ledgers.is_dir() else [ledgers]
    lines = [json.loads(t) for path in paths for t in path.read_text().splitlines()]
    assert lines
    names = ("num_prompt_tokens", "num_output_tokens")
    prompt, output = (sum(line[name] for line in lines) for name in names)
    return prompt, output


def from_text(number: str) -> float:
    """The number that a plan writes with k, M or G."""
    unit = {"k": 1e3, "M": 1e6, "G": 1e9}.get(number[-1], 1)
    return float(number.rstrip("kMG")) * unit


def test_plan_of_a_finished_run_is_empty(moved: Path) -> None:
    """As Snakemake says, and after a change only what that makes stale is planned."""
    assert plan_of(moved) == {}
    change_learning_rate(moved)
    assert set(plan_of(moved)) == {
        "train 1 majority",
        "train 2 majority",
        "judgments 2 majority",
        "benchmark_judgments 1 majority",
        "benchmark_judgments 2 majority",
        "total",
    }
    assert set(plan_of(moved, "results/iter1/majority/judge.json")) == {
        "train 1 majority",
        "total",
    }


def test_rule_plan_starts_nothing(moved: Path) -> None:
    """The rule says what the script says, and no other job runs."""
    change_learning_rate(moved)
    assert planned(moved)["train_judge"] == 2
    said = run(moved, "plan")
    assert "plan of results/iter2/vlrb.json" in said
    assert re.search(r"^train +2 +majority +1 ", said, re.M)
    assert planned(moved)["train_judge"] == 2


def test_plan_of_an_iteration_is_near_what_it_spends(moved: Path) -> None:
    """Tokens of iteration 2, planned from iteration 1 alone, against its ledgers."""
    ledgers = moved / "demo/results/ledgers"
    later = ledgers / "iter2/majority"
    spent = {
        "responses 2": tokens_spent(ledgers / "iter2/responses"),
        "alterations 2": tokens_spent(ledgers / "iter2/altered"),
        "judgments 2 majority": tokens_spent(later / "judgments"),
        "train 2 majority": tokens_spent(later / "judge.jsonl"),
        "benchmark_judgments 2 majority": tokens_spent(later / "benchmarks"),
    }
    shutil.rmtree(ledgers / "iter2")
    shutil.rmtree(moved / "demo/results/iter2")
    rows = plan_of(moved)
    assert set(rows) == {*spent, "total"}
    for name, (prompt, output) in spent.items():
        # Small numbers, and the judge changes; what it accepts changes most.
        most = 3 if name.startswith("train") else 1.5
        assert 1 / most < from_text(rows[name]["prompt tok"]) / prompt < most, name
        if output:
            assert 1 / most < from_text(rows[name]["output tok"]) / output < most, name
    total_spent = sum(prompt for prompt, _ in spent.values())
    total_planned = from_text(rows["total"]["prompt tok"])
    assert 1 / 1.25 < total_planned / total_spent < 1.25


def test_a_probe_asks_what_iteration_1_asks(moved: Path) -> None:
    """After a run it asks nothing: the journal has all its answers.  It prints what it
    found, and makes nothing of the run stale."""
    calls = num_calls(moved)
    said = run(moved, "probe")
    assert num_calls(moved) == calls
    assert "probe of 50 prompts" in said and "plan of results/iter2/vlrb.json" in said
    assert planned(moved) == {}
    probe = moved / "demo/results/probe"
    pairs = (moved / "demo/results/iter1/majority/pairs.jsonl").read_text().splitlines()
    probed = (probe / "pairs.jsonl").read_text().splitlines()
    assert probed and set(probed) <= set(pairs)
    assert "<end_of_utterance><assistant>" in (probe / "shown.txt").read_text()
    report = json.loads((probe / "report.json").read_text())
    assert report["costs"]["judgments"]["num_calls"] == 0
