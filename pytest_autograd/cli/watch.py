"""Waiting for a file to be saved."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from pytest_autograd.errors import CheckError

PAUSE = 0.2


def versions(path: Path, pause: float = PAUSE) -> Iterator[bytes]:
    """Yield the content of a file now, and again each time it has changed.

    Editors that save by renaming take the file away for a moment; that is waited out.

    Raises:
        CheckError: the file cannot be read at first.
    """
    try:
        known = path.read_bytes()
    except OSError as error:
        raise CheckError(f"cannot read {path}: {error.strerror}") from error
    stamp = _stamp(path)
    yield known
    while True:
        time.sleep(pause)
        new = _stamp(path)
        if new is None or new == stamp:
            continue
        stamp = new
        try:
            content = path.read_bytes()
        except OSError:
            stamp = None
            continue
        if content != known:
            known = content
            yield content


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
