"""What is ignored by a comment: ``# autograd: ignore[AG702] reason``."""

from __future__ import annotations

import ast
import io
import linecache
import os
import re
import tokenize
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pytest_autograd.call.intercept import METHODS
from pytest_autograd.declarations.layer import Layer, layer_of
from pytest_autograd.declarations.names import file_of
from pytest_autograd.errors import CheckError

#: A comment of ours: it ignores, or at least names a code; "# autograd: a VJP by hand" is nobody's declaration.
MARK = re.compile(r"#\s*autograd:\s*(ignore\s*\[.*|.*\bAG\d.*)", re.IGNORECASE)
IGNORE = re.compile(r"ignore\s*\[([^\]]*)\]\s*(.*)", re.IGNORECASE)


def inline(function: type) -> Layer | None:
    """Return what comments say at the class line of a Function, at the lines of its methods, or above one of these.

    Raises:
        CheckError: such a comment cannot be read, or names no rule.
    """
    file = file_of(function)
    if file is None:
        return None
    own = [getattr(_plain(vars(function).get(name)), "__code__", None) for name in METHODS]
    lines = tuple(
        code.co_firstlineno for code in own if code is not None and code.co_filename == file
    )
    text = "".join(linecache.getlines(file))
    if not lines or "autograd:" not in text:
        return None
    layers = [_read(line, words, file) for line, words in _comments(text, function.__name__, lines)]
    ignores = tuple(ignore for layer in layers for ignore in layer.ignores)
    return Layer(layers[0].where, {}, ignores) if layers else None


def _plain(method: Any) -> Any:
    """Return the function under ``staticmethod`` and decorators."""
    method = getattr(method, "__func__", method)
    while hasattr(method, "__wrapped__"):
        method = method.__wrapped__
    return method


def _read(line: int, words: str, file: str) -> Layer:
    where = f"{os.path.basename(file)}:{line}"
    match = IGNORE.fullmatch(words)
    if match is None:
        raise CheckError(
            f"{where}: '# autograd: {words}' cannot be read: write '# autograd: ignore[AG702] reason'"
        )
    codes, reason = match.groups()
    return layer_of(where, {"ignore": dict.fromkeys(codes.split(","), reason.strip())})


@lru_cache(maxsize=256)
def _comments(text: str, name: str, lines: tuple[int, ...]) -> list[tuple[int, str]]:
    """Return (line, words) of the comments that belong to the class with methods at these lines."""
    try:
        nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
        comments, ends = _tokens(text)
    except (SyntaxError, tokenize.TokenError):
        return []
    holds = [n for n in nodes if n.name == name and n.lineno <= lines[0] <= (n.end_lineno or 0)]
    if not holds:
        return []
    node = max(holds, key=lambda each: each.lineno)
    methods = [
        each for each in node.body if isinstance(each, ast.FunctionDef) and each.name in METHODS
    ]
    found = {line for each in (node, *methods) for line in _head(each, comments, ends)}
    return [(line, comments[line][0]) for line in sorted(found)]


def _head(
    node: ast.ClassDef | ast.FunctionDef,
    comments: Mapping[int, tuple[str, bool]],
    ends: list[int],
) -> Iterator[int]:
    """Yield the lines with a comment in the header of a class or function, and that of its own above it."""
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    last = next((line for line in ends if line >= node.lineno), node.lineno)
    yield from (line for line in range(first, last + 1) if line in comments)
    if comments.get(first - 1, ("", False))[1]:
        yield first - 1


def _tokens(text: str) -> tuple[dict[int, tuple[str, bool]], list[int]]:
    """Return the words of comments to us by line, with whether they stand alone, and where statements end."""
    comments: dict[int, tuple[str, bool]] = {}
    ends: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        match = MARK.match(token.string) if token.type == tokenize.COMMENT else None
        if match is not None:
            alone = not token.line[: token.start[1]].strip()
            comments[token.start[0]] = match[1].strip(), alone
        elif token.type == tokenize.NEWLINE:
            ends.append(token.start[0])
    return comments, ends
