"""What holds submitted code: limits that a worker puts on itself, and its environment."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

GB = 1 << 30
MB = 1 << 20
GRACE = 5.0
STARTING = 60.0
NOT_ENFORCED = (
    "network",
    "file system reads",
    "file system writes outside the scratch folder",
    "starting processes",
    "processes that leave the group",
    "the verdict against code that forges it",
)
_KEPT = ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Limits:
    """The sizes of the limits, in bytes; memory 0: none, for CUDA reserves address space freely."""

    memory: int = 4 * GB
    file: int = 64 * MB
    output: int = MB


def die_with_parent(parent: int) -> bool:
    """Have the kernel kill this process when the server is gone; exit now if it is gone already."""
    if sys.platform != "linux":
        return False
    held = ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) == 0
    if os.getppid() != parent:
        os._exit(1)
    return held


def restrict_self(limits: Limits) -> list[tuple[str, bool]]:
    """Put the resource limits on this process; return each with whether it is in force."""
    import resource

    wanted = [
        (f"memory {limits.memory / GB:g} GB", resource.RLIMIT_AS, limits.memory),
        (f"files of {limits.file // MB} MB at most", resource.RLIMIT_FSIZE, limits.file),
        ("no core dump", resource.RLIMIT_CORE, 0),
    ]
    outcome: list[tuple[str, bool]] = []
    for name, kind, size in wanted:
        if kind == resource.RLIMIT_AS and size == 0:
            outcome.append(("memory", False))
            continue
        _, hard = resource.getrlimit(kind)
        size = size if hard == resource.RLIM_INFINITY else min(size, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (size, size))
        outcome.append((name, resource.getrlimit(kind) == (size, size)))
    return outcome


def no_standard_input() -> None:
    """Point standard input at the null device."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def environment(scratch: Path) -> dict[str, str]:
    """Return all of a worker's environment: the server's import path, its own home, one thread."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {
        "PATH": os.defpath,
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(os.path.abspath(entry) for entry in sys.path if entry),
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def kill_group(group: int) -> None:
    """Kill every process of a group; it is no fault if there is none left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
