"""Into how many jobs a model stage is cut, where the config leaves it open."""

from collections.abc import Mapping
from typing import Any

from selfjudge.benchmarks.collections import asking_of
from selfjudge.benchmarks.registry import FORMATS, OFFICIAL, collections_of
from selfjudge.certificate.variants import count_asks
from selfjudge.ground.requests import read_samples
from selfjudge.panel.tournament import count_requests_each

AUTO = "auto"
# A job's most requests where the config names no number, by the engine: what takes
# about as long, by the speeds that the config section `plan` expects.
PER_JOB = {"vllm": 25_000, "openai": 25_000}
PER_JOB_ELSE = 6_250


def cut_stages(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with a number in place of each `shards: auto`.

    Known from the config alone, so that it is the same before and after a source is
    read, and in every job.  A power of two, so that a small change cuts nothing anew.
    """
    cut = dict(config)
    # All members of a panel are cut alike, so that the slowest one decides.
    members = config["panel"]["members"].values()
    panel = [{**config["engine"], **one.get("engine", {})} for one in members]
    for stage, number in most_requests(config).items():
        engines = panel if stage == "panel" and panel else [config["engine"]]
        if config[stage]["shards"] == AUTO:
            per_job = min(most_per_job(config, engine) for engine in engines)
            jobs = -(-number // per_job)
            cut[stage] = config[stage] | {"shards": 1 << max(0, jobs - 1).bit_length()}
    return cut


def most_per_job(config: Mapping[str, Any], engine: Mapping[str, Any]) -> int:
    """The most requests of a job that such an engine answers."""
    named: int | None = config["requests_per_job"]
    return PER_JOB.get(engine["name"], PER_JOB_ELSE) if named is None else named


def most_requests(config: Mapping[str, Any]) -> dict[str, int]:
    """The most requests that each stage of one iteration can have.

    As if every prompt were closed, open, and gave a pair; both orders are judged.  Of
    benchmarks: all collections of all of them, which one job asks for.  Of the
    certificate: of its responses, or of all variants of the pairs they make.
    """
    prompts = config["pool"]["prompts_per_iteration"]
    judged = config["judgments"]["num_samples"]
    certificate = config["certificate"]
    held_out = min(certificate["num_prompts"], prompts * config["iterations"])
    varied = min(certificate["num_variant_pairs"], held_out)
    return {
        "certificate": max(
            held_out * config["responses"]["num_samples"],
            int(count_asks(held_out, varied)),
        ),
        "responses": prompts * config["responses"]["num_samples"],
        "judgments": 2 * prompts * judged,
        "benchmark_judgments": most_benchmark_requests(config),
        "panel": most_panel_requests(config["panel"], prompts),
    }


def most_benchmark_requests(config: Mapping[str, Any]) -> int:
    """The requests about all benchmarks, of as many rows as their releases have."""
    samples = read_samples(config["benchmark_judgments"])
    num_votes = config["official_judgments"]["num_votes"]
    return sum(
        FORMATS[spec["format"]].num_rows
        * asking_of(
            collection, samples, OFFICIAL.get(spec["format"]), num_votes
        ).num_each
        for spec in config["benchmarks"].values()
        if spec
        for collection in collections_of(spec)
    )


def most_panel_requests(panel: Mapping[str, Any], prompts: int) -> int:
    """The most requests that one member of a panel can have in a stage of an iteration:
    as if no two members ever said the same.  Skills are one job: how many questions
    there are the config does not tell.
    """
    members = panel["members"].values()
    judges = [one for one in members if one.get("scores_only", False)]
    answers = prompts * panel["responses"]["num_samples"]
    texts = answers * (len(members) - len(judges))
    opponents = panel["ratings"]["num_opponents"]
    ratings = prompts if panel["ratings"]["mode"] == "relative" else texts
    matches = texts * count_requests_each(opponents) if judges else 0
    # One answer more, greedily.
    return max(answers + prompts, ratings, matches) if members else 0
