"""timm: the activations that save less memory."""

import pytest
from timm.layers import activations_me


@pytest.mark.parametrize("name", ["Swish", "Mish", "HardSigmoid", "HardSwish", "HardMish"])
def test_activation(name, draw):
    getattr(activations_me, f"{name}Me")()(draw(4, 5) * 2)
