"""The playground: text, candidates, coin, settings and branches of one stream, and every action on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static

from engine.errors import EngineError
from engine.generation.step import Step
from engine.sampling.settings import Settings
from engine.tokens.tokenizer import Tokenizer
from tui import messages
from tui.playground.branches import Branches
from tui.playground.heat_strip import HeatStrip
from tui.playground.sampler import Sampler
from tui.playground.trace_line import TraceLine
from tui.playground.verbatim import TraceView
from tui.playground.what_if import WhatIfView
from tui.state import sampling_panel as panel
from tui.state.exploration import Exploration
from tui.style.heat import HEAT_MODES, HeatMode, heat_legend, heat_level, heat_value
from tui.style.status_bar import NEEDED, needs_room, retitle, status_line
from tui.widgets.candidates import Candidates
from tui.widgets.coin import Coin, CoinView
from tui.widgets.token_text import TokenCell, TokenKind, TokenText, TraceMark
from tui.workers.engine import Look, Run, run_numbers

if TYPE_CHECKING:
    from engine.sampling.distribution import Stage
    from tui.app import RemixApp

MOST_BRANCHES = 16
NAME_CELLS = 26
MOST_WISHES = 32
"""Key presses that wait for the network; more than that nobody meant."""


@dataclass(slots=True)
class ActiveRun:
    """A run that goes on: its number, and the last node of each lane.

    Attributes:
        endless: whether it goes on until paused, also past a flip or a pick; else it grows branches for a while.
        following: whether the cursor goes along with the newest token.
    """

    number: int
    tails: list[int]
    endless: bool
    following: bool
    rate: float = 0.0


@dataclass(slots=True)
class Shown:
    """What the text pane holds: node ids, and the heat mode of their levels."""

    path: list[int] = field(default_factory=list)
    heat: str = ""


class Playground(Screen[None]):
    """One stream and its tree."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "step", "step"),
        Binding("g", "run", "run"),
        Binding("g", "pause", "pause"),
        Binding("enter", "pick", "pick"),
        Binding("r", "flip", "flip"),
        Binding("b", "branch", "branch"),
        Binding("left", "move(-1)", "go", key_display="←→"),
        Binding("right", "move(1)", show=False),
        Binding("c", "compare", "compare"),
        Binding("w", "what_if", "what if"),
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("q", "app.quit", "quit"),
        Binding("l", "plot", "plot"),
        Binding("e", "edit", "prefix"),
        Binding("t", "tree", "tree"),
        Binding("s", "settings", "sampling"),
        Binding("left_square_bracket", "sibling(-1)", "sibling", key_display="[ ]"),
        Binding("right_square_bracket", "sibling(1)", show=False),
        Binding("u", "undo", "undo"),
        Binding("slash", "search", "search", key_display="/"),
        Binding("ctrl+r", "redo", "redo", show=False),
        Binding("h", "heat", "heat", show=False),
        Binding("left_curly_bracket", "span_length(-1)", "shorter spans", show=False),
        Binding("right_curly_bracket", "span_length(1)", "longer spans", show=False),
        Binding("x", "ban", "ban", show=False),
        Binding("plus", "bias(1)", "bias up", show=False),
        Binding("minus", "bias(-1)", "bias down", show=False),
        Binding("less_than_sign,comma", "speed(-1)", "slower", show=False),
        Binding("greater_than_sign,full_stop", "speed(1)", "faster", show=False),
        Binding("p", "preset(1)", "next preset", show=False),
        Binding("m", "model", "model", show=False),
        Binding("W", "precision", "int8 or fp32", show=False),
        Binding("M", "train", "train on a text, switch to the new model", show=False),
        Binding("T", "tree_screen", "tree screen", show=False),
        Binding("N", "note", "note", show=False),
        Binding("ctrl+o", "sessions", "sessions", show=False),
        Binding("ctrl+e", "export", "export", show=False),
        Binding("ctrl+s", "name_session", "name the session", show=False),
        Binding("home", "move_to(0)", "first token", show=False),
        Binding("end", "move_end", "last token", show=False),
        Binding("ctrl+left", "word(-1)", "word back", show=False),
        Binding("ctrl+right", "word(1)", "word on", show=False),
        Binding("up", "candidate(-1)", "candidate up", show=False),
        Binding("down", "candidate(1)", "candidate down", show=False),
        Binding("pageup", "candidate(-10)", "candidates up", show=False),
        Binding("pagedown", "candidate(10)", "candidates down", show=False),
        Binding("ctrl+up,shift+up", "line(-1)", "line up", show=False),
        Binding("ctrl+down,shift+down", "line(1)", "line down", show=False),
    ]

    app: RemixApp

    def __init__(self, exploration: Exploration) -> None:
        super().__init__()
        self.exploration = exploration
        self._run: ActiveRun | None = None
        self._shown = Shown()
        self._wishes: deque[tuple[Callable[[], int], Callable[[int], None]]] = deque()
        self._count = 0
        self._waited_for = ""
        self._measured_for: int | None = None
        self._works: list[bool | None] = []
        self._status = Text()
        self._panes: tuple[Widget, ...] = ()  # all that is drawn on, once it is there
        self.what_if = WhatIfView(self)
        self.tracing: TraceView | None = None

    def compose(self) -> ComposeResult:
        """The panes; each is given what to show by `show_all`."""
        palette = self.app.palette
        yield Static(id="status")
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                with Vertical(id="text-pane"):
                    yield TokenText(palette, id="text")
                    yield HeatStrip(palette)
                    yield TraceLine(palette)
                yield Branches(palette)
            with Vertical(id="right"):
                yield Candidates(palette)
                yield Coin(palette)
                yield Sampler(palette)
        yield Footer(show_command_palette=False, compact=True)
        yield Static(id="too-small")

    def on_mount(self) -> None:
        """Titles, and the focus on the text."""
        self._panes = (*self.query("#status"), *self.query(TraceLine))
        self.tracing = TraceView(self)
        self.query_one("#text-pane").border_title = "text"
        self.query_one(Branches).border_title = "branches"
        self.query_one(Coin).border_title = "coin"
        self.query_one(Sampler).border_title = "sampling"
        self.text.show_plain(self.app.options.prefix or "")
        self.text.focus()
        self.show_all()

    @property
    def drawn(self) -> bool:
        """Whether there are panes to draw on: not before the first frame, and not while the app closes."""
        # While the app closes panes go one by one. Asking the DOM for them at each drawing took a third of its time.
        panes = self._panes
        return self.is_mounted and self.is_attached and bool(panes) and all(pane.is_attached for pane in panes)

    @property
    def settled(self) -> bool:
        """Whether nothing runs or waits, and what is under the cursor and next is known."""
        exploration = self.exploration
        return (
            self._run is None and not self._wishes and exploration.tokenizer is not None
            and exploration.knows(exploration.cursor) and exploration.knows(len(exploration.tree))
            and not exploration.unmeasured()
        )  # fmt: skip

    @property
    def text(self) -> TokenText:
        """The text pane."""
        return self.query_one(TokenText)

    @property
    def candidates(self) -> Candidates:
        """The candidates pane."""
        return self.query_one(Candidates)

    # Showing

    def show_all(self, *, keep_selection: bool = False) -> None:
        """Draws the state as it is now, and asks the worker for what is missing. Idempotent."""
        if not self.drawn:
            return
        self._show_text()
        self._show_position(keep_selection)
        self._show_settings()
        if self.query_one(Branches).display:
            self.query_one(Branches).show_tree(self.exploration.tree, self.exploration.words)
        self._show_status()
        self._ask()
        self.what_if.ask()
        self._show_keys()

    def _show_keys(self) -> None:
        works = [self.check_action(action, ()) for action in ("run", "pick", "sibling", "undo", "redo")]
        if works != self._works:  # the footer is built anew each time it is told
            self._works = works
            self.refresh_bindings()

    def _show_text(self) -> None:
        exploration, shown = self.exploration, self._shown
        tree, mode = exploration.tree, self.app.remembered.heat
        path = list(tree.path)
        common = len(shown.path)
        if path[:common] != shown.path:
            common = next((n for n, (a, b) in enumerate(zip(path, shown.path, strict=False)) if a != b), len(path))
        if mode != shown.heat and common:
            steps = [tree.step(position) for position in range(common)]
            self.text.set_levels(0, [heat_level(heat_value(step, mode)) for step in steps])
            if "verbatim" in (mode, shown.heat):
                self.text.set_marks(0, self.trace_marks(0, common))
        if common < len(shown.path):
            self.what_if.forget()
        if common < max(len(path), len(shown.path)):
            steps = tree.steps(common)
            if self.tracing is not None:
                self.tracing.follow(common, [step.token for step in steps])
            marks = self.trace_marks(common, len(path))
            cells = [
                TokenCell(exploration.piece(step.token), self._kind(node, step), level, mark)
                for node, step, mark in zip(path[common:], steps, marks, strict=True)
                for level in (heat_level(heat_value(step, mode)),)
            ]
            self.text.replace(common, cells)
        self._shown = Shown(path, mode)
        window = exploration.window(exploration.cursor)
        self.text.set_cursor(exploration.cursor, window)
        self.show_strip()
        if self.tracing is not None:
            self.tracing.show()
        # Only what changes seldom: a new title draws the whole pane again. The number of tokens is in the status line.
        title = f"text, seen from token {window} on" if window else "text"
        retitle(self.query_one("#text-pane"), title=title, subtitle=self._legend(mode))

    def _legend(self, mode: HeatMode) -> str:
        return self.tracing.subtitle() if mode == "verbatim" and self.tracing is not None else heat_legend(mode)

    def trace_marks(self, first: int, end: int) -> list[TraceMark]:
        """How tokens stand to the training text, as they are drawn."""
        return self.tracing.marks(first, end) if self.tracing is not None else [""] * (end - first)

    def show_strip(self) -> None:
        """Draws the bars of the tokens around the cursor."""
        exploration, mode = self.exploration, self.app.remembered.heat
        tree, strip = exploration.tree, self.query_one(HeatStrip)
        first, end = strip.range_for(exploration.cursor, len(tree))
        values = [heat_value(tree.step(n), mode) for n in range(first, end)]
        if mode == "verbatim" and self.tracing is not None:
            values = self.tracing.trace.heights(first, end)
            retitle(self.query_one("#text-pane"), subtitle=self._legend(mode))
        strip.show(first, values, exploration.cursor)

    def _kind(self, node: int, step: Step) -> TokenKind:
        return self.what_if.kind(node, step)

    def _show_position(self, keep: bool) -> None:
        exploration = self.exploration
        cursor, view = exploration.cursor, exploration.tree.view
        at_end = cursor >= len(exploration.tree)
        step = None if at_end else exploration.tree.step(cursor)
        empty = self._waited_for or ("the network is computing…" if self.app.model_ready else "no model")
        try:
            dist = exploration.distribution(cursor) if exploration.tokenizer else None
        except EngineError as error:
            dist, empty = None, str(error)
        title = f"next token at {cursor}" if at_end else f"token at {cursor}"
        title = f"{title}, as after <|endoftext|>" if cursor == 0 else title
        for pane in (self.candidates.list, self.candidates.plot):
            retitle(pane, title=title)
        self.candidates.show(dist, step.token if step else None, empty, keep=keep)
        if self.has_class("sampling"):
            self._show_settings()  # beside each step of the chain stands what it leaves here
        coin = self.query_one(Coin)
        coin.show(CoinView(dist, step, view.seed, view.coin), exploration.name)
        flipped = step is not None and step.u is not None
        seed = step.seed if step is not None and flipped else view.seed
        roll = step.roll if step is not None and flipped else exploration.tree.next_roll(cursor)
        kind = step.coin if step is not None and step.coin else view.coin
        title = "coin" if kind == "interval" else "coin: log p + luck"
        retitle(coin, title=title, subtitle=f"seed {seed} · roll {roll}{self._maker(cursor)}")

    def _maker(self, position: int) -> str:
        """The model that a token was made with, where that is not the one that runs."""
        tree = self.exploration.tree
        if position >= len(tree):
            return ""
        number = tree.nodes[tree.path[position]].model
        if number == tree.model or number >= len(tree.models):
            return ""
        record = tree.models[number]
        return f" · made with {record.name if record.name != tree.models[tree.model].name else 'other weights'}"

    def _show_settings(self) -> None:
        view, kept, presets = self.exploration.tree.view, self.app.remembered, self.app.presets
        sampler = self.query_one(Sampler)
        rows = panel.chain_rows(view, kept, presets, self._stages()) if sampler.has_focus else []
        sampler.show(panel.shown(view, kept, presets), rows)

    def _stages(self) -> Sequence[Stage] | None:
        try:
            dist = self.exploration.distribution(self.exploration.cursor, account=True)
        except EngineError:
            return None
        return dist.stages if dist is not None else None

    def _show_status(self) -> None:
        exploration = self.exploration
        info, tree = exploration.info, exploration.tree
        left = Text(" gpt2-remix ", style="bold", no_wrap=True)
        if info is not None:
            name = info.name if len(info.name) <= NAME_CELLS else f"…{info.name[1 - NAME_CELLS :]}"
            plain = "" if info.form != "numpy" else " numpy, compiling" if self.app.compiling else " numpy"
            left.append(f" {name} {info.parameters / 1e6:,.1f}M {info.precision}{plain}", style="not bold")
        parts = []
        if self._count:
            parts.append(f"{self._count} × b to branch")
        if self._waited_for:
            parts.append(self._waited_for)
        elif info is None:
            parts.append("no model: press m to choose one")
        if exploration.tokenizer is not None:
            parts.append(f"{len(tree):,} token{'s' if len(tree) != 1 else ''}")
        if self.what_if.on:
            parts.append(self.what_if.words)
        if self._run is not None:
            parts.append(f"{self._run.rate:,.0f} tok/s" if self._run.rate else "running")
        elif info is not None and not self._waited_for:
            parts.append("paused")
        branches = tree.leaf_count
        if branches > 1:
            parts.append(f"branch {tree.branch_number()} of {branches}")
        if info is not None and self.size.width >= 100:
            parts.append(f"{exploration.computed:,} computed")
        if training := self.app.trainings.words:
            parts.append(training)
        if saved := self.app.keeper.state(exploration):
            parts.append(saved)
        line = status_line(left, parts, self.size.width)
        if line != self._status:
            self._status = line
            self.query_one("#status", Static).update(line, layout=False)

    def _ask(self) -> None:
        """Asks for the logits that are missing: at the cursor, of the next token, and beside the cursor."""
        exploration = self.exploration
        if not self.app.model_ready:
            return
        tree, cursor = exploration.tree, exploration.cursor
        wanted = [cursor, len(tree), cursor + 1, cursor - 1]
        if self._run is not None:  # a run that is followed is somewhere else before what is beside the cursor has come
            wanted = [cursor] if self._run.following else [cursor, cursor + 1, cursor - 1]
        looks = [
            Look(exploration.model, tree.parent_of(position), tree.ids(position, exploration.window(position)))
            for position in dict.fromkeys(wanted)
            if 0 <= position <= len(tree) and not exploration.knows(position)
            # The newest token of a run is told by the run itself.
            and not (self._run and position >= len(tree) - 1)
        ]
        if looks:
            self.app.worker.look(looks)
        if self._run is None and tree.view.head != self._measured_for and len(tree):
            self._measured_for = tree.view.head
            if missing := exploration.unmeasured():
                self.app.worker.measure(exploration.model, tree.ids(missing[-1][1].position + 1), missing)

    def on_resize(self, event: events.Resize) -> None:
        """Below the size that the panes need, one line says so."""
        width, height = event.size
        small = width < NEEDED[0] or height < NEEDED[1]
        self.set_class(small, "small")
        self.set_class(width >= 110, "wide")
        self.set_class(height >= 32, "tall")
        self.query_one("#too-small", Static).update(needs_room(width, height))
        self._show_status()

    def show_status(self) -> None:
        """Says anew how saving and training go."""
        if self.drawn:
            self._show_status()

    def set_palette(self) -> None:
        """Draws everything with another theme."""
        palette = self.app.palette
        candidates = self.candidates
        drawn = (self.text, self.query_one(HeatStrip), candidates.list, candidates.plot, self.query_one(Coin))
        self.query_one(TraceLine).set_palette(palette)
        for widget in (*drawn, self.query_one(Sampler), self.query_one(Branches)):
            widget.set_palette(palette)
        self.show_all(keep_selection=True)

    def notice(self, line: str, *, error: bool = True) -> None:
        """A line that goes away by itself."""
        self.app.say(line, error=error)

    # The model

    def say_loading(self, what: str) -> None:
        """Says what is being waited for; "" for nothing."""
        self._waited_for = what
        if self.drawn:
            self._show_position(True)
            self._show_status()

    def tokenizer_ready(self, tokenizer: Tokenizer, vocab_size: int, ids: list[int]) -> None:
        """Shows the prefix as tokens, before the network is there."""
        exploration = self.exploration
        exploration.tokenizer = tokenizer
        self.candidates.set_vocabulary([exploration.name(token) for token in range(vocab_size)])
        if not len(exploration.tree):
            exploration.tree.set_prompt(ids, record=False)
        self.show_all()

    def show_exploration(self, exploration: Exploration) -> None:
        """Shows another model's tree."""
        self.pause()
        self.exploration = exploration
        self._shown = Shown()
        self.what_if.restart(on=False)
        self._measured_for = None
        self._wishes.clear()
        self.text.replace(0, [])
        if exploration.info is not None:
            names = [exploration.name(token) for token in range(exploration.info.vocab_size)]
            self.candidates.set_vocabulary(names)
        self.query_one(Branches).forget()
        self.show_all()

    # What the worker says

    def looked(self, message: messages.Looked) -> None:
        """Logits have come."""
        assert isinstance(message.place, int)
        self.exploration.remember(message.place, message.logits)
        self.exploration.computed = message.computed
        if not self.drawn:
            return
        if self.exploration.tree.parent_of(self.exploration.cursor) == message.place:
            self._show_position(keep=False)
            self._show_keys()
        self._show_status()
        self._grant()

    def stepped(self, message: messages.Stepped) -> None:
        """A run went on."""
        run, exploration = self._run, self.exploration
        if run is None or message.run != run.number or not self.drawn:
            return
        tree = exploration.tree
        for place, steps in enumerate(message.lanes):
            old = run.tails[place]
            run.tails[place] = tree.graft(old, steps)
            if place == 0 and steps and tree.view.head == old:
                new = tree.nodes[run.tails[0]].depth
                cursor = new - 1 if run.following else exploration.cursor
                tree.change(record=False, head=run.tails[0], cursor=cursor)
                if (dist := message.dists[0]) is not None:
                    parent = tree.nodes[run.tails[0]].parent
                    exploration.remember_distribution(parent or 0, dist)
        run.rate = message.rate
        exploration.computed = message.computed
        if message.ended:
            self._run = None
            self.query_one(Branches).forget()  # the lanes that were not in view have grown too
            if message.ended == "end_of_text":
                self.notice("the text ended with <|endoftext|>; g goes on past it", error=False)
        self.show_all(keep_selection=exploration.cursor < len(tree) - 1)

    def measured(self, message: messages.Measured) -> None:
        """The probabilities of prompt tokens have come."""
        if not self.drawn:
            return
        tree, mode = self.exploration.tree, self.app.remembered.heat
        for node, step in message.steps:
            if node < len(tree.nodes):
                tree.measure(node, step)
                position = step.position
                if position < len(self._shown.path) and self._shown.path[position] == node:
                    self.text.set_levels(position, [heat_level(heat_value(step, mode))])
        self._show_text()

    # Acting on a position

    def when_known(self, position: Callable[[], int], action: Callable[[int], None]) -> None:
        """Acts as soon as the distribution of a position is at hand, after what was wished for before."""
        if len(self._wishes) < MOST_WISHES:
            self._wishes.append((position, action))
        self._grant()

    def _grant(self) -> None:
        while self._wishes:
            position, action = self._wishes[0]
            place = position()
            if not self.exploration.knows(place):
                if self.app.model_ready:
                    tree = self.exploration.tree
                    self.app.worker.look([Look(self.exploration.model, tree.parent_of(place), tree.ids(place))])
                return
            self._wishes.popleft()
            try:
                action(place)
            except EngineError as error:
                self._wishes.clear()
                self.notice(str(error))

    def _place(self, step: Step, *, cursor: int, picked: bool) -> None:
        """Puts a step into the stream; a run goes on from there."""
        endless = self._run is not None and self._run.endless
        self.pause()
        tree = self.exploration.tree
        if picked:
            tree.pick(step, cursor=cursor)
        else:
            tree.choose(step, cursor=cursor)
        if endless:
            self.start_run(record=False, following=picked)
        self.show_all()

    def pick(self, token: int) -> None:
        """Picks a token at the cursor; the cursor goes to the next position."""

        def act(position: int) -> None:
            from engine.generation.decode import pick_token

            dist = self.exploration.distribution(position)
            if dist is not None:
                step = pick_token(dist, token, self.exploration.context(position))
                self._place(step, cursor=position + 1, picked=True)

        cursor = self.exploration.cursor
        self.when_known(lambda: cursor, act)

    def flip(self, position: int | None = None) -> None:
        """Flips the coin of a position again; None flips that of the next token for the first time."""

        def act(place: int) -> None:
            from engine.generation.decode import choose_token

            exploration, tree = self.exploration, self.exploration.tree
            roll = tree.next_roll(place) if place < len(tree) else 0
            dist = exploration.distribution(place, roll)
            if dist is not None:
                step = choose_token(dist, exploration.context(place, roll), tree.view.coin)
                self._place(step, cursor=place, picked=False)

        self.when_known((lambda: len(self.exploration.tree)) if position is None else (lambda: position), act)

    # Runs

    def start_run(self, *, record: bool = True, following: bool = True) -> None:
        """Runs from the end of the stream until paused, or the end of the text."""
        from engine.generation.lane import lane_at

        exploration = self.exploration
        if not self.app.model_ready or exploration.tokenizer is None:
            return
        tree, view = exploration.tree, exploration.tree.view
        if record:
            tree.mark()
        end = exploration.tokenizer.end_of_text if self.app.remembered.stop_at_end else None
        lane = lane_at(tree, len(tree), view.settings, seed=view.seed, coin=view.coin, end_of_text=end)
        self._begin([lane], [view.head], endless=True, following=following)

    def _begin(self, lanes: list[Any], tails: list[int], *, endless: bool, following: bool) -> None:
        number = next(run_numbers)
        self._run = ActiveRun(number, tails, endless, following)
        self._wishes.clear()
        self.app.worker.run(Run(self.exploration.model, number, lanes, self.app.remembered.speed))
        self.show_all(keep_selection=True)

    def pause(self) -> None:
        """Ends the run that goes on."""
        if self._run is not None:
            self._run = None
            self.app.worker.stop()

    @property
    def running(self) -> bool:
        """Whether a run goes on."""
        return self._run is not None

    def change_settings(self, settings: Settings) -> None:
        """Other settings: the distribution at the cursor changes at once; a run goes on with them."""
        self.apply(panel.Change(view={"settings": settings}, kept={"settings": settings}))

    def apply(self, change: panel.Change) -> None:
        """Changes what the next flip depends on; a run goes on with it."""
        settings, info = change.view.get("settings"), self.exploration.info
        try:
            if settings is not None and info is not None:
                settings.check_vocabulary(info.vocab_size)
        except EngineError as error:
            self.notice(str(error))
            return
        if change.kept:
            self.app.remember(**change.kept)
        if "speed" in change.kept:
            self.app.worker.set_speed(change.kept["speed"])
        self.exploration.tree.change(**change.view)
        if self._run is not None and self._run.endless and (change.view or "stop_at_end" in change.kept):
            self.start_run(record=False, following=self._run.following)
        self.show_all(keep_selection=True)

    # Actions

    def action_step(self) -> None:
        """One token at the end of the stream; the cursor goes to it."""
        if self._run is not None:
            self.action_pause()
            return
        self.flip()

    def action_run(self) -> None:
        """Run, or pause."""
        if not self.app.model_ready:
            self.notice("the network is still loading; one moment", error=False)
        else:
            tree = self.exploration.tree
            if self.exploration.cursor < len(tree):
                tree.move(len(tree))
            self.start_run()

    def action_pause(self) -> None:
        """Pause."""
        self.pause()
        self.show_all()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys work now; the footer shows those."""
        tree = self.exploration.tree
        if action in ("run", "pause"):
            return self.running == (action == "pause")
        if action == "pick":
            return self.candidates.list.selected_token is not None if self.drawn else None
        if action == "sibling":
            position = min(self.exploration.cursor, len(tree) - 1)
            return position >= 0 and len(tree.siblings(position)) > 1
        if action == "search":
            return not (self.drawn and self.candidates.searching)
        if action == "undo":
            return tree.can_undo
        if action == "redo":
            return tree.can_redo
        return True

    def action_pick(self) -> None:
        """Picks the selected candidate at the cursor."""
        token = self.candidates.list.selected_token
        if token is not None:
            self.pick(token)

    def action_flip(self) -> None:
        """Flips the coin of the position under the cursor again; past the end, that of the last token."""
        tree = self.exploration.tree
        position = self.exploration.cursor
        if position >= len(tree):
            position = len(tree) - 1
            if position < 0 or tree.step(position).origin == "prompt":
                self.flip()
                return
        self.flip(position)

    def action_branch(self) -> None:
        """New branches from the cursor: each flips the coin of this position again, then goes on for a while."""
        count, self._count = self._count or 1, 0
        exploration = self.exploration
        if not self.app.model_ready or exploration.tokenizer is None:
            self.notice("the network is still loading; one moment", error=False)
            return
        from engine.generation.lane import lane_at

        count = min(count, MOST_BRANCHES)
        tree, view, position = exploration.tree, exploration.tree.view, exploration.cursor
        self.pause()
        roll, parent = tree.next_roll(position), tree.parent_of(position)
        kept = self.app.remembered
        end = exploration.tokenizer.end_of_text if kept.stop_at_end else None
        lanes = [
            lane_at(tree, position, view.settings, seed=view.seed, coin=view.coin, roll=roll + n, end_of_text=end,
                    limit=kept.branch_length)
            for n in range(count)
        ]
        tree.change(head=parent, cursor=position)
        self._begin(lanes, [parent] * count, endless=False, following=False)

    def action_move(self, offset: int) -> None:
        """Moves the cursor over tokens."""
        self.move_to(self.exploration.cursor + offset)

    def move_to(self, position: int) -> None:
        """Moves the cursor to a position; at the end of the stream it goes along with a run."""
        tree = self.exploration.tree
        tree.move(position)
        if self._run is not None and self._run.endless:
            self._run.following = tree.view.cursor >= len(tree) - 1
        self.show_all()

    def action_move_to(self, position: int) -> None:
        """Moves the cursor to a position."""
        self.move_to(position)

    def action_move_end(self) -> None:
        """Moves the cursor to the next token; while running, it follows the newest one again."""
        self.move_to(len(self.exploration.tree))

    def action_word(self, direction: int) -> None:
        """Moves the cursor to where the word before or after begins."""
        exploration, position = self.exploration, self.exploration.cursor + direction
        while 0 < position < len(exploration.tree):
            if exploration.piece(exploration.tree.step(position).token)[:1].isspace():
                break
            position += direction
        self.move_to(position)

    def action_line(self, lines: int) -> None:
        """Moves the cursor a line up or down."""
        self.move_to(self.text.line_step(lines))

    def action_candidate(self, rows: int) -> None:
        """Selects another candidate."""
        self.candidates.action_row(rows)

    def action_plot(self) -> None:
        """The distribution as a plot in place of the list, or back."""
        self.candidates.toggle_class("plotted")

    def action_search(self) -> None:
        """Searches a token among the candidates."""
        self.candidates.remove_class("plotted")
        self.candidates.search()

    def action_sibling(self, offset: int) -> None:
        """Shows the sibling before or after at the cursor."""
        self.pause()
        tree = self.exploration.tree
        position = min(self.exploration.cursor, len(tree) - 1)
        if position < 0 or not tree.go_sibling(position, offset):
            self.notice("no other branch starts here; r flips again, b branches", error=False)
        self.show_all()

    def action_undo(self) -> None:
        """Takes the last change back."""
        self._through_history(self.exploration.tree.undo, "nothing to undo")

    def action_redo(self) -> None:
        """Takes the last undo back."""
        self._through_history(self.exploration.tree.redo, "nothing to redo")

    def _through_history(self, move: Callable[[], bool], nothing: str) -> None:
        self.pause()
        self._wishes.clear()
        if not move():
            self.notice(nothing, error=False)
        self.app.remember(settings=self.exploration.settings, coin=self.exploration.tree.view.coin)
        self.show_all()

    def action_tree(self) -> None:
        """Shows the branches and goes to them, or hides them."""
        self.toggle_class("branches")
        self.call_after_refresh(self._focus_branches)

    def _focus_branches(self) -> None:
        branches = self.query_one(Branches)
        (branches if branches.display else self.text).focus()
        self.show_all(keep_selection=True)

    def action_settings(self) -> None:
        """Goes to the sampling panel, or back."""
        sampler = self.query_one(Sampler)
        (self.text if sampler.has_focus else sampler).focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The sampling panel has more to show, and more room, while it has the focus."""
        self._sampler_focused()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """As on_descendant_focus."""
        self._sampler_focused()

    def _sampler_focused(self) -> None:
        if self.drawn:
            self.set_class(self.query_one(Sampler).has_focus, "sampling")
            self._show_settings()

    def action_heat(self) -> None:
        """The next heat colouring."""
        modes = HEAT_MODES
        self.app.remember(heat=modes[(modes.index(self.app.remembered.heat) + 1) % len(modes)])
        self.show_all(keep_selection=True)

    def action_verbatim(self) -> None:
        """Shows what stands word for word in the training text."""
        self.app.remember(heat="verbatim")
        self.show_all(keep_selection=True)

    def action_span_length(self, direction: int) -> None:
        """Runs of fewer or more tokens count as verbatim; they are shown from now on."""
        if self.tracing is not None:
            length = self.tracing.step_length(direction)
            self.app.remember(min_tokens=length, heat="verbatim")
            self.tracing.restart()
            self.notice(f"verbatim: {length} tokens or more in a row", error=False)
            self.show_all(keep_selection=True)

    def action_ban(self) -> None:
        """Bans the selected candidate, or allows it again."""
        token = self.candidates.list.selected_token
        if token is not None:
            settings = self.exploration.settings
            banned = tuple(t for t in settings.banned if t != token)
            if len(banned) == len(settings.banned):
                banned = (*banned, token)
            self.change_settings(settings.replace(banned=banned))

    def action_bias(self, direction: int) -> None:
        """Makes the selected candidate likelier (+1) or less likely (-1)."""
        token = self.candidates.list.selected_token
        if token is not None:
            settings = self.exploration.settings
            biases = dict(settings.logit_bias)
            biases[token] = max(-100.0, min(100.0, biases.get(token, 0.0) + direction))
            kept = tuple((t, bias) for t, bias in biases.items() if bias)
            self.change_settings(settings.replace(logit_bias=kept))

    def action_speed(self, direction: int) -> None:
        """Faster or slower; past the fastest, as fast as it goes."""
        self.apply(panel.Change(kept={"speed": panel.next_speed(self.app.remembered.speed, direction)}))

    def action_preset(self, direction: int) -> None:
        """The next preset."""
        self.change_settings(panel.next_preset(self.exploration.settings, direction, self.app.presets))

    def action_edit(self) -> None:
        """Edits the prefix."""
        self.edit_prefix()

    def edit_prefix(self, pasted: str = "") -> None:
        """Opens the editor on the prefix of now, or on a text that was pasted."""
        if self.exploration.tokenizer is None:
            self.notice("the tokenizer is still loading; one moment", error=False)
            return
        from tui.dialogs.prefix import PrefixScreen

        tree = self.exploration.tree
        try:
            screen = PrefixScreen(self.exploration, tree.ids(tree.prompt_length()), pasted)
        except EngineError as error:
            self.notice(str(error))
            return
        self.app.push_screen(screen, self._prefix_edited)

    def _prefix_edited(self, ids: list[int] | None) -> None:
        if ids is None:
            return
        self.pause()
        self.exploration.tree.set_prompt(ids)
        self.show_all()

    # Side by side

    def action_compare(self) -> None:
        """Lanes side by side from the cursor on; the comparison that stands there already goes on."""
        from tui.state.beginnings import begin

        exploration, tree = self.exploration, self.exploration.tree
        if exploration.tokenizer is None:
            self.notice("the tokenizer is still loading; one moment", error=False)
            return
        cursor, known = exploration.cursor, exploration.comparison
        if known is None or known.parent != (tree.parent_of(cursor) if cursor else None) or known.scripted:
            exploration.comparison = begin(exploration, cursor, known)
        self.open_comparison()

    def open_comparison(self) -> None:
        """Shows the comparison of this exploration."""
        from tui.compare.screen import CompareScreen

        self.pause()
        assert self.exploration.comparison is not None
        self.app.push_screen(CompareScreen(self.exploration, self.exploration.comparison), self._compared)

    def _compared(self, _: None) -> None:
        self.query_one(Branches).forget()  # lanes may have been kept
        self.show_all()

    def action_what_if(self) -> None:
        """Asks what is to be otherwise while the luck stays the same."""
        self.what_if.open()

    def action_tree_screen(self) -> None:
        """The whole session as a tree."""
        from tui.tree.screen import TreeScreen

        def chosen(node: int | None) -> None:
            self.query_one(Branches).forget()
            if node is not None:
                self.exploration.tree.go(node)
            self.show_all()

        self.pause()
        self.app.push_screen(TreeScreen(self.exploration), chosen)

    def action_note(self) -> None:
        """Writes a note on the token under the cursor; the tree screen and exports show it."""
        from engine.session.tree import Mark
        from tui.dialogs.ask import AskScreen

        tree, position = self.exploration.tree, min(self.exploration.cursor, len(self.exploration.tree) - 1)
        if position < 0:
            self.notice("there is no token to write a note on yet", error=False)
            return
        node = tree.path[position]

        def noted(note: str | None) -> None:
            if note is not None:
                tree.mark_node(node, note=note.strip())
                self.notice("the note is kept: T, then m, lists notes, names and stars", error=False)

        name = self.exploration.name(tree.step(position).token)
        hint = "shown in the tree screen (T) and in exports; empty takes it away"
        known = tree.marks.get(node, Mark()).note
        self.app.push_screen(AskScreen(f"note on {name} at {position}", hint, value=known, check=str), noted)

    def action_sessions(self) -> None:
        """Shows what is kept, to open it."""
        self.pause()
        self.app.choose_session()

    def action_export(self) -> None:
        """Writes the session in another form."""
        self.pause()
        self.app.export_session()

    def action_name_session(self) -> None:
        """Gives the session a name."""
        self.app.name_session()

    def action_precision(self) -> None:
        """Weights in int8 instead of fp32, or the other way round."""
        self.app.switch_precision()

    def action_model(self) -> None:
        """Chooses another model."""
        from tui.models.screen import ModelScreen

        self.app.push_screen(ModelScreen(), self.app.model_chosen)

    def action_train(self) -> None:
        """Asks what to train on; shows how a training goes; switches to the model that came of it."""
        self.app.trainings.key()

    def action_new_training(self) -> None:
        """Asks what to train on."""
        self.app.trainings.ask()

    def action_last_training(self) -> None:
        """Shows how the last training went."""
        self.app.trainings.show()

    def action_help(self) -> None:
        """Shows the keys and what the panes mean."""
        from tui.dialogs.help import HelpScreen

        self.app.push_screen(HelpScreen())

    # Widgets

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted is offered as a prefix."""
        event.stop()
        self.edit_prefix(event.text)

    def on_key(self, event: events.Key) -> None:
        """Digits collect the number of branches; any other key forgets them."""
        if event.character and event.character.isdecimal() and event.character.isascii():
            self._count = min(MOST_BRANCHES, self._count * 10 + int(event.character))
            event.stop()
        elif event.key != "b" and self._count:
            self._count = 0
        else:
            return
        self._show_status()

    @on(TokenText.Clicked)
    def _text_clicked(self, event: TokenText.Clicked) -> None:
        self.move_to(event.index)

    @on(HeatStrip.Clicked)
    def _heat_clicked(self, event: HeatStrip.Clicked) -> None:
        self.move_to(event.place)

    @on(Candidates.Picked)
    def _candidate_picked(self, event: Candidates.Picked) -> None:
        self.pick(event.token)

    @on(Coin.Flipped)
    def _coin_clicked(self, event: Coin.Flipped) -> None:
        self.action_flip()

    @on(Branches.Chosen)
    def _branch_chosen(self, event: Branches.Chosen) -> None:
        self.go_to(event.node)

    def go_to(self, node: int) -> None:
        """Shows the branch through a node, the cursor on it."""
        self.pause()
        self.exploration.tree.go(node)
        self.show_all()

    @on(Branches.Left)
    @on(Sampler.Left)
    def _back_to_text(self) -> None:
        self.text.focus()

    @on(Sampler.Changed)
    def _setting_changed(self, event: Sampler.Changed) -> None:
        view = self.exploration.tree.view
        try:
            self.apply(panel.stepped(event.name, event.direction, view, self.app.remembered, self.app.presets))
        except EngineError as error:
            self.notice(str(error), error=False)

    @on(Sampler.Switched)
    def _step_switched(self, event: Sampler.Switched) -> None:
        try:
            self.apply(panel.switched(event.name, self.exploration.tree.view))
        except EngineError as error:
            self.notice(str(error), error=False)

    @on(Sampler.Shifted)
    def _step_shifted(self, event: Sampler.Shifted) -> None:
        try:
            self.apply(panel.shifted(event.name, event.direction, self.exploration.tree.view))
        except EngineError as error:
            self.notice(str(error), error=False)

    @on(Sampler.Saved)
    def action_save_preset(self) -> None:
        """Keeps the settings under a name."""
        self.app.save_preset(self.exploration.settings)

    @on(Sampler.Typed)
    def _setting_typed(self, event: Sampler.Typed) -> None:
        try:
            self.apply(panel.typed(event.name, event.text, self.exploration.tree.view))
        except EngineError as error:
            self.notice(str(error))
