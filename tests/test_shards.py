"""Into how many jobs stages are cut where the config leaves it open."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from selfjudge.run.config import DEFAULTS, ConfigError, lay_over, read_config
from selfjudge.run.contradictions import check_config
from selfjudge.run.shards import cut_stages

CONFIG = yaml.safe_load(DEFAULTS.read_text())
SCHEMA = yaml.safe_load(DEFAULTS.with_name("config.schema.yaml").read_text())
STAGES = ("responses", "judgments", "benchmark_judgments")


def shards_of(**changes: Any) -> list[int]:
    """The shards of all stages, of a config that the schema takes."""
    config = lay_over(CONFIG, changes)
    check_config(config, SCHEMA)
    cut = cut_stages(config)
    check_config(cut, SCHEMA)
    return [cut[stage]["shards"] for stage in STAGES]


def small(prompts: int) -> dict[str, Any]:
    return {"pool": {"prompts_per_iteration": prompts}}


@pytest.mark.parametrize(
    ("engine", "shards"),
    [("transformers", [64, 8, 2]), ("vllm", [16, 2, 1]), ("openai", [16, 2, 1])],
)
def test_the_papers_iteration_is_cut_by_what_its_engine_does(
    engine: str, shards: list[int]
) -> None:
    """The faster it answers, the fewer jobs, each of which has to load the model."""
    assert shards_of(engine={"name": engine}) == shards
    least = cut_stages(lay_over(CONFIG, {"engine": {"name": engine}}))
    given = cut_stages(lay_over(CONFIG, {"requests_per_job": 1_000_000}))
    assert least["responses"]["shards"] > given["responses"]["shards"] == 1


@pytest.mark.parametrize(
    ("prompts", "shards"), [(1, 1), (60, 1), (390, 1), (391, 2), (782, 4)]
)
def test_a_small_project_is_one_job_a_stage(prompts: int, shards: int) -> None:
    """Up to 6,250 requests, 16 a prompt; then by powers of two."""
    assert shards_of(**small(prompts))[:2] == [shards, 1]


def test_a_number_stands() -> None:
    assert shards_of(responses={"shards": 3}, **small(60))[0] == 3


def test_no_benchmark_is_no_reason_to_fail() -> None:
    config = lay_over(CONFIG, {"benchmarks": {"vlrb": None, "mmrb": None}})
    assert cut_stages(config)["benchmark_judgments"]["shards"] == 1


@pytest.mark.parametrize(
    ("protocols", "shards"),
    [
        ([], 2),  # 11,916 of both benchmarks
        (["greedy"], 4),
        (["greedy", "blind", "reworded"], 8),
        (["greedy", "blind", "reworded", "official"], 16),  # with ten votes: 58,610
    ],
)
def test_a_job_asks_for_all_protocols_of_a_benchmark(
    protocols: list[str], shards: int
) -> None:
    of_all = {name: {"protocols": protocols} for name in ("vlrb", "mmrb")}
    assert shards_of(benchmarks=of_all)[2] == shards


@pytest.mark.parametrize(
    ("num_samples", "num_prompts", "num_variant_pairs", "shards"),
    [
        (16, 390, 1, 1),  # responses
        (16, 391, 1, 2),
        (1, 519, 1, 1),  # of each pair 6 texts in both orders, of some 9 more
        (1, 521, 1, 2),
        (1, 521, 521, 4),
    ],
)
def test_a_certificate_is_cut_by_its_largest_stage(
    num_samples: int, num_prompts: int, num_variant_pairs: int, shards: int
) -> None:
    """Responses, or all variants of the pairs that they make."""
    sizes = {"num_prompts": num_prompts, "num_variant_pairs": num_variant_pairs}
    changes = {"certificate": sizes, "responses": {"num_samples": num_samples}}
    cut = cut_stages(lay_over(CONFIG, changes))
    assert cut["certificate"]["shards"] == shards


@pytest.mark.parametrize("shards", [0, "many", None, 1.5])
def test_another_word_is_refused(shards: Any) -> None:
    with pytest.raises(ValueError, match=r"'responses.shards'"):
        check_config(lay_over(CONFIG, {"responses": {"shards": shards}}), SCHEMA)


# ------------------------------------------------------------------------- a panel


def panel_shards(prompts: int, members: dict[str, Any], **changes: Any) -> int:
    """The shards of a panel's stages, of a config that the schema takes."""
    base = {name: {"base_model": "a/b"} | own for name, own in members.items()}
    cut = lay_over(CONFIG, small(prompts) | {"panel": {"members": base} | changes})
    check_config(cut, SCHEMA)
    return int(cut_stages(cut)["panel"]["shards"])


TRIO: dict[str, Any] = {"a": {}, "b": {}, "c": {}}
VLLM = {"engine": {"name": "vllm"}}
SINGLE = {"responses": {"num_samples": 1}}


@pytest.mark.parametrize(
    ("prompts", "members", "changes", "shards"),
    [
        pytest.param(60, TRIO, {}, 1, id="60 * 15 * 3 texts to rate"),
        pytest.param(138, TRIO, {}, 1, id="6,210"),
        pytest.param(139, TRIO, {}, 2, id="6,255"),
        pytest.param(139, dict.fromkeys(TRIO, VLLM), {}, 1, id="all faster"),
        pytest.param(139, TRIO | {"a": VLLM}, {}, 2, id="the slowest decides"),
        pytest.param(2084, TRIO, SINGLE, 2, id="one sample: ratings"),
        pytest.param(
            390,
            TRIO,
            {"ratings": {"mode": "relative"}},
            1,
            id="answers and a greedy one",
        ),
        pytest.param(391, TRIO, {"ratings": {"mode": "relative"}}, 2, id="6,256"),
        pytest.param(
            60,
            TRIO | {"j": {"scores_only": True}},
            {},
            2,
            id="a judge: 4 matches a text",
        ),
        pytest.param(10**6, TRIO, {"shards": 3}, 3, id="a number stands"),
    ],
)
def test_a_panel_is_cut_by_its_largest_stage(
    prompts: int, members: dict[str, Any], changes: dict[str, Any], shards: int
) -> None:
    assert panel_shards(prompts, members, **changes) == shards


def test_no_panel_is_no_reason_to_fail() -> None:
    assert cut_stages(CONFIG)["panel"]["shards"] == 1


@pytest.mark.parametrize(
    "fault",
    [
        "panel:",
        "panel: {members: {a: }}",
        "panel: {members: {a: {base_model: x, engine: vllm}}}",
        "panel: {ratings: }",
        "engine:",
        "pool: 3",
    ],
)
def test_what_is_read_by_commands_is_checked_before_it_is_cut(
    tmp_path: Path, fault: str
) -> None:
    """By the schema, in words, and not by an AttributeError."""
    (tmp_path / "config.yaml").write_text(fault)
    with pytest.raises(ConfigError, match=r"^config.yaml: "):
        read_config(tmp_path)
