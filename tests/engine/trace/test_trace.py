"""Spans in a training text: against a search of the tokens themselves, and on the embedded model's own text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.models.names import embedded_folder
from gpt2_remix.engine.tokens.corpus import Text, last_cut, read_pieces
from gpt2_remix.engine.tokens.tokenizer import gpt2_tokenizer
from gpt2_remix.engine.trace.follow import Follower, covering
from gpt2_remix.engine.trace.index import (
    INDEX,
    Document,
    Index,
    fingerprints_of,
    index_of_texts,
    read_index,
    write_index,
)
from gpt2_remix.engine.trace.match import Match, goes_on
from gpt2_remix.engine.trace.spans import covered, spans
from tests.engine.cli.test_cli import document, run

QUOTATIONS = Path(__file__).parents[2] / "quotations"
EMMA = gpt2_tokenizer(8193).encode((QUOTATIONS / "emma.txt").read_text("utf-8"))


def text_of(ids: list[int], name: str = "text.txt") -> Text:
    return Text(Path("/nowhere") / name, name, 0, 0, np.array(ids, np.uint16))


def written(tmp_path: Path, texts: list[Text], vocab: int) -> Index:
    write_index(tmp_path / INDEX, texts, vocab, 0.0)
    return read_index(tmp_path / INDEX, vocab)


def searched(texts: list[Text], ids: list[int], least: int) -> list[tuple[int, int]]:
    """The maximal spans by comparing every place with every other."""
    longest = [0] * (len(ids) + 1)
    for text in texts:
        own = text.ids.tolist()
        before = [0] * (len(own) + 1)
        for end in range(1, len(ids) + 1):
            now = [0] * (len(own) + 1)
            for place in range(1, len(own) + 1):
                if own[place - 1] == ids[end - 1]:
                    now[place] = before[place - 1] + 1
                    longest[end] = max(longest[end], now[place])
            before = now
    return [(end - longest[end], end) for end in range(1, len(ids) + 1)
            if longest[end] >= least and (end == len(ids) or longest[end + 1] <= longest[end])]


streams = st.lists(st.integers(0, 3), max_size=40)


@given(st.lists(streams.filter(bool), min_size=1, max_size=3), streams)
@settings(max_examples=60, deadline=None)
def test_spans_are_those_of_a_search(tmp_path_factory: pytest.TempPathFactory, parts: Any, ids: list[int]) -> None:
    texts = [text_of(part, f"{n}.txt") for n, part in enumerate(parts)]
    index = index_of_texts(texts, 4)
    found = spans(index, ids, 6)
    assert [(span.start, span.end) for span in found] == searched(texts, ids, 6)
    for span in found:
        own = texts[int(span.document.name[0])].ids.tolist()
        assert own[span.offset : span.offset + span.length] == ids[span.start : span.end]
    prints = written(tmp_path_factory.mktemp("index"), texts, 4)
    assert [(span.start, span.end, span.count) for span in spans(prints, ids, 6)] == [
        (span.start, span.end, span.count) for span in found
    ]


@given(streams, streams)
@settings(max_examples=60, deadline=None)
def test_a_stream_that_grows_has_the_marks_of_the_whole(text: str, ids: list[int]) -> None:
    index = index_of_texts([text_of([*text, 1, 2, 3])], 4)
    follower = Follower(index, 6)
    for token in [9, *ids]:
        follower.append(token)
    follower.keep(len(ids) // 2 + 1)
    for token in ids[len(ids) // 2 :]:
        follower.append(token)
    found = spans(index, [9, *ids], 6)
    assert sum(covering(follower.marks, 6)) == covered(found)
    longest = max((mark.length for mark in follower.marks if mark.length >= 6), default=0)
    assert longest == max((span.length for span in found), default=0)
    for position, mark in enumerate(follower.marks):
        if mark.left is not None:
            assert follower.marks[position - 1].length == mark.left.length
            assert follower.ids[position] not in mark.left.expected


def test_what_the_text_goes_on_with_is_read_off_fingerprints(tmp_path: Path) -> None:
    ids = np.random.default_rng(1).integers(0, 8000, 5000).tolist()
    index = written(tmp_path, [text_of(ids)], 8193)
    follower = Follower(index)
    for token in [*ids[700:720], 77]:
        follower.append(token)
    assert follower.marks[19].goes_on == (ids[720],)
    left = follower.marks[20].left
    assert left is not None
    assert (left.length, left.end, left.expected) == (20, 720, (ids[720],))


CHANCE_IDS = np.random.default_rng(3).integers(0, 8000, 30_000).tolist()


@pytest.fixture(scope="module")
def prints(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Fingerprints of random text, in which no run comes twice."""
    return written(tmp_path_factory.mktemp("prints"), [text_of(CHANCE_IDS)], 8193)


