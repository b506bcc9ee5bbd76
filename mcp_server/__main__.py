"""``autograd-mcp``, or ``python -m mcp_server``: serve MCP over standard input and output."""

from __future__ import annotations

import argparse
import os
import signal
from types import FrameType

from mcp_server import _scratch
from mcp_server._checks import Checks
from mcp_server._launch import CAN_FORK, Launcher
from mcp_server._limits import GB, Limits
from mcp_server._server import create_server


def main() -> None:
    """Parse the arguments and serve until standard input ends or a signal comes."""
    options = _parser().parse_args()
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
        create_server(checks).run("stdio")
    finally:
        clean_up()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="autograd-mcp",
        description="MCP server that verifies hand-written PyTorch gradients. It serves over stdin "
        "and stdout; a client starts it, e.g. claude mcp add autograd -- autograd-mcp",
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
