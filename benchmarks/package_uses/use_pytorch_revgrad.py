"""pytorch_revgrad: the gradient reversed."""

from pytorch_revgrad import RevGrad


def test_reversal(draw):
    RevGrad(alpha=0.7).double()(draw(3, 4))
