"""Cancel what a killed Snakemake left on SLURM, and unlock its project.

SLURM jobs outlive the Snakemake that submitted them, when it was killed or its
login node went down.  A new Snakemake would start the same jobs beside them.  So:

    python scripts/recover_run.py myproject
    snakemake --profile slurm -j 8 --directory myproject results/iter4/vlrb.json

Reads the queue of SLURM and cancels those jobs of yours that Snakemake submitted
for the project; writes nothing, and removes Snakemake's lock.  What the models
answered until then stays in the journal.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from selfjudge.run.commands import arguments, run
from selfjudge.run.slurm import find_jobs, find_snakemake

PATIENCE = 300  # seconds until a cancelled job must be gone


def recover_run(project: Path) -> None:
    """Cancel a project's jobs, wait until they are gone, and unlock it.

    Raises ValueError while its Snakemake lives, and where jobs do not go.
    """
    alive = find_snakemake(project)
    if alive is not None:
        raise ValueError(
            f"{project}: a Snakemake works here, process {alive}. Hint: let it end, "
            f"or stop it and its jobs with `kill -INT {alive}`."
        )
    jobs = [job.id for job in find_jobs(project)]
    print(f"{len(jobs)} jobs to cancel {' '.join(jobs)}".rstrip())
    if jobs:
        subprocess.run(["scancel", *jobs], check=True)
    deadline = time.monotonic() + PATIENCE
    while jobs:
        time.sleep(1)
        jobs = [job.id for job in find_jobs(project)]
        if jobs and time.monotonic() > deadline:
            raise ValueError(f"{project}: jobs {' '.join(jobs)} must end (they do not)")
    root = Path(__file__).resolve().parents[1]
    snakefile = os.path.relpath(root / "Snakefile")
    command = [sys.executable, "-m", "snakemake", "--snakefile", snakefile]
    subprocess.run([*command, "--directory", project, "--unlock"], check=True)


def main() -> None:
    """Read the command line and recover the project."""
    parser = arguments(__doc__)
    parser.add_argument("project", type=Path, help="the project's directory")
    recover_run(parser.parse_args().project.resolve())


if __name__ == "__main__":
    run(main)
