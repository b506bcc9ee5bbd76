"""Comments that ignore a code: where they may stand, what they say, and what of them cannot be read."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from loading import load

from pytest_autograd import CheckError, check, declare

SOURCE = """\
import functools
import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

def kept(cls): return cls

{above}
@kept
class Plain({base}
):  {line}
    '''Saves in vain. # autograd: ignore[AG101] not a comment'''

    scale = 3  {inside}

    @staticmethod  {decorator}
    def forward(
        ctx, x  {parameter}
    ):
        ctx.save_for_backward(x)  {body}
        return 3 * x

    {above_backward}
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):  {method}
        return 3 * grad_output


class Other(Plain):  # autograd: ignore[AG3] of another class
    @staticmethod
    def backward(ctx, grad_output):
        return 3 * grad_output


def made():
    class Plain(Function):  # autograd: ignore[AG4] of another class of that name
        @staticmethod
        def forward(ctx, x): return x * 1
        @staticmethod
        def backward(ctx, g): return g * 1
    return Plain
"""
PLACES = ("above", "line", "inside", "decorator", "parameter", "body", "above_backward", "method")
COMMENT = "# autograd: ignore[AG207] read by the logger"


def module(folder: Path, base: str = "Function", **comments: str) -> ModuleType:
    text = SOURCE.format(**dict.fromkeys(PLACES, ""), base=base) if not comments else None
    filled = {**dict.fromkeys(PLACES, ""), **comments}
    file = folder / f"inline_{abs(hash(tuple(filled.values())))}.py"
    file.write_text(text or SOURCE.format(base=base, **filled))
    return load(file)


def inputs() -> torch.Tensor:
    return torch.linspace(-2, 2.3, 5, dtype=torch.float64, requires_grad=True)


def ignored(function: Any) -> dict[str, str | None]:
    report = check(function, inputs(), level="quick", time_limit=60)
    assert ("AG207" in report.codes) != ("AG207" in {each.code for each in report.ignored})
    return {each.code: each.reason for each in report.ignored}


@pytest.mark.parametrize(
    "place", ["above", "line", "decorator", "parameter", "above_backward", "method"]
)
def test_it_stands_at_the_class_or_at_a_method(tmp_path: Path, place: str) -> None:
    function = module(tmp_path, **{place: COMMENT}).Plain
    assert ignored(function) == {"AG207": "read by the logger"}


@pytest.mark.parametrize("place", ["inside", "body"])
def test_elsewhere_it_says_nothing(tmp_path: Path, place: str) -> None:
    assert ignored(module(tmp_path, **{place: COMMENT}).Plain) == {}


def test_it_is_of_its_own_class_alone(tmp_path: Path) -> None:
    found = module(tmp_path, line=COMMENT)
    assert ignored(found.Other) == {"AG3": "of another class"}
    assert {each.code for each in check(found.made(), inputs(), level="quick").ignored} == {"AG4"}


def test_there_may_be_several_and_they_add_up(tmp_path: Path) -> None:
    found = module(
        tmp_path, line="#autograd:ignore[ag207 ,AG3]", method="# autograd: ignore[AG201] by hand"
    ).Plain
    declare(found, ignore={"AG305": "declared"})
    assert ignored(found) == {"AG207": None, "AG3": None, "AG201": "by hand", "AG305": "declared"}


def test_the_place_is_named(tmp_path: Path) -> None:
    found = module(tmp_path, line=COMMENT)
    (told,) = check(found.Plain, inputs(), level="quick").ignored
    assert told.where == f"{Path(found.__file__ or '').name}:11"


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("# autograd: ignore AG207", "'# autograd: ignore AG207' cannot be read: write"),
        ("# autograd: AG207", "'# autograd: AG207' cannot be read: write '# autograd: ignore["),
        ("# autograd: ignore[AG207", "'# autograd: ignore[AG207' cannot be read: write"),
        ("# autograd: ignore[AG777] why", "option ignore: no rule matches 'AG777'"),
        ("# autograd: ignore[] why", "option ignore: no rule matches ''"),
    ],
)
def test_one_that_cannot_be_read_names_its_line(tmp_path: Path, comment: str, said: str) -> None:
    function = module(tmp_path, line=comment).Plain
    with pytest.raises(CheckError) as raised:
        check(function, inputs())
    assert f".py:11: {said}" in str(raised.value)


@pytest.mark.parametrize("comment", ["# autograd: a VJP by hand", "# ignore[AG207]", "# autograd"])
def test_other_comments_are_nobodys_declaration(tmp_path: Path, comment: str) -> None:
    assert ignored(module(tmp_path, line=comment).Plain) == {}


def test_without_a_source_there_is_none() -> None:
    made = ModuleType("made_elsewhere")
    text = SOURCE.format(base="Function", **dict.fromkeys(PLACES, "")).replace("# autograd", "#")
    sys.modules["made_elsewhere"] = made
    exec(compile(text, "nowhere.py", "exec"), made.__dict__)
    assert ignored(made.Plain) == {}
    del sys.modules["made_elsewhere"]
