"""Record what a terminal shows of a run, as text, at several widths at once.

Runs a command in a pseudo-terminal that is wide enough for every line; what our logger
fits to a terminal is then fitted to each width as it would have been.  Lines that stay
are wrapped as a terminal does; of the last line, which is drawn again every second, one
is kept each so many seconds, where it stood.  Writes OUT_WIDTH.txt for each width.

    python docs/record_terminal.py --out docs/recordings/demo make demo
"""

import argparse
import os
import pty
import re
import shlex
import sys
import time
from bisect import bisect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "logger"))
from snakemake_logger_plugin_selfjudge.stages import fit, lay_out

WIDE = 1000
ERASED = "\r\x1b[K"  # how our logger takes its last line away
# The line of a stage that has ended: done, name, spent, what is left.
STAGE = re.compile(
    r"( *\d+/\d+)  (\S.*?) +([\d.]+ (?:s|min|h)(?:, \d+ \w+, [\d.]+/s)?)"
    r"(?: +(about .+ left))?"
)


class Written(NamedTuple):
    """A line, whether it was drawn again, and seconds since the start."""

    text: str
    is_state: bool
    seconds: float


def run_in_terminal(command: list[str]) -> tuple[list[tuple[float, bytes]], int]:
    """What a command writes to a terminal ``WIDE`` columns wide, by seconds."""
    chunks: list[tuple[float, bytes]] = []
    started = time.monotonic()
    os.environ |= {"COLUMNS": str(WIDE), "TERM": "xterm"}

    def read(descriptor: int) -> bytes:
        chunk = os.read(descriptor, 1 << 16)
        chunks.append((time.monotonic() - started, chunk))
        return chunk

    status = pty.spawn(command, read)
    return chunks, os.waitstatus_to_exitcode(status)


def read_lines(chunks: Sequence[tuple[float, bytes]]) -> Iterator[Written]:
    """What was written, line by line; a line that was erased is a state."""
    texts = [chunk.decode("utf-8", "replace") for _, chunk in chunks]
    ends = [0]
    for text in texts:
        ends.append(ends[-1] + len(text))
    whole, at = "".join(texts), 0
    for piece in whole.split(ERASED):
        *stay, state = piece.split("\n")
        for number, text in enumerate([*stay, state]):
            seconds = chunks[min(bisect(ends, at), len(chunks)) - 1][0]
            is_state = number == len(stay)
            if text.strip() or not is_state:
                yield Written(text.rstrip("\r"), is_state, seconds)
            at += len(text) + (not is_state)
        at += len(ERASED)


def show(written: Sequence[Written], width: int, every: float) -> Iterator[str]:
    """The lines of a terminal of a width; of states one each ``every`` seconds."""
    due = every
    for text, is_state, seconds in written:
        if is_state:
            if seconds >= due:
                due = seconds + every
                yield fit(text, width)
            continue
        stage = STAGE.fullmatch(text)
        if stage:
            done, name, spent, left = (part or "" for part in stage.groups())
            text = lay_out(done, name, spent, left, width)
        yield from (text[at : at + width] for at in range(0, max(1, len(text)), width))


def main() -> int:
    """Read the arguments, run, write; the command's own status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, help="what the files are called")
    parser.add_argument("--widths", type=int, nargs="+", default=[80, 120])
    parser.add_argument("--every", type=float, default=60.0, help="seconds")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    chunks, status = run_in_terminal(args.command)
    written = list(read_lines(chunks))
    for width in args.widths:
        lines = [f"$ {shlex.join(args.command)}", *show(written, width, args.every)]
        text = "".join(f"{line.rstrip()}\n" for line in lines)
        Path(f"{args.out}_{width}.txt").write_text(text, encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
