"""Resources (skill sections, rules), prompts, and the completion of their arguments."""

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

from mcp_server import _library, _text
from pytest_autograd import _skill
from pytest_autograd._rule import all_rules

_MOST_COMPLETIONS = 100
IMPLEMENT = """\
Implement this as a torch.autograd.Function: {task}

1. Decide whether it needs one: if autograd can differentiate the forward as written, say so.
2. search_skill for the operation and read_skill the sections it names; do not write from memory.
3. Write forward, setup_context or ctx, backward, and example_inputs() that returns the argument
   tuple (float64, requires_grad=True, small, away from kinks).
4. check_function(source, entry). Mend every error by its fix and section, then check again.
5. Answer only when the verdict is `verified`; say which inputs it was verified on. If backward is
   not the derivative of forward on purpose, pass the contract and say so.
"""
REVIEW = """\
Review this torch.autograd.Function. Do not judge its gradient by reading: check_function it.

1. check_function(source, entry) with inputs that its use suggests; explain_rule each code found.
2. Report the errors first, with line and fix, then the warnings; keep apart what was measured and
   what you think.
3. Propose the mended source and check it too; hand it over only when it is `verified`.

```python
{source}
```
"""

EXPLAIN = """\
Explain this report of check_function to the one who wrote the Function, and mend it.

1. Start with the verdict. `failed`: take the errors one by one, the first often causes the rest;
   explain_rule its code, read_skill the section it names, and look at the line.
2. Say for each what happens in training because of it, in two sentences, then the mended lines.
   A finding of origin judge was measured from outside; origin worker is what the code's own process
   reported.
3. `inconclusive`: say why by the summary, and give inputs or a contract that would decide it.
4. check_function the mended source; hand it over only when it is `verified`.

{report}
"""


def add_documents(server: MCPServer) -> None:
    """Register resources, prompts and completions."""

    @server.resource(
        "skill://sections/{+id}",
        title="A section of the skill",
        description="One section of the guide, e.g. skill://sections/ctx/saving-tensors",
        mime_type="text/markdown",
    )
    def skill_section(id: str) -> str:
        try:
            return _text.section_text(_library.section(id))
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
            return _text.rule_text(_library.rule_card(code))
        except LookupError as error:
            raise ResourceNotFoundError(str(error.args[0])) from None

    @server.resource(
        "skill://index",
        title="All sections of the skill",
        description="Ids and titles; read one as skill://sections/ID",
        mime_type="text/markdown",
    )
    def skill_index() -> str:
        return _listed((id, section.title) for id, section in _skill.sections().items())

    @server.resource(
        "rule://index",
        title="All rules",
        description="Codes and titles; read one as rule://CODE",
        mime_type="text/markdown",
    )
    def rule_index() -> str:
        return _listed((code, rule.title) for code, rule in all_rules().items())

    @server.prompt(
        title="Implement a Function", description="Write a custom Function and verify it"
    )
    def implement_function(task: str) -> str:
        return IMPLEMENT.format(task=task)

    @server.prompt(title="Review a Function", description="Verify a Function and report its faults")
    def review_function(source: str) -> str:
        return REVIEW.format(source=source)

    @server.prompt(
        title="Explain a failed report", description="Explain a report of check_function and mend"
    )
    def explain_report(report: str) -> str:
        return EXPLAIN.format(report=report)

    @server.completion()
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        if not isinstance(ref, ResourceTemplateReference):
            return None
        known: Iterable[str] = _skill.sections() if argument.name == "id" else all_rules()
        typed = argument.value.lower()
        values = [each for each in known if typed in each.lower()]
        return Completion(values=values[:_MOST_COMPLETIONS], total=len(values))


def _listed(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f"- `{name}`: {title}\n" for name, title in pairs)
