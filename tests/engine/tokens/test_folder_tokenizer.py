"""Tokenizers as people leave them in folders, against transformers' own reading of the same files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.tokens.corpus import tokenize
from gpt2_remix.engine.tokens.folder_tokenizer import folder_tokenizer
from gpt2_remix.engine.tokens.tokenizer import Tokenizer, gpt2_tokenizer
from tests.conftest import edit_json

FULL = gpt2_tokenizer()
LETTERS = {"<|endoftext|>": 0} | {chr(ord("a") + n): n + 1 for n in range(26)} | {"Ġ": 27}


def read(folder: Path, vocab_size: int) -> Tokenizer:
    found = folder_tokenizer(folder, vocab_size)
    assert found is not None
    return found


def byte_level(vocab: dict[str, int], merges: list[tuple[str, str]] | None = None, **options: Any) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    model = Tokenizer(models.BPE(vocab=vocab, merges=merges or [], **options))
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return model


def in_two_files(reference: Any, folder: Path) -> Path:
    """GPT-2's vocabulary as vocab.json + merges.txt."""
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(reference[1] / name, folder / name)
    return folder


def by_transformers(folder: Path, text: str) -> list[int]:
    from transformers import GPT2Tokenizer

    ids: list[int] = GPT2Tokenizer.from_pretrained(str(folder))(text)["input_ids"]
    return ids


@pytest.mark.parametrize("files", [("tokenizer.json",), ("vocab.json", "merges.txt")])
def test_a_folder_with_its_own_tokenizer(reference: Any, tmp_path: Path, files: Any) -> None:
    for name in files:
        (tmp_path / name).write_bytes((reference[1] / name).read_bytes())
    own = read(tmp_path, 50257)
    assert own.end_of_text == 50256
    text = "Hello, wörld! 日本 <|endoftext|> \U0001f600"
    assert own.encode(text) == FULL.encode(text)
    assert list(own.pieces) == list(FULL.pieces)


def test_a_tokenizer_with_ids_in_another_order(tmp_path: Path) -> None:
    vocab = {"<|endoftext|>": 0, "ab": 1, "b": 2, "a": 3, "abc": 4, "c": 5, "Ġ": 6}
    model = byte_level(vocab, [("a", "b"), ("ab", "c")])
    model.add_special_tokens(["<|endoftext|>"])
    model.save(str(tmp_path / "tokenizer.json"))
    own = read(tmp_path, 7)
    assert own.encode("abcab a<|endoftext|>") == [4, 1, 6, 3, 0]
    assert own.decode([4, 1, 6, 3]) == "abcab a"
    assert own.end_of_text == 0
    with pytest.raises(InputError, match="do not belong together"):
        folder_tokenizer(tmp_path, 5)


def test_folders_without_and_with_damaged_tokenizers(reference: Any, tmp_path: Path) -> None:
    assert folder_tokenizer(tmp_path, 50257) is None
    whole = tmp_path / "tokenizer.json"
    whole.write_text("{]")
    with pytest.raises(InputError, match="cannot be read"):
        folder_tokenizer(tmp_path, 50257)
    whole.write_bytes((reference[1] / "tokenizer.json").read_bytes())
    word_piece = {"type": "WordPiece", "prefix": "#", "cleanup": True}
    edit_json(whole, pre_tokenizer={"type": "Whitespace"}, decoder=word_piece)
    with pytest.raises(InputError, match="byte-level"):
        folder_tokenizer(tmp_path, 50257)


def test_truncation_padding_and_dropout_are_left_out(tmp_path: Path) -> None:
    """Saved by a training (tokenizers issues 644 and 278): 64 ids for every text, and other merges at every call."""
    merges = [("a", "b"), ("ab", "c"), ("abc", "d")]
    vocab = LETTERS | {"ab": 28, "abc": 29, "abcd": 30}
    plain = byte_level(vocab, merges)
    plain.add_special_tokens(["<|endoftext|>"])
    text = "abcd " * 40
    wanted = plain.encode(text).ids
    saved = byte_level(vocab, merges, dropout=0.7)
    saved.add_special_tokens(["<|endoftext|>"])
    saved.enable_truncation(16)
    saved.enable_padding(length=64, pad_id=0, pad_token="<|endoftext|>")
    saved.save(str(tmp_path / "tokenizer.json"))
    own = read(tmp_path, 31)
    assert own.encode("it is") == [9, 20, 27, 9, 19]
    assert all(own.encode(text) == wanted for _ in range(5))


