"""What ``--autograd-audit`` does to test suites that others wrote: the same outcomes, and how much longer they take.

Run ``python benchmarks/suites.py``; ``--env DIR`` keeps the environment for the next time. Each suite comes from the
source distribution of a release and runs without and with the audit; the outcomes are compared test by test.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from _environment import Environment, environment
from packages import RELEASES, by_function

RESULTS = Path(__file__).parent / "results" / "suites.json"
LIMIT = 1800.0


class Suite(NamedTuple):
    """Paths inside the source distribution, and what the tests need beside the package."""

    paths: tuple[str, ...]
    needs: tuple[str, ...] = ()


SUITES = {
    "linear_operator": Suite(("test/functions",)),
    "norse": Suite(("norse/torch/functional/test", "norse/torch/functional/adjoint/test")),
    "torchkbnufft": Suite(("tests/test_interp.py", "tests/test_nufft.py"), ("scikit-image",)),
}
RANK = {"failure": 2, "error": 2, "skipped": 1}


def outcomes(file: Path) -> dict[str, str]:
    """Return the outcome of each test in a JUnit file."""
    found = {}
    for case in ElementTree.parse(file).iter("testcase"):
        marks = [child.tag for child in case if child.tag in RANK]
        found[f"{case.get('classname')}::{case.get('name')}"] = marks[0] if marks else "passed"
    return found


def run(
    made: Environment, source: Path, suite: Suite, *options: str
) -> tuple[dict[str, str], float]:
    """Run one suite; return the outcomes and the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        junit = Path(folder) / "junit.xml"
        command = [
            made.python,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junitxml={junit}",
        ]
        start = time.perf_counter()
        done = subprocess.run(
            [*command, *options, *suite.paths],
            cwd=source,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        seconds = time.perf_counter() - start
        if not junit.exists():
            sys.exit(f"pytest did not run: {(done.stdout + done.stderr)[-2000:]}")
        return outcomes(junit), seconds


def compared(made: Environment, name: str) -> dict[str, Any]:
    """Run one suite without and with the audit; return its row."""
    suite = SUITES[name]
    made.install([RELEASES[name], *suite.needs])
    source = made.source(RELEASES[name])
    plain, seconds = run(made, source, suite, "-p", "no:autograd")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["--autograd-audit", f"--autograd-only={name}", "--autograd-time-limit=10"]
        audited, longer = run(made, source, suite, *options, f"--autograd-report={report}")
        entries = json.loads(report.read_text())["entries"].values()
    return {
        "package": RELEASES[name],
        "tests": len(plain),
        "failed": sum(outcome in ("failure", "error") for outcome in plain.values()),
        "differ": sorted(test for test in plain | audited if plain.get(test) != audited.get(test)),
        "signatures": len(entries),
        "seconds": seconds,
        "seconds_audited": longer,
        "functions": by_function(entries),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--env", type=Path, metavar="DIR", help="keep the environment here")
    asked = parser.parse_args()
    unknown = set(asked.suites) - set(SUITES)
    if unknown:
        parser.error(f"no such suite: {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    rows = []
    with environment(asked.env) as made:
        for name in asked.suites or SUITES:
            row = compared(made, name)
            rows.append(row)
            print(
                f"{row['package']}: {row['tests']} tests ({row['failed']} fail), {len(row['functions'])} Functions, "
                f"{row['signatures']} signatures; {row['seconds']:.0f} s, audited {row['seconds_audited']:.0f} s; "
                f"outcomes differ: {row['differ'] or 'none'}",
                flush=True,
            )
    if not asked.suites:
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
    return 1 if any(row["differ"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
