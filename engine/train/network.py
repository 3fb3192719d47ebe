"""The network while it is trained: plain functions over a dictionary of fp32 tensors, products in bf16 where that pays.

Names are those of the files (transformers' without prefix), but that queries, keys and values are matrices of their
own, so that Muon makes each of them orthogonal for itself, and that matrices are [out, in].
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2_remix.engine.gpt2.config import GPT2Config, expected_shapes

PARTS = ("q", "k", "v")
ROWS = 256
"""Rows of the output head at a time: their logits stay in the processor's cache."""

Parameters = dict[str, Tensor]


def first_parameters(config: GPT2Config, rng: torch.Generator) -> Parameters:
    """Random weights as in Radford et al. 2019: normal of 0.02, smaller by the square root of the depth at the ends."""
    parameters: Parameters = {}
    ends = 0.02 / math.sqrt(2 * config.n_layer)
    for name, shape in expected_shapes(config).items():
        if name.endswith(".bias"):
            made = torch.zeros(shape)
        elif "ln_" in name:
            made = torch.ones(shape)
        else:
            made = torch.empty(shape).normal_(0, ends if "c_proj" in name else 0.02, generator=rng)
        parameters |= split_qkv(name, made)
    return parameters


def split_qkv(name: str, tensor: Tensor) -> Parameters:
    """A tensor as it is in the files -> as it is trained."""
    if name.endswith(("wte.weight", "wpe.weight")) or "ln_" in name:
        return {name: tensor}
    turned = tensor.t() if tensor.ndim == 2 else tensor
    if "c_attn" not in name:
        return {name: turned.contiguous()}
    pieces = zip(PARTS, turned.chunk(3), strict=True)
    return {name.replace("c_attn", part): piece.contiguous() for part, piece in pieces}


def merge_qkv(parameters: Parameters, config: GPT2Config) -> Parameters:
    """What is trained -> as it is in the files."""
    tensors: Parameters = {}
    for name in expected_shapes(config):
        if "c_attn" in name:
            whole = torch.cat([parameters[name.replace("c_attn", part)] for part in PARTS])
        else:
            whole = parameters[name]
        matrix = whole.ndim == 2 and not name.endswith(("wte.weight", "wpe.weight"))
        tensors[name] = (whole.t() if matrix else whole).detach().contiguous()
    return tensors


def is_matrix(name: str, tensor: Tensor) -> bool:
    """Whether it is one of the blocks' matrices, which Muon trains."""
    return tensor.ndim == 2 and name.startswith("h.")


def loss(
    parameters: Parameters, config: GPT2Config, ids: Tensor, *, bf16: bool = False, dropout: float = 0.0
) -> Tensor:
    """The mean cross-entropy (nats a token) of the next tokens in windows.

    Args:
        parameters: the network, fp32.
        config: its shape.
        ids: [windows, length + 1] int64; all but the first token of each are predicted.
        bf16: compute products in bf16.
        dropout: the share of terms that is left out (of embeddings and of what each part adds).
    """
    kind = torch.bfloat16 if bf16 else torch.float32
    inputs, targets = ids[:, :-1], ids[:, 1:]
    windows, length = inputs.shape
    width, heads = config.n_embd, config.n_head

    def linear(x: Tensor, *names: str) -> Tensor:
        weight = torch.cat([parameters[f"{name}.weight"].to(kind) for name in names])
        bias = torch.cat([parameters[f"{name}.bias"].to(kind) for name in names])
        return F.linear(x, weight, bias)

    def norm(x: Tensor, name: str) -> Tensor:
        weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
        return F.layer_norm(x, (width,), weight, bias, config.layer_norm_epsilon).to(kind)

    def drop(x: Tensor) -> Tensor:
        return F.dropout(x, dropout) if dropout else x

    x = drop(F.embedding(inputs, parameters["wte.weight"]) + parameters["wpe.weight"][:length])
    for layer in range(config.n_layer):
        at = f"h.{layer}"
        qkv = linear(norm(x, f"{at}.ln_1"), *(f"{at}.attn.{part}" for part in PARTS))
        q, k, v = qkv.view(windows, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(windows, length, width)
        x = x + drop(linear(mixed, f"{at}.attn.c_proj"))
        inner = F.gelu(linear(norm(x, f"{at}.ln_2"), f"{at}.mlp.c_fc"), approximate="tanh")
        x = x + drop(linear(inner, f"{at}.mlp.c_proj"))
    hidden = norm(x, "ln_f").view(windows * length, width)
    found: Tensor = _HeadLoss.apply(hidden, parameters["wte.weight"], targets.reshape(-1))  # type: ignore[no-untyped-call]
    return found


class _HeadLoss(torch.autograd.Function):
    """The output head and the cross-entropy in one, a few rows at a time.

    The logits of a step (4,096 x vocabulary) would be written to memory and read again several times; here they never
    leave the cache, and the gradient is made while they are there.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        head = weight.to(hidden.dtype)
        wanted = ctx.needs_input_grad[0]
        total = torch.zeros(())
        by_hidden = torch.empty_like(hidden) if wanted else None
        by_head = torch.zeros(head.shape) if wanted else None
        for first in range(0, len(hidden), ROWS):
            rows, told = hidden[first : first + ROWS], targets[first : first + ROWS, None]
            logits = (rows @ head.t()).float()
            log_sums = torch.logsumexp(logits, 1, keepdim=True)
            total += (log_sums - logits.gather(1, told)).sum()
            if by_hidden is not None and by_head is not None:
                off = logits.sub_(log_sums).exp_().scatter_add_(1, told, -torch.ones_like(log_sums)).to(hidden.dtype)
                by_hidden[first : first + ROWS] = off @ head
                by_head += off.t() @ rows
        ctx.save_for_backward(by_hidden, by_head)
        ctx.count = len(hidden)
        return total / len(hidden)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        by_hidden, by_head = ctx.saved_tensors
        scale = upstream[0] / ctx.count
        return by_hidden * scale.to(by_hidden.dtype), by_head * scale, None
