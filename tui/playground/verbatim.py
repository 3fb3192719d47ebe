"""The playground's trace in the training text: spans, the place where one is left, and what goes on there."""

from __future__ import annotations

from collections.abc import Sequence

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.words import counted
from gpt2_remix.tui import messages
from gpt2_remix.tui.playground.host import Host
from gpt2_remix.tui.playground.trace_line import Passage
from gpt2_remix.tui.state.heats import HEATS
from gpt2_remix.tui.state.preferences import SPAN_LENGTHS
from gpt2_remix.tui.state.verbatim import AROUND, StreamTrace, TraceMark, maker, share_of, where
from gpt2_remix.tui.workers.tracer import Edit

STREAM = "playground"


class Verbatim:
    """What the playground shows of the training text.

    Attributes:
        trace: what is known of the stream.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self.trace = StreamTrace(self._tell, host.workspace.preferences.min_tokens)

    def _tell(self, keep: int, ids: list[int], min_tokens: int) -> None:
        self._host.workspace.tracer.edit(Edit(self._host.post_message, STREAM, keep, ids, min_tokens))

    @property
    def on(self) -> bool:
        """Whether verbatim spans are shown."""
        return HEATS[self._host.workspace.preferences.heat].spans

    @property
    def complete(self) -> bool:
        """Whether every token of the stream was looked up."""
        return len(self.trace.marks) == len(self.trace)

    def follow(self, keep: int, ids: Sequence[int]) -> None:
        """The stream went on, or is another one."""
        self.trace.follow(keep, ids)

    def restart(self) -> None:
        """Ask for everything anew: another text, or another length from which on a run counts."""
        self.trace.restart(self._host.workspace.preferences.min_tokens)

    def marks(self, first: int, end: int) -> list[TraceMark]:
        """How tokens are drawn."""
        return self.trace.drawn(first, end) if self.on else [""] * (end - first)

    def take(self, message: messages.Traced) -> bool:
        """Take over marks; whether anything on screen may be another now."""
        first = self.trace.take(message.first, message.ids, message.marks, message.min_tokens)
        if first is None or not self._host.drawable:
            return False
        if self.on:
            text, end = self._host.panes.text, len(self.trace.marks)
            text.set_marks(first, self.trace.drawn(first, min(end, text.count)))
        return True

    def draw(self) -> None:
        """Show what is known at the cursor: among the candidates, and while spans are shown in words."""
        host = self._host
        cursor = host.exploration.cursor
        host.panes.view.list.set_goes_on(self.trace.goes_on(cursor))
        host.panes.trace_line.display = self.on
        if self.on:
            host.panes.trace_line.say(*self._words(cursor))

    def next_length(self, direction: int) -> int:
        """The next longer or shorter length from which on a run counts."""
        place = SPAN_LENGTHS.index(self.trace.min_tokens) + direction
        return SPAN_LENGTHS[max(0, min(place, len(SPAN_LENGTHS) - 1))]

    def _words(self, cursor: int) -> tuple[str, Passage | None]:
        host, trace, index = self._host, self.trace, self._host.workspace.index
        if index is None:
            return host.workspace.index_words, None
        exploration = host.exploration
        name = exploration.name
        if (left := trace.left(cursor)) is not None:
            step = exploration.tree.step(cursor)
            try:
                dist = exploration.distribution(cursor)
            except EngineError:
                dist = None
            expected = ", ".join(name(token) + share_of(dist, token) for token in left.expected[:3])
            document = index.document_at(left.end - 1)
            words = (f"left {document.title} here after {counted(left.length, 'token')}: "
                     f"training goes on with {expected}, "
                     f"{maker(step)} {name(step.token)}{share_of(dist, step.token)}")
            return words, self._passage(cursor, left.end)
        if (standing := trace.standing(cursor)) is not None:
            others = standing.count - 1
            more = f", and {others:,} other place{'s' if others > 1 else ''}" if others else ""
            words = (f"{cursor - standing.start + 1} of {standing.end - standing.start} tokens from "
                     f"{where(index, standing.place)}{more}")
            return words, self._passage(cursor, standing.place + cursor - standing.start)
        if cursor >= len(exploration.tree) and (following := trace.goes_on(cursor)):
            end = trace.marks[cursor - 1].end
            expected = ", ".join(name(token) for token in following[:3])
            length = trace.marks[cursor - 1].length
            return (f"{counted(length, 'token')} from {index.document_at(end - 1).title} so far: "
                    f"training goes on with {expected}"), self._passage(cursor, end)
        if cursor >= len(trace.marks) and cursor < len(exploration.tree):
            return "looking…", None
        return f"a remix: no {trace.min_tokens} tokens in a row around here stand in the training text", None

    def _passage(self, cursor: int, place: int) -> Passage | None:
        """The text and the stream around a place, where the text is at hand."""
        index, exploration = self._host.workspace.index, self._host.exploration
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
