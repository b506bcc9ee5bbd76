"""User namespaces: where seccomp is not to be had, a network of its own without any interface."""

from __future__ import annotations

import ctypes

_NEW_IPC, _NEW_USER, _NEW_NETWORK = 0x08000000, 0x10000000, 0x40000000


def leave_network() -> bool:
    """Move this process to a network and IPC namespace of its own; return whether it worked."""
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.unshare(_NEW_USER | _NEW_NETWORK | _NEW_IPC) == 0
