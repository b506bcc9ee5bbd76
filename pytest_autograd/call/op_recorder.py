"""Which custom ops of ``torch.library`` a callable calls, and with what."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch._ops import OpOverload, OpOverloadPacket
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from pytest_autograd.call.call import Call
from pytest_autograd.call.target import make_call
from pytest_autograd.errors import CheckError

#: Namespaces of ops that torch itself ships.
SHIPPED = frozenset(
    (
        *(
            "aten",
            "prims",
            "prim",
            "_prims_common",
            "profiler",
            "quantized",
            "_quantized",
            "inductor",
        ),
        *("c10d", "_c10d_functional", "higher_order", "debugprims", "rngprims", "streams", "fsdp"),
        *("mkldnn", "mkldnn_prepacked", "mkl", "sparse", "xnnpack", "prepacked", "torchvision"),
    )
)


class OpRecorder(TorchFunctionMode):
    """Keeps the first call of each op and signature in which a gradient is wanted."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: dict[str, Call] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if isinstance(func, OpOverload | OpOverloadPacket):
            self._see(func, args, kwargs)
        return func(*args, **kwargs)

    def calls(self) -> list[Call]:
        """Return one call per distinct op, shapes and dtypes."""
        return list(self._calls.values())

    def _see(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        leaves = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if _namespace(op) in SHIPPED or not any(leaf.requires_grad for leaf in leaves):
            return
        key = f"{op} {[(leaf.dtype, tuple(leaf.shape), leaf.requires_grad) for leaf in leaves]}"
        if key not in self._calls:
            given, keywords = pytree.tree_map(_copy, (args, kwargs))
            try:
                self._calls[key] = make_call(op, given, keywords).laid_like(leaves)
            except CheckError:  # nothing of it can have a gradient
                return


def _namespace(op: Any) -> str:
    name = op.name() if isinstance(op, OpOverload) else op._qualified_op_name
    return name.partition("::")[0]


def _copy(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.detach().clone().requires_grad_(value.requires_grad)
