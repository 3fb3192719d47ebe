"""The playground's view of the training text: asks the tracer, and shows spans, the place left, and what goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.errors import EngineError
from tui import messages
from tui.playground.trace_line import Passage, TraceLine
from tui.state.preferences import SPAN_LENGTHS
from tui.state.verbatim import AROUND, StreamTrace, maker, share_of, where

if TYPE_CHECKING:
    from engine.trace.index import Index
    from tui.playground.screen import Playground
    from tui.widgets.token_text import TraceMark

STREAM = "playground"


class TraceView:
    """What the playground shows of the training text."""

    def __init__(self, screen: Playground) -> None:
        self._screen = screen
        self.trace = StreamTrace(STREAM, screen.app.tracer.edit, screen.app.remembered.min_tokens)

    @property
    def on(self) -> bool:
        """Whether verbatim spans are shown."""
        return self._screen.app.remembered.heat == "verbatim"

    @property
    def complete(self) -> bool:
        """Whether every token of the stream was looked up."""
        return len(self.trace.marks) == len(self.trace)

    @property
    def _index(self) -> Index | None:
        return self._screen.app.index

    def follow(self, keep: int, ids: Sequence[int]) -> None:
        """The stream went on, or is another one."""
        self.trace.follow(keep, ids)

    def restart(self) -> None:
        """Another text, or another length from which on a run counts: everything is asked anew."""
        self.trace.restart(self._screen.app.remembered.min_tokens)
        self.show()

    def marks(self, first: int, end: int) -> list[TraceMark]:
        """How tokens are drawn."""
        return self.trace.drawn(first, end) if self.on else [""] * (end - first)

    def taken(self, message: messages.Traced) -> None:
        """Marks have come."""
        first = self.trace.take(message)
        if first is None or not self._screen.drawn:
            return
        if self.on:
            end = len(self.trace.marks)
            self._screen.text.set_marks(first, self.trace.drawn(first, min(end, self._screen.text.count)))
        self.show()

    def show(self) -> None:
        """Shows what is known at the cursor: candidates, and while spans are shown the strip and the words."""
        screen = self._screen
        if not screen.drawn:
            return
        cursor = screen.exploration.cursor
        screen.candidates.list.set_goes_on(self.trace.goes_on(cursor))
        screen.set_class(self.on, "tracing")
        if self.on:
            screen.show_strip()
            screen.query_one(TraceLine).say(*self._words(cursor))

    def subtitle(self) -> str:
        """The share and the longest span of the branch."""
        trace = self.trace
        share = trace.share()
        if self._index is None or share is None:
            return f"spans of ≥ {trace.min_tokens} tokens"
        return f"{share:.0%} verbatim · longest {trace.longest} · ≥ {trace.min_tokens}"

    def step_length(self, direction: int) -> int:
        """The next longer or shorter length from which on a run counts."""
        place = SPAN_LENGTHS.index(self.trace.min_tokens) + direction
        return SPAN_LENGTHS[max(0, min(place, len(SPAN_LENGTHS) - 1))]

    def _words(self, cursor: int) -> tuple[str, Passage | None]:
        screen, trace, index = self._screen, self.trace, self._index
        if index is None:
            return screen.app.index_words, None
        exploration = screen.exploration
        name = exploration.name
        if (left := trace.left(cursor)) is not None:
            step = exploration.tree.step(cursor)
            try:
                dist = exploration.distribution(cursor)
            except EngineError:
                dist = None
            expected = ", ".join(name(token) + share_of(dist, token) for token in left.expected[:3])
            document = index.document_at(left.end - 1)
            words = (f"left {document.title} here after {left.length} tokens: training goes on with {expected}, "
                     f"{maker(step)} {name(step.token)}{share_of(dist, step.token)}")  # fmt: skip
            return words, self._passage(cursor, left.end)
        if (standing := trace.standing(cursor)) is not None:
            others = standing.count - 1
            more = f", and {others:,} other place{'s' if others > 1 else ''}" if others else ""
            words = (f"{cursor - standing.start + 1} of {standing.end - standing.start} tokens from "
                     f"{where(index, standing.place)}{more}")  # fmt: skip
            return words, self._passage(cursor, standing.place + cursor - standing.start)
        if cursor >= len(exploration.tree) and (following := trace.goes_on(cursor)):
            end = trace.marks[cursor - 1].end
            expected = ", ".join(name(token) for token in following[:3])
            return (f"{trace.marks[cursor - 1].length} tokens from {index.document_at(end - 1).title} so far: "
                    f"training goes on with {expected}"), self._passage(cursor, end)  # fmt: skip
        if cursor >= len(trace.marks) and cursor < len(exploration.tree):
            return "looking…", None
        return f"a remix: no {trace.min_tokens} tokens in a row around here stand in the training text", None

    def _passage(self, cursor: int, place: int) -> Passage | None:
        """The text and the stream around a place, where the text is at hand."""
        index, exploration = self._index, self._screen.exploration
        if index is None or index.tokens is None:
            return None
        document = index.document_at(place - 1 if place else 0)
        first, end = max(document.start, place - AROUND), min(document.start + document.tokens, place + AROUND)
        words = exploration.line
        return Passage(
            words([int(token) for token in index.tokens[first:place]]) if place > first else "",
            words([int(token) for token in index.tokens[place:end]]) if place < end else "(the end)",
            words(self.trace.ids(cursor, cursor + AROUND)) if cursor < len(exploration.tree) else "",
        )
