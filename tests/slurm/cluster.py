"""A SLURM of eight nodes on one machine, in a folder of its own.

Controller, node daemons, accounting and its database are real; the GPUs are
device files that nothing opens.  It needs root, Debian's packages (APT) and no
systemd.  As a program it runs a command with that SLURM around it:

    python tests/slurm/cluster.py snakemake --profile slurm -j 8 --directory demo
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

APT = ("slurm-wlm", "munge", "slurmdbd", "mariadb-server")
PROGRAMS = ("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd", "sacct")
TEMPLATES = Path(__file__).resolve().parent
# Each is of a kind (slurm.conf has its partitions); SLURM takes the lightest first.
KINDS = "plain preempted preempted_later faulty broken lost lost_later".split()
NODES = dict.fromkeys(KINDS, 1) | {"spare": 9}
NUM_GPUS = 16  # of a node


def why_not() -> str | None:
    """What this machine lacks for a SLURM of its own; None if nothing."""
    missing = [name for name in PROGRAMS if find_program(name) is None]
    if missing:
        return f"no {', '.join(missing)} here: apt-get install {' '.join(APT)}"
    if os.geteuid() != 0:
        return "a SLURM of our own needs root"
    return None


def find_program(name: str) -> str | None:
    """The path of a program, also where ordinary users have no path to."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def free_port() -> int:
    """A TCP port that nobody listens to at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(done: Callable[[], bool], seconds: float, what: str) -> None:
    """Return as soon as it is done; RuntimeError says what never was."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"gave up after {seconds} s: {what}")
        time.sleep(0.2)


