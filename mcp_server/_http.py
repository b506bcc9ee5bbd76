"""The server over streamable HTTP: who may connect, what is refused, how it stops."""

from __future__ import annotations

import hmac
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.requests import Request
from starlette.responses import JSONResponse

from mcp_server._checks import Checks
from mcp_server._server import create_server

TOKEN_VARIABLE = "AUTOGRAD_MCP_TOKEN"
SHORTEST_TOKEN = 16
_LARGEST_BODY = 2 << 20  # of 200,000 characters, each escaped
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Refused(ValueError):
    """An address that must not be served this way; the message names the mend."""


@dataclass(frozen=True)
class Address:
    """Where to serve, under which names, and who may connect."""

    host: str
    port: int
    token: str | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse to serve strangers without a token and the names they may use."""
        if self.token is not None and len(self.token) < SHORTEST_TOKEN:
            raise Refused(f"the token is too short: use at least {SHORTEST_TOKEN} characters")
        if _is_loopback(self.host):
            return
        if self.token is None:
            raise Refused(
                f"{self.host} can be reached from other machines, so it needs a token: set "
                f"{TOKEN_VARIABLE} or pass --token-file"
            )
        if not self.names:
            raise Refused(
                f"{self.host} can be reached from other machines: pass --allowed-host NAME for "
                "each name that clients use in the URL"
            )

    def security(self) -> TransportSecuritySettings:
        """Return the values of Host and Origin that are served; all others are refused."""
        names = [*self.names, *(_LOOPBACK if _is_loopback(self.host) else ())]
        hosts = [each for name in names for each in (name, f"{name}:*")]
        schemes = ("http", "https")
        origins = [f"{scheme}://{host}" for host in hosts for scheme in schemes]
        return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)


def read_address(text: str, names: Sequence[str] = (), token_file: Path | None = None) -> Address:
    """Return the address that ``HOST:PORT`` means, with the token from the file or environment."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise Refused(f"--http {text!r}: write HOST:PORT, e.g. 127.0.0.1:8000")
    token = os.environ.get(TOKEN_VARIABLE)
    if token_file is not None:
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"--token-file cannot be read: {error}") from None
    return Address(host.strip("[]") or "127.0.0.1", int(port), token, tuple(names))


def serve(checks: Checks, address: Address, grace: float) -> None:
    """Serve until a signal comes; calls that run then have ``grace`` seconds to end."""
    server = http_server(checks, address)
    app = server.streamable_http_app(
        max_request_body_size=_LARGEST_BODY,
        transport_security=address.security(),
        host=address.host,
    )
    config = uvicorn.Config(
        app,
        host=address.host,
        port=address.port,
        log_level="warning",
        log_config=_TO_STANDARD_ERROR,
        timeout_graceful_shutdown=max(int(grace), 1),
    )
    uvicorn.Server(config).run()


def http_server(checks: Checks, address: Address) -> MCPServer:
    """Return the server with its health page and, where there is a token, the check of it."""
    more: dict[str, Any] = {}
    if address.token is not None:
        own = AnyHttpUrl(f"http://{address.names[0] if address.names else 'localhost'}")
        more["token_verifier"] = _SharedToken(address.token)
        more["auth"] = AuthSettings(issuer_url=own, resource_server_url=None)
    server = create_server(checks, **more)

    @server.custom_route("/health", methods=["GET"])
    async def health(request: Request) -> JSONResponse:
        return JSONResponse(
            {
                "status": "ok",
                "running": checks.running,
                "waiting": checks.waiting,
                "answered": checks.answered,
            }
        )

    return server


class _SharedToken:
    """Accepts the one token that the team shares."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return who bears the token, nothing for a wrong one."""
        if hmac.compare_digest(token.encode(), self._token.encode()):
            return AccessToken(token=token, client_id="team", scopes=[])
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_TO_STANDARD_ERROR: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "stream": "ext://sys.stderr",
        }
    },
    "loggers": {"uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}},
}
