"""Attention of one head over the positions of a lane, and the softmax in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpt2_remix.engine.gpt2.kernels import layout as at
from gpt2_remix.engine.gpt2.kernels import scalars as v
from gpt2_remix.engine.gpt2.kernels import tiles
from gpt2_remix.engine.gpt2.kernels.functions import exp
from gpt2_remix.engine.gpt2.kernels.jit import kernel
from gpt2_remix.engine.gpt2.kernels.products import filled

_GROUP = at.GROUP
_LOW = np.float32(-3e38)


@kernel
def _softmax(weights: Any, count: Any) -> Any:
    """exp(weights - the greatest) in place; returns 1 / their sum."""
    w = v.floats(weights)
    whole = (count + at.LANES - 1) // at.LANES * at.LANES
    for t in range(count, whole):
        w[t] = _LOW
    most = tiles.largest(weights, whole, _LOW)
    for t in range(whole):
        w[t] = exp(w[t] - most)
    for t in range(count, whole):
        w[t] = np.float32(0)
    return np.float32(1) / tiles.summed(weights, whole, np.float32(0))


@kernel
def _copy_query(source: Any, count: Any, target: Any, size: Any) -> None:
    """Copy a row's query, filled up with zeros."""
    x, y = v.floats(source), v.floats(target)
    for i in range(count):
        y[i] = x[i]
    for i in range(count, size):
        y[i] = np.float32(0)


@kernel
def _clear(target: Any, size: Any) -> None:
    out = v.floats(target)
    for i in range(size):
        out[i] = np.float32(0)


@kernel
def _scale_into(source: Any, by: Any, count: Any, target: Any) -> None:
    """[count] the sums over values, each times 1 / the sum of the weights."""
    x, y = v.floats(source), v.floats(target)
    for i in range(count):
        y[i] = x[i] * by


def _keeping(half: bool) -> Any:
    """Write a row's keys or values into the cache, filled up with zeros."""

    @kernel
    def keep(source: Any, count: Any, target: Any, size: Any) -> None:
        x, y = v.floats(source), v.floats(target)
        for i in range(size):
            value = x[i] if i < count else np.float32(0)
            if half:
                v.store_half(target + 2 * i, value)
            else:
                y[i] = value

    return keep


def _scoring(half: bool) -> Any:
    """[rows, count] scores of queries and keys; a head of more than 64 numbers is taken in parts of 64."""
    size_of = 2 if half else 4
    score_many, score_one = tiles.scores(_GROUP, 16 // _GROUP, half=half), tiles.scores(1, 16, half=half)
    score_key = tiles.scores(1, 1, half=half)

    @kernel
    def score(
        rows: Any, queries: Any, size: Any, keys: Any, count: Any, scale: Any, out: Any, pitch: Any, spare: Any
    ) -> None:
        line = size * size_of
        for part in range(0, size, 64):
            to, asked, key, done = spare if part else out, queries + part * 4, keys + part * size_of, 0
            if rows == _GROUP:
                done = count // (16 // _GROUP) * (16 // _GROUP)
                score_many(asked, size * 4, key, line, done, scale, to, pitch)
            else:
                done = count // 16 * 16
                score_one(asked, size * 4, key, line, done, scale, to, pitch)
            for row in range(rows):
                score_key(asked + row * size * 4, size * 4, key + done * line, line, count - done, scale,
                          to + row * pitch + done * 4, pitch)
            if part:
                for row in range(rows):
                    x, y = v.floats(spare + row * pitch), v.floats(out + row * pitch)
                    for t in range(count):
                        y[t] += x[t]

    return score


def _mixing(half: bool) -> Any:
    """Add the values of some positions, times their weights, to sums."""
    size_of = 2 if half else 4
    mix_many, mix_one = tiles.mixed(_GROUP, 4, half=half), tiles.mixed(1, 4, half=half)

    @kernel
    def mix(rows: Any, weights: Any, pitch: Any, values: Any, size: Any, count: Any, out: Any) -> None:
        for part in range(0, size, 64):
            if rows == _GROUP:
                mix_many(weights, pitch, values + part * size_of, size * size_of, count, out + part * 4, size * 4)
            else:
                mix_one(weights, pitch, values + part * size_of, size * size_of, count, out + part * 4, size * 4)

    return mix


def _attention(half: bool) -> Any:
    """Attention of one head over a lane's positions so far, for the lane's new rows."""
    size_of = 2 if half else 4
    keep, score, mix = _keeping(half), _scoring(half), _mixing(half)

    @kernel
    def attend(s: Any, mine: Any, layer: Any, job: Any, head: Any) -> None:
        table = v.words(s[at.JOB_TABLE] + job * at.JOB_SLOTS * 8)
        width, heads, size = s[at.WIDTH], s[at.HEADS], s[at.SIZE]
        first, count, past = table[at.JOB_FIRST], table[at.JOB_COUNT], table[at.JOB_PAST]
        numbers, context = width // heads, s[at.CONTEXT]
        line = size * size_of
        keys = table[at.JOB_CACHE] + (layer * 2 * heads + head) * context * line
        values = keys + heads * context * line
        own_key = table[at.JOB_OWN] + (layer * 2 * heads + head) * line
        own_value = own_key + heads * line
        own = table[at.JOB_OWN] != 0
        pitch = filled(3 * width) * 4
        for row in range(count):
            source = s[at.QKV] + (first + row) * pitch + head * numbers * 4
            place = (past + row) * line
            keep(source + width * 4, numbers, own_key if own else keys + place, size)
            keep(source + 2 * width * 4, numbers, own_value if own else values + place, size)
        scale = v.floats(s[at.FACTORS])[1 + layer]
        sums = mine + _GROUP * size * 4  # after the queries
        across = filled(context + 1) * 4
        weights = sums + _GROUP * size * 4
        spare = weights + _GROUP * across
        at_row: Any = np.int64(0)
        while at_row < count:
            rows = np.int64(_GROUP if count - at_row >= _GROUP else 1)
            for r in range(rows):
                _copy_query(s[at.QKV] + (first + at_row + r) * pitch + head * numbers * 4, numbers, mine + r * size * 4,
                            size)
            shared = past + at_row if own else past + at_row + 1  # positions that all of these rows see
            score(rows, mine, size, keys, shared, scale, weights, across, spare)
            if own:
                score(np.int64(1), mine, size, own_key, np.int64(1), scale, weights + shared * 4, across, spare)
            for r in range(1, rows):
                score(np.int64(1), mine + r * size * 4, size, keys + shared * line, r, scale,
                      weights + r * across + shared * 4, across, spare)
            for r in range(rows):
                _clear(sums + r * size * 4, size)
                v.floats(spare)[r] = _softmax(weights + r * across, past + at_row + r + 1)
            mix(rows, weights, across, values, size, shared, sums)
            if own:
                mix(np.int64(1), weights + shared * 4, across, own_value, size, np.int64(1), sums)
            for r in range(1, rows):
                mix(np.int64(1), weights + r * across + shared * 4, across, values + shared * line, size, r,
                    sums + r * size * 4)
            for r in range(rows):
                _scale_into(sums + r * size * 4, v.floats(spare)[r], numbers,
                            s[at.NORMED] + (first + at_row + r) * filled(width) * 4 + head * numbers * 4)
            at_row += rows

    return attend


half_attention, full_attention = _attention(True), _attention(False)
