"""Numbers at an address, bits of numbers, counters that threads share, calls of the system, as intrinsics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from gpt2_remix.engine.gpt2.kernels.emit import F16, F32, I8, I16, I32, I64, Builder, Value, call, const


def _numbers_at(number: Any, kind: Any) -> Any:
    """An intrinsic: the numbers of a type at an address, to be indexed."""

    def numbers(typingctx: Any, address: Any) -> Any:
        return types.CPointer(number)(types.int64), lambda _, b, __, args: b.inttoptr(args[0], kind.as_pointer())

    return intrinsic(numbers)


floats = _numbers_at(types.float32, F32)
bytes_at = _numbers_at(types.int8, I8)
shorts = _numbers_at(types.int16, I16)
integers = _numbers_at(types.int32, I32)
words = _numbers_at(types.int64, I64)


@intrinsic
def store_half(typingctx: Any, address: Any, value: Any) -> Any:
    """Write a float32 as float16, rounded to the nearest; the greatest finite one where it is larger."""

    def codegen(_context: Any, b: Builder, _signature: Any, args: Sequence[Value]) -> Value:
        top, bottom = ir.Constant(F32, 65504.0), ir.Constant(F32, -65504.0)
        value = b.select(b.fcmp_ordered(">", args[1], top), top, args[1])
        value = b.select(b.fcmp_ordered("<", value, bottom), bottom, value)
        b.store(b.fptrunc(value, F16), b.inttoptr(args[0], F16.as_pointer())).align = 2
        return const(0)

    return types.int64(types.int64, types.float32), codegen


@intrinsic
def power_of_two(typingctx: Any, exponent: Any) -> Any:
    """2 ** exponent for an int32 of -126 ... 127, by its bits."""

    def codegen(_context: Any, b: Builder, _signature: Any, args: Sequence[Value]) -> Value:
        bits = b.shl(b.add(args[0], ir.Constant(I32, 127)), ir.Constant(I32, 23))
        return b.bitcast(bits, F32)

    return types.float32(types.int32), codegen


@intrinsic
def nearest(typingctx: Any, value: Any) -> Any:
    """A float32 rounded to the nearest whole number, ties to even."""
    return types.float32(types.float32), lambda _, b, __, args: call(b, "llvm.rint", args[0])


@intrinsic
def claim(typingctx: Any, address: Any) -> Any:
    """Count an int64 up by one, seen by every thread at once; return what it was before."""

    def codegen(_context: Any, b: Builder, _signature: Any, args: Sequence[Value]) -> Value:
        return b.atomic_rmw("add", b.inttoptr(args[0], I64.as_pointer()), const(1), "seq_cst")

    return types.int64(types.int64), codegen


@intrinsic
def unclaim(typingctx: Any, address: Any) -> Any:
    """Count an int64 down by one, seen by every thread at once; return what it was before."""

    def codegen(_context: Any, b: Builder, _signature: Any, args: Sequence[Value]) -> Value:
        return b.atomic_rmw("sub", b.inttoptr(args[0], I64.as_pointer()), const(1), "seq_cst")

    return types.int64(types.int64), codegen


@intrinsic
def seen(typingctx: Any, address: Any) -> Any:
    """An int64 as the other threads have left it."""

    def codegen(_context: Any, b: Builder, _signature: Any, args: Sequence[Value]) -> Value:
        return b.load_atomic(b.inttoptr(args[0], I64.as_pointer()), "seq_cst", 8)

    return types.int64(types.int64), codegen


@intrinsic
def told(typingctx: Any, address: Any, value: Any) -> Any:
    """Set an int64 for all threads to see."""

    def codegen(_context: Any, b: Builder, _signature: Any, args: Sequence[Value]) -> Value:
        b.store_atomic(args[1], b.inttoptr(args[0], I64.as_pointer()), "seq_cst", 8)
        return const(0)

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def yield_at(typingctx: Any, address: Any) -> Any:
    """Call a function without arguments at an address: the system's sched_yield."""

    def codegen(_context: Any, b: Builder, _signature: Any, args: Sequence[Value]) -> Value:
        b.call(b.inttoptr(args[0], ir.FunctionType(I32, []).as_pointer()), [])
        return const(0)

    return types.int64(types.int64), codegen


@intrinsic
def transfer_at(typingctx: Any, address: Any, file: Any, buffer: Any, count: Any) -> Any:
    """Call the system's read or write, at an address, on a file descriptor and `count` bytes at `buffer`."""

    def codegen(_context: Any, b: Builder, _signature: Any, args: Sequence[Value]) -> Value:
        kind = ir.FunctionType(I32, [I32, I8.as_pointer(), I64])  # of what it returns 32 bits tell enough everywhere
        function = b.inttoptr(args[0], kind.as_pointer())
        result = b.call(function, [b.trunc(args[1], I32), b.inttoptr(args[2], I8.as_pointer()), args[3]])
        return b.sext(result, I64)

    return types.int64(*[types.int64] * 4), codegen
