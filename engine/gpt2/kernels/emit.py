"""Writing LLVM: small pieces of vector code without a word about any processor.

Everything is thought of in vectors of 16 numbers (`LANES`). LLVM makes one 512-bit, two 256-bit or four 128-bit
registers of them, so that the order of every sum, and with it the last bit of every result, is the same everywhere.
Addresses are int64 in bytes; nothing is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from llvmlite import ir
from numba.core import cgutils

from gpt2_remix.engine.gpt2.kernels.layout import LANES

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
F16, F32 = ir.HalfType(), ir.FloatType()
FLOATS = ir.VectorType(F32, LANES)
INTS = ir.VectorType(I32, LANES)
SHORTS = ir.VectorType(I16, 2 * LANES)
PAIRS = ir.VectorType(I32, 2 * LANES)

Builder: TypeAlias = Any
Value: TypeAlias = Any


def const(n: int) -> Value:
    """An int64 constant."""
    return ir.Constant(I64, n)


def pointer(b: Builder, address: Value, offset: Value | int, kind: Value) -> Value:
    """A pointer to what lies at an address and an offset in bytes."""
    at = b.add(address, const(offset) if isinstance(offset, int) else offset)
    return b.inttoptr(at, kind.as_pointer())


def load(b: Builder, address: Value, offset: Value | int, kind: Value) -> Value:
    """What lies there, aligned or not."""
    value = b.load(pointer(b, address, offset, kind))
    value.align = 1
    return value


def store(b: Builder, value: Value, address: Value, offset: Value | int) -> None:
    """Put a value there, aligned or not."""
    b.store(value, pointer(b, address, offset, value.type)).align = 1


def splat(b: Builder, scalar: Value, count: int = LANES) -> Value:
    """A vector of equal numbers."""
    kind = ir.VectorType(scalar.type, count)
    first = b.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.Constant(I32, 0))
    zeros = ir.Constant(ir.VectorType(I32, count), [0] * count)
    return b.shuffle_vector(first, ir.Constant(kind, ir.Undefined), zeros)


def zeros(kind: Value) -> Value:
    """A vector of zeros."""
    return ir.Constant(kind, [0] * kind.count)


def call(b: Builder, name: str, *args: Value) -> Value:
    """A call of one of LLVM's overloaded functions on equal types, such as llvm.fma."""
    kind = args[0].type
    suffix = f"v{kind.count}f32" if isinstance(kind, ir.VectorType) else "f32"
    function = ir.FunctionType(kind, [kind] * len(args))
    return b.call(cgutils.get_or_insert_function(b.module, function, f"{name}.{suffix}"), args)


def select(b: Builder, value: Value, lanes: Sequence[int]) -> Value:
    """Some lanes of a vector, in that order."""
    return b.shuffle_vector(
        value, ir.Constant(value.type, ir.Undefined), ir.Constant(ir.VectorType(I32, len(lanes)), list(lanes))
    )


def fold(b: Builder, value: Value, combine: Callable[[Value, Value], Value]) -> Value:
    """The lanes of a vector brought together, halves with halves: the same order on every processor."""
    count = value.type.count
    while count > 1:
        count //= 2
        value = combine(select(b, value, range(count)), select(b, value, range(count, 2 * count)))
    return b.extract_element(value, ir.Constant(I32, 0))


def loop(
    b: Builder, count: Value, step: int, carried: Sequence[Value], body: Callable[[Value, list[Value]], Sequence[Value]]
) -> list[Value]:
    """Run `body(index, carried)` for index 0, step, … < count; return what it carried out of the last round."""
    before = b.block
    check, inside, after = (b.append_basic_block(name) for name in ("check", "inside", "after"))
    b.branch(check)
    b.position_at_end(check)
    index = b.phi(I64)
    index.add_incoming(const(0), before)
    values = [b.phi(value.type) for value in carried]
    for value, start in zip(values, carried, strict=True):
        value.add_incoming(start, before)
    b.cbranch(b.icmp_signed("<", index, count), inside, after)
    b.position_at_end(inside)
    fresh = body(index, values)
    following = b.add(index, const(step))
    index.add_incoming(following, b.block)
    for value, new in zip(values, fresh, strict=True):
        value.add_incoming(new, b.block)
    b.branch(check)
    b.position_at_end(after)
    return values


def floats_at(b: Builder, address: Value, offset: Value | int, half: bool) -> Value:
    """16 numbers as float32, from float16 where `half`."""
    if not half:
        return load(b, address, offset, FLOATS)
    return b.fpext(load(b, address, offset, ir.VectorType(F16, LANES)), FLOATS)


def folded(b: Builder, vectors: Sequence[Value]) -> Value:
    """The sums of the lanes of 16 vectors as one vector: of each, halves are added to halves, as in `fold`."""
    width = LANES
    while width > 1:
        width //= 2
        items = range(2 * LANES // (2 * width))  # in two vectors of what is to be halved
        first = [item * 2 * width + lane for item in items for lane in range(width)]
        pairs = zip(vectors[::2], vectors[1::2], strict=True)
        vectors = [b.fadd(choose(b, x, y, first), choose(b, x, y, [lane + width for lane in first])) for x, y in pairs]
    return vectors[0]


def choose(b: Builder, x: Value, y: Value, lanes: Sequence[int]) -> Value:
    """Some lanes of two vectors, those of the second counted on."""
    return b.shuffle_vector(x, y, ir.Constant(ir.VectorType(I32, len(lanes)), list(lanes)))
