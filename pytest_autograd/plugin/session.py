"""What a whole pytest run learns: gathered from all workers, shown, written to files, compared with the baseline."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from typing import Any

import pytest

from pytest_autograd.errors import CheckError
from pytest_autograd.plugin.baseline import Baseline
from pytest_autograd.plugin.declared import project_of
from pytest_autograd.plugin.settings import Settings
from pytest_autograd.plugin.suite import Claims, SuiteAudit
from pytest_autograd.report.results import Entry, Results
from pytest_autograd.writers.files import write_report
from pytest_autograd.writers.terminal import Progress, write_summary

KEY = "autograd"
CLAIMS = "autograd_claims"


class Session:
    """The part of the plugin that outlives single tests; registered only if a run asks for it."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.config, self.settings = config, settings
        self.results = Results()
        self.worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
        self.baseline = Baseline(settings.baseline, config.rootpath, settings.update_baseline)
        self.progress = Progress(config)
        self.suite: SuiteAudit | None = None
        self._claims: str | None = None
        if settings.audit:
            _require_sound(settings)
            folder = (self.worker_input or {}).get(CLAIMS)
            self.suite = SuiteAudit(settings, Claims(folder), self.baseline, self.progress)
            config.pluginmanager.register(self.suite, "autograd-suite")

    def take(self, entries: Sequence[Entry]) -> None:
        """Take the entries of a marked test; those of a rerun replace those before."""
        self.results.entries.update({entry.key: entry for entry in entries})

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist where signatures are claimed.

        With ``--autograd-audit-fail`` each worker audits what its own tests call, so that they can fail.
        """
        if self.settings.audit and not self.settings.audit_fail:
            self._claims = self._claims or tempfile.mkdtemp(prefix="autograd-claims-")
            node.workerinput[CLAIMS] = self._claims

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take in what a worker learnt."""
        told = getattr(node, "workeroutput", {}).get(KEY)
        if told is None:
            self.results.lost_workers.append(f"worker {node.gateway.id}")
        else:
            self.results.merge(Results.model_validate_json(told))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Audit what waits, then hand over to the controller or write everything down."""
        if self.suite is not None:
            self.progress.closing = self.settings.audit_at == "end"
            self.suite.finish(self.results)
        if self.worker_input is not None:
            self.config.workeroutput[KEY] = self.results.model_dump_json()  # type: ignore[attr-defined]
            return
        if self._claims is not None:
            shutil.rmtree(self._claims, ignore_errors=True)
        self.results.close()
        for file in self.settings.reports:
            write_report(self.results, file, self.config.rootpath)
        if self.settings.update_baseline:
            self.baseline.write(self.results.entries.values())
        at_end = self.settings.audit_fail and self.settings.audit_at == "end"
        if at_end and self._new() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _new(self) -> list[Entry]:
        return [
            entry
            for entry in self.results.entries.values()
            if entry.outcome == "failed" and self.baseline.new_codes(entry)
        ]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show the table of the audit, files written, and what the baseline has to say."""
        if self.worker_input is not None:
            return
        verbose = self.config.get_verbosity() > 0
        if self.settings.audit:
            write_summary(terminalreporter, self.results, self.config.rootpath, verbose)
        lines = [f"autograd report: {file}" for file in self.settings.reports]
        lines += self._about_baseline()
        if os.environ.get("GITHUB_ACTIONS") == "true":
            from pytest_autograd.writers.github import workflow_commands

            lines += workflow_commands(self.results, self.config.rootpath)
        for line in lines:
            terminalreporter.write_line(line)

    def _about_baseline(self) -> list[str]:
        file = self.settings.baseline
        if file is None:
            return []
        if self.settings.update_baseline:
            return [f"autograd baseline written: {file}"]
        gone = self.baseline.gone(self.results.entries.values())
        lines = [f"no longer found, but in {file.name}: {line}" for line in gone]
        return [*lines, "take them out with --autograd-update-baseline"] if lines else []


def _require_sound(settings: Settings) -> None:
    """Raise :class:`pytest.UsageError` where what is declared for the run cannot be."""
    try:
        project_of(settings)
    except CheckError as error:
        raise pytest.UsageError(str(error)) from None
