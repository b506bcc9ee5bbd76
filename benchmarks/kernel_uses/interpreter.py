"""What Triton's interpreter lacks on a machine without a GPU; imported before the package under test."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from triton.language.extra import libdevice
from triton.runtime import interpreter
from triton.runtime.autotuner import Autotuner

_given = interpreter._implicit_cvt


def _scalar(arg: Any) -> Any:
    """Pass a Python float as the compiler does, as a float32; refuse bfloat16, which it computes as integers."""
    if isinstance(arg, torch.Tensor) and arg.dtype == torch.bfloat16:
        raise TypeError("the interpreter has no bfloat16")
    if isinstance(arg, float):
        return tl.tensor(
            interpreter.TensorHandle(np.array([arg], dtype=np.float32), tl.float32), tl.float32
        )
    return _given(arg)


def _first_config(self: Autotuner, *args: Any, **kwargs: Any) -> Any:
    """Run with the first configuration: there is no device to time them on."""
    chosen = self.configs[0]
    if chosen.pre_hook is not None:
        chosen.pre_hook({**dict(zip(self.arg_names, args, strict=False)), **kwargs})
    return self.fn.run(*args, **{**chosen.all_kwargs(), **kwargs})


def _tanh(x: Any) -> Any:
    return 2 * tl.sigmoid(2 * x) - 1


def _log1p(x: Any) -> Any:
    return tl.log(1 + x)


interpreter._implicit_cvt = _scalar
Autotuner.run = _first_config
libdevice.tanh = _tanh
libdevice.log1p = _log1p
libdevice.rsqrt = lambda x: tl.rsqrt(x)
libdevice.exp = lambda x: tl.exp(x)
libdevice.exp2 = lambda x: tl.exp2(x)
torch.cuda.get_device_properties = lambda device=None: SimpleNamespace(
    multi_processor_count=2, major=8, minor=0, total_memory=2**34, name="interpreter"
)
triton.runtime.driver.set_active(
    SimpleNamespace(
        get_current_target=lambda: SimpleNamespace(backend="cpu", arch="", warp_size=32),
        utils=SimpleNamespace(
            get_device_properties=lambda device=0: {
                "multiprocessor_count": 2,
                "max_shared_mem": 2**17,
            }
        ),
        get_current_device=lambda: 0,
        get_device_interface=lambda: torch.cpu,
    )
)
