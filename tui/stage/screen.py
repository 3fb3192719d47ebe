"""The stage: text, candidates and coin, large and calm, and nothing else; each token's story told to a room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from rich.segment import Segment
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.geometry import Offset
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.tui import messages
from gpt2_remix.tui.keymap import Row, bindings_of
from gpt2_remix.tui.main_screen import MainScreen
from gpt2_remix.tui.stage.bars import BarsView, StageBars, others_of
from gpt2_remix.tui.stage.interval import IntervalView, StageCoin
from gpt2_remix.tui.stage.keymap import KEYMAP
from gpt2_remix.tui.stage.plays import Plays
from gpt2_remix.tui.stage.telling import Telling
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.state.stage import CAPTIONS, LANDED, Scene
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.token_text import TokenCell, TokenText
from gpt2_remix.tui.workspace import Workspace

FRAME = 1 / 20
"""Seconds between two frames while something moves; at rest none is drawn."""

PANES = ("stage-text", "stage-bars", "stage-coin")


class StageLine(Widget):
    """The last line: what is being told on the left, how it goes on at the right."""

    DEFAULT_CSS = "StageLine { height: 1; dock: bottom; padding: 0 3; }"

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="stage-line")
        self.palette = palette
        self._left = self._right = ""

    @property
    def words(self) -> str:
        """What it says."""
        return f"{self._left}   {self._right}"

    def show(self, left: str, right: str) -> None:
        """Say something else."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Left and right; the right side goes first where there is little room."""
        from rich.cells import cell_len, set_cell_size

        width = self.size.width
        right = self._right if cell_len(self._left) + cell_len(self._right) + 3 <= width else ""
        left = self._left if cell_len(self._left) <= width else set_cell_size(self._left, width - 1) + "…"
        gap = " " * max(0, width - cell_len(left) - cell_len(right))
        return Strip([Segment(left, self.palette.value), Segment(gap + right, self.palette.muted)]
                     ).adjust_cell_length(width, self.palette.text)


