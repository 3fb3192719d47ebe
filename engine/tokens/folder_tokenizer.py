"""The tokenizer that a model's folder brings, read with Hugging Face's tokenizers as transformers reads it.

What people save beside the vocabulary is of two kinds. Tokens that were added to it belong to the model and are taken
from all the files that may name them. How the one who trained cut, filled up, framed and varied texts (truncation,
padding, tokens put around a text, dropout of merges) does not, and is left out: here a text is encoded whole, as it
stands, and always in the same way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import read_bytes
from gpt2_remix.engine.tokens.tokenizer import END_OF_TEXT, Tokenizer, missing_byte

if TYPE_CHECKING:
    import tokenizers

WHOLE, VOCAB, MERGES = "tokenizer.json", "vocab.json", "merges.txt"
CONFIG, SPECIAL_MAP, ADDED = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"

BESIDE = (CONFIG, SPECIAL_MAP, ADDED)
"""The files that may name tokens which were added to a vocabulary."""

_NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_LISTED = ("additional_special_tokens", "extra_special_tokens")


def folder_tokenizer(folder: Path, vocab_size: int) -> Tokenizer | None:
    """The tokenizer that a model's folder brings: tokenizer.json, or vocab.json + merges.txt. None for neither.

    Tokens that were added without embeddings of their own (ids from `vocab_size` on) are refused when a text holds
    them, as are bytes that a vocabulary without GPT-2's whole byte alphabet lacks.

    Raises:
        InputError: files that are damaged, not byte-level BPE, or larger than the model's vocabulary.
    """
    source = _source(folder)
    if source is None:
        return None
    try:
        model = _from_whole(source) if source.name == WHOLE else _from_vocabulary(folder)
        _add_tokens(model, folder)
        entries = model.get_vocab(with_added_tokens=True)
        added = {token.content for token in model.get_added_tokens_decoder().values()}
    except InputError:
        raise
    except Exception as error:  # the library raises bare Exception for every kind of damage
        raise InputError(f"the tokenizer in {folder} cannot be read: {error}") from None
    highest = max((token for content, token in entries.items() if content not in added), default=-1)
    if highest >= vocab_size:
        raise InputError(
            f"{source} has ids up to {highest}, but the model's vocabulary ends at {vocab_size - 1}: "
            "they do not belong together"
        )
    alphabet = byte_alphabet()
    pieces = [b""] * min(vocab_size, max(entries.values(), default=-1) + 1)
    for content, token in entries.items():
        if token < vocab_size:
            whole = content in added or any(character not in alphabet for character in content)
            pieces[token] = content.encode() if whole else bytes(alphabet[character] for character in content)
    end_of_text = entries.get(END_OF_TEXT)
    if end_of_text is None or end_of_text >= vocab_size:
        end_of_text = _declared_end(folder, entries, vocab_size)  # without a row it is never chosen
    without_row = {token: content for content, token in entries.items() if token >= vocab_size}
    missing = {byte for letter, byte in alphabet.items() if letter not in entries}
    unknown = entries.get(getattr(model.model, "unk_token", None) or "")

    def split(text: str) -> list[int]:
        ids: list[int] = model.encode(text, add_special_tokens=False).ids
        if without_row and not without_row.keys().isdisjoint(ids):
            token = next(token for token in ids if token in without_row)
            raise InputError(
                f"the text holds {without_row[token]!r}, id {token}, which was added to the tokenizer but not to the "
                f"model: its ids end at {vocab_size - 1}; leave it out"
            )
        if missing and (lost := _lost(model, text, b"".join(pieces[n] for n in ids if n != unknown), missing)):
            raise missing_byte(lost[0], vocab_size)
        return ids

    return Tokenizer(pieces, end_of_text, split, lambda: model.to_str().encode())


def _source(folder: Path) -> Path | None:
    """The file that the vocabulary is read from; None where there is none. Raises InputError for half a tokenizer."""
    if (folder / WHOLE).is_file():  # holds added tokens too, so it goes first, as in transformers
        return folder / WHOLE
    here = [name for name in (VOCAB, MERGES) if (folder / name).is_file()]
    if len(here) == 1:
        lacking = MERGES if here == [VOCAB] else VOCAB
        raise InputError(f"{folder} has {here[0]} but no {lacking}; a tokenizer is both, or a {WHOLE}")
    return folder / VOCAB if here else None


def _lost(model: tokenizers.Tokenizer, text: str, made: bytes, missing: set[int]) -> list[int]:
    """Those of the bytes which a vocabulary lacks that fell out of a text, or became the token for what is unknown.

    `made` are the bytes of its tokens without that one.
    """
    normal = model.normalizer.normalize_str(text) if model.normalizer else text
    unknown = getattr(model.model, "unk_token", None) or ""
    made += unknown.encode() * text.count(unknown) if unknown else b""  # where it is written out
    if any(token.lstrip or token.rstrip for token in model.get_added_tokens_decoder().values()):
        missing = missing - set(b" \t\r\n")  # these take the space around them along on purpose
    data = normal.encode()
    return [byte for byte in sorted(missing.intersection(data)) if made.count(byte) < data.count(byte)]


def byte_alphabet() -> dict[str, int]:
    """The printable character by which vocab.json writes each byte -> that byte (GPT-2's bytes_to_unicode)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


def _from_whole(path: Path) -> tokenizers.Tokenizer:
    """The tokenizer in a tokenizer.json, without what it says of how texts were prepared for training."""
    import tokenizers

    model = tokenizers.Tokenizer.from_file(str(path))
    definition = json.loads(read_bytes(path))
    kind = definition.get("model", {}).get("type", "?")
    parts = json.dumps([definition.get("pre_tokenizer"), definition.get("decoder")])
    if kind != "BPE" or "ByteLevel" not in parts:
        raise InputError(f"its tokenizer.json is of the kind {kind}, not byte-level BPE as GPT-2's; it cannot be used")
    model.no_truncation()
    model.no_padding()
    model.model.dropout = None
    return model


def _from_vocabulary(folder: Path) -> tokenizers.Tokenizer:
    """The tokenizer of vocab.json + merges.txt."""
    import tokenizers

    model = tokenizers.Tokenizer(tokenizers.models.BPE.from_file(str(folder / VOCAB), str(folder / MERGES)))
    prefix_space = _fields(folder / CONFIG).get("add_prefix_space") is True
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    model.decoder = tokenizers.decoders.ByteLevel()
    return model


def _fields(path: Path) -> dict[str, Any]:
    """The fields of a JSON file; none where it is not there. Raises InputError where it is damaged."""
    try:
        record = json.loads(read_bytes(path))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise InputError(f"{path} is damaged; download or export the tokenizer again, or delete it")
    return record


def _add_tokens(model: tokenizers.Tokenizer, folder: Path) -> None:
    """Add the tokens that stand beside the vocabulary, as transformers does (tokenization_utils_base, 5.24).

    tokenizer_config.json lists them by id; in older folders added_tokens.json gives contents their ids, and which of
    them are special is said by name in special_tokens_map.json.

    Raises:
        InputError: a file is damaged, or gives a token an id that does not follow on the vocabulary.
    """
    config = _fields(folder / CONFIG)
    listed = config.get("added_tokens_decoder")
    wanted: dict[str, int] = {}
    tokens: list[Any] = []
    if isinstance(listed, dict):
        special = list(_special_tokens(config))
        for token, about in sorted(listed.items(), key=lambda item: int(item[0])):
            tokens.append(_added_token(about))
            wanted[tokens[-1].content] = int(token)
    else:
        special = list(_special_tokens(config | _fields(folder / SPECIAL_MAP)))
        names = {token.content for token in special}
        for content, token in sorted(_fields(folder / ADDED).items(), key=lambda item: int(item[1])):
            tokens.append(_added_token(content, special=content in names))
            wanted[content] = int(token)
    known = {token.content for token in model.get_added_tokens_decoder().values()}
    for token in [*tokens, *special]:
        if token.content not in known:
            model.add_tokens([token])
            known.add(token.content)
    # GPT-2's tokenizer has it as its end of text wherever nothing else is said.
    if END_OF_TEXT not in known and model.token_to_id(END_OF_TEXT) is not None:
        model.add_special_tokens([END_OF_TEXT])
    for content, token in wanted.items():
        if model.token_to_id(content) != token:
            raise InputError(
                f"{folder} gives the added token {content!r} the id {token}, but it follows on the vocabulary as "
                f"{model.token_to_id(content)}; export the tokenizer again as {WHOLE}"
            )


def _added_token(about: Any, *, special: bool = False) -> tokenizers.AddedToken:
    """An added token from its JSON form: its content, or a record."""
    import tokenizers

    if isinstance(about, str):
        return tokenizers.AddedToken(about, normalized=not special, special=special)
    flags = {name: bool(about[name]) for name in ("lstrip", "rstrip", "single_word", "normalized") if name in about}
    return tokenizers.AddedToken(str(about["content"]), **flags, special=special or bool(about.get("special")))


def _special_tokens(fields: dict[str, Any]) -> Iterator[tokenizers.AddedToken]:
    """The tokens that the fields of a configuration name as special."""
    found = [fields.get(name) for name in _NAMED]
    for name in _LISTED:
        more = fields.get(name)
        found += more if isinstance(more, list) else more.values() if isinstance(more, dict) else []
    for about in found:
        if about:
            yield _added_token(about, special=True)


def _declared_end(folder: Path, entries: dict[str, int], vocab_size: int) -> int:
    """The id that ends a text, for vocabularies without `<|endoftext|>`: the first that config.json declares.

    Where it declares none, the one that the tokenizer's own files name.
    """
    declared = [_fields(folder / "config.json").get("eos_token_id")]
    named = _fields(folder / SPECIAL_MAP) | _fields(folder / CONFIG)
    if named.get("eos_token"):
        declared.append(entries.get(_added_token(named["eos_token"]).content))
    for ids in declared:
        for token in ids if isinstance(ids, list) else [ids]:
            if type(token) is int and 0 <= token < vocab_size:
                return token
    if END_OF_TEXT in entries:
        return entries[END_OF_TEXT]
    raise InputError(
        f"the tokenizer in {folder} has no {END_OF_TEXT}, and its configuration names no eos_token_id in the "
        f"vocabulary (0 to {vocab_size - 1})"
    )
