"""The server over streamable HTTP: who is let in, what is refused, how it stops."""

from __future__ import annotations

import hmac
from typing import Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl
from starlette.requests import Request
from starlette.responses import JSONResponse

from mcp_server.server import create_server
from mcp_server.service.checks import Checks
from mcp_server.transport.address import Address
from mcp_server.transport.oauth import TellUnavailable, TokenVerifier

_LARGEST_BODY = 2 << 20  # of 200,000 characters, each escaped


def serve(server: MCPServer, address: Address, grace: float) -> None:
    """Serve until a signal comes; calls that run then have ``grace`` seconds to end."""
    app = server.streamable_http_app(
        max_request_body_size=_LARGEST_BODY,
        transport_security=address.security(),
        host=address.host,
    )
    app.add_middleware(TellUnavailable)
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
    """Return the server with its health page and, where tokens are asked for, the check of them."""
    server = create_server(checks, **_admission(address))

    @server.custom_route("/health", methods=["GET"])
    async def health(request: Request) -> JSONResponse:
        return JSONResponse(
            {
                "status": "ok",
                "running": checks.places.running,
                "waiting": checks.places.waiting,
                "answered": checks.answered,
            }
        )

    return server


def _admission(address: Address) -> dict[str, Any]:
    if address.authority is not None:
        verifier = TokenVerifier(address.authority)
        return {"token_verifier": verifier, "auth": address.authority.settings()}
    if address.token is not None:
        own = AnyHttpUrl(f"http://{address.names[0] if address.names else 'localhost'}")
        auth = AuthSettings(issuer_url=own, resource_server_url=None)
        return {"token_verifier": _SharedToken(address.token), "auth": auth}
    return {}


class _SharedToken:
    """Accepts the one token that the team shares."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return who bears the token, nothing for a wrong one."""
        if hmac.compare_digest(token.encode(), self._token.encode()):
            return AccessToken(token=token, client_id="team", scopes=[])
        return None


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
