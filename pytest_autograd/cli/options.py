"""The options of a check on the command line."""

from __future__ import annotations

import argparse
from typing import Any

from pytest_autograd.options import DECLARED


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add an argument for each option of a check."""
    group = parser.add_argument_group("options of the check (only what is given is passed on)")
    group.add_argument("--level", choices=("quick", "full"))
    for name in ("select", "ignore"):
        group.add_argument(
            f"--{name}", action="append", metavar="CODE", help="code or prefix; repeatable"
        )
    for flag in ("gradgrad", "forward-ad", "vmap", "autocast", "compile"):
        group.add_argument(f"--{flag}", action=argparse.BooleanOptionalAction, default=None)
    group.add_argument("--referees", choices=("auto", "given", "unconfirmed", "off"))
    group.add_argument("--rtol", type=float)
    _repeatable(group, "--gradcheck-option", "NAME=NUMBER", "", _setting)
    group.add_argument("--seed", type=int)
    group.add_argument("--time-limit", type=float, metavar="SECONDS")
    _add_declarations(parser)


def _add_declarations(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is meant by the Function")
    for contract in DECLARED:
        group.add_argument(f"--{contract}", metavar="NAME", help="function of the file")
    _repeatable(group, "--grad-transform", "ARGUMENT=NAME", "a map on its true gradient", _pair)
    where = "where its gradient is added, such as weight=main_grad"
    _repeatable(group, "--accumulates", "ARGUMENT=ATTRIBUTE", where, _pair)
    lives = 'where an argument lives, such as "p=simplex(-1)" or a=spd'
    _repeatable(group, "--domain", "ARGUMENT=DOMAIN", lives, _pair)
    _repeatable(group, "--keep", "NAME", 'what is not varied, such as hard or "x.shape[-1]"', str)
    _repeatable(group, "--overwrites", "NAME", "what is changed in place on purpose", str)


def _repeatable(group: Any, name: str, metavar: str, what: str, kind: Any) -> None:
    text = f"{what}; repeatable" if what else "repeatable"
    group.add_argument(name, action="append", type=kind, metavar=metavar, help=text)


def _pair(text: str) -> tuple[str, str]:
    name, given, value = text.partition("=")
    if not (name and given and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def _setting(text: str) -> tuple[str, float]:
    name, value = _pair(text)
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is no number") from None


def options_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options that were given."""
    names = (
        "level", "select", "ignore", "gradgrad", "forward_ad", "vmap", "autocast", "compile",
        *DECLARED, "keep", "overwrites", "referees", "rtol", "seed", "time_limit",
    )  # fmt: skip
    options = {name: getattr(arguments, name) for name in names}
    for name in ("grad_transform", "accumulates", "domain"):
        options[name] = dict(getattr(arguments, name) or ()) or None
    options["gradcheck_options"] = dict(arguments.gradcheck_option or ()) or None
    return {name: value for name, value in options.items() if value is not None}
