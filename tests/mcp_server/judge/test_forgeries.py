"""Wrong gradients that forge a verdict: each is seen to act, and none is ever verified."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from hostile.forgeries import FORGERIES, HELPERS, PATCHED, Forgery, Told, owner_of
from mcp.types import CallToolResult
from serving import PATIENCE, Session, connected, cube, text_of

from pytest_autograd.report.model import Report

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")
Answers = dict[str, Future[CallToolResult]]
HONEST = {
    name: each for name, each in FORGERIES.items() if isinstance(each.due, Told) and each.honest
}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A server that refuses to degrade."""
    options = ("--isolation", "strict", "--memory", "1.5", "--workers", "4", "--queue", "100")
    with connected(tmp_path_factory.mktemp("server"), *options) as session:
        yield session


def source(forgery: Forgery, factor: int | str) -> str:
    parts = (cube(factor=factor, backward=forgery.late), HELPERS, forgery.early, "leave_mark()\n")
    return "\n".join(parts)


def begin(session: Session, sources: dict[str, str]) -> Answers:
    return {
        name: session.begin(text, time_limit=20, level=FORGERIES[name].level)
        for name, text in sources.items()
    }


def told_by(result: CallToolResult) -> Told | str:
    """Return the whole of what an answer says of a forgery, as the table of forgeries has it."""
    if result.is_error:
        return text_of(result)
    report = Report.model_validate(result.structured_content)
    (mark,) = [finding.message for finding in report.findings if finding.function == "mark"]
    worker, called = json.loads(mark)
    judged = tuple(finding.code for finding in report.findings if finding.origin == "judge")
    return Told(report.verdict, judged, worker, tuple(called))


@pytest.mark.parametrize("path", PATCHED.values(), ids=PATCHED)
def test_what_is_patched_is_there(path: str) -> None:
    owner, name = owner_of(path)
    assert callable(getattr(owner, name))


def test_nothing_is_patched_but_through_the_table() -> None:
    text = "\n".join(forgery.early for forgery in FORGERIES.values())
    assert not re.findall(r"mcp_server|setattr|(?:torch|Tensor)\.\w+ = ", text)
    assert re.findall(r"import pytest_autograd|from pytest_autograd\.(?!errors )", text) == []


@pytest.fixture(scope="module")
def on_a_wrong_gradient(session: Session) -> Answers:
    return begin(session, {name: source(each, each.wrong) for name, each in FORGERIES.items()})


@pytest.fixture(scope="module")
def on_a_right_gradient(session: Session) -> Answers:
    return begin(session, {name: source(each, 3) for name, each in HONEST.items()})


@pytest.mark.parametrize("case", FORGERIES)
def test_a_forgery_acts_and_a_wrong_gradient_gets_the_answer_due(
    on_a_wrong_gradient: Answers, case: str
) -> None:
    result, due = on_a_wrong_gradient[case].result(PATIENCE), FORGERIES[case].due
    told = told_by(result)
    assert not text_of(result).startswith("VERIFIED")
    if isinstance(due, Told):
        assert told == due, text_of(result)
    else:
        assert isinstance(told, str), told
        assert told.startswith(due), told


@pytest.mark.parametrize("case", HONEST)
def test_the_same_forgery_does_no_harm_to_a_right_gradient(
    on_a_right_gradient: Answers, case: str
) -> None:
    """So that it is the judge, and not a broken source, that keeps the wrong one from verifying."""
    result, due = on_a_right_gradient[case].result(PATIENCE), FORGERIES[case].due
    assert isinstance(due, Told)
    right = due._replace(verdict="verified", judged=(), worker="verified")
    assert told_by(result) == right, text_of(result)


def test_inputs_that_the_caller_describes_are_drawn_by_the_judge(session: Session) -> None:
    forgery = FORGERIES["a point where the gradient happens to be right"]
    inputs = [{"kind": "tensor", "shape": [3, 2]}]
    result = session.check(source(forgery, forgery.wrong), inputs=inputs, level="quick")
    assert result.is_error
    assert text_of(result) == (
        "the submitted code gave answers that the checker never gives "
        "(the inputs are not those that were drawn): leave that out"
    )
