"""Resources (skill sections, rules) and the completion of their arguments."""

from __future__ import annotations

from collections.abc import Iterable

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from mcp_server.resources.prompts import add_prompts
from mcp_server.tools import library, text
from pytest_autograd.registry import all_rules
from pytest_autograd.skill import sections

_MOST_COMPLETIONS = 100


def add_documents(server: MCPServer) -> None:
    """Register resources, prompts and completions."""
    _add_resources(server)
    _add_indexes(server)
    add_prompts(server)
    _add_completion(server)


def _add_resources(server: MCPServer) -> None:
    @server.resource(
        "skill://sections/{+id}",
        title="A section of the skill",
        description="One section of the guide, e.g. skill://sections/ctx/saving-tensors",
        mime_type="text/markdown",
    )
    def skill_section(id: str) -> str:
        try:
            return text.section_text(library.section(id))
        except LookupError as error:
            raise ResourceNotFoundError(str(error.args[0])) from None

    @server.resource(
        "rule://{code}",
        title="A rule",
        description="One rule with why, fix, wrong and right example, e.g. rule://AG301",
        mime_type="text/markdown",
    )
    def rule(code: str) -> str:
        try:
            return text.rule_text(library.rule_card(code))
        except LookupError as error:
            raise ResourceNotFoundError(str(error.args[0])) from None


def _add_indexes(server: MCPServer) -> None:
    @server.resource(
        "skill://index",
        title="All sections of the skill",
        description="Ids and titles; read one as skill://sections/ID",
        mime_type="text/markdown",
    )
    def skill_index() -> str:
        return _listed((id, section.title) for id, section in sections.sections().items())

    @server.resource(
        "rule://index",
        title="All rules",
        description="Codes and titles; read one as rule://CODE",
        mime_type="text/markdown",
    )
    def rule_index() -> str:
        return _listed((code, rule.title) for code, rule in all_rules().items())


def _add_completion(server: MCPServer) -> None:
    @server.completion()
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        if not isinstance(ref, ResourceTemplateReference):
            return None
        known: Iterable[str] = sections.sections() if argument.name == "id" else all_rules()
        typed = argument.value.lower()
        values = [each for each in known if typed in each.lower()]
        return Completion(values=values[:_MOST_COMPLETIONS], total=len(values))


def _listed(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f"- `{name}`: {title}\n" for name, title in pairs)
