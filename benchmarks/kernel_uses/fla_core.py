"""Functions of fla-core, called as its own modules and operators call them."""

from __future__ import annotations

import interpreter  # noqa: F401  before the package
import torch
import torch.nn.functional as F
from case import Case, draw
from fla.modules.activations import ops as activations
from fla.modules.fused_cross_entropy.ops import FusedCrossEntropyFunction
from fla.modules.fused_kl_div.ops import FusedKLDivLossFunction
from fla.modules.fused_linear_cross_entropy.ops import FusedLinearCrossEntropyFunction
from fla.modules.norm.fused_norm_gate import LayerNormGatedFunction
from fla.modules.norm.l2norm import L2NormFunction
from fla.modules.norm.layernorm import LayerNormFunction, LayerNormLinearFunction
from fla.modules.norm.layernorm_gated import LayerNormFn
from fla.modules.rotary.ops import RotaryEmbeddingFunction
from fla.modules.token_shift import TokenShift
from fla.ops.common.gate import BetaSigmoidFunction
from fla.ops.delta_rule.fused_recurrent import FusedRecurrentFunction as DeltaRuleFunction
from fla.ops.gated_delta_rule.gate import GDNGateFunction
from fla.ops.hgrn.fused_recurrent import FusedRecurrentHGRNFunction
from fla.ops.kda.gate import KDAGateFunction
from fla.ops.rwkv7.channel_mixing import Rwkv7ChannelMixing
from fla.ops.rwkv7.fused_addcmul import Rwkv7FusedAddcmul
from fla.ops.rwkv7.fused_k_update import KUpdateFunction
from fla.ops.rwkv7.gate_output_correction import GateOutputCorrection
from fla.ops.utils.pooling import MeanPoolingFunction
from torch import Tensor

ACTIVATIONS = [
    Case("sigmoid", activations.SigmoidFunction, lambda: (draw(3, 8),), torch.sigmoid),
    Case("elu_p1", activations.ELUPlusOneFunction, lambda: (draw(3, 8),), lambda x: F.elu(x) + 1),
    Case(
        "logsigmoid",
        activations.LogSigmoidFunction,
        lambda: (draw(3, 8), 2.0),
        lambda x, temperature: F.logsigmoid(x) / temperature,
    ),
    Case("swish", activations.SwishFunction, lambda: (draw(3, 8),), F.silu),
    Case(
        "bias_gelu",
        activations.GeLUFunction,
        lambda: (draw(3, 8), draw(8)),
        lambda x, bias: F.gelu(x + bias, approximate="tanh"),
    ),
    Case(
        "fast_gelu",
        activations.FastGeLUFunction,
        lambda: (draw(3, 8),),
        lambda x: F.gelu(x, approximate="tanh"),
    ),
    Case(
        "sqrelu", activations.SquaredReLUFunction, lambda: (draw(3, 8),), lambda x: F.relu(x) ** 2
    ),
    Case(
        "swiglu",
        activations.SwiGLUFunction,
        lambda: (draw(3, 8), draw(3, 8)),
        lambda x, y: F.silu(x) * y,
    ),
    Case(
        "swiglu_linear",
        activations.SwiGLULinearFunction,
        lambda: (draw(3, 8), draw(3, 8), draw(5, 8), draw(5)),
        lambda x, y, w, b: F.linear(F.silu(x) * y, w, b),
    ),
    Case(
        "sigmoid_glu",
        activations.SigmoidGLUFunction,
        lambda: (draw(3, 8), draw(3, 8)),
        lambda x, y: x.sigmoid() * y,
    ),
]

# ---- norms


def normed(x: Tensor, is_rms: bool, eps: float) -> Tensor:
    moved = x if is_rms else x - x.mean(-1, keepdim=True)
    return moved * torch.rsqrt(moved.pow(2).mean(-1, keepdim=True) + eps)


def layer_norm(x, w, b, residual, eps, prenorm, _, is_rms):
    total = x if residual is None else x + residual
    out = normed(total, is_rms, eps) * w + (0 if b is None else b)
    return (out, total) if prenorm else out


def layer_norm_linear(x, w, b, weight, bias, residual, eps, *_):
    return F.linear(normed(x, False, eps) * w + b, weight, bias)


def gated_norm(x, g, w, b, activation, residual, eps, prenorm, _, is_rms):
    gate = F.silu(g) if activation == "swish" else g.sigmoid()
    return (normed(x, is_rms, eps) * w + (0 if b is None else b)) * gate


