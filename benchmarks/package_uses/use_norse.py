"""norse: thresholds of spiking neurons, adjoint methods."""

import norse.torch as norse
import pytest
import torch
from norse.torch.functional import threshold
from norse.torch.functional.adjoint import lif_adjoint
from norse.torch.functional.superspike import super_fn


@pytest.mark.parametrize(
    "name", ["HeaviErfc", "HeaviTanh", "Logistic", "HeaviCirc", "CircDist", "Triangle"]
)
def test_threshold(name, draw):
    getattr(threshold, name).apply(draw(4, 5), 0.5)


def test_superspike(draw):
    super_fn(draw(4, 5), torch.tensor(100.0, dtype=torch.float64))


def test_adjoint_step(draw):
    batch, size, inputs = 3, 4, 2
    lif_adjoint.LIFAdjointFunction.apply(
        draw(batch, inputs),
        draw(batch, size).gt(0).double(),
        draw(batch, size),
        draw(batch, size),
        draw(size, inputs),
        draw(size, size),
        norse.LIFParameters(),
        0.001,
    )


def test_feed_forward_adjoint_step(draw):
    lif_adjoint.LIFFeedForwardAdjointFunction.apply(
        draw(3, 4), draw(3, 4), draw(3, 4), norse.LIFParameters(), 0.001
    )


def test_spike_times(draw):
    from norse.torch.functional.spikes_to_times_decoder import ToSpikeTimes

    spikes = (draw(6, 2, 3, grad=False) > 0).double().requires_grad_()
    ToSpikeTimes.apply(spikes, torch.tensor(2))
