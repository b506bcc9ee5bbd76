"""``autograd-mcp``, or ``python -m mcp_server``: serve MCP over standard input and output."""

from __future__ import annotations

import argparse
import os
import signal
from types import FrameType

from mcp_server import _scratch
from mcp_server._job import RUNNING
from mcp_server._limits import GB, Limits, kill_group
from mcp_server._server import create_server


def main() -> None:
    """Parse the arguments and serve until standard input ends or a signal comes."""
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
    options = parser.parse_args()
    _scratch.sweep()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)
    server = create_server(Limits(memory=int(options.memory * GB)), options.workers)
    try:
        server.run("stdio")
    finally:
        _clean_up()


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: the SDK's thread that reads standard input would keep an orderly end waiting."""
    _clean_up()
    os._exit(128 + number)


def _clean_up() -> None:
    for group in list(RUNNING):
        kill_group(group)
    _scratch.remove_root()


if __name__ == "__main__":
    main()
