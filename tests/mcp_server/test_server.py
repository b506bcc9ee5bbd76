"""The real server in a real process, driven by the SDK's client over stdio."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path

import pytest
from hostile.serving import (
    INPUTS,
    PATIENCE,
    Session,
    connected,
    cube,
    isolation_of,
    text_of,
    watched,
)
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CallToolResult,
    PromptReference,
    ResourceTemplateReference,
    TextContent,
    TextResourceContents,
)

from pytest_autograd.registry import all_rules
from pytest_autograd.report.model import Report
from pytest_autograd.skill.sections import sections

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and waits by pidfd")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with connected(tmp_path_factory.mktemp("server")) as session:
        yield session


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


class TestReading:
    def test_a_rule_is_explained_whatever_the_case(self, session: Session) -> None:
        result = session.call("explain_rule", code="ag101")
        rule = all_rules()["AG101"]
        card = result.structured_content
        assert {
            name: card[name]
            for name in ("code", "name", "severity", "title", "why", "fix", "skill")
        } == {
            name: getattr(rule, name)
            for name in ("code", "name", "severity", "title", "why", "fix", "skill")
        }
        assert card["bad"].startswith("class Bad(")
        assert card["good"].startswith("class Good(")
        assert card["bad"].strip() in text_of(result)
        assert card["good"].strip() in text_of(result)

    def test_a_section_that_a_search_found_can_be_read(self, session: Session) -> None:
        hits = session.call("search_skill", query="save for backward", limit=50)
        assert 1 < len(hits.structured_content["results"]) <= 20
        first = next(hit for hit in hits.structured_content["results"] if hit["kind"] == "section")
        result = session.call("read_skill", id=first["id"])
        known = sections()[first["id"]]
        assert result.structured_content["text"] == known.text
        assert text_of(result).startswith(known.text.strip())

    @pytest.mark.parametrize(
        ("tool", "arguments", "sentence"),
        [
            ("explain_rule", {"code": "AG11"}, "no rule 'AG11'; nearest: AG11"),
            (
                "read_skill",
                {"id": "ctx/saving-tensor"},
                "no section 'ctx/saving-tensor' in the skill; nearest: ctx/saving-tensors",
            ),
            ("search_skill", {"quary": "x"}, "unknown argument 'quary' (did you mean 'query'?)"),
        ],
    )  # fmt: skip
    def test_what_is_unknown_is_answered_with_the_nearest(
        self, session: Session, tool: str, arguments: dict[str, str], sentence: str
    ) -> None:
        result = session.call(tool, **arguments)
        assert result.is_error
        assert text_of(result).startswith(sentence)

    def test_resources_hold_the_same_texts(self, session: Session) -> None:
        def read(uri: str) -> str:
            (content,) = session.portal.call(session.client.read_resource, uri).contents
            assert isinstance(content, TextResourceContents)
            assert content.mime_type == "text/markdown"
            return content.text

        assert read("rule://AG301") == text_of(session.call("explain_rule", code="AG301"))
        section = text_of(session.call("read_skill", id="ctx/saving-tensors"))
        assert read("skill://sections/ctx/saving-tensors") == section
        with pytest.raises(MCPError, match=r"no rule 'AG11'; nearest"):
            read("rule://AG11")

    def test_what_can_be_read_is_listed(self, session: Session) -> None:
        listed = session.portal.call(session.client.list_resources).resources
        skill = "skill://custom-autograd-functions/SKILL.md"
        assert {resource.uri for resource in listed} == {"skill://index", "rule://index", skill}
        for uri, known in (("skill://index", sections()), ("rule://index", all_rules())):
            (content,) = session.portal.call(session.client.read_resource, uri).contents
            assert isinstance(content, TextResourceContents)
            assert re.findall(r"^- `(.+?)`: .", content.text, re.MULTILINE) == list(known)

    def test_prompts_carry_their_argument_and_the_loop(self, session: Session) -> None:
        arguments = {
            "implement_function": "task",
            "review_function": "source",
            "explain_report": "report",
        }
        listed = session.portal.call(session.client.list_prompts).prompts
        assert {prompt.name for prompt in listed} == set(arguments)
        for name, argument in arguments.items():
            prompt = session.portal.call(session.client.get_prompt, name, {argument: "a {cube}"})
            (message,) = prompt.messages
            assert isinstance(message.content, TextContent)
            assert "a {cube}" in message.content.text
            assert "check_function" in message.content.text

    def test_codes_and_ids_are_completed(self, session: Session) -> None:
        def complete(uri: str, name: str, value: str) -> list[str]:
            reference = ResourceTemplateReference(type="ref/resource", uri=uri)
            argument = {"name": name, "value": value}
            return session.portal.call(
                session.client.complete, reference, argument
            ).completion.values

        expected = [code for code in all_rules() if code.startswith("AG30")]
        assert complete("rule://{code}", "code", "ag30") == expected
        assert "ctx/saving-once" in complete("skill://sections/{+id}", "id", "once")
        prompt = PromptReference(type="ref/prompt", name="review_function")
        nothing = session.portal.call(
            session.client.complete, prompt, {"name": "source", "value": "x"}
        )
        assert nothing.completion.values == []


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
        assert len(said) < 10_000
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
