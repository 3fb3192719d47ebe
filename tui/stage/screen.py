"""The stage: text, candidates and coin, large and calm, and nothing else; each token's story told to a room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.tui import messages
from gpt2_remix.tui.keymap import Row, bindings_of
from gpt2_remix.tui.main_screen import MainScreen
from gpt2_remix.tui.stage.bars import StageBars
from gpt2_remix.tui.stage.drawing import Drawing
from gpt2_remix.tui.stage.interval import StageCoin
from gpt2_remix.tui.stage.keymap import KEYMAP
from gpt2_remix.tui.stage.line import StageLine
from gpt2_remix.tui.stage.panes import Panes
from gpt2_remix.tui.stage.plays import Plays
from gpt2_remix.tui.stage.telling import Telling
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.widgets.lesson_bar import LessonBar
from gpt2_remix.tui.workspace import Workspace

FRAME = 1 / 20
"""Seconds between two frames while something moves; at rest none is drawn. At full speed it is half of it."""

PANE_OF = {"dice": "stage-coin"}
"""The pane that a play needs; the candidates where none is named."""

WHILE_TYPING = ("back", "help", "zoom", "telling.change_pace", "lesson.toggle", "lesson.caption", "app.action_quit")
"""What keys do while hands or digits are typed."""


class StageScreen(MainScreen[None]):
    """One stream, told to a room. What its keys do is in its parts, which know it as their `Host`."""

    DEFAULT_CSS = """
    StageScreen { layers: base fly; background: $surface; }
    StageScreen #stage { height: 1fr; padding: 1 3 0 3; background: $surface; }
    StageScreen TokenText { height: 22%; min-height: 4; scrollbar-size-vertical: 0; }
    StageScreen StageBars { margin-top: 1; }
    StageScreen StageCoin { margin: 1 0; }
    StageScreen #flying { layer: fly; position: absolute; width: auto; height: 1; display: none; }
    StageScreen.tall StageCoin { height: 5; }
    StageScreen.tall #stage { padding: 2 6 0 6; }
    StageScreen.tall StageLine { padding: 0 6; }
    StageScreen.alone TokenText, StageScreen.alone StageBars, StageScreen.alone StageCoin { display: none; }
    StageScreen #too-small { display: none; }
    StageScreen ToastRack { margin-bottom: 1; }
    StageScreen.small > * { display: none; }
    StageScreen.small #too-small { display: block; }
    StageScreen StageCoin.idle { display: none; }
    StageScreen.alone .alone { display: block; height: 1fr; }
    """

    KEYMAP: ClassVar[Sequence[Row]] = KEYMAP
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(KEYMAP)]
    NEEDED: ClassVar[tuple[int, int]] = (60, 18)

    def __init__(self, workspace: Workspace, exploration: Exploration) -> None:
        super().__init__(workspace)
        self.exploration = exploration
        self.panes = Panes(workspace.palette)
        self.telling = Telling(self)
        self.plays = Plays(self, self.telling)
        self.drawing = Drawing(self, self.panes, self.telling, self.plays)
        self.selected: int | None = None
        self._moves = False
        self._clock, self._fast_clock = (self.set_interval(frame, self.telling.tick, pause=True)
                                         for frame in (FRAME, FRAME / 2))

    def compose(self) -> ComposeResult:
        """Three panes and a line; neither status nor footer."""
        yield from self.body()
        yield Static(id="too-small")

    def body(self) -> Iterable[Widget]:
        """See MainScreen."""
        return self.panes.layout(LessonBar(self.workspace.lesson, self.workspace.lesson_changed))

    def on_mount(self) -> None:
        """Show where the stream stands."""
        self.exploration.tree.move(len(self.exploration.tree))
        self.workspace.palette_changed.subscribe(self, lambda _: self._use_palette())
        self.changed()

    @property
    def drawable(self) -> bool:
        """See MainScreen."""
        return self.is_mounted and self.is_attached and self.panes.line.is_attached

    @property
    def settled(self) -> bool:
        """Whether nothing moves, and what is to be seen is known."""
        return super().settled and not self.telling.moving and self.telling.dist is not None

    @property
    def still(self) -> bool:
        """See Host."""
        return self.app.animation_level == "none"

    @property
    def alone(self) -> bool:
        """See Host."""
        return self.has_class("alone")

    @property
    def shown(self) -> int:
        """See Host."""
        return self.panes.bars.room

    def move(self, on: bool) -> None:
        """See Host."""
        self._moves = on
        for clock, fast in ((self._clock, False), (self._fast_clock, True)):
            if on and fast == self.telling.fast:
                clock.resume()
            else:
                clock.pause()

    def describe(self) -> dict[str, Any]:
        """What it shows, in words; for tests."""
        scene = self.telling.scene
        return {
            "phase": scene.phase, "marker": scene.marker, "hit": scene.hit, "tokens": self.panes.text.count,
            "line": self.panes.line.words, "coin": self.panes.coin.view.words, "running": self.telling.running,
            "rows": [row.name for row in self.panes.bars.view.rows], "names": self.panes.bars.view.names,
            "pace": self.telling.pace.name, "moves": self._moves,
        }

    # Drawing

    def draw(self, keep_selection: bool) -> None:
        """See MainScreen."""
        self.telling.follow()
        self.telling.ask()
        self.plays.ready()
        scene = self.telling.scene
        for draw in (self.drawing.text, self.drawing.bars, self.drawing.coin, self.drawing.line, self.drawing.flight):
            draw(scene)

    def draw_keys(self) -> None:
        """It has no footer."""

    def _use_palette(self) -> None:
        self.panes.set_palette(self.workspace.palette)

    # Keys

    def on_key(self, event: events.Key) -> None:
        """What is typed for a play."""
        plays = self.plays
        if not plays.typing or self.has_class("small"):
            return
        if event.key in ("enter", "pagedown"):  # what a remote control's button for "on" sends
            plays.enter()
        elif event.key == "backspace":
            plays.erase()
        elif event.key == "w" and plays.hides_words:
            plays.show_words()
        elif event.key == "space" and plays.play is not None and plays.play.kind == "dice":
            plays.enter()
        elif not (event.character and plays.type(event.character)):
            return
        event.stop()
        event.prevent_default()

    def enabled(self, do: str) -> bool | None:
        """Of what esc can do: it takes back what was done last of typing, zooming, playing a lesson, coming here."""
        typing, ends_lesson = self.plays.typing, self.lesson.on and not self.lesson.taken
        if do == "all_panes":
            return self.alone and not typing
        if do == "lesson.leave":
            return ends_lesson and not typing and not self.alone
        return do != "back" or typing or not (self.alone or ends_lesson)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is typed its keys are letters, and none takes away what was typed but esc, and the play's own
        where it is no letter."""
        if self.plays.typing and action == "do" and str(parameters[0]) not in WHILE_TYPING:
            play = self.plays.play
            if play is None or play.kind != "dice" or parameters[0] != "plays.dice":
                return False
        return super().check_action(action, parameters)

    @property
    def can_pick(self) -> bool:
        """Whether a candidate can be picked: once they are there, before the coin falls."""
        scene = self.telling.scene
        return scene.dist is not None and self.telling.story.step is None and not self.plays.typing

    def go_on(self) -> None:
        """The next phase, or a whole step."""
        self.selected = None
        self.telling.space()

    def run(self) -> None:
        """From token to token, or pause."""
        if not self.plays.typing:
            self.selected = None
            self.telling.run()

    def again(self) -> None:
        """Flip the last token's coin again."""
        self.plays.leave()
        self.selected = None
        self.telling.again()

    def select(self, rows: int) -> None:
        """Select a candidate; where none are to be seen yet, show them first."""
        if self.plays.typing or self.telling.story.moving:
            return
        if not self.can_pick:
            self.plays.leave()
            self.telling.restart()
            if self.telling.dist is None:
                return
            self.telling.go_to("chain")
        count = len(self.panes.bars.view.rows) or self.panes.bars.room
        self.selected = 0 if self.selected is None else max(0, min(count - 1, self.selected + rows))
        self.changed()

    def pick(self) -> None:
        """Pick the selected candidate in place of the coin."""
        if self.selected is None or not self.can_pick or self.selected >= len(self.panes.bars.view.rows):
            return
        from gpt2_remix.engine.generation.decode import pick_token

        token, dist = self.panes.bars.view.rows[self.selected].token, self.telling.dist
        self.selected = None
        if token is not None and dist is not None:
            self.telling.place(pick_token(dist, token, self.exploration.context(self.telling.story.position)))

    def undo(self) -> None:
        """Take the last change back; a token that is on its way is what is taken back first."""
        if self.telling.story.step is not None and not self.telling.story.told:
            self.telling.restart()
            return
        self._history(self.exploration.tree.undo)
        self.plays.taken_back()

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
        panes = self.panes.three
        place = next((n for n, pane in enumerate(panes) if pane.has_class("alone")), -1) + 1
        for n, pane in enumerate(panes):
            pane.set_class(n == place, "alone")
        self.set_class(place < len(panes), "alone")
        self.changed()

    def all_panes(self) -> None:
        """None is alone any more."""
        for pane in (*self.panes.three, self):
            pane.set_class(False, "alone")
        self.changed()

    def make_room(self, kind: str) -> None:
        """See Host."""
        if self.alone and not self.query_one(f"#{PANE_OF.get(kind, 'stage-bars')}").has_class("alone"):
            self.all_panes()

    def help(self) -> None:
        """Show the keys, and what is seen."""
        panes = self.panes
        names = {panes.text: "text", panes.bars: "candidates", panes.coin: "coin"}
        alone = next((name for pane, name in names.items() if pane.has_class("alone")), "text")
        self.post_message(messages.ShowHelp("stage", "the room plays" if self.plays.play is not None else alone))

    def back(self) -> None:
        """Leave a play, or the stage."""
        if self.plays.typing:
            self.plays.leave()
            return
        self.telling.pause()
        self.dismiss(None)

    # The mouse, and what the workers answer

    @on(StageCoin.Flipped)
    def _coin_clicked(self, event: StageCoin.Flipped) -> None:
        if not self.plays.typing:
            self.go_on()
        elif self.plays.play is not None and self.plays.play.kind == "dice":
            self.plays.type(str(int(event.share * 10)))

    @on(StageLine.Clicked)
    def _line_clicked(self, event: StageLine.Clicked) -> None:
        self.app.simulate_key(event.key or ("enter" if self.plays.typing else "space"))

    def on_mouse_move(self) -> None:
        """Whoever takes the mouse sees what it can do."""
        self.panes.line.show_menu()

    @on(StageBars.Chosen)
    def _row_clicked(self, event: StageBars.Chosen) -> None:
        if self.plays.typing:
            self.plays.raise_hand(event.row)
        elif self.can_pick:
            self.selected = event.row
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
