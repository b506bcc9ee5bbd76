"""What a marked test asks for: which calls to verify, with which options, and what to say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from pytest_autograd._check import check, check_call
from pytest_autograd._errors import CheckError
from pytest_autograd._model import Report
from pytest_autograd._options import make_options
from pytest_autograd._recorder import Recorder

NOTHING_CALLED = (
    "autograd_checked: the test calls no custom autograd Function (regions compiled by torch.compile are not "
    "recorded); name one: @autograd_checked(function=MyFunction, inputs=make_inputs)"
)


def defaults(config: pytest.Config) -> dict[str, Any]:
    """Return the options set on the command line or in the ini file."""
    found: dict[str, Any] = {}
    level = config.getoption("autograd_level") or config.getini("autograd_level")
    limit = config.getoption("autograd_time_limit") or config.getini("autograd_time_limit")
    if level:
        found["level"] = level
    if limit:
        found["time_limit"] = float(limit)
    return found


class MarkedTest:
    """The verification that one marker asks for."""

    def __init__(self, config: pytest.Config, marker: pytest.Mark) -> None:
        given = dict(marker.kwargs)
        self.positional = marker.args
        self.function = given.pop("function", None)
        self.inputs = given.pop("inputs", None)
        self.allow_inconclusive = given.pop("allow_inconclusive", False)
        self.options = {**defaults(config), **given}
        self.recorder = Recorder()
        self.reports: list[Report] = []

    @property
    def verdicts(self) -> dict[str, str]:
        """Verdict by target."""
        return {report.target: report.verdict for report in self.reports}

    def recording(self) -> AbstractContextManager[None]:
        """Record the Functions that the test calls, unless the marker names its target."""
        return nullcontext() if self.function is not None else self.recorder.recording()

    def verify(self) -> str | None:
        """Verify what is asked for; return what to fail with, None if all is well."""
        try:
            self.reports = list(self._reports())
        except CheckError as error:
            return f"autograd_checked: {error}"
        bad = [report for report in self.reports if not self._passes(report)]
        return "\n\n".join(str(report) for report in bad) or None

    def _passes(self, report: Report) -> bool:
        return report.ok or (report.verdict == "inconclusive" and self.allow_inconclusive)

    def _reports(self) -> Iterator[Report]:
        if self.positional:
            raise CheckError("the marker takes keywords only: function=..., inputs=..., options")
        if self.function is not None:
            for args in self._cases():
                yield check(self.function, *args, **self.options)
            return
        if self.inputs is not None:
            raise CheckError("inputs= goes with function=: name the Function to call with them")
        options = make_options(**self.options)
        calls = self.recorder.calls()
        if not calls:
            unusable = "; ".join(self.recorder.unusable)
            raise (
                CheckError(unusable) if unusable else CheckError(NOTHING_CALLED.partition(": ")[2])
            )
        for call in calls:
            yield check_call(call, options)

    def _cases(self) -> Iterator[tuple[Any, ...]]:
        if self.inputs is None:
            raise CheckError("function= needs inputs=, a callable that returns the argument tuple")
        for case in self.inputs if isinstance(self.inputs, list) else [self.inputs]:
            yield as_arguments(case)


def as_arguments(case: tuple[Any, ...] | Callable[[], Any]) -> tuple[Any, ...]:
    """Return the argument tuple that a case stands for; a lone value counts as one argument."""
    value = case() if callable(case) else case
    return tuple(value) if isinstance(value, tuple | list) else (value,)
