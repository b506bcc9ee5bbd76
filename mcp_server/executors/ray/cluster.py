"""Connecting to a Ray cluster, in bounded time and with errors that name the mend."""

from __future__ import annotations

import logging
import threading
from types import ModuleType

CONNECTS_WITHIN = 12.0
_JOIN = (
    "make this machine a node of the cluster by ray start --address=HOST:PORT, with --num-cpus=0 "
    "if no checks shall run here"
)


class NoCluster(Exception):
    """There is no cluster to send checks to; the message names the mend."""


def connect(address: str, patience: float = CONNECTS_WITHIN) -> ModuleType:
    """Connect this process to the cluster at ``address`` and return Ray's own module."""
    if "://" in address:
        raise NoCluster(
            f"{address} is an address of Ray Client, which cannot follow checks: {_JOIN}, and name "
            "the HOST:PORT of its head"
        )
    try:
        import ray
    except ImportError:
        raise NoCluster("Ray is not installed: pip install 'pytest-autograd[ray]'") from None
    raised: list[BaseException] = []

    def initialize() -> None:
        try:
            # What the workers print stays in the logs of their nodes.
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
        except (Exception, SystemExit) as error:
            raised.append(error)

    # Where nothing answers, ray.init tries for minutes, in native code that no signal interrupts.
    trial = threading.Thread(target=initialize, daemon=True)
    trial.start()
    trial.join(patience)
    if trial.is_alive():
        raise NoCluster(
            f"no Ray cluster answered at {address} within {patience:g} s: start one there with "
            f"ray start --head, and name the address that it prints; {_JOIN}"
        )
    if raised:
        raise NoCluster(_said(address, raised[0]))
    return ray


def _said(address: str, error: BaseException) -> str:
    if isinstance(error, ConnectionError) and address == "auto":
        return (
            "this machine is part of no Ray cluster: make it a node of one by "
            "ray start --address=HOST:PORT"
        )
    return f"the Ray cluster at {address!r} cannot be used: {error}"