def test_tokens_that_were_added_beside_the_vocabulary(reference: Any, tmp_path: Path) -> None:
    folder = in_two_files(reference, tmp_path)
    text = "hi <|user|> there<|bot|>"
    (folder / "added_tokens.json").write_text(json.dumps({"<|bot|>": 50258, "<|user|>": 50257}))
    own = read(folder, 50259)
    assert own.encode(text) == by_transformers(folder, text) == [5303, 220, 50257, 612, 50258]
    assert own.token_bytes(50258) == b"<|bot|>"
    # They are special, and the one without the space before it: as newer versions of transformers save them.
    (folder / "added_tokens.json").unlink()
    flags = {"lstrip": True, "rstrip": False, "single_word": False, "normalized": False, "special": True}
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "GPT2Tokenizer", "pad_token": "<pad>", "eos_token": "<|endoftext|>",
        "added_tokens_decoder": {"50256": {"content": "<|endoftext|>", "special": True},
                                 "50257": {"content": "<|user|>", **flags},
                                 "50258": {"content": "<|bot|>", **flags}}}))
    own = read(folder, 50260)
    text += "<pad> <|endoftext|>"
    assert own.encode(text) == by_transformers(folder, text) == [5303, 50257, 612, 50258, 50259, 220, 50256]


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["<|user|>", "<|bot|>", " ", "hi", "é", "<|", "<|endoftext|>", "|>"]), max_size=9))
def test_texts_with_added_tokens_are_read_as_in_transformers(
    reference: Any, tmp_path_factory: pytest.TempPathFactory, parts: list[str]
) -> None:
    folder = in_two_files(reference, tmp_path_factory.mktemp("added"))
    (folder / "added_tokens.json").write_text(json.dumps({"<|user|>": 50257, "<|bot|>": 50258}))
    (folder / "special_tokens_map.json").write_text(json.dumps({"additional_special_tokens": ["<|bot|>"]}))
    text = "".join(parts)
    assert read(folder, 50259).encode(text) == by_transformers(folder, text)


def test_ids_that_do_not_follow_on_the_vocabulary_are_refused(reference: Any, tmp_path: Path) -> None:
    folder = in_two_files(reference, tmp_path)
    (folder / "added_tokens.json").write_text(json.dumps({"<|user|>": 50300}))
    with pytest.raises(InputError, match="the id 50300, but it follows on the vocabulary as 50257"):
        folder_tokenizer(folder, 50304)
    (folder / "added_tokens.json").write_text("[1]")
    with pytest.raises(InputError, match=r"added_tokens\.json is damaged"):
        folder_tokenizer(folder, 50304)


@pytest.mark.parametrize("in_one", [True, False])
def test_the_end_of_text_is_one_token_where_nobody_added_it(tmp_path: Path, in_one: bool) -> None:
    vocab = LETTERS | {"<": 28, "|": 29, ">": 30}
    model = byte_level(vocab)
    if in_one:
        model.save(str(tmp_path / "tokenizer.json"))
    else:
        model.model.save(str(tmp_path))
    own = read(tmp_path, 31)
    assert own.encode("ab<|endoftext|>") == [1, 2, 0]
    assert own.end_of_text == 0


def test_the_end_of_text_that_a_configuration_declares(tmp_path: Path) -> None:
    vocab = {content: token for content, token in LETTERS.items() if token} | {"</s>": 0, "<eos>": 28}
    model = byte_level(vocab)
    model.save(str(tmp_path / "tokenizer.json"))
    config = tmp_path / "config.json"
    config.write_text("{}")
    with pytest.raises(InputError, match="names no eos_token_id"):
        folder_tokenizer(tmp_path, 29)
    for declared, end in ((3, 3), ([90, 28, 0], 28), ([0, 28], 0)):
        edit_json(config, eos_token_id=declared)
        assert read(tmp_path, 29).end_of_text == end
    edit_json(config, eos_token_id=None)
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"eos_token": {"content": "<eos>"}}))
    own = read(tmp_path, 29)
    assert own.end_of_text == 28
    assert own.encode("a<eos>") == [1, 28]


