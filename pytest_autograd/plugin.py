"""The pytest plugin: thin hooks. torch is imported only when a marked test is about to run."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_autograd._model import Report

MARK = "autograd_checked"
HELP = (
    f"{MARK}(function=None, inputs=None, **options): verify the gradients of every custom autograd Function "
    "that the test calls, or of `function` on `inputs`; options as for pytest_autograd.check"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("autograd", "verification of hand-written gradients")
    group.addoption(
        "--autograd-level",
        choices=("quick", "full"),
        help="how thoroughly marked tests verify gradients (default full; a marker's own level= wins)",
    )
    group.addoption(
        "--autograd-time-limit",
        type=float,
        metavar="SECONDS",
        help="time for the checks of one Function call (default 60; a marker's own time_limit= wins)",
    )
    parser.addini("autograd_level", "default of --autograd-level")
    parser.addini("autograd_time_limit", "default of --autograd-time-limit")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", HELP)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> None:
    """Catch ``@pytest.mark.autograd_checked(SomeFunction)``, which decorates SomeFunction and loses the test."""
    if _carries_mark(type(obj)):
        from pytest_autograd._mark import trap_message

        raise collector.CollectError(f"{name}: {trap_message(type(obj).__qualname__)}")


def _carries_mark(owner: Any) -> bool:
    marks = vars(owner).get("pytestmark", ()) if isinstance(owner, type) else ()
    return any(
        getattr(mark, "name", None) == MARK
        for mark in (marks if isinstance(marks, list) else [marks])
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run a marked test under the recorder, then verify what it called or what its marker names."""
    marker = item.get_closest_marker(MARK)
    if marker is None:
        return (yield)
    from pytest_autograd._marked_test import MarkedTest

    test = MarkedTest(item.config, marker)
    with test.recording():
        result = yield
    problem = test.verify()
    item.user_properties.append((MARK, test.verdicts))
    if problem:
        pytest.fail(problem, pytrace=False)
    return result


@pytest.fixture
def autograd_check(request: pytest.FixtureRequest) -> Callable[..., Report]:
    """``pytest_autograd.check`` with the defaults of this run, for tests that want the report itself."""
    from pytest_autograd import check
    from pytest_autograd._marked_test import defaults

    settings = defaults(request.config)

    def run(target: Any, *args: Any, **options: Any) -> Report:
        return check(target, *args, **{**settings, **options})

    return run
