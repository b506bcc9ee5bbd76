"""The version that is installed."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """Return it, a word in its place where none is: run from an unpacked wheel or a checkout."""
    try:
        return metadata.version("pytest-autograd")
    except metadata.PackageNotFoundError:
        return "0+unknown"