class Cluster:
    """The daemons, what they were told, and how to break them.

    ``environment`` is what a program needs to find this SLURM.  All daemons and
    jobs inherit ``TEST_CLUSTER`` from it, which tells what belongs to this one.
    """

    def __init__(self) -> None:
        # Short: the paths of sockets have to fit in 108 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self.environment = os.environ | {
            "SLURM_CONF": f"{self.folder}/slurm.conf",
            "TEST_CLUSTER": str(self.folder),
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
        }
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Cluster":
        try:
            self.start()
        except BaseException:
            for log in sorted(self.folder.glob("*.log")):
                print(f"{log.name}: {log.read_text()[-2000:]}", file=sys.stderr)
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything; returns when both nodes are idle."""
        self.folder.chmod(0o755)
        self.configure()
        self.spawn(
            "munged",
            "munged --foreground --force",
            *(f"--{what}-file={self.folder}/munge.{what}" for what in ("key", "pid")),
            f"--seed-file={self.folder}/munge.seed",
            f"--socket={self.folder}/munge.socket",
        )
        self.start_database()
        self.start_accounting()
        self.call("sacctmgr --immediate --quiet add cluster test")
        for command in (
            "add account lab Description=lab Organization=lab",
            "add user root account=lab",
            "add qos one_job MaxSubmitJobsPerUser=1",
        ):
            self.call(f"sacctmgr --immediate --quiet {command}")
        self.start_controller()
        for node in NODES:
            self.start_node(node)

    def configure(self) -> None:
        """Write the configuration files, the munge key and the devices."""
        devices = [f"{self.folder}/h100-{i}" for i in range(len(NODES) * NUM_GPUS)]
        for device in devices:
            os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        # More than this machine has: the profile's own requests must fit.
        node = (
            "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} "
            "CPUs=256 RealMemory=999000 Gres=gpu:h100:{gpus} Weight={weight} "
            "State=UNKNOWN"
        )
        host = socket.gethostname().split(".")[0]
        nodes = [
            node.format(
                name=name, host=host, port=free_port(), gpus=NUM_GPUS, weight=weight
            )
            for name, weight in NODES.items()
        ]
        words = {
            "folder": self.folder,
            "host": host,
            "nodes": "\n".join(nodes),
            "controller_port": free_port(),
            "accounting_port": free_port(),
            "database_port": free_port(),
        }
        self.database_port = words["database_port"]
        for name in ("slurm.conf", "slurmdbd.conf"):
            text = (TEMPLATES / name).read_text()
            for word, value in words.items():
                text = text.replace(f"{{{word}}}", str(value))
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o600)
        gres = [
            f"NodeName={name} Name=gpu Type=h100 File={device}"
            for number, device in enumerate(devices)
            for name in [list(NODES)[number // NUM_GPUS]]
        ]
        (self.folder / "gres.conf").write_text("\n".join(["AutoDetect=off", *gres]))
        for name in ("state", "bin", *NODES):
            (self.folder / name).mkdir()
        # Within a job the plugin hides SLURM_CONF from srun; here it is needed.
        srun = self.folder / "bin/srun"
        call = f'SLURM_CONF={self.folder}/slurm.conf exec {find_program("srun")} "$@"'
        srun.write_text(f"#!/bin/sh\n{call}\n")
        srun.chmod(0o755)
        # What a job meets on two of the nodes before it can begin.
        for name, node in (("prolog", "broken"), ("task_prolog", "faulty")):
            script = self.folder / name
            script.write_text(f'#!/bin/sh\n[ "$SLURMD_NODENAME" != {node} ]\n')
            script.chmod(0o755)
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)

    def start_database(self) -> None:
        """Start the database of the accounting, of this cluster alone."""
        data = self.folder / "database"
        options = f"--no-defaults --user=root --datadir={data}"
        self.call(f"mariadb-install-db {options} --skip-test-db")
        self.spawn(
            "mariadbd",
            f"mariadbd {options} --bind-address=127.0.0.1",
            f"--port={self.database_port} --socket={self.folder}/database.socket",
            "--innodb-buffer-pool-size=64M --innodb-lock-wait-timeout=900",
            "--innodb-flush-log-at-trx-commit=0",
        )
        sql = f"mariadb --no-defaults --socket={self.folder}/database.socket -u root"
        self.wait_for(f"{sql} -e 'select 1'")
        for host in ("127.0.0.1", "localhost"):
            self.call(
                f"{sql} -e \"create user slurm@'{host}' identified by 'slurm'; "
                f"grant all on slurm.* to slurm@'{host}'\""
            )

    def start_accounting(self) -> None:
        """Start the accounting, with what its database holds."""
        self.spawn("slurmdbd", "slurmdbd -D")
        self.wait_for("sacctmgr --noheader list cluster")

    def start_controller(self) -> None:
        """Start the controller with the state that it left, if it did."""
        self.spawn("slurmctld", "slurmctld -D")
        self.wait_for("scontrol ping | grep -q UP")

    def start_node(self, node: str) -> None:
        """Start a node's daemon; returns when the node takes jobs."""
        self.spawn(node, f"slurmd -D -N {node}")
        state = f"sinfo --noheader --nodes {node} --format %T"
        self.wait_for(f"{state} | grep -qE 'idle|mixed|allocated'")

    def kill(self, name: str) -> None:
        """Kill a daemon at once; its jobs run on."""
        daemon = self.daemons.pop(name)
        daemon.kill()
        daemon.wait()

    def cut_power(self, node: str) -> None:
        """Kill a node's daemon and all that runs on the node."""
        jobs = self.call(f"squeue --noheader --nodelist {node} --format %i").split()
        self.kill(node)
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                environment = (path / "environ").read_bytes().split(b"\0")
                title = (path / "cmdline").read_text()
                if f"TEST_CLUSTER={self.folder}".encode() in environment and (
                    f"SLURMD_NODENAME={node}".encode() in environment
                    or any(f"slurmstepd: [{job}." in title for job in jobs)
                ):
                    os.kill(int(path.name), signal.SIGKILL)

    def spawn(self, name: str, *words: str) -> None:
        """Start a daemon, which dies with us; what it says goes to its log."""
        program, _, arguments = " ".join(words).partition(" ")
        path = find_program(program)
        with open(self.folder / f"{name}.log", "ab") as log:
            self.daemons[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", str(path), *arguments.split()],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def call(self, command: str) -> str:
        """What a shell command prints, run with this SLURM; it must end well."""
        done = subprocess.run(
            command, shell=True, env=self.environment, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def wait_for(self, command: str, seconds: float = 20) -> None:
        """Return as soon as a shell command ends well."""

        def ends_well() -> bool:
            done = subprocess.run(
                command, shell=True, env=self.environment, capture_output=True
            )
            return done.returncode == 0

        wait_until(ends_well, seconds, command)

    def processes(self) -> list[int]:
        """The ids of all processes that belong to this cluster, jobs included."""
        mark = f"TEST_CLUSTER={self.folder}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
        return [process for process in found if process != os.getpid()]

    def stop(self) -> None:
        """End every process of this cluster and delete its folder."""
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for daemon in self.daemons.values():
            daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def main() -> int:
    """Run a command with a SLURM around it; its exit status."""
    reason = why_not()
    if reason is not None:
        print(reason, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with Cluster() as cluster:
        return subprocess.run(sys.argv[1:], env=cluster.environment).returncode


if __name__ == "__main__":
    sys.exit(main())
