"""seccomp: system calls that submitted code has no business making fail with EPERM."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

from mcp_server.isolation import syscalls as calls

_PR_SET_SECCOMP, _FILTER = 22, 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENT = 0, 4, 16
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_CLONE_THREAD = 0x00010000
_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA = 15, 16, 0x53564D41
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def restrict() -> bool:
    """Put the filter on this process for good; return whether the kernel holds to it.

    Needs ``no_new_privs`` and a process without other threads. False on an architecture whose
    numbers are not known here.
    """
    known = calls.ARCHITECTURES.get(platform.machine())
    if known is None or struct.calcsize("P") != 8:
        return False
    program = b"".join(_filter(*known, os.getpid()))
    header = _Program(len(program) // 8, program)
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(header), 0, 0) == 0


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, value & 0xFFFFFFFF)


_PERMIT = _step(_RETURN, _ALLOW)
_REFUSE = _step(_RETURN, _ERRNO | errno.EPERM)


def _filter(column: int, identity: int, second_numbering: int | None, pid: int) -> list[bytes]:
    steps = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, identity, yes=1),
        _step(_RETURN, _KILL_PROCESS),
        _step(_LOAD, _NUMBER),
    ]
    if second_numbering is not None:
        steps += [_step(_AT_LEAST, second_numbering, no=1), _REFUSE]
    for numbers in calls.DENIED.values():
        if (number := numbers[column]) is not None:
            steps += [_step(_EQUAL, number, no=1), _REFUSE]
    # glibc takes "no such call" as a sign to try clone, whose flags a filter can see
    no_such_call = _step(_RETURN, _ERRNO | errno.ENOSYS)
    steps += [_step(_EQUAL, calls.CLONE3[column], no=1), no_such_call]
    steps += _where(calls.CLONE[column], _only_threads())
    for signalling in (calls.KILL, calls.TGKILL):
        steps += _where(signalling[column], _only(0, [pid]))
    steps += _where(calls.PRCTL[column], _only(0, [_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA]))
    steps += _where(calls.PRLIMIT[column], _only_asking())
    steps += _where(calls.IOCTL[column], _none_of(1, [_TIOCSTI, _TIOCLINUX]))
    return [*steps, _PERMIT]


def _where(number: int, rule: list[bytes]) -> list[bytes]:
    """Apply ``rule``, which decides, to one call; go on with the next otherwise."""
    return [_step(_EQUAL, number, no=len(rule)), *rule]


def _argument(place: int, high: bool = False) -> bytes:
    return _step(_LOAD, _ARGUMENT + 8 * place + 4 * high)


def _only(place: int, values: list[int]) -> list[bytes]:
    tests = [part for value in values for part in (_step(_EQUAL, value, no=1), _PERMIT)]
    return [_argument(place), *tests, _REFUSE]


def _none_of(place: int, values: list[int]) -> list[bytes]:
    tests = [part for value in values for part in (_step(_EQUAL, value, no=1), _REFUSE)]
    return [_argument(place), *tests, _PERMIT]


def _only_threads() -> list[bytes]:
    return [_argument(0), _step(_ANY_BIT, _CLONE_THREAD, no=1), _PERMIT, _REFUSE]


def _only_asking() -> list[bytes]:
    """``prlimit`` with a null pointer for the new limit asks; with any other it sets."""
    low = [_argument(2), _step(_EQUAL, 0, yes=1), _REFUSE]
    high = [_argument(2, high=True), _step(_EQUAL, 0, yes=1), _REFUSE]
    return [*low, *high, _PERMIT]
