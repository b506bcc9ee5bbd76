"""brevitas: straight-through estimators of quantisation."""

import pytest
import torch
from brevitas.ops import autograd_ste_ops as ste


@pytest.mark.parametrize(
    "name",
    [
        "round_ste",
        "ceil_ste",
        "floor_ste",
        "binary_sign_ste",
        "ternary_sign_ste",
        "round_to_zero_ste",
        "dpu_round_ste",
        "abs_binary_sign_grad",
    ],
)
def test_rounding(name, draw):
    getattr(ste, f"{name}_impl")(draw(4, 5) * 3)


def test_clamp_to_numbers(draw):
    ste.scalar_clamp_ste_impl(draw(4, 5), -0.5, 0.7)
    ste.scalar_clamp_min_ste_impl(draw(4, 5), -0.5)


def test_clamp_to_tensors(draw):
    low, high = torch.tensor(-0.5, dtype=torch.float64), torch.tensor(0.7, dtype=torch.float64)
    ste.tensor_clamp_ste_impl(draw(4, 5), low, high)
    ste.tensor_clamp_ste_impl_(draw(4, 5) * 1, low, high)
