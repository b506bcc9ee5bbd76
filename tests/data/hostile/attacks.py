"""Submitted code that means harm: what must be refused, what must be ended, what must not verify."""

from __future__ import annotations

REFUSED_HELPER = '''
import ctypes, errno, os, resource, signal, socket, subprocess, sys, threading

def refused(act, *kinds):
    """Insist that an act raises one of the kinds, by default PermissionError."""
    try:
        result = act()
    except kinds or PermissionError:
        return
    raise AssertionError(f"it was allowed and gave {result!r}")

def refused_by_errno(function, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    result = getattr(libc, function)(*arguments)
    assert result == -1 and ctypes.get_errno() == errno.EPERM, (function, result)
'''

# Each is run while the source loads; OUTSIDE is a folder with a file ``secret`` that the user owns.
REFUSED = {
    "reading a file of the system": "refused(lambda: open('/etc/passwd').read())",
    "reading a file of the user": "refused(lambda: open(OUTSIDE + '/secret').read())",
    "listing a folder of the user": "refused(lambda: os.listdir(OUTSIDE))",
    "listing the root": "refused(lambda: os.listdir('/'))",
    "the environment of another process": "refused(lambda: open('/proc/1/environ').read())",
    "the memory of the judge": "refused(lambda: open(f'/proc/{os.getppid()}/mem', 'r+b'))",
    "its own processes file": "refused(lambda: open('/proc/self/environ').read())",
    "writing a file outside": "refused(lambda: open(OUTSIDE + '/new', 'w'))",
    "writing into Python": "refused(lambda: open(os.__file__, 'a'))",
    "deleting a file outside": "refused(lambda: os.remove(OUTSIDE + '/secret'))",
    "truncating a file outside": "refused(lambda: os.truncate(OUTSIDE + '/secret', 0))",
    "a symbolic link to outside": (
        "os.symlink(OUTSIDE, 'link'); refused(lambda: open('link/secret').read()); "
        "refused(lambda: open('link/new', 'w'))"
    ),
    "a hard link to outside": "refused(lambda: os.link(OUTSIDE + '/secret', 'link'), OSError)",
    "moving a file in": "refused(lambda: os.rename(OUTSIDE + '/secret', 'mine'), OSError)",
    "changing modes outside": "refused(lambda: os.chmod(OUTSIDE + '/secret', 0o777))",
    "changing owners outside": "refused(lambda: os.chown(OUTSIDE + '/secret', 1, 1))",
    "changing times outside": "refused(lambda: os.utime(OUTSIDE + '/secret', (0, 0)))",
    "a TCP socket": "refused(lambda: socket.socket(socket.AF_INET))",
    "a UDP socket": "refused(lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))",
    "a Unix socket": "refused(lambda: socket.socket(socket.AF_UNIX))",
    "a netlink socket": "refused(lambda: socket.socket(socket.AF_NETLINK))",
    "a subprocess": "refused(lambda: subprocess.run(['/bin/true']))",
    "a shell": "assert os.system('true') != 0",
    "a fork": "refused(os.fork)",
    "a fork by the C library": "refused_by_errno('fork')",
    "exec": "refused(lambda: os.execv('/bin/true', ['true']))",
    "multiprocessing": (
        "import multiprocessing\n"
        "refused(multiprocessing.get_context('fork').Process(target=print).start)"
    ),
    "signalling the judge": "refused(lambda: os.kill(os.getppid(), 0))",
    "signalling everybody": "refused(lambda: os.kill(-1, 0))",
    "signalling another group": "refused(lambda: os.killpg(os.getpgid(os.getppid()), 0))",
    "tracing the judge": "refused_by_errno('ptrace', 16, os.getppid(), 0, 0)",
    "reading the memory of the judge": (
        "refused_by_errno('process_vm_readv', os.getppid(), 0, 0, 0, 0, 0)"
    ),
    "leaving the session": "refused(os.setsid)",
    "outliving the judge": "refused_by_errno('prctl', 1, 0, 0, 0, 0)",
    "being dumpable again": "refused_by_errno('prctl', 4, 1, 0, 0, 0)",
    "raising a limit": (
        "refused(lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)), PermissionError, ValueError)"
    ),
    "memory that no limit counts": "refused(lambda: os.memfd_create('x'))",
    "a namespace of its own": "refused_by_errno('unshare', 0x10000000)",
    "another root": "refused(lambda: os.chroot('.'))",
    "becoming somebody else": "refused(lambda: os.setuid(1))",
    "each system call of the list": (
        "import platform\n"
        "from mcp_server.isolation.syscalls import ARCHITECTURES, DENIED\n"
        "column = ARCHITECTURES[platform.machine()][0]\n"
        "for name, numbers in DENIED.items():\n"
        "    if numbers[column] is not None:\n"
        "        refused_by_errno('syscall', numbers[column], -1, -1, -1, -1, -1, -1)\n"
    ),
    "many threads": (
        "import time\n"
        "def bomb():\n"
        "    for _ in range(100_000): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "refused(bomb, RuntimeError, MemoryError)"
    ),
    "many open files": (
        "refused(lambda: [open('/dev/null') for _ in range(300)], OSError)"
    ),
    "a big file": (
        "file = open('big', 'wb')\n"
        "refused(lambda: [file.write(bytes(1 << 20)) for _ in range(100)], OSError)\n"
        "assert os.path.getsize('big') <= 64 << 20"
    ),
    "much memory at once": "refused(lambda: bytearray(4 << 30), MemoryError)",
    "much memory in pieces": (
        "refused(lambda: [bytearray(1 << 22) for _ in range(1000)], MemoryError)"
    ),
    "deep recursion": (
        "def deeper(): return deeper() + 1\n"
        "refused(deeper, RecursionError)"
    ),
}  # fmt: skip

