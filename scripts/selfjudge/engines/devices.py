"""The device that a stage computes on: as it was asked for, or not at all.

A job that was given a GPU and cannot use it would compute on the CPU, a hundred
times slower, until its time is over: so it ends at once, with the reason.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

# Says on stdout what the device is, or with status 1 why there is none.
FIND = """
import sys
from selfjudge.engines.devices import check_gpu, describe_gpu
try:
    check_gpu()
except ValueError as error:
    sys.exit(print(error) or 1)
print(describe_gpu())
"""


def wanted_device(device: str, num_gpus: int) -> str:
    """The device that a job must compute on: a setting, and the GPUs it was given.

    `auto` is CUDA for a job with a GPU, and stays open for one without.
    """
    return "cuda" if device == "auto" and num_gpus else device


def find_device(device: str) -> str:
    """torch's name of a device, `auto` decided; one line on stderr says what it is.

    Raises ValueError where a GPU is asked for and torch cannot use one.
    """
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        say(f"cpu, {torch.get_num_threads()} threads")
    else:
        check_gpu()
        say(describe_gpu())
    return device


def show_one(device: str) -> None:
    """Show torch one GPU of those that this process may use; none for ``cpu``.

    By the environment, so before torch has looked.  TRL trains on every GPU that a
    process sees, or refuses several.  Of a training by several processes each takes
    a GPU of its own, and sees all.
    """
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif "WORLD_SIZE" not in os.environ:  # as torchrun says
        os.environ["CUDA_VISIBLE_DEVICES"] = seen.partition(",")[0]


def describe_gpu_apart() -> str:
    """The GPU as `describe_gpu` says it, asked by a process of its own.

    For engines that start processes: these could use no GPU after we have.  Raises
    ValueError where torch cannot use one.
    """
    package = str(Path(__file__).parents[2])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, "-c", FIND],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    said = done.stdout.strip()
    if done.returncode:
        raise ValueError(said or "device: torch could not be asked; see above")
    return said


def say(device: str) -> None:
    """Log the one line about the device."""
    print(f"device: {device}", file=sys.stderr, flush=True)


def check_gpu() -> None:
    """Raise ValueError unless torch can compute on a GPU, with the reason."""
    import torch

    try:
        torch.cuda.init()
        torch.zeros(1, device="cuda")
    except (RuntimeError, AssertionError) as error:
        said = " ".join(str(error).split()).partition(". ")[0][:200]
        raise ValueError(
            "device: must be a GPU, which this job was given or the config names (got "
            f"none that torch {torch.__version__} can use: {said}; "
            f"{describe_driver()}). Hint: {find_hint(torch.version.cuda)}"
        ) from None


def find_hint(built_for: str | None) -> str:
    """What to do about a GPU that torch cannot use."""
    if built_for is None:
        return (
            "this torch is built for CPUs. Where there is a GPU install what envs/ "
            "pins; where there is none set 'engine.device: cpu', or tell Snakemake "
            "--resources gpu=0"
        )
    return (
        f"the driver must know CUDA {built_for}, for which this torch is built. It is "
        "the node's: no `module load` changes it. Take nodes with a newer one, or "
        "wheels for an older CUDA; docs/environments.md says which. Without a GPU set "
        "'engine.device: cpu', or tell Snakemake --resources gpu=0"
    )


def describe_gpu() -> str:
    """Name, driver and memory of the first GPU, and how many there are."""
    import torch

    free, total = torch.cuda.mem_get_info()
    name, count = torch.cuda.get_device_name(0), torch.cuda.device_count()
    return (
        f"cuda, {count} x {name}, {describe_driver()}, torch {torch.__version__} for "
        f"CUDA {torch.version.cuda}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free"
    )


def describe_driver() -> str:
    """The NVIDIA driver's version, or that none answers."""
    program: Any = shutil.which("nvidia-smi")
    if program is None:
        return "no NVIDIA driver (nvidia-smi is not here)"
    done = subprocess.run(
        [program, "--query-gpu=driver_version", "--format=csv,noheader"],
        capture_output=True,
        text=True,
    )
    lines = (done.stdout + done.stderr).strip().splitlines() or ["nothing"]
    if done.returncode:
        return f"no NVIDIA driver that answers (nvidia-smi: {lines[0][:120]})"
    return f"driver {lines[0]}"
