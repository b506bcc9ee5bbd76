"""The line that a finding points at is the author's own, wherever the file lies."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from pytest_autograd import check
from pytest_autograd.source.load import load_file

SOURCE = """\
import torch
from torch.autograd import Function


class Scaled(Function):
    @staticmethod
    def forward(ctx, x):
        {forward}
        ctx.save_for_backward(x)
        return 3 * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        {backward}
        return 3 * grad_output
"""
BROKEN = "torch.stack([x, x.new_ones(x.shape[0] + 1)])  # here, though torch is what raises"


@pytest.mark.parametrize("folder", ["plain", "torch", "torch/nn/functional", "pytest_autograd"])
@pytest.mark.parametrize(("code", "method"), [("AG001", "forward"), ("AG002", "backward")])
def test_an_error_is_told_at_the_line_that_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, code: str, method: str
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / folder / "scaled_in_a_folder.py"
    path.parent.mkdir(parents=True)
    path.write_text(SOURCE.format(**{"forward": "pass", "backward": "pass"} | {method: BROKEN}))
    (line,) = [n for n, text in enumerate(path.read_text().splitlines(), 1) if "# here" in text]
    function = load_file(path).target("Scaled")
    report = check(function, torch.ones(3, dtype=torch.float64), level="quick")
    assert [(f.code, f.file, f.line) for f in report.findings] == [(code, str(path), line)]