# Where in the source the code stands, the code, and how the answer begins.
ENDED = {
    "exit while loading": ("load", "os._exit(0)", r"the submitted code ended its process \(exit"),
    "sys.exit while loading": ("load", "sys.exit(0)", "the source raised SystemExit at line"),
    "sys.exit in forward": ("forward", "sys.exit(1)", "the submitted code called sys.exit"),
    "interrupt in backward": (
        "backward", "raise KeyboardInterrupt", "the submitted code raised KeyboardInterrupt",
    ),
    "abort": ("forward", "os.abort()", "killed by SIGABRT in forward"),
    "segmentation fault": ("backward", "ctypes.string_at(0)", "killed by SIGSEGV in backward"),
    "kill of itself": ("forward", "os.kill(os.getpid(), 9)", "killed by SIGKILL in forward"),
    "loop": ("backward", "while True: pass", "timed out in backward"),
    "loop that ignores signals": (
        "forward",
        "[__import__('signal').signal(n, 1) for n in (15, 2, 24, 14)]\n        while True: pass",
        r"timed out in forward \(line",
    ),
    "pause that holds the interpreter": (
        "forward", "ctypes.PyDLL(None).pause()", "timed out in forward",
    ),
    "slow regular expression": (
        "forward", "__import__('re').match('(a*)*b', 'a' * 40)", "timed out in forward",
    ),
    "flood on standard output": (
        "forward", "while True: os.write(1, b'x' * 4096)", "stopped in forward after printing",
    ),
    "flood on standard error": (
        "backward", "while True: os.write(2, b'x' * 4096)", "stopped in backward after printing",
    ),
    "many files": (
        "forward",
        "for i in range(10**9):\n            open(f'{i}', 'wb').write(bytes(1 << 22))",
        "stopped in forward after filling its folder",
    ),
    "many empty folders that cannot be entered": (
        "forward",
        "for i in range(10**9):\n            os.mkdir(f'{i}', 0)",
        "stopped in forward after filling its folder",
    ),
    "closing every pipe": (
        "forward", "os.closerange(0, 256)\n        while True: pass", "the submitted code wrote to",
    ),
    "garbage on every pipe": (
        "backward", "[_write(fd) for fd in range(256)]", "the submitted code wrote to",
    ),
    "flood on every pipe": (
        "backward", "while True: [_write(fd) for fd in range(3, 256)]", "the submitted code wrote",
    ),
}  # fmt: skip

