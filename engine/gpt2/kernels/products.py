"""Linear layers: inputs made ready, tiles of products, and what becomes of their sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpt2_remix.engine.gpt2.kernels import layout as at
from gpt2_remix.engine.gpt2.kernels import scalars as v
from gpt2_remix.engine.gpt2.kernels import tiles
from gpt2_remix.engine.gpt2.kernels.functions import activate
from gpt2_remix.engine.gpt2.kernels.jit import kernel
from gpt2_remix.engine.gpt2.kernels.target import host

# Rows and vectors of a tile: as many sums as there are registers for. Measured: 512-bit registers 4 x 4, others 6 x 1.
_MANY, _COLUMNS = (4, 4) if host().wide_registers else (6, 1)

_WIDEN_FROM = 12
"""Rows from which it pays to widen a panel's int8 weights to int16 once for all of them."""

_LEAST = np.float32(1e-30)  # rows of smaller numbers are zero: 1 / it times any level is still finite

_INT_ONE, _INT_MANY = tiles.int_tile(1, 4, wide=False, unroll=2), tiles.int_tile(_MANY, _COLUMNS, wide=False)
_INT_TWO, _WIDE_MANY = tiles.int_tile(2, _COLUMNS, wide=False), tiles.int_tile(_MANY, _COLUMNS, wide=True)


@kernel
def filled(count: Any) -> Any:
    """A count of numbers in a row, filled up to whole panels."""
    return (count + at.PANEL - 1) // at.PANEL * at.PANEL


