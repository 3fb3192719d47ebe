
from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.tokens.tokenizer import gpt2_tokenizer, split_characters, whole_characters

FULL = gpt2_tokenizer()
SMALL = gpt2_tokenizer(8193)
QUOTATIONS = Path(__file__).parents[2] / "quotations"


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
