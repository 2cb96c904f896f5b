import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from selfjudge.ground.records import CATEGORIES
from selfjudge.pairs.filters import FILTER_NAMES
from selfjudge.panel.ballots import BALLOTS
from selfjudge.run.config import ConfigError, check_yaml, lay_over
from selfjudge.run.contradictions import check_config

ROOT = Path(__file__).parents[1]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
SCHEMA = yaml.safe_load((ROOT / "config.schema.yaml").read_text())


def faults(**changes: Any) -> list[str]:
    """What is wrong with the paper's config, changed at dotted places (with __)."""
    config = copy.deepcopy(CONFIG)
    for place, value in changes.items():
        *path, last = place.split("__")
        section = config
        for key in path:
            section = section[int(key) if key.isdigit() else key]
        if value is MISSING:
            del section[last]
        else:
            section[last] = value
    try:
        check_config(config, SCHEMA)
    except ConfigError as error:
        return [line.removeprefix("config.yaml: ") for line in str(error).splitlines()]
    return []


MISSING = object()


def test_the_papers_config_is_right() -> None:
    """What we ship passes its own schema."""
    assert faults() == []


def test_what_is_fetched_and_scored_is_kept_out() -> None:
    """A benchmark that needs no file of the user's is kept out by default."""
    fetched = [name for name, one in CONFIG["benchmarks"].items() if one["dataset"]]
    assert CONFIG["prompts"]["keep_out"] == fetched


