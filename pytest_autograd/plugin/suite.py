"""The audit of a whole suite: each custom Function that any test calls, each distinct signature once."""

from __future__ import annotations

import contextlib
import hashlib
import io
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_autograd.plugin.baseline import Baseline
from pytest_autograd.plugin.settings import Settings
from pytest_autograd.report.results import Entry, Results
from pytest_autograd.writers.terminal import Progress

if TYPE_CHECKING:
    from pytest_autograd.call.recorder import Recorded, Recorder

IN_ALL = 4  # how many times the cap of one call may be kept at a time
MARK = "autograd_checked"
BEYOND = "beyond the number of signatures that --autograd-signatures allows for one Function"


class Claims:
    """Which process audits a signature: the one that first makes a file for it in a shared folder.

    Without a folder that all processes see, each audits what it meets.
    """

    def __init__(self, folder: str | None) -> None:
        self.folder = Path(folder) if folder and Path(folder).is_dir() else None
        self._asked: Counter[str] = Counter()

    def take(self, key: str) -> bool:
        """Whether this process is the first to ask for ``key``."""
        if self.folder is None:
            return True
        try:
            (self.folder / hashlib.sha256(key.encode()).hexdigest()).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def take_one_of(self, name: str, most: int) -> bool:
        """Whether there was still one of ``most`` places of that name, of all processes together, to be had."""
        while self._asked[name] < most:
            self._asked[name] += 1
            if self.take(f"{name}, place {self._asked[name]}"):
                return True
        return False


class SuiteAudit:
    """Records during setup and call of every test, and audits at its end or at that of the session.

    torch is never imported for it: before the suite itself has loaded torch there is nothing to record.
    """

    def __init__(
        self, settings: Settings, claims: Claims, baseline: Baseline, progress: Progress
    ) -> None:
        self.settings, self.claims = settings, claims
        self.baseline, self.progress = baseline, progress
        self.audited: dict[str, list[Entry]] = {}
        self.first_test: dict[str, str] = {}
        self.unseen: list[str] = []
        self._recorder: Recorder | None = None
        self._touched: set[str] = set()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Audit after everything else of the test is over, outside its time limit and its captured output."""
        self._touched.clear()
        result = yield
        if self.settings.audit_at == "test":
            self.audit()
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Record what fixtures call."""
        with self._recording(item):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Record what the test calls; a bare marker does so itself."""
        marker = item.get_closest_marker(MARK)
        if marker is not None and "function" not in marker.kwargs:
            return (yield)
        with self._recording(item):
            result = yield
        if self.settings.audit_fail and self.settings.audit_at == "test":
            self.audit()
            entries = self._at_fault()  # to be looked at under --pdb
            if entries:
                pytest.fail(_told(entries, item), pytrace=False)
        return result

    @contextmanager
    def _recording(self, item: pytest.Item) -> Iterator[None]:
        if "torch" not in sys.modules:
            yield
            if "torch" in sys.modules and item.nodeid not in self.unseen:
                self.unseen.append(item.nodeid)
            return
        recorder = self.recorder
        with recorder.recording():
            try:
                yield
            finally:
                self._touched |= recorder.touched
                for key in recorder.touched:
                    self.first_test.setdefault(key, item.nodeid)

    @property
    def recorder(self) -> Recorder:
        """The recorder of the whole session."""
        if self._recorder is None:
            from pytest_autograd.call.recorder import MIB, Recorder

            cap = self.settings.keep_mib * MIB
            self._recorder = Recorder(self._wants, per_call=cap, in_all=IN_ALL * cap)
        return self._recorder

    def _wants(self, function: type) -> bool:
        module = f"{function.__module__}."
        only = self.settings.only
        return not only or any(module.startswith(f"{package}.") for package in only)

    def audit(self) -> None:
        """Audit every kept call; what one prints is dropped."""
        if self._recorder is None:
            return
        waiting = [seen for seen in self._recorder.sightings.values() if seen.call is not None]
        for number, seen in enumerate(waiting, 1):
            if not self.claims.take(seen.key):
                seen.release()
                continue
            if not self.claims.take_one_of(_name(seen), self.settings.signatures):
                self.audited[seen.key] = [self._beyond(seen)]
                continue
            self.progress.begin(seen.function.__qualname__, number, len(waiting))
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                self.audited[seen.key] = self._entries(seen)
            self.progress.end(self.audited[seen.key])

    def _beyond(self, seen: Recorded) -> Entry:
        seen.release()
        return self._blank(seen).model_copy(update={"skipped": BEYOND, "beyond": True})

    def _entries(self, seen: Recorded) -> list[Entry]:
        from pytest_autograd.plugin.audit_call import audit_call

        call = seen.release()
        assert call is not None
        blank = self._blank(seen)
        return audit_call(call, blank, self.settings, seen.default_dtype)

    def _blank(self, seen: Recorded) -> Entry:
        from pytest_autograd.places import class_place

        place = class_place(seen.function)
        return Entry(
            key=seen.key,
            function=seen.function.__qualname__,
            module=seen.function.__module__,
            file=place.file if place else None,
            line=place.line if place else None,
            inputs=seen.key.partition("(")[2].removesuffix(")"),
            test=self.first_test.get(seen.key, ""),
            calls=seen.count,
        )

    def _at_fault(self) -> list[Entry]:
        """Return the entries, of what this test called, that have findings which the baseline does not know."""
        entries = [entry for key in sorted(self._touched) for entry in self.audited.get(key, ())]
        return [e for e in entries if e.outcome == "failed" and self.baseline.new_codes(e)]

    def finish(self, results: Results) -> None:
        """Audit what is left and hand over an entry for each signature seen."""
        self.audit()
        results.unseen += self.unseen
        if self._recorder is None:
            return
        results.left_out.update(self._recorder.left_out)
        for key, seen in self._recorder.sightings.items():
            skipped = self._blank(seen).model_copy(update={"skipped": seen.problem})
            for entry in self.audited.get(key, [skipped]):
                results.add(entry.model_copy(update={"calls": seen.count}))


def _name(seen: Recorded) -> str:
    return f"{seen.function.__module__}.{seen.function.__qualname__}"


def _told(entries: list[Entry], item: pytest.Item) -> str:
    """Tell each entry in full to the test that called it first, in a line to later tests."""
    from pytest_autograd.report.text import render_short

    texts = []
    for entry in entries:
        assert entry.report is not None
        codes = ", ".join(sorted({f.code for f in entry.findings if f.severity == "error"}))
        line = f"{entry.function}: failed: {codes}, told at {entry.test}"
        texts.append(render_short(entry.report) if entry.test == item.nodeid else line)
    return "\n\n".join(texts)
