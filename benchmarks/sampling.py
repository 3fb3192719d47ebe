"""Milliseconds for one distribution and one flip over 50,257 tokens.

    python -m benchmarks.sampling
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from gpt2_remix.engine.generation.decode import choose_token
from gpt2_remix.engine.sampling.context import SamplingContext
from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.settings import Settings, parse_settings

USUAL = "temperature=0.8,top_k=40,top_p=0.95,min_p=0.05"
EVERYTHING = (
    "repetition_penalty=1.1,presence_penalty=0.2,frequency_penalty=0.1,no_repeat_ngram_size=4,dry_multiplier=0.8,"
    "logit_bias=5:1,banned=6,min_new_tokens=3,temperature=0.9,dynatemp_range=0.2,top_k=50000,top_p=0.999,min_p=0.00001,"
    "typical_p=0.999,epsilon_cutoff=0.0000001,eta_cutoff=0.0000001,top_n_sigma=8,xtc_probability=0.5,mirostat_tau=9"
)
CHAINS = (
    "", "temperature=0.8", "top_k=40", "top_p=0.95", "min_p=0.05", "repetition_penalty=1.2", "no_repeat_ngram_size=3",
    "dry_multiplier=0.8", "dynatemp_range=0.5", "typical_p=0.9", "eta_cutoff=0.001", "top_n_sigma=1",
    "xtc_probability=0.5", "mirostat_tau=5", USUAL, EVERYTHING,
)
LENGTH = 1024
"""Tokens that stand before."""


def main() -> None:
    """Print the medians."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, 50257).astype(np.float32)
    ids = [int(token) for token in rng.zipf(1.3, LENGTH) % 50257]
    for chain in CHAINS:
        settings = parse_settings(chain, Settings())
        made, flipped = [], []
        for n in range(200):
            moment = SamplingContext(LENGTH, ids, 10, seed=n)
            start = time.perf_counter()
            dist = distribution(logits, settings, moment)
            middle = time.perf_counter()
            choose_token(dist, moment, "interval")
            made.append(1000 * (middle - start))
            flipped.append(1000 * (time.perf_counter() - middle))
        name = chain if len(chain) < 50 else "every rule at once, hardly cutting"
        print(f"{name or 'pure':<52} {statistics.median(made):.2f} ms, coin {statistics.median(flipped):.2f} ms")


if __name__ == "__main__":
    main()
