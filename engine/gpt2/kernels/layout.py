"""What the kernels and those who call them agree on: the places of a call's state, in numbers."""

from __future__ import annotations

LANES = 16
"""Numbers in a vector."""

PANEL = 64
"""Output channels whose weights lie interleaved in memory, in the order in which a product reads them; every row in
memory is filled up with zeros to a multiple of it."""


INT8, FLOAT32, FLOAT16 = range(3)
"""How the weights of linear layers are held."""

LINE = 64
"""Bytes of a processor's cache line: what several threads change has one of its own."""

SLOTS = 64
"""int64 numbers in a call's state. Addresses are in bytes; floats stand in arrays of their own."""

TEAM_SLOTS = 32
"""int64 numbers of what the threads of a process share."""

OPEN, INSIDE, JOINED = 0, 8, 9
"""Whether there is work; how many helpers are looking at it, and how many have come to it. All threads look at them."""

STATE, WAKE, WAKE_TO, WAKE_FROM, READ, WRITE, BUFFERS, PAUSE = range(16, 24)
"""The state to work on, how many helpers to wake, the pipe by which they are woken, the system's calls."""

(
    FIRST_STAGE, KIND, LAYERS, WIDTH, HEADS, SIZE, INNER, CONTEXT, CHANNELS, ACTIVATION, HALF_CACHE, ROWS, JOBS,
    LAYER_TABLE, HEAD_TABLE, JOB_TABLE, COUNTERS, FACTORS, STREAM, NORMED, LEVELS, UNITS, QKV, WIDE, HIDDEN, LOGITS,
    SCRATCH, SCRATCH_BYTES, YIELD, SPLIT, ASKED, ASKED_TABLE, FINAL, COUNTER_BYTES,
) = range(16, 50)
"""The rest of the state: the shape, how many rows and jobs, where everything lies (see `network.KernelNetwork`)."""

LAYER_SLOTS = 16
"""Addresses in a layer's line of the table: ln_1, attention in, attention out, ln_2, feed-forward in, out."""

NORM_1, ATTENTION_IN, ATTENTION_OUT, NORM_2, FEED_IN, FEED_OUT = 0, 2, 5, 8, 10, 13
"""Where each stands: a norm's weight and bias; a product's weights, scale and bias."""

JOB_SLOTS = 8
JOB_FIRST, JOB_COUNT, JOB_PAST, JOB_CACHE, JOB_OWN = 0, 1, 2, 3, 4

STAGES = 9
"""Stages of a layer, each of which all threads end before the next begins."""

LAST_STAGES = 3
"""Stages after the layers: the last norm of all rows; the rows that are asked for made ready; their logits."""

STORE, ADD = -1, -2
"""What becomes of a product's results where they do not go through an activation function (numbers from 0 on)."""

EVERY_PANEL = 1_000_000
"""What `SPLIT`, the number of chunks of a product, is where every panel is a chunk."""

GROUP = 4
"""Query rows that share what is read of keys and values in a prefill."""

MOST_ROWS = 16
"""Input rows of a product's tile at most."""

FUNCTIONS = (
    "gelu_new", "gelu", "quick_gelu", "relu", "relu2", "relu6", "silu", "tanh", "sigmoid", "linear", "leaky_relu",
    "mish", "hardswish",
)
"""The activation functions, in the order of their numbers."""

_SAME = {
    "gelu_fast": "gelu_new", "gelu_pytorch_tanh": "gelu_new", "gelu_python_tanh": "gelu_new", "gelu_python": "gelu",
    "swish": "silu",
}


def scratch_bytes(deepest: int, size: int, context: int) -> int:
    """Bytes of working memory for each thread.

    For products a tile's sums and a panel as int16; for attention queries and results of a group of rows, and two lines
    of scores for each.
    """
    product = PANEL * (MOST_ROWS * 4 + filled(deepest) * 2)
    attention = GROUP * 4 * (2 * size + 2 * filled(context + 1))
    return filled(max(product, attention))


def activation(name: str) -> int:
    """The number of an activation function by its name in transformers (ACT2FN)."""
    return FUNCTIONS.index(_SAME.get(name, name))


def filled(count: int, to: int = PANEL) -> int:
    """A count filled up to a multiple."""
    return -(-count // to) * to
