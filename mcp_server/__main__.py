"""``autograd-mcp``, or ``python -m mcp_server``: serve MCP over stdio, or over HTTP."""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from mcp_server import _scratch
from mcp_server._checks import Checks
from mcp_server._launch import CAN_FORK, Launcher
from mcp_server._limits import GB, Limits
from mcp_server._server import create_server

if TYPE_CHECKING:
    from mcp_server._http import Address


def main() -> None:
    """Parse the arguments and serve until standard input ends or a signal comes."""
    parser = _parser()
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="autograd-mcp",
        description="MCP server that verifies hand-written PyTorch gradients. It serves over stdin "
        "and stdout; a client starts it, e.g. claude mcp add autograd -- autograd-mcp",
        epilog="For a team: AUTOGRAD_MCP_TOKEN=... autograd-mcp --http 0.0.0.0:8000 "
        "--allowed-host checks.example.org, behind a proxy that speaks TLS; clients connect to "
        "https://checks.example.org/mcp with the header Authorization: Bearer TOKEN. "
        "GET /health tells how many checks run and wait.",
    )
    parser.add_argument("--http", metavar="HOST:PORT", help="serve streamable HTTP at /mcp instead")
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="name under which HTTP clients may reach the server (repeat for more)",
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="file with the bearer token that HTTP clients must send (or set AUTOGRAD_MCP_TOKEN)",
    )
    parser.add_argument(
        "--grace",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="time that running checks have to end when an HTTP server stops (default %(default)s)",
    )
    parser.add_argument(
        "--memory",
        type=float,
        default=4.0,
        metavar="GB",
        help="address space of submitted code; 0: no limit, as CUDA needs (default %(default)s)",
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="checks at once (default: one a processor)"
    )
    parser.add_argument(
        "--queue",
        type=int,
        metavar="N",
        help="checks that may wait; more are told that the server is busy (default: 16 a worker)",
    )
    parser.add_argument(
        "--isolation",
        choices=("auto", "strict", "off"),
        default="auto",
        help="auto: enforce what this machine can and tell the rest in each report; strict: refuse "
        "to run what cannot be enforced; off: limits on resources only (default %(default)s)",
    )
    parser.add_argument(
        "--no-prefork",
        action="store_true",
        help="start a new Python for each check, as where processes cannot be forked",
    )
    return parser


if __name__ == "__main__":
    main()