def test_the_demos_config_is_right() -> None:
    """The demo's config, laid over the paper's, passes too."""
    demo = yaml.safe_load((ROOT / "demo" / "config.yaml").read_text())
    check_config(lay_over(CONFIG, demo), SCHEMA)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        pytest.param(
            {"iteratons": 4},
            "'iteratons' is no known key. Hint: did you mean 'iterations'?",
            id="unknown-key",
        ),
        pytest.param(
            {"train__learning_rat": 1},
            "'train.learning_rat' is no known key. Hint: did you mean 'learning_rate'?",
            id="unknown-key-deeper",
        ),
        pytest.param({"xyz": 1}, "'xyz' is no known key.", id="nothing-near"),
        pytest.param(
            {"benchmarks__VLRB": None}, "'benchmarks.VLRB' is no known key.", id="name"
        ),
        pytest.param({"seed": MISSING}, "'seed' is missing", id="missing"),
        pytest.param(
            {"judgments__sampling__top_k": MISSING},
            "'judgments.sampling.top_k' is missing",
            id="missing-deeper",
        ),
        pytest.param(
            {"iterations": "4"},
            "'iterations' must be of type integer (got '4'). Hint: "
            "YAML takes this for text: write 4",
            id="type",
        ),
        pytest.param(
            {"engine__max_batch_tokens": "many"},
            "'engine.max_batch_tokens' must be of type integer or null (got 'many')",
            id="types",
        ),
        pytest.param(
            {"iterations": 0}, "'iterations' must be at least 1 (got 0)", id="minimum"
        ),
        pytest.param(
            {"train__learning_rate": 0},
            "'train.learning_rate' must be more than 0 (got 0)",
            id="exclusive-minimum",
        ),
        pytest.param(
            {"responses__sampling__top_p": 1.5},
            "'responses.sampling.top_p' must be at most 1 (got 1.5)",
            id="maximum",
        ),
        pytest.param(
            {"filters": ["best"]},
            "'filters.0' must be one of 'majority', 'correctness', "
            "'majority_matched', 'correctness_matched', 'grounded', 'reinforced', "
            "'consistent', 'unchecked' (got 'best')",
            id="enum",
        ),
        pytest.param(
            {"filters": []}, "'filters' must be a list of at least 1 (got [])", id="few"
        ),
        pytest.param(
            {"filters": ["majority", "majority"]},
            "'filters' must be a list without repetitions "
            "(got ['majority', 'majority'])",
            id="repetition",
        ),
        pytest.param(
            {"image_root": ""},
            "'image_root' must be a non-empty string (got '')",
            id="empty",
        ),
        pytest.param(
            {"prompts__sources__0__name": "a b"},
            "'prompts.sources.0.name' must be of the form ^[A-Za-z0-9_]+$ (got 'a b')",
            id="pattern",
        ),
        pytest.param(
            {"benchmarks": {}},
            "'benchmarks' must be a mapping of at least 1 (got {})",
            id="no-benchmark",
        ),
        pytest.param(
            {"official_judgments__num_votes": 4},
            "'official_judgments.num_votes' must be odd (got 4): an even number of "
            "votes can tie.",
            id="even-votes",
        ),
        pytest.param(
            {"benchmarks__mmrb__protocols": ["official_strict"]},
            "'benchmarks.mmrb.protocols' must be some of greedy, blind, "
            "reworded, official (got 'official_strict'): "
            "multimodal_rewardbench has no other.",
            id="protocol-of-another-benchmark",
        ),
        pytest.param(
            {"pairs__majority_threshold": 17},
            "'pairs.majority_threshold' must be at most 'responses.num_samples', 16 "
            "(got 17): no prompt could reach it.",
            id="threshold-out-of-reach",
        ),
        pytest.param(
            {"judgments__both_orders": "always"},
            "'judgments.both_orders' is no known key.",
            id="key-that-is-gone",
        ),
        pytest.param(
            {"filter": {"accept": "single"}},
            "'filter' is no known key. Hint: did you mean 'filters'?",
            id="section-that-is-gone",
        ),
        pytest.param(
            {"pairs__alteration_bounds__min_length_rate": 3},
            "'pairs.alteration_bounds.min_length_rate' must be at most "
            "'max_length_rate', 2.0 (got 3).",
            id="bounds-crossed",
        ),
        pytest.param(
            {"prompts__sources": CONFIG["prompts"]["sources"] * 2},
            "'prompts.sources' must have different names "
            "(got ['llava_onevision', 'llava_onevision']).",
            id="sources-of-one-name",
        ),
        pytest.param(
            {
                "filters": ["correctness", "majority"],
                "prompts__sources__0__gold_answers": False,
            },
            "'filters' must not hold ['correctness'] where no prompt source has "
            "'gold_answers: true': they compare with gold answers.",
            id="correctness-without-gold",
        ),
        pytest.param(
            {"prompts__sources__0__kind": "jsonl"},
            "'prompts.sources': source 'llava_onevision' of kind 'jsonl' must have "
            "'path' (got none).",
            id="jsonl-without-path",
        ),
        pytest.param(
            {"prompts__sources__0__dataset": None},
            "'prompts.sources': source 'llava_onevision' of kind 'hub' must have "
            "'dataset' (got none).",
            id="hub-without-dataset",
        ),
        pytest.param(
            {
                "prompts__sources__0__kind": "images",
                "prompts__sources__0__path": "photos",
            },
            "'prompts.sources': the folder of source 'llava_onevision' must lie below "
            "'image_root', 'images' (got 'photos'). Hint: set 'image_root: photos'.",
            id="images-outside-of-the-root",
        ),
        pytest.param(
            {"prompts__keep_out": ["vlrb", "vrlb"]},
            "'prompts.keep_out' must hold names of 'benchmarks' (got 'vrlb'). Hint: "
            "some of vlrb, mmrb.",
            id="keeps-out-an-unknown-benchmark",
        ),
        pytest.param(
            {"benchmarks__mrb": None},
            "'benchmarks.mrb' must be the name of a benchmark where it is null (got "
            "none of vlrb, mmrb). Hint: did you mean 'mmrb'?",
            id="leaves-out-nothing",
        ),
        pytest.param(
            {"benchmarks__vl_rewardbench": None},
            "'benchmarks.vl_rewardbench' must be the name of a benchmark where it is "
            "null (got none of vlrb, mmrb). Hint: did you mean 'vlrb'?",
            id="leaves-out-a-format",
        ),
        pytest.param(
            {"benchmarks__mmrb__path": None},
            "'benchmarks.mmrb.path' must be the all_data.json of the release "
            "(got None): it is not on the Hub. Hint: null leaves a benchmark out.",
            id="mmrb-without-path",
        ),
        pytest.param(
            {"benchmarks__vlrb__file": None},
            "'benchmarks.vlrb' must have 'path', or 'dataset' and 'file'.",
            id="vlrb-from-nowhere",
        ),
        pytest.param(
            {"benchmarks__vlrb": None, "benchmarks__mmrb": None},
            "'benchmarks' must have at least one that is not null, or "
            "'certificate.share' be more than 0: nothing else says how good a judge "
            "is.",
            id="no-benchmark",
        ),
        pytest.param(
            {"train__lora_dropout": 1},
            "'train.lora_dropout' must be less than 1 (got 1)",
            id="dropout-of-everything",
        ),
        pytest.param(
            {
                "engine__name": "openai",
                "engine__openai__top_k": False,
                "responses__sampling__top_k": 0,
                "alterations__sampling__top_k": 0,
                "judgments__sampling__top_k": 0,
            },
            "'benchmark_judgments.sampling.top_k' must be 0 where "
            "'engine.openai.top_k' is false (got 50): the server does not know it.",
            id="cut-where-the-server-knows-no-cut",
        ),
        pytest.param(
            {"train__gpus": 3},
            "'train.rows_per_step' must be a multiple of 'train.gpus' x "
            "'train.batch_size', 3 x 2 (got 32): the number of GPUs must not decide "
            "what is trained.",
            id="gpus-that-do-not-divide",
        ),
    ],
)
def test_a_fault_names_place_must_and_got(changes: dict[str, Any], fault: str) -> None:
    """Each fault is one line that a person can act on, and the only one."""
    assert faults(**changes) == [fault]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"iterations": 5, "pool__mode": "reuse"}, id="reuse"),
        pytest.param({"pairs__majority_threshold": 16}, id="threshold-at-the-limit"),
        pytest.param({"benchmarks__mmrb": None}, id="benchmark-left-out"),
        pytest.param({"benchmarks__vlrb": None}, id="kept-out-and-left-out"),
        pytest.param({"benchmarks__mmrb2": None}, id="of-an-overlay-left-out"),
        pytest.param({"benchmarks__criteria": None}, id="ones-own-left-out"),
        pytest.param({"benchmarks__vlrb_mine": None}, id="ones-own-like-it-left-out"),
        pytest.param(
            {
                "benchmarks__charts_2024": None,
                "benchmarks__charts_2025": CONFIG["benchmarks"]["vlrb"],
            },
            id="one-of-two-own-left-out",
        ),
        pytest.param(
            {"benchmarks__mmrb": None, "benchmarks__mrb": None}, id="nothing-stays-on"
        ),
        pytest.param(
            {"benchmarks__mrb": CONFIG["benchmarks"]["vlrb"]}, id="ones-own-section"
        ),
        pytest.param({"train__max_length": None}, id="no-limit"),
        pytest.param({"train__gpus": 16}, id="gpus-that-divide"),
        pytest.param({"images__max_pixels_shown": None}, id="any-image"),
    ],
)
def test_what_is_allowed(changes: dict[str, Any]) -> None:
    """The neighbours of faults are none."""
    assert faults(**changes) == []


