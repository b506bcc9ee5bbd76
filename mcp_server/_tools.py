"""The tools. Their docstrings are what a model reads before its first call."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Literal

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, BeforeValidator, Field

from mcp_server import _library, _text
from mcp_server._job import run_check
from mcp_server._limits import Limits
from mcp_server._request import Failure, Request
from mcp_server._results import Hits, RuleCard, SkillSection
from mcp_server._strict import StrictTool
from pytest_autograd._inputs import InputSpec
from pytest_autograd._model import Report

LONGEST_TIME = 600.0
READING = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
# Submitted code is not kept from the network or from writing files, so no client may take this tool for harmless.
RUNNING_CODE = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
)


def _listed(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


Codes = Annotated[
    list[str] | None,
    BeforeValidator(_listed),
    Field(description="Rule codes or prefixes, e.g. ['AG1', 'AG301']"),
]
Contract = Annotated[str | None, Field(description="Name of a function in source (see above)")]


def tools(limits: Limits, workers: int) -> list[Tool]:
    """Return the tools; at most ``workers`` checks run at once."""
    return [
        StrictTool.from_function(
            checking_tool(limits, workers), title="Check a gradient", annotations=RUNNING_CODE
        ),
        StrictTool.from_function(explain_rule, title="Explain a rule", annotations=READING),
        StrictTool.from_function(search_skill, title="Search the skill", annotations=READING),
        StrictTool.from_function(read_skill, title="Read the skill", annotations=READING),
    ]


def checking_tool(limits: Limits, workers: int) -> Any:
    """Return ``check_function`` bound to its limits."""
    places = anyio.Semaphore(workers)

    async def check_function(
        ctx: Context[Any, Any],
        source: Annotated[
            str,
            Field(max_length=200_000, description="Complete Python module, imports included"),
        ],
        entry: Annotated[
            str,
            Field(
                description="Name in source: a Function class, Fn.apply, a callable, an nn.Module instance "
                "or a Module class built without arguments"
            ),
        ],
        inputs: Annotated[
            str | list[InputSpec] | None,
            Field(
                description="null: example_inputs() of source if it has one, else proposed from the signature; "
                "or the name of a function in source that returns the argument tuple; or one item per argument"
            ),
        ] = None,
        response_format: Annotated[
            Literal["concise", "detailed"],
            Field(description="Length of the text; data is complete"),
        ] = "concise",
        level: Annotated[
            Literal["quick", "full"], Field(description="quick: no gradcheck, one point only")
        ] = "full",
        select: Codes = None,
        ignore: Codes = None,
        gradgrad: Annotated[bool, Field(description="Check second order too")] = True,
        forward_ad: Annotated[
            bool | None, Field(description="Check jvp; null: where it is defined")
        ] = None,
        vmap: Annotated[
            bool | None, Field(description="Check vmap; null: where it is defined")
        ] = None,
        autocast: bool = False,
        compile: bool = False,
        reference: Contract = None,
        surrogate: Contract = None,
        grad_transform: Annotated[
            dict[str, str] | None, Field(description="forward's argument name to function name")
        ] = None,
        rtol: Annotated[float, Field(description="Larger relative errors are AG101")] = 1e-4,
        gradcheck_options: Annotated[
            dict[str, float | bool] | None,
            Field(description="eps, atol, rtol, nondet_tol of gradcheck"),
        ] = None,
        seed: Annotated[int | None, Field(description="Repeats a report; null: fresh")] = None,
        time_limit: Annotated[float, Field(description="Seconds, at most 600")] = 60.0,
    ) -> Annotated[CallToolResult, Report]:
        """Verify the gradient of a hand-written torch.autograd.Function by running it.

        Runs source in a separate process, compares backward with the true derivative of forward and looks for the
        known faults of custom Functions (saving, in-place, shapes, double backward). The verdict is `verified`,
        `failed` or `inconclusive`; every finding has a code, a line, a fix and a section of the skill.
        Use it after writing or changing any Function, and before you say it is right. Not for code without a custom
        backward (autograd differentiates that), and not for training runs: small inputs show the same faults.
        Where backward is not the derivative of forward on purpose, say so by a contract: surrogate="f" (backward
        is the VJP of f: straight-through, spikes), grad_transform={"weight": "g"} (the true gradient, then g),
        reference="f" (all must equal f's).
        Example: {"source": "import torch\\nclass Square(torch.autograd.Function):\\n  ...", "entry": "Square",
        "inputs": [{"kind": "tensor", "shape": [4, 3]}, {"kind": "value", "value": 2}]}
        """
        options: dict[str, Any] = {
            "level": level,
            "select": select,
            "ignore": ignore,
            "gradgrad": gradgrad,
            "forward_ad": forward_ad,
            "vmap": vmap,
            "autocast": autocast,
            "compile": compile,
            "reference": reference,
            "surrogate": surrogate,
            "grad_transform": grad_transform,
            "rtol": rtol,
            "gradcheck_options": gradcheck_options,
            "seed": secrets.randbelow(2**31) if seed is None else seed,
            "time_limit": min(max(time_limit, 1.0), LONGEST_TIME),
        }
        given = tuple(inputs) if isinstance(inputs, list) else inputs
        request = Request(source=source, entry=entry, inputs=given, options=options)

        async def tell(seconds: float, message: str) -> None:
            await ctx.report_progress(seconds, message=message)

        async with places:
            outcome = await run_check(request, tell, limits)
        if isinstance(outcome, Failure):
            raise _error(outcome)
        text = str(outcome) if response_format == "detailed" else _text.concise(outcome)
        return _result(outcome, text)

    return check_function


def _error(failure: Failure) -> Exception:
    if failure.internal:
        return ToolError(
            f"the checker itself failed; this is no fault of the source, please report it:\n{failure.message}"
        )
    return ToolError(failure.message)


async def explain_rule(
    code: Annotated[str, Field(description="Rule code in any case, e.g. AG301")],
) -> Annotated[CallToolResult, RuleCard]:
    """Explain one rule: what the fault is, why it matters, the fix, a wrong and a right example.

    Use it when a finding's fix line is not enough. Not for questions without a code: use search_skill.
    Example: {"code": "AG301"}
    """
    try:
        card = _library.rule_card(code)
    except LookupError as error:
        raise ToolError(str(error.args[0])) from None
    return _result(card, _text.rule_text(card))


async def search_skill(
    query: Annotated[str, Field(description="Words, a rule code or a pasted error message")],
    limit: Annotated[int, Field(description="How many results, 1 to 20")] = 5,
) -> Annotated[CallToolResult, Hits]:
    """Search the guide to custom autograd Functions and the rules; returns ids with a short summary.

    Use it before writing a Function, and when an error message is unclear. Read a result with read_skill (sections)
    or explain_rule (rules). Not for PyTorch questions beyond torch.autograd.Function.
    Example: {"query": "save an intermediate for double backward"}
    """
    hits = _library.search(query, limit)
    return _result(hits, _text.hits_text(hits))


async def read_skill(
    id: Annotated[str, Field(description="Section id as found, e.g. ctx/saving-outputs")],
) -> Annotated[CallToolResult, SkillSection]:
    """Read one section of the guide: prose and code on one subject.

    Use it with an id from search_skill, from a finding (read: ...) or from a rule. It is not a search.
    Example: {"id": "ctx/saving-tensors"}
    """
    try:
        section = _library.section(id)
    except LookupError as error:
        raise ToolError(str(error.args[0])) from None
    return _result(section, _text.section_text(section))


def _result(content: BaseModel, text: str) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=content.model_dump(mode="json"),
    )
