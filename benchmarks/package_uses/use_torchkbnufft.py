"""torchkbnufft: Fourier transforms at uneven frequencies, by table and by sparse matrix."""

import math

import pytest
import torch
import torchkbnufft as tkbn


@pytest.fixture
def frequencies(draw):
    return draw(2, 7, grad=False).tanh() * math.pi


def test_forward_by_table(draw, frequencies):
    image = torch.complex(draw(1, 1, 6, 6), draw(1, 1, 6, 6))
    tkbn.KbNufft(im_size=(6, 6), numpoints=3, dtype=torch.complex128)(image, frequencies)


def test_adjoint_by_table(draw, frequencies):
    data = torch.complex(draw(1, 1, 7), draw(1, 1, 7))
    tkbn.KbNufftAdjoint(im_size=(6, 6), numpoints=3, dtype=torch.complex128)(data, frequencies)


def test_forward_by_matrix(draw, frequencies):
    matrices = tkbn.calc_tensor_spmatrix(frequencies, im_size=(6, 6), numpoints=3)
    image = torch.complex(draw(1, 1, 6, 6), draw(1, 1, 6, 6))
    tkbn.KbNufft(im_size=(6, 6), numpoints=3, dtype=torch.complex128)(image, frequencies, matrices)


def test_adjoint_by_matrix(draw, frequencies):
    matrices = tkbn.calc_tensor_spmatrix(frequencies, im_size=(6, 6), numpoints=3)
    data = torch.complex(draw(1, 1, 7), draw(1, 1, 7))
    tkbn.KbNufftAdjoint(im_size=(6, 6), numpoints=3, dtype=torch.complex128)(
        data, frequencies, matrices
    )
