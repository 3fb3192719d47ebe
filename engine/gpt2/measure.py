"""What is measured of this machine once, and kept beside the list of models: which precision is faster."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from gpt2_remix.engine.files import read_bytes, written_beside
from gpt2_remix.engine.gpt2.config import GPT2Config
from gpt2_remix.engine.gpt2.kernels import layout as at
from gpt2_remix.engine.gpt2.kernels.compiled import object_name
from gpt2_remix.engine.gpt2.kernels.library import Library
from gpt2_remix.engine.gpt2.kernels.network import KernelNetwork
from gpt2_remix.engine.gpt2.kernels.packing import Product, packed_shape
from gpt2_remix.engine.gpt2.threads import usable_processors

_SHAPE = GPT2Config(vocab_size=16_384, n_positions=1, n_embd=1_024, n_layer=0, n_head=16)
"""One product of 17M weights: 67 MB in fp32, more than most processors keep near."""

_ROUNDS = 5


def faster_precision(library: Library) -> tuple[str, float]:
    """The precision in which a row goes through a product sooner, and how many times as fast int8 is as fp32."""
    file = user_cache_path("gpt2-remix") / "measured.json"
    key = f"{Path(object_name()).stem} {usable_processors()}"
    known: dict[str, float] = {}
    with suppress(OSError, ValueError, RecursionError, TypeError, AttributeError, OverflowError):
        known = {str(name): float(value) for name, value in json.loads(read_bytes(file)).items()}
    if key not in known or not known[key] > 0:
        known[key] = _times_as_fast(library)
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            with written_beside(file) as part:
                part.write_text(json.dumps(known))
    return "int8" if known[key] > 1 else "fp32", known[key]


def _times_as_fast(library: Library) -> float:
    networks = [_head_alone(library, dtype) for dtype in (np.dtype(np.float32), np.dtype(np.int8))]
    hidden = np.ones((1, _SHAPE.n_embd), np.float32)
    best = [float("inf"), float("inf")]
    for _ in range(_ROUNDS):
        for n, network in enumerate(networks):
            begin = time.perf_counter()
            network.head_logits(hidden)
            best[n] = min(best[n], time.perf_counter() - begin)
    return best[0] / best[1]


def _head_alone(library: Library, dtype: np.dtype[np.generic]) -> KernelNetwork:
    outer, inner = _SHAPE.vocab_size, _SHAPE.n_embd
    shape = packed_shape(inner, outer) if dtype == np.int8 else (outer // at.PANEL, inner, at.PANEL)
    scale = np.ones(outer, np.float32)
    head = Product.filled(np.ones(shape, dtype), scale, None)
    one = np.ones(inner, np.float32)
    tensors = {"wte.weight": one[None], "wpe.weight": one[None], "ln_f.weight": one, "ln_f.bias": one}
    return KernelNetwork(library, _SHAPE, tensors, {"lm_head": head}, threads=usable_processors())
