"""The server: tools, resources and prompts put together. Nothing here imports torch."""

from __future__ import annotations

from typing import Any

from mcp.server import CacheHint, MCPServer

from mcp_server.resources.documents import add_documents
from mcp_server.resources.skills_extension import Skills, add_files
from mcp_server.service.checks import Checks
from mcp_server.tools.library_tools import tools
from pytest_autograd.version import version

INSTRUCTIONS = """\
Verifies hand-written gradients (torch.autograd.Function) by running them, and holds the guide to
writing them. The loop: search_skill and read_skill the section for what you are about to write;
write it; check_function; mend every error by its fix and the section it names; check again; answer
only when the verdict is `verified`. `inconclusive` is not verified: give other inputs. A gradient
that is wrong on purpose needs a contract (surrogate, grad_transform, reference). A gradient that
looks right is not evidence; the verdict is."""
HOUR = CacheHint(ttl_ms=3_600_000, scope="public")


def create_server(checks: Checks, **more: Any) -> MCPServer:
    """Return the server that checks by ``checks``; ``more`` goes to the SDK's constructor."""
    server = MCPServer(
        "pytest-autograd",
        title="pytest-autograd",
        description="Verifies hand-written PyTorch gradients and teaches how to write them",
        instructions=INSTRUCTIONS,
        version=version(),
        tools=tools(checks),
        extensions=[Skills()],
        subscriptions=False,  # nothing that it lists ever changes
        log_level="WARNING",
        cache_hints={
            "tools/list": HOUR,
            "prompts/list": HOUR,
            "resources/templates/list": HOUR,
        },
        **more,
    )
    add_documents(server)
    add_files(server)
    return server
