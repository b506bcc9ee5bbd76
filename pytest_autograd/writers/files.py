"""Reports of a run as files: the kind follows from the extension."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_autograd.report.results import Results


def write_report(results: Results, file: Path, root: Path) -> None:
    """Write the results to ``file``: .json, .sarif, .xml or .html."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_text(results, file.suffix, root), encoding="utf-8")


def _text(results: Results, suffix: str, root: Path) -> str:
    if suffix == ".sarif":
        from pytest_autograd.writers.sarif import sarif_log

        findings = [f for row in results.rows() for f in row.findings]
        return json.dumps(sarif_log(findings, root), indent=2) + "\n"
    if suffix == ".xml":
        from pytest_autograd.writers.junit import junit_text

        return junit_text(results, root)
    if suffix == ".html":
        from pytest_autograd.writers.html.page import page

        return page(results, root)
    return results.model_dump_json(indent=2, exclude={"entries": {"__all__": {"pictures"}}}) + "\n"
