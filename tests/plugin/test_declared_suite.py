"""One declaration for a whole project: markers, the fixture, the audit; and what is told at its end."""

from __future__ import annotations

import pytest
from audit_project import Run, audit_runner

LAYERS = """
import torch
from torch.autograd import Function

class Rounded(Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * 1

class Kept(Function):  # autograd: ignore[AG303] it wrote there once
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 3 * x
    @staticmethod
    def backward(ctx, grad_output):
        return 3 * grad_output

def identity(x): return x * 1
"""
CONFTEST = """
from layers import Rounded, identity
from pytest_autograd import declare
declare(Rounded, surrogate=identity)
"""
TABLE = '[tool.pytest_autograd.functions."layers.Kept"]\nignore = {AG207 = "read by a hook"}\n'
BODY = """
import pytest, torch
from layers import Kept, Rounded
from pytest_autograd import autograd_checked

def ones(n=2): return torch.full((n,), 0.7, dtype=torch.float64, requires_grad=True)

@autograd_checked
def test_marked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Kept.apply(Rounded.apply(ones()))

@autograd_checked(Rounded, inputs=lambda: (ones(),))
def test_named(): ...

def test_fixture(autograd_check, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = autograd_check(lambda x: Kept.apply(Rounded.apply(x)), ones())
    assert (report.verdict, report.codes, report.level) == ("verified", set(), "quick"), str(report)

def test_sizes():
    for n in (1, 2, 3): Kept.apply(Rounded.apply(ones(n)))
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> Run:
    run = audit_runner(pytester)
    pytester.makepyfile(layers=LAYERS)
    pytester.makeconftest(CONFTEST)
    (pytester.path / "pyproject.toml").write_text(TABLE)
    return run


def test_a_declaration_holds_everywhere_and_what_is_not_needed_is_told_once(project: Run) -> None:
    result = project(BODY, "--autograd-audit")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "Kept * 4 * 4 * verified *",
            "Rounded * 5 * 5 * verified *",
            "2 Functions: 2 verified; 9 signatures: 9 verified",
            "layers.py:12: ignoring AG303 is not needed any more: nothing was found",
        ]
    )
    assert result.stdout.str().count("not needed any more") == 1
    result.stdout.no_fnmatch_line("*AG207*")


def test_nothing_is_said_of_it_before_all_signatures_were_seen(project: Run) -> None:
    result = project(BODY, "--autograd-audit", "--autograd-signatures", "1")
    result.assert_outcomes(passed=4)
    result.stdout.no_fnmatch_line("*not needed any more*")


def test_without_the_declarations_it_fails(project: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("")
    project(BODY, "--autograd-audit-fail").assert_outcomes(failed=4)


@pytest.mark.parametrize("way", ["ini", "command line", "table"])
def test_the_suite_ignores_a_code(project: Run, pytester: pytest.Pytester, way: str) -> None:
    arguments = ["--autograd-audit-fail"]
    (pytester.path / "pyproject.toml").write_text(
        '[tool.pytest_autograd]\nignore = ["AG207"]\n' if way == "table" else ""
    )
    if way == "ini":
        pytester.makeini("[pytest]\nautograd_level = quick\nautograd_ignore = AG207\n")
    if way == "command line":
        arguments += ["--autograd-ignore", "AG207"]
    result = project(BODY, *arguments)
    result.assert_outcomes(passed=4)
    result.stdout.no_fnmatch_line("*AG207*")


@pytest.mark.parametrize(
    ("table", "arguments", "said"),
    [
        (
            '[tool.pytest_autograd]\nignore = ["AG2O7"]',
            [],
            "*pyproject.toml*no rule matches 'AG2O7'*",
        ),
        ("", ["--autograd-ignore", "AG999"], "*autograd_ignore: option ignore: no rule matches*"),
    ],
)
def test_a_wrong_declaration_ends_the_run_at_its_beginning(
    project: Run, pytester: pytest.Pytester, table: str, arguments: list[str], said: str
) -> None:
    (pytester.path / "pyproject.toml").write_text(table)
    result = project(BODY, "--autograd-audit", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_a_wrong_name_fails_the_marked_test_in_one_sentence(
    project: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "pyproject.toml").write_text(TABLE.replace("Kept", "Kepd"))
    result = project(BODY, "-k", "marked")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "autograd_checked: pyproject.toml *layers.Kepd*: layers has no Function 'Kepd' (did you mean 'Kept'?)"
        ]
    )
