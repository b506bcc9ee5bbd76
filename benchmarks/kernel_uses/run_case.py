"""Check one kernel, measure what is true of it, and print both as one line of JSON.

``python run_case.py MODULE`` lists the cases of a module; ``python run_case.py MODULE NAME`` runs one, in a process of
its own: a kernel that writes out of bounds ends it.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import time
import warnings
from typing import Any

import torch
from case import Case, truth

from pytest_autograd import check

SEED = 0
LIMIT = 60.0  # a kernel takes milliseconds in the interpreter


def main() -> None:
    warnings.simplefilter("ignore")
    module, *names = sys.argv[1:]
    cases = {case.name: case for case in importlib.import_module(module).CASES}
    if not names:
        print(json.dumps(list(cases)))
        return
    print(json.dumps(examined(cases[names[0]])))


def examined(case: Case) -> dict[str, Any]:
    """Return the row of one kernel."""
    arguments = list(inspect.signature(case.function.forward).parameters)[1:]
    found = truth(case._replace(inputs=lambda: seeded(case)), arguments)
    row = {
        "name": case.name,
        "function": case.function.__name__,
        "faults": found.faults,
        "written": found.written,
        "overwrites": case.overwrites,
        "checked": checked(case),
    }
    if case.overwrites:
        row["declared"] = checked(case, overwrites=case.overwrites)
    return row


def seeded(case: Case) -> tuple[Any, ...]:
    """Return the arguments of the call, the same each time."""
    torch.manual_seed(SEED)
    return case.inputs()


def checked(case: Case, **options: Any) -> dict[str, Any]:
    """Return the verdict, the findings above a note and the seconds of one check."""
    start = time.perf_counter()
    report = check(
        case.function, *seeded(case), gradgrad=False, time_limit=LIMIT, seed=SEED, **options
    )
    return {
        "verdict": report.verdict,
        "findings": [
            [finding.severity, finding.code, finding.message]
            for finding in report.findings
            if finding.severity != "note"
        ],
        "seconds": round(time.perf_counter() - start, 1),
    }


if __name__ == "__main__":
    main()
