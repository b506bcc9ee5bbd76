"""Findings as a SARIF 2.1.0 log, the format that code hosts and editors read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_autograd.registry import all_rules
from pytest_autograd.report.model import Finding
from pytest_autograd.report.results import relative
from pytest_autograd.rule import Rule

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
ROOT = "SRCROOT"


def sarif_log(findings: Sequence[Finding], root: Path) -> dict[str, Any]:
    """Return the log; files below ``root`` are given relative to it, so that the log can travel."""
    rules = all_rules()
    used = sorted({finding.code for finding in findings})
    driver = {
        "name": "pytest-autograd",
        "rules": [_rule(rules[code]) for code in used],
    }
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, used.index(finding.code), root) for finding in findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.fix} Read the skill section {rule.skill}."},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(finding: Finding, index: int, root: Path) -> dict[str, Any]:
    text = f"{finding.function}: {finding.message} Fix: {finding.fix}"
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": text},
        "properties": {"evidence": finding.evidence.model_dump(mode="json", exclude_none=True)},
        "partialFingerprints": {
            "function/v1": f"{finding.code}:{finding.function}:{finding.evidence.argument}"
        },
    }
    if finding.file:
        result["locations"] = [_location(finding, root)]
    return result


def _location(finding: Finding, root: Path) -> dict[str, Any]:
    assert finding.file
    path = relative(finding.file, root)
    inside = not Path(path).is_absolute()
    artifact = {"uri": path, "uriBaseId": ROOT} if inside else {"uri": Path(path).as_uri()}
    place: dict[str, Any] = {"artifactLocation": artifact}
    if finding.line:
        region = {"startLine": finding.line}
        if finding.column:
            region["startColumn"] = finding.column
        place["region"] = region
    return {
        "physicalLocation": place,
        "logicalLocations": [{"fullyQualifiedName": finding.function, "kind": "type"}],
    }
