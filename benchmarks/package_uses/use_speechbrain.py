"""speechbrain: quaternion layers, scaled gradients."""

from speechbrain.lobes.models.beats import GradMultiply
from speechbrain.nnet.quaternion_networks.q_ops import QuaternionLinearCustomBackward


def test_quaternion_product(draw):
    QuaternionLinearCustomBackward.apply(
        draw(3, 8), draw(2, 3), draw(2, 3), draw(2, 3), draw(2, 3), draw(12)
    )


def test_scaled_gradient(draw):
    GradMultiply.apply(draw(3, 4), 0.5)
