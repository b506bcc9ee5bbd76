"""A forked worker finds everything imported: importing for each call would take most of its time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from serving import connected, cube

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks the workers")
LOADED = ("pytest_autograd.checking", "mcp_server.worker.answers", "sympy", "torch.testing")


def test_what_a_check_needs_is_there_before_the_source_loads(tmp_path: Path) -> None:
    missing = f"[name for name in {LOADED!r} if name not in sys.modules]"
    source = f"import sys\nassert not {missing}, {missing}\n{cube()}"
    with connected(tmp_path) as session:
        assert session.report(source, level="quick").verdict == "verified"
