"""The processor that kernels are compiled for: this one, or the one that NUMBA_CPU_NAME and NUMBA_CPU_FEATURES name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

from llvmlite import binding

_PROBE = """
define <16 x i32> @sums(<16 x i32> %s, <32 x i16> %x, <32 x i16> %y) {{
  %a = sext <32 x i16> %x to <32 x i32>
  %b = sext <32 x i16> %y to <32 x i32>
  %p = mul <32 x i32> %a, %b
  %e = shufflevector <32 x i32> %p, <32 x i32> poison, <16 x i32> <{even}>
  %o = shufflevector <32 x i32> %p, <32 x i32> poison, <16 x i32> <{odd}>
  %q = add <16 x i32> %e, %o
  %r = add <16 x i32> %s, %q
  ret <16 x i32> %r
}}
"""


@dataclass(frozen=True, slots=True)
class Target:
    """A processor.

    Attributes:
        cpu: LLVM's name of it.
        features: what it has, as LLVM writes it: "+avx2,-avx512f,…"; empty for all that its name says.
        wide_registers: whether vectors of 512 bits are one register.
        pairs: the instruction that LLVM makes of sums of products of pairs of int16: "vpdpwssd" where there is VNNI.
    """

    cpu: str
    features: str
    wide_registers: bool
    pairs: str

    def machine(self) -> Any:
        """LLVM's code generator for it."""
        return _machine(self.cpu, self.features)


def _machine(cpu: str, features: str) -> Any:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=3, reloc="pic", codemodel="small"
    )


def named() -> tuple[str, str]:
    """The name and the features of the processor to compile for, as `Target` has them."""
    cpu = os.environ.get("NUMBA_CPU_NAME")
    features = os.environ.get("NUMBA_CPU_FEATURES", "")
    if cpu:
        return cpu, features
    return binding.get_host_cpu_name(), features or binding.get_host_cpu_features().flatten()


@cache
def host() -> Target:
    """The processor to compile for. What it does best is read off the code that LLVM writes for it."""
    cpu, features = named()
    even, odd = (", ".join(f"i32 {n}" for n in range(first, 32, 2)) for first in (0, 1))
    module = binding.parse_assembly(_PROBE.format(even=even, odd=odd))
    written = _machine(cpu, features).emit_assembly(module)
    pairs = next((name for name in ("vpdpwssd", "vpmaddwd", "pmaddwd", "smlal", "smull") if name in written), "")
    return Target(cpu, features, "zmm" in written, pairs)
