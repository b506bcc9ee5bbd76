"""The tool that checks a Function."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult

from mcp_server.request import Failure, Request
from mcp_server.service.checks import Checks
from mcp_server.tools import arguments as args
from mcp_server.tools.text import concise, result
from pytest_autograd.options import Options
from pytest_autograd.report.model import Report

OPTIONS = tuple(Options.model_fields)
LONGEST_TIME = 600.0
DESCRIPTION = """\
Verify the gradient of a hand-written torch.autograd.Function by running it.

Runs source in a separate process, compares backward with the true derivative of forward and looks
for the known faults of custom Functions (saving, in-place, shapes, double backward). The verdict is
`verified`, `failed` or `inconclusive`; a finding has a code, a line, a fix and a skill section.
Use it after writing or changing any Function, and before you say it is right. Not for code without
a custom backward, nor for training runs: small inputs show the same faults.
Where backward is not the derivative of forward on purpose, say so by a contract: surrogate="f"
(backward is the VJP of f: straight-through, spikes), grad_transform={"weight": "g"} (the true
gradient, then g), reference="f" (all equal f's).
Example: {"source": "import torch\\nclass Power(torch.autograd.Function): ...", "entry": "Power",
"inputs": [{"kind": "tensor", "shape": [4, 3]}, {"kind": "value", "value": 2}]}
"""


def checking_tool(checks: Checks) -> Any:
    """Return ``check_function`` that runs what it is asked by ``checks``."""

    async def check_function(
        ctx: Context[Any, Any],
        source: args.SourceText,
        entry: args.Entry,
        inputs: args.Inputs = None,
        response_format: args.Format = "concise",
        level: args.Level = "full",
        select: args.Selected = None,
        ignore: args.Ignored = None,
        gradgrad: args.SecondOrder = None,
        forward_ad: args.Forward = None,
        vmap: args.Batching = None,
        autocast: args.Mixed = None,
        compile: bool = False,
        reference: args.Contract = None,
        surrogate: args.Contract = None,
        grad_transform: args.Transform = None,
        domain: args.Domains = None,
        keep: args.Kept = None,
        overwrites: args.Overwritten = None,
        accumulates: args.Accumulated = None,
        rtol: args.Tolerance = 1e-4,
        referees: args.Referees = "auto",
        gradcheck_options: args.GradcheckOptions = None,
        seed: args.Seed = None,
        time_limit: args.Seconds = 60.0,
    ) -> Annotated[CallToolResult, Report]:
        seed = secrets.randbelow(2**53) if seed is None else seed
        time_limit = min(max(time_limit, 1.0), LONGEST_TIME)
        given = locals()
        options = {name: given[name] for name in OPTIONS if given[name] is not None}
        described = tuple(inputs) if isinstance(inputs, list) else inputs
        request = Request(source=source, entry=entry, inputs=described, options=options)

        async def tell(seconds: float, message: str) -> None:
            await ctx.report_progress(seconds, message=message)

        outcome = await checks.run(request, tell, _caller(ctx))
        if isinstance(outcome, Failure):
            raise ToolError(_said(outcome))
        detailed = response_format == "detailed"
        return result(outcome.report, outcome.text if detailed else concise(outcome.report))

    return check_function


def _caller(ctx: Context[Any, Any]) -> str:
    """Return who asks: the bearer of a token where each has their own, else the session."""
    token = get_access_token()
    if token is not None and token.subject is not None:
        return f"{token.client_id} {token.subject}"
    return (ctx.headers or {}).get("mcp-session-id", "")


def _said(failure: Failure) -> str:
    if failure.internal:
        return f"the checker itself failed, not the source; please report this:\n{failure.message}"
    return failure.message
