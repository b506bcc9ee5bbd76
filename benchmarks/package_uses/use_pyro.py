"""pyro: distributions with gradients of their own."""

import pyro.distributions as dist
import torch
from pyro.contrib.oed.eig import EwmaLog
from pyro.distributions.relaxed_straight_through import QuantizeBernoulli, QuantizeCategorical
from pyro.ops.special import safe_log


def test_safe_log(draw):
    safe_log(draw(4, 5).abs())


def test_safe_log_at_zero():
    safe_log(torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64, requires_grad=True))


def test_quantise(draw):
    QuantizeCategorical.apply(draw(4, 5).softmax(-1))
    QuantizeBernoulli.apply(draw(4, 5).sigmoid())


def test_moving_average(draw):
    EwmaLog(0.9)(draw(6).exp(), torch.tensor(0.0, dtype=torch.float64))


def test_optimal_mass_transport_sample(draw):
    factor = draw(3, 3, grad=False).tril(-1) + torch.eye(3)
    dist.OMTMultivariateNormal(draw(3), factor.double().requires_grad_()).rsample()


def test_adaptive_velocity_sample(draw):
    factor = (draw(3, 3, grad=False).tril(-1) + torch.eye(3)).requires_grad_()
    dist.AVFMultivariateNormal(draw(3), factor, draw(2, 2, 3)).rsample()


def test_scale_mixture_sample(draw):
    dist.GaussianScaleMixture(draw(3).exp(), draw(4), draw(4).exp()).rsample()


def test_mixture_sample(draw):
    dist.MixtureOfDiagNormals(draw(4, 3), draw(4, 3).exp(), draw(4)).rsample()


def test_mixture_of_shared_covariance_sample(draw):
    dist.MixtureOfDiagNormalsSharedCovariance(draw(4, 3), draw(3).exp(), draw(4)).rsample()
