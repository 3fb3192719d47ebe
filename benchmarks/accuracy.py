"""How far int8 is from fp32: divergence in bits a token and agreement on the most probable token, on a text's tokens.

    python -m benchmarks.accuracy FILE… [--tokens N]

Both the embedded model and a random GPT-2 small (124M) read the first tokens of each file, a context at a time.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.checkpoint import random_gpt2_small
from gpt2_remix.engine.models.opening import LoadOptions, locate, read_tokenizer, start_backend


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """[n, vocabulary] logits -> log-probabilities."""
    scores = logits.astype(np.float64)
    scores -= scores.max(1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(1, keepdims=True))
    return scores


def compared(name: str, texts: Sequence[str], tokens: int) -> Iterator[tuple[float, bool]]:
    """For each token: the divergence from fp32 to int8 in bits, and whether both have the same most probable token."""
    located = locate(name)
    tokenizer = read_tokenizer(located)
    exact, near = (start_backend(located, LoadOptions(precision)) for precision in ("fp32", "int8"))
    for text in texts:
        ids = tokenizer.encode(text)[:tokens]
        for start in range(0, len(ids), exact.info.context):
            part = ids[start : start + exact.info.context]
            for ours, theirs in zip(exact.every_logits(part), near.every_logits(part), strict=True):
                p, q = log_softmax(ours), log_softmax(theirs)
                divergence = (np.exp(p) * (p - q)).sum(1) / math.log(2)
                yield from zip(divergence.tolist(), (p.argmax(1) == q.argmax(1)).tolist(), strict=True)


def main() -> None:
    """Print a line for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--tokens", type=int, default=2048)
    given = parser.parse_args()
    texts = [path.read_text("utf-8", errors="replace")[: given.tokens * 8] for path in given.files]
    for name in ("classics", str(random_gpt2_small())):
        divergences, same = zip(*compared(name, texts, given.tokens), strict=True)
        print(f"{Path(name).name:<26} {len(same):,} tokens: {np.mean(divergences):.2e} bits a token (at most "
              f"{max(divergences):.2e}), same most probable token {np.mean(same):.2%}")


if __name__ == "__main__":
    main()
