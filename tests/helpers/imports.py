"""Who imports whom in the two packages when they run, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from loading import ROOT

import pytest_autograd

PACKAGES = ("pytest_autograd", "mcp_server")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    """Return the dotted name of a module; a folder's ``__init__`` has the folder's."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES = {name_of(path) for path in FILES}


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text())


@cache
def imported(path: Path) -> frozenset[str]:
    """Return the modules of the packages that a module imports when it runs, inside functions too."""
    return frozenset(
        found for node in _run(tree_of(path)) for found in _modules(node) if found in NAMES
    )


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes below that are no text for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            for other in child.orelse:
                yield other
                yield from _run(other)
        else:
            yield child
            yield from _run(child)


def _modules(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        for alias in node.names:
            inside = f"{node.module}.{alias.name}"
            if node.module == "pytest_autograd" and alias.name in pytest_autograd._HOME:
                inside = f"pytest_autograd.{pytest_autograd._HOME[alias.name]}"
            yield inside if inside in NAMES else str(node.module)


def circles(graph: Mapping[str, frozenset[str]]) -> list[set[str]]:
    """Return the sets of more than one node that reach each other (strongly connected components)."""
    reached = {node: _reached(graph, node) for node in graph}
    found: list[set[str]] = []
    for node in sorted(graph):
        circle = {other for other in reached[node] if node in reached[other]}
        if len(circle) > 1 and circle not in found:
            found.append(circle)
    return found


def _reached(graph: Mapping[str, frozenset[str]], start: str) -> set[str]:
    found, ahead = set(), [start]
    while ahead:
        fresh = graph[ahead.pop()] - found
        found |= fresh
        ahead += fresh
    return found
