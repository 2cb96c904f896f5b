"""Download a benchmark's release file from the Hub.

Reads from the Hub; writes the file as it is, or several parquet files, where the name
holds a *, as one.
"""

from fnmatch import filter as matching
from pathlib import Path

from huggingface_hub import hf_hub_download, list_repo_files

from selfjudge.benchmarks.releases import join_files
from selfjudge.ground.records import Settings
from selfjudge.run.commands import arguments, json_of, run


class HubFile(Settings, frozen=True, kw_only=True):
    """One file of a data set on the Hub, or several that match a pattern."""

    dataset: str
    revision: str | None
    file: str


def find_names(where: HubFile) -> list[str]:
    """The names of the files; ValueError if a pattern matches none."""
    if "*" not in where.file:
        return [where.file]
    there = list_repo_files(where.dataset, repo_type="dataset", revision=where.revision)
    names = sorted(matching(there, where.file))
    if not names:
        raise ValueError(
            f"{where.dataset}: 'file' must match a file (got {where.file!r}; there are "
            f"{', '.join(sorted(there)[:20])})"
        )
    return names


def main() -> None:
    """Read the arguments, download, write."""
    parser = arguments(__doc__)
    parser.add_argument("--settings", type=json_of(HubFile), required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    where: HubFile = args.settings
    found = [
        hf_hub_download(
            where.dataset, name, repo_type="dataset", revision=where.revision
        )
        for name in find_names(where)
    ]
    join_files(list(map(Path, found)), args.output)


if __name__ == "__main__":
    run(main)