@pytest.mark.parametrize("is_judge", [True, False])
def test_who_never_answers_needs_no_answers_sampling(is_judge: bool) -> None:
    """A member that only rates is not asked for responses."""
    members: dict[str, Any] = {n: {"base_model": f"org/{n}"} for n in "abc"}
    engine = {"name": "openai"}
    members["j"] = {"base_model": "x/j", "scores_only": is_judge, "engine": engine}
    found = faults(
        engine__openai__top_k=False,
        panel__members=members,
        panel__responses__sampling__top_k=50,
    )
    said = [
        "'panel.responses.sampling.top_k' must be 0 where 'engine.openai.top_k' is "
        "false (got 50): the server does not know it."
    ]
    assert found == ([] if is_judge else said)


JUDGES = {"scores_only": True}
TWO = {name: {"base_model": f"org/{name}"} for name in ("ada", "bea")}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"panel__members": {"ada": TWO["ada"]}},
            "must be at least two (got ada alone)",
        ),
        ({"panel__members": {**TWO, "votes": TWO["ada"]}}, "the name 'votes'"),
        ({"panel__members": {**TWO, "a-b": TWO["ada"]}}, "'panel.members.a-b' is no"),
        ({"panel__members": {**TWO, "cyd": {}}}, "'panel.members.cyd.base_model' is"),
        (
            {"panel__members": {**TWO, "cyd": TWO["ada"] | {"modell": "x"}}},
            "'panel.members.cyd.modell' is no known key",
        ),
        ({"panel__members": TWO}, "must be at most 1 under ['peers'] with 2 members"),
        ({"panel__ballots": ["median"]}, "'panel.ballots.0' must be one of"),
        ({"panel__ratings__criteria": {}}, "must be a mapping of at least 1"),
        (
            {
                "panel__members": TWO | {"cyd": TWO["ada"]},
                "panel__ratings__criteria": {"correctness": 0},
            },
            "must weigh at least one criterion",
        ),
        (
            {
                "panel__members": TWO | {"cyd": TWO["ada"]},
                "panel__ballots": ["gold"],
                "prompts__sources__0__gold_answers": False,
            },
            "must not hold 'gold' where no prompt source",
        ),
        (
            {"panel__preferences__keep": 1.2},
            "'panel.preferences.keep' must be at most 1",
        ),
        (
            {
                "panel__members": TWO | {"cyd": TWO["ada"]},
                "panel__train__batch_size": 3,
            },
            "'panel.train.rows_per_step' must be a multiple",
        ),
        ({"panel__train__objective": "kto"}, "'panel.train.objective' must be one of"),
        (
            {"panel__members": {name: one | JUDGES for name, one in TWO.items()}},
            "'panel.members' must have one without 'scores_only'",
        ),
        (
            {
                "panel__members": TWO | {"cyd": TWO["ada"]},
                "panel__ballots": ["peers", "informed"],
                "panel__ratings__mode": "relative",
            },
            "must not hold ['informed'] with 'panel.ratings.mode: relative'",
        ),
    ],
)
def test_a_fault_of_a_panel_is_named(changes: dict[str, Any], fault: str) -> None:
    assert any(fault in line for line in faults(**changes)), faults(**changes)


