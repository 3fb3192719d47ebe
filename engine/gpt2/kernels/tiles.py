"""What numba's loop vectorizer does not do, as intrinsics: tiles of input rows times weight rows, sums in one order.

Products of pairs of 16-bit integers become vpmaddwd on AVX2 and AVX-512, vpdpwssd where there is VNNI, smull and addp
on ARM64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from gpt2_remix.engine.gpt2.kernels.emit import (
    F32,
    FLOATS,
    I8,
    I16,
    I32,
    INTS,
    PAIRS,
    SHORTS,
    Builder,
    Value,
    call,
    const,
    floats_at,
    fold,
    folded,
    load,
    loop,
    select,
    splat,
    store,
    zeros,
)
from gpt2_remix.engine.gpt2.kernels.layout import LANES, PANEL


def int_tile(rows: int, vectors: int, *, wide: bool, unroll: int = 1) -> Any:
    """An intrinsic: the exact sums of `rows` input rows times 16 * `vectors` output channels of a panel.

    `tile(weights, inputs, row bytes of inputs, depth, sums, row bytes of sums)`: weights are a panel's, int8 (int16
    where `wide`), laid out (depth / 2, PANEL, 2); inputs int16; sums int32. `depth` is a multiple of 2 * unroll. Exact
    while every sum fits in 32 bits.
    """
    size = 2 if wide else 1

    def codegen(_context: Any, b: Builder, _signature: Any, args: Sequence[Value]) -> Value:
        weights, inputs, pitch, depth, out, out_pitch = args
        lines = [b.add(inputs, b.mul(pitch, const(row))) for row in range(rows)]

        def body(k: Value, sums: list[Value]) -> list[Value]:
            fresh = list(sums)
            for u in range(unroll):
                at = b.add(k, const(2 * u))
                place = b.mul(at, const(PANEL * size))
                columns = []
                for v in range(vectors):
                    raw = load(b, weights, b.add(place, const(v * 2 * LANES * size)),
                                ir.VectorType(I16 if wide else I8, 2 * LANES))
                    columns.append(b.sext(raw, PAIRS))
                for row, line in enumerate(lines):
                    pair = load(b, line, b.mul(at, const(2)), I32)
                    x = b.sext(b.bitcast(splat(b, pair), SHORTS), PAIRS)
                    for v, column in enumerate(columns):
                        product = b.mul(x, column)  # with the next line: vpmaddwd, and with the addition vpdpwssd
                        both = b.add(select(b, product, range(0, 2 * LANES, 2)),
                                     select(b, product, range(1, 2 * LANES, 2)))
                        n = (u * rows + row) * vectors + v
                        fresh[n] = b.add(sums[n], both)
            return fresh

        sums = loop(b, depth, 2 * unroll, [zeros(INTS)] * (unroll * rows * vectors), body)
        for row in range(rows):
            line = b.add(out, b.mul(out_pitch, const(row)))
            for v in range(vectors):
                total = sums[row * vectors + v]
                for u in range(1, unroll):
                    total = b.add(total, sums[(u * rows + row) * vectors + v])
                store(b, total, line, v * LANES * 4)
        return const(0)

    def tile(typingctx: Any, weights: Any, inputs: Any, pitch: Any, depth: Any, out: Any, out_pitch: Any) -> Any:
        return types.int64(*[types.int64] * 6), codegen

    return intrinsic(tile)


def float_tile(rows: int, vectors: int, *, half: bool) -> Any:
    """An intrinsic like `int_tile`, in float32: each sum is a chain of fused multiply-adds along depth.

    `tile(weights, inputs, row bytes of inputs, depth, sums, row bytes of sums)`: weights float32 (float16 where
    `half`), laid out (depth, PANEL); inputs and sums float32.
    """
    size = 2 if half else 4

    def codegen(_context: Any, b: Builder, _signature: Any, args: Sequence[Value]) -> Value:
        weights, inputs, pitch, depth, out, out_pitch = args
        lines = [b.add(inputs, b.mul(pitch, const(row))) for row in range(rows)]

        def body(k: Value, sums: list[Value]) -> list[Value]:
            place = b.mul(k, const(PANEL * size))
            columns = [floats_at(b, weights, b.add(place, const(v * LANES * size)), half) for v in range(vectors)]
            fresh = []
            for row, line in enumerate(lines):
                x = splat(b, load(b, line, b.mul(k, const(4)), F32))
                fresh += [call(b, "llvm.fma", x, column, sums[row * vectors + v]) for v, column in enumerate(columns)]
            return fresh

        sums = loop(b, depth, 1, [zeros(FLOATS)] * (rows * vectors), body)
        for row in range(rows):
            line = b.add(out, b.mul(out_pitch, const(row)))
            for v in range(vectors):
                store(b, sums[row * vectors + v], line, v * LANES * 4)
        return const(0)

    def tile(typingctx: Any, weights: Any, inputs: Any, pitch: Any, depth: Any, out: Any, out_pitch: Any) -> Any:
        return types.int64(*[types.int64] * 6), codegen

    return intrinsic(tile)


def scores(rows: int, keys: int, *, half: bool) -> Any:
    """An intrinsic: `score(queries, query bytes, keys, key bytes, count, scale, out, out bytes)`.

    out[row, t] = scale * (queries[row] · keys[t]) for `rows` queries and `count` keys of 64 numbers, `keys` of them at
    a time: lane by lane along them, then the lanes by halves. `rows` * `keys` is 1 or 16, `count` a multiple of `keys`.
    """
    vectors = 64 // LANES

    def codegen(_context: Any, b: Builder, _signature: Any, args: Sequence[Value]) -> Value:
        queries, query_pitch, first, pitch, count, scale, out, out_pitch = args
        lines = [b.add(queries, b.mul(query_pitch, const(row))) for row in range(rows)]
        outs = [b.add(out, b.mul(out_pitch, const(row))) for row in range(rows)]

        def some(t: Value, _: list[Value]) -> list[Value]:
            sums: list[list[Value]] = [[] for _ in range(rows)]
            for n in range(keys):
                line = b.add(first, b.mul(b.add(t, const(n)), pitch))
                key = [floats_at(b, line, v * LANES * (2 if half else 4), half) for v in range(vectors)]
                for row in range(rows):
                    total = b.fmul(load(b, lines[row], 0, FLOATS), key[0])
                    for v in range(1, vectors):
                        total = call(b, "llvm.fma", load(b, lines[row], v * LANES * 4, FLOATS), key[v], total)
                    sums[row].append(total)
            place = b.mul(t, const(4))
            if rows * keys == 1:
                store(b, b.fmul(fold(b, sums[0][0], b.fadd), scale), outs[0], place)
                return []
            whole = b.fmul(folded(b, [total for row in sums for total in row]), splat(b, scale))
            for row in range(rows):
                store(b, select(b, whole, range(row * keys, (row + 1) * keys)), outs[row], place)
            return []

        loop(b, count, keys, [], some)
        return const(0)

    whole = types.int64

    def score(
        typingctx: Any, queries: Any, query_pitch: Any, keys: Any, pitch: Any, count: Any, scale: Any, out: Any,
        out_pitch: Any,
    ) -> Any:
        return whole(whole, whole, whole, whole, whole, types.float32, whole, whole), codegen

    return intrinsic(score)


def mixed(rows: int, vectors: int, *, half: bool) -> Any:
    """An intrinsic: `mix(weights, weight bytes, values, value bytes, count, out, out bytes)`.

    Adds weights[row, t] * values[t], 16 * `vectors` numbers each, to out[row], t by t, for `rows` rows.
    """

    def codegen(_context: Any, b: Builder, _signature: Any, args: Sequence[Value]) -> Value:
        weights, weight_pitch, values, pitch, count, out, out_pitch = args
        lines = [b.add(weights, b.mul(weight_pitch, const(row))) for row in range(rows)]
        outs = [b.add(out, b.mul(out_pitch, const(row))) for row in range(rows)]

        def body(t: Value, sums: list[Value]) -> list[Value]:
            line = b.add(values, b.mul(t, pitch))
            value = [floats_at(b, line, v * LANES * (2 if half else 4), half) for v in range(vectors)]
            fresh = []
            for row, place in enumerate(lines):
                w = splat(b, load(b, place, b.mul(t, const(4)), F32))
                fresh += [call(b, "llvm.fma", w, x, sums[row * vectors + v]) for v, x in enumerate(value)]
            return fresh

        start = [load(b, place, v * LANES * 4, FLOATS) for place in outs for v in range(vectors)]
        sums = loop(b, count, 1, start, body)
        for row, place in enumerate(outs):
            for v in range(vectors):
                store(b, sums[row * vectors + v], place, v * LANES * 4)
        return const(0)

    whole = types.int64

    def mix(
        typingctx: Any, weights: Any, weight_pitch: Any, values: Any, pitch: Any, count: Any, out: Any, out_pitch: Any
    ) -> Any:
        return whole(*[whole] * 7), codegen

    return intrinsic(mix)


def _reduction(each: Callable[[Builder, Value, Value, Value], Value], combine: str) -> Any:
    """An intrinsic `reduce(address, count, number)` over float32; count a multiple of LANES."""

    def codegen(_context: Any, b: Builder, _signature: Any, args: Sequence[Value]) -> Value:
        address, count, number = args
        wide = splat(b, number)

        def body(i: Value, sums: list[Value]) -> list[Value]:
            return [each(b, sums[0], load(b, address, b.mul(i, const(4)), FLOATS), wide)]

        start = wide if combine == "max" else zeros(FLOATS)
        (total,) = loop(b, count, LANES, [start], body)
        return fold(b, total, b.fadd if combine == "add" else lambda x, y: _larger(b, x, y))

    def reduce(typingctx: Any, address: Any, count: Any, number: Any) -> Any:
        return types.float32(types.int64, types.int64, types.float32), codegen

    return intrinsic(reduce)


def _larger(b: Builder, x: Value, y: Value) -> Value:
    return b.select(b.fcmp_ordered(">", x, y), x, y)


def _squares(b: Builder, total: Value, x: Value, mean: Value) -> Value:
    away = b.fsub(x, mean)
    return call(b, "llvm.fma", away, away, total)


summed = _reduction(lambda b, total, x, _: b.fadd(total, x), "add")
"""`summed(address, count, 0)`: the sum of count numbers."""
squared = _reduction(_squares, "add")
"""`squared(address, count, mean)`: the sum of the squared distances from mean."""
largest = _reduction(lambda b, most, x, _: _larger(b, x, most), "max")
"""`largest(address, count, least)`: the greatest of count numbers and least."""
largest_size = _reduction(lambda b, most, x, _: _larger(b, call(b, "llvm.fabs", x), most), "max")
"""`largest_size(address, count, least)`: the greatest absolute value of count numbers, and least."""
