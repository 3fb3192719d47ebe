"""What the screens share that fill the terminal: status line, footer, too-small line, keys from a keymap, one drawing
for each key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from inspect import isawaitable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.await_complete import AwaitComplete
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from gpt2_remix.tui.keymap import Row
from gpt2_remix.tui.state.lesson_run import LessonRun
from gpt2_remix.tui.style.status_bar import NEEDED, needs_room, status_line
from gpt2_remix.tui.widgets.footer import Keys
from gpt2_remix.tui.widgets.lesson_bar import LessonBar
from gpt2_remix.tui.workspace import Workspace

T = TypeVar("T")

WIDE, WIDEST, TALL = 110, 160, 32
"""Cells from which on there is more room."""


if TYPE_CHECKING:
    AnyScreen: TypeAlias = Screen
else:
    # Of several bases Textual takes style sheets and component classes from the first that is a node.
    AnyScreen = Generic


class EndsOnce(AnyScreen[T]):
    """What screens are that a person leaves. A key or click that comes after that (two enters at once) does nothing.

    `Screen.dismiss` takes whatever screen lies on top off the stack, each time, also before this one has its widgets.
    """

    _dismissed = False

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """See `textual.screen.Screen.dismiss`."""
        if not self._dismissed and self.is_active:
            if self.is_mounted:
                self._dismissed = True
                return super().dismiss(result)
            self.call_later(self.dismiss, result)
        return AwaitComplete()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys work now: none where it has ended, or has no widgets any more because the app ends."""
        return bool(self.children) and not self._dismissed and super().check_action(action, parameters)


class MainScreen(EndsOnce[T], Screen[T], Generic[T]):
    """A screen with a status line above its body.

    What is shown is drawn by `draw`, once after whatever a key or message changed: `changed` asks for that.

    Attributes:
        workspace: what it is given.
        draws: how often it was drawn.
    """

    KEYMAP: ClassVar[Sequence[Row]] = ()
    ONE_NETWORK: ClassVar[bool] = False
    """Whether it lays streams side by side, which are to come from one network."""

    NEEDED: ClassVar[tuple[int, int]] = NEEDED
    """Cells that it needs."""

    WHERE_SMALL: ClassVar[tuple[str, ...]] = ("app.action_quit",)
    """What keys do where there are fewer: of anything else nobody would see what it does."""

    SMALL_HINT: ClassVar[str] = ""
    """What else to do there."""

    CONDITIONAL: ClassVar[tuple[str, ...]] = ()
    """What keys do that do not always work: the footer is made anew when that changes."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.draws = 0
        self._to_draw = False
        self._keep_selection = True
        self._status = Text()
        self._works: list[bool | None] = []

    def compose(self) -> ComposeResult:
        """Status, body, footer; and what stands there where all that does not fit."""
        yield Static(id="status")
        yield from self.body()
        yield LessonBar(self.workspace.lesson, self.workspace.lesson_changed)
        yield Keys()
        yield Static(id="too-small")

    def body(self) -> Iterable[Widget]:
        """What stands between status line and footer."""
        raise NotImplementedError

    def draw(self, keep_selection: bool) -> None:
        """Draw the state as it is now, and ask for what is missing. Idempotent."""
        raise NotImplementedError

    @property
    def drawable(self) -> bool:
        """Whether there are panes to draw on: not before the first frame, and not while the screen closes."""
        raise NotImplementedError

    @property
    def settled(self) -> bool:
        """Whether nothing runs or waits, and everything on screen is known and drawn."""
        return not self._to_draw

    @property
    def status(self) -> str:
        """What the status line says."""
        return self._status.plain

    def describe(self) -> dict[str, Any]:
        """What it shows, in words; for tests."""
        return {"status": self.status}

    @property
    def on_top(self) -> bool:
        """Whether no other screen that fills the terminal lies over this one. What waits in the engine's mailbox is
        replaced: who asks behind another screen's back takes its answer away."""
        return top_of(self.app) in (self, None)

    def on_screen_resume(self) -> None:
        """Show, and ask for, what has changed meanwhile."""
        self.changed(keep_selection=True)

    @property
    def lesson(self) -> LessonRun:
        """The lesson that plays, if one does."""
        return self.workspace.lesson

    # Drawing

    def changed(self, *, keep_selection: bool = False) -> None:
        """Draw once when what is being done is done."""
        self._keep_selection = keep_selection and (self._keep_selection or not self._to_draw)
        if not self._to_draw:
            self._to_draw = True
            self.call_later(self.draw_changes)  # after what else is on its way

    def draw_changes(self) -> None:
        """Draw what was changed, if anything was."""
        if not self._to_draw:
            return
        self._to_draw = False
        if self.drawable:
            self.draws += 1
            self.draw(self._keep_selection)
            self.draw_keys()

    def draw_status(self, left: str, parts: Sequence[str], last: int = 0) -> None:
        """The status line: what this is on the left, the rest on the right (see `status_line`)."""
        head = Text(" gpt2-remix ", style="bold", no_wrap=True)
        head.append(f" {left}", style="not bold")
        line = status_line(head, parts, self.size.width, last)
        if line != self._status:
            self._status = line
            self.query_one("#status", Static).update(line, layout=False)

    def draw_keys(self) -> None:
        """The footer, where other keys work now."""
        works = [self.enabled(do) for do in self.CONDITIONAL]
        if works != self._works:  # the footer is built anew each time it is told
            self._works = works
            self.refresh_bindings()

    def on_resize(self, event: events.Resize) -> None:
        """Below the size that the panes need, one line says so."""
        width, height = event.size
        self.set_class(width < self.NEEDED[0] or height < self.NEEDED[1], "small")
        self.set_class(width >= WIDE, "wide")
        self.set_class(width >= WIDEST, "widest")
        self.set_class(height >= TALL, "tall")
        self.query_one("#too-small", Static).update(needs_room(width, height, self.NEEDED, self.SMALL_HINT))
        self.resized()

    def resized(self) -> None:
        """The size is another one."""
        self.changed(keep_selection=True)

    # Keys

    def enabled(self, do: str) -> bool | None:
        """Whether what a key does works now; None where that is not known."""
        return True

    def offered(self, do: str) -> bool:
        """Whether the command palette lists it now: also what would say that it cannot be done, but of two that take
        turns only one."""
        return True

    def in_palette(self, do: str) -> bool:
        """Whether the command palette lists it now, the lesson's keys included."""
        return (not do.startswith("lesson.") or self.lesson.works(do)) and self.offered(do)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys work now; the footer shows those."""
        if not super().check_action(action, parameters):
            return False
        if self.has_class("small") and action == "do" and parameters[:1] not in [(do,) for do in self.WHERE_SMALL]:
            return False
        if action == "do" and str(parameters[0]).startswith("lesson.") and not self.lesson.works(str(parameters[0])):
            return False
        return self.enabled(str(parameters[0])) if action == "do" and parameters else True

    async def action_do(self, do: str, argument: int | str | None = None) -> None:
        """Do what a key of the keymap names."""
        self.lesson.on_note(do)
        if self.lesson.takes(do):
            return
        call = attrgetter(do)(self)
        result = call() if argument is None else call(argument)
        if isawaitable(result):
            await result
        self.lesson.did(do)


def top_of(app: App[Any]) -> MainScreen[Any] | None:
    """The screen that fills the terminal, whatever dialogs lie over it; None while there is none."""
    return next((screen for screen in reversed(app.screen_stack) if isinstance(screen, MainScreen)), None)
