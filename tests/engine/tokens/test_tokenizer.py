
from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.tokens.tokenizer import folder_tokenizer, gpt2_tokenizer, split_characters, whole_characters
from tests.conftest import edit_json

FULL = gpt2_tokenizer()
SMALL = gpt2_tokenizer(8193)
QUOTATIONS = Path(__file__).parents[2] / "quotations"


def byte_letters() -> dict[int, str]:
    """GPT-2's bytes_to_unicode, from transformers."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return dict(bytes_to_unicode())


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Hugging Face's own GPT-2 tokenizer, from vocab.json and merges.txt rebuilt out of the ranks."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = byte_letters()
    words = ["".join(letters[byte] for byte in piece) for piece in FULL.pieces[:-1]]
    rank = {bytes(piece): n for n, piece in enumerate(FULL.pieces[:-1])}
    merges = []
    for piece in FULL.pieces[256:-1]:
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


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Hello, world!", [15496, 11, 995, 0]),
        ("It is a truth universally acknowledged", [1026, 318, 257, 3872, 26208, 10810]),
        ("<|endoftext|>", [50256]),
        ("", []),
    ],
)
def test_known_ids(text: str, ids: list[int]) -> None:
    assert FULL.encode(text) == ids
    assert FULL.decode(FULL.encode(text)) == text


def test_table() -> None:
    assert len(FULL.pieces) == 50257
    assert FULL.end_of_text == 50256
    assert (len(SMALL.pieces), SMALL.end_of_text) == (8193, 8192)
    assert SMALL.encode("<|endoftext|>") == [8192]
    assert gpt2_tokenizer(50304).end_of_text == 50256


@settings(max_examples=300)
@given(st.text(max_size=60))
def test_same_ids_as_gpt2_on_any_text(reference: Any, text: str) -> None:
    assert FULL.encode(text) == reference[0].encode(text).ids


@pytest.mark.parametrize("name", ["emma-last-pages.txt", "shakespeare.txt", "new-testament.txt"])
def test_same_ids_as_gpt2_on_books(reference: Any, name: str) -> None:
    text = (QUOTATIONS / name).read_text("utf-8")
    assert FULL.encode(text) == reference[0].encode(text).ids


@given(st.text(max_size=60))
def test_text_survives(text: str) -> None:
    for tokenizer in (FULL, SMALL):
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_every_id_decodes() -> None:
    for tokenizer in (FULL, SMALL, gpt2_tokenizer(300)):
        for token in range(len(tokenizer.pieces)):
            assert tokenizer.token_bytes(token)
    assert gpt2_tokenizer(50304).token_bytes(50300) == b""
    assert FULL.decode([162]) == "\ufffd"


def test_long_runs_are_no_trouble() -> None:
    for text in ("a" * 100_000, " " * 100_000 + "x", "\n" * 50_000, "é" * 20_000):
        assert FULL.decode(FULL.encode(text)) == text


def test_tiny_vocabularies_say_which_byte_they_lack() -> None:
    tiny = gpt2_tokenizer(97)
    with pytest.raises(InputError, match="give token ids"):
        tiny.encode("naïve")
    assert tiny.encode("abc")
    with pytest.raises(InputError, match="at least 2"):
        gpt2_tokenizer(1)


def test_invalid_unicode_is_refused() -> None:
    with pytest.raises(InputError, match="not valid UTF-8"):
        FULL.encode("abc\udcff")


@pytest.mark.parametrize("files", [("tokenizer.json",), ("vocab.json", "merges.txt")])
def test_a_folder_with_its_own_tokenizer(reference: Any, tmp_path: Path, files: Any) -> None:
    for name in files:
        (tmp_path / name).write_bytes((reference[1] / name).read_bytes())
    own = folder_tokenizer(tmp_path, 50257)
    assert own is not None
    assert own.end_of_text == 50256
    text = "Hello, wörld! 日本 <|endoftext|> \U0001f600"
    assert own.encode(text) == FULL.encode(text)
    assert list(own.pieces) == list(FULL.pieces)


def test_a_tokenizer_with_ids_in_another_order(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocab = {"<|endoftext|>": 0, "ab": 1, "b": 2, "a": 3, "abc": 4, "c": 5, "Ġ": 6}
    model = Tokenizer(models.BPE(vocab=vocab, merges=[("a", "b"), ("ab", "c")]))
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.add_special_tokens(["<|endoftext|>"])
    model.save(str(tmp_path / "tokenizer.json"))
    own = folder_tokenizer(tmp_path, 7)
    assert own is not None
    assert own.encode("abcab a<|endoftext|>") == [4, 1, 6, 3, 0]
    assert own.decode([4, 1, 6, 3]) == "abcab a"
    assert own.end_of_text == 0
    with pytest.raises(InputError, match="do not belong together"):
        folder_tokenizer(tmp_path, 5)


def test_folders_without_and_with_damaged_tokenizers(reference: Any, tmp_path: Path) -> None:
    assert folder_tokenizer(tmp_path, 50257) is None
    whole = tmp_path / "tokenizer.json"
    whole.write_text("{]")
    with pytest.raises(InputError, match="can be read"):
        folder_tokenizer(tmp_path, 50257)
    whole.write_bytes((reference[1] / "tokenizer.json").read_bytes())
    word_piece = {"type": "WordPiece", "prefix": "#", "cleanup": True}
    edit_json(whole, pre_tokenizer={"type": "Whitespace"}, decoder=word_piece)
    with pytest.raises(InputError, match="byte-level"):
        folder_tokenizer(tmp_path, 50257)


@given(st.lists(st.binary(max_size=5), max_size=12))
def test_characters_are_joined_where_they_begin(pieces: list[bytes]) -> None:
    texts = split_characters(pieces)
    assert len(texts) == len(pieces)
    assert "".join(texts).encode("utf-8", "surrogateescape") == b"".join(pieces)


@given(st.text(max_size=20), st.lists(st.integers(0, 80), max_size=6))
def test_a_character_over_several_tokens_stands_with_its_first_byte(text: str, cuts: list[int]) -> None:
    data = text.encode()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    assert "".join(split_characters(pieces)) == text


def test_half_a_character_is_shown_as_bytes() -> None:
    assert split_characters([b"a\xe6", b"\x97", b"\xa5b"]) == ["a日", "", "b"]
    assert split_characters([b"a\xe6", b"\x97"]) == ["a\udce6", "\udc97"]


@given(st.text(max_size=20), st.integers(0, 80))
def test_whole_characters_ends_before_half_a_character(text: str, cut: int) -> None:
    data = text.encode()[:cut]
    whole = whole_characters(data)
    assert data[:whole].decode() == text[: len(data[:whole].decode())]
    assert len(data) - whole <= 3


@given(st.binary(max_size=10))
def test_whole_characters_takes_any_bytes(data: bytes) -> None:
    assert max(0, len(data) - 3) <= whole_characters(data) <= len(data)