@pytest.mark.parametrize("unknown", [None, "<|endoftext|>"])
def test_a_byte_that_a_vocabulary_lacks_is_named(tmp_path: Path, unknown: str | None) -> None:
    """It fell out of the text without a word (keras issue 22819)."""
    options: dict[str, Any] = {"unk_token": unknown} if unknown else {}
    model = byte_level(LETTERS, **options)
    model.add_special_tokens(["<|endoftext|>"])
    model.save(str(tmp_path / "tokenizer.json"))
    own = read(tmp_path, 28)
    for text, byte in (("jürgen", "0xbc"), ("a \U0001f642", "0x82"), ("aBc", "0x42")):
        with pytest.raises(InputError, match=f"none for the byte {byte}"):
            own.encode(text)
    assert own.encode("a b<|endoftext|>") == [1, 27, 2, 0]


def test_letters_of_the_token_for_what_is_unknown_are_no_letters(tmp_path: Path) -> None:
    vocab = {"<|endoftext|>": 0, "<unk>": 1, "a": 2, "b": 3}
    model = byte_level(vocab, unk_token="<unk>")
    model.add_special_tokens(["<|endoftext|>", "<unk>"])
    model.save(str(tmp_path / "tokenizer.json"))
    own = read(tmp_path, 4)
    for text in ("n", "k", "ab <", "u"):
        with pytest.raises(InputError, match="none for the byte"):
            own.encode(text)
    assert own.encode("a<unk>b") == [2, 1, 3]


def test_an_end_of_text_without_embeddings_ends_nothing(tmp_path: Path) -> None:
    model = byte_level({content: token - 1 for content, token in LETTERS.items() if token})
    model.add_special_tokens(["<|endoftext|>"])
    model.save(str(tmp_path / "tokenizer.json"))
    own = read(tmp_path, 27)
    assert own.end_of_text == 27
    assert own.encode("ab") == [0, 1]
    (tmp_path / "config.json").write_text(json.dumps({"eos_token_id": [27, 5]}))
    assert read(tmp_path, 27).end_of_text == 5


def test_half_a_tokenizer_is_refused(reference: Any, tmp_path: Path) -> None:
    """GPT-2's own table was taken in its place."""
    for name, lacking in (("vocab.json", "merges.txt"), ("merges.txt", "vocab.json")):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(reference[1] / name, folder / name)
        with pytest.raises(InputError, match=f"has {name} but no {lacking}"):
            folder_tokenizer(folder, 50257)


def test_a_token_without_embeddings_is_refused_where_a_text_holds_it(reference: Any, tmp_path: Path) -> None:
    """[PAD], added for fine-tuning without resizing the model (transformers issue 9542)."""
    model = type(reference[0]).from_str(reference[0].to_str())
    model.add_special_tokens(["[PAD]"])
    model.save(str(tmp_path / "tokenizer.json"))
    own = read(tmp_path, 50257)
    assert own.encode("Hello, world!") == FULL.encode("Hello, world!")
    assert len(own.pieces) == 50257
    with pytest.raises(InputError, match=r"holds '\[PAD\]', id 50257, which was added to the tokenizer but not to the"):
        own.encode("a [PAD]")
    assert read(tmp_path, 50258).encode("[PAD]") == [50257]


def test_texts_are_kept_by_all_that_their_encoding_depends_on(tmp_path: Path) -> None:
    from tokenizers import normalizers

    text = tmp_path / "text.txt"
    text.write_text("ab AB ab")
    found = []
    for normalizer in (None, normalizers.Lowercase(), normalizers.Replace("b", "c")):
        model = byte_level(LETTERS | {"A": 28, "B": 29})
        model.add_special_tokens(["<|endoftext|>"])
        if normalizer:
            model.normalizer = normalizer
        folder = tmp_path / str(normalizer)
        folder.mkdir()
        model.save(str(folder / "tokenizer.json"))
        found.append(tokenize([("text", text)], read(folder, 30))[0].ids.tolist())
    assert found == [[1, 2, 27, 28, 29, 27, 1, 2], [1, 2, 27, 1, 2, 27, 1, 2], [1, 3, 27, 28, 29, 27, 1, 3]]