@kernel
def _quantize(source: Any, count: Any, depth: Any, target: Any, unit: Any) -> None:
    """[count] float32 -> int16 in units of the row's own, which is written to `unit`; filled up with zeros to depth."""
    x, q, u = v.floats(source), v.shorts(target), v.floats(unit)
    for i in range(count, depth):
        x[i] = np.float32(0)
    most = tiles.largest_size(source, depth, _LEAST)
    top = np.float32(min(32767, 2147483647 // (127 * count)))
    up = top / most
    for i in range(depth):
        q[i] = np.int16(v.nearest(x[i] * up))
    u[0] = most / top


@kernel
def prepare(s: Any, row: Any, source: Any, count: Any, depth: Any, pitch: Any) -> None:
    """Make a row of a product's inputs ready: in int8, quantize it."""
    if s[at.KIND] == at.INT8:
        _quantize(source + row * pitch, count, depth, s[at.LEVELS] + row * pitch // 2, s[at.UNITS] + row * 4)


@kernel
def _finish(scratch: Any, rows: Any, out: Any, out_pitch: Any, bias: Any, then: Any) -> None:
    """A tile's sums as they leave: with the bias, then added to what is there, or through an activation."""
    for row in range(rows):
        line, y = out + row * out_pitch, v.floats(out + row * out_pitch)
        x, b = v.floats(scratch + row * at.PANEL * 4), v.floats(bias)
        if then == at.ADD:
            for i in range(at.PANEL):
                y[i] += x[i] + b[i]
        else:
            for i in range(at.PANEL):
                y[i] = x[i] + b[i]
            if then >= 0:
                activate(then, line, at.PANEL)


@kernel
def _scale(scratch: Any, rows: Any, units: Any, scale: Any) -> None:
    """Integer sums become what they stand for."""
    u, c = v.floats(units), v.floats(scale)
    for row in range(rows):
        n, x = v.integers(scratch + row * at.PANEL * 4), v.floats(scratch + row * at.PANEL * 4)
        unit = u[row]
        for i in range(at.PANEL):
            x[i] = np.float32(n[i]) * unit * c[i]


@kernel
def _widen(source: Any, target: Any, count: Any) -> None:
    narrow, wide = v.bytes_at(source), v.shorts(target)
    for i in range(count):
        wide[i] = np.int16(narrow[i])


@kernel
def _int_rows(rows: Any, panel: Any, wide: Any, inputs: Any, pitch: Any, depth: Any, out: Any) -> None:
    """The sums of up to _MANY rows times a panel; `wide` is where its weights stand as int16, or 0."""
    if rows == _MANY:
        for column in range(0, at.PANEL // at.LANES, _COLUMNS):
            if wide:
                _WIDE_MANY(wide + column * 64, inputs, pitch, depth, out + column * 64, at.PANEL * 4)
            else:
                _INT_MANY(panel + column * 32, inputs, pitch, depth, out + column * 64, at.PANEL * 4)
        return
    row = 0
    while row + 2 <= rows:
        for column in range(0, at.PANEL // at.LANES, _COLUMNS):
            _INT_TWO(panel + column * 32, inputs + row * pitch, pitch, depth, out + row * at.PANEL * 4 + column * 64,
                     at.PANEL * 4)
        row += 2
    if row < rows:
        _INT_ONE(panel, inputs + row * pitch, pitch, depth, out + row * at.PANEL * 4, at.PANEL * 4)


@kernel
def _int_product(
    s: Any, mine: Any, rows: Any, entry: Any, first: Any, last: Any, depth: Any, out: Any, out_pitch: Any, then: Any
) -> None:
    """Some panels of a product in int8, for all rows."""
    table = v.words(entry)
    inputs, pitch = s[at.LEVELS], depth * 2
    wide = mine + _MANY * at.PANEL * 4 if rows >= _WIDEN_FROM else 0
    for n in range(first, last):
        panel = table[0] + n * at.PANEL * depth
        if wide:
            _widen(panel, wide, at.PANEL * depth)
        row = 0
        while row < rows:
            count = min(_MANY, rows - row)
            _int_rows(count, panel, wide, inputs + row * pitch, pitch, depth, mine)
            _scale(mine, count, s[at.UNITS] + row * 4, table[1] + n * at.PANEL * 4)
            _finish(mine, count, out + row * out_pitch + n * at.PANEL * 4, out_pitch, table[2] + n * at.PANEL * 4, then)
            row += count


def _float_product(half: bool) -> Any:
    tile_many, tile_one = tiles.float_tile(_MANY, _COLUMNS, half=half), tiles.float_tile(1, 4, half=half)
    size = 2 if half else 4

    @kernel
    def product(
        mine: Any, rows: Any, inputs: Any, entry: Any, first: Any, last: Any, depth: Any, out: Any, out_pitch: Any,
        then: Any,
    ) -> None:
        table, pitch = v.words(entry), depth * 4
        for n in range(first, last):
            panel = table[0] + n * at.PANEL * depth * size
            row: Any = 0
            while row < rows:
                count: Any = np.int64(1)
                line = inputs + row * pitch
                if rows - row >= _MANY:
                    count = np.int64(_MANY)
                    for column in range(0, at.PANEL // at.LANES, _COLUMNS):
                        tile_many(
                            panel + column * at.LANES * size, line, pitch, depth, mine + column * 64, at.PANEL * 4
                        )
                else:
                    tile_one(panel, line, pitch, depth, mine, at.PANEL * 4)
                _finish(mine, count, out + row * out_pitch + n * at.PANEL * 4, out_pitch, table[2] + n * at.PANEL * 4,
                        then)
                row += count

    return product


_float32_product, _float16_product = _float_product(False), _float_product(True)


@kernel
def product_chunk(
    s: Any, mine: Any, chunk: Any, rows: Any, entry: Any, inputs: Any, depth: Any, channels: Any, out: Any, then: Any
) -> None:
    """A chunk of a product of all rows: of all panels the share that is `chunk` of `s[SPLIT]`."""
    panels = channels // at.PANEL
    chunks = min(s[at.SPLIT], panels)
    first, last = panels * chunk // chunks, panels * (chunk + 1) // chunks
    pitch = channels * 4
    if s[at.KIND] == at.INT8:
        _int_product(s, mine, rows, entry, first, last, depth, out, pitch, then)
    elif s[at.KIND] == at.FLOAT16:
        _float16_product(mine, rows, inputs, entry, first, last, depth, out, pitch, then)
    else:
        _float32_product(mine, rows, inputs, entry, first, last, depth, out, pitch, then)
