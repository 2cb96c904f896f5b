"""A probe as people read it: warnings first, then shares, costs and texts."""

from collections.abc import Iterator

from selfjudge.ground.ledgers import Ledger
from selfjudge.report.text_columns import align
from selfjudge.run.plan_text import as_number, as_time
from selfjudge.run.probe_report import Fault, ProbeReport, Share

# A text is shown with its begin and its end.
MAX_BEGIN, MAX_END = 300, 300


def format_probe(report: ProbeReport, shown: str) -> str:
    """The whole text; ``shown`` are full prompts as the model sees them."""
    routed = ", ".join(f"{name} {n}" for name, n in sorted(report.routed.items()))
    parts = [
        f"probe of {sum(report.routed.values())} prompts: {routed}",
        *format_warnings(report),
        align(
            [
                ["share", "n", "of", "%", ""],
                *(share_cells(*item) for item in report.shares.items()),
            ]
        ),
        format_dropped(report),
        align([COST_HEAD, *(cost_cells(*item) for item in report.costs.items())]),
        *format_texts(report),
        shown.strip(),
    ]
    return "\n\n".join(part for part in parts if part)


def format_warnings(report: ProbeReport) -> Iterator[str]:
    """A line for each share that is out of bounds."""
    lines = [
        f"WARNING {what}: {share.number} of {share.whole}, {share.bound}"
        for what, share in report.warnings.items()
    ]
    yield "\n".join(lines) or "no share is out of the bounds of config's section probe"


def share_cells(what: str, share: Share) -> list[str]:
    """The cells of a share; a mark where it is out of bounds."""
    rate = "" if share.rate is None else f"{100 * share.rate:.1f}"
    mark = "<-" if share.bound else ""
    return [what, str(share.number), str(share.whole), rate, mark]


def format_dropped(report: ProbeReport) -> str:
    """Why closed prompts and rewrites gave no pair."""
    reasons = ", ".join(f"{name} {n}" for name, n in report.dropped.items())
    return f"no pair: {reasons}" if reasons else ""


COST_HEAD = (
    *("stage", "requests", "from journal", "prompt tok", "output tok"),
    *("loading", "asking", "output tok/s"),
)


def cost_cells(name: str, line: Ledger) -> list[str]:
    """What one stage of the probe cost."""
    rate = line.num_output_tokens / line.seconds if line.seconds else 0.0
    return [
        name,
        str(line.num_requests),
        str(line.num_from_journal),
        as_number(line.num_prompt_tokens),
        as_number(line.num_output_tokens),
        as_time(line.start_seconds),
        as_time(line.seconds),
        as_number(rate),
    ]


def format_texts(report: ProbeReport) -> Iterator[str]:
    """The texts of each fault."""
    for fault, texts in sorted(report.texts.items()):
        yield "\n".join([f"-- {fault}", *(quote_fault(text) for text in texts)])


def quote_fault(fault: Fault) -> str:
    """A text below its question."""
    return f"  ? {' '.join(fault.question.split())}\n{quote(fault.text)}"


def quote(text: str) -> str:
    """A text behind a bar, long ones without their middle."""
    if len(text) > MAX_BEGIN + MAX_END:
        text = f"{text[:MAX_BEGIN]}\n[...]\n{text[-MAX_END:]}"
    return "\n".join(f"  | {line}" for line in text.splitlines() or [""])
