"""What others read by machine or by habit, word for word. ``EXPECTTEST_ACCEPT=1`` writes what is said now."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from expecttest import assert_expected_inline
from loading import ROOT
from torch.autograd import Function

from mcp_server.command_line import command_line
from pytest_autograd import check
from pytest_autograd.cli.main import _parser
from pytest_autograd.registry import all_rules


class Halved(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x)
        return factor * x**2

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return x * grad_output, None


def steady(value: Any, key: str = "") -> Any:
    """Return JSON without what differs from run to run and from machine to machine."""
    if isinstance(value, dict):
        return {name: steady(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [steady(each, key) for each in value]
    if key in ("torch_version", "source_sha256"):
        return "..."
    if key.endswith("seconds") and value is not None:
        return 0.0
    if isinstance(value, str):
        return value.replace(f"{ROOT}/", "")
    return float(f"{value:.3g}") if isinstance(value, float) else value


def in_lines(value: dict[str, Any]) -> str:
    """Return JSON with a line for each field, and one for each element of a list."""
    lines = []
    for name, each in value.items():
        if isinstance(each, list):
            lines += [f"{name}:", *(f"  {json.dumps(element)}" for element in each)]
        else:
            lines.append(f"{name}: {json.dumps(each)}")
    return "\n".join(lines)


def test_report_as_json() -> None:
    x = torch.linspace(1, 2, 3, dtype=torch.float64)
    report = check(Halved, x, 2, level="quick", seed=7, select=["AG101", "AG2", "AG501"])
    assert_expected_inline(
        in_lines(steady(json.loads(report.model_dump_json()))),
        """\
target: "Halved"
source_sha256: "..."
torch_version: "..."
level: "quick"
seed: 7
inputs: "x: float64[3] differentiated; factor=2"
verdict: "failed"
summary: "AG101 the gradient of x is wrong in float64"
findings:
  {"code": "AG101", "name": "wrong-gradient", "severity": "error", "function": "Halved", "message": "the gradient of x is wrong in float64: it is 0.25 x the right one in every element; 3 of 3 elements are wrong", "evidence": {"argument": "x", "output": null, "index": [2], "expected": -9.2, "got": -2.3, "max_error": 0.75}, "fix": "Derive the VJP again for this argument; if it is meant to differ (straight-through, clipping, reversal), declare it with surrogate=, grad_transform= or reference= and it is verified against that.", "skill": "debugging/wrong-values", "file": "tests/test_snapshots.py", "line": 29, "column": null, "seen_by": "running", "origin": "worker"}
checks:
  {"name": "wrong-gradient", "code": "AG101", "status": "failed", "reason": null, "seconds": 0.0}
  {"name": "tensor-on-ctx", "code": "AG201", "status": "passed", "reason": null, "seconds": 0.0}
  {"name": "output-kept-on-ctx", "code": "AG202", "status": "passed", "reason": null, "seconds": 0.0}
  {"name": "non-tensor-saved", "code": "AG203", "status": "passed", "reason": null, "seconds": 0.0}
  {"name": "saved-tensors-read-in-forward", "code": "AG204", "status": "passed", "reason": null, "seconds": 0.0}
  {"name": "saved-twice", "code": "AG205", "status": "passed", "reason": null, "seconds": 0.0}
  {"name": "state-outside-ctx", "code": "AG206", "status": "passed", "reason": null, "seconds": 0.0}
  {"name": "saved-but-unused", "code": "AG207", "status": "passed", "reason": null, "seconds": 0.0}
  {"name": "saved-view-pins-storage", "code": "AG208", "status": "passed", "reason": null, "seconds": 0.0}
  {"name": "workspace-reused", "code": "AG209", "status": "passed", "reason": null, "seconds": 0.0}
  {"name": "thread-unsafe-backward", "code": "AG210", "status": "skipped", "reason": "runs at level full", "seconds": 0.0}
  {"name": "wrong-double-backward", "code": "AG501", "status": "passed", "reason": null, "seconds": 0.0}
judged:
  {"dtype": "float64", "device": "cpu", "orders": [1, 2], "elements": 3, "accuracy": null}
