"""Layers of Liger-Kernel, called as its own modules call them."""

from __future__ import annotations

import copy
import math

import interpreter  # noqa: F401  before the package
import liger_kernel.utils
import torch
import torch.nn.functional as F
from case import Case, draw
from torch import Tensor

liger_kernel.utils.infer_device = lambda: "cuda"  # it knows no CPU; asked where blocks are sized

import liger_kernel.ops as ops  # noqa: E402
from liger_kernel.ops.experimental.embedding import LigerEmbeddingFunction  # noqa: E402
from liger_kernel.ops.llama4_rope import LigerLlama4RopeFunction  # noqa: E402
from liger_kernel.ops.qwen2vl_mrope import LigerQwen2VLMRopeFunction  # noqa: E402
from liger_kernel.ops.swiglu import LigerFusedGateUpSiLUMulFunction  # noqa: E402
from liger_kernel.ops.tiled_mlp import LigerTiledMLPFunction  # noqa: E402

# ---- norms


def rms(x: Tensor, eps: float = 1e-6) -> Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)


def rms_norm(x, w, eps, offset=0.0, *_):
    return rms(x, eps) * (w + offset)


def fused_add_rms_norm(x, r, w, eps, offset=0.0, *_):
    return rms(x + r, eps) * (w + offset), x + r


def modulated(x, w, scale, shift, eps, *_):
    return (1 + scale) * (rms(x, eps) * w) + shift


def poly_norm(x, w, b, eps=1e-6, *_):
    return w[0] * rms(x**3, eps) + w[1] * rms(x**2, eps) + w[2] * rms(x, eps) + b


def attn_res(v, query, norm, eps):
    return ((rms(v, eps) * norm) @ query).softmax(0).unsqueeze(-1).mul(v).sum(0)


NORMS = [
    Case(
        "rms_norm",
        ops.LigerRMSNormFunction,
        lambda: (draw(3, 8), draw(8), 1e-6, 0.0, "llama", True, None),
        rms_norm,
        ("grad_output",),
    ),
    Case(
        "rms_norm, gemma, not in place",
        ops.LigerRMSNormFunction,
        lambda: (draw(2, 3, 8), draw(8), 1e-6, 1.0, "gemma", False, None),
        rms_norm,
    ),
    Case(
        "layer_norm",
        ops.LigerLayerNormFunction,
        lambda: (draw(3, 8), draw(8), draw(8), 1e-5),
        lambda x, w, b, eps: F.layer_norm(x, w.shape, w, b, eps),
    ),
    Case(
        "group_norm",
        ops.LigerGroupNormFunction,
        lambda: (draw(2, 4, 8), draw(4), draw(4), 4, 2, 1e-5),
        lambda x, w, b, channels, groups, eps: F.group_norm(x, groups, w, b, eps),
    ),
    Case(
        "fused_add_rms_norm",
        ops.LigerFusedAddRMSNormFunction,
        lambda: (draw(3, 8), draw(3, 8), draw(8), 1e-6, 0.0, "llama", True),
        fused_add_rms_norm,
        ("grad_output",),
    ),
    Case(
        "fused_add_rms_norm, not in place",
        ops.LigerFusedAddRMSNormFunction,
        lambda: (draw(3, 8), draw(3, 8), draw(8), 1e-6, 0.0, "llama", False),
        fused_add_rms_norm,
    ),
    Case(
        "modulated_rms_norm",
        ops.LigerModulatedRMSNormFunction,
        lambda: (draw(3, 8), draw(8), draw(1, 8), draw(1, 8), 1e-6, 0.0, "llama", True),
        modulated,
        ("grad_output",),
    ),
    Case(
        "poly_norm",
        ops.LigerPolyNormFunction,
        lambda: (draw(3, 8), draw(3), draw(1), 1e-6, True),
        poly_norm,
        ("grad_output",),
    ),
    Case(
        "poly_norm, not in place",
        ops.LigerPolyNormFunction,
        lambda: (draw(3, 8), draw(3), draw(1), 1e-6, False),
        poly_norm,
    ),
    Case(
        "dyt",
        ops.LigerDyTFunction,
        lambda: (draw(3, 8), draw(1), draw(8), draw(8)),
        lambda x, alpha, gamma, beta: torch.tanh(alpha * x) * gamma + beta,
    ),
    Case(
        "attn_res",
        ops.LigerAttnResFunction,
        lambda: (draw(3, 2, 2, 8), draw(8), draw(8), 1e-6),
        attn_res,
    ),
]

# ---- activations and attention


def sparsemax(x: Tensor, dim: int) -> Tensor:
    ordered = x.sort(dim, descending=True).values
    k = torch.arange(1, x.shape[dim] + 1, dtype=x.dtype)
    cumulated = ordered.cumsum(dim)
    size = ((1 + k * ordered) > cumulated).sum(dim, keepdim=True)
    tau = (cumulated.gather(dim, size - 1) - 1) / size
    return (x - tau).clamp_min(0)


