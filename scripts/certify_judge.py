"""Certify one judge on held-out pairs and their variants.

Reads the held-out prompts, the pairs of each variant, a judge's judgments of them and
how it weighs its verdicts, what leaks from the pairs, and the base model's certificate;
writes the judge's certificate.
"""

from pathlib import Path

from selfjudge.certificate.answers import read_answers, read_weighed
from selfjudge.certificate.certifying import Certificate, Leak, certify
from selfjudge.certificate.groups import group_pairs
from selfjudge.ground.lines import read_document, read_records, write_json
from selfjudge.ground.records import Prompt
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, certify, write."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--iteration", type=int, required=True)
    add("--filter", required=True)
    add("--prompts", type=Path, required=True, help="those of the pairs")
    add("--pairs", type=Path, required=True, help="folder: a file a variant")
    add("--judged", type=Path, required=True, help="folder: a folder a variant")
    add("--shards", nargs="+", required=True, help="their names: 1of2 2of2")
    add("--leak", type=Path, required=True)
    add("--base", type=Path, help="the base model's certificate")
    add("--seed", type=int, required=True)
    add(
        "--sampling-temperature",
        type=float,
        required=True,
        help="temperature of its judgments",
    )
    add("--output", type=Path, required=True)
    args = parser.parse_args()
    answers = read_answers(args.pairs, args.judged, args.shards)
    pairs = [one.pair for one in answers["original"].values()]
    certificate = certify(
        args.iteration,
        args.filter,
        answers,
        read_weighed(args.judged / "weighed", args.shards),
        group_pairs(pairs, read_records(args.prompts, Prompt)),
        read_document(args.leak, Leak).figures,
        read_document(args.base, Certificate) if args.base else None,
        args.seed,
        args.sampling_temperature,
    )
    write_json(args.output, certificate)


if __name__ == "__main__":
    run(main)
