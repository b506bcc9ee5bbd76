"""The command line of ``autograd-mcp``."""

from __future__ import annotations

import argparse
from pathlib import Path

HTTP_OPTIONS = (
    "http", "allowed_host", "token_file", "oauth_issuer", "oauth_resource", "oauth_scope",
)  # fmt: skip


def command_line() -> argparse.ArgumentParser:
    """Return the parser of ``autograd-mcp``."""
    parser = argparse.ArgumentParser(
        prog="autograd-mcp",
        description="MCP server that verifies hand-written PyTorch gradients. It serves over stdin "
        "and stdout; a client starts it, e.g. claude mcp add autograd -- autograd-mcp",
        epilog="For a team: AUTOGRAD_MCP_TOKEN=... autograd-mcp --http 0.0.0.0:8000 "
        "--allowed-host checks.example.org, behind a proxy that speaks TLS; clients connect to "
        "https://checks.example.org/mcp with the header Authorization: Bearer TOKEN. With an "
        "authorization server instead: --oauth-issuer https://login.example.org --oauth-resource "
        "https://checks.example.org/mcp. "
        "GET /health tells how many checks run and wait.",
    )
    _add_checks(parser)
    _add_ray(parser.add_argument_group("many machines"))
    _add_http(parser.add_argument_group("HTTP, for a team"))
    return parser


def _add_checks(parser: argparse.ArgumentParser) -> None:
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
    parser.add_argument(
        "--otel",
        action="store_true",
        help="send spans and metrics by OTLP/HTTP, to where OTEL_EXPORTER_OTLP_ENDPOINT says",
    )


def _add_ray(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--executor",
        choices=("embedded", "ray"),
        default="embedded",
        help="embedded: checks run on this machine; ray: on the nodes of a Ray cluster, which need "
        "the same pytest-autograd[ray] and torch (default %(default)s)",
    )
    group.add_argument(
        "--ray-address",
        metavar="HOST:PORT",
        help="head of the cluster that this machine is a node of (default: found by itself)",
    )


def _add_http(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--http", metavar="HOST:PORT", help="serve streamable HTTP at /mcp instead")
    group.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="name under which HTTP clients may reach the server (repeat for more)",
    )
    group.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="file with the bearer token that HTTP clients must send (or set AUTOGRAD_MCP_TOKEN)",
    )
    group.add_argument(
        "--oauth-issuer",
        metavar="URL",
        help="authorization server whose signed tokens (JWT) are accepted instead of one for all",
    )
    group.add_argument(
        "--oauth-resource",
        metavar="URL",
        help="public URL of this server, e.g. https://checks.example.org/mcp: the audience that "
        "tokens must be issued for",
    )
    group.add_argument(
        "--oauth-scope",
        action="append",
        default=[],
        metavar="NAME",
        help="scope that tokens must grant (repeat for more)",
    )
    group.add_argument(
        "--grace",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="time that running checks have to end when an HTTP server stops (default %(default)s)",
    )
