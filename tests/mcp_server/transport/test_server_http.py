"""The server over HTTP: who is let in, what is refused, how it stops with calls running."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.types import CallToolResult
from serving import PATIENCE, cube, descendants, text_of, watched

from mcp_server.command_line import command_line
from mcp_server.transport.address import Address, Refused, read_address
from pytest_autograd.report.model import Report

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and waits by pidfd")
TOKEN = "a token that the team shares"


@dataclass
class Running:
    """A server process and where it listens."""

    process: subprocess.Popen[str]
    url: str

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        return self._answer(urllib.request.Request(self.url + path, headers=headers))

    def post(self, body: bytes, **headers: str) -> tuple[int, str]:
        given = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self._answer(urllib.request.Request(f"{self.url}/mcp", body, given))

    def announce(self, length: int, **headers: str) -> int:
        """Announce a body of ``length`` bytes, send none of it, and return the status."""
        address = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(address.netloc, timeout=PATIENCE)
        connection.putrequest("POST", "/mcp")
        for name, value in {"Content-Length": str(length), **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        try:
            return connection.getresponse().status
        finally:
            connection.close()

    def challenge(self) -> str:
        """Return what a client without a token is told in the header."""
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(f"{self.url}/mcp", b"{}"))
        with refused.value as answer:
            return answer.headers["WWW-Authenticate"]

    def _answer(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(folder: Path, *options: str, token: str | None = TOKEN) -> Iterator[Running]:
    port = free_port()
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "TMPDIR": str(folder),
    }
    if token is not None:
        environment["AUTOGRAD_MCP_TOKEN"] = token
    process = subprocess.Popen(
        [sys.executable, "-m", "mcp_server", "--http", f"127.0.0.1:{port}", *options],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_for(port, process)
        yield Running(process, f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.communicate()


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    """Return once the port is open; each try takes no time, so it is tried until then."""
    while process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
    assert process.stderr is not None
    raise AssertionError(process.stderr.read())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("http")
    with serving(folder, "--workers", "1", "--queue", "1") as running:
        yield running


@contextmanager
def client_of(running: Running, token: str = TOKEN) -> Iterator[tuple[BlockingPortal, Client]]:
    headers = {"Authorization": f"Bearer {token}"}
    with start_blocking_portal() as portal:
        http = portal.start_task_soon(_http_client, headers).result()
        transport = streamable_http_client(f"{running.url}/mcp", http_client=http)
        with portal.wrap_async_context_manager(Client(transport)) as client:
            yield portal, client
        portal.call(http.aclose)


async def _http_client(headers: dict[str, str]) -> Any:
    return create_mcp_http_client(headers=headers)


def begin(portal: BlockingPortal, client: Client, source: str) -> Future[CallToolResult]:
    """Start a check and return once its progress says that forward runs."""
    reached = threading.Event()

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        if "in forward" in (message or ""):
            reached.set()

    async def call() -> CallToolResult:
        arguments = {"source": source, "entry": "Cube", "level": "quick"}
        return await client.call_tool("check_function", arguments, progress_callback=listen)

    future = portal.start_task_soon(call)
    assert reached.wait(PATIENCE)
    return future


class TestAdmission:
    def test_who_bears_the_token_is_answered(self, running: Running) -> None:
        with client_of(running) as (portal, client):
            arguments = {"source": cube(), "entry": "Cube", "level": "quick"}
            result = portal.call(client.call_tool, "check_function", arguments)
        assert Report.model_validate(result.structured_content).ok

    @pytest.mark.parametrize("header", [None, "Bearer something else", "Basic abc"])
    def test_who_does_not_is_refused(self, running: Running, header: str | None) -> None:
        headers = {"Authorization": header} if header else {}
        assert running.post(b"{}", **headers)[0] == 401

    def test_other_hosts_origins_and_long_bodies_are_refused(self, running: Running) -> None:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert running.post(b"{}", **bearer, Host="evil.example")[0] == 421
        assert running.post(b"{}", **bearer, Origin="http://evil.example")[0] == 403
        assert running.announce(3 << 20, **bearer) == 413

    def test_health_tells_what_is_going_on_without_a_token(self, running: Running) -> None:
        status, body = running.get("/health")
        assert status == 200
        assert set(json.loads(body)) == {"status", "running", "waiting", "answered"}
        assert json.loads(body)["status"] == "ok"


def test_too_many_checks_are_told_that_the_server_is_busy(running: Running) -> None:
    with client_of(running) as (portal, client):
        looping = begin(portal, client, cube(forward="while True: pass"))
        arguments = {"source": cube(), "entry": "Cube", "level": "quick"}
        waiting = threading.Event()

        async def listen(progress: float, total: float | None, message: str | None) -> None:
            assert (message or "").startswith("waiting for a free worker")
            waiting.set()

        async def wait() -> CallToolResult:
            return await client.call_tool("check_function", arguments, progress_callback=listen)

        second = portal.start_task_soon(wait)
        assert waiting.wait(PATIENCE)
        assert json.loads(running.get("/health")[1])["waiting"] == 1
        third = portal.call(client.call_tool, "check_function", arguments)
        assert third.is_error
        assert text_of(third).startswith("busy: 1 checks are running and 1 are waiting; ask again")
        second.cancel()
        looping.cancel()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_server_that_stops_with_a_call_running_leaves_nothing(
    number: int, tmp_path: Path
) -> None:
    with serving(tmp_path, "--grace", "1") as running, ExitStack() as stack:
        portal, client = stack.enter_context(client_of(running))
        begin(portal, client, cube(forward="while True: pass"))
        everything = [running.process.pid, *descendants(running.process.pid)]
        assert len(everything) == 4  # server, zygote, judge, worker
        with watched(everything) as gone:
            running.process.send_signal(number)
            assert gone()
        with suppress(Exception):  # the client's complaint that its server is gone
            stack.close()
        left = list(tmp_path.glob("autograd-mcp-*"))
        assert bool(left) == (number == signal.SIGKILL)


ISSUER = ("--oauth-issuer", "https://login.example")
RESOURCE = ("--oauth-resource", "https://checks.example/mcp")


def address(*arguments: str) -> Address | None:
    return read_address(command_line().parse_args(arguments))


class TestAddresses:
    @pytest.mark.parametrize(
        ("arguments", "token", "sentence"),
        [
            (("--http", "8000"), None, "write HOST:PORT"),
            (("--http", "0.0.0.0:8000"), None, "needs a token"),
            (("--http", "0.0.0.0:8000"), TOKEN, "--allowed-host"),
            (
                ("--http", "example.org:8000", "--allowed-host", "example.org"),
                None,
                "needs a token",
            ),
            (("--http", "127.0.0.1:8000"), "short", "too short"),
            (("--http", "127.0.0.1:8000", *ISSUER, *RESOURCE), TOKEN, "exclude each other"),
            (("--http", "0.0.0.0:8000", *ISSUER), None, "--oauth-resource go together"),
            (("--http", "0.0.0.0:8000", *RESOURCE), None, "--oauth-resource go together"),
            (("--oauth-scope", "check"), None, "--oauth-scope needs --oauth-issuer"),
            ((*ISSUER, *RESOURCE), None, "need --http"),
            (("--allowed-host", "example.org"), TOKEN, "need --http"),
        ],
    )
    def test_what_would_let_strangers_in_or_do_nothing_is_refused(
        self,
        monkeypatch: pytest.MonkeyPatch,
        arguments: tuple[str, ...],
        token: str | None,
        sentence: str,
    ) -> None:
        monkeypatch.delenv("AUTOGRAD_MCP_TOKEN", raising=False)
        if token is not None:
            monkeypatch.setenv("AUTOGRAD_MCP_TOKEN", token)
        with pytest.raises(Refused, match=sentence):
            address(*arguments)

    def test_a_token_comes_from_a_file_first(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("AUTOGRAD_MCP_TOKEN", "from the environment")
        (tmp_path / "token").write_text(f"{TOKEN}\n")
        found = address("--http", "[::1]:80", "--token-file", str(tmp_path / "token"))
        assert found == Address("::1", 80, TOKEN)

    def test_the_host_that_tokens_are_for_is_one_under_which_it_is_reached(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AUTOGRAD_MCP_TOKEN", raising=False)
        found = address("--http", "0.0.0.0:80", *ISSUER, *RESOURCE)
        assert found is not None
        assert found.names == ("checks.example",)
        assert "https://checks.example" in (found.security().allowed_origins or [])
