"""Copies the skill to where agents look for skills, and upgrades its own copies in place. No torch.

A copy carries a record of its files. What differs from the record was changed by somebody, and is
never overwritten unasked.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from pytest_autograd.skill.sections import NAME, skill_folder
from pytest_autograd.version import version

RECORD = ".installed-by-pytest-autograd.json"
_MOST_NAMED = 3


class InstallError(Exception):
    """The skill cannot be put there; the message says why, and the mend."""


def install(skills: Path, force: bool = False) -> str:
    """Put the skill into a folder of skills, replacing an older copy; return what was done."""
    target = skills / NAME
    found = _obstacle(target)
    if found and not force:
        raise InstallError(f"{found}; --force replaces it, --path installs elsewhere")
    before, now = _installed(target), {"version": version(), "files": _files(skill_folder())}
    if before == now and not found:
        return f"{target} is up to date (version {now['version']})"
    try:
        skills.mkdir(parents=True, exist_ok=True)
        _replace(target, json.dumps(now, indent=1) + "\n")
    except OSError as error:
        raise InstallError(f"cannot write {target}: {error.strerror or error}") from error
    done = f"version {before['version']} replaced" if before else "new"
    return f"{NAME} version {now['version']} is in {target} ({len(now['files'])} files, {done})"


def _files(folder: Path) -> dict[str, str]:
    """Return the digest of every file of a copy by its path in it; caches and the record left out."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.name != RECORD
    }


def _installed(target: Path) -> dict | None:
    """Return the record of a copy, None where there is none that can be read."""
    try:
        record = json.loads((target / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(record, dict) and isinstance(record.get("files"), dict)
    return record if known and isinstance(record.get("version"), str) else None


def _obstacle(target: Path) -> str:
    """Return what stands in the way of a copy, empty if nothing does."""
    if target.is_symlink():
        return f"{target} is a link to {os.readlink(target)}"
    if not target.exists():
        return ""
    if not target.is_dir():
        return f"{target} is a file"
    there, record = _files(target), _installed(target)
    if record is None:
        copied_by_hand = there == _files(skill_folder())
        return "" if copied_by_hand or not there else f"{target} was not put there by this command"
    known = record["files"]
    changed = [name for name in {**known, **there} if known.get(name) != there.get(name)]
    if not changed:
        return ""
    more = f" and {len(changed) - _MOST_NAMED} more" if len(changed) > _MOST_NAMED else ""
    return f"{target} was changed since: {', '.join(changed[:_MOST_NAMED])}{more}"


def _replace(target: Path, record: str) -> None:
    """Copy beside the target first, so that a copy that fails half-way leaves the old one whole."""
    with tempfile.TemporaryDirectory(prefix=f".{NAME}-", dir=target.parent) as beside:
        new, old = Path(beside) / "new", Path(beside) / "old"
        shutil.copytree(skill_folder(), new, ignore=shutil.ignore_patterns("__pycache__"))
        (new / RECORD).write_text(record, encoding="utf-8")
        if target.is_symlink() or target.exists():
            target.rename(old)
        new.rename(target)
