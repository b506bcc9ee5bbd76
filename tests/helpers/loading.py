"""Import of files that are no part of a package: examples, scenarios, benchmarks; and what is asked of reports."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from pytest_autograd.report.model import CheckResult, Report

ROOT = Path(__file__).parent.parent.parent


def crashes(report: Report) -> list[CheckResult]:
    """Return the checks of a report that crashed, each a bug of ours."""
    return [result for result in report.checks if result.name == "internal-error"]


@cache
def load(path: Path) -> ModuleType:
    """Import ``path`` as a module of its own, registered so that its source can be read."""
    name = f"{path.parent.name}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
