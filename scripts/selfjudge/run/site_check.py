"""What a cluster is, by SLURM's own programs, and which keys of a site cannot work."""

import getpass
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from selfjudge.run.attempts import SPARE
from selfjudge.run.site import Site
from selfjudge.run.slurm import call, parse_seconds

CPUS_PER_GPU = 8  # as the rules have threads
GPU = re.compile(r"gpu(?::([^:,()]+))?:(\d+)")
# What is cached in a home where the environment names no other place.
CACHES = {
    "HF_HOME": "models and data sets",
    "VLLM_CACHE_ROOT": "what vLLM compiles",
    "TRITON_HOME": "what Triton compiles",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition; minutes are None where there is no limit.

    ``gpus`` counts all its GPUs by model; ``cpus`` and ``megabytes`` are those of the
    largest node; ``features`` what some node of it has.
    """

    name: str
    is_default: bool
    minutes: int | None
    num_nodes: int
    cpus: int
    megabytes: int
    gpus: Counter[str]
    features: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Partitions by name, accounts and QOS of this user, and the configuration.

    ``most_queued``: how many jobs of this user may be in the queue at once, by the
    account or QOS that says so.
    """

    partitions: dict[str, Partition]
    accounts: frozenset[str]
    qos: frozenset[str]
    config: dict[str, str]
    most_queued: Mapping[str, int] = field(default_factory=dict)

    @property
    def enforces_accounts(self) -> bool:
        """Whether a job needs an account that is this user's."""
        return "associations" in self.config.get("AccountingStorageEnforce", "")


def read_partitions(listing: str) -> dict[str, Partition]:
    """Partitions from `sinfo --Node --format=%P|%l|%c|%m|%G|%f|%N`, a node a line."""
    nodes: dict[str, list[list[str]]] = {}
    for line in listing.splitlines():
        name, *rest = line.split("|")
        nodes.setdefault(name, []).append(rest)
    partitions = {}
    for name, rows in nodes.items():
        gpus: Counter[str] = Counter()
        for row in rows:
            for model, number in GPU.findall(row[3]):
                gpus[model] += int(number)
        seconds = parse_seconds(rows[0][0])
        partitions[name.rstrip("*")] = Partition(
            name=name.rstrip("*"),
            is_default=name.endswith("*"),
            minutes=None if seconds is None else seconds // 60,
            num_nodes=len(rows),
            cpus=max(int(row[1].rstrip("+")) for row in rows),
            megabytes=max(int(row[2].rstrip("+")) for row in rows),
            gpus=gpus,
            features=frozenset(word for row in rows for word in row[4].split(",")),
        )
    return partitions


def read_cluster() -> Cluster:
    """This cluster.  Raises ValueError where sinfo or scontrol do not answer."""
    listing = call("sinfo", "--noheader", "--Node", "--format=%P|%l|%c|%m|%G|%f|%N")
    told = call("scontrol", "show", "config")
    if not listing or not told:
        silent = "scontrol" if listing else "sinfo"
        raise ValueError(
            f"{silent}: must answer (it does not). Hint: on a login node of the "
            "cluster, with SLURM's programs in PATH."
        )
    words = ["sacctmgr", "--noheader", "--parsable2", "show"]
    fields = "format=account,partition,qos,maxsubmitjobs"
    user = f"user={getpass.getuser()}"
    rows = split_rows(call(*words, "assoc", user, fields))
    limits = split_rows(call(*words, "qos", "format=name,maxsubmitjobsperuser"))
    qos = frozenset(name for row in rows for name in row[2].split(",") if name)
    # A partition's own limits whoever uses it.
    told_of_partitions = call("scontrol", "show", "partition") or ""
    limiting = qos.union(re.findall(r"\bQoS=(\S+)", told_of_partitions))
    return Cluster(
        partitions=read_partitions(listing),
        accounts=frozenset(row[0] for row in rows),
        qos=qos,
        config=dict(re.findall(r"^(\w+)\s*= (.*)$", told, re.M)),
        most_queued=read_limits(rows, [row for row in limits if row[0] in limiting]),
    )


def split_rows(told: str | None) -> list[list[str]]:
    """The rows of what sacctmgr prints; none where it does not answer."""
    return [line.split("|") for line in (told or "").splitlines()]


def read_limits(
    associations: Iterable[list[str]], qos: Iterable[list[str]]
) -> dict[str, int]:
    """The limits that there are, by the place that has one; of several the smallest.

    ``associations``: account, partition or "", QOS, limit; ``qos``: name, limit.
    """
    told = [
        (f"account {account}{partition and f' in {partition}'}", limit)
        for account, partition, _, limit in associations
    ]
    told += [(f"qos {name}", limit) for name, limit in qos]
    limits: dict[str, int] = {}
    for place, limit in told:
        if limit.isdigit():
            limits[place] = min(int(limit), limits.get(place, int(limit)))
    return limits


def must_be_one_of(key: str, got: Any, known: Iterable[str], where: str = "") -> str:
    """The fault of a key whose value is none of those there are."""
    return f"'{key}' must be one of {', '.join(sorted(known))}{where} (got {got!r})"


def site_faults(site: Site, cluster: Cluster) -> Iterator[str]:
    """What cannot work, a line each: key, must, got."""
    partitions = cluster.partitions
    for key in ("gpu_partition", "cpu_partition"):
        names = getattr(site, key)
        for name in names.split(",") if names else []:
            if name not in partitions:
                yield must_be_one_of(key, name, partitions)
        if not names and not any(one.is_default for one in partitions.values()):
            yield f"'{key}' must be given (got None): the cluster has no default"
    chosen = chosen_partitions(site, cluster)
    for one in chosen:
        yield from gpu_faults(site, one)
    models = {model for one in partitions.values() for model in one.gpus}
    if site.gpu_model and not chosen and site.gpu_model not in models:
        yield must_be_one_of("gpu_model", site.gpu_model, models)
    for key, known in (("account", cluster.accounts), ("qos", cluster.qos)):
        for name in (key, f"gpu_{key}"):
            given = getattr(site, name)
            if given and known and given not in known:
                yield must_be_one_of(name, given, known)
    if cluster.enforces_accounts and not cluster.accounts:
        yield "'account' must be one of yours, and sacctmgr knows none: ask for one"
    selects = cluster.config.get("SelectType", "")
    if site.gpu_request != "gres" and selects and "cons_tres" not in selects:
        yield f"'gpu_request' must be gres with {selects} (got {site.gpu_request!r})"


def chosen_partitions(site: Site, cluster: Cluster) -> list[Partition]:
    """The partitions of GPU jobs that there are."""
    if site.gpu_partition:
        names = site.gpu_partition.split(",")
        return [
            cluster.partitions[name] for name in names if name in cluster.partitions
        ]
    return [one for one in cluster.partitions.values() if one.is_default]


def gpu_faults(site: Site, one: Partition) -> Iterator[str]:
    """What a partition cannot give to GPU jobs."""
    where = f" in {one.name}"
    if not one.gpus:
        yield f"'gpu_partition' must have GPUs (got {one.name!r}, which has none)"
    elif site.gpu_model and site.gpu_model not in one.gpus:
        yield must_be_one_of("gpu_model", site.gpu_model, one.gpus, where)
    if one.minutes is not None and (site.max_minutes or 0) > one.minutes:
        yield (
            f"'max_minutes' must be at most {one.minutes}, the limit of {one.name} "
            f"(got {site.max_minutes})"
        )
    told = site.signal_seconds + SPARE
    if one.minutes is not None and site.signal and told >= 60 * one.minutes:
        yield (
            f"'signal' must come after a job's begin: {one.name} gives {one.minutes} "
            f"minutes (got {site.signal!r})"
        )
    if (site.max_mb or 0) > one.megabytes:
        yield (
            f"'max_mb' must be at most {one.megabytes}, the largest node of {one.name} "
            f"(got {site.max_mb})"
        )
    cpus = site.gpu_cpus or CPUS_PER_GPU
    if cpus > one.cpus:
        yield f"'gpu_cpus' must be at most {one.cpus}{where} (got {cpus})"
    wanted = re.findall(r"[\w.-]+", site.constraint or "")
    missing = [name for name in wanted if name not in one.features]
    if missing:
        yield must_be_one_of("constraint", missing[0], one.features, where)


def propose(site: Site, cluster: Cluster) -> dict[str, Any]:
    """The keys of a local.yaml with which jobs can run here, as far as SLURM tells."""
    partitions = cluster.partitions
    proposed: dict[str, Any] = {}
    with_gpus = [one for one in partitions.values() if one.gpus]
    chosen = [one for one in chosen_partitions(site, cluster) if one.gpus]
    if with_gpus and not chosen:
        chosen = [max(with_gpus, key=lambda one: sum(one.gpus.values()))]
        proposed["gpu_partition"] = chosen[0].name
    if site.cpu_partition and site.cpu_partition not in partitions:
        proposed["cpu_partition"] = next(
            (one.name for one in partitions.values() if one.is_default), None
        )
    for one in chosen[:1]:
        if site.gpu_model and site.gpu_model not in one.gpus:
            proposed["gpu_model"] = one.gpus.most_common(1)[0][0] or None
        if one.minutes is not None and (site.max_minutes or 0) > one.minutes:
            proposed["max_minutes"] = None
        if (site.max_mb or 0) > one.megabytes:
            proposed["max_mb"] = None
        if (site.gpu_cpus or CPUS_PER_GPU) > one.cpus:
            proposed["gpu_cpus"] = one.cpus
    for key, names in (("account", cluster.accounts), ("qos", cluster.qos)):
        for name in (key, f"gpu_{key}"):
            given = getattr(site, name)
            if given and names and given not in names:
                proposed[name] = None
    if "cons_tres" not in cluster.config.get("SelectType", "cons_tres"):
        proposed["gpu_request"] = "gres"
    return proposed


def site_notes(cluster: Cluster) -> Iterator[str]:
    """What is worth knowing of the cluster, and needs no key."""
    if "none" in cluster.config.get("AccountingStorageType", "none"):
        yield "no accounting: why a job ended is read from its log and the controller"
    age = parse_seconds(cluster.config.get("MinJobAge", "").split(" ")[0]) or 0
    if 0 < age < 120:
        yield f"jobs are forgotten {age} s after their end (MinJobAge): ask for 300"
    preempts = cluster.config.get("PreemptMode", "OFF")
    if preempts != "OFF":
        yield f"jobs may be preempted ({preempts}): they are submitted again"
    for place, most in sorted(cluster.most_queued.items()):
        if not most:
            yield f"{place}: takes none of your jobs"
            continue
        yield (
            f"{place}: at most {most} of your jobs in the queue; where jobs go there, "
            f"type -j {most} (others are submitted as soon as SLURM takes them)"
        )
    if "rl_enable" in cluster.config.get("SlurmctldParameters", ""):
        yield "the controller limits how often it is asked: submit_rate: 30/1m helps"


def cache_notes(environ: Mapping[str, str], home: Path) -> Iterator[str]:
    """Which caches lie in a home, whose quota many clusters keep small."""
    given = {
        name: environ.get(name)
        or (environ.get("XDG_CACHE_HOME") if name != "TRITON_HOME" else None)
        for name in CACHES
    }
    inside = [
        CACHES[name]
        for name, place in given.items()
        if place is None or Path(place).resolve().is_relative_to(home.resolve())
    ]
    if inside:
        yield (
            f"your home, whose quota may be small, keeps {', '.join(inside)}: "
            "for a disk that all nodes see, export XDG_CACHE_HOME=/shared/cache "
            "TRITON_HOME=/shared/cache (HF_HOME and VLLM_CACHE_ROOT go before it)"
        )