def multi_token_attention(scores, weight, bias, *_):
    causal = torch.ones_like(scores, dtype=torch.bool).tril()
    mixed = F.conv2d(scores.masked_fill(~causal, -1e9).softmax(-1), weight, bias, padding=1)
    return mixed.masked_fill(~causal, 0.0)


def neighborhood(q, k, v, kernel_size, dilation, scale):
    place = torch.arange(q.shape[-2])
    far = place[:, None] - place[None, :]
    near = (far.abs() <= kernel_size // 2 * dilation) & (far % dilation == 0)
    scores = (q @ k.mT) * (scale or 1 / math.sqrt(q.shape[-1]))
    return scores.masked_fill(~near, -torch.inf).softmax(-1) @ v


def moe(x, gate_up, down, index, weights):
    out = torch.zeros_like(x)
    half = gate_up.shape[1] // 2
    for k in range(index.shape[1]):
        chosen = index[:, k].long()
        both = torch.einsum("tnh,th->tn", gate_up[chosen], x)
        hidden = F.silu(both[:, :half]) * both[:, half:]
        out = out + weights[:, k, None] * torch.einsum("thi,ti->th", down[chosen], hidden)
    return out


def experts(tokens: int, chosen: int, of: int) -> Tensor:
    return torch.stack([torch.randperm(of)[:chosen] for _ in range(tokens)]).int()


class Mlp(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = torch.nn.Linear(6, 5)
        self.down = torch.nn.Linear(5, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(torch.tanh(self.up(x)))


def run_module(module, x):
    return module(x)


ACTIVATIONS = [
    Case(
        "geglu",
        ops.LigerGELUMulFunction,
        lambda: (draw(3, 8), draw(3, 8)),
        lambda a, b: F.gelu(a, approximate="tanh") * b,
        ("a", "b"),
    ),
    Case(
        "swiglu",
        ops.LigerSiLUMulFunction,
        lambda: (draw(3, 8), draw(3, 8), 1.0, 1.0),
        lambda a, b, gate, down: F.silu(a * gate) * b * down,
        ("a", "b"),
    ),
    Case(
        "fused_gate_up_swiglu",
        LigerFusedGateUpSiLUMulFunction,
        lambda: (draw(3, 8), False),
        lambda y, _: F.silu(y[..., :4]) * y[..., 4:],
    ),
    Case(
        "fused_gate_up_swiglu, in place",
        LigerFusedGateUpSiLUMulFunction,
        lambda: (draw(3, 8), True),
        lambda y, _: F.silu(y[..., :4]) * y[..., 4:],
        ("y",),
    ),
    Case(
        "relu_squared", ops.LigerReLUSquaredFunction, lambda: (draw(3, 8),), lambda x: x.relu() ** 2
    ),
    Case("softmax", ops.LigerSoftmaxFunction, lambda: (draw(3, 8),), lambda x: x.softmax(-1)),
    Case("sparsemax", ops.LigerSparsemaxFunction, lambda: (draw(3, 8), -1), sparsemax),
    Case(
        "multi_token_attention",
        ops.LigerMultiTokenAttentionFunction,
        lambda: (draw(1, 2, 4, 4), draw(2, 2, 3, 3), draw(2), 1, 1, 1, 1, False),
        multi_token_attention,
    ),
    Case(
        "fused_neighborhood_attention",
        ops.LigerFusedNeighborhoodAttentionFunction,
        lambda: (draw(1, 2, 6, 4), draw(1, 2, 6, 4), draw(1, 2, 6, 4), 3, 1, None),
        neighborhood,
    ),
    Case(
        "fused_moe",
        ops.LigerFusedMoEFunction,
        lambda: (
            draw(4, 16),
            draw(3, 32, 16, scale=0.3),
            draw(3, 16, 16, scale=0.3),
            experts(4, 2, 3),
            draw(4, 2).sigmoid().detach().requires_grad_(),
        ),
        moe,
    ),
    Case(
        "tiled_mlp",
        LigerTiledMLPFunction,
        lambda: (run_module, Mlp(), draw(4, 6), 2, None),
        lambda fn, module, x, *_: copy.deepcopy(module).double()(x),
    ),
    Case(
        "embedding",
        LigerEmbeddingFunction,
        lambda: (draw(5, 4), torch.tensor([0, 3, 3, 1])),
        lambda table, index: F.embedding(index, table),
    ),
]


# ---- rotary embeddings and hyper-connections


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    left, right = x.chunk(2, -1)
    return x * cos + torch.cat((-right, left), -1) * sin


def rope(q, k, cos, sin, *_):
    return rotate(q, cos.unsqueeze(1), sin.unsqueeze(1)), rotate(
        k, cos.unsqueeze(1), sin.unsqueeze(1)
    )


def angles(*shape: int) -> tuple[Tensor, Tensor]:
    half = torch.rand(*shape) * 3
    both = torch.cat((half, half), -1)
    return both.cos(), both.sin()


def heads_last(batch: int, heads: int, steps: int, width: int) -> Tensor:
    """As the projection of a model makes them: heads behind steps, and a view that swaps both."""
    return draw(batch, steps, heads, width).detach().transpose(1, 2).requires_grad_()


def mrope(q, k, cos, sin, sections, _):
    parts = [s for s in sections] * 2
    mixed = [
        torch.cat([m[i % 3] for i, m in enumerate(t.split(parts, -1))], -1).unsqueeze(1)
        for t in (cos, sin)
    ]
    return rotate(q, *mixed), rotate(k, *mixed)


def llama4_rope(q, k, freqs, *_):
    def turned(x):
        pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).contiguous())
        return torch.view_as_real(pairs * freqs[:, None, :]).flatten(-2)

    return turned(q), turned(k)


def hyper_coefficients(x, phi, b, pre, post, res, allow, steps, rms_eps, pre_eps, eps, multiplier):
    n = x.shape[-2]
    flat = x.flatten(-2)
    mix = (flat @ phi) * torch.rsqrt(flat.pow(2).mean(-1, keepdim=True) + rms_eps)
    h_pre = torch.sigmoid(mix[..., :n] * pre + b[:n]) + pre_eps
    h_post = multiplier * torch.sigmoid(mix[..., n : 2 * n] * post + b[n : 2 * n])
    m = (mix[..., 2 * n :] * res + b[2 * n :]).unflatten(-1, (n, n)).softmax(-1) + eps
    m = m / (m.sum(-2, keepdim=True) + eps)
    for _ in range(steps - 1):
        m = m / (m.sum(-1, keepdim=True) + eps)
        m = m / (m.sum(-2, keepdim=True) + eps)
    return h_pre, h_post, m


EMBEDDINGS = [
    Case(
        "rope",
        ops.LigerRopeFunction,
        lambda: (draw(2, 4, 3, 8), draw(2, 2, 3, 8), *angles(1, 3, 4), None, 1, None),
        rope,
    ),
    Case(
        "rope, views of a projection",
        ops.LigerRopeFunction,
        lambda: (heads_last(2, 4, 3, 8), heads_last(2, 2, 3, 8), *angles(1, 3, 4), None, 1, None),
        rope,
        ("q", "k", "grad_output"),
    ),
    Case(
        "rope, one kv head",
        ops.LigerRopeFunction,
        lambda: (draw(2, 4, 3, 8), draw(2, 1, 3, 8), *angles(1, 3, 4), None, 1, None),
        rope,
    ),
    Case(
        "qwen2vl_mrope",
        LigerQwen2VLMRopeFunction,
        lambda: (heads_last(1, 2, 3, 8), heads_last(1, 2, 3, 8), *angles(3, 1, 3, 4), [1, 1, 2], 1),
        mrope,
        ("q", "k", "grad_output"),
    ),
    Case(
        "llama4_rope",
        LigerLlama4RopeFunction,
        lambda: (
            draw(2, 3, 4, 8),
            draw(2, 3, 2, 8),
            torch.polar(torch.ones(3, 4), torch.rand(3, 4) * 3),
        ),
        llama4_rope,
        ("q", "k", "grad_output"),
    ),
    Case(
        "mhc_coeffs",
        ops.LigerMHCCoeffsFunction,
        lambda: (
            draw(2, 2, 8),
            draw(16, 8, scale=0.3),
            draw(8, scale=0.3),
            draw(1).squeeze().detach().requires_grad_(),
            draw(1).squeeze().detach().requires_grad_(),
            draw(1).squeeze().detach().requires_grad_(),
            True,
            3,
            1e-6,
            0.0,
            1e-6,
            2.0,
        ),
        hyper_coefficients,
    ),
    Case(
        "mhc_pre",
        ops.LigerMHCPreFunction,
        lambda: (draw(2, 2, 8), draw(2, 2)),
        lambda x, h: (x * h.unsqueeze(-1)).sum(-2),
    ),
    Case(
        "mhc_post_res",
        ops.LigerMHCPostResFunction,
        lambda: (draw(2, 2, 8), draw(2, 8), draw(2, 2), draw(2, 2, 2)),
        lambda x, f, post, res: res @ x + post.unsqueeze(-1) * f.unsqueeze(-2),
    ),
]

CASES = [*NORMS, *ACTIVATIONS, *EMBEDDINGS]
