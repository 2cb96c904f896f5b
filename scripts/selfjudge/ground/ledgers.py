"""What each run of a model stage cost, written down where nothing deletes it.

A ledger file belongs to one output of a model stage and lies at the output's
path, below results/ledgers instead of results.  Each process run that asked a
model, or trained one, appends a line, whether it ended well or not: sums over all
lines are what was really spent, but for runs that could write nothing any more
(SIGKILL, a lost node).
"""

import os
from dataclasses import dataclass
from pathlib import Path

from selfjudge.ground.lines import encode, read_records
from selfjudge.ground.records import Record


@dataclass(slots=True, kw_only=True)
class Usage:
    """What a run has used so far; whoever does the work counts it up.

    ``num_cached_prompt_tokens`` is None where the engine cannot tell; ``seconds``
    are those of asking or training, ``start_seconds`` of all before it.
    ``waiting_seconds`` are those of ``seconds`` in which the engine could have run
    more requests than were ready for it; None where it cannot tell.
    Of a training by reward ``seconds`` hold ``rollout_seconds`` of writing,
    ``reward_seconds`` of judging what was written, and ``update_seconds`` of learning
    from it; None elsewhere.
    """

    num_gpus: int = 0
    num_requests: int = 0
    num_from_journal: int = 0
    num_calls: int = 0
    num_prompt_tokens: int = 0
    num_cached_prompt_tokens: int | None = None
    num_output_tokens: int = 0
    start_seconds: float = 0.0
    seconds: float = 0.0
    waiting_seconds: float | None = None
    rollout_seconds: float | None = None
    reward_seconds: float | None = None
    update_seconds: float | None = None


class Ledger(Record, frozen=True, kw_only=True):
    """What one run of a stage cost; tokens and seconds are those of its own calls.

    ``engine`` is its name in the config, or "trl" for a training; ``model`` the
    fingerprint of the model asked, or of the one that training starts from;
    ``started`` the time in UTC.  ``num_from_journal`` requests were answered by
    the journal and ``num_calls`` by the model; the rest repeat another request
    of the same run.  GPU hours are ``num_gpus`` times both durations, in seconds;
    ``waiting_seconds`` are as in `Usage`, within ``seconds``.

    In a training a request is a row seen, a call an optimizer step, and all
    tokens of the rows are prompt tokens; but by reward a request is a rollout, whose
    own tokens are output, and its three parts of ``seconds`` are as in `Usage`.
    """

    stage: str
    engine: str
    model: str
    started: str
    num_gpus: int
    num_requests: int
    num_from_journal: int
    num_calls: int
    num_prompt_tokens: int
    num_cached_prompt_tokens: int | None
    num_output_tokens: int
    start_seconds: float
    seconds: float
    finished: bool
    waiting_seconds: float | None = None  # older lines have none
    rollout_seconds: float | None = None  # nor these
    reward_seconds: float | None = None
    update_seconds: float | None = None


def ledger_from(
    usage: Usage, *, stage: str, engine: str, model: str, started: str, finished: bool
) -> Ledger:
    """The line of a run that has ended, well (``finished``) or not."""
    return Ledger(
        stage=stage,
        engine=engine,
        model=model,
        started=started,
        num_gpus=usage.num_gpus,
        num_requests=usage.num_requests,
        num_from_journal=usage.num_from_journal,
        num_calls=usage.num_calls,
        num_prompt_tokens=usage.num_prompt_tokens,
        num_cached_prompt_tokens=usage.num_cached_prompt_tokens,
        num_output_tokens=usage.num_output_tokens,
        start_seconds=round(usage.start_seconds, 3),
        seconds=round(usage.seconds, 3),
        finished=finished,
        waiting_seconds=rounded(usage.waiting_seconds),
        rollout_seconds=rounded(usage.rollout_seconds),
        reward_seconds=rounded(usage.reward_seconds),
        update_seconds=rounded(usage.update_seconds),
    )


def rounded(seconds: float | None) -> float | None:
    """Seconds to the millisecond; None stays None."""
    return None if seconds is None else round(seconds, 3)


def append_ledger(path: Path, ledger: Ledger) -> None:
    """Add one line to a ledger file, in one write, making it and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    descriptor = os.open(path, flags, 0o666)  # colleagues may go on, by the umask
    try:
        os.write(descriptor, encode(ledger))
    finally:
        os.close(descriptor)


def read_ledgers(folder: Path) -> dict[str, list[Ledger]]:
    """The lines of all ledger files in ``folder`` (results/ledgers), oldest first.

    Keys are paths below the folder without their suffix, sorted: the output
    results/iter1/majority/judgments/1of8.jsonl is "iter1/majority/judgments/1of8".
    A folder that is not there holds none.  Raises RecordError on a broken line.
    """
    return {
        path.relative_to(folder).with_suffix("").as_posix(): list(
            read_records(path, Ledger)
        )
        for path in sorted(folder.rglob("*.jsonl"))
    }
