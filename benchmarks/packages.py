"""What the audit says of released packages: every custom Function that the scripts in ``package_uses`` call.

Run ``python benchmarks/packages.py`` for all, or name packages, whose rows are then renewed; ``--env DIR`` keeps the
environment for the next time.
Each script runs as a test suite with and without ``--autograd-audit``; outcomes must be the same. What each finding is
worth, read by hand in the package's source, stands in ``packages.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from _environment import Environment, environment

USES = Path(__file__).parent / "package_uses"
RESULTS = Path(__file__).parent / "results" / "packages.json"
#: The releases that ``packages.md`` speaks of, by the name of the module.
RELEASES = {
    "brevitas": "brevitas==0.13.4",
    "diffsort": "diffsort==0.2.0",
    "entmax": "entmax==1.3",
    "gpytorch": "gpytorch==1.15.2",
    "kornia": "kornia==0.9.0",
    "linear_operator": "linear_operator==0.6.1",
    "norse": "norse==1.1.0",
    "pyro": "pyro-ppl==1.9.2",
    "pytorch_revgrad": "pytorch_revgrad==0.2.0",
    "snntorch": "snntorch==1.0.0",
    "sparsemax": "sparsemax==0.1.9",
    "timm": "timm==1.0.31",
    "torch_geometric": "torch_geometric==2.8.1",
    "torchdiffeq": "torchdiffeq==0.2.5",
    "torchkbnufft": "torchkbnufft==1.5.2",
    "xitorch": "xitorch==0.5.1",
}
ALONE = ("timm",)  # wants torchvision, which must be built for the very same torch
LIMIT = 1200.0


class Run(NamedTuple):
    """The last line of pytest, without the time, and the seconds that the run took."""

    outcome: str
    seconds: float


def run(made: Environment, name: str, *options: str) -> Run:
    """Run the script of one package under pytest."""
    start = time.perf_counter()
    command = [
        made.python,
        "-m",
        "pytest",
        "-q",
        "-c",
        os.devnull,
        "--rootdir",
        USES,
        "-W",
        "ignore",
    ]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", *options, USES / f"use_{name}.py"],
        cwd=made.folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr[-300:]
    return Run(re.sub(r" in [\d.:]+.*", "", last).strip("= "), time.perf_counter() - start)


def audited(made: Environment, name: str, level: str) -> dict[str, Any]:
    """Audit one package; return its row of the table."""
    plain = run(made, name)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["--autograd-audit", f"--autograd-only={name}", f"--autograd-level={level}"]
        audit = run(made, name, *options, f"--autograd-report={report}")
        entries = json.loads(report.read_text())["entries"].values()
    return {
        "package": RELEASES[name],
        "outcome": plain.outcome,
        "outcome_audited": audit.outcome,
        "seconds": plain.seconds,
        "seconds_audited": audit.seconds,
        "functions": by_function(entries),
    }


def by_function(entries: Any) -> dict[str, dict[str, Any]]:
    """Return, for each Function, the worst verdict and the distinct findings over its signatures."""
    order = ["verified", "skipped", "inconclusive", "failed"]
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        report = entry["report"] or {"verdict": "skipped", "findings": []}
        row = found.setdefault(entry["function"], {"verdict": "verified", "findings": {}})
        row["verdict"] = max(row["verdict"], report["verdict"], key=order.index)
        if entry["skipped"]:
            row["skipped"] = entry["skipped"]
        for finding in report["findings"]:
            if finding["severity"] != "note":
                row["findings"].setdefault(finding["code"], finding["message"])
    return dict(sorted(found.items()))


def show(row: dict[str, Any]) -> None:
    """Print one package: its verdicts, then a line a finding."""
    verdicts = Counter(function["verdict"] for function in row["functions"].values())
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    times = f"{row['seconds']:.1f} s, audited {row['seconds_audited']:.1f} s"
    print(f"\n{row['package']}: {len(row['functions'])} Functions: {told} ({times})")
    if row["outcome"] != row["outcome_audited"]:
        print(f"  OUTCOMES DIFFER: {row['outcome']!r} and {row['outcome_audited']!r}")
    for name, function in row["functions"].items():
        print(f"  {name}: {function['verdict']} {function.get('skipped', '')}")
        for code, message in function["findings"].items():
            print(f"    {code} {message[:150]}")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=", ".join(RELEASES))
    parser.add_argument("--env", type=Path, metavar="DIR", help="keep the environment here")
    parser.add_argument("--level", choices=("quick", "full"), default="full")
    asked = parser.parse_args()
    unknown = set(asked.packages) - set(RELEASES)
    if unknown:
        parser.error(f"no script for {', '.join(sorted(unknown))}; there are {', '.join(RELEASES)}")
    names = asked.packages or list(RELEASES)
    with environment(asked.env) as made:
        made.install([RELEASES[name] for name in names if name not in ALONE] or ["numpy"])
        alone = [RELEASES[name] for name in names if name in ALONE]
        if alone:
            made.install(alone, "--no-deps")
        rows = []
        for name in names:
            rows.append(audited(made, name, asked.level))
            show(rows[-1])
    if asked.level == "full":
        known = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
        merged = {row["package"]: row for row in [*known, *rows]}
        RESULTS.write_text(json.dumps([merged[name] for name in sorted(merged)], indent=1) + "\n")
    functions = sum(len(row["functions"]) for row in rows)
    differing = [row["package"] for row in rows if row["outcome"] != row["outcome_audited"]]
    print(
        f"\n{functions} Functions of {len(rows)} packages; outcomes differ in: {differing or 'none'}"
    )
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
