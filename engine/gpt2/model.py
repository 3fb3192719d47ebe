"""GPT-2's forward pass in plain torch, over rows of several lanes at once.

A batch is a list of (key/value buffers, new ids). Rows of all lanes go through the matrices together; attention runs
lane by lane over what that lane has so far, so that lanes of different length need no padding, and prefill and
single steps are the same code. Source: Radford et al. 2019; names as in transformers' GPT2LMHeadModel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.gpt2.config import GPT2Config
from engine.gpt2.weights import Weights


@dataclass(slots=True)
class KeyValues:
    """A lane's preallocated buffers.

    Attributes:
        keys, values: [layers, heads, context, width / heads] float32; positions past len(ids) hold nothing.
        hidden: [context, width] float32, what the output head is multiplied with at each position.
        ids: the tokens whose keys and values are there.
    """

    keys: Tensor
    values: Tensor
    hidden: Tensor
    ids: list[int] = field(default_factory=list)

    @classmethod
    def empty(cls, config: GPT2Config) -> KeyValues:
        """Buffers for one whole context. The memory is taken by the system as positions are filled."""
        head = config.n_embd // config.n_head
        shape = (config.n_layer, config.n_head, config.n_positions, head)
        return cls(torch.empty(shape), torch.empty(shape), torch.empty(config.n_positions, config.n_embd))


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """The feed-forward layer's activation function by its name in transformers (ACT2FN)."""

    def tanh_gelu(x: Tensor) -> Tensor:
        return F.gelu(x, approximate="tanh")

    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "gelu_new": tanh_gelu, "gelu_fast": tanh_gelu, "gelu_pytorch_tanh": tanh_gelu, "gelu_python_tanh": tanh_gelu,
        "gelu": F.gelu, "gelu_python": F.gelu, "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
        "relu": F.relu, "relu2": lambda x: F.relu(x).square(), "relu6": F.relu6, "silu": F.silu, "swish": F.silu,
        "tanh": torch.tanh, "sigmoid": torch.sigmoid, "linear": lambda x: x, "leaky_relu": F.leaky_relu,
        "mish": F.mish, "hardswish": F.hardswish,
    }  # fmt: skip
    return functions[name]


@torch.inference_mode()
def forward(weights: Weights, config: GPT2Config, batch: Sequence[tuple[KeyValues, Sequence[int]]]) -> None:
    """Runs the network on each lane's new ids and writes their keys, values and hidden states into its buffers.

    The caller keeps each lane within the context. Afterwards `ids` holds the new tokens too.
    """
    width, heads = config.n_embd, config.n_head
    act = activation(config.activation_function)
    tokens = torch.tensor([token for _, ids in batch for token in ids])
    places = torch.cat([torch.arange(len(lane.ids), len(lane.ids) + len(ids)) for lane, ids in batch])
    spans: list[tuple[KeyValues, int, int, int, int]] = []  # lane, its rows from..to, its positions from..to
    row = 0
    for lane, ids in batch:
        spans.append((lane, row, row + len(ids), len(lane.ids), len(lane.ids) + len(ids)))
        row += len(ids)
    masks = [_mask(past, end) for _, _, _, past, end in spans]

    x = weights.wte[tokens] + weights.wpe[places]
    for layer, block in enumerate(weights.blocks):
        h = F.layer_norm(x, (width,), block.ln_1_weight, block.ln_1_bias, config.layer_norm_epsilon)
        qkv = torch.addmm(block.attn_c_attn_bias, h, block.attn_c_attn_weight)
        mixed = torch.empty_like(h)
        scale = config.attention_scale(layer)
        for (lane, first, last, past, end), mask in zip(spans, masks, strict=True):
            q, k, v = qkv[first:last].view(last - first, 3, heads, width // heads).permute(1, 2, 0, 3)
            lane.keys[layer, :, past:end] = k
            lane.values[layer, :, past:end] = v
            out = F.scaled_dot_product_attention(
                q[None], lane.keys[layer, None, :, :end], lane.values[layer, None, :, :end],
                attn_mask=mask, is_causal=mask is None and last - first > 1, scale=scale,
            )  # fmt: skip
            mixed[first:last] = out[0].transpose(0, 1).reshape(last - first, width)
        x = x + torch.addmm(block.attn_c_proj_bias, mixed, block.attn_c_proj_weight)
        h = F.layer_norm(x, (width,), block.ln_2_weight, block.ln_2_bias, config.layer_norm_epsilon)
        h = act(torch.addmm(block.mlp_c_fc_bias, h, block.mlp_c_fc_weight))
        x = x + torch.addmm(block.mlp_c_proj_bias, h, block.mlp_c_proj_weight)
    x = F.layer_norm(x, (width,), weights.ln_f_weight, weights.ln_f_bias, config.layer_norm_epsilon)
    for (lane, first, last, past, end), (_, ids) in zip(spans, batch, strict=True):
        lane.hidden[past:end] = x[first:last]
        lane.ids.extend(ids)


def _mask(past: int, end: int) -> Tensor | None:
    """Which of `end` positions each new row may see; None where that is all, or the plain causal triangle."""
    if past == 0 or end - past == 1:
        return None
    return torch.ones(end - past, end, dtype=torch.bool).tril(diagonal=past)


@torch.inference_mode()
def head_logits(weights: Weights, hidden: Tensor) -> Tensor:
    """[n, width] hidden states -> [n, vocabulary] logits."""
    return F.linear(hidden, weights.head)