def test_a_judge_stands_in_for_a_peer() -> None:
    """Two votes on each response, of the other member and of the judge."""
    assert faults(panel__members=TWO | {"judge": TWO["ada"] | JUDGES}) == []


def test_two_members_of_one_name_are_named(tmp_path: Path) -> None:
    """With file and line: YAML alone would keep the last, and say nothing."""
    path = tmp_path / "config.yaml"
    text = "panel:\n  members:\n    ada: {base_model: a}\n    bea: {base_model: b}\n"
    path.write_text(text + "    ada: {base_model: c}\n  shards: 1\n")
    with pytest.raises(ConfigError, match=r"config.yaml:5: 'panel.members.ada' must"):
        check_yaml(path)
    path.write_text(text + "filters: [a, a]\nprompts: {a: {x: 1}, b: {x: 1}}\n")
    check_yaml(path)
    check_yaml(ROOT / "config.yaml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\n\tb: 2\n", r"config.yaml:2: must be YAML \(got: .*\. Hint: "),
        ("a: [1\nb: 2\n", r"config.yaml:2: must be YAML .*close every bracket"),
        ("a: 'b\n", r"config.yaml:2: must be YAML "),
        ("- a\n", r"config.yaml: must be a mapping"),
        ("a: \x00\n", r"config.yaml: must be YAML "),
        (b"\xff\xfea\x00", r"config.yaml: must be UTF-8"),
    ],
)
def test_a_file_that_is_no_yaml_is_named(
    text: str | bytes, told: str, tmp_path: Path
) -> None:
    """In one line, with its line where there is one; an empty file is a config."""
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=told) as error:
        check_yaml(path)
    assert len(str(error.value).splitlines()) <= 3
    for text, has_keys in [("# nothing yet\n", False), ("{}", False), ("a: 1", True)]:
        path.write_text(text)
        assert check_yaml(path) == has_keys


@pytest.mark.parametrize(
    ("text", "written"),
    [("4", "4"), ("1e-5", "1.0e-05"), ("0.5", "0.5"), ("1_000", "1000"), ("x", None)],
)
def test_a_number_as_text_is_told_how_to_be_written(
    text: str, written: str | None
) -> None:
    """YAML takes 1e-5 for text; what is advised it takes for that number."""
    (told,) = faults(train__learning_rate=text)
    assert ("Hint: YAML takes this for text: write " in told) == (written is not None)
    if written:
        assert told.endswith(f"write {written}")
        assert yaml.safe_load(written) == float(text)


