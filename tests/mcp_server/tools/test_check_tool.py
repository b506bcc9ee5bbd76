"""The tool ``check_function`` of a real server: verdicts, refusals, and how submitted code ends."""

from __future__ import annotations

import hashlib
import re
import sys
from concurrent.futures import Future

import pytest
from mcp.types import (
    CallToolResult,
)
from serving import (
    INPUTS,
    PATIENCE,
    Session,
    cube,
    isolation_of,
    text_of,
)

from pytest_autograd.report.model import Report

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and waits by pidfd")


class TestVerdicts:
    def test_a_right_function_is_verified(self, session: Session) -> None:
        result = session.check(cube(), seed=5)
        report = Report.model_validate(result.structured_content)
        assert (report.verdict, report.codes, report.seed) == ("verified", set(), 5)
        assert report.source_sha256 == hashlib.sha256(cube().encode()).hexdigest()
        assert report.inputs.startswith("example_inputs() of the source: ")
        assert text_of(result).startswith("VERIFIED Cube: ")

    def test_a_wrong_function_fails_with_code_line_and_fix(self, session: Session) -> None:
        source = cube(factor=2)
        result = session.check(source)
        report = Report.model_validate(result.structured_content)
        wrong = next(finding for finding in report.findings if finding.code == "AG101")
        assert (report.verdict, wrong.file) == ("failed", "submitted.py")
        assert wrong.line is not None
        assert "return 2 * x ** 2" in source.splitlines()[wrong.line - 1]
        text = text_of(result)
        assert text.startswith("FAILED Cube: ")
        assert f"AG101 wrong-gradient (error) line {wrong.line}: " in text
        assert f"read: {wrong.skill}" in text
        assert len(text.encode()) < 2048

    def test_a_detailed_text_is_the_whole_report(self, session: Session) -> None:
        text = text_of(session.check(cube(factor=2), response_format="detailed", level="quick"))
        assert "error[AG101] wrong-gradient: " in text
        assert "--> submitted.py:14 in Cube" in text
        assert "return 2 * x ** 2 * grad_output" in text
        assert re.search(
            r"checks: \d+ passed, \d+ failed, \d+ skipped \(level quick, seed \d+, ", text
        )

    def test_described_inputs_options_and_contracts_reach_the_check(self, session: Session) -> None:
        report = session.report(
            cube(factor=2),
            entry="Cube.apply",
            inputs=[{"kind": "tensor", "shape": [5], "low": 1, "high": 2}],
            level="quick",
            surrogate="double",
            select="ag1, AG3",
        )
        assert report.inputs.startswith("described by the caller: ")
        assert "[5]" in report.inputs
        assert {check.code[:3] for check in report.checks if check.code} == {"AG1", "AG3"}
        assert "AG101" in report.codes

    def test_null_means_left_out(self, session: Session) -> None:
        optional = ("inputs", "select", "ignore", "forward_ad", "vmap", "reference", "surrogate")
        nothing = dict.fromkeys((*optional, "grad_transform", "gradcheck_options", "seed"))
        assert session.report(cube(), level="quick", **nothing).ok

    def test_inputs_are_proposed_where_the_source_has_none(self, session: Session) -> None:
        source = cube().replace("example_inputs", "unused")
        report = session.report(source, level="quick")
        assert report.ok
        assert report.inputs.startswith("proposed from the signature")

    def test_the_report_says_truly_what_was_enforced(self, session: Session) -> None:
        limits = "__import__('resource')"
        seen = (
            f"assert {limits}.getrlimit({limits}.RLIMIT_AS) == (4 << 30, 4 << 30); "
            f"assert {limits}.getrlimit({limits}.RLIMIT_CORE) == (0, 0); "
            f"assert {limits}.getrlimit({limits}.RLIMIT_FSIZE) == (64 << 20, 64 << 20); "
            "assert os.getpgid(0) == os.getsid(0) == os.getpid(); assert sys.stdin.read() == ''; "
            "assert os.getcwd() == os.environ['HOME'] == os.environ['TMPDIR']; "
            "assert 'MARK' not in os.environ; open('file', 'w').write('x'); " + INPUTS
        )
        report = session.report(cube(inputs=seen), level="quick")
        assert set(isolation_of(report).enforced) == {
            "verdict by another process",
            "wall clock 65 s",
            "processor time 75 s",
            "memory 4 GB",
            "files of 64 MB at most",
            "scratch folder of 256 MB",
            "256 open files",
            "output 1 MB",
            "no core dump",
            "minimal environment",
            "no standard input",
            "no new privileges",
            "no reading outside Python, its libraries and the system's",
            "no writing outside the scratch folder",
            "no network",
            "no new processes",
            "no signals to other processes",
            "no change of file modes",
            "ends with the server",
        }
        assert isolation_of(report).not_enforced == ()
        assert session.scratch() == []


