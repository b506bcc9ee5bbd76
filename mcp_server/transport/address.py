"""Where the server listens, under which names, and who may connect."""

from __future__ import annotations

import ipaddress
import os
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from mcp.server.transport_security import TransportSecuritySettings

from mcp_server.transport.oauth import Authority

TOKEN_VARIABLE = "AUTOGRAD_MCP_TOKEN"
SHORTEST_TOKEN = 16
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
    authority: Authority | None = None

    def __post_init__(self) -> None:
        """Refuse to serve strangers without a token and the names they may use."""
        if self.token is not None and self.authority is not None:
            raise Refused("one token for all and --oauth-issuer exclude each other: leave one out")
        if self.token is not None and len(self.token) < SHORTEST_TOKEN:
            raise Refused(f"the token is too short: use at least {SHORTEST_TOKEN} characters")
        if _is_loopback(self.host):
            return
        if self.token is None and self.authority is None:
            raise Refused(
                f"{self.host} can be reached from other machines, so it needs a token: set "
                f"{TOKEN_VARIABLE}, or pass --token-file or --oauth-issuer"
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


def read_address(options: Namespace) -> Address | None:
    """Return what the command line says, nothing where it does not ask for HTTP."""
    authority = _authority(options)
    if options.http is None:
        if options.token_file or options.allowed_host or authority:
            raise Refused("--token-file, --allowed-host and --oauth-issuer need --http HOST:PORT")
        return None
    host, colon, port = options.http.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise Refused(f"--http {options.http!r}: write HOST:PORT, e.g. 127.0.0.1:8000")
    names = (*options.allowed_host, *([authority.name] if authority else ()))
    token = _token(options.token_file)
    return Address(host.strip("[]") or "127.0.0.1", int(port), token, names, authority)


def _token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(TOKEN_VARIABLE)
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"--token-file cannot be read: {error}") from None


def _authority(options: Namespace) -> Authority | None:
    if options.oauth_issuer is None and options.oauth_resource is None:
        if options.oauth_scope:
            raise Refused("--oauth-scope needs --oauth-issuer and --oauth-resource")
        return None
    if options.oauth_issuer is None or options.oauth_resource is None:
        raise Refused(
            "--oauth-issuer and --oauth-resource go together: who signs the tokens, and the URL of "
            "this server that they must be for"
        )
    try:
        return Authority(options.oauth_issuer, options.oauth_resource, tuple(options.oauth_scope))
    except ValueError as error:
        raise Refused(str(error)) from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
