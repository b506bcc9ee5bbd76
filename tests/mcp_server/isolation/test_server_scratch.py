"""Scratch folders: none is left by a server that ends, and a killed one's goes with the next start."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mcp_server.executors.launcher import Launcher
from mcp_server.executors.local import Embedded
from mcp_server.isolation import scratch
from mcp_server.isolation.scratch import Scratch
from mcp_server.request import Checked, Request

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nothing is swept there")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left_by_a_killed_server(folder: Path) -> Path:
    """Return the folder of a process that was killed while it held it."""
    code = (
        "import os, signal\n"
        "from mcp_server.isolation.scratch import Scratch\n"
        "inside = Scratch().new_folder()\n"
        "(inside / 'closed').mkdir()\n"
        "(inside / 'closed' / 'file').touch()\n"
        "(inside / 'closed').chmod(0)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], env=environment, timeout=60, check=False)
    (left,) = folder.iterdir()
    return left


def test_a_sweep_takes_what_is_abandoned_and_nothing_else(folder: Path) -> None:
    left = left_by_a_killed_server(folder)
    mine = Scratch()
    other = folder / "another"
    other.mkdir()
    link = folder / "autograd-mcp-link"
    link.symlink_to(other)
    (folder / "autograd-mcp-file").touch()
    scratch.sweep()
    kept = {"another", "autograd-mcp-link", "autograd-mcp-file", mine.path.name}
    assert {path.name for path in folder.iterdir()} == kept
    assert not left.exists()
    mine.close()
    assert not mine.path.exists()


def test_a_folder_swept_before_it_was_locked_is_made_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tempfile.mkdtemp
    swept = []

    def made_and_swept(**how: str) -> str:
        path = made(**how)
        if not swept:
            swept.append(path)
            scratch.sweep()
        return path

    monkeypatch.setattr(tempfile, "mkdtemp", made_and_swept)
    mine = Scratch()
    assert [path.name for path in folder.iterdir()] == [mine.path.name]
    assert mine.path != Path(swept[0])
    mine.close()


@pytest.mark.skipif(sys.platform != "linux", reason="forks the judge")
async def test_checks_run_without_a_server_leave_no_folder(folder: Path) -> None:
    seen: list[str] = []

    async def tell(seconds: float, message: str) -> None:
        seen.extend(path.name for path in folder.glob("autograd-mcp-*"))

    source = (
        "import torch\n"
        "class Double(torch.autograd.Function):\n"
        "    @staticmethod\n"
        "    def forward(ctx, x): return 2 * x\n"
        "    @staticmethod\n"
        "    def backward(ctx, grad_output): return 2 * grad_output\n"
        "def example_inputs(): return torch.ones(2, dtype=torch.float64, requires_grad=True),\n"
    )
    options = {"level": "quick", "time_limit": 60.0, "seed": 7}
    executor = Embedded(launcher=Launcher())
    executor.prepare()
    try:
        outcome = await executor.run(Request(source=source, entry="Double", options=options), tell)
    finally:
        executor.close()
        executor.close()
    assert isinstance(outcome, Checked)
    assert outcome.report.ok
    assert len(set(seen)) == 1
    assert list(folder.iterdir()) == []
