"""Run what others wrote against the server: conformance suites, inspector, TypeScript clients.

``make conformance`` installs them and runs this. Each step has an expected exit code; the suites'
own baseline, ``expected-failures.yml``, lets a scenario fail that must, and none that must not.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PACKAGES = HERE / "node_modules"
NODE = str(PACKAGES / ".bin" / "node")
SUITE = str(PACKAGES / "@modelcontextprotocol" / "conformance" / "dist" / "index.js")
STABLE = str(PACKAGES / "@modelcontextprotocol" / "conformance-stable" / "dist" / "index.js")
INSPECTOR = str(PACKAGES / ".bin" / "mcp-inspector")
CLIENT = str(HERE / "client.mts")
PATIENCE = 300
STARTING = 60.0
PRODUCT = [sys.executable, "-m", "mcp_server"]
TOKEN = secrets.token_urlsafe(24)
GOOD = """
import torch
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, grad_output):
        return 2 * ctx.saved_tensors[0] * grad_output
"""


@dataclass(frozen=True)
class Step:
    """One command, its name, and the exit code that it must have."""

    name: str
    command: list[str]
    code: int = 0


def suites(url: str, results: Path) -> Iterator[Step]:
    """Yield every scenario of both protocol versions, and those of the one extension we have."""
    server = ["server", "--url", url, "-o", str(results)]
    baseline = ["--expected-failures", str(HERE / "expected-failures.yml")]
    for name, suite, version in (
        ("suite", SUITE, "2026-07-28"),
        ("suite", SUITE, "2025-11-25"),
        ("stable suite", STABLE, "2025-11-25"),
        ("stable suite", STABLE, "2025-06-18"),
    ):
        every = ["--suite", "all", "--spec-version", version]
        yield Step(f"{name} {version}", [NODE, suite, *server, *every, *baseline])
    for part in ("enumeration", "manifest", "directory"):
        scenario = ["--scenario", f"sep-2640-skills-{part}"]
        yield Step(f"suite skills {part}", [NODE, SUITE, *server, *scenario])


def clients(name: str, target: list[str], connection: list[str]) -> Iterator[Step]:
    """Yield the inspector's and the TypeScript clients' visits over one transport."""

    def inspect(*method: str) -> list[str]:
        return [NODE, INSPECTOR, "--cli", *connection, "--method", *method]

    yield Step(f"inspector {name} tools/list strict", inspect("tools/list", "--strict"))
    for listed in ("resources/list", "resources/templates/list", "prompts/list"):
        yield Step(f"inspector {name} {listed}", inspect(listed))
    check = ["tools/call", "--tool-name", "check_function", "--tool-arg", "entry=Square"]
    good = [f"source={GOOD}", "level=quick"]
    yield Step(f"inspector {name} check_function", inspect(*check, *good))
    yield Step(f"inspector {name} a source that is none", inspect(*check, "source=def"), code=5)
    skills = ["skills/list", "--verify", "--require-digests", "--protocol-era", "modern"]
    yield Step(f"inspector {name} skills verified", inspect(*skills))
    for library in ("sdk", "client"):
        yield Step(f"TypeScript {library} {name}", [NODE, CLIENT, library, name, *target])


def passes(step: Step, folder: str) -> bool:
    """Run a step, tell how it went, and show all that it said if it went wrong."""
    began = time.monotonic()
    own = {"PYTHONPATH": str(ROOT), "AUTOGRAD_MCP_TOKEN": TOKEN, "TMPDIR": folder, "HOME": folder}
    environment = {**os.environ, **own}
    done = subprocess.run(
        step.command, env=environment, capture_output=True, text=True, timeout=PATIENCE, cwd=HERE
    )
    right = done.returncode == step.code
    print(f"{'ok  ' if right else 'FAIL'} {step.name} ({time.monotonic() - began:.1f} s)")
    totals = [line for line in done.stdout.splitlines() if line.startswith(("Total:", "Passed:"))]
    print(*(f"     {line}" for line in totals), sep="\n", end="\n" if totals else "")
    if not right:
        print(f"exit code {done.returncode}, not {step.code}", done.stdout, done.stderr, sep="\n")
    return right


@contextmanager
def serving(command: list[str], port: int, folder: str, **more: str) -> Iterator[str]:
    """Start a server on a port of this machine, wait for it, and stop it afterwards."""
    imports = os.pathsep.join([str(ROOT), str(HERE.parent)])
    environment = {**os.environ, "PYTHONPATH": imports, "TMPDIR": folder, **more}
    path = Path(folder, "log")
    with path.open("w") as log:
        process = subprocess.Popen(command, env=environment, stderr=log)
        try:
            until = time.monotonic() + STARTING
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"no server: {path.read_text()}")
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main() -> int:
    """Run everything; the exit code says whether all went as expected."""
    if not Path(NODE).exists():
        raise SystemExit("the suites are not installed: run `make conformance`")
    going: list[bool] = []
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        fixtures = [sys.executable, "-m", "conformance.fixtures", str(port)]
        with serving(fixtures, port, folder) as url:
            going += [passes(step, folder) for step in suites(url, Path(folder, "results"))]
        port = _free_port()
        product = [*PRODUCT, "--http", f"127.0.0.1:{port}"]
        with serving(product, port, folder, AUTOGRAD_MCP_TOKEN=TOKEN) as url:
            bearer = ["--header", f"Authorization: Bearer {TOKEN}"]
            visit = clients("http", [url], [url, "--transport", "http", *bearer])
            going += [passes(step, folder) for step in visit]
        visit = clients("stdio", PRODUCT, ["-e", f"TMPDIR={folder}", *PRODUCT])
        going += [passes(step, folder) for step in visit]
        if left := list(Path(folder).glob("autograd-mcp-*")):
            going.append(False)
            print("FAIL folders left:", *left)
    print(f"{going.count(True)} of {len(going)} as expected")
    return 0 if all(going) else 1


if __name__ == "__main__":
    sys.exit(main())
