"""The skill as files: what each holds, its digest, and what lies in a folder.

Read once: what is read later must be what was announced, even if an editor saves meanwhile.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import yaml

from pytest_autograd.skill.sections import NAME, skill_folder

ROOT = f"skill://{NAME}"
MANIFEST = "SKILL.md"
FOLDER = "inode/directory"
KINDS = {".md": "text/markdown", ".py": "text/x-python"}


@cache
def files() -> dict[str, bytes]:
    """Return the content of every file of the skill by its path below the skill's folder."""
    folder = skill_folder()
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in KINDS
    }


def text_of(path: str) -> str:
    """Return a file's text, byte for byte; an unknown path is a ``LookupError``."""
    if path not in files():
        raise LookupError(f"the skill holds no file {path!r}; resources/list and skills/list tell")
    return files()[path].decode()


def digest(path: str) -> str:
    """Return the digest that a reader verifies a file by."""
    return f"sha256:{hashlib.sha256(files()[path]).hexdigest()}"


@cache
def frontmatter() -> dict[str, Any]:
    """Return the fields that the skill's author wrote at its head, unchanged."""
    _, head, _ = text_of(MANIFEST).split("---\n", 2)
    return yaml.safe_load(head)


def children(uri: str) -> dict[str, str]:
    """Return name and media type of all in a folder; what is no folder is a ``LookupError``."""
    found: dict[str, str] = {}
    for path in map(PurePosixPath, files()):
        parts = path.parts
        for depth in range(len(parts)):
            if uri == "/".join((ROOT, *parts[:depth])):
                last = depth == len(parts) - 1
                found[parts[depth]] = KINDS[path.suffix] if last else FOLDER
    if not found:
        raise LookupError(f"{uri} is not a folder of the skill; {ROOT} is one")
    return found
