"""What a marked test asks for: which calls to verify, with which options, and what to say of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import pytest

from pytest_autograd.call.call import Call
from pytest_autograd.call.declared import unknown_names
from pytest_autograd.call.placement import Placement, placements
from pytest_autograd.call.recorder import Recorder
from pytest_autograd.checking import make_options
from pytest_autograd.errors import CheckError
from pytest_autograd.places import class_place
from pytest_autograd.plugin.audit_call import verified_entry
from pytest_autograd.plugin.baseline import Baseline
from pytest_autograd.plugin.cases import MakeCall, arguments_of, called, cases_of, placed, several
from pytest_autograd.plugin.expectation import Expectation
from pytest_autograd.plugin.marker import KEYWORDS
from pytest_autograd.plugin.settings import Settings
from pytest_autograd.plugin.strategies import is_strategy, smallest_failure
from pytest_autograd.report.model import Report
from pytest_autograd.report.results import Entry
from pytest_autograd.report.text import render_short

NOTHING_CALLED = (
    "the test calls no custom autograd Function (regions compiled by torch.compile are not recorded); "
    "name one: @autograd_checked(function=MyFunction, inputs=make_inputs)"
)


class MarkedTest:
    """The verification that the markers of one test ask for; options of an inner marker win."""

    def __init__(
        self,
        item: pytest.Item,
        settings: Settings,
        baseline: Baseline,
        marks: Sequence[pytest.Mark],
    ) -> None:
        given: dict[str, Any] = {}
        for mark in reversed(marks):
            given |= mark.kwargs
        self.positional = [value for mark in marks for value in mark.args]
        self.settings, self.baseline = settings, baseline
        self.nodeid = item.nodeid
        self.verbose = item.config.get_verbosity() > 0
        self.own: dict[str, Any] = {name: given.pop(name, None) for name in KEYWORDS}
        self.options = given
        self.recorder = Recorder()
        self.entries: list[tuple[str, Entry]] = []

    @property
    def verdicts(self) -> Mapping[str, str]:
        """Verdict and codes of errors and warnings by target."""
        told: dict[str, str] = {}
        for label, entry in self.entries:
            if entry.report is not None:
                codes = " ".join(sorted(entry.report.codes))
                told[f"{entry.function}{label}"] = f"{entry.outcome} {codes}".strip()
            else:
                told[label.strip()] = f"skipped: {entry.skipped}"
        return told

    def recording(self) -> AbstractContextManager[None]:
        """Record the Functions that the test calls, unless the marker names its target."""
        named = self.own["function"] is not None
        return nullcontext() if named else self.recorder.recording()

    def verify(self) -> str | None:
        """Verify what is asked for; return what to fail with, None if all is well."""
        try:
            expectation = Expectation(self.own["expect"])
            make_options(**self.options)
            for label, make in self._calls():
                self._verify_everywhere(label, make)
            if self.own["function"] is not None and is_strategy(self.own["inputs"]):
                self._search()
        except CheckError as error:
            return f"autograd_checked: {error}"
        reports = [entry.report for _, entry in self.entries if entry.report is not None]
        if not reports:
            return None
        if expectation.codes:
            wrong = expectation.broken_by(reports)
            return wrong and f"autograd_checked: {wrong}{self._told(self.entries)}"
        bad = [pair for pair in self.entries if not self._passes(pair[1])]
        return self._told(bad).strip() or None

    @property
    def unavailable(self) -> str | None:
        """Why nothing was verified, if none of the devices asked for is here."""
        reasons = [entry.skipped for _, entry in self.entries if entry.skipped]
        return "; ".join(dict.fromkeys(reasons)) if len(reasons) == len(self.entries) else None

    def _passes(self, entry: Entry) -> bool:
        if entry.report is None or entry.report.ok:
            return True
        if entry.outcome == "inconclusive" and self.own["allow_inconclusive"]:
            return True
        known = self.baseline.file is not None
        return known and not self.baseline.new_codes(entry)

    def _told(self, pairs: Sequence[tuple[str, Entry]]) -> str:
        """Return the reports as text, each of several cases under a line of its own."""
        texts = []
        for label, entry in pairs:
            if entry.report is not None:
                head = f"{label.strip()}: {entry.outcome}\n" if label else ""
                texts.append(head + self._text(entry.report))
        return "".join(f"\n\n{text}" for text in texts)

    def _text(self, report: Report) -> str:
        return str(report) if self.verbose else render_short(report)

    def _verify_everywhere(self, label: str, make: MakeCall) -> None:
        """Verify a case in each dtype and on each device that the marker, else the run, asks for."""
        for place in self._places:
            reason = place.missing()
            if reason is None:
                self._verify_one(f"{label}{place.label}", make(place), place.device)
            else:
                blank = Entry(key=self._key, function="", module="", inputs="", test=self.nodeid)
                skipped = blank.model_copy(update={"device": place.device, "skipped": reason})
                self.entries.append((f"{label}{place.label}", skipped))

    @property
    def _places(self) -> list[Placement]:
        devices = several("devices", self.own["devices"]) or self.settings.devices
        return placements(devices, several("dtypes", self.own["dtypes"]))

    @property
    def _key(self) -> str:
        return f"{self.nodeid} {len(self.entries)}"

    def _verify_one(self, label: str, call: Call, device: str | None) -> None:
        owner = call.function or call.target
        place = class_place(owner)
        entry = Entry(
            key=self._key,
            function=call.name,
            module=getattr(owner, "__module__", None) or "",
            file=place.file if place else None,
            line=place.line if place else None,
            inputs=call.describe(),
            test=self.nodeid,
            device=device,
        )
        self.entries.append(
            (label, verified_entry(call, entry, self.settings, **self._options_of(call)))
        )

    def _options_of(self, call: Call) -> dict[str, Any]:
        """Return the options for one call: of the declarations those that name its arguments."""
        given = dict(self.options)
        if self.own["function"] is None:
            domains, keep = given.pop("domain", None) or {}, given.pop("keep", None) or ()
            keep = [keep] if isinstance(keep, str) else list(keep)
            own = {
                "domain": {n: d for n, d in domains.items() if not unknown_names(call, [n])},
                "keep": [name for name in keep if not unknown_names(call, [name])],
            }
            given |= {option: names for option, names in own.items() if names}
        return given

    def _calls(self) -> Iterator[tuple[str, MakeCall]]:
        """Yield what to verify, with a label where there are several cases."""
        if self.positional:
            raise CheckError("the marker takes keywords only: function=..., inputs=..., options")
        function, inputs = self.own["function"], self.own["inputs"]
        if function is None:
            if inputs is not None:
                raise CheckError("inputs= goes with function=: name the Function to call with them")
            yield from self._recorded()
        elif inputs is None:
            raise CheckError("function= needs inputs=, a callable that returns the argument tuple")
        elif not is_strategy(inputs):
            for label, case in cases_of(inputs):
                yield label, partial(called, function, arguments_of(case))

    def _recorded(self) -> Iterator[tuple[str, MakeCall]]:
        calls = self.recorder.calls()
        if not calls:
            raise CheckError("; ".join(self.recorder.unusable) or NOTHING_CALLED)
        for option in ("domain", "keep"):
            given = self.options.get(option) or ()
            for name in (given,) if isinstance(given, str) else given:
                if all(unknown_names(call, [name]) for call in calls):
                    raise CheckError(
                        f"{option}: no Function that the test calls has an argument {name!r}"
                    )
        for call in calls:
            yield "", partial(placed, call)

    def _search(self) -> None:
        """Verify examples of a Hypothesis strategy; keep the last good one, or the smallest that fails."""

        def fails(example: Any) -> bool:
            self.entries.clear()
            make = partial(called, self.own["function"], arguments_of(example))
            self._verify_everywhere(" smallest example that Hypothesis found", make)
            return any(not self._passes(entry) for _, entry in self.entries)

        smallest_failure(self.own["inputs"], fails, self.own["examples"])
