"""Findings as workflow commands: GitHub shows them beside the lines they are about."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_autograd.report.model import Finding
from pytest_autograd.report.results import Results, relative

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def workflow_commands(results: Results, root: Path) -> list[str]:
    """Return one command for each distinct finding; paths are relative to the workspace."""
    workspace = Path(os.environ.get("GITHUB_WORKSPACE") or root)
    return [_command(finding, workspace) for row in results.rows() for finding in row.findings]


def _command(finding: Finding, workspace: Path) -> str:
    properties = {"title": f"{finding.code} {finding.name}"}
    if finding.file:
        properties["file"] = relative(finding.file, workspace)
        properties["line"] = str(finding.line or 1)
    told = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items())
    text = f"{finding.function}: {finding.message}\nFix: {finding.fix}"
    return f"::{COMMANDS[finding.severity]} {told}::{_escaped(text, '')}"


def _escaped(text: str, more: str) -> str:
    for sign in f"%\r\n{more}":
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text
