"""Landlock: this process and its children read and write only beneath the folders named."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every architecture
_VERSION = 1
_PATH_BENEATH = 1
_READ_FILE, _READ_DIR, _WRITE_FILE = 1 << 2, 1 << 3, 1 << 1
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_FILE, _MAKE_SYMLINK = (
    1 << bit for bit in (4, 5, 7, 8, 12)
)
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_READ = _READ_FILE | _READ_DIR
_WRITE = (
    _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _MAKE_SYMLINK
)  # no devices, pipes or sockets
_FILE_RIGHTS = 1 << 0 | _READ_FILE | _WRITE_FILE | _TRUNCATE
_ALL_TCP = 0b11
_SIGNALS_AND_SOCKETS = 0b11
_TRUNCATE_FROM, _DEVICES_FROM, _TCP_FROM, _SCOPES_FROM = 3, 5, 4, 6


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


_libc = ctypes.CDLL(None, use_errno=True)


def _call(number: int, *args: object) -> int:
    return _libc.syscall(ctypes.c_long(number), *args)


def version() -> int:
    """Return the version of the kernel's Landlock, 0 where it has none."""
    return max(_call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)), 0)


def restrict(readable: Iterable[str], writable: Iterable[str]) -> bool:
    """Allow only these trees, for good; return whether the kernel holds to it.

    Needs ``no_new_privs``. False before version 3, where a file outside could still be truncated.
    """
    abi = version()
    if abi < _TRUNCATE_FROM:
        return False
    handled = (1 << (16 if abi >= _DEVICES_FROM else 15)) - 1
    tcp = _ALL_TCP if abi >= _TCP_FROM else 0
    scopes = _SIGNALS_AND_SOCKETS if abi >= _SCOPES_FROM else 0
    attributes = _Ruleset(handled, tcp, scopes)
    size = 24 if scopes else 16 if tcp else 8
    ruleset = _call(_CREATE, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    try:
        for paths, rights in ((readable, _READ), (writable, _WRITE | _REFER | _TRUNCATE)):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        return _call(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0)) == 0
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Allow one tree; a path that does not exist needs no permission."""
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        allowed = rights if os.path.isdir(path) else rights & _FILE_RIGHTS
        rule = _Beneath(allowed, opened)
        pointer = ctypes.byref(rule)
        _call(_ADD, ctypes.c_int(ruleset), _PATH_BENEATH, pointer, ctypes.c_uint32(0))
    finally:
        os.close(opened)
