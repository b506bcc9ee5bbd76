"""The server as an OAuth resource server: whose tokens it takes, and what it tells the others."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from test_server_http import Running, client_of, free_port, serving

from mcp_server.transport.oauth import Authority, NoIssuer, TokenVerifier

KEY, STRANGERS_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
SCOPE = "gradients:check"


@dataclass
class Issuer:
    """An authorization server that publishes its metadata and keys, and signs what it is told."""

    url: str
    pages: dict[str, Any] = field(default_factory=dict)

    def token(
        self, key: Any = KEY, algorithm: str = "ES256", kid: str = "one", **other: Any
    ) -> str:
        claims = {
            "iss": self.url,
            "aud": RESOURCE,
            "sub": "ada",
            "client_id": "an agent",
            "scope": f"openid {SCOPE}",
            "exp": int(time.time()) + 600,
        } | other
        given = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(given, key, algorithm=algorithm, headers={"kid": kid})


RESOURCE = "http://127.0.0.1/mcp"


@contextmanager
def issuing(path: str = "") -> Iterator[Issuer]:
    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(issuer.pages.get(self.path)).encode()
            self.send_response(200 if self.path in issuer.pages else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *given: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        issuer = Issuer(f"http://127.0.0.1:{server.server_port}{path}")
        public = json.loads(ECAlgorithm.to_jwk(KEY.public_key()))
        issuer.pages["/keys"] = {"keys": [public | {"kid": "one", "use": "sig", "alg": "ES256"}]}
        keys = f"http://127.0.0.1:{server.server_port}/keys"
        metadata = {"issuer": issuer.url, "jwks_uri": keys}
        issuer.pages[f"/.well-known/oauth-authorization-server{path}"] = metadata
        yield issuer
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def running(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    options = ("--oauth-issuer", issuer.url, "--oauth-resource", RESOURCE, "--oauth-scope", SCOPE)
    with serving(tmp_path_factory.mktemp("oauth"), *options, token=None) as running:
        yield running


def pem_of_public_key() -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return KEY.public_key().public_bytes(serialization.Encoding.PEM, form)


def hmac_signed_with_the_public_key(issuer: Issuer) -> str:
    """Return the classic forgery: the key that everybody can read, used as a secret."""
    import base64
    import hashlib
    import hmac

    def part(content: bytes) -> bytes:
        return base64.urlsafe_b64encode(content).rstrip(b"=")

    header, claims, _ = issuer.token().split(".")
    header = part(json.dumps({"alg": "HS256", "kid": "one"}).encode()).decode()
    signed = f"{header}.{claims}".encode()
    signature = part(hmac.digest(pem_of_public_key(), signed, hashlib.sha256))
    return (signed + b"." + signature).decode()


REFUSED = {
    "another key": lambda issuer: issuer.token(key=STRANGERS_KEY),
    "an unknown key": lambda issuer: issuer.token(key=STRANGERS_KEY, kid="two"),
    "no signature": lambda issuer: issuer.token(key=None, algorithm="none"),
    "the public key as a secret": hmac_signed_with_the_public_key,
    "a token of another issuer": lambda issuer: issuer.token(iss="https://another.example"),
    "a token for another server": lambda issuer: issuer.token(aud="https://another.example/mcp"),
    "a token for nobody in particular": lambda issuer: issuer.token(aud=None),
    "an expired token": lambda issuer: issuer.token(exp=int(time.time()) - 60),
    "a token that never expires": lambda issuer: issuer.token(exp=None),
    "a token of nobody": lambda issuer: issuer.token(sub=None),
    "a token not yet valid": lambda issuer: issuer.token(nbf=int(time.time()) + 600),
    "no token at all": lambda issuer: "opaque",
}


class TestTokens:
    def test_a_bearer_of_the_issuers_token_is_served(
        self, issuer: Issuer, running: Running
    ) -> None:
        for token in (
            issuer.token(),
            issuer.token(aud=[RESOURCE, "https://another.example"]),
            issuer.token(scope=None, scp=[SCOPE]),
        ):
            with client_of(running, token) as (portal, client):
                assert len(portal.call(client.list_tools).tools) == 4

    @pytest.mark.parametrize("case", REFUSED)
    def test_every_other_token_is_refused(
        self, issuer: Issuer, running: Running, case: str
    ) -> None:
        token = REFUSED[case](issuer)
        status, body = running.post(b"{}", Authorization=f"Bearer {token}")
        assert (status, json.loads(body)["error"]) == (401, "invalid_token")

    @pytest.mark.parametrize("scope", ["openid", "", None])
    def test_a_token_that_does_not_permit_it_is_told_so(
        self, issuer: Issuer, running: Running, scope: str | None
    ) -> None:
        status, body = running.post(b"{}", Authorization=f"Bearer {issuer.token(scope=scope)}")
        assert (status, json.loads(body)["error"]) == (403, "insufficient_scope")

    def test_a_client_without_one_learns_where_to_get_it(
        self, issuer: Issuer, running: Running
    ) -> None:
        page = "/.well-known/oauth-protected-resource/mcp"
        challenge = running.challenge()
        assert f'resource_metadata="http://127.0.0.1{page}"' in challenge
        status, body = running.get(page)
        told = json.loads(body)
        assert status == 200
        assert told["resource"] == RESOURCE
        assert told["authorization_servers"] == [issuer.url]
        assert told["scopes_supported"] == [SCOPE]
        assert running.get("/health")[0] == 200


class TestIssuer:
    def test_an_issuer_with_a_path_and_one_of_openid_are_found(self) -> None:
        with issuing("/team") as issuer:
            TokenVerifier(Authority(issuer.url, RESOURCE))
            issuer.pages["/team/.well-known/openid-configuration"] = issuer.pages.pop(
                "/.well-known/oauth-authorization-server/team"
            )
            TokenVerifier(Authority(issuer.url, RESOURCE))

    def test_one_that_is_not_what_it_says_stops_the_start(self, tmp_path: Path) -> None:
        with issuing() as issuer:
            page = issuer.pages["/.well-known/oauth-authorization-server"]
            options = ("--oauth-issuer", issuer.url, "--oauth-resource", RESOURCE)
            page["issuer"] = "https://another.example"
            with (
                pytest.raises(
                    AssertionError, match=r"is the metadata of 'https://another\.example'"
                ),
                serving(tmp_path, *options, token=None),
            ):
                pass
            page["issuer"] = issuer.url
            del page["jwks_uri"]
            with pytest.raises(NoIssuer, match="names no jwks_uri"):
                TokenVerifier(Authority(issuer.url, RESOURCE))
            issuer.pages.clear()
            with pytest.raises(NoIssuer, match="its metadata cannot be read"):
                TokenVerifier(Authority(issuer.url, RESOURCE))
        assert list(tmp_path.glob("autograd-mcp-*")) == []

    def test_keys_that_cannot_be_read_are_no_reason_to_log_in_again(self, tmp_path: Path) -> None:
        with issuing() as issuer:
            closed = f"http://127.0.0.1:{free_port()}/keys"
            issuer.pages["/.well-known/oauth-authorization-server"]["jwks_uri"] = closed
            options = ("--oauth-issuer", issuer.url, "--oauth-resource", RESOURCE)
            with serving(tmp_path, *options, token=None) as running:
                status, body = running.post(b"{}", Authorization=f"Bearer {issuer.token()}")
        assert status == 503
        assert json.loads(body)["error"] == f"the keys of {issuer.url} cannot be read"

    @pytest.mark.parametrize(
        ("issuer", "resource", "sentence"),
        [
            ("http://login.example", "https://checks.example/mcp", "--oauth-issuer 'http://login"),
            ("https://login.example", "http://checks.example/mcp", "--oauth-resource 'http://chec"),
            ("login.example", "https://checks.example/mcp", "--oauth-issuer 'login.example'"),
        ],
    )
    def test_what_others_could_read_on_the_way_is_refused(
        self, issuer: str, resource: str, sentence: str
    ) -> None:
        with pytest.raises(ValueError, match=sentence):
            Authority(issuer, resource)
