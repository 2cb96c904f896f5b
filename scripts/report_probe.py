"""Say what a probe found: shares that parse, are cut off, refuse, give pairs; costs.

Reads the folder that `probe_model` wrote and its ledgers; writes a report of counts
and its text for people, warnings first.
"""

from pathlib import Path

from selfjudge.ground.ledgers import read_ledgers
from selfjudge.ground.lines import write_json, writing
from selfjudge.run.commands import arguments, json_of, run
from selfjudge.run.probe_report import Bounds, read_probed, report_probe
from selfjudge.run.probe_text import format_probe


def main() -> None:
    """Read the arguments, count, write."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--probe", type=Path, required=True, help="the folder of the probe")
    add("--ledgers", type=Path, required=True, help="the folder of its ledgers")
    add("--bounds", type=json_of(Bounds), required=True, help="config's section probe")
    add("--report", type=Path, required=True)
    add("--text", type=Path, required=True)
    args = parser.parse_args()
    ledgers = read_ledgers(args.ledgers)
    report = report_probe(read_probed(args.probe), args.bounds, ledgers)
    write_json(args.report, report)
    shown = (args.probe / "shown.txt").read_text(encoding="utf-8")
    with writing(args.text) as file:
        file.write(f"{format_probe(report, shown)}\n".encode())


if __name__ == "__main__":
    run(main)
