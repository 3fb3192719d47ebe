"""Compiles the kernels into object code for one processor: `python -m gpt2_remix.engine.gpt2.kernels.build FILE`.

A process of its own does this, once for each processor and version: the compiler takes some seconds of a core and holds
Python's lock meanwhile. What it writes is loaded without numba (`library`).
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from filelock import FileLock

from gpt2_remix.engine.files import written_beside
from gpt2_remix.engine.gpt2.kernels.compiled import failure


def compiled() -> tuple[str, bytes]:
    """The name of the kernels' function, and the object code that holds it.

    numba only translates; what it writes is optimized here, once and as a whole. By itself it would optimize every
    function with all that it calls, again and again, which takes longer, and it dropped a call that has an effect
    (numba 0.68.1 with LLVM 22).
    """
    os.environ["NUMBA_OPT"] = "0"
    from llvmlite import binding
    from numba import types

    from gpt2_remix.engine.gpt2.kernels.program import enter
    from gpt2_remix.engine.gpt2.kernels.target import host

    enter.compile(types.void(types.int64, types.int64))
    (signature,) = enter.signatures
    name = str(enter.overloads[signature].fndesc.llvm_func_name)
    module = binding.parse_assembly(enter.inspect_llvm(signature))
    for function in module.functions:
        if not function.is_declaration:
            function.linkage = "external" if function.name == name else "internal"
    machine = host().machine()
    tuning = binding.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = tuning.slp_vectorization = True
    passes = binding.create_pass_builder(machine, tuning)
    passes.getModulePassManager().run(module, passes)
    return name, bytes(machine.emit_object(module))


def main() -> None:
    """Write the file, whole or not at all: the SHA-256 of the rest, the function's name, a newline, the code."""
    if hasattr(os, "nice"):
        os.nice(10)
    path = Path(sys.argv[1])
    with FileLock(f"{path}.lock"):  # of several processes that want it one compiles
        if path.exists() and _whole(path):
            return
        failed = failure(path)
        failed.unlink(missing_ok=True)
        try:
            name, code = compiled()
        except BaseException:
            failed.touch()
            raise
        content = name.encode() + b"\n" + code
        with written_beside(path) as part:
            part.write_bytes(hashlib.sha256(content).digest() + content)


def _whole(path: Path) -> bool:
    content = path.read_bytes()
    return hashlib.sha256(content[32:]).digest() == content[:32]


if __name__ == "__main__":
    main()
