"""GPT-2's forward pass in plain torch, over rows of several lanes at once.

A batch is a list of (key/value buffers, new ids). Rows of all lanes go through the matrices together; attention runs
lane by lane over what that lane has so far, so that lanes of different length need no padding, and prefill and
single steps are the same code. Source: Radford et al. 2019; names as in transformers' GPT2LMHeadModel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.gpt2.config import GPT2Config
from engine.gpt2.linear import Int8, project
from engine.gpt2.weights import Norm, Weights

BLOCK = 64
"""Positions that a step of an int8 prefill takes at most: its numbers fit into a processor's second cache, and
attention over whole blocks of positions has the same shape in prefill and in single steps."""

_ONE_THREAD = 0x4000
"""Numbers up to which torch runs no activation in several threads (GELU_MIN_ELEMENTS_FOR_MULTI_THREADING)."""


@dataclass(slots=True)
class KeyValues:
    """A lane's preallocated buffers.

    Attributes:
        kv: [layers, 2, heads, context, width / heads] keys and values; positions past len(ids) hold nothing.
        hidden: [context, width], what the output head is multiplied with at each position.
        ids: the tokens whose keys and values are there.
        finite: up to which position there stands a number, if not one that means something.
        own: [layers, 2, heads, 1, width / heads] the keys and values of the one new token of a lane that is run on
            another lane's buffers (see `beside`); None where the buffers are its own.
    """

    kv: Tensor
    hidden: Tensor
    ids: list[int] = field(default_factory=list)
    finite: int = 0
    own: Tensor | None = None

    @classmethod
    def empty(cls, config: GPT2Config, weights: Weights) -> KeyValues:
        """Buffers for one whole context. The memory is taken by the system as positions are filled."""
        head = config.n_embd // config.n_head
        kv = weights.wpe.new_empty(config.n_layer, 2, config.n_head, config.n_positions, head)
        return cls(kv, weights.wpe.new_empty(config.n_positions, config.n_embd))


    def beside(self) -> KeyValues:
        """A lane for one token that comes after the same ones: it uses these buffers in the pass of this lane's next.

        In a batch it must stand before this lane, whose token has the place in the buffers for good.
        """
        return KeyValues(self.kv, torch.empty_like(self.hidden), list(self.ids), self.finite,
                         torch.empty_like(self.kv[:, :, :, :1]))  # fmt: skip

    def take(self, other: KeyValues, count: int) -> None:
        """Copies the first `count` tokens of another lane in place of all that is here."""
        self.kv[:, :, :, :count] = other.kv[:, :, :, :count]
        self.hidden[:count] = other.hidden[:count]
        self.ids[:] = other.ids[:count]
        self.finite = max(self.finite, count)


@dataclass(frozen=True, slots=True)
class Span:
    """The rows of one lane in a batch: which rows, and which of the lane's positions they are.

    `seen` is how many positions attention runs over, `mask` which of them ([rows, seen] or as `attend_alike` takes it)
    each row may look at; None where that is all of them, or the plain causal triangle.
    """

    lane: KeyValues
    first: int
    last: int
    past: int
    end: int
    seen: int
    mask: Tensor | None


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


def _alike(act: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """An activation with the same result for an element to the last bit, whatever stands beside it.

    torch takes vectors of up to 32 numbers and does what is left over one by one, with another exponential: here every
    thread's share consists of whole vectors, filled up with zeros.
    """

    def alike(x: Tensor) -> Tensor:
        rows, width = x.shape
        wide, threads = -(-width // 32) * 32, torch.get_num_threads()
        many = rows if rows * wide <= _ONE_THREAD else -(-rows // threads) * threads
        if (many, wide) == (rows, width):
            return act(x)
        filled = x.new_zeros(many, wide)
        filled[:rows, :width] = x
        return act(filled)[:rows, :width]

    return alike


@torch.inference_mode()
def forward(weights: Weights, config: GPT2Config, batch: Sequence[tuple[KeyValues, Sequence[int]]]) -> None:
    """Runs the network on each lane's new ids and writes their keys, values and hidden states into its buffers.

    The caller keeps each lane within the context. Afterwards `ids` holds the new tokens too.
    """
    act = activation(config.activation_function)
    if isinstance(weights.head, Int8):
        for part in _blocks(batch):
            _pass(weights, config, part, _alike_spans(weights, config, part), attend_alike, _alike(act))
    else:
        _pass(weights, config, batch, _plain_spans(weights, batch), attend, act)


def _pass(
    weights: Weights, config: GPT2Config, batch: Sequence[tuple[KeyValues, Sequence[int]]], spans: list[Span],
    attention: Callable[[Span, int, Tensor, float], Tensor], act: Callable[[Tensor], Tensor],
) -> None:  # fmt: skip
    heads, width = config.n_head, config.n_embd
    device = weights.wpe.device
    tokens = torch.tensor([token for _, ids in batch for token in ids])
    places = torch.tensor([n for span in spans for n in range(span.past, span.end)], device=device)

    x = weights.wte[tokens.to(weights.wte.device)].to(device) + weights.wpe[places]
    rows = len(x)
    for layer, block in enumerate(weights.blocks):
        qkv = project(_norm(x, block.ln_1, config), block.c_attn).view(rows, 3, heads, width // heads)
        scale = config.attention_scale(layer)
        mixed = []
        for span in spans:
            new = qkv[span.first : span.last, 1:].permute(1, 2, 0, 3)
            span.lane.kv[layer, :, :, span.past : span.end] = new
            if span.lane.own is not None:
                span.lane.own[layer] = new
            mixed.append(attention(span, layer, qkv[span.first : span.last, 0], scale))
        x = x + project(mixed[0] if len(mixed) == 1 else torch.cat(mixed), block.attn_proj)
        h = act(project(_norm(x, block.ln_2, config), block.c_fc))
        x = x + project(h, block.mlp_proj)
    x = _norm(x, weights.ln_f, config)
    for span, (_, ids) in zip(spans, batch, strict=True):
        span.lane.hidden[span.past : span.end] = x[span.first : span.last]
        span.lane.ids.extend(ids)


def _norm(x: Tensor, norm: Norm, config: GPT2Config) -> Tensor:
    return F.layer_norm(x, (config.n_embd,), norm.weight, norm.bias, config.layer_norm_epsilon)


def attend(span: Span, layer: int, queries: Tensor, scale: float) -> Tensor:
    """[rows, heads, width / heads] queries -> [rows, width]: attention over a lane's positions so far."""
    keys, values = span.lane.kv[layer, :, None, :, : span.seen]
    causal = span.mask is None and len(queries) > 1
    out = F.scaled_dot_product_attention(
        queries.transpose(0, 1)[None], keys, values, attn_mask=span.mask, is_causal=causal, scale=scale
    )
    return out[0].transpose(0, 1).reshape(len(queries), -1)


