"""The exceptions that users may meet."""


class CheckError(ValueError):
    """The target cannot be checked at all; the message names the mend in one sentence."""

    __module__ = "pytest_autograd"


class GradientCheckFailed(AssertionError):
    """A report whose verdict is ``failed`` was asked to raise."""

    __module__ = "pytest_autograd"


class Aborted(Exception):
    """A whole check ends, not one of its facts: no rule may take it for its own."""


class NotApplicable(Exception):
    """A fact cannot be had, for the reason given; rules that need it are skipped with that reason."""


class TargetRaised(NotApplicable):
    """The checked code raised while a fact was observed; ``error`` is what it raised."""

    def __init__(self, where: str, error: Exception) -> None:
        super().__init__(f"{where} raises {type(error).__name__}: {first_line(error)}")
        self.where, self.error = where, error


def first_line(error: BaseException, limit: int = 200) -> str:
    """Return the first line of an exception's message, shortened."""
    text = next(iter(str(error).strip().splitlines()), "")
    return text if len(text) <= limit else text[: limit - 3] + "..."