left_out:
ignored:
stats: {"accuracy": null, "saved_bytes": 24, "autograd_saved_bytes": null, "input_bytes": 24, "forward_seconds": 0.0, "backward_seconds": 0.0, "autograd_forward_seconds": null, "autograd_backward_seconds": null, "calls": {"forward": 76, "backward": 23, "double backward": 1}, "unreached_lines": []}
isolation: null
seconds: 0.0""",  # noqa: E501
    )


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of one width and no colours."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.usefixtures("plain")
def test_help_of_the_command() -> None:
    assert_expected_inline(
        _parser().format_help(),
        """\
usage: pytest-autograd [-h] COMMAND ...

Verify hand-written gradients (torch.autograd.Function).

positional arguments:
  COMMAND
    check     run a Function and check its gradient
    rules     list the rules
    explain   explain a rule, with a wrong and a right example
    skill     the skill for coding agents

options:
  -h, --help  show this help message and exit

examples:
  pytest-autograd check layers.py::Swish
  pytest-autograd check layers.py::Swish --inputs "torch.randn(4, 3, dtype=torch.float64), 0.5"
  pytest-autograd check layers.py::Swish --inputs make_inputs --ignore AG7 --json
  pytest-autograd check spikes.py::Spike.apply --surrogate smooth_spike
  pytest-autograd check layers.py::Swish --level quick --watch
  pytest-autograd rules
  pytest-autograd explain AG301
  pytest-autograd skill install --claude

exit status: 0 clean; 1 failed, inconclusive, or a finding at or above --fail-on; 2 not checkable
""",
    )


@pytest.mark.usefixtures("plain")
def test_help_of_the_server() -> None:
    assert_expected_inline(
        command_line().format_help(),
        """\
usage: autograd-mcp [-h] [--memory GB] [--workers N] [--queue N] [--isolation {auto,strict,off}]
                    [--no-prefork] [--otel] [--executor {embedded,ray}] [--ray-address HOST:PORT]
                    [--http HOST:PORT] [--allowed-host NAME] [--token-file FILE]
                    [--oauth-issuer URL] [--oauth-resource URL] [--oauth-scope NAME]
                    [--grace SECONDS]

MCP server that verifies hand-written PyTorch gradients. It serves over stdin and stdout; a client
starts it, e.g. claude mcp add autograd -- autograd-mcp

options:
  -h, --help            show this help message and exit
  --memory GB           address space of submitted code; 0: no limit, as CUDA needs (default 4.0)
  --workers N           checks at once (default: one a processor)
  --queue N             checks that may wait; more are told that the server is busy (default: 16 a
                        worker)
  --isolation {auto,strict,off}
                        auto: enforce what this machine can and tell the rest in each report;
                        strict: refuse to run what cannot be enforced; off: limits on resources
                        only (default auto)
  --no-prefork          start a new Python for each check, as where processes cannot be forked
  --otel                send spans and metrics by OTLP/HTTP, to where OTEL_EXPORTER_OTLP_ENDPOINT
                        says

many machines:
  --executor {embedded,ray}
                        embedded: checks run on this machine; ray: on the nodes of a Ray cluster,
                        which need the same pytest-autograd[ray] and torch (default embedded)
  --ray-address HOST:PORT
                        head of the cluster that this machine is a node of (default: found by
                        itself)

HTTP, for a team:
  --http HOST:PORT      serve streamable HTTP at /mcp instead
  --allowed-host NAME   name under which HTTP clients may reach the server (repeat for more)
  --token-file FILE     file with the bearer token that HTTP clients must send (or set
                        AUTOGRAD_MCP_TOKEN)
  --oauth-issuer URL    authorization server whose signed tokens (JWT) are accepted instead of one
                        for all
  --oauth-resource URL  public URL of this server, e.g. https://checks.example.org/mcp: the
                        audience that tokens must be issued for
  --oauth-scope NAME    scope that tokens must grant (repeat for more)
  --grace SECONDS       time that running checks have to end when an HTTP server stops (default
                        5.0)

