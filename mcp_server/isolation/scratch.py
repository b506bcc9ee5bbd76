"""Scratch folders for submitted code: one a call, all inside one folder of the server.

The server's folder is locked while the server lives, so that the next server can tell and sweep
what a killed one left. The lock is on the folder itself: a file in it would be one more thing left.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows: nothing is swept for another server there
    fcntl = None

_PREFIX = "autograd-mcp-"
_EACH_FILE = 1 << 16  # counted for a file however little it holds: their number is bounded too


class Scratch:
    """The folder of one server, held by a lock, and in it one for each call."""

    def __init__(self) -> None:
        self.path, self._lock = _made_and_locked()

    def new_folder(self) -> Path:
        """Make a folder for one call."""
        return Path(tempfile.mkdtemp(dir=self.path))

    def close(self) -> None:
        """Delete the folder with all it holds."""
        remove(self.path)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


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


def sweep() -> None:
    """Delete the folders of servers of this user that are gone: their lock can be taken."""
    if fcntl is None:
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            lock = _locked(folder)
            try:
                if os.fstat(lock).st_uid == os.getuid():
                    remove(folder)
            finally:
                os.close(lock)


def _made_and_locked() -> tuple[Path, int | None]:
    """Return a new folder and its lock; one that a sweep saw before it was locked is made again."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        if fcntl is None:
            return folder, None
        with suppress(OSError):
            lock = _locked(folder)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _locked(folder: Path) -> int:
    """Open and lock a folder; the lock lasts as long as the descriptor, at most the process."""
    assert fcntl is not None
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
