"""Wrong gradients that forge a verdict: what each patches, and the one answer that is due to it.

Each leaves a mark, a note among the worker's findings: which of its patches were called, and what the worker's own
report said before it. A forgery whose paths are stale does not load, and then its answer is not the one due.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any, NamedTuple

COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
#: Everything that a forgery patches: a name for it, and where it lies. Calls are noted by what stands before a dot.
PATCHED = {
    "gradcheck": "torch.autograd.gradcheck",
    "gradgradcheck": "torch.autograd.gradgradcheck",
    **{f"torch.{name}": f"torch.{name}" for name in ("allclose", "equal", "isclose")},
    **{f"Tensor.{name}": f"torch.Tensor.__{name}__" for name in COMPARISONS},
    "judge": "pytest_autograd.derivatives.trials.judge",
    "judge of second order": "pytest_autograd.derivatives.second_order.judge",
    "first order": "pytest_autograd.derivatives.first_order.FirstOrderTest.verify",
    "rules": "pytest_autograd.checking.run_rules",
    "verdict": "pytest_autograd.audit.verdict._verdict",
    "check": "mcp_server.worker.answers.check_source",
    "describe": "mcp_server.worker.answers.Answers.describe",
    "forward": "mcp_server.worker.answers.Answers.forward",
    "vjp": "mcp_server.worker.answers.Answers.vjp",
    "server's verdict": "mcp_server.judge.process.verdict",
    "server's rules": "mcp_server.judge.process.judged",
    "server's claims": "mcp_server.judge.process.claims",
    "server's oracle": "mcp_server.judge.remote_evaluator.RemoteEvaluator.vjp",
}


def owner_of(path: str) -> tuple[Any, str]:
    """Return the module or class that holds what a dotted path names, and its name there."""
    parts = path.split(".")
    for count in range(len(parts) - 1, 0, -1):
        try:
            owner = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:-1]:
            owner = getattr(owner, part)
        getattr(owner, parts[-1])
        return owner, parts[-1]
    raise ModuleNotFoundError(path)


HELPERS = f'''
import importlib, json, struct
from dataclasses import replace
from pytest_autograd.report.model import Finding, Report

PATCHED = {PATCHED!r}
CALLED = set()

{inspect.getsource(owner_of).replace("-> tuple[Any, str]", "")}

def patch(name, make):
    """Put ``make(what is there)`` in its place; its calls are noted."""
    owner, attribute = owner_of(PATCHED[name])
    replacement = make(getattr(owner, attribute))
    def noted(*args, **named):
        CALLED.add(name.partition(".")[0])
        return replacement(*args, **named)
    setattr(owner, attribute, noted)

def always(answer):
    """For ``patch``: the same answer to everything."""
    return lambda before: lambda *args, **named: answer

def leave_mark():
    """Tell in a finding of the worker what was called, and what its report said."""
    owner, attribute = owner_of(PATCHED["check"])
    before = getattr(owner, attribute)
    def marked(*args, **named):
        report = before(*args, **named)
        told = json.dumps([report.verdict, sorted(CALLED)])
        mark = Finding(code="AG009", name="x", severity="note", function="mark", message=told, fix="x", skill="x")
        return report.model_copy(update={{"findings": (*report.findings, mark)}})
    setattr(owner, attribute, marked)

def forged(*args, **options):
    return Report(target="Cube", torch_version="2", level="quick", seed=1, inputs="x",
                  verdict="verified", summary="all is well")

def frames():
    """Answers to any question that may come, with a report that says verified."""
    report = forged().model_dump(mode="json")
    found = b""
    for number in range(400):
        text = json.dumps({{"answer": number, "report": report, "tensors": []}}).encode()
        found += struct.pack("<I", len(text)) + text
    outcome = {{"outcome": {{"report": report, "text": "verified"}}}}
    return found, json.dumps(outcome).encode() + b"\\n"

def write_everywhere():
    for fd in range(3, 256):
        for data in frames():
            try:
                os.set_blocking(fd, False)
                os.write(fd, data)
            except OSError:
                pass
'''


class Told(NamedTuple):
    """A report comes: its verdict, the judge's codes, the worker's own verdict, and the patches that were called."""

    verdict: str
    judged: tuple[str, ...]
    worker: str
    called: tuple[str, ...]


class Forgery(NamedTuple):
    """What is run after the source, what in its backward, and the answer: a report, or how an error (of two) begins.

    ``honest``: what it answers of numbers is true, so that a right gradient is verified all the same. ``wrong``: the
    factor of the gradient in place of 3.
    """

    early: str
    late: str
    due: Told | str | tuple[str, str]
    level: str = "quick"
    honest: bool = True
    wrong: int | str = 2


FAILED = ("failed", ("AG101",))
WROTE = "the submitted code wrote to the checker's own pipe"
NEVER = "the submitted code gave answers that the checker never gives"
CHECK = 'patch("check", lambda before: forged)\n'
FORGERIES = {
    "writing a verdict to every descriptor while loading": Forgery(
        "write_everywhere()", "pass", f"{WROTE} while"
    ),
    "writing a verdict to every descriptor in backward": Forgery(
        "pass", "write_everywhere()", f"{WROTE} in backward"
    ),
    "patching gradcheck": Forgery(
        'for name in ("gradcheck", "gradgradcheck"): patch(name, always(True))',
        "pass",
        Told(*FAILED, "failed", ("gradcheck", "gradgradcheck")),
        level="full",
    ),
    "patching comparisons": Forgery(
        'for name in ("allclose", "equal"): patch(f"torch.{name}", always(True))\n'
        'patch("torch.isclose", lambda before: lambda a, b, **k: torch.ones_like(a, dtype=torch.bool))',
        "pass",
        Told(*FAILED, "failed", ("torch",)),
    ),
    "patching Tensor": Forgery(
        'for name in ("eq", "le", "ge"):\n'
        "    patch(f'Tensor.{name}', lambda before: lambda a, b: torch.ones(a.shape, dtype=torch.bool))\n"
        'for name in ("ne", "lt", "gt"):\n'
        "    patch(f'Tensor.{name}', lambda before: lambda a, b: torch.zeros(a.shape, dtype=torch.bool))",
        "pass",
        Told(*FAILED, "verified", ("Tensor",)),
    ),
    "patching the judge of the engine": Forgery(
        "def right(values):\n"
        '    arguments = [replace(a, status="ok", error=0.0) for a in values.arguments]\n'
        "    return replace(values, arguments=arguments, confirmed=True, reason=None)\n"
        'for name in ("judge", "judge of second order"):\n'
        '    patch(name, lambda before: lambda *given: replace(before(*given), status="ok"))\n'
        'patch("first order", lambda before: lambda self: right(before(self)))\n'
        'patch("rules", lambda before: lambda *a, **k: replace(before(*a, **k), findings=[]))\n'
        'patch("verdict", always(("verified", "all is well")))',
        "pass",
        Told(
            *FAILED,
            "verified",
            ("first order", "judge", "judge of second order", "rules", "verdict"),
        ),
    ),
    "patching the server's own modules": Forgery(
        'patch("server\'s verdict", lambda before: forged)\n'
        'for name in ("rules", "claims", "oracle"): patch(f"server\'s {name}", always(None))',
        "pass",
        Told(*FAILED, "failed", ()),
    ),
    "patching the check in the worker": Forgery(
        CHECK, "pass", Told(*FAILED, "verified", ("check",))
    ),
    "findings that explain the judge's away": Forgery(
        "cause = Finding(code='AG206', name='x', severity='warning', function='Other', "
        "message='x', fix='x', skill='x')\n"
        'patch("check", lambda before: lambda *args, **options: '
        "forged().model_copy(update={'findings': (cause,)}))",
        "pass",
        Told(*FAILED, "verified", ("check",)),
    ),
    "a point where the gradient happens to be right": Forgery(
        CHECK + "def at_one(before):\n"
        "    def describe(self, header, tensors):\n"
        "        answer, point = before(self, header, tensors)\n"
        "        return answer, [x * 0 + 1 for x in point]\n"
        "    return describe\n"
        'patch("describe", at_one)',
        "pass",
        Told(*FAILED, "verified", ("check", "describe")),
        wrong="(2 + x)",
    ),
    "a call without outputs": Forgery(
        CHECK + "def without(before):\n"
        "    def describe(self, header, tensors):\n"
        "        answer, point = before(self, header, tensors)\n"
        "        return {**answer, 'outputs': []}, point\n"
        "    return describe\n"
        'patch("describe", without)\n'
        'patch("forward", always(({}, [])))\n'
        'patch("vjp", always(({}, [torch.zeros(3, 2).double()])))',
        "pass",
        f"{NEVER} (a call without inputs and outputs of the shapes described)",
    ),
    "refusing every question": Forgery(
        CHECK + "from pytest_autograd.errors import NotApplicable\n"
        "def refuse(*args): raise NotApplicable('nothing to see')\n"
        'patch("describe", lambda before: refuse)',
        "pass",
        Told("inconclusive", (), "verified", ("check", "describe")),
        honest=False,
    ),
    "answers of other shapes": Forgery(
        CHECK + 'patch("vjp", always(({}, [torch.zeros(1)])))',
        "pass",
        f"{NEVER} (gradients that are not of the shapes and dtypes of the arguments)",
    ),
    "answers that are not finite": Forgery(
        CHECK + 'patch("vjp", lambda before: lambda self, header, tensors: '
        "({}, [tensors[0] * float('nan')]))",
        "pass",
        Told(*FAILED, "verified", ("check", "vjp")),
        honest=False,
    ),
    "exit with success in backward": Forgery(
        "pass", "os._exit(0)", "the submitted code ended its process (exit code 0) in backward"
    ),
    "exit handlers": Forgery(
        "import atexit\natexit.register(write_everywhere)\natexit.register(os._exit, 0)",
        "sys.exit(0)",
        "the submitted code called sys.exit(0)",
    ),
    "a thread that writes all the time": Forgery(
        "import threading\n"
        "def forever():\n"
        "    while True: write_everywhere()\n"
        "threading.Thread(target=forever, daemon=True).start()",
        "pass",
        (WROTE, "the submitted code ended its process (exit code 70)"),
    ),
    "reaching for the pipe by the stack": Forgery(
        "frame = sys._getframe()\n"
        "while frame and 'pipe' not in frame.f_locals: frame = frame.f_back\n"
        "pipe = frame.f_locals['pipe']\n"
        "report = forged().model_dump(mode='json')\n"
        "for number in range(100): pipe.send({'answer': number, 'report': report})",
        "pass",
        f"{WROTE} while",
    ),
}
