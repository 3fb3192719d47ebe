"""Milliseconds for one distribution and one flip over 50,257 tokens.

    python -m benchmarks.sampling
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from engine.generator import flip
from engine.sampling import distribution
from engine.settings import Settings, parse_settings

USUAL = "temperature=0.8,top_k=40,top_p=0.95,min_p=0.05"
CHAINS = ("", "temperature=0.8", "top_k=40", "top_p=0.95", "min_p=0.05", USUAL)


def main() -> None:
    """Prints the medians."""
    logits = np.random.default_rng(0).normal(0, 3, 50257).astype(np.float32)
    for chain in CHAINS:
        settings = parse_settings(chain, Settings())
        made, flipped = [], []
        for n in range(200):
            start = time.perf_counter()
            dist = distribution(logits, settings)
            middle = time.perf_counter()
            flip(dist, position=n, seed=7, roll=0, coin="interval")
            made.append(1000 * (middle - start))
            flipped.append(1000 * (time.perf_counter() - middle))
        print(f"{chain or 'pure':<52} {statistics.median(made):.2f} ms, coin {statistics.median(flipped):.2f} ms")


if __name__ == "__main__":
    main()
