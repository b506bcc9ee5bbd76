"""The options of a check on the command line."""

from __future__ import annotations

import argparse
from typing import Any

from pytest_autograd.options import DECLARED


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add an argument for each option of a check."""
    group = parser.add_argument_group("options of the check (only what is given is passed on)")
    group.add_argument("--level", choices=("quick", "full"))
    group.add_argument(
        "--select", action="append", metavar="CODE", help="code or prefix; repeatable"
    )
    group.add_argument(
        "--ignore", action="append", metavar="CODE", help="code or prefix; repeatable"
    )
    for flag in ("gradgrad", "forward-ad", "vmap", "autocast", "compile"):
        group.add_argument(f"--{flag}", action=argparse.BooleanOptionalAction, default=None)
    for contract in DECLARED:
        group.add_argument(f"--{contract}", metavar="NAME", help="function of the file")
    group.add_argument(
        "--grad-transform", action="append", type=_pair, metavar="ARGUMENT=NAME", help="repeatable"
    )
    group.add_argument(
        "--accumulates",
        action="append",
        type=_pair,
        metavar="ARGUMENT=ATTRIBUTE",
        help="where backward adds the gradient of an argument, such as weight=main_grad; repeatable",
    )
    group.add_argument(
        "--domain",
        action="append",
        type=_pair,
        metavar="ARGUMENT=DOMAIN",
        help='where an argument lives, such as "p=simplex(-1)" or a=spd; repeatable',
    )
    group.add_argument(
        "--keep",
        action="append",
        metavar="NAME",
        help='an argument or a size, such as "x.shape[-1]", that is not varied; repeatable',
    )
    group.add_argument(
        "--overwrites",
        action="append",
        metavar="NAME",
        help="an argument, or grad_output, that is changed in place on purpose; repeatable",
    )
    group.add_argument("--rtol", type=float)
    group.add_argument(
        "--gradcheck-option",
        action="append",
        type=_setting,
        metavar="NAME=NUMBER",
        help="repeatable",
    )
    group.add_argument("--seed", type=int)
    group.add_argument("--time-limit", type=float, metavar="SECONDS")


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
        *DECLARED, "keep", "overwrites", "rtol", "seed", "time_limit",
    )  # fmt: skip
    options = {name: getattr(arguments, name) for name in names}
    options["grad_transform"] = dict(arguments.grad_transform or ()) or None
    options["accumulates"] = dict(arguments.accumulates or ()) or None
    options["domain"] = dict(arguments.domain or ()) or None
    options["gradcheck_options"] = dict(arguments.gradcheck_option or ()) or None
    return {name: value for name, value in options.items() if value is not None}
