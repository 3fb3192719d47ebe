"""The compare screen: lanes side by side on the same coins, one cursor through all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import HorizontalScroll
from textual.screen import Screen
from textual.widgets import Footer, Static

from engine.compare.statistics import best_and_worst
from engine.errors import EngineError
from engine.sampling.settings import COINS, SEED_LIMIT, Settings
from tui import messages
from tui.compare.agree import AgreeStrip
from tui.compare.lane_column import LaneColumn
from tui.state.comparison import MOST_LANES, Comparison
from tui.state.exploration import Exploration
from tui.state.lanes import LaneState
from tui.state.sampling_panel import next_preset, next_speed
from tui.state.verbatim import StreamTrace
from tui.style.heat import heat_level, heat_value
from tui.style.status_bar import NEEDED, needs_room, status_line
from tui.widgets.coin import CoinView
from tui.widgets.token_text import TokenCell, TokenKind, TraceMark
from tui.workers.engine import Look, Run, run_numbers

if TYPE_CHECKING:
    from engine.sampling.distribution import Distribution
    from tui.app import RemixApp
    from tui.dialogs.lane import LaneWish

NARROWEST = 26
"""Cells of a column at least."""

SHOWN_PREFIX = 120
"""Tokens of the prefix that are shown before the new ones."""


class CompareScreen(Screen[None]):
    """Lanes side by side; dismissed with nothing, the comparison stays with the exploration."""

    CSS_PATH = "compare.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "step", "step"),
        Binding("g", "run", "run"),
        Binding("g", "pause", "pause"),
        Binding("left", "move(-1)", show=False),
        Binding("right", "move(1)", show=False),
        Binding("tab", "select(1)", "lane"),
        Binding("shift+tab", "select(-1)", show=False),
        Binding("s,enter", "settings", "settings", key_display="s"),
        Binding("a", "add", "add"),
        Binding("d", "copy", "copy", show=False),
        Binding("x", "remove", "remove", show=False),
        Binding("v", "statistics", "stats"),
        Binding("k", "keep", "keep"),
        Binding("m", "repeat", "seeds"),
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("escape,c", "close", "back", key_display="c"),
        Binding("e", "edit", "prefix", show=False),
        Binding("p", "preset(1)", "next preset", show=False),
        Binding("r", "luck", "other luck", show=False),
        Binding("o", "own_coins", "own coins", show=False),
        Binding("i", "coin", "coin", show=False),
        Binding("less_than_sign,comma", "speed(-1)", "slower", show=False),
        Binding("greater_than_sign,full_stop", "speed(1)", "faster", show=False),
        Binding("home", "move_to(0)", "first token", show=False),
        Binding("end", "move_end", "last token", show=False),
        Binding("ctrl+left", "move(-10)", "ten back", show=False),
        Binding("ctrl+right", "move(10)", "ten on", show=False),
        Binding("up", "line(-1)", "line up", show=False),
        Binding("down", "line(1)", "line down", show=False),
        *(Binding(str(n), f"select_at({n - 1})", f"lane {n}", show=False) for n in range(1, 10)),
        Binding("q", "app.quit", "quit", show=False),
    ]

    app: RemixApp

    def __init__(self, exploration: Exploration, comparison: Comparison) -> None:
        super().__init__()
        self.exploration = exploration
        self.comparison = comparison
        self._run: int | None = None
        self._endless = False
        self._following = not comparison.scripted  # there what was changed stays in view
        self._rate = 0.0
        self._works: tuple[bool, ...] = ()
        self._traces: dict[int, StreamTrace] = {}
        self._before: dict[int, int] = {}  # tokens of each lane's version when the run began
        self._status = Text()

    def compose(self) -> ComposeResult:
        """The columns between status and agreement."""
        yield Static(id="status")
        lanes = HorizontalScroll(id="lanes")
        lanes.can_focus = False
        yield lanes
        yield AgreeStrip(self.app.palette)
        yield Footer(show_command_palette=False, compact=True)
        yield Static(id="too-small")

    def on_mount(self) -> None:
        """A column for each lane; a counterfactual comes as far as the stream that it is laid beside."""
        self._sync_columns()
        if any(not lane.steps for lane in self.comparison.lanes) and self.comparison.behind():
            self._start(endless=False, goal=len(self.comparison))
        self.watch(self.query_one("#lanes"), "scroll_x", self._scrolled, init=False)

    def _scrolled(self) -> None:
        self.call_after_refresh(self.show_all)

    @property
    def drawn(self) -> bool:
        """Whether there are columns to draw on: not while the screen closes."""
        return self.is_attached and bool(self.query("#lanes")) and bool(self.query(AgreeStrip))

    @property
    def columns(self) -> list[LaneColumn]:
        """In the order of the lanes."""
        return list(self.query_one("#lanes").query(LaneColumn))

    @property
    def running(self) -> bool:
        """Whether lanes are being advanced."""
        return self._run is not None

    @property
    def lane(self) -> LaneState:
        """The selected one."""
        return self.comparison.lanes[self.comparison.selected]

    @property
    def _network(self) -> tuple[int, int]:
        """The id of `<|endoftext|>`, and how many tokens the network sees at once."""
        tokenizer, info = self.exploration.tokenizer, self.exploration.info
        return tokenizer.end_of_text if tokenizer else 0, info.context if info else 0

    # Showing

    def _sync_columns(self) -> None:
        """As many columns as there are lanes."""
        columns, wanted = self.columns, len(self.comparison.lanes)
        for column in columns[wanted:]:
            column.remove()
        if len(columns) < wanted:
            fresh = [LaneColumn(self.app.palette) for _ in range(wanted - len(columns))]
            self.query_one("#lanes").mount(*fresh)
        self.call_after_refresh(self._to_selected)

    def _set_widths(self) -> None:
        """As many columns as fit, of one width; the rest by scrolling."""
        columns, room = self.columns, self.query_one("#lanes").size.width
        fit = max(1, min(len(columns), room // NARROWEST))
        for column in columns:
            column.styles.width = room // fit

    def _to_selected(self) -> None:
        if not self.drawn:
            return
        self._set_widths()
        columns = self.columns
        if self.comparison.selected < len(columns):
            columns[self.comparison.selected].scroll_visible(animate=False)
        self.call_after_refresh(self.show_all)

    def _visible(self) -> list[tuple[int, LaneColumn]]:
        area = self.query_one("#lanes").region
        placed = zip(range(len(self.comparison.lanes)), self.columns, strict=False)
        return [(n, column) for n, column in placed if column.region.overlaps(area) or not column.region]

    def show_all(self) -> None:
        """Draws the state as it is now, and asks the worker for what is missing. Idempotent."""
        if not self.drawn or not self.columns:
            return
        comparison, visible = self.comparison, self._visible()
        moments = [(number, column, *self._moment(number)) for number, column in visible]
        dists = [dist for _, _, dist, _ in moments if dist is not None]
        scale = max((max(float(dist.final.max()), float(dist.raw.max())) for dist in dists), default=1.0)
        self._follow()
        marks = self._marks()
        for number, column, dist, empty in moments:
            lane = comparison.lanes[number]
            self._show_head(number, column)
            self._show_tokens(number, column)
            step = comparison.step_at(lane, comparison.cursor)
            view = CoinView(dist, step, comparison.seed_of(number), comparison.coin)
            column.show_moment(view, scale, self.exploration.name, empty)
            column.stats.show(self._values(lane), {name: found.get(number, "") for name, found in marks.items()})
        strip = self.query_one(AgreeStrip)
        first, end = strip.range_for(comparison.cursor, len(comparison))
        strip.show(first, comparison.choices(first, end), comparison.cursor)
        self._show_status()
        self._ask([number for number, _ in visible])
        works = tuple(bool(self.check_action(action, ())) for action in ("run", "remove", "keep", "add"))
        if works != self._works:  # the footer is built anew each time it is told
            self._works = works
            self.refresh_bindings()

    def _show_head(self, number: int, column: LaneColumn) -> None:
        comparison = self.comparison
        lane = comparison.lanes[number]
        style = self.app.palette.lanes[lane.number % len(self.app.palette.lanes)]
        title = f"{number + 1} {lane.title}"
        notes = []
        if lane.seed is not None or comparison.own_coins:
            notes.append(f"seed {comparison.seed_of(number)}")
        if lane.own_prefix is not None:
            notes.append("own prefix")
        if number and (found := comparison.parting(number)).left is not None:
            again = f", again after {found.apart}" if found.apart is not None else ""
            notes.append(f"leaves at {comparison.base + found.left}{again}")
        elif number and lane.steps:
            notes.append("same as lane 1")
        if lane.stop == "end_of_text":
            notes.append("the end")
        values = self._values(lane)
        if self.app.remembered.heat == "verbatim" and (share := values["verbatim"]) is not None:
            notes.append(f"{share:.0%} verbatim, longest {values['longest']:.0f}")
        column.head(title, " · ".join(notes), style, number == comparison.selected)

    def _show_tokens(self, number: int, column: LaneColumn) -> None:
        comparison = self.comparison
        lane, first = comparison.lanes[number], comparison.lanes[0]
        left = comparison.left_at(number) if number else None
        settled = min(len(lane.steps), len(first.steps))
        prefix = lane.prefix[-SHOWN_PREFIX:]
        heat = self.app.remembered.heat
        trace = self._traces.get(lane.version)
        traced: list[TraceMark] = []
        if heat == "verbatim" and trace is not None:
            traced = trace.drawn(0, len(lane.prefix) + len(lane.steps))

        def cells(start: int) -> list[TokenCell]:
            found: list[TokenCell] = []
            if start < 0:
                skipped = len(lane.prefix) - len(prefix)
                found = [TokenCell(self.exploration.piece(token), "prompt", -1, traced[skipped + n] if traced else "")
                         for n, token in enumerate(prefix)]  # fmt: skip
            for place in range(max(0, start), len(lane.steps)):
                step = lane.steps[place]
                kind: TokenKind = step.origin if step.origin == "picked" else "sampled"
                if left is not None and place >= left:
                    same = place < len(first.steps) and first.steps[place].token == step.token
                    kind = "leaves" if place == left else "again" if same else "apart"
                level = heat_level(heat_value(step, heat)) if number == 0 or left is None or place < left else -1
                mark = traced[len(lane.prefix) + place] if traced else ""
                found.append(TokenCell(self.exploration.piece(step.token), kind, level, mark))
            return found

        key = (lane.version, first.version, left, heat, self.app.palette, len(prefix))
        column.show_tokens(key, len(prefix), len(lane.steps), settled, cells)
        shown = len(prefix) + min(comparison.cursor, len(lane.steps))
        column.text.set_cursor(shown, 0)

    def _moment(self, number: int) -> tuple[Distribution | None, str]:
        """The distribution under the cursor, and what to say where there is none."""
        comparison = self.comparison
        lane, place = comparison.lanes[number], comparison.cursor
        if place > len(lane.steps):
            return None, "this lane has ended" if lane.stop else "not here yet"
        try:
            dist = comparison.distribution(number, place, *self._network)
        except EngineError as error:
            return None, str(error)
        return dist, "the network is computing…"

    def _values(self, lane: LaneState) -> dict[str, float | None]:
        values = lane.stats.to_dict()
        trace, first = self._traces.get(lane.version), len(lane.prefix)
        values["verbatim"] = values["longest"] = None
        if trace is not None and self.app.index is not None and lane.steps:
            values["verbatim"], values["longest"] = trace.share(first), float(trace.longest_from(first))
        values["rate"] = lane.rate
        return values

    # The training text

    def _follow(self) -> None:
        """Tells the tracer how lanes went on."""
        known = self._traces
        self._traces = {}
        for lane in self.comparison.lanes:
            trace = known.get(lane.version)
            if trace is None:
                length = self.app.remembered.min_tokens
                trace = StreamTrace(("lane", lane.version), self.app.tracer.edit, length)
                trace.follow(0, lane.prefix)
            self._traces[lane.version] = trace
            done = len(trace) - len(lane.prefix)
            trace.follow(len(trace), [step.token for step in lane.steps[done:]])

    def restart(self) -> None:
        """Another text to trace in."""
        for trace in self._traces.values():
            trace.restart(self.app.remembered.min_tokens)

    def traced(self, message: messages.Traced) -> None:
        """Tokens of lanes were looked up in the training text."""
        if not self.drawn or not self.columns:
            return
        for number, lane in enumerate(self.comparison.lanes):
            trace = self._traces.get(lane.version)
            if trace is None or (first := trace.take(message)) is None:
                continue
            column = self.columns[number]
            skipped = len(lane.prefix) - min(len(lane.prefix), SHOWN_PREFIX)
            if self.app.remembered.heat == "verbatim":
                begin, end = max(first, skipped), min(len(trace.marks), skipped + column.text.count)
                column.text.set_marks(begin - skipped, trace.drawn(begin, end) if end > begin else [])
            self._show_head(number, column)
            marks = {name: found.get(number, "") for name, found in self._marks().items()}
            column.stats.show(self._values(lane), marks)

    def _marks(self) -> dict[str, dict[int, str]]:
        """For each statistic which lanes are best and worst."""
        tables = [self._values(lane) for lane in self.comparison.lanes]
        found = {}
        for name in tables[0]:
            if name in ("verbatim", "longest"):
                continue  # neither is better
            best, worst = best_and_worst(name, [table[name] for table in tables])
            found[name] = dict.fromkeys(worst, "▼") | dict.fromkeys(best, "▲")
        return found

    def _show_status(self) -> None:
        comparison, info = self.comparison, self.exploration.info
        left = Text(" gpt2-remix ", style="bold", no_wrap=True)
        model = f" · {info.name}" if info and self.size.width >= 100 else ""
        left.append(f" {comparison.title}{model}", style="not bold")
        lanes = len(comparison.lanes)
        same = "same coins: " if self.size.width >= 100 else ""
        coins = "own coins from " if comparison.own_coins else same
        parts = [f"{coins}seed {comparison.seed}" + (" gumbel" if comparison.coin == "gumbel" else "")]
        shown = len(self._visible())
        parts.append(f"{lanes} lane{'s' if lanes != 1 else ''}" + (f", {shown} in view" if shown < lanes else ""))
        parts.append(f"token {comparison.base + comparison.cursor}")
        parts.append((f"{self._rate:,.0f} tok/s" if self._rate else "running") if self.running else "paused")
        line = status_line(left, parts, self.size.width)
        if line != self._status:
            self._status = line
            self.query_one("#status", Static).update(line, layout=False)

    def _ask(self, numbers: Sequence[int]) -> None:
        """Asks for the logits under the cursor that are missing."""
        comparison, place = self.comparison, self.comparison.cursor
        looks = [
            Look(self.exploration.model, (lane.version, place), lane.prefix + lane.new_ids[:place])
            for number in numbers
            if place <= len((lane := comparison.lanes[number]).steps) and not comparison.knows(lane, place)
            # The newest token of a run is told by the run itself.
            and not (self._run is not None and place >= len(lane.steps) - 1)
        ]
        if looks:
            self.app.worker.look(looks)

    def on_resize(self, event: events.Resize) -> None:
        """Below the size that the columns need, one line says so."""
        width, height = event.size
        self.set_class(width < NEEDED[0] or height < NEEDED[1], "small")
        self.set_class(height >= 32, "tall")
        self.query_one("#too-small", Static).update(needs_room(width, height))
        self.call_after_refresh(self._to_selected)

    def set_palette(self) -> None:
        """Draws everything with another theme."""
        for column in self.columns:
            column.set_palette(self.app.palette)
        self.query_one(AgreeStrip).set_palette(self.app.palette)
        self.show_all()

    # What the worker says

    def looked(self, message: messages.Looked) -> None:
        """Logits have come."""
        assert isinstance(message.place, tuple)
        version, place = message.place
        lane = next((lane for lane in self.comparison.lanes if lane.version == version), None)
        if lane is not None:
            self.comparison.remember(lane, place, message.logits)
            self.show_all()

    def stepped(self, message: messages.Stepped) -> None:
        """Lanes went on."""
        comparison = self.comparison
        if message.run != self._run:
            return
        for lane, steps, dist, stop in zip(
            comparison.lanes, message.lanes, message.dists, message.stops, strict=True
        ):  # the run is replaced whenever lanes come, go or change
            lane.append(steps)
            if dist is not None and steps:
                comparison.remember_distribution(lane, len(lane.steps) - 1, dist)
            lane.stop = None if stop == "length" else stop
        made = {lane.version: len(lane.steps) - self._before.get(lane.version, 0) for lane in comparison.lanes}
        seconds = sum(made.values()) / message.rate if message.rate else 0
        for lane in comparison.lanes:
            if seconds and made[lane.version]:
                lane.rate = made[lane.version] / seconds
        self._rate = message.rate
        if self._following:
            comparison.cursor = max(0, len(comparison) - 1)
        if message.ended:
            self._run = None
            if self._endless and all(lane.stop == "end_of_text" for lane in comparison.lanes):
                self.app.say("every lane ended with <|endoftext|>")
        self.show_all()

    # Running

    def _start(self, *, endless: bool, goal: int | None) -> None:
        """Advances all lanes to `goal` tokens, or without end; those that are behind catch up first."""
        comparison = self.comparison
        if not self.app.model_ready:
            self.app.say("the network is still loading; one moment")
            return
        self._run, self._endless = next(run_numbers), endless
        self._rate = 0.0
        self._before = {lane.version: len(lane.steps) for lane in comparison.lanes}
        end = self._network[0] if self.app.remembered.stop_at_end else None
        lanes = []
        for place, lane in enumerate(comparison.lanes):
            limit = None if goal is None else max(0, goal - len(lane.steps))
            made = comparison.engine_lane(place, end, limit)
            if lane.stop == "end_of_text":
                made.stop = "end_of_text"
            lanes.append(made)
        speed = self.app.remembered.speed if endless else None
        self.app.worker.run(Run(self.exploration.model, self._run, lanes, speed))
        self.show_all()

    def pause(self) -> None:
        """Ends the run that goes on."""
        if self._run is not None:
            self._run = None
            self.app.worker.stop()

    def _lanes_changed(self) -> None:
        """What ran goes on with the lanes as they are now; what is new catches up."""
        self._sync_columns()
        if self.running and self._endless:
            self._start(endless=True, goal=None)
        else:
            self.pause()
            if self.comparison.behind():
                self._start(endless=False, goal=len(self.comparison))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys work now; the footer shows those."""
        comparison = self.comparison
        if action in ("run", "pause"):
            return (self.running and self._endless) == (action == "pause")
        if action in ("add", "copy"):
            return len(comparison.lanes) < MOST_LANES
        if action == "remove":
            return len(comparison.lanes) > 1
        if action == "keep":
            return bool(self.lane.steps)
        return True

    def action_step(self) -> None:
        """One token in every lane; while running: pause."""
        if self.running and self._endless:
            self.action_pause()
        elif not self.running:
            self._following = True
            self._start(endless=False, goal=len(self.comparison) + 1)

    def action_run(self) -> None:
        """All lanes go on until paused."""
        self._following = True
        self._start(endless=True, goal=None)

    def action_pause(self) -> None:
        """Pause; lanes that are behind still catch up."""
        self.pause()
        if self.comparison.behind():
            self._start(endless=False, goal=len(self.comparison))
        else:
            self.show_all()

    def action_toggle_run(self) -> None:
        """Run, or pause."""
        if self.running and self._endless:
            self.action_pause()
        else:
            self.action_run()

    def action_speed(self, direction: int) -> None:
        """Faster or slower."""
        speed = next_speed(self.app.remembered.speed, direction)
        self.app.remember(speed=speed)
        self.app.worker.set_speed(speed)
        self.app.say("as fast as it goes" if speed is None else f"{speed:g} tokens a second in each lane")

    # The cursor and the selected lane

    def action_move(self, offset: int) -> None:
        """Moves the cursor through all lanes."""
        self.action_move_to(self.comparison.cursor + offset)

    def action_move_to(self, place: int) -> None:
        """Moves the cursor to a place."""
        comparison = self.comparison
        comparison.cursor = max(0, min(place, len(comparison)))
        self._following = comparison.cursor >= len(comparison) - 1
        self.show_all()

    def action_move_end(self) -> None:
        """Moves the cursor to the next token; while running, it follows the newest one again."""
        self.action_move_to(len(self.comparison))

    def action_line(self, lines: int) -> None:
        """Moves the cursor a line up or down in the selected lane."""
        column = self.columns[self.comparison.selected]
        shown = min(len(self.lane.prefix), SHOWN_PREFIX)
        self.action_move_to(column.text.line_step(lines) - shown)

    def action_select(self, offset: int) -> None:
        """Goes to another lane."""
        self.action_select_at((self.comparison.selected + offset) % len(self.comparison.lanes))

    def action_select_at(self, place: int) -> None:
        """Goes to a lane by its place."""
        if place < len(self.comparison.lanes):
            self.comparison.selected = place
            self._to_selected()

    @on(LaneColumn.Clicked)
    def _lane_clicked(self, event: LaneColumn.Clicked) -> None:
        place = self.columns.index(event.column)
        self.action_select_at(place)
        if event.index is not None:
            shown = min(len(self.lane.prefix), SHOWN_PREFIX)
            self.action_move_to(event.index - shown)

    @on(AgreeStrip.Clicked)
    def _place_clicked(self, event: AgreeStrip.Clicked) -> None:
        self.action_move_to(event.place)

    # Changing lanes

    def action_settings(self) -> None:
        """Asks what the selected lane is to be."""
        lane = self.lane
        self._ask_lane(f"lane {self.comparison.selected + 1}", lane, partial(self._change, lane))

    def _ask_lane(self, title: str, lane: LaneState, then: Callable[[LaneWish | None], None]) -> None:
        from tui.dialogs.lane import LaneScreen, LaneWish

        wish = LaneWish(lane.settings, lane.own_prefix, lane.seed)
        self.app.push_screen(LaneScreen(title, wish, self.app.presets), then)

    def _change(self, lane: LaneState, wish: LaneWish | None) -> None:
        """The lane begins again with what was wished for, and catches up."""
        if wish is None or lane not in self.comparison.lanes:
            return
        try:
            lane.restart(label="", script={}, **self._fields(lane, wish))
        except EngineError as error:
            self.app.say(str(error), error=True)
            return
        self._lanes_changed()

    def _fields(self, lane: LaneState, wish: LaneWish) -> dict[str, object]:
        """What a wish means for a lane. Raises EngineError where this model cannot have it."""
        tokenizer, info = self.exploration.tokenizer, self.exploration.info
        if info is not None:
            wish.settings.check_vocabulary(info.vocab_size)
        prefix, prompt, before = lane.prefix, lane.prompt, lane.before
        if wish.prefix is not None and wish.prefix != lane.own_prefix and tokenizer is not None:
            prefix = tokenizer.encode(wish.prefix) or [tokenizer.end_of_text]
            prompt, before = len(prefix), None
        elif wish.prefix is None and lane.own_prefix is not None:
            comparison = self.comparison
            prefix, prompt, before = comparison.common, comparison.common_prompt, comparison.before
        return {"settings": wish.settings, "seed": wish.seed, "own_prefix": wish.prefix, "prefix": prefix,
                "prompt": prompt, "before": before}  # fmt: skip

    def action_add(self) -> None:
        """Asks for another lane."""
        comparison = self.comparison
        lane = LaneState(Settings(), comparison.common, comparison.common_prompt, before=comparison.before)

        def add(wish: LaneWish | None) -> None:
            if wish is None:
                return
            try:
                lane.restart(**self._fields(lane, wish))
            except EngineError as error:
                self.app.say(str(error), error=True)
                return
            comparison.add(lane)
            self._lanes_changed()

        self._ask_lane(f"lane {len(comparison.lanes) + 1}", lane, add)

    def action_copy(self) -> None:
        """Another lane like the selected one, beside it."""
        comparison, old = self.comparison, self.lane
        lane = LaneState(old.settings, old.prefix, old.prompt, old.seed, old.own_prefix, old.before, old.label,
                         old.script)  # fmt: skip
        comparison.add(lane, comparison.selected + 1)
        self._lanes_changed()

    def action_remove(self) -> None:
        """Takes the selected lane away."""
        if len(self.comparison.lanes) > 1:
            self.comparison.remove(self.comparison.selected)
            self._lanes_changed()

    def action_preset(self, direction: int) -> None:
        """The next preset for the selected lane."""
        self.lane.restart(settings=next_preset(self.lane.settings, direction, self.app.presets), label="", script={})
        self._lanes_changed()

    def _begin_again(self, **changes: object) -> None:
        """All lanes begin again with fields of the comparison changed, and come as far as they were."""
        goal = max(1, len(self.comparison)) if len(self.comparison) else 0
        self.comparison.restart(**changes)
        self._sync_columns()
        if self.running and self._endless:
            self._start(endless=True, goal=None)
        elif goal:
            self._start(endless=False, goal=goal)
        else:
            self.show_all()

    def action_luck(self) -> None:
        """The next seed for all lanes."""
        self._begin_again(seed=(self.comparison.seed + 1) % SEED_LIMIT)

    def action_own_coins(self) -> None:
        """Common coins, or coins of its own for each lane."""
        self._begin_again(own_coins=not self.comparison.own_coins)
        self.app.say("each lane has coins of its own" if self.comparison.own_coins else "the lanes share the coins")

    def action_coin(self) -> None:
        """The other kind of coin."""
        coin = COINS[(COINS.index(self.comparison.coin) + 1) % len(COINS)]
        self._begin_again(coin=coin)
        self.app.say(f"the {coin} coin")

    def action_edit(self) -> None:
        """Edits the prefix that all lanes share."""
        from tui.dialogs.prefix import PrefixScreen

        self.app.push_screen(PrefixScreen(self.exploration, self.comparison.common), self._prefix_edited)

    def _prefix_edited(self, ids: list[int] | None) -> None:
        if ids is not None:
            self.comparison.set_common(ids)
            self._begin_again()

    # Out of here

    def action_statistics(self) -> None:
        """Shows the statistics in place of candidates and coin (beside them in a tall terminal), or hides them."""
        self.toggle_class("statistics")

    def action_keep(self) -> None:
        """Takes the selected lane over into the tree."""
        from engine.generation.step import Step

        lane, tree = self.lane, self.exploration.tree
        if not lane.steps:
            self.app.say("this lane has no tokens yet; space makes one")
            return
        parent = self.comparison.parent
        if lane.own_prefix is not None or parent is None:
            parent = tree.graft(0, [Step(n, token, "prompt") for n, token in enumerate(lane.prefix)])
        leaf = tree.graft(parent, lane.steps)
        tree.change(head=leaf, cursor=len(lane.prefix))
        self.app.say(f"lane {self.comparison.selected + 1} is a branch of the tree now: esc shows it there")

    def action_repeat(self) -> None:
        """Repeats the comparison with many seeds."""
        from tui.compare.repeat import RepeatScreen

        self.pause()
        self.show_all()
        self.app.push_screen(RepeatScreen(self.exploration, self.comparison))

    def action_help(self) -> None:
        """Explains lanes and statistics."""
        from tui.dialogs.help import HelpScreen

        self.app.push_screen(HelpScreen("compare"))

    def action_close(self) -> None:
        """Back to the playground."""
        self.pause()
        self.dismiss(None)