def mamba_norm(x, w, b, z, eps, group, norm_first, is_rms):
    return (normed(x, is_rms, eps) * w + b) * F.silu(z)


NORMS = [
    Case(
        "l2norm",
        L2NormFunction,
        lambda: (draw(2, 3, 8), 1e-6, None),
        lambda x, eps, _: x * torch.rsqrt(x.pow(2).sum(-1, keepdim=True) + eps),
    ),
    Case(
        "layer_norm",
        LayerNormFunction,
        lambda: (draw(3, 8), draw(8), draw(8), None, 1e-5, False, False, False),
        layer_norm,
    ),
    Case(
        "rms_norm with a residual",
        LayerNormFunction,
        lambda: (draw(3, 8), draw(8), None, draw(3, 8), 1e-5, True, False, True),
        layer_norm,
    ),
    Case(
        "layer_norm_linear",
        LayerNormLinearFunction,
        lambda: (draw(3, 8), draw(8), draw(8), draw(5, 8), draw(5), None, 1e-5),
        layer_norm_linear,
    ),
    Case(
        "rms_norm_gated",
        LayerNormGatedFunction,
        lambda: (draw(3, 8), draw(3, 8), draw(8), None, "swish", None, 1e-5, False, False, True),
        gated_norm,
    ),
    Case(
        "layer_norm_gated, of Mamba",
        LayerNormFn,
        lambda: (draw(3, 8), draw(8), draw(8), draw(3, 8), 1e-5, None, True, False),
        mamba_norm,
    ),
]

# ---- losses


def targets(tokens: int, vocabulary: int) -> Tensor:
    return torch.tensor([(3 * i + 1) % vocabulary for i in range(tokens - 1)] + [-100])


def cross_entropy(logits, target, smoothing, scale, z, cap, ignore, *_):
    scaled = logits * scale
    each = F.cross_entropy(
        scaled, target, ignore_index=ignore, reduction="none", label_smoothing=smoothing
    )
    return each + z * scaled.logsumexp(-1) ** 2 * (target != ignore), None


def linear_cross_entropy(x, target, w, b, ignore, smoothing, scale, *_):
    logits = F.linear(x, w, b) * scale
    return F.cross_entropy(logits, target, ignore_index=ignore, label_smoothing=smoothing)


def kl_div(x, teacher, w, teacher_w, *_):
    own, theirs = F.linear(x, w).log_softmax(-1), F.linear(teacher, teacher_w).softmax(-1)
    return F.kl_div(own, theirs, reduction="batchmean")


LOSSES = [
    Case(
        "fused_cross_entropy",
        FusedCrossEntropyFunction,
        lambda: (draw(4, 7), targets(4, 7), 0.1, 0.7, 1e-2, None, -100, False),
        cross_entropy,
    ),
    Case(
        "fused_cross_entropy, in place",
        FusedCrossEntropyFunction,
        lambda: (draw(4, 7), targets(4, 7), 0.0, 1.0, 0.0, None, -100, True),
        cross_entropy,
        ("logits",),
    ),
    Case(
        "fused_linear_cross_entropy",
        FusedLinearCrossEntropyFunction,
        lambda: (draw(4, 6), targets(4, 7), draw(7, 6), draw(7), -100, 0.0, 1.0, None, 2),
        linear_cross_entropy,
    ),
    Case(
        "fused_kl_div",
        FusedKLDivLossFunction,
        lambda: (
            *(draw(4, 6), draw(4, 6, grad=False), draw(7, 6), draw(7, 6, grad=False)),
            *("batchmean", True, True),
        ),
        kl_div,
    ),
]

# ---- along the sequence


def rotary(x, cos, sin, *_):
    left, right = x.chunk(2, -1)
    cos, sin = cos[:, None, :], sin[:, None, :]
    return torch.cat((left * cos - right * sin, right * cos + left * sin), -1)


def angles(steps: int, half: int) -> tuple[Tensor, Tensor]:
    angle = torch.rand(steps, half) * 3
    return angle.cos(), angle.sin()


def token_shift(x, *_):
    return F.pad(x, (0, 0, 1, -1)) - x, None


def mean_pooling(x, size, _):
    return torch.stack([part.mean(1) for part in x.split(size, 1)], 1)


def gdn_gate(g, a, bias, *_):
    return -a.exp() * F.softplus(g + bias)


