"""What differs from cluster to cluster: the keys of site.yaml, and of local.yaml."""

import re
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from selfjudge.run.config import ConfigError, shape_faults

# Records of an iteration's largest stage, above which decisions are jobs all the same:
# a minute of a CPU each, on the login node.
MOST_LOCAL = 1_000_000
# Before a job's SIGTERM at its limit, as sbatch writes it: TERM@300.
SIGNAL = re.compile(r"(?:[A-Z]:)?\w+@(\d+)$")


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster, as profiles/slurm/site.yaml says key by key.

    Times are minutes, memory MB.
    """

    gpu_partition: str | None
    cpu_partition: str | None
    account: str | None
    qos: str | None
    gpu_account: str | None
    gpu_qos: str | None
    gpu_model: str | None
    gpu_request: Literal["gpus", "gres", "gpus-per-node"]
    gpu_cpus: int | None
    constraint: str | None
    signal: str | None
    extra: str | None
    cpu_extra: str | None
    memory: bool
    max_minutes: int | None
    max_mb: int | None
    submit_rate: str
    decisions: Literal["jobs", "local"]
    modules: list[str]
    rules: dict[str, dict[str, Any]]

    @property
    def signal_seconds(self) -> int:
        """How long before its limit a GPU job is told to leave; 0 if it is not."""
        found = SIGNAL.match(self.signal or "")
        return int(found[1]) if found else 0

    def decides_here(self, num_records: int) -> bool:
        """Whether light decisions run where Snakemake does, or as jobs.

        ``num_records``: of an iteration's largest stage.
        """
        return self.decisions == "local" and num_records <= MOST_LOCAL

    def gpu_resources(self) -> dict[str, str]:
        """What every job with a GPU asks for beside what its rule says.

        "" is for nothing, where None would let `cpu_resources` hold.
        """
        signal = self.signal and f"--signal={self.signal}"
        extras = [text for text in (signal, self.extra) if text]
        return quoted(
            slurm_partition=self.gpu_partition or "",
            gpu_model=self.gpu_model,
            constraint=self.constraint,
            slurm_account=self.gpu_account,
            qos=self.gpu_qos,
            slurm_extra=" ".join(extras),
        )

    def cpu_resources(self) -> dict[str, str]:
        """What every job asks for where nothing else is said."""
        return quoted(
            slurm_partition=self.cpu_partition,
            slurm_account=self.account,
            qos=self.qos,
            slurm_extra=self.cpu_extra,
        )

    def precommand(self) -> str:
        """What each job runs first; /bin/sh may not know `module` by itself."""
        names = " ".join(self.modules)
        return (
            '{ command -v module > /dev/null || . "$MODULESHOME/init/sh"; } '
            f"&& module load {names}"
        )


def quoted(**values: str | None) -> dict[str, str]:
    """Resources as Snakemake wants them: it evaluates text, so text has quotes."""
    return {name: repr(value) for name, value in values.items() if value is not None}


def read_site(folder: Path) -> Site:
    """The shipped site.yaml with one's own local.yaml, if any, laid over it.

    Raises ConfigError, with a line for each key or value that cannot be.
    """
    shipped = yaml.safe_load((folder / "site.yaml").read_text(encoding="utf-8"))
    schema = yaml.safe_load((folder / "site.schema.yaml").read_text(encoding="utf-8"))
    local = folder / "local.yaml"
    given: Any = {}
    if local.is_file():
        try:
            given = yaml.safe_load(local.read_text(encoding="utf-8")) or {}
        except yaml.YAMLError as error:
            raise ConfigError(f"{local}: must be YAML (got {error})") from None
        if not isinstance(given, dict):
            raise ConfigError(f"{local}: must be keys and values (got {given!r})")
    keys = shipped | given
    if faults := shape_faults(keys, schema):
        raise ConfigError("\n".join(f"{local}: {fault}" for fault in faults))
    return msgspec.convert(keys, Site)
