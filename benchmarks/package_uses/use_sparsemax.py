"""sparsemax."""

import pytest
from sparsemax import Sparsemax


@pytest.mark.parametrize("dim", [-1, 0])
def test_sparsemax(dim, draw):
    Sparsemax(dim=dim)(draw(3, 6))
