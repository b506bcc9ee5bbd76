"""The documentation site: what its pages show is run, what they name exists, and it builds without a warning."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml
from loading import ROOT, load
from skill_blocks import Block, blocks_of, put_to_the_test

from mcp_server.command_line import command_line
from pytest_autograd import plugin
from pytest_autograd.cli.main import _parser
from pytest_autograd.options import Options
from pytest_autograd.plugin.marker import KEYWORDS
from pytest_autograd.registry import all_rules
from pytest_autograd.skill.sections import sections

PAGES = sorted((ROOT / "docs").rglob("*.md"))
PROGRAMS = {"pytest-autograd": _parser, "autograd-mcp": command_line}
ELSEWHERE = {"pip", "make", "claude"}
OPTIONS = {f"--autograd-{name}" for name, *_ in plugin.OPTIONS}
SETTINGS = {f"autograd_{name.replace('-', '_')}" for name, _, kind, _ in plugin.OPTIONS if kind}


@cache
def blocks() -> list[Block]:
    """Return the blocks of all pages; a page is what a section is in the skill."""
    return [block for path in PAGES for block in blocks_of(path.stem, path.read_text())]


def python_blocks() -> list[Block]:
    return [block for block in blocks() if block.language == "python"]


@pytest.mark.parametrize("block", [pytest.param(each, id=each.id) for each in python_blocks()])
def test_block_does_what_its_fence_says(block: Block, tmp_path: Path) -> None:
    report = put_to_the_test(block, tmp_path, python_blocks)
    shown = [
        each for each in blocks() if each.section == block.section and each.words == {"report"}
    ]
    if shown and "wrong" in block.options:
        text = str(report)
        missing = [line for each in shown for line in each.source.splitlines() if line not in text]
        assert not missing, text


@pytest.mark.parametrize("block", [b for b in blocks() if b.language == "sh"], ids=lambda b: b.id)
def test_command_is_understood(block: Block) -> None:
    for line in block.source.splitlines():
        program, *arguments = shlex.split(line)
        if program in PROGRAMS:
            PROGRAMS[program]().parse_args(arguments)
        elif program == "pytest":
            assert {a for a in arguments if a.startswith("--autograd")} <= OPTIONS, line
        else:
            assert program in ELSEWHERE, line


def test_settings_and_configurations_are_understood() -> None:
    for block in blocks():
        if block.language == "toml":
            assert set(re.findall(r"^(autograd_\w+)", block.source, re.MULTILINE)) <= SETTINGS
        if block.language == "yaml":
            assert yaml.safe_load(block.source)


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md"], ids=lambda path: path.stem)
def test_names_exist(path: Path) -> None:
    text = path.read_text()
    assert set(re.findall(r"AG\d{3}", text)) <= set(all_rules())
    assert set(re.findall(r"--autograd-[a-z-]+", text)) <= OPTIONS
    folders = {id.partition("/")[0] for id in sections()}
    named = re.findall(r"`(([a-z-]+)/[a-z0-9-]+)`", text)
    assert {id for id, folder in named if folder in folders} <= set(sections())


def test_the_generated_pages_hold_every_rule_and_every_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs")
    pages = load(ROOT / "docs/_rule_pages.py").pages()
    headings = re.findall(r"^## (AG\d{3}) ", "\n".join(pages.values()), re.MULTILINE)
    assert headings == list(all_rules())
    options = load(ROOT / "docs/_options_page.py").page()
    rows = {name.split()[0] for name in re.findall(r"^\| `([^`]+)` \|", options, re.MULTILINE)}
    assert rows >= {*Options.model_fields, *KEYWORDS, *OPTIONS, "--http", "--isolation", "--watch"}
    assert set(re.findall(r"`(autograd_\w+)`", options)) == SETTINGS
    assert all(field.description for field in Options.model_fields.values())


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    assert 'href="../skill/verification/#inputs-that-count"' in (
        (tmp_path / "verdicts/index.html").read_text()
    )
    for document, part in (
        ("skill/ctx", "ctx.save_for_backward(x)"),
        ("examples", "A rotary position"),
    ):
        assert part in re.sub("<[^>]*>", "", (tmp_path / document / "index.html").read_text())
    fetched = re.compile(r'<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?//[^"]*"')
    for page in tmp_path.rglob("*.html"):
        text = page.read_text()
        assert not fetched.search(text), page
        assert "```" not in text, page
