"""Hostile code against a real server: contained, ended, never verified; nothing of it is left."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from hostile.attacks import ENDED, REFUSED, REFUSED_HELPER
from mcp.types import CallToolResult
from serving import PATIENCE, Session, connected, cube, isolation_of, text_of, watched

from pytest_autograd.report.model import Report

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")
Answers = dict[str, Future[CallToolResult]]
WRITE = """
def _write(fd):
    try:
        os.set_blocking(fd, False)
        os.write(fd, b"no message" * 100)
    except OSError:
        pass
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A server that refuses to degrade: a test here can only pass with every limit in force."""
    folder = tmp_path_factory.mktemp("server")
    with connected(
        folder, "--isolation", "strict", "--memory", "1.5", "--workers", "4", "--queue", "100"
    ) as session:
        yield session


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret").write_text("secret")
    return folder


def begin(session: Session, source: str) -> Future[CallToolResult]:
    return session.begin(source, time_limit=8, level="quick")


@pytest.fixture(scope="module")
def refusals(session: Session, outside: Path) -> Answers:
    return {
        case: begin(session, f"{REFUSED_HELPER}\nOUTSIDE = {str(outside)!r}\n{code}\n{cube()}")
        for case, code in REFUSED.items()
    }


class TestRefused:
    @pytest.mark.parametrize("case", REFUSED)
    def test_what_is_refused_raises_and_the_check_goes_on(
        self, refusals: Answers, outside: Path, case: str
    ) -> None:
        result = refusals[case].result(PATIENCE)
        assert not result.is_error, text_of(result)
        assert Report.model_validate(result.structured_content).ok
        assert [path.name for path in outside.iterdir()] == ["secret"]
        assert (outside / "secret").read_text() == "secret"

    def test_nothing_of_them_is_left(self, session: Session, refusals: Answers) -> None:
        assert all(answer.result(PATIENCE) for answer in refusals.values())
        session.assert_nothing_left()


@pytest.fixture(scope="module")
def endings(session: Session) -> Answers:
    def source(place: str, code: str) -> str:
        if place == "load":
            return f"import os, sys\n{code}\n{cube()}"
        return cube(**{place: code}) + WRITE

    return {
        case: session.begin(source(place, code), time_limit=1, level="quick")
        for case, (place, code, _) in ENDED.items()
    }


class TestEnded:
    @pytest.mark.parametrize("case", ENDED)
    def test_what_is_ended_is_told_in_one_sentence(self, endings: Answers, case: str) -> None:
        result = endings[case].result(PATIENCE)
        assert result.is_error, text_of(result)
        assert re.match(ENDED[case][2], text_of(result)), text_of(result)

    def test_nothing_of_them_is_left_and_the_server_answers(
        self, session: Session, endings: Answers
    ) -> None:
        assert all(answer.result(PATIENCE) for answer in endings.values())
        session.assert_nothing_left()
        assert session.report(cube(), level="quick").ok


class TestWeakerIsolation:
    def test_without_seccomp_what_the_code_left_running_ends_with_the_call(
        self, tmp_path: Path
    ) -> None:
        daemon = (
            "import os, signal\n"
            "for _ in range(3):\n"
            "    if os.fork() == 0:\n"
            "        os.setsid()\n"
            "        if os.fork(): os._exit(0)\n"
            "        signal.pause()\n"
        )
        with connected(tmp_path, "--isolation", "off") as session:
            future = session.start(daemon + cube(forward="while True: pass"), until="in forward")
            left = session.workers()
            assert len(left) >= 5
            with watched(left) as gone:
                future.cancel()
                assert gone()
            report = session.report(daemon + cube(), level="quick")
            assert {"no network", "no new processes"} <= set(isolation_of(report).not_enforced)
            session.assert_nothing_left()

    def test_strict_refuses_to_run_what_it_cannot_hold(self, tmp_path: Path) -> None:
        with connected(tmp_path, "--isolation", "strict", "--memory", "0") as session:
            mark = tmp_path / "ran"
            result = session.check(f"open({str(mark)!r}, 'w')\n{cube()}", level="quick")
        assert result.is_error
        assert text_of(result) == "--isolation strict: this machine cannot enforce memory"
        assert not mark.exists()

    def test_without_forking_the_same_holds(self, tmp_path: Path) -> None:
        refusals = "\n".join(
            REFUSED[case] for case in ("a fork", "a TCP socket", "listing the root")
        )
        with connected(tmp_path, "--no-prefork") as session:
            right = session.begin(f"{REFUSED_HELPER}\n{refusals}\n{cube()}", level="quick")
            wrong = session.report(cube(factor=2), level="quick")
            report = Report.model_validate(right.result(PATIENCE).structured_content)
            assert (report.verdict, isolation_of(report).not_enforced) == ("verified", ())
            assert [(f.code, f.origin) for f in wrong.findings] == [("AG101", "judge")]
            session.assert_nothing_left()
