"""A tool that refuses unknown arguments and says in plain words what is wrong with the others."""

from __future__ import annotations

import difflib
import itertools
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from pydantic import ValidationError

from mcp_server.tools.schema import argument_outline, lean, result_outline

_MOST_COMPLAINTS = 5


class StrictTool(Tool):
    """The SDK ignores unknown arguments; an agent that misspells one must hear of it."""

    @classmethod
    def from_function(cls, *args: Any, **kwargs: Any) -> StrictTool:
        """Create the tool; its schemas are lean, and further arguments are forbidden."""
        tool = super().from_function(*args, **kwargs)
        assert isinstance(tool, cls)
        arguments = argument_outline(lean(tool.parameters))
        tool.parameters = arguments | {"additionalProperties": False}
        assert tool.fn_metadata.output_schema is not None, f"{tool.name} has no output schema"
        tool.fn_metadata.output_schema = result_outline(lean(tool.fn_metadata.output_schema))
        return tool

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> Any:
        """Run the tool; an error that the agent can act on arrives as its own sentence."""
        known = list(self.parameters["properties"])
        for name in arguments:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                guess = f" (did you mean {near[0]!r}?)" if near else ""
                raise ToolError(
                    f"unknown argument {name!r}{guess}; {self.name} takes {', '.join(known)}"
                )
        try:
            return await super().run(arguments, context, convert_result)
        except UnexpectedToolError:
            raise
        except ToolError as error:
            cause = error.__cause__
            text = complaints(cause) if isinstance(cause, ValidationError) else str(cause or error)
            raise ToolError(text) from cause


def complaints(error: ValidationError) -> str:
    """Say which arguments are wrong and why, without pydantic's links and echoes."""
    errors = error.errors(include_url=False, include_input=False)
    entered = {each["loc"][0] for each in errors if len(each["loc"]) > 2}
    found: dict[str, list[str]] = {}
    for each in errors:
        argument, *rest = each["loc"]
        # Of a union's branches only the one that the value got into is worth telling.
        if len(rest) > 1 or argument not in entered:
            message = each["msg"].removeprefix("Value error, ")
            found.setdefault(_place(each["loc"]), []).append(message[0].lower() + message[1:])
    lines = [f"argument {place}: {' or '.join(told)}" for place, told in found.items()]
    return "; ".join(lines[:_MOST_COMPLAINTS])


def _place(location: tuple[str | int, ...]) -> str:
    """Return the caller's own part of a location, without the names of a union's branches."""
    parts = list(location[:1])
    for before, part in itertools.pairwise(location):
        is_branch = isinstance(part, str) and (not part.isidentifier() or part in ("str", "tensor"))
        if not is_branch and not (part == "value" and isinstance(before, int)):
            parts.append(part)
    return ".".join(map(str, parts))
