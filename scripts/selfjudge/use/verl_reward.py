"""A judge as verl's reward: `reward.custom_reward_function.path` names this file.

It asks a running `scripts/serve_judge.py` about one response against the row's
reference, as verl scores one response at a time, many at once.  It imports nothing of
ours: verl's environment needs no selfjudge.
"""

import asyncio
import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

EMPTY = 0.0  # of a response without a word: it is not asked about
EQUAL = 0.5  # of one that is the reference


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    *,
    url: str = "http://127.0.0.1:8080",
    timeout_seconds: float = 600.0,
    **unused: Any,
) -> float:
    """The probability, 0 to 1, that a response is better than the reference.

    ``ground_truth`` is the reference; ``extra_info`` has `question` and `images`
    (paths of PNG or JPEG files).  Raises ValueError where either is missing, or with
    what the judge's server said.
    """
    told = extra_info or {}
    missing = [name for name in ("question", "images") if not told.get(name)]
    if missing:
        raise ValueError(
            f"{data_source}: 'extra_info' must have {' and '.join(missing)} (got "
            f"{', '.join(told) or 'nothing'})"
        )
    if not solution_str.strip():
        return EMPTY
    if solution_str == ground_truth:
        return EQUAL
    body = {
        "question": told["question"],
        "images": [as_data_uri(path) for path in as_list(told["images"])],
        "responses": [solution_str, ground_truth],
    }
    status, content = await asyncio.to_thread(post, url, body, timeout_seconds)
    if status != 200:
        raise ValueError(f"{url}: {content.get('error', status)}")
    probability = content["probability"]
    return EQUAL if probability is None else float(probability)


def post(url: str, body: Any, timeout_seconds: float) -> tuple[int, dict[str, Any]]:
    """Status and content of the server's answer to a question."""
    request = urllib.request.Request(
        f"{url}/compare",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_seconds) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def as_list(images: str | Sequence[str]) -> list[str]:
    """One path or several, as several."""
    return [images] if isinstance(images, str) else list(images)


def as_data_uri(path: str) -> str:
    """An image file as a data URI, its bytes as they are."""
    kind = "png" if path.lower().endswith("png") else "jpeg"
    content = base64.b64encode(Path(path).read_bytes()).decode()
    return f"data:image/{kind};base64,{content}"