PIPES = """
def _write(fd):
    try:
        os.write(fd, b'no message')
    except OSError:
        pass
"""
ENDS = {
    "crash in forward": (
        cube(forward="ctypes.string_at(0)"),
        r"killed by SIGSEGV in forward \(line 6\): ",
    ),
    "exit in backward": (
        cube(backward="os._exit(3)"),
        r"the submitted code ended its process \(exit code 3\) in backward: ",
    ),
    "endless loop": (
        cube(backward="while True: pass"),
        r"timed out in backward \(line 13\) after 1 s: ",
    ),
    "flood": (
        cube(forward="while True: os.write(1, b'x' * 10000)"),
        r"stopped in forward after printing more than 1 MB: ",
    ),
    "writing to the pipe of events": (
        cube(backward="[_write(fd) for fd in range(3, 256)]") + PIPES,
        r"the submitted code wrote to the checker's own pipe in backward: ",
    ),
    "memory while loading": (
        "hoard = bytearray(8 << 30)",
        r"the source raised MemoryError at line 1$",
    ),
    "no syntax": (
        "import torch\nclass Cube(",
        r"the source does not parse: line 2, column 11: '\(' was never closed$",
    ),
    "no such entry": (
        cube().replace("class Cube", "class Cubes"),
        r"entry 'Cube' is not in the source \(did you mean 'Cubes'\?\); it defines: Cubes, ",
    ),
    "not a Function": (
        "Cube = 3",
        r"entry 'Cube' is a int, not a Function, callable or Module; ",
    ),
    "integers only": (
        cube(inputs="return torch.arange(3)"),
        r"nothing to differentiate: the inputs hold only int64 tensors; ",
    ),
    "no tensor": (
        cube(inputs="return (2,)"),
        r"nothing to differentiate: the inputs hold no tensor; ",
    ),
}


@pytest.fixture(scope="module")
def endings(session: Session) -> dict[str, Future[CallToolResult]]:
    """Start all of them at once: the server takes as many at a time as it has workers."""
    return {
        case: session.begin(source, time_limit=1, level="quick")
        for case, (source, _) in ENDS.items()
    }


@pytest.mark.parametrize("case", ENDS)
def test_what_gives_no_report_is_a_tool_error_of_one_sentence(
    endings: dict[str, Future[CallToolResult]], case: str
) -> None:
    result = endings[case].result(PATIENCE)
    assert result.is_error
    assert re.match(ENDS[case][1], text_of(result)), text_of(result)
    assert "\n" not in text_of(result)


def test_nothing_of_them_is_left(
    session: Session, endings: dict[str, Future[CallToolResult]]
) -> None:
    for ending in endings.values():
        ending.result(PATIENCE)
    session.assert_nothing_left()


def test_a_forward_that_eats_memory_is_stopped_by_the_limit(session: Session) -> None:
    report = session.report(cube(forward="hoard = torch.empty(8 << 30)"), level="quick")
    assert "AG001" in report.codes
    assert "can't allocate memory" in str(report)


WRONG_ARGUMENTS = {
    "a misspelt name": ({"input": None}, "unknown argument 'input' (did you mean 'inputs'?); "),
    "no such level": ({"level": "quik"}, "argument level: input should be 'quick' or 'full'"),
    "inputs of the wrong type": (
        {"inputs": 3},
        "argument inputs: input should be a valid string or input should be a valid list",
    ),
    "a bad dtype": (
        {"inputs": [{"kind": "tensor", "shape": [2], "dtype": "float"}]},
        "argument inputs.0.dtype: input should be 'float64', 'float32', ",
    ),
    "an unknown kind": (
        {"inputs": [{"kind": "tensr"}]},
        "argument inputs.0: input tag 'tensr' found using 'kind' does not match ",
    ),
}


@pytest.mark.parametrize("case", WRONG_ARGUMENTS)
def test_wrong_arguments_are_refused_before_anything_runs(session: Session, case: str) -> None:
    arguments, sentence = WRONG_ARGUMENTS[case]
    result = session.check("raise SystemExit", **arguments)
    assert result.is_error
    assert text_of(result).startswith(sentence)
    assert "pydantic" not in text_of(result)
