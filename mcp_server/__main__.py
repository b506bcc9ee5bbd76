"""``autograd-mcp``, or ``python -m mcp_server``: serve MCP over stdio, or over HTTP."""

from __future__ import annotations

import argparse
import os
import signal
from types import FrameType
from typing import TYPE_CHECKING

from mcp_server import _scratch
from mcp_server._checks import Checks
from mcp_server._command_line import command_line
from mcp_server._launch import CAN_FORK, Launcher
from mcp_server._limits import GB, Limits
from mcp_server._server import create_server

if TYPE_CHECKING:
    from mcp_server._http import Address


def main() -> None:
    """Parse the arguments and serve until standard input ends or a signal comes."""
    parser = command_line()
    options = parser.parse_args()
    address = _address(parser, options)
    _scratch.sweep()
    launcher = Launcher(prefork=CAN_FORK and not options.no_prefork)
    limits = Limits(memory=int(options.memory * GB), isolation=options.isolation)
    checks = Checks(limits, options.workers, options.queue, launcher)

    def clean_up() -> None:
        launcher.close()
        _scratch.remove_root()

    def leave(number: int, frame: FrameType | None) -> None:
        # An orderly end would wait for the SDK's thread that reads standard input.
        clean_up()
        os._exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)
    launcher.prepare()
    try:
        if address is None:
            create_server(checks).run("stdio")
        else:
            from mcp_server._http import serve

            serve(checks, address, options.grace)
    finally:
        clean_up()


def _address(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Address | None:
    """Return where to serve HTTP, nothing for stdio; an address to refuse ends the program."""
    if options.http is None:
        return None
    from mcp_server._http import Refused, read_address

    try:
        return read_address(options.http, options.allowed_host, options.token_file)
    except Refused as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
