"""Choose the judge to use, by certificates alone.

Reads the certificates of the base model and of all judges, those first that are
preferred; writes the choice, and what one more iteration would have to bring.
"""

from pathlib import Path

from selfjudge.certificate.certifying import Certificate
from selfjudge.certificate.choice import choose
from selfjudge.ground.lines import read_document, write_json
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, choose, write."""
    parser = arguments(__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--certificates", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    certificates = [read_document(path, Certificate) for path in args.certificates]
    write_json(args.output, choose(read_document(args.base, Certificate), certificates))


if __name__ == "__main__":
    run(main)
