"""Drawing the lanes: a column each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.containers import HorizontalScroll

from gpt2_remix.engine.compare.statistics import highest_and_lowest
from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.words import counted
from gpt2_remix.tui.compare.host import CompareHost, network_of
from gpt2_remix.tui.compare.lane_column import LaneColumn
from gpt2_remix.tui.compare.traces import LaneTraces
from gpt2_remix.tui.state.heats import HEATS, HeatSource
from gpt2_remix.tui.state.lanes import LaneState
from gpt2_remix.tui.state.verbatim import TraceMark
from gpt2_remix.tui.style.heat import heat_level
from gpt2_remix.tui.widgets.coin import CoinView
from gpt2_remix.tui.widgets.token_text import TokenCell, TokenKind
from gpt2_remix.tui.workers.requests import LogitsRequest

if TYPE_CHECKING:
    from gpt2_remix.engine.sampling.distribution import Distribution

NARROWEST = 26
"""Cells of a column at least."""

SHOWN_PREFIX = 120
"""Tokens of the prefix that are shown before the new ones."""


class Columns:
    """Draws the lanes in view, and asks for what is missing under the cursor."""

    def __init__(self, host: CompareHost, traces: LaneTraces, area: HorizontalScroll) -> None:
        self._host = host
        self._traces = traces
        self._area = area
        self.zoomed = False  # whether one lane fills the screen
        self._failed: tuple[object, ...] = ()
        self._drawn: list[tuple[int, LaneColumn]] = []

    @property
    def all(self) -> list[LaneColumn]:
        """In the order of the lanes."""
        return list(self._area.query(LaneColumn))

    # Where they are

    def sync(self) -> None:
        """As many columns as there are lanes."""
        columns, wanted = self.all, len(self._host.comparison.lanes)
        for column in columns[wanted:]:
            column.remove()
        if len(columns) < wanted and self._area.is_attached:  # not while the app ends
            palette = self._host.workspace.palette
            self._area.mount(*(LaneColumn(palette) for _ in range(wanted - len(columns))))
        self._host.call_after_refresh(self.to_selected)

    def to_selected(self) -> None:
        """As many columns as fit, of one width; the selected one in view."""
        if not self._host.drawable:
            return
        columns, room = self.all, self._area.size.width
        fit = 1 if self.zoomed else max(1, min(len(columns), room // NARROWEST))
        for column in columns:
            column.styles.width = room // fit
        self._host.call_after_refresh(self._scroll)

    def _scroll(self) -> None:
        """Bring the selected one into view, as wide as it is now."""
        columns, selected = self.all, self._host.comparison.selected
        if self._host.drawable and selected < len(columns):
            columns[selected].scroll_visible(animate=False)

    def visible(self) -> list[tuple[int, LaneColumn]]:
        """The lanes in view, by place."""
        area = self._area.region
        placed = zip(range(len(self._host.comparison.lanes)), self.all, strict=False)
        return [(n, column) for n, column in placed if column.region.overlaps(area) or not column.region]

    # Drawing

    @property
    def drawn(self) -> bool:
        """Whether the lanes in view are those that were drawn last."""
        return self._drawn == self.visible()

    def draw(self) -> None:
        """Every lane in view."""
        comparison, visible = self._host.comparison, self.visible()
        self._drawn = visible
        found = [(place, column, *self.distribution(place)) for place, column in visible]
        dists = [dist for _, _, dist, _ in found if dist is not None]
        scale = max((max(float(dist.final.max()), float(dist.raw.max())) for dist in dists), default=1.0)
        self._traces.follow()
        marks = self.marks()
        for place, column, dist, empty in found:
            lane = comparison.lanes[place]
            self.head(place, column)
            self.tokens(place, column)
            step = comparison.step_at(lane, comparison.cursor)
            view = CoinView(dist, step, comparison.seed_of(place), comparison.coin)
            column.show_position(view, scale, self._host.exploration.name, empty)
            column.stats.show(self.values(lane), {name: lanes.get(place, "") for name, lanes in marks.items()})
        self._ask(place for place, _ in visible)

    def head(self, place: int, column: LaneColumn) -> None:
        """A lane's title, and what is to be said of it."""
        comparison, palette = self._host.comparison, self._host.workspace.palette
        lane = comparison.lanes[place]
        style = palette.lanes[lane.number % len(palette.lanes)]
        notes = []
        if lane.setup.seed is not None or comparison.own_coins:
            notes.append(f"seed {comparison.seed_of(place)}")
        if lane.setup.own_prefix is not None:
            notes.append("own prefix")
        if place and (found := comparison.divergence(place)).first is not None:
            apart = f" for {counted(found.apart, 'token')}" if found.apart is not None else ""
            notes.append(f"leaves lane 1 at {comparison.base + found.first}{apart}")
        elif place and lane.steps:
            notes.append("same as lane 1")
        if lane.stop == "end_of_text":
            notes.append("the end")
        values = self.values(lane)
        if HEATS[self._host.workspace.preferences.heat].spans and (share := values["verbatim"]) is not None:
            notes.append(f"{share:.0%} verbatim, longest {values['longest']:.0f}")
        column.head(f"{place + 1} {lane.title}", " · ".join(notes), style, place == comparison.selected)

    def tokens(self, place: int, column: LaneColumn) -> None:
        """A lane's text, and the cursor in it."""
        comparison, palette = self._host.comparison, self._host.workspace.palette
        lane, first = comparison.lanes[place], comparison.lanes[0]
        left = comparison.left_at(place) if place else None
        settled = min(len(lane.steps), len(first.steps))
        count = min(len(lane.prefix), SHOWN_PREFIX)
        heat = self._host.workspace.preferences.heat
        key = (lane.version, first.version, left, heat, palette, count)
        column.show_tokens(key, count, len(lane.steps), settled, lambda start: self._cells(place, left, start))
        column.text.set_cursor(count + min(comparison.cursor, len(lane.steps)), 0)

    def _cells(self, place: int, left: int | None, start: int) -> list[TokenCell]:
        """The cells of a lane from a place on; the prefix too where that is negative."""
        exploration, comparison = self._host.exploration, self._host.comparison
        lane, first = comparison.lanes[place], comparison.lanes[0]
        heat, trace, skipped = HEATS[self._host.workspace.preferences.heat], self._traces.of(lane), len(lane.prefix)
        traced: list[TraceMark] = []
        if heat.spans and trace is not None:
            traced = trace.drawn(0, skipped + len(lane.steps))
        cells: list[TokenCell] = []
        if start < 0:
            prefix = lane.prefix[-SHOWN_PREFIX:]
            before = skipped - len(prefix)
            cells = [TokenCell(exploration.piece(token), "prompt", -1, traced[before + n] if traced else "")
                     for n, token in enumerate(prefix)]
        begin = max(0, start)
        steps = lane.steps[begin:]
        values = [None] * len(steps) if heat.spans else heat.values(HeatSource(steps, skipped + begin, trace))
        for n, (step, value) in enumerate(zip(steps, values, strict=True), start=begin):
            kind: TokenKind = step.origin if step.origin == "picked" else "sampled"
            if left is not None and n >= left:
                same = n < len(first.steps) and first.steps[n].token == step.token
                kind = "leaves" if n == left else "again" if same else "apart"
            level = heat_level(value) if place == 0 or left is None or n < left else -1
            cells.append(TokenCell(exploration.piece(step.token), kind, level, traced[skipped + n] if traced else ""))
        return cells

    def traced(self, place: int, first: int) -> None:
        """Tokens of a lane were looked up in the training text, from one on."""
        comparison, column = self._host.comparison, self.all[place]
        lane = comparison.lanes[place]
        trace, skipped = self._traces.of(lane), len(lane.prefix) - min(len(lane.prefix), SHOWN_PREFIX)
        if trace is not None and HEATS[self._host.workspace.preferences.heat].spans:
            begin, end = max(first, skipped), min(len(trace.marks), skipped + column.text.count)
            column.text.set_marks(begin - skipped, trace.drawn(begin, end) if end > begin else [])
        self.head(place, column)
        marks = {name: found.get(place, "") for name, found in self.marks().items()}
        column.stats.show(self.values(lane), marks)

    # What is shown

    def distribution(self, place: int) -> tuple[Distribution | None, str]:
        """The distribution under the cursor, and what to say where there is none."""
        comparison = self._host.comparison
        lane, cursor = comparison.lanes[place], comparison.cursor
        if cursor > len(lane.steps):
            return None, "this lane has ended" if lane.stop else "not here yet"
        try:
            dist = comparison.distribution(place, cursor, *network_of(self._host.exploration))
        except EngineError as error:
            return None, str(error)
        return dist, "the network is computing…"

    def values(self, lane: LaneState) -> dict[str, float | None]:
        """A lane's statistics."""
        values = lane.stats.to_dict()
        values["verbatim"], values["longest"] = self._traces.share_and_longest(lane)
        return values

    def marks(self) -> dict[str, dict[int, str]]:
        """For each statistic which lanes have the highest value and which the lowest."""
        tables = [self.values(lane) for lane in self._host.comparison.lanes]
        found = {}
        for name in tables[0]:
            highest, lowest = highest_and_lowest([table[name] for table in tables])
            found[name] = dict.fromkeys(lowest, "▼") | dict.fromkeys(highest, "▲")
        return found

    def known(self) -> bool:
        """Whether what is under the cursor is known in all lanes in view."""
        comparison = self._host.comparison
        return all(comparison.knows(lane, comparison.cursor) for place, _ in self.visible()
                   if comparison.cursor <= len((lane := comparison.lanes[place]).steps))

    def _ask(self, places: Iterable[int]) -> None:
        """Ask for the logits under the cursor that are missing."""
        host, comparison, cursor = self._host, self._host.comparison, self._host.comparison.cursor
        wanted = [
            ((lane.version, cursor), comparison.stream(lane, cursor).ids())
            for place in places
            if cursor <= len((lane := comparison.lanes[place]).steps) and not comparison.knows(lane, cursor)
            # The newest token of a run is told by the run itself.
            and not (host.advance.running and cursor >= len(lane.steps) - 1)
        ]
        names = tuple(place for place, _ in wanted)
        if wanted and names != self._failed:
            request = LogitsRequest(host.exploration.network, host.post_message, wanted)
            host.workspace.engine.submit(request)

    def failed(self) -> None:
        """The network could not give what is under the cursor: it is not asked for again at once."""
        comparison = self._host.comparison
        self._failed = tuple((comparison.lanes[place].version, comparison.cursor) for place, _ in self.visible())
