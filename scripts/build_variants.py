"""Build the variants of held-out pairs on which judges are certified.

Reads pairs in prompt order, rewrites of their rejected responses, their images and
the wordings of a project; writes below the output folder the pairs of each variant in
the same order, the pictures made for them, dropped rewrites with reasons, a report.
"""

from pathlib import Path

from selfjudge.certificate.building import build_variants
from selfjudge.certificate.variants import load_wordings
from selfjudge.ground.lines import read_records
from selfjudge.ground.records import Altered, Pair
from selfjudge.pairs.alterations import AlterationBounds
from selfjudge.run.commands import arguments, json_of, run


def main() -> None:
    """Read the arguments, build, write."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--pairs", type=Path, required=True)
    add("--altered", type=Path, required=True, help="rewrites of rejected responses")
    add("--bounds", type=json_of(AlterationBounds), required=True)
    add("--wordings", type=Path, required=True, help="certificate.yaml")
    add("--image-root", type=Path, required=True)
    add("--num-variant-pairs", type=int, required=True, help="of each at most")
    add("--seed", type=int, required=True)
    add("--output", type=Path, required=True, help="folder")
    args = parser.parse_args()
    build_variants(
        read_records(args.pairs, Pair),
        read_records(args.altered, Altered),
        bounds=args.bounds,
        wordings=load_wordings(args.wordings),
        image_root=args.image_root,
        num_variant_pairs=args.num_variant_pairs,
        seed=args.seed,
        output=args.output,
    )


if __name__ == "__main__":
    run(main)
