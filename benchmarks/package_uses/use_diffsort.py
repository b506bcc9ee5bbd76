"""diffsort: sorting networks with a relaxed swap."""

from diffsort import DiffSortNet


def test_gaussian_swap(draw):
    DiffSortNet("odd_even", 4, distribution="gaussian", steepness=3.0)(draw(2, 4))
