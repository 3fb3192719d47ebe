"""GPT-2's forward pass as kernels: what numba compiles, once for each processor.

Every thread runs the same function. A layer is nine stages; a stage is cut into chunks (some panels of a product, a
head's attention, a row's norm), which threads claim one by one, so that a thread that is late or interrupted costs no
more than the chunk that it holds. No thread goes on to a stage before the last one is done; whoever waits gives its
processor away after some microseconds.

The numbers of a row are the same to the last bit whatever rows it is computed with: sums of integers are exact, every
other sum has one order, whether a token comes by prefill or alone.

Source of the network: Radford et al. 2019. Weights in 8 bits with a scale for each output channel, inputs in up to 16
bits with a scale for each row: row-wise quantization as in LLM.int8() (Dettmers et al. 2022, arXiv 2208.07339).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gpt2_remix.engine.gpt2.kernels import layout as at
from gpt2_remix.engine.gpt2.kernels import scalars as v
from gpt2_remix.engine.gpt2.kernels import tiles
from gpt2_remix.engine.gpt2.kernels.attention import full_attention, half_attention
from gpt2_remix.engine.gpt2.kernels.jit import kernel
from gpt2_remix.engine.gpt2.kernels.products import filled, prepare, product_chunk

_SPINS = 4_000
"""Looks at a counter, some microseconds, before a waiting thread gives its processor away."""


@kernel
def _normalize(source: Any, count: Any, depth: Any, gain: Any, bias: Any, epsilon: Any, target: Any) -> None:
    """The layer norm of [count] numbers, which are filled up with zeros to depth here and there."""
    x, g, b, out = v.floats(source), v.floats(gain), v.floats(bias), v.floats(target)
    mean = tiles.summed(source, depth, np.float32(0)) / np.float32(count)
    for i in range(count, depth):
        x[i] = mean  # so that they are no distance away
    variance = tiles.squared(source, depth, mean) / np.float32(count)
    for i in range(count, depth):
        x[i] = np.float32(0)
        out[i] = np.float32(0)
    by = np.float32(1) / np.sqrt(variance + epsilon)
    for i in range(count):
        out[i] = (x[i] - mean) * by * g[i] + b[i]


@kernel
def _norm_row(s: Any, layer: Any, which: Any, row: Any) -> None:
    table = v.words(s[at.LAYER_TABLE])
    depth = filled(s[at.WIDTH])
    pitch = depth * 4
    epsilon = v.floats(s[at.FACTORS])[0]
    _normalize(s[at.STREAM] + row * pitch, s[at.WIDTH], depth, table[layer * at.LAYER_SLOTS + which],
               table[layer * at.LAYER_SLOTS + which + 1], epsilon, s[at.NORMED] + row * pitch)
    prepare(s, row, s[at.NORMED], s[at.WIDTH], depth, pitch)


@kernel
def _chunks(s: Any, layer: Any, stage: Any) -> Any:
    """Into how many chunks a stage is cut."""
    if layer == s[at.LAYERS]:
        if stage == 0:
            return s[at.ROWS]
        return s[at.ASKED] if stage == 1 else min(s[at.SPLIT], filled(s[at.CHANNELS]) // at.PANEL)
    if stage == 2:
        return s[at.JOBS] * s[at.HEADS]
    if stage == 1:
        return min(s[at.SPLIT], filled(3 * s[at.WIDTH]) // at.PANEL)
    if stage == 6:
        return min(s[at.SPLIT], filled(s[at.INNER]) // at.PANEL)
    if stage == 4 or stage == 8:
        return min(s[at.SPLIT], filled(s[at.WIDTH]) // at.PANEL)
    if (stage == 3 or stage == 7) and s[at.KIND] != at.INT8:
        return 0  # only integers are made ready
    return s[at.ROWS]


@kernel
def _chunk(s: Any, mine: Any, layer: Any, stage: Any, n: Any) -> None:
    """One chunk of a stage of a layer."""
    table, rows = s[at.LAYER_TABLE] + layer * at.LAYER_SLOTS * 8, s[at.ROWS]
    width, inner = filled(s[at.WIDTH]), filled(s[at.INNER])
    if stage == 0 or stage == 5:
        _norm_row(s, layer, np.int64(at.NORM_1 if stage == 0 else at.NORM_2), n)
    elif stage == 2:
        if s[at.HALF_CACHE]:
            half_attention(s, mine, layer, n // s[at.HEADS], n % s[at.HEADS])
        else:
            full_attention(s, mine, layer, n // s[at.HEADS], n % s[at.HEADS])
    elif stage == 3:
        prepare(s, n, s[at.NORMED], s[at.WIDTH], width, width * 4)
    elif stage == 7:
        prepare(s, n, s[at.WIDE], s[at.INNER], inner, inner * 4)
    else:
        entry, inputs, depth = table + at.ATTENTION_IN * 8, s[at.NORMED], width
        channels, out, then = filled(3 * s[at.WIDTH]), s[at.QKV], np.int64(at.STORE)
        if stage == 4:
            entry, channels, out, then = table + at.ATTENTION_OUT * 8, width, s[at.STREAM], np.int64(at.ADD)
        elif stage == 6:
            entry, channels, out, then = table + at.FEED_IN * 8, inner, s[at.WIDE], s[at.ACTIVATION]
        elif stage == 8:
            entry, inputs, depth = table + at.FEED_OUT * 8, s[at.WIDE], inner
            channels, out, then = width, s[at.STREAM], np.int64(at.ADD)
        product_chunk(s, mine, n, rows, entry, inputs, depth, channels, out, then)


@kernel
def _last_chunk(s: Any, mine: Any, stage: Any, n: Any) -> None:
    """One chunk of the stages after the layers."""
    width = filled(s[at.WIDTH])
    if stage == 0:
        table = v.words(s[at.LAYER_TABLE] + s[at.LAYERS] * at.LAYER_SLOTS * 8)
        _normalize(s[at.STREAM] + n * width * 4, s[at.WIDTH], width, table[0], table[1], v.floats(s[at.FACTORS])[0],
                   s[at.HIDDEN] + n * width * 4)
    elif stage == 1:
        row = v.words(s[at.ASKED_TABLE])[n]
        source, target = v.floats(s[at.HIDDEN] + row * width * 4), v.floats(s[at.FINAL] + n * width * 4)
        for i in range(width):
            target[i] = source[i]
        prepare(s, n, s[at.FINAL], s[at.WIDTH], width, width * 4)
    else:
        product_chunk(s, mine, n, s[at.ASKED], s[at.HEAD_TABLE], s[at.FINAL], width, filled(s[at.CHANNELS]),
                      s[at.LOGITS], np.int64(at.STORE))


@kernel
def _wait(s: Any, address: Any, count: Any) -> None:
    """Until a counter has come to count."""
    looks = 0
    while v.seen(address) < count:
        looks += 1
        if looks > _SPINS:
            v.yield_at(s[at.YIELD])


@kernel
def _wait_for(s: Any, address: Any) -> None:
    """Until a counter has come down to 0."""
    looks = 0
    while v.seen(address) > 0:
        looks += 1
        if looks > _SPINS:
            v.yield_at(s[at.YIELD])


@kernel
def _work(state: Any, place: Any, threads: Any) -> None:
    """What every thread runs, each in its own place: all stages in order, the chunks that nobody has claimed.

    A thread begins with its own part of a stage, so that from call to call the same weights are read by the same
    processor, and then helps with what others have not come to.
    """
    s = v.words(state)
    mine = s[at.SCRATCH] + place * s[at.SCRATCH_BYTES]
    for step in range(s[at.FIRST_STAGE], s[at.LAYERS] * at.STAGES + at.LAST_STAGES):
        layer, stage = step // at.STAGES, step % at.STAGES
        chunks, done = _chunks(s, layer, stage), s[at.COUNTERS] + step * s[at.COUNTER_BYTES]
        for ahead in range(threads):
            part = (place + ahead) % threads
            first, last = chunks * part // threads, chunks * (part + 1) // threads
            claimed = done + (part + 1) * at.LINE
            n = first + v.claim(claimed)
            while n < last:
                if layer == s[at.LAYERS]:
                    _last_chunk(s, mine, stage, n)
                else:
                    _chunk(s, mine, layer, stage, n)
                v.claim(done)
                n = first + v.claim(claimed)
        _wait(s, done, chunks)


@kernel
def _lead(team: Any) -> None:
    """Do what the state that the team has asks for, with as many helpers as it says.

    When it returns none of them is at it any more.
    """
    t = v.words(team)
    s = v.words(t[at.STATE])
    v.told(team + at.JOINED * 8, 0)
    v.told(team + at.OPEN * 8, 1)
    if t[at.WAKE] > 0:
        v.transfer_at(t[at.WRITE], t[at.WAKE_TO], t[at.BUFFERS], t[at.WAKE])
    _work(t[at.STATE], np.int64(0), t[at.WAKE] + 1)
    v.told(team + at.OPEN * 8, 0)
    _wait_for(s, team + at.INSIDE * 8)


@kernel
def _help(team: Any, number: Any) -> None:
    """A helper's life: sleeps until a byte comes, then takes part in what there is to do, if it is not done by then.

    A byte may come late, when the next call is on its way: no more take part than that one asks for.
    """
    t = v.words(team)
    while True:
        got = v.transfer_at(t[at.READ], t[at.WAKE_FROM], t[at.BUFFERS] + 64 * number, 1)
        if got == 0:
            return  # nobody can wake it any more
        if got != 1:  # a signal came
            v.yield_at(t[at.PAUSE])
            continue
        v.claim(team + at.INSIDE * 8)
        if v.seen(team + at.OPEN * 8) == 1:
            place = v.claim(team + at.JOINED * 8)
            if place < t[at.WAKE]:
                _work(t[at.STATE], place + 1, t[at.WAKE] + 1)
        v.unclaim(team + at.INSIDE * 8)


@kernel
def enter(team: Any, number: Any) -> None:
    """What every thread calls: number 0 leads, the others help as long as the process lives."""
    if number == 0:
        _lead(team)
    else:
        _help(team, number)
