"""List the images of a folder that can be asked about.

Reads every file below the folder; writes the readable images in id order,
and the other files with their reasons.
"""

import sys
from collections import Counter
from pathlib import Path

from selfjudge.ground.lines import write_records
from selfjudge.pairs.pictures import list_images
from selfjudge.run.commands import arguments, run

HINT = ". Hint: `cp -rl` or a mount puts that folder's images below this one."


def main() -> None:
    """Read the arguments, list, write."""
    parser = arguments(__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--image-root", type=Path, required=True)
    parser.add_argument("--max-pixels", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1, help="images at once")
    parser.add_argument("--images", type=Path, required=True, help="output")
    parser.add_argument("--dropped", type=Path, required=True, help="output")
    args = parser.parse_args()
    if not args.folder.is_dir():
        raise ValueError(f"{args.folder}: must be a folder of images (got none)")
    images, dropped = [], []
    for listed in list_images(
        args.folder, args.image_root, args.max_pixels, args.threads
    ):
        if listed.image:
            images.append(listed.image)
        else:
            dropped.append(listed.dropped or {})
    reasons = dict(Counter(row["reason"] for row in dropped))
    print(f"{len(images)} images; no images: {reasons}", file=sys.stderr)
    links = reasons.get("linked_folder", 0)
    if not images:
        raise ValueError(
            f"{args.folder}: must hold at least one readable image (got none of "
            f"{len(dropped)} files: {reasons}){HINT if links else ''}"
        )
    if links:
        what = "link to a folder is" if links == 1 else "links to folders are"
        print(
            f"note: {links} {what} not followed (linked_folder): {args.dropped}{HINT}",
            file=sys.stderr,
        )
    write_records(args.images, sorted(images, key=lambda image: image.id))
    write_records(args.dropped, dropped)


if __name__ == "__main__":
    run(main)
