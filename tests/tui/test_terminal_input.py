"""What a terminal may send, as messages."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from textual import events
from textual.message import Message

from gpt2_remix.tui.terminal import TerminalInput


def read(*parts: bytes, idle: bool = True) -> list[object]:
    reader = TerminalInput()
    found: list[object] = []
    for part in parts:
        found += reader.feed(part)
    if idle:
        found += reader.idle()
    return [*found, *reader.tick()]


def typed(*parts: bytes) -> str:
    return "".join(event.character or "" for event in read(*parts) if isinstance(event, events.Key))


pieces = st.one_of(
    st.binary(max_size=6),
    st.sampled_from([b"\x1b[200~", b"\x1b[201~", b"\x1b[M", b"\x1b[<0;5;5M", b"\x1b", b"\x1b[", b"\x1b[48;24;80;0;0t",
                     b"\x1b[?2048;1$y", b"\x1b[?1016;2$y", b"\x1b[99999999999u", b"\x1b[97:1:1;2:9;1u", b"\xe9",
                     b"\x1bO", b"\x1b[I", b"\x1b[O", b"\x1b[5;5R", b"\x1b[<64;-4;2m", "日🙂".encode()]),
)


@settings(max_examples=600, deadline=None)
@given(st.lists(pieces, max_size=20))
def test_no_bytes_are_more_than_it_can_take(parts: list[bytes]) -> None:
    assert all(isinstance(message, Message) for message in read(*parts))


@settings(deadline=None)
@given(st.text().map(lambda text: text.replace("\0", "")), st.integers(1, 7))
def test_a_paste_is_one_text_whatever_is_in_it(text: str, size: int) -> None:
    """Escape sequences in it became keys, before the text."""
    data = b"a\x1b[200~" + text.encode() + b"\x1b[201~b"
    if b"\x1b[201~" in text.encode():
        return
    found = read(*(data[n : n + size] for n in range(0, len(data), size)))
    kinds = [type(message) for message in found]
    assert kinds == [events.Key, events.Paste, events.Key]
    assert [message.text for message in found if isinstance(message, events.Paste)] == [text]


def test_an_escape_that_nothing_follows_is_a_key() -> None:
    for parts in ([b"\x1b"], [b"a\x1b"], [b"\x1b", b"\x1b"]):
        assert [message.key for message in read(*parts) if isinstance(message, events.Key)][-1] == "escape"
    assert [message.key for message in read(b"\x1b", b"[A") if isinstance(message, events.Key)] == ["up"]


def test_bytes_that_are_not_utf_8_are_read_as_latin_1() -> None:
    assert typed(b"\xe9") == "é"
    assert typed(b"caf\xe9 x") == "café x"
    assert typed("caf\u00e9 日".encode()) == "café 日"
    assert typed("日".encode()[:1], "日".encode()[1:]) == "日"


def test_mouse_reports_of_the_old_encoding() -> None:
    """Past column 95 their bytes are no UTF-8."""
    for column in (1, 95, 96, 160, 223):
        press, release = (b"\x1b[M" + bytes([32 + button, 32 + column, 32 + 9]) for button in (0, 3))
        for parts in ([press, release], [press[:3], press[3:], release[:4], release[4:]]):
            down, up = read(*parts)
            assert isinstance(down, events.MouseDown)
            assert isinstance(up, events.MouseUp)
            assert (down.x, down.y, up.x, up.y) == (column - 1, 8, column - 1, 8)
    (scrolled,) = read(b"\x1b[M" + bytes([32 + 65, 132, 40]))
    assert isinstance(scrolled, events.MouseScrollDown)


def test_the_mouse_is_in_cells_whatever_the_terminal_says_of_its_size() -> None:
    for report in (b"\x1b[48;24;80;480;800t", b"\x1b[48;24;80;0;0t", b"\x1b[?2048;1$y", b"\x1b[?1016;2$y"):
        *_, down = read(report, b"\x1b[<0;40;12M")
        assert isinstance(down, events.MouseDown)
        assert (down.x, down.y) == (39, 11)