def kda_gate(g, a, bias, *_):
    return -a.exp().unsqueeze(-1) * F.softplus(g + bias.view(g.shape[-2:]))


def hgrn(x, g, start, *_):
    state, states = start, []
    for t in range(x.shape[1]):
        state = g[:, t].exp() * state + x[:, t]
        states.append(state)
    return torch.stack(states, 1), state


def delta_rule(q, k, v, beta, scale, start, *_):
    state, out = start, []
    for t in range(q.shape[1]):
        seen = torch.einsum("bhkv,bhk->bhv", state, k[:, t])
        new = (v[:, t] - seen) * beta[:, t, :, None]
        state = state + torch.einsum("bhk,bhv->bhkv", k[:, t], new)
        out.append(torch.einsum("bhkv,bhk->bhv", state, q[:, t] * scale))
    return torch.stack(out, 1), state


def channel_mixing(x, before, mix, key, value, _):
    moved = torch.cat((before.unsqueeze(1), x[:, :-1]), 1)
    return F.relu((x + (moved - x) * mix) @ key) ** 2 @ value


def output_correction(o, r, k, r_k, v, g):
    return (o + ((r * k * r_k).sum(-1, keepdim=True) * v).flatten(-2)) * g


SEQUENCES = [
    Case(
        "rotary",
        RotaryEmbeddingFunction,
        lambda: (draw(2, 4, 2, 8), *angles(4, 4), False, False),
        rotary,
    ),
    Case(
        "rotary, in place",
        RotaryEmbeddingFunction,
        lambda: (draw(2, 4, 2, 8), *angles(4, 4), False, True),
        rotary,
        ("x", "grad_output"),
    ),
    Case("token_shift", TokenShift, lambda: (draw(2, 4, 8), None, None, False), token_shift),
    Case("mean_pooling", MeanPoolingFunction, lambda: (draw(2, 6, 2, 4), 4, None), mean_pooling),
    Case(
        "beta_sigmoid",
        BetaSigmoidFunction,
        lambda: (draw(2, 4, 3), 2.0),
        lambda x, s: s * x.sigmoid(),
    ),
    Case("gdn_gate", GDNGateFunction, lambda: (draw(2, 4, 3), draw(3), draw(3)), gdn_gate),
    Case("kda_gate", KDAGateFunction, lambda: (draw(2, 3, 2, 4), draw(2), draw(8)), kda_gate),
    Case(
        "hgrn, recurrent",
        FusedRecurrentHGRNFunction,
        lambda: (draw(2, 4, 8), draw(2, 4, 8, shift=-1.0, scale=0.3), draw(2, 8), True, None),
        hgrn,
    ),
    Case(
        "delta_rule, recurrent",
        DeltaRuleFunction,
        lambda: (
            *(draw(1, 4, 2, 8), draw(1, 4, 2, 8, scale=0.3), draw(1, 4, 2, 8), draw(1, 4, 2)),
            *(8**-0.5, draw(1, 2, 8, 8), True),
        ),
        delta_rule,
    ),
    Case(
        "rwkv7 addcmul",
        Rwkv7FusedAddcmul,
        lambda: (draw(2, 4, 8), draw(2, 4, 8), *(draw(1, 1, 8) for _ in range(6))),
        lambda x, delta, *mixes: tuple(x + delta * mix for mix in mixes),
        ("hidden_states",),
    ),
    Case(
        "rwkv7 k_update",
        KUpdateFunction,
        lambda: (draw(2, 4, 8), draw(2, 4, 8), draw(1, 1, 8)),
        lambda k, a, ka: k * (1 + (a - 1) * ka),
    ),
    Case(
        "rwkv7 channel_mixing",
        Rwkv7ChannelMixing,
        lambda: (draw(2, 4, 8), draw(2, 8), draw(8), draw(8, 6), draw(6, 8), True),
        channel_mixing,
        ("x", "x_prev"),
    ),
    Case(
        "rwkv7 output_correction",
        GateOutputCorrection,
        lambda: (
            *(draw(2, 3, 8), draw(2, 3, 2, 4), draw(2, 3, 2, 4)),
            *(draw(2, 4), draw(2, 3, 2, 4), draw(2, 3, 8)),
        ),
        output_correction,
    ),
]

CASES = [*ACTIVATIONS, *NORMS, *LOSSES, *SEQUENCES]
