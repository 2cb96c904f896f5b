"""Into how many jobs a model stage is cut, where the config leaves it open."""

from collections.abc import Mapping
from typing import Any

from selfjudge.benchmarks.registry import FORMATS
from selfjudge.certificate.variants import VARIANTS

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
    per_job = config["requests_per_job"]
    if per_job is None:
        per_job = PER_JOB.get(config["engine"]["name"], PER_JOB_ELSE)
    for stage, number in most_requests(config).items():
        if config[stage]["shards"] == AUTO:
            jobs = -(-number // per_job)
            cut[stage] = config[stage] | {"shards": 1 << max(0, jobs - 1).bit_length()}
    return cut


def most_requests(config: Mapping[str, Any]) -> dict[str, int]:
    """The most requests that each stage of one iteration can have.

    As if every prompt were closed, open, and gave a pair; both orders are judged.  Of
    the certificate: of its responses, or of all variants of the pairs they make.
    """
    prompts = config["pool"]["prompts_per_iteration"]
    pairs = sum(
        FORMATS[spec["format"]].num_rows
        for spec in config["benchmarks"].values()
        if spec
    )
    judged = config["judgments"]["num_samples"]
    scored = config["benchmark_judgments"]["num_samples"]
    certificate = config["certificate"]
    held_out = min(certificate["num_prompts"], prompts * config["iterations"])
    varied = min(certificate["num_variant_pairs"], held_out) * len(VARIANTS)
    return {
        "certificate": max(
            held_out * config["responses"]["num_samples"], 2 * (held_out + varied)
        ),
        "responses": prompts * config["responses"]["num_samples"],
        "judgments": 2 * prompts * judged,
        "benchmark_judgments": 2 * pairs * scored,
    }