@pytest.mark.parametrize(
    ("key", "text", "written"),
    [
        ("train__trust_remote_code", "1", None),
        ("filters", "5", None),
        ("iterations", "1.5", None),
        ("iterations", "1e3", "1000"),
        ("iterations", "nan", None),
        ("train__learning_rate", "nan", None),
        ("train__learning_rate", "inf", None),
        ("train__max_length", "4_096", "4096"),  # or null
    ],
)
def test_only_what_a_key_takes_is_advised(
    key: str, text: str, written: str | None
) -> None:
    """Not 1 for a key that is true or false, nor 1.5 for one of whole numbers."""
    (told,) = faults(**{key: text})
    assert ("Hint" in told) == (written is not None)
    if written:
        assert told.endswith(f"write {written}")
        assert faults(**{key: yaml.safe_load(written)}) == []


@pytest.mark.parametrize(
    ("place", "text", "told"),
    [
        ("benchmarks", "{1: null}", "'benchmarks.1' must be text (got 1)"),
        (
            "panel__members",
            "{no: {}}",
            "'panel.members.False' must be text (got False)",
        ),
        ("train", "{2.5: 1}", "'train.2.5' must be text (got 2.5)"),
        ("prompts__sources", "[{1: 2}]", "'prompts.sources.0.1' must be text (got 1)"),
    ],
)
def test_a_key_is_text(place: str, text: str, told: str) -> None:
    """Else the check itself ends, where keys are of a form."""
    found = faults(**{place: yaml.safe_load(text)})
    assert found == [f"{told}. Hint: write it in quotes"]


