"""Submitted code that means harm: what must be refused, and what must be ended."""

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
        "over = threading.Event()\n"
        "def bomb():\n"
        "    for _ in range(100_000): threading.Thread(target=over.wait, args=(60,), daemon=True).start()\n"
        "refused(bomb, RuntimeError, MemoryError)\n"
        "over.set()"
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
