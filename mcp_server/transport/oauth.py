"""OAuth resource server: each bearer's token is a JWT that the team's authorization server signed.

Keys are found by the issuer's metadata (RFC 8414, or OpenID Connect), fetched anew as they rotate.
Tokens that only the issuer can read (opaque ones) are not supported.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
from anyio import to_thread
from mcp.client.auth.utils import build_oauth_authorization_server_metadata_discovery_urls
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# Signatures by a secret are left out: the keys of an issuer are public.
_ALGORITHMS = (
    *("ES256", "ES384", "ES512", "EdDSA"),
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
)
_REQUIRED = ("exp", "iss", "aud", "sub")
_LEEWAY = 30.0
_ISSUER_ANSWERS_WITHIN = 10.0


class NoIssuer(Exception):
    """The authorization server cannot be reached, or is not what it should be; the text says why."""


@dataclass(frozen=True)
class Authority:
    """Who issues tokens, for which server, and what they must permit."""

    issuer: str
    resource: str
    scopes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse addresses that could be read or answered by others on the way."""
        for option, url in (("--oauth-issuer", self.issuer), ("--oauth-resource", self.resource)):
            parts = urlsplit(url)
            local = parts.hostname in ("127.0.0.1", "localhost", "::1")
            if parts.scheme != "https" and not (parts.scheme == "http" and local):
                raise ValueError(f"{option} {url!r}: give an https:// address")

    @property
    def name(self) -> str:
        """The host under which clients reach the server."""
        return urlsplit(self.resource).netloc

    def settings(self) -> AuthSettings:
        """Return what the SDK announces to clients and requires of tokens."""
        return AuthSettings.model_validate(  # as text: a URL object gains a slash at its end
            {
                "issuer_url": self.issuer,
                "resource_server_url": self.resource,
                "required_scopes": list(self.scopes),
                "validate_token_resource": True,
            }
        )


class TokenVerifier:
    """Reads tokens by the keys that the issuer publishes."""

    def __init__(self, authority: Authority) -> None:
        """Find the keys, so that a wrong issuer is told at once."""
        self._authority = authority
        self._keys = jwt.PyJWKClient(
            _address_of_keys(authority.issuer), timeout=_ISSUER_ANSWERS_WITHIN
        )

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return who bears a token, nothing for one that is not for this server."""
        try:
            claims = await to_thread.run_sync(self._claims, token)
        except jwt.PyJWKClientConnectionError as error:
            raise NoIssuer(f"the keys of {self._authority.issuer} cannot be read") from error
        except jwt.PyJWTError:
            return None
        return AccessToken(
            token=token,
            client_id=str(claims.get("client_id") or claims.get("azp") or claims["sub"]),
            scopes=_scopes(claims),
            expires_at=int(claims["exp"]),
            resource=self._authority.resource,
            subject=claims["sub"],
            claims=claims,
        )

    def _claims(self, token: str) -> dict[str, Any]:
        return jwt.decode(
            token,
            self._keys.get_signing_key_from_jwt(token),
            algorithms=_ALGORITHMS,
            audience=self._authority.resource,
            issuer=self._authority.issuer,
            leeway=_LEEWAY,
            options={"require": list(_REQUIRED)},
        )


class TellUnavailable:
    """Answers 503 where a token cannot be verified for now: 401 would send the client to log in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it where its token is not good."""
        try:
            await self._app(scope, receive, send)
        except NoIssuer as error:
            answer = JSONResponse({"error": str(error)}, 503, {"Retry-After": "5"})
            await answer(scope, receive, send)


def _scopes(claims: dict[str, Any]) -> list[str]:
    """Return what a token permits: ``scope`` is RFC 9068's, ``scp`` what some issuers write."""
    given: str | Sequence[str] = claims.get("scope") or claims.get("scp") or ()
    return given.split() if isinstance(given, str) else [str(each) for each in given]


def _address_of_keys(issuer: str) -> str:
    found = "no metadata"
    for url in build_oauth_authorization_server_metadata_discovery_urls(issuer, issuer):
        try:
            with urllib.request.urlopen(url, timeout=_ISSUER_ANSWERS_WITHIN) as answer:
                metadata = json.load(answer)
        except (OSError, ValueError) as error:
            found = f"{url}: {error}"
            continue
        if metadata.get("issuer") != issuer:
            raise NoIssuer(
                f"{url} is the metadata of {metadata.get('issuer')!r}, not of {issuer!r}"
            )
        if "jwks_uri" not in metadata:
            raise NoIssuer(f"{url} names no jwks_uri, so tokens cannot be verified here")
        return metadata["jwks_uri"]
    raise NoIssuer(f"--oauth-issuer {issuer}: its metadata cannot be read ({found})")
