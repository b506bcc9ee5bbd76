"""The command line, called in this process: what it prints and the status it ends with."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pytest_autograd.cli.main import main
from pytest_autograd.cli.watch import versions
from pytest_autograd.errors import CheckError
from pytest_autograd.registry import all_rules
from pytest_autograd.report.model import Report

FUNCTION = """\
import torch

class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        print("forward was here")
        ctx.save_for_backward(x)
        return x ** 3

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return {factor} * x ** 2 * grad_output

def make_inputs():
    return torch.rand(3, 2, dtype=torch.float64) + 1

def cube(x):
    return x ** 3

def double(x):
    return 2 * x

def leave(x):
    raise SystemExit(0)
"""
RIGHT, WRONG = FUNCTION.format(factor=3), FUNCTION.format(factor=2)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that writes a file to be checked and returns its path."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(text: str) -> str:
        path = tmp_path / "layers_to_check.py"
        path.write_text(text)
        return str(path)

    return write


def check_quickly(target: str, *more: str) -> int:
    return main(["check", target, "--level", "quick", *more])


def test_a_right_gradient_ends_with_0(write, capsys) -> None:
    assert check_quickly(f"{write(RIGHT)}::Cube") == 0
    printed = capsys.readouterr()
    assert "verified" in printed.out
    assert "Cube" in printed.out
    assert "forward was here" not in printed.out
    assert "forward was here" in printed.err


def test_a_wrong_gradient_ends_with_1_and_names_code_and_line(write, capsys) -> None:
    path = write(WRONG)
    assert check_quickly(f"{path}::Cube.apply", "--json", "--inputs", "make_inputs") == 1
    report = Report.model_validate_json(capsys.readouterr().out)
    wrong = next(finding for finding in report.findings if finding.code == "AG101")
    assert (report.verdict, wrong.file) == ("failed", path)
    assert wrong.line is not None
    assert 10 <= wrong.line <= 13
    assert report.inputs.startswith("make_inputs() of the source: ")
    assert "[3, 2]" in report.inputs


def test_sarif_holds_the_findings_with_paths_from_here(
    write, capsys, monkeypatch, tmp_path
) -> None:
    path = write(WRONG)
    monkeypatch.chdir(tmp_path)
    assert check_quickly(f"{path}::Cube", "--sarif") == 1
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    wrong = next(result for result in run["results"] if result["ruleId"] == "AG101")
    place = wrong["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "layers_to_check.py"


def test_watching_a_file_tells_of_each_new_content(tmp_path: Path) -> None:
    path = tmp_path / "watched.py"
    path.write_text("a")
    found = versions(path, pause=0)
    assert next(found) == b"a"
    path.write_text("bb")
    assert next(found) == b"bb"
    path.unlink()
    path.write_text("ccc")
    assert next(found) == b"ccc"
    with pytest.raises(CheckError, match="cannot read"):
        next(versions(tmp_path / "missing.py"))


def test_watch_checks_again_after_a_save_and_ends_with_the_last_status(write) -> None:
    path = write(WRONG)
    command = [sys.executable, "-m", "pytest_autograd.cli.main", "check", f"{path}::Cube"]
    with subprocess.Popen(
        [*command, "--level", "quick", "--watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        guard = threading.Timer(90, process.kill)
        guard.start()
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        assert "error[AG101]" in "".join(itertools.takewhile(lambda s: "watching" not in s, lines))
        Path(path).write_text("def broken(:\n")
        assert "does not parse" in next(lines)
        Path(path).write_text(RIGHT)
        assert "verified" in "".join(itertools.takewhile(lambda s: "watching" not in s, lines))
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
        guard.cancel()


def test_options_reach_the_check(write, capsys) -> None:
    expression = "torch.linspace(1, 2, 5, dtype=torch.float64)"
    options = ["--seed", "11", "--no-gradgrad", "--ignore", "AG7", "--inputs", expression, "--json"]
    assert check_quickly(f"{write(RIGHT)}::Cube", *options) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["seed"], report["level"]) == (11, "quick")
    assert report["inputs"].startswith(expression)
    assert "AG701" not in {check["code"] for check in report["checks"]}


def test_a_contract_is_the_name_of_a_function_of_the_file(write, capsys) -> None:
    target = f"{write(WRONG)}::Cube"
    assert check_quickly(target, "--surrogate", "double") == 1
    assert check_quickly(f"{write(RIGHT)}::Cube", "--surrogate", "cube") == 0
    assert check_quickly(target, "--surrogate", "cubes") == 2
    assert (
        "surrogate 'cubes' is not in the source (did you mean 'cube'?)" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("", (), "say what to check: "),
        ("::Cub", (), "entry 'Cub' is not in the source (did you mean 'Cube'?)"),
        ("::Cube", ("--inputs", "nosuch"), "inputs 'nosuch' raised NameError"),
        ("::Cube", ("--inputs", "torch.arange(3)"), "nothing to differentiate: "),
        ("::Cube", ("--inputs", "(1, 2)"), "nothing to differentiate: "),
        ("::leave", ("--inputs", "make_inputs"), "the checked code called sys.exit(0)"),
        ("::Cube", ("--select", "AG999"), "option select: no rule matches 'AG999'"),
    ],
)
def test_what_cannot_be_checked_ends_with_2_and_one_sentence(
    write, capsys, name: str, options: tuple[str, ...], sentence: str
) -> None:
    assert check_quickly(write(RIGHT) + name, *options) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"pytest-autograd: {sentence}")
    assert len(printed.err.splitlines()) == 1


@pytest.mark.parametrize(
    "argv",
    [[], ["chekc"], ["check"], ["check", "a.py::B", "--grad-transform", "x"], ["explain"]],
)
def test_a_command_that_cannot_be_read_ends_with_2(argv: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert "usage: pytest-autograd" in capsys.readouterr().err


def test_rules_lists_every_rule_on_a_line(capsys) -> None:
    assert main(["rules"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    starts = [line.split()[:3] for line in lines if line.startswith("AG")]
    assert starts == [[rule.code, rule.name, rule.severity] for rule in all_rules().values()]


@pytest.mark.parametrize("code", ["AG101", "ag301"])
def test_explain_shows_why_fix_section_and_both_examples(code: str, capsys) -> None:
    assert main(["explain", code]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    rule = all_rules()[code.upper()]
    for part in (rule.code, rule.name, rule.title, rule.why, rule.fix, rule.skill):
        assert " ".join(part.split()) in printed
    assert printed.index("class Bad(") < printed.index("class Good(")


def test_an_unknown_code_ends_with_2_and_names_the_nearest(capsys) -> None:
    assert main(["explain", "AG11"]) == 2
    assert "no rule 'AG11'; nearest: AG11" in capsys.readouterr().err


def test_help_teaches_by_examples_without_loading_torch() -> None:
    program = (
        "import sys, contextlib\nfrom pytest_autograd.cli.main import main\n"
        "with contextlib.suppress(SystemExit): main(['check', '--help'])\n"
        "main(['rules'])\nassert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    assert "pytest-autograd check layers.py::Swish --inputs" in done.stdout
