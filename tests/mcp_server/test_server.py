"""The real server in a real process: what it lists, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from concurrent.futures import CancelledError
from pathlib import Path

import pytest
from mcp.shared.exceptions import MCPError
from serving import (
    PATIENCE,
    Session,
    connected,
    cube,
    watched,
)

from pytest_autograd.report.model import Report

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and waits by pidfd")


class TestSurface:
    def test_each_tool_tells_what_it_is_for_when_not_to_use_it_and_gives_an_example(
        self, session: Session
    ) -> None:
        tools = session.portal.call(session.client.list_tools).tools
        assert [tool.name for tool in tools] == [
            "check_function", "explain_rule", "search_skill", "read_skill",
        ]  # fmt: skip
        for tool in tools:
            assert tool.output_schema
            assert tool.description
            assert tool.annotations
            assert tool.output_schema["type"] == tool.input_schema["type"] == "object"
            assert tool.input_schema["additionalProperties"] is False
            assert re.search(r"Use it .* [Nn]ot .*Example: \{", tool.description, re.DOTALL)
            assert tool.annotations.read_only_hint is (tool.name != "check_function")
        report = tools[0].output_schema
        assert report is not None
        assert set(report["properties"]) == set(Report.model_fields)

    def test_each_argument_has_one_type_and_the_list_of_tools_stays_short(
        self, session: Session
    ) -> None:
        listed = session.portal.call(session.client.list_tools)
        said = json.dumps(
            [tool.model_dump(by_alias=True, exclude_none=True) for tool in listed.tools]
        )
        assert len(said) < 11_000
        for tool in listed.tools:
            assert '"null"' not in json.dumps(tool.input_schema)
            assert '"type": [' not in json.dumps(tool.input_schema)

    def test_the_handshake_tells_the_loop(self, session: Session) -> None:
        instructions = session.client.instructions or ""
        words = ("read_skill", "write it", "check_function", "mend", "check again", "verified")
        places = [instructions.index(word) for word in words]
        assert places == sorted(places)

    def test_the_server_never_loads_torch(self, session: Session) -> None:
        session.check(cube(), level="quick")
        maps = Path(f"/proc/{session.pid}/maps").read_text()
        assert "pydantic_core" in maps
        assert "libtorch" not in maps


class TestEnding:
    def test_cancelling_a_call_kills_its_worker(self, session: Session) -> None:
        future = session.start(cube(backward="while True: pass"), until="in backward")
        with watched(session.workers()) as gone:
            future.cancel()
            assert gone()
        with pytest.raises(CancelledError):
            future.result()
        assert session.report(cube(), level="quick").ok
        session.assert_nothing_left()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
    def test_a_server_that_ends_leaves_no_worker(self, number: int, tmp_path: Path) -> None:
        with connected(tmp_path) as session:
            future = session.start(cube(forward="while True: pass"), until="in forward")
            workers = session.workers()
            assert len(workers) == 2  # the judge and its worker
            with watched([session.pid, *workers]) as gone:
                os.kill(session.pid, number)
                assert gone()
            with pytest.raises(MCPError):
                future.result(PATIENCE)
        left = session.folders()
        assert bool(left) == (number == signal.SIGKILL)
        with connected(tmp_path) as swept:
            assert not set(swept.folders()) & set(left)
        assert swept.folders() == []
