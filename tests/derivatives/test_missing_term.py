"""The term that is missing from a gradient is named where cutting its path gives that gradient, and only there."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from along_lines import vector

from pytest_autograd.derivatives import missing_term as module
from pytest_autograd.derivatives.autograd_reference import OpenGraph
from pytest_autograd.derivatives.missing_term import missing_term
from pytest_autograd.derivatives.verdicts import Trial
from pytest_autograd.errors import NotApplicable

X, V = vector(0.5, -1.5, 4.0), vector(1.0, 2.0, -0.5)
EVALUATOR = SimpleNamespace(call=None, seed=0, output_names=["out"])


def centred(x):
    return x * x.exp() - x.mean()


FULL = V * (X.exp() + X * X.exp()) - V.mean()
TERMS = {
    "mean": V * (X.exp() + X * X.exp()),
    "exp": V * X.exp() - V.mean(),
}


@pytest.fixture
def open_graph(monkeypatch):
    """The graph of :func:`centred` in place of what a call would give; it takes the breaks to tell."""

    def patch(breaks=(), function=centred):
        def opened(call, seed, point):
            leaf = point[0].clone().requires_grad_()
            return OpenGraph([leaf], {"out": function(leaf)}, breaks)

        monkeypatch.setattr(module, "open_graph", opened)

    return patch


def named(got):
    return missing_term(EVALUATOR, Trial([X], [V], [X], [got], [centred(X)], path=None), 0)


@pytest.mark.parametrize("term", TERMS)
def test_term_is_named(open_graph, term):
    open_graph()
    assert named(TERMS[term]) == term


@pytest.mark.parametrize(
    "got", [FULL, 2 * FULL, torch.zeros_like(X), None], ids=["right", "other", "zeros", "none"]
)
def test_no_term_is_named_where_no_cut_fits(open_graph, got):
    open_graph()
    assert named(got) is None


@pytest.mark.parametrize(("off", "name"), [(0.9e-7, "mean"), (1.1e-7, None)])
def test_fit_is_to_a_ten_millionth(open_graph, off, name):
    open_graph()
    got = TERMS["mean"].clone()
    got[0] += off * got.abs().max()
    assert named(got) == name


def test_all_nodes_of_one_name_are_cut_together(open_graph):
    open_graph(function=lambda x: x + x.sin() + (2 * x).sin())
    assert named(V * (1 + 2 * (2 * X).cos())) == "sin"
    assert named(V) == "sin"


def test_nothing_is_named_where_forward_leaves_the_graph(open_graph, monkeypatch):
    open_graph(breaks=("detach",))
    assert named(TERMS["mean"]) is None

    def refuse(call, seed, point):
        raise NotApplicable("it cannot run")

    monkeypatch.setattr(module, "open_graph", refuse)
    assert named(TERMS["mean"]) is None
