import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2_remix.engine.tokens.display import decode_token, show_text, show_token


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" that", "·that"),
        ("\n", "↵"),
        ("\t", "␉"),
        ("\x1b[31m", "␛[31m"),
        ("\x7f\x9b", "␡‹009b›"),
        ("[bold]", "[bold]"),
        ("\u200b\u202e", "‹200b›‹202e›"),
        ("\u0301", "◌\u0301"),
        ("\ufe0f", "‹fe0f›"),
        ("שלום", "שלום"),
        ("\udce6", "‹e6›"),
    ],
)
def test_tokens_are_data(text: str, shown: str) -> None:
    assert show_token(text) == shown


@given(st.text(alphabet=st.characters()))
def test_nothing_reaches_the_terminal_as_control(text: str) -> None:
    for character in show_text(text, keep=""):
        assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def test_line_breaks_stay_where_wanted() -> None:
    assert show_text("a\nb\t\r") == "a\nb\t␍"


def test_ids_without_text() -> None:
    assert decode_token(b"", 50300) == "[50300]"
    assert decode_token(b"\xff", 3) == "\udcff"
