"""Scratch folders for submitted code: one a call, all inside one folder of the server.

The server's folder is locked while the server lives, so that the next server can tell and sweep
what a killed one left.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows: nothing is swept for another server there
    fcntl = None

_PREFIX = "autograd-mcp-"
_LOCK = "lock"
_EACH_FILE = 1 << 16  # counted for a file however little it holds: their number is bounded too


@cache
def root() -> Path:
    """Return this server's own folder, made and locked at the first call."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    _locked(folder / _LOCK)
    return folder


def new_folder() -> Path:
    """Make a folder for one call."""
    return Path(tempfile.mkdtemp(dir=root()))


def remove(folder: Path) -> None:
    """Delete a folder with all it holds, whatever modes its owner gave to folders inside."""

    def open_up(function: Callable[..., Any], path: str, _: Any) -> None:
        with suppress(OSError):
            os.chmod(os.path.dirname(path), stat.S_IRWXU)
            if not os.path.islink(path):
                os.chmod(path, stat.S_IRWXU)

    for _ in range(2):
        shutil.rmtree(folder, onerror=open_up)
        if not folder.exists():
            return
    shutil.rmtree(folder, ignore_errors=True)


def size_of(folder: Path, enough: int) -> int:
    """Return how many bytes a folder holds, a little for each file; more than ``enough`` will do."""
    total = 0
    folders = [str(folder)]
    while folders and total <= enough:
        try:
            entries = os.scandir(folders.pop())
        except OSError:
            continue
        with entries:
            for entry in entries:
                total += _EACH_FILE
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
                if total > enough:
                    break
    return total


def remove_root() -> None:
    """Delete this server's folder with all it holds."""
    if root.cache_info().currsize:
        remove(root())


def sweep() -> None:
    """Delete the folders of servers that are gone: their lock can be taken."""
    if fcntl is None:
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            lock = _locked(folder / _LOCK, os.O_RDWR)
        except OSError:
            continue
        remove(folder)
        os.close(lock)


def _locked(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Open and lock a file; the lock lasts as long as the descriptor, at most the process."""
    descriptor = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
