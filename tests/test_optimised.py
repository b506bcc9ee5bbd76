"""Nothing rests on ``assert``, which ``python -O`` leaves out."""

from __future__ import annotations

import subprocess
import sys

from loading import ROOT

CALLABLE = """
import torch
from pytest_autograd import check
assert False, "python -O was not on"
x = torch.linspace(1, 2, 5, dtype=torch.float64)
print(check(lambda x: x.sin() * x, x, level="quick").verdict)
"""


def optimised(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-O", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)


def test_a_callable_is_verified() -> None:
    done = optimised("-c", CALLABLE)
    assert (done.stdout, done.stderr) == ("verified\n", "")


def test_the_tests_of_check_pass() -> None:
    """pytest warns that only the asserts of test modules are run; those are what it rewrites."""
    quiet = ("-p", "no:cacheprovider", "-W", "ignore::pytest.PytestConfigWarning")
    done = optimised(
        "-m", "pytest", "-q", "--no-header", *quiet, "-k", "not time_limit", "tests/test_check.py"
    )
    assert done.returncode == 0, done.stdout + done.stderr
