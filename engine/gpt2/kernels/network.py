"""A GPT-2 that runs on compiled kernels: its weights in the order in which they are read, its buffers, its calls."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from gpt2_remix.engine.generation.backend import Logits
from gpt2_remix.engine.gpt2.config import GPT2Config, parameters_of
from gpt2_remix.engine.gpt2.kernels import layout as at
from gpt2_remix.engine.gpt2.kernels.library import Library, yield_address
from gpt2_remix.engine.gpt2.kernels.packing import Product, aligned
from gpt2_remix.engine.gpt2.network import Array, Batch, KVBuffers
from gpt2_remix.engine.gpt2.threads import ThreadCount

FORM = "kernels 1"
"""How numbers are computed here. It changes whenever the kernels' results do, in the last bit or in meaning."""

BLOCK = 512
"""Rows that go through the network together at most: their numbers stay near, and weights are read once for all."""

_MANY_ROWS = 12
"""Rows from which all threads are used, and every panel is a chunk of its own."""


class KernelNetwork:
    """See `engine.gpt2.network.Network`."""

    device = "cpu"
    form = FORM
    batch_invariant = True

    def __init__(
        self, library: Library, config: GPT2Config, tensors: Mapping[str, Array], products: Mapping[str, Product],
        *, threads: int | None = None,
    ) -> None:
        """Take over what it is given.

        Args:
            library: the compiled kernels.
            config: the network's shape.
            tensors: embeddings and norms, as `engine.gpt2.weights.read_tensors` names them.
            products: the linear layers by name, "h.0.attn.c_attn", …, and the output head as "lm_head".
            threads: CPU threads; where None, as many as measure faster, up to those that this process may use.
        """
        self.config = config
        self.parameters = parameters_of(config)
        head = products["lm_head"].weight.dtype
        self.precision = "int8" if head == np.int8 else "fp32"
        self._library = library
        self._threads = ThreadCount(threads)
        self._wpe = np.array(tensors["wpe.weight"], np.float32)
        # Of the embeddings only rows are looked up: in the output head where that is the same, else in the file.
        self._head = products["lm_head"].weight
        self._wte = None if head != np.int8 and config.tie_word_embeddings else tensors["wte.weight"]
        self._size = at.filled(config.n_embd // config.n_head)
        # Half precision is several times finer than what int8 weights are off by; it halves what attention reads.
        self._kv_type = np.float16 if head == np.int8 else np.float32
        self._kept: list[Array] = []  # what the state has addresses of
        self._state = aligned(np.zeros(at.SLOTS, np.int64))
        state = self._state
        state[at.KIND] = {np.dtype(np.int8): at.INT8, np.dtype(np.float16): at.FLOAT16}.get(head, at.FLOAT32)
        state[at.LAYERS], state[at.WIDTH], state[at.HEADS] = config.n_layer, config.n_embd, config.n_head
        state[at.SIZE], state[at.INNER], state[at.CONTEXT] = self._size, config.inner, config.n_positions
        state[at.CHANNELS], state[at.ACTIVATION] = config.vocab_size, at.activation(config.activation_function)
        state[at.HALF_CACHE], state[at.YIELD] = self._kv_type == np.float16, yield_address()
        self._fill_tables(tensors, products)
        width, inner = at.filled(config.n_embd), at.filled(config.inner)
        self._stream = self._place(at.STREAM, np.zeros((BLOCK, width), np.float32))
        self._hidden = self._place(at.HIDDEN, np.zeros((BLOCK, width), np.float32))
        # For each stage how many chunks are done, and how many each thread's part has given away.
        counters = (config.n_layer * at.STAGES + at.LAST_STAGES, (self._threads.most + 1) * at.LINE // 8)
        self._counters = self._place(at.COUNTERS, np.zeros(counters, np.int64))
        state[at.COUNTER_BYTES] = counters[1] * 8
        self._jobs = self._place(at.JOB_TABLE, np.zeros((BLOCK, at.JOB_SLOTS), np.int64))
        self._asked = self._place(at.ASKED_TABLE, np.zeros(BLOCK, np.int64))
        self._place(at.FINAL, np.zeros((BLOCK, width), np.float32))
        self._place(at.NORMED, np.zeros((BLOCK, width), np.float32))
        self._place(at.LEVELS, np.zeros((BLOCK, max(width, inner)), np.int16))
        self._place(at.UNITS, np.zeros(BLOCK, np.float32))
        self._place(at.QKV, np.zeros((BLOCK, at.filled(3 * config.n_embd)), np.float32))
        self._place(at.WIDE, np.zeros((BLOCK, inner), np.float32))
        factors = [config.layer_norm_epsilon, *(config.attention_scale(n) for n in range(config.n_layer))]
        self._place(at.FACTORS, np.array(factors, np.float32))
        state[at.SCRATCH_BYTES] = at.scratch_bytes(max(width, inner), self._size, config.n_positions)
        self._place(at.SCRATCH, np.zeros((self._threads.most, state[at.SCRATCH_BYTES]), np.uint8))

    def _keep(self, array: Array) -> Array:
        self._kept.append(aligned(array))
        return self._kept[-1]

    def _place(self, slot: int, array: Array) -> Array:
        """Keep an array, and its address in the state."""
        array = self._keep(array)
        self._state[slot] = array.ctypes.data
        return array

    def _fill_tables(self, tensors: Mapping[str, Array], products: Mapping[str, Product]) -> None:
        table = np.zeros((self.config.n_layer + 1, at.LAYER_SLOTS), np.int64)

        def norm(line: Array, slot: int, name: str) -> None:
            for n, part in enumerate(("weight", "bias")):
                line[slot + n] = self._keep(np.array(tensors[f"{name}.{part}"], np.float32)).ctypes.data

        def product(line: Array, slot: int, name: str) -> None:
            own = products[name]
            for n, part in enumerate((own.weight, own.scale, own.bias)):
                line[slot + n] = self._keep(part).ctypes.data

        for n in range(self.config.n_layer):
            norm(table[n], at.NORM_1, f"h.{n}.ln_1")
            norm(table[n], at.NORM_2, f"h.{n}.ln_2")
            product(table[n], at.ATTENTION_IN, f"h.{n}.attn.c_attn")
            product(table[n], at.ATTENTION_OUT, f"h.{n}.attn.c_proj")
            product(table[n], at.FEED_IN, f"h.{n}.mlp.c_fc")
            product(table[n], at.FEED_OUT, f"h.{n}.mlp.c_proj")
        norm(table[-1], 0, "ln_f")
        head = np.zeros(3, np.int64)
        product(head, 0, "lm_head")
        self._place(at.LAYER_TABLE, table)
        self._place(at.HEAD_TABLE, head)

    def buffers(self) -> KVBuffers:
        """See `Network.buffers`."""
        config = self.config
        shape = (config.n_layer, 2, config.n_head, config.n_positions, self._size)
        return KVBuffers(np.empty(shape, self._kv_type), np.empty((config.n_positions, config.n_embd), np.float32))

    def share_buffers(self, lane: KVBuffers) -> KVBuffers:
        """See `Network.share_buffers`."""
        return KVBuffers(lane.kv, np.empty_like(lane.hidden), list(lane.ids), np.empty_like(lane.kv[:, :, :, :1]))

    def kv_slots(self, count: int) -> Array:
        """See `Network.kv_slots`."""
        return np.empty((count, self.config.n_layer, 2, self.config.n_head, self._size), self._kv_type)

    def hidden_rows(self, count: int) -> Array:
        """See `Network.hidden_rows`."""
        return np.empty((count, self.config.n_embd), np.float32)

    def forward(self, batch: Batch, asked: Sequence[int]) -> Logits:
        """See `Network.forward`."""
        if sum(len(ids) for _, ids in batch) <= BLOCK:
            return self._pass(batch, asked)
        waiting = [(lane, list(ids)) for lane, ids in batch]
        while waiting:
            part: list[tuple[KVBuffers, list[int]]] = []
            later: list[tuple[KVBuffers, list[int]]] = []
            room = BLOCK
            for lane, ids in waiting:
                if room:
                    part.append((lane, ids[:room]))
                if len(ids) > room:
                    later.append((lane, ids[room:]))
                room -= min(room, len(ids))
            self._pass(part, ())
            waiting = later
        return self.head_logits(np.stack([lane.hidden[place] for (lane, _), place in zip(batch, asked, strict=True)]))

    def _pass(self, batch: Batch, asked: Sequence[int]) -> Logits:
        """Up to BLOCK rows, and the logits of those that are asked for."""
        state, width = self._state, self.config.n_embd
        tokens: list[int] = []
        places: list[int] = []
        for job, (lane, ids) in enumerate(batch):
            past = len(lane.ids)
            own = 0 if lane.own_kv is None else lane.own_kv.ctypes.data
            self._jobs[job, :5] = len(tokens), len(ids), past, lane.kv.ctypes.data, own
            if asked:
                self._asked[job] = len(tokens) + asked[job] - past
            tokens += ids
            places += range(past, past + len(ids))
        rows = len(tokens)
        self._stream[:rows, :width] = self._embeddings(tokens)
        self._stream[:rows, :width] += self._wpe[places]
        state[at.FIRST_STAGE], state[at.ROWS], state[at.JOBS] = 0, rows, len(batch)
        logits = self._call(rows, len(asked))
        row = 0
        for lane, ids in batch:
            past, new = len(lane.ids), len(ids)
            lane.hidden[past : past + new] = self._hidden[row : row + new, :width]
            lane.ids.extend(ids)
            row += new
        return logits

    def _embeddings(self, tokens: list[int]) -> Array:
        """[n, width] rows of the token embeddings."""
        if self._wte is not None:
            return np.asarray(self._wte[tokens])
        if len(tokens) == 1:
            return self._head[tokens[0] // at.PANEL, : self.config.n_embd, tokens[0] % at.PANEL]
        panels, places = np.divmod(tokens, at.PANEL)
        return self._head[panels, : self.config.n_embd, places]

    def head_logits(self, hidden: Array) -> Logits:
        """See `Network.head_logits`."""
        parts = []
        for start in range(0, len(hidden), BLOCK):
            part = hidden[start : start + BLOCK]
            self._hidden[: len(part), : self.config.n_embd] = part
            self._asked[: len(part)] = np.arange(len(part))
            self._state[at.FIRST_STAGE] = self.config.n_layer * at.STAGES + 1
            parts.append(self._call(len(part), len(part)))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _call(self, rows: int, asked: int) -> Logits:
        """Run what the state asks for; the logits of the rows in the table of those that are asked for."""
        state = self._state
        out = np.empty((asked, at.filled(self.config.vocab_size)), np.float32)
        state[at.ASKED], state[at.LOGITS] = asked, out.ctypes.data
        kind = (int(state[at.FIRST_STAGE]), rows)
        many = rows >= _MANY_ROWS
        threads = self._threads.most if many else self._threads.choose(kind)
        state[at.SPLIT] = 1 if threads == 1 else at.EVERY_PANEL if many else 8 * threads
        self._counters[...] = 0
        begin = time.perf_counter()
        self._library(state, threads)
        if not many:
            self._threads.took(kind, threads, time.perf_counter() - begin)
        return out[:, : self.config.vocab_size]
