from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from gpt2_remix.engine.tokens.display import NEWLINE
from gpt2_remix.tui.style.wrap import Flow

words = st.text(alphabet="ab日 \n", max_size=6)
texts = st.lists(words, max_size=30)


def flow_of(tokens: list[str], width: int) -> Flow:
    flow = Flow(width)
    flow.replace(0, tokens)
    return flow


def drawn(flow: Flow, token: int) -> str:
    return "".join(piece.text for line in flow.lines for piece in line if piece.token == token)


@given(texts, st.integers(2, 30))
def test_lines_fit_and_every_token_is_drawn(tokens: list[str], width: int) -> None:
    flow = flow_of(tokens, width)
    for line in flow.lines:
        assert sum(piece.width for piece in line) <= flow.width
        assert [piece.token for piece in line] == sorted(piece.token for piece in line)
        assert all(piece.width == cell_len(piece.text) > 0 for piece in line)
    for index, token in enumerate(tokens):
        whole = token.replace("\n", NEWLINE)
        assert drawn(flow, index).replace(" ", "") == whole.replace(" ", "")


@given(texts, texts, st.integers(0, 30), st.integers(2, 30))
def test_laying_out_in_parts_gives_the_same_lines(tokens: list[str], more: list[str], start: int, width: int) -> None:
    flow = flow_of(tokens, width)
    start = min(start, len(tokens))
    flow.replace(start, more)
    assert flow.lines == flow_of(tokens[:start] + more, width).lines


@given(texts, st.integers(2, 30), st.integers(2, 30))
def test_another_width_is_a_fresh_layout(tokens: list[str], one: int, other: int) -> None:
    flow = flow_of(tokens, one)
    flow.set_width(other)
    assert flow.lines == flow_of(tokens, other).lines


@given(st.lists(st.text(alphabet="ab ", min_size=1, max_size=6), min_size=1, max_size=30), st.integers(2, 30))
def test_a_click_on_a_token_finds_it(tokens: list[str], width: int) -> None:
    flow = flow_of(tokens, width)
    for number, line in enumerate(flow.lines):
        x = 0
        for piece in line:
            assert flow.token_at(number, x) == piece.token
            x += piece.width
    assert flow.token_at(len(flow.lines), 0) == len(tokens)
    for index in range(len(tokens)):
        line = flow.lines[flow.line_of(index)]
        assert not drawn(flow, index) or any(piece.token == index for piece in line)


def test_words_stay_whole_and_lines_begin_without_their_space() -> None:
    flow = flow_of(["one", " two", " three", "four"], 9)
    assert [[piece.text for piece in line] for line in flow.lines] == [["one", " two"], ["three", "four"]]


def test_line_breaks_are_shown_and_obeyed() -> None:
    flow = flow_of(["a\n\nb"], 9)
    assert [[piece.text for piece in line] for line in flow.lines] == [["a", NEWLINE], [NEWLINE], ["b"]]
