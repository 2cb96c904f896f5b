"""Download a benchmark's release file from the Hub.

Reads from the Hub; writes the file as it is.
"""

import shutil
from pathlib import Path

from huggingface_hub import hf_hub_download

from selfjudge.ground.records import Settings
from selfjudge.run.commands import arguments, json_of, run


class HubFile(Settings, frozen=True, kw_only=True):
    """One file of a data set on the Hub."""

    dataset: str
    revision: str | None
    file: str


def main() -> None:
    """Read the arguments, download, write."""
    parser = arguments(__doc__)
    parser.add_argument("--settings", type=json_of(HubFile), required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    where: HubFile = args.settings
    found = hf_hub_download(
        where.dataset, where.file, repo_type="dataset", revision=where.revision
    )
    shutil.copyfile(found, args.output)


if __name__ == "__main__":
    run(main)
