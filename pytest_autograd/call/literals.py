"""The literals that the author's code compares an option with, or looks it up among, read from the source."""

from __future__ import annotations

import ast
import inspect
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from types import FunctionType
from typing import Any

from pytest_autograd.places import parsed, unwrap

DEPTH = 3  # of helpers that are handed the option
TABLES = (dict, list, tuple, set, frozenset)


def literals_compared(codes: Iterable[Callable[..., Any]], name: str) -> list[Any]:
    """Return the constants that the option ``name`` of a Function's methods is compared with, or looked up among."""
    methods = [unwrap(code) for code in codes]
    names = {name}
    for method in methods:  # what one of them keeps on ctx, another one compares
        names |= set(_other_names(_nodes(method), names))
    found = [value for method in methods for value in _within(method, names, DEPTH)]
    return list(dict.fromkeys(value for value in found if value is not None))


def _nodes(code: Any) -> list[ast.AST]:
    source = parsed(code) if inspect.isfunction(code) else None
    return list(ast.walk(source[0])) if source is not None else []


def _within(code: Any, names: set[str], depth: int) -> Iterator[Any]:
    """Yield the constants in ``code`` and in the helpers that it hands one of ``names``."""
    nodes = _nodes(code)
    if not nodes:
        return
    outside = _outside(code)
    names = names | set(_other_names(nodes, names))
    for node in nodes:
        for part in _compared(node, names):
            yield from _constants(part, outside)
        if isinstance(node, ast.Call) and depth:
            yield from _in_helper(node, names, outside, depth)


def _outside(code: FunctionType) -> Mapping[str, Any]:
    """Return what the free names of a function stand for."""
    held: dict[str, Any] = {}
    for name, cell in zip(code.__code__.co_freevars, code.__closure__ or (), strict=True):
        with suppress(ValueError):  # not filled yet
            held[name] = cell.cell_contents
    return ChainMap(held, code.__globals__)


def _compared(node: ast.AST, names: set[str]) -> list[ast.AST]:
    """Return what an option is compared with in one node of the tree."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        return list(sides) if any(_is_one_of(side, names) for side in sides) else []
    if isinstance(node, ast.Subscript) and _is_one_of(node.slice, names):
        return [node.value]
    if isinstance(node, ast.Match) and _is_one_of(node.subject, names):
        return [case.pattern for case in node.cases]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        looked_up = node.func.attr == "get" and node.args and _is_one_of(node.args[0], names)
        return [node.func.value] if looked_up else []
    return []


def _constants(part: ast.AST, outside: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the constants of a part: literals, the keys of a dict, the entries of a table that stands elsewhere."""
    if isinstance(part, ast.Dict):
        parts = [key for key in part.keys if key is not None]
        yield from (key.value for key in parts if isinstance(key, ast.Constant))
    elif isinstance(part, ast.Name | ast.Attribute):
        table = _value_of(part, outside)
        entries = list(table) if isinstance(table, TABLES) else []
        yield from (entry for entry in entries if isinstance(entry, str | int | float))
    else:
        yield from (node.value for node in ast.walk(part) if isinstance(node, ast.Constant))


def _value_of(part: ast.AST, outside: Mapping[str, Any]) -> Any:
    """Return what a name from outside stands for, or an attribute of it; None where that is not known."""
    if isinstance(part, ast.Name):
        return outside.get(part.id)
    if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
        return getattr(outside.get(part.value.id), part.attr, None)
    return None


def _in_helper(
    node: ast.Call, names: set[str], outside: Mapping[str, Any], depth: int
) -> Iterator[Any]:
    """Yield the constants in a function that is called with the option."""
    helper = _value_of(node.func, outside)
    if not inspect.isfunction(helper):
        return
    parameters = list(inspect.signature(helper).parameters)
    handed = [
        p for p, value in zip(parameters, node.args, strict=False) if _is_one_of(value, names)
    ]
    handed += [word.arg for word in node.keywords if word.arg and _is_one_of(word.value, names)]
    if handed:
        yield from _within(helper, set(handed), depth - 1)


def _other_names(nodes: Iterable[ast.AST], names: set[str]) -> Iterator[str]:
    """Yield the variables and attributes that the option itself is assigned to."""
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _paired(target, node.value, names)


def _paired(target: ast.AST, value: ast.AST, names: set[str]) -> Iterator[str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=False):
            yield from _paired(one, other, names)
    elif _is_one_of(value, names):
        name = _name_of(target)
        if name is not None:
            yield name


def _is_one_of(node: ast.AST, names: set[str]) -> bool:
    return _name_of(node) in names


def _name_of(node: ast.AST) -> str | None:
    """Return the name of a variable, or that of the attribute it was kept in, as on ctx."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None
