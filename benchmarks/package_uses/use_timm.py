"""timm: the activations that save less memory.

Their file is loaded by itself: the package wants torchvision, which must be built for the very same torch.
"""

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def activations():
    package = importlib.util.find_spec("timm")
    file = Path(package.submodule_search_locations[0]) / "layers" / "activations_me.py"
    spec = importlib.util.spec_from_file_location("timm.layers.activations_me", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where the source of a class is looked up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["Swish", "Mish", "HardSigmoid", "HardSwish", "HardMish"])
def test_activation(name, activations, draw):
    getattr(activations, f"{name}Me")()(draw(4, 5) * 2)
