"""The log-probabilities of choices, through the journal as texts are.

One line of the journal is one request with all of its choices; its text is their
log-probabilities as JSON.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from selfjudge.engines.base import Engine
from selfjudge.engines.journal import hash_requests
from selfjudge.engines.journal_files import Answer, Journal
from selfjudge.engines.progress import Log, log_to_stderr
from selfjudge.ground.requests import Request


def run_choices(
    engine: Engine,
    requests: Sequence[Request],
    choices: Sequence[str],
    *,
    journal: Path | None,
    stage: str,
    log: Log = log_to_stderr,
) -> dict[str, list[float]]:
    """The log-probability (natural) of each choice, by request id.

    What the ``journal`` has is not asked; None asks everything and keeps nothing.
    Requests that differ in their id alone are asked once.  Raises ValueError where
    the engine cannot tell, or where a request is too long.
    """
    if not requests:
        return {}
    if journal is None:
        engine.start()
        return dict(engine.choice_logprobs(requests, choices))
    keys = {
        request_id: hash_choices(key, choices)
        for request_id, key in hash_requests(engine.fingerprint, requests).items()
    }
    firsts: dict[str, Request] = {}
    for request in requests:
        firsts.setdefault(keys[request.id], request)
    files = Journal(journal / engine.fingerprint, stage=stage, log=log)
    known = {
        key: msgspec.json.decode(answer.text, type=list[float])
        for key, answer in files.read(firsts).items()
    }
    missing = [request for key, request in firsts.items() if key not in known]
    log(f"{stage}: {len(missing)} of {len(requests)} probabilities to ask for")
    try:
        if missing:
            engine.start()
            for request_id, told in engine.choice_logprobs(missing, choices):
                known[keys[request_id]] = told
                files.add(
                    Answer(
                        key=keys[request_id],
                        text=msgspec.json.encode(told).decode(),
                        finish_reason="stop",
                        num_prompt_tokens=0,
                        num_output_tokens=0,
                    )
                )
    finally:
        files.close()
    return {request.id: known[keys[request.id]] for request in requests}


def hash_choices(key: str, choices: Sequence[str]) -> str:
    """The journal key of a request's choices; no text has it."""
    content = msgspec.json.encode(("choices", key, choices))
    return hashlib.sha256(content).hexdigest()