def test_no_token_is_named_that_does_not_follow(prints: Index) -> None:
    """One of 75 places had a second one: a guess with a single guess behind it was taken for sure."""
    for place in range(100, 1100):
        ids = CHANCE_IDS[place - 10 : place]
        assert goes_on(prints, Match(10, np.array([place])), ids, 10) == [CHANCE_IDS[place]]


def test_a_token_with_the_same_fingerprint_is_told_apart(prints: Index) -> None:
    told = 0
    for place in range(200, 700):
        last = CHANCE_IDS[place - 3 : place]
        windows = fingerprints_of(np.array([[*last, other] for other in range(8193)], np.uint32).reshape(-1))[::4]
        for other in np.flatnonzero(windows == prints.hashes(place - 3, place - 2)[0]).tolist():
            if other == CHANCE_IDS[place] or told == 40:
                continue
            told += 1
            stream = [*CHANCE_IDS[place - 12 : place], other, *CHANCE_IDS[5000:5009]]
            assert [(span.start, span.end) for span in spans(prints, stream)] == [(0, 12), (13, 22)]
            follower = Follower(prints)
            for token in stream:
                follower.append(token)
            assert [mark.length for mark in follower.marks[11:14]] == [12, 0, 0]
            left = follower.marks[12].left
            assert left is not None
            assert (left.length, left.expected) == (12, (CHANCE_IDS[place],))
    assert told == 40


def test_a_token_with_the_same_fingerprint_is_told_apart_where_a_span_begins(prints: Index) -> None:
    told = 0
    for place in range(200, 700):
        following = CHANCE_IDS[place + 1 : place + 4]
        windows = fingerprints_of(np.array([[other, *following] for other in range(8193)], np.uint32).reshape(-1))[::4]
        for other in np.flatnonzero(windows == prints.hashes(place, place + 1)[0]).tolist():
            if other == CHANCE_IDS[place] or told == 40:
                continue
            told += 1
            for length, wanted in ((9, [(1, 10)]), (7, [])):
                stream = [other, *CHANCE_IDS[place + 1 : place + 1 + length], 8100, 8101]
                assert [(span.start, span.end) for span in spans(prints, stream)] == wanted
                follower = Follower(prints)
                for token in stream:
                    follower.append(token)
                assert max(mark.length for mark in follower.marks if mark.length >= 8 or not wanted) == max(length, 0)
    assert told == 40


