"""One explain_worker_end for a worker that gave no report: what ended it, where, and the mend."""

from __future__ import annotations

import re
import signal
from typing import Literal

from mcp_server.isolation.limits import MB, Limits
from pytest_autograd.source.load import SUBMITTED

Cause = Literal["time", "output", "files", "pipe"]
PHASES = {
    "starting": "while starting",
    "loading": "while loading the source",
    "inputs": "while making the inputs",
    "checking": "between calls of the Function",
}
_FRAME = re.compile(rf'File "{re.escape(SUBMITTED)}", line (\d+)')


_NATIVE = "native code crashed; look at ctypes, extension calls and the shapes handed to them"
_TIME = "it used more processor time than time_limit allows"
_SIGNALS = {
    "SIGKILL": "something outside ended it, most likely for its use of memory or processor time",
    "SIGXCPU": _TIME,
    "SIGXFSZ": "it wrote a file that is too big",
}


def explain_worker_end(
    cause: Cause | None, code: int, phase: str, time_limit: float, limits: Limits, stderr: str
) -> str:
    """Say how the worker ended."""
    where = PHASES.get(phase, f"in {phase}") + _line(stderr)
    if phase == "starting":
        last = (stderr.strip().splitlines() or ["no message"])[-1]
        return f"the worker did not start ({last}); torch must be installed beside the server"
    if cause == "time":
        return (
            f"timed out {where} after {time_limit:g} s: look for a loop that does not end there, "
            "make the inputs smaller, or pass a larger time_limit"
        )
    if cause == "output":
        size = limits.output // MB
        return f"stopped {where} after printing more than {size} MB: leave out the prints"
    if cause == "files":
        size = limits.scratch // MB
        return f"stopped {where} after filling its folder with more than {size} MB: write less"
    if cause == "pipe":
        return f"the submitted code wrote to the checker's own pipe {where}: leave that out"
    if code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name} {where}: {_SIGNALS.get(name, _NATIVE)}"
    return f"the submitted code ended its process (exit code {code}) {where}: leave out what exits"


def _line(stderr: str) -> str:
    """Return the innermost submitted line of the traceback that faulthandler left."""
    _, dumped, frames = stderr.partition("(most recent call first):")
    found = _FRAME.search(frames) if dumped else None
    return f" (line {found[1]})" if found else ""
