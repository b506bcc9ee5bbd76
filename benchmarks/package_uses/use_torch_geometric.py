"""torch_geometric: cross entropy of sparse labels."""

import torch
from torch_geometric.utils.cross_entropy import sparse_cross_entropy


def test_cross_entropy_of_sparse_labels(draw):
    labels = torch.tensor([[0, 0, 1, 3], [1, 2, 0, 2]])
    sparse_cross_entropy(draw(4, 3), labels)


def test_with_weights(draw):
    labels = torch.tensor([[0, 0, 1, 3], [1, 2, 0, 2]])
    weights = draw(4).exp().detach()
    sparse_cross_entropy(draw(4, 3), labels, weights)