@given(st.lists(st.integers(0, 2), min_size=30, max_size=300), st.lists(streams, min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_lists_of_every_fourth_place_find_the_same_spans(text: list[int], parts: list[list[int]]) -> None:
    """Runs shorter than seven tokens are not known at all of their places, so none may be gone on from."""
    stream = [token for part in parts for token in [*part, 3, *text[len(part) : len(part) + 9]]]
    for index_of in (lambda: index_of_texts([text_of(text)], 5),
                     lambda: Index([Document("a", "a", 0, len(text))], 5, fingerprints=np.concatenate(
                         [fingerprints_of(np.array(text, np.uint32)), np.zeros(3, np.uint16)]))):
        dense, sparse = index_of(), index_of()
        dense.prepare()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gpt2_remix.engine.trace.index._SPARSE", 10)
            sparse.prepare()
        assert spans(sparse, stream, 7) == spans(dense, stream, 7)


def test_sparse_lists_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(2)
    ids = chance.integers(0, 500, 20_000).tolist()
    stream = [*ids[50:90], 3, *ids[1003:1010], 7, *ids[9001:9030]]
    dense = spans(index_of_texts([text_of(ids)], 500), stream, 7)
    monkeypatch.setattr("gpt2_remix.engine.trace.index._SPARSE", 10)
    sparse = index_of_texts([text_of(ids)], 500)
    assert (sparse.stride, sparse.shortest) == (4, 7)
    assert spans(sparse, stream, 7) == dense
    assert [span.length for span in dense] == [40, 7, 29]


def test_training_text_is_traced_to_its_document_and_place(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ids = EMMA[:200]
    passage = ",".join(map(str, ids))
    found = document(capsys, "trace", "--ids", passage)
    assert (found["tokens"], found["verbatim_fraction"], found["longest"]) == (200, 1.0, 200)
    (span,) = found["spans"]
    assert (span["start"], span["end"], span["source"], span["count"]) == (0, 200, "austen-emma.txt", 1)
    later = document(capsys, "trace", "--ids", ",".join(map(str, EMMA[150:350])))["spans"][0]
    assert later["token_offset"] == span["token_offset"] + 150
    changed = [*ids[:90], 5, *ids[91:]]
    first, second = document(capsys, "trace", "--ids", ",".join(map(str, changed)))["spans"]
    assert (first["end"], second["start"]) == (90, 91)
    shuffled = np.random.default_rng(0).permutation(EMMA).tolist()
    assert spans(read_index(embedded_folder() / INDEX, 8193), shuffled, 6) == []


def test_beside_a_file_matches_are_verified(capsys: pytest.CaptureFixture[str]) -> None:
    passage = ",".join(map(str, EMMA[100:300]))
    found = document(capsys, "trace", "--ids", passage, "--source", str(QUOTATIONS / "emma.txt"))
    assert found["verified"]
    assert found["spans"][0]["token_offset"] == 100


def test_held_out_text_has_a_small_share() -> None:
    index = read_index(embedded_folder() / INDEX, 8193)
    held = gpt2_tokenizer(8193).encode((QUOTATIONS / "emma-last-pages.txt").read_text("utf-8"))
    found = spans(index, held)
    assert covered(found) / len(held) < 0.05
    assert max(span.length for span in found) <= 12


@given(st.text(alphabet="ab \n\té'1.", max_size=200), st.integers(1, 9))
@settings(max_examples=80, deadline=None)
def test_text_read_in_pieces_has_the_tokens_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, text: str, size: int
) -> None:
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_text(text, "utf-8", newline="")
    encode = gpt2_tokenizer(1025).encode
    pieces = [piece for piece, _ in read_pieces(path, size)]
    assert "".join(pieces) == text
    assert [token for piece in pieces for token in encode(piece)] == encode(text)
    assert last_cut("word") == last_cut("  ") == 0


@pytest.mark.parametrize(("content", "said"), [
    (b"\xff\xfea\0b\0", "UTF-16"), (b"caf\xe9 au lait", "not UTF-8 text (byte 3)"), (b"ab\0cd", "zero bytes"),
    (b"", "empty"), (b"%PDF-1.7 x", "a PDF"), (b"PK\x03\x04zip", "zip"),
])
def test_what_is_no_text_is_refused_in_a_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    out = tmp_path / "out"
    for arguments in (["trace", "some text", "--source", str(path)], ["train", str(path), "--out", str(out)]):
        code, _, error = run(capsys, *arguments)
        assert code == 2
        assert said in error
        assert len(error.strip().splitlines()) == 1
    assert not out.exists()


@pytest.mark.parametrize("damage", ["truncated", "header", "other vocabulary"])
def test_a_damaged_index_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / INDEX
    write_index(path, [text_of(list(range(50)))], 100, 0.0)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-3])
    elif damage == "header":
        path.write_bytes(b"{}" * 20)
    with pytest.raises(InputError, match="vocabulary of 100" if damage == "other vocabulary" else "damaged"):
        read_index(path, 99 if damage == "other vocabulary" else 100)


def test_a_shell_may_expand_the_files_of_source(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = "one two three four five six seven eight nine ten eleven twelve"
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(f"{name} {words}")
    files = [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]
    for arguments in ([words, "--source", *files], ["--source", *files, words]):
        code, out, _ = run(capsys, "trace", *arguments, "--json")
        assert code == 0
        assert json.loads(out)["spans"][0]["count"] == 2
