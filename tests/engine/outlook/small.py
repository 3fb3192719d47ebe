"""A network small enough to enumerate: eleven tokens, whose texts make words, halves of a character and an end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gpt2_remix.engine.generation.backend import logits_at
from gpt2_remix.engine.generation.stream import Prefix, context_at
from gpt2_remix.engine.gpt2.backend import LocalBackend
from gpt2_remix.engine.gpt2.opening import open_backend
from gpt2_remix.engine.sampling.chain.truncation import next_mu
from gpt2_remix.engine.sampling.context import SamplingContext
from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.tokens.tokenizer import END_OF_TEXT, Tokenizer

PIECES = [b"a", b"b", b" ", b" ab", b"'", b"1", b".", b"\xc3", b"\xa9", b"\n", END_OF_TEXT.encode()]
END = 10


def tokenizer(pieces: Sequence[bytes] = PIECES) -> Tokenizer:
    """Their texts; nothing is encoded."""
    return Tokenizer(list(pieces), END, lambda text: [], lambda: b"small")


def network(folder: Path, torch_seed: int = 3) -> LocalBackend:
    """A random one that has an opinion."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(torch_seed)
    shape: dict[str, Any] = {"vocab_size": 11, "n_positions": 16, "n_embd": 16, "n_layer": 2, "n_head": 2}
    shape |= {"bos_token_id": 1, "eos_token_id": 1, "initializer_range": 0.5}
    GPT2LMHeadModel(GPT2Config(**shape)).save_pretrained(folder)
    return open_backend("small", folder)


def paths(
    backend: LocalBackend, prompt: list[int], settings: Settings, depth: int, words: Tokenizer
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every continuation with its probability; the same ids come again where XTC's coin can fall both ways."""

    def further(ids: tuple[int, ...], weight: float, mu: float | None) -> Iterator[tuple[tuple[int, ...], float]]:
        if len(ids) == depth or (ids and ids[-1] == END):
            yield ids, weight
            return
        whole = [*prompt, *ids]
        logits = logits_at(backend, [(whole, len(whole))], END)[0]
        start = context_at(Prefix(prompt), len(prompt), settings, seed=0, tokenizer=words, context_length=16)
        context: SamplingContext = replace(start, position=len(whole), ids=whole, mu=mu)
        chance = settings.xtc_probability
        for share, fallen in ((chance, 1.0), (1 - chance, 0.0)) if chance else ((1.0, 0.0),):
            if not share:
                continue
            final = distribution(logits, replace(settings, xtc_probability=fallen), context).final
            for token, p in enumerate(final):
                if p > 0:
                    after = next_mu(mu, settings, float(p)) if settings.mirostat_tau else None
                    yield from further((*ids, token), weight * share * float(p), after)

    yield from further((), 1.0, None)
