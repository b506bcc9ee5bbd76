"""The tools. Their docstrings are what a model reads before its first call."""

from __future__ import annotations

from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from mcp_server.service.checks import Checks
from mcp_server.tools import library, text
from mcp_server.tools.check_function import DESCRIPTION, checking_tool
from mcp_server.tools.results import Hits, RuleCard, SkillSection
from mcp_server.tools.strict_tool import StrictTool

READING = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
ISOLATED = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
# Without isolation submitted code may reach the network and write files: clients must know.
EXPOSED = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
)


def tools(checks: Checks) -> list[Tool]:
    """Return the tools, in the order in which they are listed."""
    check = StrictTool.from_function(
        checking_tool(checks),
        title="Check a gradient",
        description=DESCRIPTION,
        annotations=ISOLATED if checks.executor.limits.isolation == "strict" else EXPOSED,
    )
    titles = {
        explain_rule: "Explain a rule",
        search_skill: "Search the skill",
        read_skill: "Read the skill",
    }
    reading = [
        StrictTool.from_function(function, title=title, annotations=READING)
        for function, title in titles.items()
    ]
    return [check, *reading]


async def explain_rule(
    code: Annotated[str, Field(description="Rule code in any case, e.g. AG301")],
) -> Annotated[CallToolResult, RuleCard]:
    """Explain one rule: what the fault is, why it matters, the fix, a wrong and a right example.

    Use it when a finding's fix line is not enough. Not for questions without a code: search_skill.
    Example: {"code": "AG301"}
    """
    try:
        card = library.rule_card(code)
    except LookupError as error:
        raise ToolError(str(error.args[0])) from None
    return text.result(card, text.rule_text(card))


async def search_skill(
    query: Annotated[str, Field(description="Words, a rule code or a pasted error message")],
    limit: Annotated[int, Field(description="How many results, 1 to 20")] = 5,
) -> Annotated[CallToolResult, Hits]:
    """Search the guide to custom autograd Functions and the rules; returns ids and summaries.

    Use it before writing a Function, and when an error message is unclear. Read a result with
    read_skill (sections) or explain_rule (rules). Not for PyTorch questions beyond
    torch.autograd.Function.
    Example: {"query": "save an intermediate for double backward"}
    """
    hits = library.search(query, limit)
    return text.result(hits, text.hits_text(hits))


async def read_skill(
    id: Annotated[str, Field(description="Section id as found, e.g. ctx/saving-outputs")],
) -> Annotated[CallToolResult, SkillSection]:
    """Read one section of the guide: prose and code on one subject.

    Use it with an id from search_skill, from a finding (read: ...) or from a rule. Not a search.
    Example: {"id": "ctx/saving-tensors"}
    """
    try:
        section = library.section(id)
    except LookupError as error:
        raise ToolError(str(error.args[0])) from None
    return text.result(section, text.section_text(section))