class StageScreen(MainScreen[None]):
    """One stream, told to a room. What its keys do is in its parts, which know it as their `Host`."""

    DEFAULT_CSS = """
    StageScreen { layers: base fly; background: $surface; }
    StageScreen #stage { padding: 1 3 0 3; background: $surface; }
    StageScreen TokenText { height: 30%; min-height: 3; scrollbar-size-vertical: 0; }
    StageScreen StageBars { margin-top: 1; }
    StageScreen StageCoin { margin: 1 0; }
    StageScreen #flying { layer: fly; position: absolute; width: auto; height: 1; display: none; }
    StageScreen.tall StageCoin { height: 5; }
    StageScreen.tall #stage { padding: 2 6 0 6; }
    StageScreen.tall StageLine { padding: 0 6; }
    StageScreen.alone TokenText, StageScreen.alone StageBars, StageScreen.alone StageCoin { display: none; }
    StageScreen #too-small { display: none; }
    StageScreen.small > * { display: none; }
    StageScreen.small #too-small { display: block; }
    StageScreen.alone .alone { display: block; height: 1fr; }
    """

    KEYMAP: ClassVar[Sequence[Row]] = KEYMAP
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(KEYMAP)]
    NEEDED: ClassVar[tuple[int, int]] = (60, 18)

    def __init__(self, workspace: Workspace, exploration: Exploration) -> None:
        super().__init__(workspace)
        self.exploration = exploration
        palette = workspace.palette
        self.text = TokenText(palette, id="stage-text")
        self.bars = StageBars(palette)
        self.coin = StageCoin(palette)
        self.line = StageLine(palette)
        self.flying = Static(id="flying")
        self.telling = Telling(self)
        self.plays = Plays(self, self.telling)
        self._selected: int | None = None
        self._path: list[int] = []
        self._clock = self.set_interval(FRAME, self.telling.tick, pause=True)

    def compose(self) -> ComposeResult:
        """Three panes and a line; neither status nor footer."""
        yield from self.body()
        yield Static(id="too-small")

    def body(self) -> Iterable[Widget]:
        """See MainScreen."""
        yield Vertical(self.text, self.bars, self.coin, id="stage")
        yield self.line
        yield self.flying

    def on_mount(self) -> None:
        """Show where the stream stands."""
        self.text.can_focus = False
        self.exploration.tree.move(len(self.exploration.tree))
        self.workspace.palette_changed.subscribe(self, lambda _: self._use_palette())
        self.changed()

    @property
    def drawable(self) -> bool:
        """See MainScreen."""
        return self.is_mounted and self.is_attached and self.line.is_attached

    @property
    def settled(self) -> bool:
        """Whether nothing moves, and what is to be seen is known."""
        return super().settled and not self.telling.moving and self.telling.dist is not None

    @property
    def still(self) -> bool:
        """See Host."""
        return self.app.animation_level == "none"

    @property
    def shown(self) -> int:
        """See Host."""
        return self.bars.room

    def move(self, on: bool) -> None:
        """See Host."""
        if on and not self.still:
            self._clock.resume()
        else:
            self._clock.pause()

    def describe(self) -> dict[str, Any]:
        """What it shows, in words; for tests."""
        scene = self.telling.scene
        return {
            "phase": scene.phase, "marker": scene.marker, "hit": scene.hit, "tokens": self.text.count,
            "line": self.line.words, "coin": self.coin.view.words, "running": self.telling.running,
            "rows": [row.name for row in self.bars.view.rows], "names": self.bars.view.names,
            "pace": self.telling.pace.name,
        }

    # Drawing

    def draw(self, keep_selection: bool) -> None:
        """See MainScreen."""
        self.telling.ask()
        self.plays.begun()
        self.plays.ready()
        scene = self.telling.scene
        self._draw_text(scene)
        self._draw_bars(scene)
        self._draw_coin(scene)
        self._draw_line(scene)
        self._fly(scene)

    def draw_keys(self) -> None:
        """It has no footer."""

    def _draw_text(self, scene: Scene) -> None:
        exploration, story = self.exploration, self.telling.story
        tree = exploration.tree
        path = list(tree.path[: story.position + story.told])
        cells = [TokenCell(exploration.piece(step.token), step.origin, -1)
                 for step in (tree.step(n) for n in range(len(path)))] if path != self._path else None
        landed = scene.landed and not story.told
        if cells is not None or landed or self.text.count != len(path):
            common = next((n for n, (a, b) in enumerate(zip(path, self._path, strict=False)) if a != b),
                          min(len(path), len(self._path)))
            fresh = [TokenCell(exploration.piece(tree.step(n).token), tree.step(n).origin, -1)
                     for n in range(common, len(path))]
            if landed and story.step is not None:
                fresh.append(TokenCell(exploration.piece(story.step.token), story.step.origin, -1))
            self.text.replace(common, fresh)
            self._path = path
        self.text.set_cursor(self.text.count, exploration.window(len(path)))

    def _draw_bars(self, scene: Scene) -> None:
        exploration, play = self.exploration, self.plays.play
        dist = self.telling.dist
        hidden = play is not None and play.kind == "guess" and play.open
        if dist is None or (scene.dist is None and not hidden):
            empty = self.telling.problem or ("" if exploration.ready else "the network is loading…")
            if scene.phase == "ask":
                empty = CAPTIONS["ask"] + "…"
            self.bars.show(BarsView(empty=empty))
            return
        rows = self.plays.rows(dist, self.bars.room, scene.hit)
        names, told, hands = "names", True, ()
        if hidden and play is not None:
            rows, names, told = (*rows, others_of(rows)), "both" if play.words else "letters", False
        elif play is not None and play.answers:
            names = "both"
        selected = self._selected if self._can_pick and self._selected is not None else None
        if selected is not None:
            selected = min(selected, len(rows) - 1)
        self.bars.show(BarsView(rows, scene, names, selected, "", told, hands))  # type: ignore[arg-type]

    def _draw_coin(self, scene: Scene) -> None:
        play, exploration = self.plays.play, self.exploration
        race = exploration.tree.view.coin == "gumbel"
        digits = play.typed if play is not None and play.kind == "dice" else None
        words = ""
        if (step := scene.luck) is not None and step.u is not None and not race:
            words = f"u = {step.u:.4f}" if not step.by_hand else f"u = {step.u:.15g}"
            if scene.hit is not None:
                words += f"  →  {exploration.name(scene.hit)}"
        elif scene.hit is not None and self.telling.story.step is not None:
            name = exploration.name(scene.hit)
            picked = self.telling.story.step.origin == "picked"
            words = f"{name} was picked, no coin" if picked else f"{name}, the likeliest" if not race else f"→  {name}"
        elif race and scene.luck is not None:
            words = "the highest sum of log p and luck wins"
        elif digits and (dist := self.telling.dist) is not None and (sure := self.plays.settled(dist)) is not None:
            words = f"{exploration.name(sure)}, whatever else is rolled: enter"
        self.coin.show(IntervalView(scene, words, digits, race), exploration.name)

    def _draw_line(self, scene: Scene) -> None:
        telling, story = self.telling, self.telling.story
        if asked := self.plays.asks():
            self.line.show(asked, "enter  esc" if self.plays.typing else "")
            return
        phase = scene.phase
        told = self.exploration.settings.changed() or "pure sampling"
        if phase is not None and not story.told:
            told = CAPTIONS[phase]
        keys = "space pauses" if telling.running else "space" + ("" if phase is None or story.told else ": on")
        self.line.show(told, f"{keys}   {telling.pace.name}   ? esc")

    def _fly(self, scene: Scene) -> None:
        """The token on its way from its share to the end of the text."""
        story = self.telling.story
        flies = scene.hit is not None and not scene.landed and not self.still and not self.has_class("alone")
        if self.flying.display != flies:
            self.flying.display = flies
        if not flies or scene.hit is None:
            return
        start = Offset(self.coin.region.x + int((scene.marker or 0) * self.coin.region.width), self.coin.region.y + 1)
        end = self.text.region.offset + self.text.offset_of(self.text.count) - self.text.scroll_offset
        share = min(1.0, story.share / LANDED)
        way = share * share * (3 - 2 * share)
        self.flying.styles.offset = (round(start.x + (end.x - start.x) * way), round(start.y + (end.y - start.y) * way))
        self.flying.update(self.exploration.name(scene.hit))

    def _use_palette(self) -> None:
        palette = self.workspace.palette
        for pane in (self.text, self.bars, self.coin):
            pane.set_palette(palette)
        self.line.palette = palette
        self.line.refresh()

    # Keys

    def on_key(self, event: events.Key) -> None:
        """What is typed for a play."""
        plays = self.plays
        if not plays.typing or self.has_class("small"):
            return
        if event.key == "enter":
            plays.enter()
        elif event.key == "backspace":
            plays.erase()
        elif event.key == "w" and plays.play is not None and plays.play.kind == "guess":
            plays.show_words()
        elif event.key == "space" and plays.play is not None and plays.play.kind == "dice":
            plays.enter()
        elif not (event.character and plays.type(event.character)):
            return
        event.stop()
        event.prevent_default()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is typed its keys are letters."""
        if self.plays.typing and parameters and parameters[0] in ("pick", "go_on", "plays.guess", "plays.dice"):
            play = self.plays.play
            typed = play is not None and (play.kind != "dice" or parameters[0] in ("pick", "go_on"))
            if typed:
                return False
        return super().check_action(action, parameters)

    @property
    def _can_pick(self) -> bool:
        """Whether a candidate can be picked: once they are there, before the coin falls."""
        scene = self.telling.scene
        return scene.dist is not None and self.telling.story.step is None and not self.plays.typing

    def go_on(self) -> None:
        """The next phase, or a whole step."""
        self._selected = None
        self.telling.space()

    def run(self) -> None:
        """From token to token, or pause."""
        if not self.plays.typing:
            self._selected = None
            self.telling.run()

    def again(self) -> None:
        """Flip the last token's coin again."""
        self.plays.leave()
        self._selected = None
        self.telling.again()

    def select(self, rows: int) -> None:
        """Select a candidate; where none are to be seen yet, show them first."""
        if self.plays.typing or self.telling.story.moving:
            return
        if not self._can_pick:
            self.plays.leave()
            self.telling.restart()
            if self.telling.dist is None:
                return
            self.telling.go_to("chain")
        count = len(self.bars.view.rows) or self.bars.room
        self._selected = 0 if self._selected is None else max(0, min(count - 1, self._selected + rows))
        self.changed()

    def pick(self) -> None:
        """Pick the selected candidate in place of the coin."""
        if self._selected is None or not self._can_pick or self._selected >= len(self.bars.view.rows):
            return
        from gpt2_remix.engine.generation.decode import pick_token

        token, dist = self.bars.view.rows[self._selected].token, self.telling.dist
        self._selected = None
        if token is not None and dist is not None:
            self.telling.place(pick_token(dist, token, self.exploration.context(self.telling.story.position)))

    def undo(self) -> None:
        """Take the last change back."""
        self._history(self.exploration.tree.undo)

    def redo(self) -> None:
        """Take the last undo back."""
        self._history(self.exploration.tree.redo)

    def _history(self, change: Any) -> None:
        if self.plays.typing:
            return
        self.plays.play = None
        change()
        self.exploration.tree.change(record=False, cursor=len(self.exploration.tree))
        self.telling.restart()

    def preset(self) -> None:
        """The next preset of settings."""
        presets, tree = self.workspace.presets, self.exploration.tree
        if self.plays.typing:
            return
        now = next((n for n, preset in enumerate(presets) if preset.settings == tree.view.settings), -1)
        chosen = presets[(now + 1) % len(presets)]
        try:
            chosen.settings.check_vocabulary(self.exploration.info.vocab_size if self.exploration.info else 0)
        except EngineError as error:
            self.workspace.say(str(error), error=True)
            return
        tree.change(settings=chosen.settings)
        self.telling.restart()
        self.workspace.say(f"{chosen.name}: {chosen.text}")

    def zoom(self) -> None:
        """One pane alone, the next one, and all again."""
        alone = next((n for n, pane in enumerate(PANES) if self.query_one(f"#{pane}").has_class("alone")), -1)
        for pane in PANES:
            self.query_one(f"#{pane}").remove_class("alone")
        self.set_class(alone + 1 < len(PANES), "alone")
        if alone + 1 < len(PANES):
            self.query_one(f"#{PANES[alone + 1]}").add_class("alone")
        self.changed()

    def help(self) -> None:
        """Show the keys, and what is seen."""
        self.post_message(messages.ShowHelp("stage"))

    def back(self) -> None:
        """Leave a play, or the stage."""
        if self.plays.typing:
            self.plays.leave()
            return
        self.telling.pause()
        self.dismiss(None)

    # The mouse, and what the workers answer

    @on(StageCoin.Flipped)
    def _coin_clicked(self) -> None:
        if self.plays.typing:
            self.plays.enter()
        else:
            self.go_on()

    @on(StageBars.Chosen)
    def _row_clicked(self, event: StageBars.Chosen) -> None:
        if self._can_pick:
            self._selected = event.row
            self.pick()

    def on_logits_ready(self, message: messages.LogitsReady) -> None:
        """Logits have come."""
        message.stop()
        self.telling.take(message)
        self.changed()

    def on_request_failed(self, message: messages.RequestFailed) -> None:
        """The network could not give what was asked for."""
        message.stop()
        self.telling.failed()
        self.workspace.say(message.reason, error=True)
