"""What travels in the wheel, and that it works away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from loading import ROOT


def test_the_wheel_works_away_from_the_checkout(tmp_path: Path) -> None:
    """The wheel holds both packages and the skill, and none of the tests."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path)]
    done = subprocess.run([*build, str(ROOT)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(site)
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "examples/"))]
    test = tmp_path / "test_marked.py"
    test.write_text(MARKED)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    for command in (
        ["-c", LOOK, str(site)],
        ["-m", "mcp_server", "--help"],
        ["-m", "pytest_autograd.cli.main", "skill", "install", "--path", str(tmp_path / "skills")],
        [
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:asyncio",
            "-p",
            "no:cacheprovider",
            "-W",
            "error",
            str(test),
        ],
    ):
        subprocess.run(
            [sys.executable, *command], check=True, timeout=90, cwd=tmp_path, env=environment
        )


LOOK = """
import sys, pytest_autograd, mcp_server
from pytest_autograd.skill import sections
from pytest_autograd.skill.search import search
for place in (pytest_autograd.__file__, mcp_server.__file__, str(sections.skill_folder())):
    assert place.startswith(sys.argv[1]), place
assert search("save_for_backward")
assert "class Bad" in sections.rule_example("AG301")[0]
"""
MARKED = """
import torch
from pytest_autograd import autograd_checked

class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output

@autograd_checked(level="quick")
def test_square():
    Square.apply(torch.ones(3, dtype=torch.float64))
"""