def attend_alike(span: Span, layer: int, queries: Tensor, scale: float) -> Tensor:
    """Like `attend`, with the same result for a row to the last bit, in whatever company it comes.

    Sums in floating point depend on their order, and that on the shapes of the products: here every row is a product
    of its own, over all positions up to the end of its block, whether it comes alone or in a prefill.
    """
    rows = len(queries)
    keys, values = span.lane.kv[layer, :, None, :, : span.seen].expand(2, rows, -1, -1, -1)
    out = F.scaled_dot_product_attention(queries[:, :, None], keys, values, attn_mask=span.mask, scale=scale)
    return out.reshape(rows, -1)


def _plain_spans(weights: Weights, batch: Sequence[tuple[KeyValues, Sequence[int]]]) -> list[Span]:
    spans: list[Span] = []
    row = 0
    for lane, ids in batch:
        past, end = len(lane.ids), len(lane.ids) + len(ids)
        mask = None
        if past and len(ids) > 1:
            mask = torch.ones(len(ids), end, dtype=torch.bool, device=weights.wpe.device).tril(diagonal=past)
        spans.append(Span(lane, row, row + len(ids), past, end, end, mask))
        row += len(ids)
    return spans


def _alike_spans(
    weights: Weights, config: GPT2Config, batch: Sequence[tuple[KeyValues, Sequence[int]]]
) -> list[Span]:
    spans: list[Span] = []
    row = 0
    for lane, ids in batch:
        past, end = len(lane.ids), len(lane.ids) + len(ids)
        seen = min((past // BLOCK + 1) * BLOCK, config.n_positions)
        if lane.finite < seen:
            # What the mask hides is multiplied by 0 all the same, and 0 times what was left in memory may be NaN.
            lane.kv[:, :, :, max(past, lane.finite) : seen] = 0
            lane.finite = seen
        hidden = torch.arange(seen) > torch.arange(past, end)[:, None]
        mask = torch.zeros(len(ids), seen).masked_fill_(hidden, -torch.inf)
        spans.append(Span(lane, row, row + len(ids), past, end, seen, mask[:, None, None]))
        row += len(ids)
    return spans


def _blocks(
    batch: Sequence[tuple[KeyValues, Sequence[int]]],
) -> Iterator[list[tuple[KeyValues, Sequence[int]]]]:
    """Cuts a batch into parts of about BLOCK rows in which no lane crosses a multiple of BLOCK positions."""
    waiting = [(lane, list(ids)) for lane, ids in batch]
    while waiting:
        part: list[tuple[KeyValues, Sequence[int]]] = []
        later = []
        rows = 0
        for lane, ids in waiting:
            count = min(len(ids), BLOCK - len(lane.ids) % BLOCK)
            if rows and rows + count > BLOCK:
                later.append((lane, ids))
                continue
            part.append((lane, ids[:count]))
            rows += count
            if ids[count:]:
                later.append((lane, ids[count:]))
        yield part
        waiting = later


@torch.inference_mode()
def head_logits(weights: Weights, hidden: Tensor) -> Tensor:
    """[n, width] hidden states -> [n, vocabulary] logits, float32 on the CPU."""
    return project(hidden, weights.head).to("cpu", torch.float32)
