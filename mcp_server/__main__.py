"""``autograd-mcp``, or ``python -m mcp_server``: serve MCP over stdio, or over HTTP."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType
from typing import TYPE_CHECKING

from mcp_server.command_line import HTTP_OPTIONS, command_line
from mcp_server.executors.launcher import CAN_FORK, Launcher
from mcp_server.executors.local import Embedded
from mcp_server.isolation.limits import GB, Limits
from mcp_server.server import create_server
from mcp_server.service.checks import Checks

if TYPE_CHECKING:
    from mcp_server.executors.protocol import Executor
    from mcp_server.transport.address import Address


def main() -> None:
    """Parse the arguments and serve until standard input ends or a signal comes."""
    parser = command_line()
    options = parser.parse_args()
    address = _address(parser, options)
    executor = _executor(parser, options)
    finish = _exporting(parser, options.otel)
    checks = Checks(executor, options.workers, options.queue)

    def leave(number: int, frame: FrameType | None) -> None:
        # An orderly end would wait for the SDK's thread that reads standard input.
        checks.close()
        finish()
        os._exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)
    with ExitStack() as stack:
        stack.callback(finish)
        stack.enter_context(checks)
        if address is None:
            create_server(checks).run("stdio")
        else:
            _serve(checks, address, options.grace)


def _executor(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Executor:
    """Return what runs the checks; of Ray nothing is imported unless asked for."""
    limits = Limits(memory=int(options.memory * GB), isolation=options.isolation)
    prefork = not options.no_prefork
    if options.executor == "embedded":
        if options.ray_address is not None:
            parser.error("--ray-address needs --executor ray")
        return Embedded(limits, Launcher(prefork=CAN_FORK and prefork))
    from mcp_server.executors.ray.cluster import NoCluster
    from mcp_server.executors.ray.fleet import Fleet

    try:
        return Fleet(options.ray_address or "auto", limits, options.workers, prefork)
    except NoCluster as error:
        parser.error(str(error))


def _exporting(parser: argparse.ArgumentParser, wanted: bool) -> Callable[[], None]:
    """Return what sends the last spans and metrics; nothing of it is imported unless asked for."""
    if not wanted:
        return lambda: None
    from mcp_server.service.otlp_export import NotInstalled, start_exporting

    try:
        return start_exporting()
    except NotInstalled as error:
        parser.error(str(error))


def _serve(checks: Checks, address: Address, grace: float) -> None:
    from mcp_server.transport.http import http_server, serve
    from mcp_server.transport.oauth import NoIssuer

    try:
        server = http_server(checks, address)
    except NoIssuer as error:
        raise SystemExit(f"autograd-mcp: {error}") from None
    serve(server, address, grace)


def _address(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Address | None:
    """Return where to serve HTTP, nothing for stdio; an address to refuse ends the program."""
    if not any(vars(options)[name] for name in HTTP_OPTIONS):
        return None  # and nothing of HTTP is imported
    from mcp_server.transport.address import Refused, read_address

    try:
        return read_address(options)
    except Refused as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
