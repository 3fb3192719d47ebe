"""GPT-2's forward pass in plain numpy, in fp32: runs until compiled kernels are there, or where they cannot be had.

Nothing has to be made ready: weights are used as they lie in the file. Source: Radford et al. 2019; names as in
transformers' GPT2LMHeadModel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gpt2_remix.engine.generation.backend import Logits
from gpt2_remix.engine.gpt2.config import GPT2Config, parameters_of
from gpt2_remix.engine.gpt2.network import Array, Batch, KVBuffers
from gpt2_remix.engine.gpt2.weights import HEAD, LAYERS

FORM = "numpy"

_erf = np.vectorize(math.erf, otypes=[np.float32])


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(np.clip(-x, -88, 88)))  # what is beyond is 0 or 1 all the same


def _gelu_new(x: Array) -> Array:
    return x * _sigmoid(np.float32(2 * math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x * x * x))


def _gelu(x: Array) -> Array:
    return x * np.float32(0.5) * (1 + _erf(x * np.float32(math.sqrt(0.5))))


def _silu(x: Array) -> Array:
    return x * _sigmoid(x)


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "gelu_new": _gelu_new, "gelu_fast": _gelu_new, "gelu_pytorch_tanh": _gelu_new, "gelu_python_tanh": _gelu_new,
    "gelu": _gelu, "gelu_python": _gelu, "quick_gelu": lambda x: x * _sigmoid(np.float32(1.702) * x), "relu": _relu,
    "relu2": lambda x: _relu(x) ** 2, "relu6": lambda x: np.clip(x, 0, 6), "silu": _silu, "swish": _silu,
    "tanh": np.tanh, "sigmoid": _sigmoid, "linear": lambda x: x,
    "leaky_relu": lambda x: np.where(x > 0, x, np.float32(0.01) * x),
    "mish": lambda x: x * np.tanh(np.logaddexp(x, np.float32(0))),
    "hardswish": lambda x: x * np.clip(x + 3, 0, 6) / np.float32(6),
}
"""The activation functions by their names in transformers (ACT2FN)."""


class PlainNetwork:
    """See `engine.gpt2.network.Network`."""

    device = "cpu"
    precision = "fp32"
    form = FORM
    batch_invariant = False

    def __init__(self, config: GPT2Config, tensors: Mapping[str, Array]) -> None:
        """Take the tensors that `engine.gpt2.weights.read_tensors` gives."""
        self.config = config
        self.parameters = parameters_of(config)
        self._act = FUNCTIONS[config.activation_function]
        self._weights = {name: np.asarray(tensor, np.float32) for name, tensor in tensors.items()}
        self._head = self._weights.get(HEAD, self._weights["wte.weight"])

    def buffers(self) -> KVBuffers:
        """See `Network.buffers`."""
        config = self.config
        shape = (config.n_layer, 2, config.n_head, config.n_positions, config.n_embd // config.n_head)
        return KVBuffers(np.empty(shape, np.float32), self.hidden_rows(config.n_positions))

    def share_buffers(self, lane: KVBuffers) -> KVBuffers:
        """See `Network.share_buffers`."""
        return KVBuffers(lane.kv, np.empty_like(lane.hidden), list(lane.ids), np.empty_like(lane.kv[:, :, :, :1]))

    def kv_slots(self, count: int) -> Array:
        """See `Network.kv_slots`."""
        config = self.config
        return np.empty((count, config.n_layer, 2, config.n_head, config.n_embd // config.n_head), np.float32)

    def hidden_rows(self, count: int) -> Array:
        """See `Network.hidden_rows`."""
        return np.empty((count, self.config.n_embd), np.float32)

    def forward(self, batch: Batch, asked: Sequence[int]) -> Logits:
        """See `Network.forward`. Rows of all lanes go through the matrices together; attention runs lane by lane."""
        config = self.config
        tokens = [token for _, ids in batch for token in ids]
        places = [n for lane, ids in batch for n in range(len(lane.ids), len(lane.ids) + len(ids))]
        x = self._weights["wte.weight"][tokens] + self._weights["wpe.weight"][places]
        for layer in range(config.n_layer):
            names = [f"h.{layer}.{name}" for name in LAYERS]
            qkv = self._linear(self._norm(x, f"h.{layer}.ln_1"), names[0])
            qkv = qkv.reshape(len(x), 3, config.n_head, -1)
            mixed = []
            row = 0
            for lane, ids in batch:
                mixed.append(self._attend(lane, layer, qkv[row : row + len(ids)]))
                row += len(ids)
            x = x + self._linear(np.concatenate(mixed), names[1])
            x = x + self._linear(self._act(self._linear(self._norm(x, f"h.{layer}.ln_2"), names[2])), names[3])
        x = self._norm(x, "ln_f")
        row = 0
        for lane, ids in batch:
            past = len(lane.ids)
            lane.hidden[past : past + len(ids)] = x[row : row + len(ids)]
            lane.ids.extend(ids)
            row += len(ids)
        return self.head_logits(np.stack([lane.hidden[place] for (lane, _), place in zip(batch, asked, strict=True)]))

    def _attend(self, lane: KVBuffers, layer: int, qkv: Array) -> Array:
        """[rows, 3, heads, size] -> [rows, width]: attention over a lane's positions so far."""
        past, rows = len(lane.ids), len(qkv)
        queries, new = qkv[:, 0].swapaxes(0, 1), qkv[:, 1:].transpose(1, 2, 0, 3)
        lane.kv[layer, :, :, past : past + rows] = new
        if lane.own_kv is not None:
            lane.own_kv[layer] = new
        keys, values = lane.kv[layer, :, :, : past + rows]
        scores = queries @ keys.swapaxes(1, 2) * np.float32(self.config.attention_scale(layer))
        if rows > 1:
            scores += np.triu(np.full((rows, past + rows), -np.inf, np.float32), past + 1)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return np.asarray((weights @ values).swapaxes(0, 1).reshape(rows, -1))

    def _linear(self, x: Array, name: str) -> Array:
        return x @ self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]

    def _norm(self, x: Array, name: str) -> Array:
        away = x - x.mean(-1, keepdims=True)
        variance = (away * away).mean(-1, keepdims=True)
        scaled = away / np.sqrt(variance + np.float32(self.config.layer_norm_epsilon))
        return scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]

    def head_logits(self, hidden: Array) -> Logits:
        """See `Network.head_logits`."""
        return np.asarray(hidden @ self._head.T)
