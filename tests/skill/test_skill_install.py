"""``pytest-autograd skill install``: where the copy goes, what it replaces and what it leaves alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from skills_ref import validate

from pytest_autograd.cli.main import main
from pytest_autograd.skill import install as installing
from pytest_autograd.skill.install import RECORD, InstallError, install
from pytest_autograd.skill.sections import NAME, skill_folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != RECORD
    }


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return a fresh copy."""
    install(tmp_path)
    return tmp_path / NAME


def grow_older(copy: Path) -> None:
    """Make of a copy one of an earlier version, which had another file and lacked one."""
    record = json.loads((copy / RECORD).read_text())
    (copy / "rules.md").unlink()
    del record["files"]["rules.md"]
    (copy / "old.md").write_text("old")
    record["files"]["old.md"] = installing._files(copy)["old.md"]
    (copy / RECORD).write_text(json.dumps(record | {"version": "0.0.1"}))


def test_the_copy_is_the_whole_skill_and_valid(installed: Path):
    assert files(installed) == files(skill_folder())
    assert validate(installed) == []
    assert [path.name for path in installed.parent.iterdir()] == [NAME]


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ([], "project/.claude/skills"),
        (["--claude"], "home/.claude/skills"),
        (["--path", "elsewhere/skills"], "project/elsewhere/skills"),
    ],
)
def test_it_goes_to_the_project_the_user_or_where_it_is_told(
    arguments: list[str], place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert main(["skill", "install", *arguments]) == 0
    assert (tmp_path / place / NAME / "SKILL.md").is_file()
    printed = capsys.readouterr().out
    assert str(Path(arguments[1]) if len(arguments) == 2 else tmp_path / place) in printed
    assert f"{len(files(skill_folder()))} files, new" in printed


def test_a_second_time_nothing_is_done(installed: Path):
    before = (installed / "SKILL.md").stat()
    assert "is up to date" in install(installed.parent)
    assert (installed / "SKILL.md").stat().st_ino == before.st_ino


def test_an_older_copy_is_upgraded(installed: Path):
    grow_older(installed)
    assert "version 0.0.1 replaced" in install(installed.parent)
    assert files(installed) == files(skill_folder())


def test_a_copy_made_by_hand_is_taken_over(tmp_path: Path):
    shutil.copytree(skill_folder(), tmp_path / NAME)
    assert "new" in install(tmp_path)
    assert (tmp_path / NAME / RECORD).is_file()


@pytest.mark.parametrize(
    ("name", "said"),
    [("SKILL.md", "was changed since: SKILL.md"), ("notes.md", "was changed since: notes.md")],
)
def test_a_changed_copy_is_left_alone_unless_forced(installed: Path, name: str, said: str):
    (installed / name).write_text("mine")
    with pytest.raises(InstallError, match=said):
        install(installed.parent)
    assert (installed / name).read_text() == "mine"
    install(installed.parent, force=True)
    assert files(installed) == files(skill_folder())


def test_of_many_changed_files_some_are_named(installed: Path):
    for path in (installed / "references").iterdir():
        path.unlink()
    with pytest.raises(
        InstallError, match=r"references/.*, references/.*, references/.* and \d+ more"
    ):
        install(installed.parent)


@pytest.mark.parametrize("record", ["", "[]", '{"files": 3}', '{"files": {}, "version": 1}'])
def test_what_has_no_valid_record_is_somebody_elses(installed: Path, record: str):
    (installed / RECORD).write_text(record)
    (installed / "SKILL.md").write_text("mine")
    with pytest.raises(InstallError, match="was not put there by this command; --force"):
        install(installed.parent)


def test_a_file_in_the_place_is_left_alone_unless_forced(tmp_path: Path, capsys):
    (tmp_path / NAME).write_text("mine")
    assert main(["skill", "install", "--path", str(tmp_path)]) == 2
    assert "is a file; --force replaces it" in capsys.readouterr().err
    assert main(["skill", "install", "--path", str(tmp_path), "--force"]) == 0
    assert files(tmp_path / NAME) == files(skill_folder())


def test_of_a_link_only_the_link_is_replaced(tmp_path: Path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "SKILL.md").write_text("mine")
    (tmp_path / NAME).symlink_to(theirs)
    with pytest.raises(InstallError, match=r"is a link to .*theirs"):
        install(tmp_path)
    install(tmp_path, force=True)
    assert not (tmp_path / NAME).is_symlink()
    assert (theirs / "SKILL.md").read_text() == "mine"


def test_a_copy_that_fails_half_way_leaves_the_old_one_whole(
    installed: Path, monkeypatch: pytest.MonkeyPatch
):
    grow_older(installed)
    before = files(installed)

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(InstallError, match=r"cannot write .*: No space left on device"):
        install(installed.parent)
    assert files(installed) == before
    assert [path.name for path in installed.parent.iterdir()] == [NAME]


def test_a_place_that_cannot_be_a_folder_is_said(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(InstallError, match="cannot write"):
        install(tmp_path / "file" / "skills")
