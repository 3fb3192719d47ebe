"""GPT-2's forward pass in torch, over rows of several lanes at once.

Rows of all lanes go through the matrices together; attention runs lane by lane over what that lane has so far, so that
lanes of different length need no padding, and prefill and single steps are the same code. Source: Radford et al. 2019;
names as in transformers' GPT2LMHeadModel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2_remix.engine.generation.backend import Logits
from gpt2_remix.engine.gpt2.config import GPT2Config, parameters_of
from gpt2_remix.engine.gpt2.network import Array, Batch, KVBuffers
from gpt2_remix.engine.gpt2.weights import HEAD, LAYERS

PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


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
    }
    return functions[name]


class EagerNetwork:
    """See `engine.gpt2.network.Network`."""

    form = "torch"
    batch_invariant = False

    def __init__(self, config: GPT2Config, tensors: Mapping[str, Array | Tensor], precision: str, device: str) -> None:
        """Copy tensors, numpy's or torch's, named as `engine.gpt2.weights.read_tensors` does, to a device."""
        self.config = config
        self.parameters = parameters_of(config)
        self.precision = precision
        self.device = device
        dtype = PRECISIONS[precision]
        if device == "cuda":
            # cuDNN's attention, which torch prefers in half precision, makes a plan for every new length: each step of
            # a stream is a new length, and took ten times as long as in fp32 (H100, torch 2.11).
            torch.backends.cuda.enable_cudnn_sdp(False)
        self._weights = {
            name: (tensor if isinstance(tensor, Tensor) else torch.tensor(tensor)).to(device, dtype)
            for name, tensor in tensors.items()
        }
        self._head = self._weights.get(HEAD, self._weights["wte.weight"]).t()
        self._act = activation(config.activation_function)

    def _empty(self, *shape: int) -> Tensor:
        return self._weights["wpe.weight"].new_empty(*shape)

    def buffers(self) -> KVBuffers:
        """See `Network.buffers`."""
        config = self.config
        shape = (config.n_layer, 2, config.n_head, config.n_positions, config.n_embd // config.n_head)
        return KVBuffers(self._empty(*shape), self.hidden_rows(config.n_positions))

    def share_buffers(self, lane: KVBuffers) -> KVBuffers:
        """See `Network.share_buffers`."""
        own = torch.empty_like(lane.kv[:, :, :, :1])
        return KVBuffers(lane.kv, torch.empty_like(lane.hidden), list(lane.ids), own)

    def kv_slots(self, count: int) -> Tensor:
        """See `Network.kv_slots`."""
        config = self.config
        return self._empty(count, config.n_layer, 2, config.n_head, config.n_embd // config.n_head)

    def hidden_rows(self, count: int) -> Tensor:
        """See `Network.hidden_rows`."""
        return self._empty(count, self.config.n_embd)

    @torch.inference_mode()
    def forward(self, batch: Batch, asked: Sequence[int]) -> Logits:
        """See `Network.forward`."""
        config, weights = self.config, self._weights
        tokens = torch.tensor([token for _, ids in batch for token in ids], device=self.device)
        spans = [(len(lane.ids), len(lane.ids) + len(ids)) for lane, ids in batch]
        places = torch.tensor([n for past, end in spans for n in range(past, end)], device=self.device)
        x = weights["wte.weight"][tokens] + weights["wpe.weight"][places]
        for layer in range(config.n_layer):
            names = [f"h.{layer}.{name}" for name in LAYERS]
            qkv = self._linear(self._norm(x, f"h.{layer}.ln_1"), names[0]).view(len(x), 3, config.n_head, -1)
            mixed = []
            row = 0
            for lane, ids in batch:
                mixed.append(self._attend(lane, layer, qkv[row : row + len(ids)]))
                row += len(ids)
            x = x + self._linear(mixed[0] if len(mixed) == 1 else torch.cat(mixed), names[1])
            x = x + self._linear(self._act(self._linear(self._norm(x, f"h.{layer}.ln_2"), names[2])), names[3])
        x = self._norm(x, "ln_f")
        row = 0
        for (lane, ids), (past, end) in zip(batch, spans, strict=True):
            lane.hidden[past:end] = x[row : row + len(ids)]
            lane.ids.extend(ids)
            row += len(ids)
        rows = [lane.hidden[place] for (lane, _), place in zip(batch, asked, strict=True)]
        return self.head_logits(torch.stack(rows))

    def _attend(self, lane: KVBuffers, layer: int, qkv: Tensor) -> Tensor:
        """[rows, 3, heads, size] -> [rows, width]: attention over a lane's positions so far."""
        past, rows = len(lane.ids), len(qkv)
        new = qkv[:, 1:].permute(1, 2, 0, 3)
        lane.kv[layer, :, :, past : past + rows] = new
        if lane.own_kv is not None:
            lane.own_kv[layer] = new
        keys, values = lane.kv[layer, :, None, :, : past + rows]
        mask = None
        if past and rows > 1:
            mask = torch.ones(rows, past + rows, dtype=torch.bool, device=self.device).tril(diagonal=past)
        out = F.scaled_dot_product_attention(
            qkv[:, 0].transpose(0, 1)[None], keys, values, attn_mask=mask, is_causal=mask is None and rows > 1,
            scale=self.config.attention_scale(layer),
        )
        return out[0].transpose(0, 1).reshape(rows, -1)

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return torch.addmm(self._weights[f"{name}.bias"], x, self._weights[f"{name}.weight"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return F.layer_norm(x, (self.config.n_embd,), weight, bias, self.config.layer_norm_epsilon)

    @torch.inference_mode()
    def head_logits(self, hidden: Tensor) -> Logits:
        """See `Network.head_logits`."""
        logits: Logits = (hidden @ self._head).to("cpu", torch.float32).numpy()
        return logits
