"""snntorch: surrogate gradients of spikes, quantised states, losses of spike times."""

import pytest
import torch
from snntorch import functional, surrogate
from snntorch.functional.quant import state_quant


@pytest.mark.parametrize(
    "name",
    [
        "straight_through_estimator",
        "triangular",
        "fast_sigmoid",
        "atan",
        "heaviside",
        "sigmoid",
        "spike_rate_escape",
        "SFS",
    ],
)
def test_surrogate(name, draw):
    made = getattr(surrogate, name)()
    made(draw(4, 5))


def test_quantised_state(draw):
    state_quant(num_bits=3)(draw(4, 5))


def test_leaky_operator(draw):
    with pytest.raises(
        TypeError, match="variance"
    ):  # it applies the Function of the stochastic operator
        surrogate.LSO()(draw(4, 5))


def test_stochastic_operator(draw):
    surrogate.SSO()(draw(4, 5))


@pytest.mark.parametrize("kind", ["ce_temporal_loss", "mse_temporal_loss"])
def test_temporal_loss(kind, draw):
    spikes = (draw(6, 3, 4, grad=False) > 0.3).double().requires_grad_()
    getattr(functional, kind)()(spikes.float(), torch.tensor([0, 3, 1]))
