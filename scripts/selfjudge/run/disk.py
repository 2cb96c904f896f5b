"""Whether a run can write where it must, before it starts."""

import os
import shutil
from pathlib import Path

# Where a run writes, from the project: Snakemake's own notes, what comes out, logs.
WRITTEN = (".snakemake", "results", "logs", "timings")
# Less is not even room for the notes and logs of a run.
LEAST_BYTES = 10_000_000


def check_writable(project: Path) -> None:
    """Raise ValueError where a folder to write in is read-only, or its disk is full.

    The project's own is one only until it has all the others.
    """
    folders = [place for name in WRITTEN if (place := project / name).is_dir()]
    if len(folders) < len(WRITTEN):
        folders.insert(0, project)
    for folder in folders:
        if not os.access(folder, os.W_OK | os.X_OK):
            raise ValueError(
                f"{folder.absolute()}: must be a folder that you may write in (got one "
                "that is read-only, or another user's)"
            )
        free = shutil.disk_usage(folder).free
        if free < LEAST_BYTES:
            raise ValueError(
                f"{folder.absolute()}: must have room to write (got {free} bytes free "
                "on this disk).\nHint: `snakemake ... plan` says what a run takes; "
                "docs/run.md what may be deleted."
            )
