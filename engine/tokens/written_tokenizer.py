"""A tokenizer's files in Hugging Face's layout, for a model whose vocabulary is the first ranks of GPT-2's table."""

from __future__ import annotations

import json
from functools import lru_cache

from gpt2_remix.engine.tokens.folder_tokenizer import CONFIG, WHOLE, byte_alphabet
from gpt2_remix.engine.tokens.tokenizer import END_OF_TEXT, gpt2_tokenizer


@lru_cache(maxsize=2)
def tokenizer_files(vocab_size: int, context: int) -> dict[str, bytes]:
    """tokenizer.json and tokenizer_config.json, by their names; transformers reads them as GPT-2's tokenizer.

    Args:
        vocab_size: ids of the model, `<|endoftext|>` the last one.
        context: tokens that it sees at once.
    """
    import tokenizers

    pieces = gpt2_tokenizer(vocab_size).pieces
    letters = {byte: letter for letter, byte in byte_alphabet().items()}
    names = ["".join(letters[byte] for byte in piece) for piece in pieces[:-1]]
    ranks = {piece: rank for rank, piece in enumerate(pieces[:-1])}
    merges = []
    for piece in pieces[:-1]:
        if len(piece) > 1:
            first, second = halves(piece, ranks)
            merges.append((names[ranks[first]], names[ranks[second]]))
    vocabulary = {name: rank for rank, name in enumerate([*names, END_OF_TEXT])}
    model = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=merges))
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.post_processor = tokenizers.processors.ByteLevel(trim_offsets=False)
    model.decoder = tokenizers.decoders.ByteLevel()
    model.add_special_tokens([tokenizers.AddedToken(END_OF_TEXT, special=True, normalized=False)])
    config = {"tokenizer_class": "GPT2Tokenizer", "bos_token": END_OF_TEXT, "eos_token": END_OF_TEXT,
              "unk_token": END_OF_TEXT, "add_prefix_space": False, "clean_up_tokenization_spaces": False,
              "model_max_length": context}
    return {WHOLE: model.to_str(pretty=True).encode(), CONFIG: json.dumps(config, indent=2).encode()}


def halves(piece: bytes, ranks: dict[bytes, int]) -> tuple[bytes, bytes]:
    """The two tokens that a token was merged from: what byte-pair encoding makes of it with the ranks before its own.

    Source: openai/tiktoken#60, where merges are recovered from a table of ranks.
    """
    parts = [bytes([byte]) for byte in piece]
    own = ranks[piece]
    while len(parts) > 2:
        rank, place = min((ranks.get(parts[n] + parts[n + 1], own), n) for n in range(len(parts) - 1))
        if rank >= own:
            raise ValueError(f"token {own} is no merge of two others")
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
    return parts[0], parts[1]
