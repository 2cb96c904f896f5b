"""Stream prompts of a Hub data set and save their images.

Reads from the Hub (HF_TOKEN for gated sets); writes a prompts file and a folder
of images beside the other images of the project.
"""

from pathlib import Path

from selfjudge.pairs.sources import HubSource, fetch_prompts
from selfjudge.run.commands import arguments, json_of, run


def main() -> None:
    """Read the arguments, fetch, write."""
    parser = arguments(__doc__)
    parser.add_argument("--settings", type=json_of(HubSource), required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--images", type=Path, required=True, help="output folder")
    parser.add_argument("--prompts", type=Path, required=True, help="output")
    args = parser.parse_args()
    fetch_prompts(args.settings, args.images, args.prompts, args.seed)


if __name__ == "__main__":
    run(main)
