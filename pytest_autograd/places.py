"""Where things stand in the author's source: the class, its methods, the line that makes one gradient."""

from __future__ import annotations

import ast
import hashlib
import inspect
import linecache
import sys
import textwrap
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

OURS = Path(__file__).parent


@dataclass(frozen=True)
class Place:
    """A line of source."""

    file: str
    line: int


def unwrap(code: Any) -> Any:
    """Return the function under ``staticmethod`` and decorators such as ``once_differentiable``."""
    return inspect.unwrap(code)


def class_place(owner: Any) -> Place | None:
    """Return the line with the name of a class or function, below its decorators; None without source."""
    try:
        file = inspect.getsourcefile(unwrap(owner)) or inspect.getfile(unwrap(owner))
        lines, first = inspect.getsourcelines(unwrap(owner))
        words = ("class ", "def ", "async def ")
        below = next((i for i, line in enumerate(lines) if line.lstrip().startswith(words)), 0)
        return Place(file, max(first, 1) + below)
    except (OSError, TypeError):
        return None


def source_sha256(owner: Any) -> str | None:
    """Return the digest of the source text of a class or function, None without source."""
    try:
        text = inspect.getsource(unwrap(owner))
    except (OSError, TypeError):
        return None
    return hashlib.sha256(text.encode()).hexdigest()


def error_place(error: BaseException) -> Place | None:
    """Return the innermost line of the author's own code that an exception passed through."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.lineno and not _is_not_the_authors(Path(frame.filename)):
            return Place(frame.filename, frame.lineno)
    return None


def is_refusal(error: BaseException) -> bool:
    """Whether an exception comes from a ``raise`` in the author's own code: on purpose, and loud."""
    innermost = traceback.extract_tb(error.__traceback__)[-1:]
    return any(
        (frame.line or "").startswith("raise") and not _is_not_the_authors(Path(frame.filename))
        for frame in innermost
    )


def _is_not_the_authors(file: Path) -> bool:
    """Whether a file belongs to this package or to torch, wherever they are installed."""
    torch = sys.modules.get("torch")
    folders = [OURS, *(Path(folder) for folder in getattr(torch, "__path__", ()))]
    return any(file.is_relative_to(folder) for folder in folders)


def gradient_place(backward: Callable[..., Any], index: int) -> Place | None:
    """Return the line of ``backward`` that makes the gradient it returns at position ``index``.

    That is the last assignment to the name returned there, else the element of the returned tuple, else the
    ``return`` itself; None without source.
    """
    found = parsed(unwrap(backward))
    if found is None:
        return None
    tree, file, first = found
    returns = [node for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value]
    if not returns:
        return None
    value = returns[-1].value
    assert value is not None
    node: ast.expr = value
    if isinstance(value, ast.Tuple) and index < len(value.elts):
        starred = any(isinstance(element, ast.Starred) for element in value.elts)
        node = value if starred else value.elts[index]
    line = node.lineno
    if isinstance(node, ast.Name):
        assigned = [
            statement.lineno
            for statement in ast.walk(tree)
            if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign)
            and node.id in _targets(statement)
        ]
        line = max((number for number in assigned if number <= line), default=line)
    return Place(file, first + line - 1)


def mutation_place(code: Callable[..., Any]) -> Place | None:
    """Return the first line of ``code`` that writes in place, else where it is defined."""
    found = parsed(unwrap(code))
    if found is None:
        return None
    tree, file, first = found
    lines = [node.lineno for node in ast.walk(tree) if _writes_in_place(node)]  # type: ignore[attr-defined]
    return Place(file, first + min(lines) - 1) if lines else Place(file, first)


def attribute_places(owner: Any, methods: Sequence[str], attribute: str) -> list[Place]:
    """Return the lines of the author's ``methods`` that read ``attribute`` of something that may be a tensor.

    Attributes of ctx, self, cls and of modules are something else.
    """
    places = []
    for method in methods:
        code = inspect.getattr_static(owner, method, None)
        own = any(
            method in vars(base)
            for base in owner.__mro__
            if not base.__module__.startswith("torch.autograd")
        )
        found = parsed(unwrap(getattr(owner, method))) if own and code is not None else None
        if found is None:
            continue
        tree, file, first = found
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr == attribute:
                base = node.value.id if isinstance(node.value, ast.Name) else ""
                if base not in ("ctx", "self", "cls", "torch", "np", "numpy"):
                    places.append(Place(file, first + node.lineno - 1))
    return places


def has_loop(code: Callable[..., Any]) -> bool:
    """Whether the source of ``code`` has a loop."""
    found = parsed(unwrap(code))
    loops = (ast.For, ast.While)
    return found is not None and any(isinstance(node, loops) for node in ast.walk(found[0]))


def _writes_in_place(node: ast.AST) -> bool:
    if isinstance(node, ast.AugAssign):
        return True
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Subscript) for target in node.targets)
    if isinstance(node, ast.Call):
        out = any(keyword.arg == "out" for keyword in node.keywords)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        return out or (name.endswith("_") and not name.endswith("__"))
    return False


def _targets(statement: ast.Assign | ast.AugAssign | ast.AnnAssign) -> set[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    names = [name for target in targets for name in ast.walk(target)]
    return {name.id for name in names if isinstance(name, ast.Name)}


@lru_cache(maxsize=256)
def parsed(code: Callable[..., Any]) -> tuple[ast.AST, str, int] | None:
    """Return (tree, file, first line) of a function's source, None without it."""
    try:
        lines, first = inspect.getsourcelines(code)
        tree = ast.parse(textwrap.dedent("".join(lines)))
        return tree, inspect.getsourcefile(code) or inspect.getfile(code), max(first, 1)
    except (OSError, TypeError, SyntaxError):
        return None


def source_line(file: str | None, line: int | None) -> str:
    """Return one line of source, stripped; empty without it."""
    return linecache.getline(file, line).strip() if file and line else ""
