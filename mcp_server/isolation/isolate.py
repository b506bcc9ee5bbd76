"""What a worker puts on itself before submitted code runs: the ladder from best to least."""

from __future__ import annotations

import ctypes
import os
import site
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from mcp_server.isolation.limits import Limits, restrict_resources

Holds = list[tuple[str, bool]]
_SET_PDEATHSIG, _SET_DUMPABLE, _SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVS = 1, 4, 36, 38
_KILL = 9
_SYSTEM = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/localtime"),
    *("/usr/share/zoneinfo", "/sys/devices/system/cpu", "/proc/cpuinfo", "/proc/meminfo"),
    *("/dev/urandom", "/dev/random", "/dev/zero"),
)
_LANDLOCK = (
    "no reading outside Python, its libraries and the system's",
    "no writing outside the scratch folder",
)
_SECCOMP = ("no new processes", "no signals to other processes", "no change of file modes")
_NETWORK = "no network"


def isolate(limits: Limits, scratch: Path, seconds: float) -> Holds:
    """Give up, for good, what submitted code must not have; return each with whether it holds."""
    holds = list(restrict_resources(limits, seconds))
    if sys.platform != "linux" or limits.isolation == "off":
        return holds + [(name, False) for name in (*_LANDLOCK, _NETWORK, *_SECCOMP)]
    from mcp_server.isolation import landlock, namespaces, seccomp

    privileges = control(_SET_NO_NEW_PRIVS, 1)
    files = privileges and landlock.restrict(readable(), [str(scratch), os.devnull])
    calls = privileges and seccomp.restrict()
    network = calls or namespaces.leave_network()
    return [
        *holds,
        ("no new privileges", privileges),
        *((name, files) for name in _LANDLOCK),
        (_NETWORK, network),
        *((name, calls) for name in _SECCOMP),
    ]


def readable() -> Iterator[str]:
    """Yield the folders of Python, of what is installed in it, and of the system's libraries."""
    import torch

    import mcp_server
    import pytest_autograd

    yield from _SYSTEM
    yield from (sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    yield from site.getsitepackages()
    if site.ENABLE_USER_SITE and site.USER_SITE:
        yield site.USER_SITE
    if library := sysconfig.get_config_var("LIBDIR"):
        yield library
    for package in (torch, pytest_autograd, mcp_server):  # editable installs lie elsewhere
        yield str(Path(package.__path__[0]))


def control(option: int, value: int) -> bool:
    """Call ``prctl``; return whether it worked."""
    if sys.platform != "linux":
        return False
    zero = ctypes.c_ulong(0)
    return ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), zero, zero, zero) == 0


def die_with_parent(parent: int) -> bool:
    """Have the kernel kill this process when its parent ends; end now if that is gone already."""
    held = control(_SET_PDEATHSIG, _KILL)
    if os.getppid() != parent:
        os._exit(1)
    return held


def outlive_parent() -> None:
    """Take back :func:`die_with_parent`."""
    control(_SET_PDEATHSIG, 0)


def adopt_orphans() -> bool:
    """Become the parent of whatever descendants lose theirs."""
    return control(_SET_CHILD_SUBREAPER, 1)


def hide_memory() -> bool:
    """Keep processes of the same user from reading or tracing this one and what it forks."""
    return control(_SET_DUMPABLE, 0)
