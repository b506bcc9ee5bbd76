"""The reference of all options, made from the definitions that the programs themselves use."""

from __future__ import annotations

import argparse
import typing
from collections.abc import Iterator, Sequence
from typing import Any

from mcp_server.command_line import command_line
from pytest_autograd import plugin
from pytest_autograd.cli.main import _parser
from pytest_autograd.options import Options
from pytest_autograd.plugin.marker import KEYWORDS

CHECK = """\
# Options

## Of a check

The same for `check(target, *args, ...)`, the marker, `pytest-autograd check` and the MCP tool `check_function`.
"""
MARKER = """
## Of the marker

`@autograd_checked(...)` and `@pytest.mark.autograd_checked(...)` take the options of a check and these:
"""
PYTEST = """
## Of pytest

On the command line, or by the name in the second column in `pytest.ini` or under `[tool.pytest.ini_options]` of
`pyproject.toml`.
"""
COMMANDS = "\n## Of the command line\n"
SERVER = "\n## Of the MCP server\n"


def page() -> str:
    """Return the page as Markdown."""
    fields = [
        (
            f"`{name}`",
            f"`{_default(field.get_default(call_default_factory=True))}`",
            field.description,
        )
        for name, field in Options.model_fields.items()
    ]
    pytest_options = [
        (f"`--autograd-{name}`", f"`autograd_{name.replace('-', '_')}`" if kind else "", text)
        for name, _, kind, text in plugin.OPTIONS
    ]
    keywords = [(f"`{name}`", text) for name, text in KEYWORDS.items()]
    return (
        CHECK
        + _table(("option", "default", ""), fields)
        + MARKER
        + _table(("keyword", ""), keywords)
        + PYTEST
        + _table(("option", "ini", ""), pytest_options)
        + COMMANDS
        + "".join(_commands(_parser(), ""))
        + SERVER
        + "".join(_command(command_line(), "`autograd-mcp`"))
    )


def _default(value: Any) -> str:
    return repr(value) if value not in ((), {}) else "none"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str | None]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n" + "\n".join(f"| {' | '.join(_cell(c) for c in line)} |" for line in lines) + "\n"


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def _commands(parser: argparse.ArgumentParser, name: str) -> Iterator[str]:
    """Yield the parts about a program's commands, those inside commands too."""
    inner = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not inner:
        yield from _command(parser, f"`pytest-autograd{name}`")
    for action in inner:
        for word, command in typing.cast("dict[str, Any]", action.choices).items():
            yield from _commands(command, f"{name} {word}")


def _command(parser: argparse.ArgumentParser, title: str) -> Iterator[str]:
    rows = [
        (f"`{_usage(action)}`", (action.help or "") % {**vars(action), "prog": parser.prog})
        for action in parser._actions
        if not isinstance(action, argparse._HelpAction)
    ]
    yield f"\n### {title}\n\n{_cell(parser.description)}\n"
    if rows:
        yield _table(("argument", ""), rows)


def _usage(action: argparse.Action) -> str:
    takes = action.nargs != 0 and not isinstance(action, argparse.BooleanOptionalAction)
    value = action.metavar or (action.choices and ",".join(map(str, action.choices)))
    names = ", ".join(action.option_strings)
    if not names:
        return str(value or action.dest)
    return f"{names} {value or action.dest.upper()}" if takes else names
