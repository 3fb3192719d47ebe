"""Prefixes that end where no text is cut."""

from __future__ import annotations

import pytest

from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.tokens.healing import cut_of
from gpt2_remix.engine.tokens.tokenizer import gpt2_tokenizer
from tests.engine.cli.test_cli import document, run


@pytest.mark.parametrize(("text", "end"), [
    ("It is ", b" "), ("It is  ", b" "), ("It is a truth univer", b" univer"), (" ", b" "), ("It is", None), ("", None),
    ("acknowled", None), ("It is a truth,", None), ("It is\n", None), ("It is<|endoftext|>", None),
])
def test_where_a_prefix_was_cut(classics: Model, text: str, end: bytes | None) -> None:
    words = classics.tokenizer
    cut = cut_of(words, words.encode(text))
    assert (cut.end if cut else None) == end
    if cut is not None:
        assert words.decode_bytes([n for n in cut.ids if n != words.end_of_text]) + cut.end == text.encode()
        assert cut.tokens == [n for n in range(len(words.pieces))
                              if words.pieces[n].startswith(cut.end) and (cut.in_a_space or words.pieces[n] != cut.end)]


def test_in_gpt2s_own_vocabulary() -> None:
    words = gpt2_tokenizer()
    assert cut_of(words, words.encode("The capital of Fran")) is None  # " Fran" is a token of its own
    cut = cut_of(words, words.encode("universally acknowl"))
    assert cut is not None
    assert words.encode(" acknowledged")[0] in cut.tokens


def test_next_says_so_and_heals(capsys: pytest.CaptureFixture[str], classics: Model) -> None:
    status, _, err = run(capsys, "next", "It is a truth univer", "-k", "3")
    assert status == 0
    assert "ends within a token (·univer): the network never saw a text cut there; --heal completes it" in err
    told = document(capsys, "next", "It is a truth univer", "--heal", "-k", "9")
    plain = document(capsys, "next", "It is a truth", "--all")
    assert told["prompt_ids"] == classics.tokenizer.encode("It is a truth")
    assert told["healed"] == " univer"
    among = [one for one in plain["candidates"] if one["text"].startswith(" univer")]
    total = sum(one["p_final"] for one in among)
    assert [one["id"] for one in told["candidates"]] == [one["id"] for one in among]
    assert [one["p_final"] for one in told["candidates"]] == pytest.approx([one["p_final"] / total for one in among])
    assert told["kept"] == len(among)
    assert document(capsys, "next", "It is,", "--heal")["healed"] is None
    assert run(capsys, "next", "It is")[2] == ""


def test_a_word_that_goes_on_is_told_by_the_network(capsys: pytest.CaptureFixture[str], classics: Model) -> None:
    """" happ" is a token of its own beside " happy"."""
    assert "seems to end in the middle of a word" in run(capsys, "next", "It was happ")[2]
    assert run(capsys, "next", "It was the")[2] == ""
    told = document(capsys, "next", "It was happ", "--heal", "-k", "20")
    assert told["prompt_ids"] == classics.tokenizer.encode("It was")
    assert {one["text"] for one in told["candidates"]} >= {" happ", " happy", " happen"}
    assert all(one["text"].startswith(" happ") for one in told["candidates"])
