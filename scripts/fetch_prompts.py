"""Stream prompts of a Hub data set and save their images.

Reads from the Hub (HF_TOKEN for gated sets); writes a prompts file and a folder
of images beside the other images of the project.
"""

import sys
from pathlib import Path

from selfjudge.pairs.sources import HubSource, fetch_prompts, tell_fetched
from selfjudge.run.commands import arguments, json_of, run


def main() -> None:
    """Read the arguments, fetch, write."""
    parser = arguments(__doc__)
    parser.add_argument("--settings", type=json_of(HubSource), required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--images", type=Path, required=True, help="output folder")
    parser.add_argument("--prompts", type=Path, required=True, help="output")
    args = parser.parse_args()
    counts = fetch_prompts(args.settings, args.images, args.prompts, args.seed)
    print(tell_fetched(counts, args.settings.num_prompts), file=sys.stderr)


if __name__ == "__main__":
    run(main)
