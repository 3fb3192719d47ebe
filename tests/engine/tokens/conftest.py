"""GPT-2's own tokenizer as people save it, rebuilt from the ranks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gpt2_remix.engine.tokens.tokenizer import gpt2_tokenizer


def byte_letters() -> dict[int, str]:
    """GPT-2's bytes_to_unicode, from transformers."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return dict(bytes_to_unicode())


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Hugging Face's own GPT-2 tokenizer, from vocab.json and merges.txt rebuilt out of the ranks."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    full = gpt2_tokenizer()
    letters = byte_letters()
    words = ["".join(letters[byte] for byte in piece) for piece in full.pieces[:-1]]
    rank = {bytes(piece): n for n, piece in enumerate(full.pieces[:-1])}
    merges = []
    for piece in full.pieces[256:-1]:
        # The merge that makes a token joins the two parts into which lower ranks merge it.
        parts = [piece[n : n + 1] for n in range(len(piece))]
        while len(parts) > 2:
            best = min(range(len(parts) - 1), key=lambda n: rank.get(parts[n] + parts[n + 1], 10**9))
            parts[best : best + 2] = [parts[best] + parts[best + 1]]
        merges.append(tuple("".join(letters[byte] for byte in part) for part in parts))
    vocab = {word: n for n, word in enumerate(words)} | {"<|endoftext|>": 50256}
    model = Tokenizer(models.BPE(vocab=vocab, merges=[(a, b) for a, b in merges]))
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    model.add_special_tokens(["<|endoftext|>"])
    folder = tmp_path_factory.mktemp("tokenizer")
    (folder / "vocab.json").write_text(json.dumps(vocab), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(map(" ".join, merges)), "utf-8")
    model.save(str(folder / "tokenizer.json"))
    return model, folder
