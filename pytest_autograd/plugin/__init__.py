"""The pytest plugin: thin hooks. torch is imported only when a marked test is about to run."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_autograd.report.model import Report

MARK = "autograd_checked"
HELP = (
    f"{MARK}(function=None, inputs=None, dtypes=None, devices=None, expect=None, allow_inconclusive=False, "
    "**options): verify the gradients of every custom autograd Function that the test calls, or of `function` on "
    "`inputs`, in each of `dtypes` on each of `devices`; options as for pytest_autograd.check"
)
FLAG, MANY = {"action": "store_true"}, {"action": "append"}
#: Name, how the command line takes it, type in the ini file (None: command line only), help.
OPTIONS: tuple[tuple[str, dict[str, Any], Any, str], ...] = (
    (
        "audit",
        FLAG,
        "bool",
        "audit every custom Function that any test calls; outcomes of tests stay",
    ),
    ("audit-fail", FLAG, "bool", "audit, and let tests that call a Function with an error fail"),
    (
        "audit-at",
        {"choices": ("test", "end")},
        "string",
        "when to audit: after the test that called it (default), or at the end of the session",
    ),
    (
        "only",
        {**MANY, "metavar": "PACKAGE"},
        "args",
        "audit only Functions defined in PACKAGE or below; repeatable",
    ),
    (
        "level",
        {"choices": ("quick", "full")},
        "string",
        "how thoroughly gradients are verified (default full; a marker's own level= wins)",
    ),
    (
        "time-limit",
        {"metavar": "SECONDS"},
        "string",
        "time for the checks of one Function call (default 60; a marker's own time_limit= wins)",
    ),
    (
        "ignore",
        {**MANY, "metavar": "CODE"},
        "args",
        "leave out this code or prefix everywhere, told as skipped; repeatable",
    ),
    (
        "keep",
        {"metavar": "MIB"},
        "string",
        "audit: tensors that one recorded call may hold (default 256; all together four times that)",
    ),
    (
        "signatures",
        {"metavar": "N"},
        "string",
        "audit: distinct call signatures of one Function that are audited (default 20); the rest is counted and told",
    ),
    (
        "device",
        {**MANY, "metavar": "DEVICE"},
        "args",
        "verify on this device, such as cuda; repeatable; skipped with a reason where it is missing",
    ),
    (
        "report",
        {**MANY, "metavar": "FILE"},
        "args",
        "write a report, by its extension: .html, .json, .sarif, .xml (JUnit); repeatable",
    ),
    (
        "baseline",
        {"metavar": "FILE"},
        "string",
        "findings that FILE knows do not fail; relative to rootdir",
    ),
    ("update-baseline", FLAG, None, "write what this run finds to the baseline; nothing fails"),
)
SETTINGS = pytest.StashKey[Any]()
SESSION = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("autograd", "verification of hand-written gradients")
    for name, how, kind, text in OPTIONS:
        group.addoption(f"--autograd-{name}", help=text, **how)
        if kind is not None:
            flat = f"autograd_{name.replace('-', '_')}"
            parser.addini(flat, f"default of --autograd-{name}", type=kind)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", HELP)
    settings = settings_of(config)
    if settings.of_session or os.environ.get("GITHUB_ACTIONS") == "true":
        from pytest_autograd.plugin.session import Session

        session = Session(config, settings)
        config.stash[SESSION] = session
        config.pluginmanager.register(session, "autograd-session")


def settings_of(config: pytest.Config) -> Any:
    """Return the settings of the run, read once."""
    if SETTINGS not in config.stash:
        from pytest_autograd.plugin.settings import read_settings

        config.stash[SETTINGS] = read_settings(config)
    return config.stash[SETTINGS]


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> Generator[None, object, object]:
    """Catch ``@pytest.mark.autograd_checked(swish)``, which decorates ``swish`` itself and loses the test.

    Then an object of a marked class stands where a test should, or a marked function is no test.
    """
    result = yield
    if _carries_mark(type(obj)):
        raise collector.CollectError(f"{name}: {_trap(type(obj).__qualname__)}")
    if result is None and isinstance(obj, FunctionType) and _carries_mark(obj):
        rename = f"; if {name} is meant to be a test, give it a name that pytest collects"
        raise collector.CollectError(f"{name}: {_trap(obj.__qualname__)}{rename}")
    return result


def _trap(lost: str) -> str:
    from pytest_autograd.plugin.marker import trap_message

    return trap_message(lost)


def _carries_mark(owner: Any) -> bool:
    marks = getattr(owner, "__dict__", {}).get("pytestmark", ())
    return any(
        getattr(mark, "name", None) == MARK
        for mark in (marks if isinstance(marks, list) else [marks])
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run a marked test under the recorder, then verify what it called or what its marker names."""
    marks = list(item.iter_markers(MARK))
    if not marks:
        return (yield)
    from pytest_autograd.plugin.baseline import Baseline
    from pytest_autograd.plugin.marked_test import MarkedTest

    settings, session = settings_of(item.config), item.config.stash.get(SESSION, None)
    baseline = session.baseline if session else Baseline(None, item.config.rootpath)
    test = MarkedTest(item, settings, baseline, marks)
    with test.recording():
        result = yield
    problem = test.verify()
    entries = [entry for _, entry in test.entries]
    item.user_properties += [(f"{MARK} {name}", told) for name, told in test.verdicts.items()]
    if session:
        session.take(entries)
    if problem:
        pytest.fail(problem, pytrace=False)
    if test.unavailable:
        pytest.skip(f"{MARK}: {test.unavailable}")
    return result


@pytest.fixture
def autograd_check(request: pytest.FixtureRequest) -> Callable[..., Report]:
    """``pytest_autograd.check`` with the defaults of this run, for tests that want the report itself."""
    from pytest_autograd.checking import checked, make_options
    from pytest_autograd.declarations.declarations import Declarations
    from pytest_autograd.plugin.declared import project_of

    declarations = Declarations(project_of(settings_of(request.config)))

    def run(target: Any, *args: Any, **options: Any) -> Report:
        return checked(target, args, make_options(**options), declarations)

    return run
