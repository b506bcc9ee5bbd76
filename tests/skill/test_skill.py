"""The skill: it is valid, it is complete and every block in it runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from skill_blocks import Block, put_to_the_test, python_blocks
from skill_expectations import ASKED, EXCUSES, NEEDS
from skills_ref import validate

from pytest_autograd.registry import all_rules
from pytest_autograd.skill import sections

PATH = re.compile(r"`([a-z-]+/[a-z0-9-]+)`")
LONGEST_SECTION = 700
LONGEST_SKILL = 5_000


def tokens(text: str) -> int:
    """Estimate the tokens of a text, rather too many than too few (about 3.1 characters each)."""
    return len(re.findall(r"[A-Za-z]{1,7}|\d{1,3}|[^\sA-Za-z\d]|\n", text))


def skill_text() -> str:
    return (sections.skill_folder() / "SKILL.md").read_text(encoding="utf-8")


def test_the_validator_of_the_format_accepts_the_skill():
    assert validate(sections.skill_folder()) == []


def test_skill_md_and_all_sections_are_short():
    assert skill_text().count("\n") < 500
    assert tokens(skill_text()) < LONGEST_SKILL
    too_long = {
        id: tokens(each.text)
        for id, each in sections.sections().items()
        if tokens(each.text) > LONGEST_SECTION
    }
    assert not too_long


def test_references_are_one_level_deep():
    folder = sections.skill_folder()
    assert {path.parent for path in folder.rglob("*.md")} == {folder, folder / "references"}


def test_the_index_of_skill_md_lists_every_section_and_no_other():
    text = skill_text()
    assert set(PATH.findall(text)) == set(sections.sections())


def test_every_reference_to_a_section_exists():
    known = set(sections.sections())
    folders = {id.partition("/")[0] for id in known}
    unknown = {
        (each.id, id)
        for each in sections.sections().values()
        for id in {*each.related, *re.findall(r"\b([a-z-]+/[a-z0-9-]+)\b", each.text)}
        if id.partition("/")[0] in folders and id not in known
    }
    unknown |= {
        (each.id, id) for each in sections.sections().values() for id in set(each.related) - known
    }
    assert not unknown


def test_every_section_has_a_title_a_summary_and_related_sections():
    poor = [id for id, each in sections.sections().items() if not (each.summary and each.related)]
    assert not poor
    for each in sections.sections().values():
        assert each.text.startswith(f"## {each.title}\n")
        assert each.id.endswith(sections.slug(each.title))
        assert "Checked by" not in each.text or each.rules, each.id


def test_rules_and_sections_name_each_other():
    rules = all_rules()
    assert rules
    from_rules = {(code, rule.skill) for code, rule in rules.items()}
    from_sections = {(code, id) for id, each in sections.sections().items() for code in each.rules}
    assert from_rules == from_sections


def test_every_error_and_warning_is_shown_by_a_block_of_its_section():
    shown = {
        (code, block.section)
        for block in python_blocks()
        for code in block.options.get("wrong", "").split(",")
    }
    taught = {(rule.code, rule.skill) for rule in all_rules().values() if rule.severity != "note"}
    assert taught <= shown


@pytest.mark.parametrize("asked", ASKED)
def test_what_was_asked_has_its_section(asked: str):
    assert ASKED[asked] in sections.sections()


def test_every_need_and_every_excuse_has_its_sections():
    known = sections.sections()
    assert len(NEEDS) == 10
    assert not {id for ids in NEEDS.values() for id in ids} - set(known)
    assert set(EXCUSES.values()) == {id for id in known if id.startswith("excuses/")}


@pytest.mark.parametrize("excuse", EXCUSES)
def test_an_excuse_is_answered_by_what_is_run(excuse: str):
    blocks = [block for block in python_blocks() if block.section == EXCUSES[excuse]]
    assert any("assert" in block.source or block.words or block.options for block in blocks)


@pytest.mark.parametrize("block", [pytest.param(each, id=each.id) for each in python_blocks()])
def test_block_does_what_its_fence_says(block: Block, tmp_path: Path):
    put_to_the_test(block, tmp_path)


def test_an_unknown_section_is_answered_with_the_nearest_ones():
    assert sections.nearest("ctx/saving-output")[0] == "ctx/saving-outputs"
    assert sections.nearest("saving-tensors")[0] == "ctx/saving-tensors"
    with pytest.raises(LookupError, match="nearest: in-place/grad-output"):
        sections.read_section("inplace/grad-output")
    assert sections.read_section(" Ctx/Saving-Once ").title == "Saving once"


def test_rule_examples_are_read_as_source():
    for code in all_rules():
        bad, good = sections.rule_example(code)
        assert re.search(r"^(class|def) Bad\(", bad, re.MULTILINE), code
        assert re.search(r"^(class|def) Good\(", good, re.MULTILINE), code
    with pytest.raises(LookupError, match="AG999: 0 examples"):
        sections.rule_example("AG999")


def test_the_installed_copy_comes_first_and_a_missing_skill_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    package = tmp_path / "pytest_autograd"
    monkeypatch.setattr(sections, "__file__", str(package / "skill" / "sections.py"))
    with pytest.raises(FileNotFoundError, match="reinstall"):
        sections.skill_folder()
    for parent in (tmp_path / "skill", package / "_skill_files"):
        (parent / sections.NAME).mkdir(parents=True)
        (parent / sections.NAME / "SKILL.md").touch()
        assert sections.skill_folder() == parent / sections.NAME


def test_two_sections_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "references").mkdir()
    (tmp_path / "references" / "ctx.md").write_text("## Saving\n\nA.\n\n## saving!\n\nB.\n")
    monkeypatch.setattr(sections, "skill_folder", lambda: tmp_path)
    with pytest.raises(ValueError, match="two sections are called ctx/saving"):
        sections.sections.__wrapped__()


def test_reading_and_searching_the_skill_needs_no_torch():
    code = (
        "import json, sys; from pytest_autograd.skill import sections; from pytest_autograd.skill import search;"
        "sections.sections(); search.search('leak');"
        "print(json.dumps('torch' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout) is False
