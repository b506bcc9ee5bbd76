"""The sizes of what submitted code may use, and the environment it sees."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

GB = 1 << 30
MB = 1 << 20
GRACE = 5.0
STARTING = 60.0
_KEPT = ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")

Mode = Literal["auto", "strict", "off"]


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes; memory 0: none, for CUDA reserves address space freely.

    ``isolation``: ``auto`` enforces what the kernel can and tells the rest, ``strict`` refuses to
    run where something cannot be enforced, ``off`` leaves it at limits on resources.
    """

    memory: int = 4 * GB
    file: int = 64 * MB
    scratch: int = 256 * MB
    output: int = MB
    open_files: int = 256
    isolation: Mode = "auto"


def restrict_resources(limits: Limits, seconds: float) -> Iterator[tuple[str, bool]]:
    """Put the resource limits on this process; yield each with whether it is in force."""
    import resource

    processor = int(seconds) + 10  # importing counts where the worker was spawned
    wanted = [
        (f"memory {limits.memory / GB:g} GB", resource.RLIMIT_AS, limits.memory),
        (f"files of {limits.file // MB} MB at most", resource.RLIMIT_FSIZE, limits.file),
        (f"{limits.open_files} open files", resource.RLIMIT_NOFILE, limits.open_files),
        (f"processor time {processor} s", resource.RLIMIT_CPU, processor),
        ("no core dump", resource.RLIMIT_CORE, 0),
    ]
    for name, kind, size in wanted:
        if kind == resource.RLIMIT_AS and size == 0:
            yield "memory", False
            continue
        _, hard = resource.getrlimit(kind)
        size = size if hard == resource.RLIM_INFINITY else min(size, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (size, size))
        yield name, resource.getrlimit(kind) == (size, size)


def environment(home: Path) -> dict[str, str]:
    """Return all of the environment: the server's import path, a home of its own, one thread."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {
        "PATH": os.defpath,
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(os.path.abspath(entry) for entry in sys.path if entry),
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def kill_group(group: int) -> None:
    """Kill every process of a group; it is no fault if there is none left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
