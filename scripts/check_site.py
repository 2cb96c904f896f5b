"""Say which keys of site.yaml and local.yaml cannot work here, and propose better.

Reads both files, sinfo, scontrol and sacctmgr; writes the proposal to a file beside
them, which is local.yaml as it stands where nothing is wrong with it, and submits
nothing.
Ends with status 1 where something cannot work.
Also the rule `check_site`: snakemake --profile slurm -j 1 check_site
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

import yaml

from selfjudge.run.commands import arguments, run
from selfjudge.run.site import read_site
from selfjudge.run.site_check import (
    cache_notes,
    propose,
    read_cluster,
    site_faults,
    site_notes,
)

FOLDER = Path(__file__).resolve().parents[1] / "profiles" / "slurm"


def main() -> None:
    """Read the arguments, ask SLURM, print."""
    parser = arguments(__doc__)
    parser.add_argument("--site", type=Path, default=FOLDER, help="folder of site.yaml")
    folder = parser.parse_args().site
    site = read_site(folder)
    cluster = read_cluster()
    for one in cluster.partitions.values():
        gpus = ", ".join(f"{count} {name or 'GPU'}" for name, count in one.gpus.items())
        limit = "no limit" if one.minutes is None else f"{one.minutes} minutes"
        print(
            f"partition {one.name}: {one.num_nodes} nodes, {limit}, {gpus or 'no GPU'}"
        )
    for note in [*site_notes(cluster), *cache_notes(os.environ, Path.home())]:
        print(note)
    faults = list(dict.fromkeys(site_faults(site, cluster)))
    local, proposed = folder / "local.yaml", folder / "local.proposed.yaml"
    own = local.read_text(encoding="utf-8") if local.is_file() else ""
    if not faults:
        # So that what docs/slurm.md types next does no harm, nor an older proposal;
        # in a folder of somebody else's nothing is renamed.
        with suppress(OSError):
            proposed.write_text(own, encoding="utf-8")
        print("nothing in site.yaml and local.yaml stands against this cluster")
        return
    given = yaml.safe_load(own) or {}
    text = yaml.safe_dump(given | propose(site, cluster))
    proposed.write_text(text, encoding="utf-8")
    for fault in faults:
        print(f"{local}: {fault}")
    print(f"proposed: {proposed}; look at it, then rename it to local.yaml")
    sys.exit(1)


if __name__ == "__main__":
    run(main)
