"""Scratch folders for submitted code: one a call, all inside one folder of the server.

The server's folder is locked while the server lives, so that the next server can tell and sweep
what a killed one left.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_PREFIX = "autograd-mcp-"
_LOCK = "lock"


@cache
def root() -> Path:
    """Return this server's own folder, made and locked at the first call."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    _locked(folder / _LOCK)
    return folder


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder for one call and delete it afterwards."""
    folder = Path(tempfile.mkdtemp(dir=root()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_root() -> None:
    """Delete this server's folder with all it holds."""
    if root.cache_info().currsize:
        shutil.rmtree(root(), ignore_errors=True)


def sweep() -> None:
    """Delete the folders of servers that are gone: their lock can be taken."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            lock = _locked(folder / _LOCK, os.O_RDWR)
        except OSError:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Open and lock a file; the lock lasts as long as the descriptor, at most the process."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
