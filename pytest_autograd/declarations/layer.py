"""One declaration: options, and what is ignored with its reason, from one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_autograd.declarations.validation import make_options, require_codes, require_options
from pytest_autograd.errors import CheckError
from pytest_autograd.options import CONTRACTS, Ignore


@dataclass(frozen=True)
class Layer:
    """What one place declares; what is declared closer to the call wins, but for what is ignored, which adds up."""

    where: str
    options: Mapping[str, Any]
    ignores: tuple[Ignore, ...] = ()

    def require_sound(self) -> None:
        """Raise :class:`CheckError`, with the place, where a value of an option is not what it can be."""
        try:
            make_options(**self.options)
        except CheckError as error:
            raise CheckError(f"{self.where}: {error}") from None


def layer_of(where: str, given: Mapping[str, Any], watched: bool = True) -> Layer:
    """Return the layer of options as they were written; ``ignore`` may be codes, or reasons by code.

    Raises:
        CheckError: an option or a code is unknown; the message names the place.
    """
    options = dict(given)
    reasons = _reasons(options.pop("ignore", ()))
    try:
        require_options(options)
        require_codes("ignore", reasons)
    except CheckError as error:
        raise CheckError(f"{where}: {error}") from None
    ignores = (Ignore(code, reason, where, watched) for code, reason in reasons.items())
    return Layer(where, options, tuple(ignores))


def over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with others over them; a contract replaces whatever contract is below it."""
    replaced = any(above.get(name) for name in CONTRACTS)
    kept = {name: value for name, value in below.items() if not (replaced and name in CONTRACTS)}
    return {**kept, **above}


def _reasons(given: str | Sequence[str] | Mapping[str, str | None]) -> dict[str, str | None]:
    if isinstance(given, Mapping):
        return {code.strip().upper(): reason or None for code, reason in given.items()}
    texts = [given] if isinstance(given, str) else given
    return dict.fromkeys(part.strip().upper() for text in texts for part in text.split(","))