def numbers(values: Any, place: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a config, with its place as `faults` takes it."""
    if isinstance(values, int | float) and not isinstance(values, bool):
        yield place, values
    items = values.items() if isinstance(values, dict) else ()
    items = enumerate(values) if isinstance(values, list) else items
    for key, value in items:
        yield from numbers(value, f"{place}__{key}" if place else str(key))


@pytest.mark.parametrize("written", [".nan", ".inf", "-.inf"])
def test_every_number_is_finite(written: str) -> None:
    """YAML's .nan passes every limit."""
    number = yaml.safe_load(written)
    places = [place for place, _ in numbers(CONFIG)]
    told = faults(**dict.fromkeys(places, number))
    named = [re.sub(r"' must be of type .*\(got .*\). Hint: .* finite$", "", one)
             for one in told]  # fmt: skip
    assert sorted(named) == sorted("'" + one.replace("__", ".") for one in places)


def test_a_float_is_no_whole_number() -> None:
    """JSON Schema takes 2.0 for one: of every key at once, with how to write it."""
    whole = {place: one for place, one in numbers(CONFIG) if isinstance(one, int)}
    told = faults(**{place: float(one) for place, one in whole.items()})
    advised = {
        f"'{place.replace('__', '.')}' must be of type": f". Hint: write {number}"
        for place, number in whole.items()
    }
    assert len(told) > 40
    for one in told:  # a key of any number takes 1.0 as well
        ((start, end),) = [item for item in advised.items() if one.startswith(item[0])]
        assert one.endswith(end), start


@pytest.mark.parametrize(
    ("place", "written", "end"),
    [
        ("iterations", "2.0", "type integer (got 2.0). Hint: write 2"),
        ("pool__prompts_per_iteration", "1.0e+3", "(got 1000.0). Hint: write 1000"),
        ("responses__shards", "2.0", "integer or string (got 2.0). Hint: write 2"),
        ("iterations", "1.5", "must be of type integer (got 1.5)"),
        ("filters", "2.0", "must be of type array (got 2.0)"),
        ("train__learning_rate", "1.0", None),
        ("train__learning_rate", "1" + 400 * "0", None),  # no float is so large
    ],
)
def test_whole_numbers_are_written_as_such(
    place: str, written: str, end: str | None
) -> None:
    """No `range` takes 2.0."""
    told = faults(**{place: yaml.safe_load(written)})
    assert [one.endswith(str(end)) for one in told] == ([True] if end else [])


def test_schema_and_code_know_the_same_ballots() -> None:
    """The config may name every ballot that there is."""
    items = SCHEMA["properties"]["panel"]["properties"]["ballots"]["items"]
    assert items["enum"] == list(BALLOTS)


def test_the_panel_demos_config_is_right() -> None:
    """With members, which the run adds."""
    demo = yaml.safe_load((ROOT / "demo" / "panel" / "config.yaml").read_text())
    demo["panel"]["members"] = TWO | {"cyd": TWO["ada"]}
    check_config(lay_over(CONFIG, demo), SCHEMA)


def test_all_faults_are_told_at_once() -> None:
    """Nobody likes to be told of one fault a run."""
    assert len(faults(seed=-1, iterations="x", xyz=1)) == 3


def schema_keys(schema: dict[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of the schema with its place."""
    inner = schema.get("properties", {}) | schema.get("patternProperties", {})
    for key, value in inner.items():
        if reference := value.get("$ref"):
            value = SCHEMA
            for part in reference.removeprefix("#/").split("/"):
                value = value[part]
        yield f"{place}{key}", value
        yield from schema_keys(value, f"{place}{key}.")
    if isinstance(schema.get("items"), dict):
        yield from schema_keys(schema["items"], f"{place}*.")


@pytest.mark.parametrize(
    ("place", "schema"), list(schema_keys(SCHEMA)), ids=lambda value: str(value)[:60]
)
def test_every_key_has_a_description(place: str, schema: dict[str, Any]) -> None:
    """A key of the schema says what it means."""
    assert re.match(r"\w.*\.$", schema.get("description", ""), re.DOTALL), place


def test_every_object_of_the_schema_is_closed() -> None:
    """A misspelt key is an error everywhere."""
    objects = [("", SCHEMA), *schema_keys(SCHEMA)]
    objects += [
        (place + ".*", schema["items"])
        for place, schema in objects
        if isinstance(schema.get("items"), dict)
    ]
    is_open = [
        place
        for place, schema in objects
        if "object" in schema.get("type", "")
        and schema.get("additionalProperties") is not False
    ]
    assert is_open == []


def test_every_object_of_the_schema_requires_its_keys() -> None:
    """Outside of sources, a default stands in config.yaml, never in code.

    A member of a panel says only what differs from the top.
    """
    objects = [("", SCHEMA), *schema_keys(SCHEMA)]
    optional = [
        place
        for place, schema in objects
        if set(schema.get("properties", {})) - set(schema.get("required", ()))
        and not place.startswith("panel.members.")
    ]
    assert optional == []


LINES = (ROOT / "config.yaml").read_text().splitlines()


def test_every_key_of_the_config_has_a_comment_or_is_clear() -> None:
    """A key has its comment on its line; a section's name may stand alone."""
    bare = [
        line.strip()
        for line in LINES
        if re.match(r"\s*(?:- )?\w+:\s+[^#\s][^#]*$", line)
    ]
    allowed = {
        # Said where the section, or its like above it, begins.
        *("temperature: 0.6", "top_k: 50", "top_p: 0.9", "max_tokens: 1024"),
        *("shards: auto", "max_length_rate: 2.0", "trust_remote_code: false"),
        # A benchmark's own name for its release; told in the schema.
        *("format: vl_rewardbench", "format: multimodal_rewardbench"),
        *("dataset: MMInstruction/VL-RewardBench", "revision: null", "file: null"),
        "file: data/test-00000-of-00001.parquet",
        "dataset: lmms-lab/LLaVA-OneVision-Data",
    }
    assert set(bare) - allowed == set()


def test_schema_and_code_know_the_same_filters() -> None:
    """A filter that exists can be configured, and no other."""
    assert tuple(SCHEMA["properties"]["filters"]["items"]["enum"]) == FILTER_NAMES


def test_schema_and_code_know_the_same_categories() -> None:
    """A category of error that exists can be configured, and no other."""
    categories = SCHEMA["properties"]["alterations"]["properties"]["categories"]
    assert tuple(categories["items"]["enum"]) == CATEGORIES
