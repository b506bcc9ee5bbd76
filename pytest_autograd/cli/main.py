"""``pytest-autograd``: check a Function in a file, list the rules, explain one, install the skill."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table

from pytest_autograd.cli.options import add_options, options_of
from pytest_autograd.errors import CheckError
from pytest_autograd.registry import all_rules
from pytest_autograd.report.model import Report

CLEAN, FOUND, USAGE = 0, 1, 2
SEVERITIES = ("note", "warning", "error")
WIDE = 160
EPILOG = """\
examples:
  pytest-autograd check layers.py::Swish
  pytest-autograd check layers.py::Swish --inputs "torch.randn(4, 3, dtype=torch.float64), 0.5"
  pytest-autograd check layers.py::Swish --inputs make_inputs --ignore AG7 --json
  pytest-autograd check spikes.py::Spike.apply --surrogate smooth_spike
  pytest-autograd check layers.py::Swish --level quick --watch
  pytest-autograd rules
  pytest-autograd explain AG301
  pytest-autograd skill install --claude

exit status: 0 clean; 1 failed, inconclusive, or a finding at or above --fail-on; 2 not checkable
"""
INSTALL = """\
Copies the folder custom-autograd-functions into a folder of skills: by default into .claude/skills of
the current folder, for this project alone. A copy that this command made before is upgraded in place;
anything else that stands there, and a copy that was changed, is left alone unless --force is given.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except (CheckError, LookupError) as error:
        print(f"pytest-autograd: {error.args[0]}", file=sys.stderr)
        return USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pytest-autograd",
        description="Verify hand-written gradients (torch.autograd.Function).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser(
        "check",
        help="run a Function and check its gradient",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.set_defaults(run=_check)
    _add_check(check)
    commands.add_parser("rules", help="list the rules").set_defaults(run=_rules)
    explain = commands.add_parser(
        "explain", help="explain a rule, with a wrong and a right example"
    )
    explain.add_argument("code", help="in any case, e.g. AG301")
    explain.set_defaults(run=_explain)
    _add_skill(commands.add_parser("skill", help="the skill for coding agents"))
    return parser


def _add_skill(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    install = actions.add_parser(
        "install", help="copy it to where agents look for skills", description=INSTALL
    )
    where = install.add_mutually_exclusive_group()
    where.add_argument(
        "--claude", action="store_true", help="for all your projects: into ~/.claude/skills"
    )
    where.add_argument("--path", type=Path, metavar="DIR", help="into this folder of skills")
    install.add_argument(
        "--force", action="store_true", help="replace what stands there, changed or foreign"
    )
    install.set_defaults(run=_install_skill)


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target",
        metavar="FILE.py::NAME",
        help="a Function, Fn.apply, a callable, an nn.Module instance or a Module class",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the report as JSON")
    form.add_argument("--sarif", action="store_true", help="print the findings as SARIF 2.1.0")
    form.add_argument(
        "--watch", action="store_true", help="check again whenever the file is saved; Ctrl-C ends"
    )
    parser.add_argument(
        "--inputs",
        metavar="EXPR",
        help="a function of the file, or an expression for the arguments; "
        "default: example_inputs() of the file, else proposed",
    )
    parser.add_argument(
        "--fail-on", choices=SEVERITIES, default="error", help="default: %(default)s"
    )
    add_options(parser)


def _check(arguments: argparse.Namespace) -> int:
    if arguments.watch:
        return _watch(arguments)
    report = _report(arguments)
    if arguments.sarif:
        from pytest_autograd.writers.sarif import sarif_log

        print(json.dumps(sarif_log(report.findings, Path.cwd()), indent=2))
    else:
        print(report.model_dump_json(indent=2) if arguments.json else report)
    return _status(report, arguments.fail_on)


def _report(arguments: argparse.Namespace) -> Report:
    from pytest_autograd.declarations.declarations import Declarations
    from pytest_autograd.source.check_source import check_source
    from pytest_autograd.source.load import load_file
    from pytest_autograd.source.resolve import from_expression

    path, _, name = arguments.target.partition("::")
    # What the checked code prints must not mix with the report.
    with contextlib.redirect_stdout(sys.stderr):
        source = load_file(Path(path))
        if not name:
            raise CheckError(
                f"say what to check: {path}::NAME; {path} defines {', '.join(source.functions())}"
            )
        inputs = arguments.inputs
        if inputs is not None:
            inputs = from_expression(inputs, source, arguments.seed or 0)
        try:
            declarations = Declarations.near(Path(path).resolve().parent)
            return check_source(source, name, inputs, options_of(arguments), declarations)
        except SystemExit as ended:
            raise CheckError(f"the checked code called sys.exit({ended.code!r})") from ended


def _watch(arguments: argparse.Namespace) -> int:
    """Check whenever the file changes, until interrupted; the exit status is that of the last check."""
    from pytest_autograd.cli.watch import versions

    path = Path(arguments.target.partition("::")[0])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell had it ignored
    status = USAGE
    try:
        for _ in versions(path):
            try:
                report = _report(arguments)
            except (CheckError, LookupError) as error:
                status = USAGE
                print(f"pytest-autograd: {error.args[0]}", flush=True)
                continue
            status = _status(report, arguments.fail_on)
            print(f"{report}\n\n{time.strftime('%H:%M:%S')} watching {path}", flush=True)
    except KeyboardInterrupt:
        print()
    return status


def _status(report: Report, fail_on: str) -> int:
    least = SEVERITIES.index(fail_on)
    worst = max((SEVERITIES.index(finding.severity) for finding in report.findings), default=-1)
    return CLEAN if report.ok and worst < least else FOUND


def _rules(arguments: argparse.Namespace) -> int:
    table = Table(box=None, pad_edge=False)
    for column in ("code", "name", "severity", "fault", "skill section"):
        table.add_column(column, no_wrap=column != "fault")
    for rule in all_rules().values():
        table.add_row(rule.code, rule.name, rule.severity, rule.title, rule.skill)
    _console().print(table)
    return CLEAN


def _explain(arguments: argparse.Namespace) -> int:
    from pytest_autograd.registry import find_rule
    from pytest_autograd.skill.sections import rule_example

    rule = find_rule(arguments.code)
    console = _console()
    console.print(f"{rule.code} {rule.name} ({rule.severity})", style="bold", highlight=False)
    for text in (rule.title, rule.why, f"Fix: {rule.fix}", f"Read: skill section {rule.skill}"):
        console.print(f"\n{text}", markup=False, highlight=False)
    for label, example in zip(("Wrong:", "Right:"), rule_example(rule.code), strict=True):
        console.print(f"\n{label}", style="bold")
        console.print(Syntax(example.strip(), "python", background_color="default"))
    return CLEAN


def _install_skill(arguments: argparse.Namespace) -> int:
    from pytest_autograd.skill.install import InstallError, install

    default = (Path.home() if arguments.claude else Path.cwd()) / ".claude" / "skills"
    skills = arguments.path.expanduser() if arguments.path else default
    try:
        print(install(skills, arguments.force))
    except InstallError as error:
        print(f"pytest-autograd: {error}", file=sys.stderr)
        return USAGE
    return CLEAN


def _console() -> Console:
    """Return a console as wide as the terminal, or wide where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=WIDE)


if __name__ == "__main__":
    sys.exit(main())