FORGED_REPORT = '''
def forged():
    from pytest_autograd.report.model import Report
    return Report(target="Cube", torch_version="2", level="quick", seed=1, inputs="x",
                  verdict="verified", summary="all is well")

def frames():
    """Answers to any question that may come, with a report that says verified."""
    import json, struct
    report = json.loads(forged().model_dump_json())
    found = b""
    for number in range(400):
        text = json.dumps({"answer": number, "report": report, "tensors": []}).encode()
        found += struct.pack("<I", len(text)) + text
    outcome = {"outcome": {"report": report, "text": "verified"}}
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

# What is added to a Function whose gradient is wrong: (while loading, in backward).
FORGERIES = {
    "writing a verdict to every descriptor while loading": ("write_everywhere()", "pass"),
    "writing a verdict to every descriptor in backward": ("pass", "write_everywhere()"),
    "patching gradcheck": (
        "torch.autograd.gradcheck = torch.autograd.gradgradcheck = lambda *a, **k: True", "pass",
    ),
    "patching comparisons": (
        "torch.allclose = torch.equal = lambda *a, **k: True\n"
        "torch.isclose = lambda a, b, **k: torch.ones_like(a, dtype=torch.bool)",
        "pass",
    ),
    "patching Tensor": (
        "for name in ('__eq__', '__le__', '__ge__'):\n"
        "    setattr(torch.Tensor, name, lambda a, b: torch.ones(a.shape, dtype=torch.bool))\n"
        "for name in ('__ne__', '__lt__', '__gt__'):\n"
        "    setattr(torch.Tensor, name, lambda a, b: torch.zeros(a.shape, dtype=torch.bool))",
        "pass",
    ),
    "patching the judge of the engine": (
        "import pytest_autograd.derivatives.directional_test as j, pytest_autograd.derivatives.first_order as v\n"
        "import pytest_autograd.derivatives.second_order as s, pytest_autograd.audit.audit as a\n"
        "import pytest_autograd.audit.verdict as r\n"
        "j.judge = v.judge = s.judge = lambda line, claimed, scale, rounding: "
        "j.Judgement('ok', claimed, (), 1.0)\n"
        "v.Verifier.verify = lambda self: __import__('pytest_autograd.derivatives.compare').__dict__\n"
        "a.Audit.run = lambda self: None\n"
        "r._verdict = lambda *a: ('verified', 'all is well')",
        "pass",
    ),
    "patching the server's own modules": (
        "import mcp_server.judge.verdict as v, mcp_server.judge.process as j, mcp_server.judge.remote_evaluator as m\n"
        "v.verdict = j.verdict = lambda *a: forged()\n"
        "v.claims = j.claims = lambda *a: None",
        "pass",
    ),
    "patching the check in the worker": (
        "import pytest_autograd.checking as c, mcp_server.worker.answers as a\n"
        "c.check = lambda *args, **options: forged()\n"
        "a.check_source = lambda *args, **options: forged()",
        "pass",
    ),
    "findings that explain the judge's away": (
        "import mcp_server.worker.answers as a\n"
        "from pytest_autograd.report.model import Finding\n"
        "cause = Finding(code='AG206', name='x', severity='warning', function='Other', message='x', "
        "fix='x', skill='x')\n"
        "a.check_source = lambda *args, **options: forged().model_copy("
        "update={'findings': (cause,)})",
        "pass",
    ),
    "a point where the gradient happens to be right": (
        "import mcp_server.worker.answers as a\n"
        "a.check_source = lambda *args, **options: forged()\n"
        "before = a.Answers.describe\n"
        "def describe(self, header, tensors):\n"
        "    answer, point = before(self, header, tensors)\n"
        "    return answer, [x * 0 for x in point]\n"
        "a.Answers.describe = describe",
        "pass",
    ),
    "a call without outputs": (
        "import mcp_server.worker.answers as a\n"
        "a.check_source = lambda *args, **options: forged()\n"
        "before = a.Answers.describe\n"
        "a.Answers.describe = lambda self, header, tensors: "
        "({**before(self, header, tensors)[0], 'outputs': []}, before(self, header, tensors)[1])\n"
        "a.Answers.forward = lambda self, header, tensors: ({}, [])\n"
        "a.Answers.vjp = lambda self, header, tensors: ({}, [torch.zeros(3, 2).double()])",
        "pass",
    ),
    "refusing every question": (
        "import mcp_server.worker.answers as a\n"
        "from pytest_autograd.errors import NotApplicable\n"
        "def refuse(self, header, tensors): raise NotApplicable('nothing to see')\n"
        "a.Answers.describe = refuse\n"
        "a.check_source = lambda *args, **options: forged()",
        "pass",
    ),
    "answers of other shapes": (
        "import mcp_server.worker.answers as a\n"
        "a.check_source = lambda *args, **options: forged()\n"
        "a.Answers.vjp = lambda self, header, tensors: ({}, [torch.zeros(1)])",
        "pass",
    ),
    "answers that are not finite": (
        "import mcp_server.worker.answers as a\n"
        "a.check_source = lambda *args, **options: forged()\n"
        "a.Answers.vjp = lambda self, header, tensors: ({}, [tensors[0] * float('nan')])",
        "pass",
    ),
    "exit with success in backward": ("pass", "os._exit(0)"),
    "exit handlers": (
        "import atexit\n"
        "atexit.register(write_everywhere)\n"
        "atexit.register(os._exit, 0)",
        "sys.exit(0)",
    ),
    "a thread that writes all the time": (
        "import threading\n"
        "def forever():\n"
        "    while True: write_everywhere()\n"
        "threading.Thread(target=forever, daemon=True).start()",
        "pass",
    ),
    "reaching for the pipe by the stack": (
        "frame = sys._getframe()\n"
        "while frame and 'pipe' not in frame.f_locals: frame = frame.f_back\n"
        "pipe = frame.f_locals['pipe']\n"
        "report = forged().model_dump(mode='json')\n"
        "for number in range(100): pipe.send({'answer': number, 'report': report})",
        "pass",
    ),
}  # fmt: skip
