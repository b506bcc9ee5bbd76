"""The audit as JUnit XML: a suite of its own, a case for each audited signature."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from pytest_autograd.report.results import Entry, Results, relative
from pytest_autograd.report.text import render_short

UNSPEAKABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_text(results: Results, root: Path) -> str:
    """Return the XML; what failed or is inconclusive counts as a failure, what was skipped as skipped."""
    entries = list(results.entries.values())
    failures = [entry for entry in entries if entry.outcome in ("failed", "inconclusive")]
    suite = ElementTree.Element(
        "testsuite",
        name="autograd",
        tests=str(len(entries)),
        errors="0",
        failures=str(len(failures)),
        skipped=str(sum(entry.outcome == "skipped" for entry in entries)),
        time=f"{sum(entry.seconds for entry in entries):.3f}",
    )
    for entry in entries:
        suite.append(_case(entry, root))
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _case(entry: Entry, root: Path) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase",
        classname=_clean(f"{entry.module}.{entry.function}".strip(".")),
        name=_clean(entry.inputs),
        file=relative(entry.file, root),
        line=str(entry.line or 0),
        time=f"{entry.seconds:.3f}",
    )
    properties = ElementTree.SubElement(case, "properties")
    codes = " ".join(sorted(finding.code for finding in entry.findings))
    told = {"verdict": entry.outcome, "codes": codes, "calls": str(entry.calls), "test": entry.test}
    for name, value in told.items():
        ElementTree.SubElement(properties, "property", name=f"autograd.{name}", value=_clean(value))
    if entry.report is not None and entry.outcome != "verified":
        failure = ElementTree.SubElement(case, "failure", message=_clean(entry.report.summary))
        failure.text = _clean(render_short(entry.report))
    elif entry.report is None:
        ElementTree.SubElement(case, "skipped", message=_clean(entry.skipped or ""))
    return case


def _clean(text: str) -> str:
    """Leave out what XML cannot hold."""
    return UNSPEAKABLE.sub("?", text)