For a team: AUTOGRAD_MCP_TOKEN=... autograd-mcp --http 0.0.0.0:8000 --allowed-host
checks.example.org, behind a proxy that speaks TLS; clients connect to
https://checks.example.org/mcp with the header Authorization: Bearer TOKEN. With an authorization
server instead: --oauth-issuer https://login.example.org --oauth-resource
https://checks.example.org/mcp. GET /health tells how many checks run and wait.
""",
    )


def test_rules() -> None:
    rules = all_rules().values()
    assert_expected_inline(
        "\n".join(f"{each.code} {each.name} {each.skill}" for each in rules),
        """\
AG001 forward-raises debugging/errors-in-forward
AG002 backward-raises debugging/errors-in-backward
AG003 no-differentiable-output ctx/non-differentiable-outputs
AG004 wrong-number-of-gradients template/one-gradient-per-input
AG005 output-container-hides-tensors template/output-containers
AG006 tensor-hidden-in-argument template/tensors-in-containers
AG007 tensor-captured template/captured-tensors
AG008 forward-called-directly template/call-apply
AG009 input-not-checked verification/inputs-that-count
AG101 wrong-gradient debugging/wrong-values
AG102 nonlinear-in-grad-output gradients/linear-in-grad-output
AG103 gradient-missing gradients/none-for-an-input
AG104 wrong-in-unreached-branch verification/other-points
AG105 wrong-at-another-size verification/other-sizes
AG106 non-finite-gradient gradients/finite-everywhere
AG107 nondeterministic-backward gradients/randomness
AG108 low-precision-drift gradients/low-precision
AG110 swallows-nan gradients/nan
AG111 kink-at-sample verification/kinks
AG112 differs-from-reference verification/contracts
AG113 inexact-gradient verification/accuracy
AG114 gradcheck-disagrees verification/gradcheck
AG201 tensor-on-ctx ctx/saving-tensors
AG202 output-kept-on-ctx ctx/saving-outputs
AG203 non-tensor-saved ctx/non-tensors
AG204 saved-tensors-read-in-forward ctx/saved-tensors-in-forward
AG205 saved-twice ctx/saving-once
AG206 state-outside-ctx ctx/no-state-outside
AG207 saved-but-unused memory/unused-saves
AG208 saved-view-pins-storage memory/saved-views
AG209 workspace-reused ctx/workspaces
AG210 thread-unsafe-backward advanced/threads
AG301 grad-output-mutated in-place/grad-output
AG302 saved-tensor-mutated in-place/saved-tensors
AG303 input-mutated in-place/inputs
AG304 mark-dirty-misused in-place/mark-dirty
AG305 gradients-alias-storage in-place/aliased-gradients
AG306 output-views-input in-place/output-views
AG307 backward-not-repeatable in-place/repeatable-backward
AG308 output-views-temporary in-place/outputs
AG309 reads-uninitialised-memory memory/uninitialised
AG401 gradient-shape gradients/shapes
AG402 gradient-dtype gradients/dtype
AG404 gradient-device gradients/device
AG405 gradient-for-non-tensor template/one-gradient-per-input
AG406 undefined-grad-unhandled ctx/undefined-gradients
AG407 assumes-contiguous-grad layouts/grad-output
AG408 assumes-contiguous-input layouts/inputs
AG409 empty-or-scalar-input layouts/empty-and-scalar
AG410 frozen-input-breaks-backward ctx/frozen-inputs
AG501 wrong-double-backward double-backward/saved-intermediates
AG502 not-twice-differentiable double-backward/once-differentiable
AG503 once-differentiable-silent double-backward/once-differentiable
AG504 wrong-jvp transforms/jvp
AG505 pollutes-leaf-gradients double-backward/inner-backward
AG506 gradient-leaves-elsewhere gradients/leaving-elsewhere
AG601 wrong-vmap transforms/vmap
AG602 no-vmap-rule transforms/vmap
AG603 no-setup-context transforms/setup-context
AG604 breaks-under-autocast transforms/autocast
AG605 bypasses-saved-tensor-hooks memory/saved-tensor-hooks
AG606 differs-under-compile transforms/compile
AG607 differs-when-recomputed advanced/checkpointed-functions
AG608 custom-op-contract transforms/custom-ops
AG701 needs-input-grad-ignored ctx/needs-input-grad
AG702 function-not-needed when-to-use/not-needed
AG801 data-attribute in-place/data-attribute
AG802 numpy-in-backward double-backward/numpy-in-backward""",
    )
