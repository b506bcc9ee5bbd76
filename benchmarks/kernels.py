"""What the check says of released Triton kernels, beside what plain torch says of them in float64.

Run ``python benchmarks/kernels.py`` for all, or name cases such as ``liger:rope``, whose rows are then renewed;
``--env DIR`` keeps the environment for the next time. The packages run on a CPU, in Triton's interpreter; each case of
``kernel_uses`` in a process of its own. Exit status 1 if a right gradient has an error other than a write in place, if
a fault is not told, or if a case is not verified once its writes are declared. What the findings are worth stands in
``kernels.md``, whose table is renewed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _environment import Environment, environment

USES = Path(__file__).parent / "kernel_uses"
RESULTS = Path(__file__).parent / "results" / "kernels.json"
PAGE = Path(__file__).parent / "kernels.md"
TABLE = "<!-- the table, by kernels.py -->\n"
#: The releases that ``kernels.md`` speaks of, by the module of ``kernel_uses``; both want a torch of their own.
RELEASES = {
    "liger": "liger_kernel==0.8.5",
    "liger_losses": "liger_kernel==0.8.5",
    "fla_core": "fla-core==0.6.0",
}
BESIDE = ("triton==3.9.0", "packaging", "einops")
WRITES = {"AG301", "AG302", "AG303"}
LIMIT = 600.0


def run(made: Environment, *arguments: str) -> Any:
    """Run a case, or list the cases of a module; return what it printed, or how it died."""
    chosen = {"TRITON_INTERPRET": "1", "TORCHDYNAMO_DISABLE": "1", "OMP_NUM_THREADS": "1"}
    command = [made.python, USES / "run_case.py", *arguments]
    done = subprocess.run(
        command, env={**os.environ, **chosen}, capture_output=True, text=True, timeout=LIMIT
    )
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    last = (done.stderr.strip().splitlines() or [""])[-1]
    return {"name": arguments[-1], "died": f"exit status {done.returncode}: {last[:200]}"}


def errors(checked: dict[str, Any]) -> set[str]:
    """Return the codes at error level."""
    return {code for severity, code, _ in checked["findings"] if severity == "error"}


def complaint(row: dict[str, Any]) -> str:
    """Return what is not as it should be with a row; empty where all is."""
    if "died" in row:
        return row["died"]
    others = sorted(errors(row["checked"]) - WRITES)
    if not row["faults"] and others:
        return f"false: {', '.join(others)}"
    if row["faults"] and not others:
        return "missed"
    declared = row.get("declared")
    if declared and not row["faults"] and declared["verdict"] != "verified":
        return "not verified as declared"
    return ""


def cell(checked: dict[str, Any]) -> str:
    """Return verdict, errors and warnings in a few words."""
    found = checked["findings"]
    codes = {
        level: list(dict.fromkeys(code for severity, code, _ in found if severity == level))
        for level in ("error", "warning")
    }
    told = ", ".join(codes["error"])
    doubts = f" ({', '.join(codes['warning'])})" if codes["warning"] else ""
    return f"{checked['verdict']}{': ' if told else ''}{told}{doubts}"


def line(row: dict[str, Any]) -> str:
    """Return the row of the table."""
    if "died" in row:
        return f"| {row['package']} | {row['name']} | died | | {row['died']} | |"
    faults = "; ".join(f"**{when}**: {what}" for when, what in row["faults"].items()) or "right"
    writes = f"; writes {', '.join(row['written'])}" if row["written"] else ""
    declared = cell(row["declared"]) if "declared" in row else ""
    cells = [row["package"], row["name"], cell(row["checked"]), declared, faults + writes]
    return f"| {' | '.join(cells)} | {row['checked']['seconds']} |"


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the table of all rows."""
    head = (
        "| package | case | verdict: errors (warnings) | with `overwrites=` | truth | seconds |\n"
    )
    return head + "|---|---|---|---|---|---|\n" + "\n".join(map(line, rows)) + "\n"


def chosen(made: Environment, asked: Sequence[str]) -> list[tuple[str, str]]:
    """Return (module, case) for all cases, or for those asked for by ``module`` or ``module:case``."""
    wanted = [text.partition(":")[::2] for text in asked] or [(module, "") for module in RELEASES]
    return [
        (module, name)
        for module, only in wanted
        for name in ([only] if only else run(made, module))
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="PACKAGE[:CASE]", help=", ".join(RELEASES))
    parser.add_argument("--env", type=Path, metavar="DIR", help="keep the environment here")
    asked = parser.parse_args()
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    rows = {(row["package"], row["name"]): row for row in known}
    with environment(asked.env) as made:
        made.install(BESIDE)
        made.install(sorted(set(RELEASES.values())), "--no-deps")
        new = chosen(made, asked.cases)
        for module, name in new:
            package = RELEASES[module].partition("==")[0]
            row = {"package": package, **run(made, module, name)}
            rows[package, name] = row
            print(line(row), complaint(row), flush=True)
            RESULTS.write_text(json.dumps(list(rows.values()), indent=1) + "\n")
    text = PAGE.read_text().partition(TABLE)[0]
    PAGE.write_text(text + TABLE + "\n" + table(list(rows.values())))
    wrong = {name: complaint(row) for name, row in rows.items() if complaint(row)}
    print(f"\n{len(rows)} cases; not as they should be: {wrong or 'none'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
