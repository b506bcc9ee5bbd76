"""Prompts: what to ask of an agent so that it goes round the loop."""

from __future__ import annotations

from typing import Any

from mcp.server import MCPServer
from mcp.server.context import CallNext, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, Prompt

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


def add_prompts(server: MCPServer) -> None:
    """Register the prompts."""

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

    async def check_arguments(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> Any:
        if ctx.method == "prompts/get" and ctx.params is not None:
            prompts = await server.list_prompts()
            complain(prompts, ctx.params.get("name"), ctx.params.get("arguments") or {})
        return await call_next(ctx)

    server.middleware.append(check_arguments)


def complain(prompts: list[Prompt], name: Any, given: Any) -> None:
    """Say what is wrong with a request for a prompt; the SDK tells of an internal error only."""
    prompt = next((each for each in prompts if each.name == name), None)
    if prompt is None:
        names = ", ".join(each.name for each in prompts)
        raise MCPError(INVALID_PARAMS, f"no prompt {name!r}; there are {names}")
    arguments = prompt.arguments or []
    known = [each.name for each in arguments]
    wrong = [each for each in given if each not in known]
    if wrong:
        raise MCPError(INVALID_PARAMS, f"{name} takes {', '.join(known)}, not {wrong[0]}")
    missing = [each.name for each in arguments if each.required and each.name not in given]
    if missing:
        raise MCPError(INVALID_PARAMS, f"{name} needs the argument {missing[0]}")
