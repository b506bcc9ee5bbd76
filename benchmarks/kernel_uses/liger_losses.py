"""Losses of Liger-Kernel, called as its own modules call them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from case import Case, draw
from liger import ops
from liger_kernel.ops.fused_linear_scaled_cross_entropy import _FusedLinearPPOFallbackFunction
from liger_kernel.ops.grpo_loss import GrpoLossFunction
from liger_kernel.ops.vocab_parallel_cross_entropy import LigerVocabParallelCEFunction
from torch import Tensor


def cross_entropy(logits, target, weight, ignore, z, smoothing, reduction, softcap, *_):
    if softcap:
        logits = softcap * torch.tanh(logits / softcap)
    loss = F.cross_entropy(
        logits, target, weight, ignore_index=ignore, label_smoothing=smoothing, reduction=reduction
    )
    if z:
        kept = (target != ignore).to(logits.dtype)
        each = z * logits.logsumexp(-1) ** 2 * kept
        loss = loss + {"mean": each.sum() / kept.sum(), "sum": each.sum(), "none": each}[reduction]
    return loss, None, None, None


def labels(tokens: int, vocabulary: int) -> Tensor:
    return torch.tensor([(3 * i + 1) % vocabulary for i in range(tokens - 1)] + [-100])


def linear_cross_entropy(x, w, target, bias, weight, ignore, z, smoothing, reduction, softcap, *_):
    return cross_entropy(
        F.linear(x, w, bias), target, weight, ignore, z, smoothing, reduction, softcap
    )


def log_probabilities(*shape: int, grad: bool = True) -> Tensor:
    return draw(*shape).log_softmax(-1).detach().requires_grad_(grad)


def probabilities(*shape: int, grad: bool = True) -> Tensor:
    return draw(*shape).softmax(-1).detach().requires_grad_(grad)


def kl(log_p, log_q):
    """KL(p || q)."""
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def jsd(student, teacher, shift, beta, ignore, *_):
    """Generalised Jensen-Shannon divergence of log-probabilities, its teacher first."""
    if beta == 0:
        each = kl(teacher, student)
    elif beta == 1:
        each = kl(student, teacher)
    else:
        mean = (beta * teacher.exp() + (1 - beta) * student.exp()).log()
        each = beta * kl(teacher, mean) + (1 - beta) * kl(student, mean)
    if shift is None:
        return each.mean()
    kept = shift != ignore
    return each[kept].sum() / kept.sum()


def linear_jsd(x, w, teacher, teacher_w, shift, beta, ignore, temperature, *_):
    own = F.linear(x, w).div(temperature).log_softmax(-1)
    theirs = F.linear(teacher, teacher_w).div(temperature).log_softmax(-1)
    return jsd(own, theirs, shift, beta, ignore)


def kl_div(pred, true, reduction, log_target, eps):
    return F.kl_div(pred, true, reduction=reduction, log_target=log_target)


def linear_kl_div(x, w, target, shift, reduction, ignore, temperature, *_):
    return F.kl_div(F.linear(x, w).div(temperature).log_softmax(-1), target, reduction=reduction)


def tvd(p, q, *_):
    return 0.5 * (p - q).abs().sum() / p.shape[0]


def ce_tvd(student, teacher, target, ignore):
    kept = (target != ignore).to(student.dtype)
    distance = 0.5 * (student.softmax(-1) - teacher.softmax(-1)).abs().sum(-1)
    return F.cross_entropy(student, target, ignore_index=ignore, reduction="none"), distance * kept


def scaled_cross_entropy(x, w, target, temperature, ignore, *_):
    logits = F.linear(x, w) / temperature
    kept = (target != ignore).to(x.dtype)
    p = logits.log_softmax(-1)
    return F.cross_entropy(logits, target, ignore_index=ignore, reduction="none"), -(
        p.exp() * p
    ).sum(-1) * kept


def vocabulary_cross_entropy(logits, target, group, ignore, *_):
    return F.cross_entropy(
        logits.flatten(0, 1), target.flatten(), ignore_index=ignore, reduction="none"
    ).view(target.shape)


def grpo(logits, old, ref, ids, advantages, mask, temperature, beta, low, high, *_):
    logp = (logits[:, :-1] / temperature).log_softmax(-1).gather(-1, ids.unsqueeze(-1)).squeeze(-1)
    ratio = (logp - old).exp()
    a = advantages[:, None]
    each = -torch.minimum(ratio * a, ratio.clamp(1 - low, 1 + high) * a)
    if not beta:
        return each, None, None
    divergence = (ref - logp).exp() - (ref - logp) - 1
    return each + beta * divergence, divergence, None


def old_policy() -> tuple[Tensor, ...]:
    """Logits with log-probabilities of a policy near by, so that few ratios are clipped."""
    logits = draw(2, 4, 6)
    ids = torch.randint(6, (2, 3))
    logp = (logits.detach()[:, :-1] / 0.9).log_softmax(-1).gather(-1, ids.unsqueeze(-1)).squeeze(-1)
    near, far = logp + 0.05 * torch.randn(2, 3), logp + 0.1 * torch.randn(2, 3)
    return logits, near, far, ids, torch.tensor([0.8, -0.6])


def ce(logits: Tensor, **options) -> tuple:
    given = (
        dict(weight=None, ignore=-100, z=0.0, smoothing=0.0, reduction="mean", softcap=None)
        | options
    )
    return (logits, labels(*logits.shape), *given.values(), False, False, False)


def linear_ce(x: Tensor, w: Tensor, bias: Tensor | None, **options) -> tuple:
    given = (
        dict(weight=None, ignore=-100, z=0.0, smoothing=0.0, reduction="mean", softcap=None)
        | options
    )
    return (
        x,
        w,
        labels(x.shape[0], w.shape[0]),
        bias,
        *given.values(),
        False,
        None,
        False,
        False,
        False,
    )


KEPT = ("ctx.saved_tensors",)  # gradients that forward computed and backward scales where they lie

CASES = [
    Case(
        "cross_entropy",
        ops.LigerCrossEntropyFunction,
        lambda: ce(draw(4, 7)),
        cross_entropy,
        ("_input",),
    ),
    Case(
        "cross_entropy, smoothed, capped",
        ops.LigerCrossEntropyFunction,
        lambda: ce(draw(4, 7), z=1e-2, smoothing=0.1, softcap=5.0),
        cross_entropy,
        ("_input",),
    ),
    Case(
        "cross_entropy, not reduced",
        ops.LigerCrossEntropyFunction,
        lambda: ce(draw(4, 7), reduction="none"),
        cross_entropy,
        ("_input",),
    ),
    Case(
        "fused_linear_cross_entropy",
        ops.LigerFusedLinearCrossEntropyFunction,
        lambda: linear_ce(draw(4, 6), draw(7, 6), draw(7)),
        linear_cross_entropy,
        KEPT,
    ),
    Case(
        "fused_linear_cross_entropy, not reduced",
        ops.LigerFusedLinearCrossEntropyFunction,
        lambda: linear_ce(draw(4, 6), draw(7, 6), None, reduction="none"),
        linear_cross_entropy,
    ),
    Case(
        "fused_linear_jsd",
        ops.LigerFusedLinearJSDFunction,
        lambda: (
            draw(4, 6),
            draw(7, 6),
            draw(4, 6, grad=False),
            draw(7, 6, grad=False),
            None,
            0.5,
            -100,
            1.5,
            None,
        ),
        linear_jsd,
        KEPT,
    ),
    Case(
        "fused_linear_kl_div",
        ops.LigerFusedLinearKLDivFunction,
        lambda: (
            draw(4, 6),
            draw(7, 6),
            probabilities(4, 7, grad=False),
            None,
            "batchmean",
            -100,
            1.5,
            1e-10,
            None,
        ),
        linear_kl_div,
        KEPT,
    ),
    Case(
        "fused_linear_scaled_cross_entropy",
        _FusedLinearPPOFallbackFunction,
        lambda: (draw(4, 6), draw(7, 6), labels(4, 7), 1.5, -100, True),
        scaled_cross_entropy,
    ),
    Case(
        "jsd",
        ops.LigerJSDFunction,
        lambda: (log_probabilities(4, 7), log_probabilities(4, 7, grad=False), None, 0.5, -100),
        jsd,
    ),
    Case(
        "kl_div",
        ops.LigerKLDivLossFunction,
        lambda: (
            log_probabilities(4, 7),
            probabilities(4, 7, grad=False),
            "batchmean",
            False,
            1e-10,
        ),
        kl_div,
    ),
    Case(
        "tvd",
        ops.LigerTVDLossFunction,
        lambda: (probabilities(4, 7), probabilities(4, 7, grad=False), None, "batchmean", -100),
        tvd,
    ),
    Case(
        "fused_ce_tvd",
        ops.LigerFusedCETVDFunction,
        lambda: (draw(4, 7), draw(4, 7, grad=False), labels(4, 7), -100),
        ce_tvd,
    ),
    Case(
        "vocab_parallel_cross_entropy",
        LigerVocabParallelCEFunction,
        lambda: (draw(2, 2, 7), labels(4, 7).view(2, 2), None, -100, 0.0, "nemo", "none"),
        vocabulary_cross_entropy,
        KEPT,
    ),
    Case(
        "grpo_loss",
        GrpoLossFunction,
        lambda: (*old_policy(), None, 0.9, 0.0, 0.2, 0.4, False, "grpo", None, False),
        grpo,
    ),
    Case(
        "grpo_loss, in place",
        GrpoLossFunction,
        lambda: (*old_policy(), None, 0.9, 0.0, 0.2, 0.4, True, "grpo", None, False),
        grpo,
        ("logits",),
    ),
    Case(
        "grpo_loss, with a KL term",
        GrpoLossFunction,
        lambda: (*old_policy(), None, 0.9, 0.04, 0.2, 0.4, False, "grpo", None, False),
        grpo,
    ),
]
