"""The Textual app: opens models and sessions, and hands what comes of them to the screen that shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path, PurePath
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from platformdirs import user_data_path
from textual import events, on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette, Provider
from textual.filter import Monochrome, NoColor
from textual.screen import Screen
from textual.timer import Timer

from gpt2_remix.engine.files import path_of
from gpt2_remix.engine.models.names import EMBEDDED
from gpt2_remix.tui import messages
from gpt2_remix.tui.commands import Actions, Commands, commands_of
from gpt2_remix.tui.explorations import Explorations
from gpt2_remix.tui.lessons.player import LessonPlayer
from gpt2_remix.tui.lessons.recorder import Recorder
from gpt2_remix.tui.main_screen import MainScreen
from gpt2_remix.tui.playground.screen import Playground
from gpt2_remix.tui.state.lesson import TOUR, Lesson, tour
from gpt2_remix.tui.state.options import Options
from gpt2_remix.tui.style.palette import textual_theme
from gpt2_remix.tui.typed_keys import KeyPassed, Typing, on_what_is_gone
from gpt2_remix.tui.workers.autosave import TICK
from gpt2_remix.tui.workspace import Workspace

if TYPE_CHECKING:
    from gpt2_remix.tui.dialogs.start import StartScreen
    from gpt2_remix.tui.sessions.opening import OpeningScreen

CHANGE_AGAIN = 1.0
"""Seconds after which it is looked again whether a network can change over."""

TWICE = 1.0
"""Seconds within which ctrl+c a second time quits."""

SETTLED = 0.2
"""Seconds after the last change of size."""


class RemixApp(App[None]):
    """Watch GPT-2 choose, and choose yourself, at any position."""

    TITLE = "gpt2-remix"
    # Textual does not load the default screen's own style sheet.
    CSS_PATH: ClassVar[list[str | PurePath]] = ["app.tcss", "playground/playground.tcss"]
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {Actions}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "quit", show=False, priority=True),
        Binding("ctrl+c", "interrupt", "copy, close or quit", show=False, priority=True, system=True),
        Binding("ctrl+z", "suspend_process", "suspend", show=False, system=True),
    ]

    def __init__(self, options: Options | None = None) -> None:
        super().__init__()
        self.set_class(self.no_color, "-no-color")
        if self.no_color:
            self._filters = [NoColor() if isinstance(own, Monochrome) else own for own in self._filters]
        self.workspace = Workspace(self, options or Options())
        for name in self.available_themes:
            self.unregister_theme(name)
        for theme in self.workspace.themes.values():
            self.register_theme(textual_theme(theme))
        self.theme = self.workspace.theme.name
        self.explorations = Explorations(self.workspace)
        self.playground = Playground(self.workspace, self.explorations.current)
        self.lessons = LessonPlayer(self, self.workspace, self.playground, alone=self.workspace.options.alone)
        self.recorder = Recorder(self, self.workspace, self.playground)
        self.workspace.lesson.when_cut_short = self._ask_for_a_beginning
        self.parting = ""  # what is left to say on the terminal when the app has ended
        self._settling: Timer | None = None
        self._typing = Typing(self)
        self._start: StartScreen | None = None
        self._opening: OpeningScreen | None = None
        self._interrupted = -TWICE

    @property
    def settled(self) -> bool:
        """Whether the model is there and everything on screen is known."""
        known = self.playground.settled or (self.asks and self.explorations.current.ready)
        return known and self._typing.idle and self.explorations.waiting is None

    @property
    def asks(self) -> bool:
        """Whether a person is asked what to begin with."""
        return self._start is not None

    def get_default_screen(self) -> Screen[None]:
        """The playground."""
        return self.playground

    def on_mount(self) -> None:
        """What is slow begins after the first frame."""
        self.theme_changed_signal.subscribe(self, lambda _: self._theme_changed())
        self.playground.call_after_refresh(self._begin)
        if self.workspace.options.from_nothing and self.workspace.preferences.toured:
            self._ask_for_a_beginning()

    def _ask_for_a_beginning(self, cut_short: Lesson | None = None) -> None:
        """Ask it of who opens the app, and of who skips the tour that came first."""
        if cut_short is not None and cut_short.name != TOUR:
            return
        from gpt2_remix.tui.dialogs.start import StartScreen

        workspace = self.workspace

        def begun(beginning: str | Path | None) -> None:
            self._start = None
            if beginning is None and cut_short is not None:
                return  # one looks around in the text that is there
            if isinstance(beginning, Path):
                self.on_open_session(messages.OpenSession(beginning))
            else:
                workspace.options = replace(workspace.options, prefix=beginning or "")
                self.playground.places.begin(beginning or "")

        def newest() -> messages.NewestSession:
            from gpt2_remix.engine.session.folder import newest_session

            return messages.NewestSession(newest_session())

        self._start = screen = StartScreen(workspace.palette, lambda: self.explorations.current)
        screen.call_after_refresh(lambda: workspace.errands.submit(newest, screen.post_message, "newest"))
        self.push_screen(screen, begun)

    def _begin(self) -> None:
        workspace = self.workspace
        workspace.start()
        if workspace.options.from_nothing and not workspace.preferences.toured:
            workspace.remember(replace(workspace.preferences, toured=True))
            workspace.options = replace(workspace.options, lesson=tour())
        workspace.options = workspace.options.from_lesson()
        self.set_interval(TICK, workspace.tick)
        for line in workspace.problems:
            workspace.say(line, error=True)
        for line in workspace.options.notes:
            workspace.say(line)
        workspace.failed = ""
        if workspace.options.session is not None:
            self.on_open_session(messages.OpenSession(workspace.options.session, workspace.options.model))
        else:
            self._open_model(workspace.options.model or EMBEDDED)
        if workspace.options.lesson is not None:
            self.lessons.begin(workspace.options.lesson)

    def on_unmount(self) -> None:
        """Save the settings and the sessions, and let the workers finish."""
        self.lessons.leave()
        lesson = self.recorder.keep(user_data_path("gpt2-remix") / "lessons")
        self.parting = "\n".join(filter(None, [self.workspace.close(), lesson]))

    def _theme_changed(self) -> None:
        if self.theme in self.workspace.themes:
            self.workspace.use_theme(self.theme)

    # The command palette, and what keys and sizes do

    async def action_interrupt(self) -> None:
        """Copy what is marked, or close what is open; twice within a second, quit."""
        now = monotonic()
        twice, self._interrupted = now - self._interrupted < TWICE, now
        if twice:
            await self.action_quit()
        elif marked := getattr(self.focused, "selected_text", "") or self.screen.get_selected_text():
            self.copy_to_clipboard(marked)
            self.workspace.say("copied; ctrl+c once more quits")
        elif self.screen is not self.playground:
            self.screen.dismiss(None)
        else:
            self.workspace.say("ctrl+c once more quits, and so does q")

    def action_command_palette(self) -> None:
        """Show every action by name."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(Commands())  # by no name: the one before may still be on its way out

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What the command palette lists."""
        return commands_of(screen, self.workspace)

    def on_show_help(self, message: messages.ShowHelp) -> None:
        """Show the help of a screen, at the pane where the person is."""
        from gpt2_remix.tui.help_pages import help_screen

        self.push_screen(help_screen(message.page, message.here, message.chosen))

    def on_resize(self) -> None:
        """Lay out and draw all once more when the size has settled: a frame on its way may have met another size."""
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(SETTLED, self._draw_again)

    def _draw_again(self) -> None:
        for screen in self.screen_stack[-1:]:  # there is none while the app closes
            screen.refresh()

    async def on_event(self, event: events.Event) -> None:
        """See `textual.app.App.on_event`: what a key does is drawn before what a run has made meanwhile."""
        if isinstance(event, (events.Key, events.MouseDown)):
            self.workspace.engine.pacing.pressed()
        if isinstance(event, events.MouseDown) and not event.is_forwarded and on_what_is_gone(self, event):
            return
        if not isinstance(event, (events.Key, events.Paste)) or event.is_forwarded:
            await super().on_event(event)
        elif self._typing.admit(event):
            await self._send_on(event)

    async def _send_on(self, event: events.Key | events.Paste) -> None:
        await super().on_event(event)
        self._typing.follow()

    def on_key_passed(self, message: KeyPassed) -> None:
        """A key has done what it does, or nearly."""
        self._typing.passed(message)

    async def on_next_key(self) -> None:
        """A key that waited for those before it goes on."""
        if (event := self._typing.next_key()) is not None:
            await self._send_on(event)

    # Models

    def _open_model(self, name: str) -> None:
        self.playground.say_loading(f"loading {name}…")
        self.explorations.open_model(name)

    def on_open_model(self, message: messages.OpenModel) -> None:
        """Open a model that a person chose; the one that runs goes on until it is there."""
        if self.explorations.choose_model(message.name):
            self.playground.say_loading(f"loading {message.name}…")

    def on_switch_precision(self) -> None:
        """Open the model again with its weights held the other way; the tree stays as it is."""
        if name := self.explorations.switch_precision():
            self.playground.say_loading(f"loading {name}…")

    def on_loading(self, message: messages.Loading) -> None:
        """A model is on its way."""
        if message.total:
            done = message.done / message.total
            bar = "█" * round(done * 10) + "░" * (10 - round(done * 10))
            self.playground.say_loading(f"{message.what} {bar} {done:4.0%} of {message.total / 1e6:,.0f} MB")
        else:
            self.playground.say_loading(f"{message.name}: {message.what}…")

    def on_tokenizer_ready(self, message: messages.TokenizerReady) -> None:
        """The first model's prefix can be shown as tokens before its network is there."""
        if self.explorations.awaits_tokenizer(message):
            ids = [] if self.asks else self.explorations.first_prompt(message.tokenizer, message.vocab_size)
            self.playground.show_prefix(message.tokenizer, message.vocab_size, ids)
            if self._start is not None:
                self._start.show_tokens()

    def on_model_ready(self, message: messages.ModelReady) -> None:
        """A network can be run: show its tree."""
        from gpt2_remix.engine.models.opening import can_compile

        old, name = self.explorations.current, self.explorations.current.model
        self.workspace.compiling = message.info.form == "numpy" and can_compile()
        exploration = self.explorations.adopt(message)
        self.workspace.trace_in(message)
        if path_of(message.info.name) == message.folder:
            self._remember_folder(message.folder)
        self.playground.runs.stop()
        self.playground.say_loading("")
        self._end_opening()
        if exploration is old:
            for screen in self._main_screens():
                screen.changed()
            return
        if self._main_screens() != [self.playground]:
            while self.screen is not self.playground:
                self.pop_screen()
            self.workspace.say(f"{message.info.name} is there; what was open is {name}'s")
        self.playground.show_exploration(exploration)

    def _main_screens(self) -> list[MainScreen[Any]]:
        return [screen for screen in self.screen_stack if isinstance(screen, MainScreen)]

    def on_model_failed(self, message: messages.ModelFailed) -> None:
        """A model cannot be loaded: say why; what ran before goes on."""
        self.playground.say_loading("")
        if self.explorations.without_its_model(message):
            if self.explorations.waiting is not None:
                self.playground.say_loading(f"loading {self.explorations.waiting[1]}…")
            return
        self._end_opening()
        way_out = "" if self.explorations.current.ready else " (m chooses another model)"
        self.workspace.say(f"{message.name}: {message.reason}{way_out}", error=True)

    def on_kernels_ready(self, message: messages.KernelsReady) -> None:
        """The model can go on faster: at once, or when no comparison is open any more."""
        if message.problem:
            self.workspace.compiling = False
            self.playground.changed(keep_selection=True)
            self.workspace.say(f"{message.problem}; {message.name} goes on in plain numpy, slower", error=True)
        elif self.playground.what_if.on or any(screen.ONE_NETWORK for screen in self._main_screens()):
            self.set_timer(CHANGE_AGAIN, lambda: self.post_message(message))
        else:
            self.workspace.engine.change_over(message.name)

    def on_changed_over(self, message: messages.ChangedOver) -> None:
        """New steps come from another network."""
        if self.explorations.change_over(message) is self.playground.exploration:
            for screen in self._main_screens():
                screen.changed()

    # The training text, and trainings

    @on(messages.Indexing)
    @on(messages.Indexed)
    def _told_of_index(self, message: messages.Indexing | messages.Indexed) -> None:
        """A training text is being read, or can be traced in."""
        if isinstance(message, messages.Indexing):
            self.workspace.indexing(message)
        else:
            self.workspace.take_index(message)

    def on_training_event(self, message: messages.TrainingEvent) -> None:
        """Take what a training tells of itself."""
        if self.workspace.trainings.take(message):
            self.workspace.training_changed.publish(None)

    def on_training_over(self, message: messages.TrainingOver) -> None:
        """A training has ended."""
        trainings = self.workspace.trainings
        if trainings.over(message):
            if trainings.training is not None and trainings.training.has_model:
                self._remember_folder(trainings.training.options.out)
            self.workspace.training_changed.publish(None)

    def _remember_folder(self, folder: Path) -> None:
        workspace = self.workspace
        workspace.remember(workspace.preferences.with_folder(str(folder.absolute())))

    # Sessions

    def on_open_session(self, message: messages.OpenSession) -> None:
        """Open a session that a person chose."""
        self.playground.runs.stop()
        self.playground.say_loading(f"opening {message.path.name}…")
        self.explorations.open_session(message.path, message.model)

    @on(messages.SessionSeen)
    @on(messages.SessionProgress)
    def _session_is_read(self, message: messages.SessionSeen | messages.SessionProgress) -> None:
        """A large session takes a while: one looks at the end of its text meanwhile."""
        if isinstance(message, messages.SessionSeen):
            from gpt2_remix.tui.sessions.opening import OpeningScreen

            self._opening = OpeningScreen(self.workspace.palette, message, self.explorations.stop_reading)
            self.push_screen(self._opening)
        elif self._opening is not None:
            self._opening.say(message.done)

    def _end_opening(self) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.dismiss()

    def on_session_opened(self, message: messages.SessionOpened) -> None:
        """A session was read: its model is next."""
        self.playground.say_loading(f"loading {message.model}…")
        if self._opening is not None:
            self._opening.say(len(message.opened.session.tree.nodes) - 1)
        self.explorations.session_read(message)

    def on_errand_failed(self, message: messages.ErrandFailed) -> None:
        """A session cannot be opened: say why, and what was there goes on."""
        self._end_opening()
        self.workspace.say(message.reason, error=True)
        self.playground.say_loading("")
        if not self.explorations.current.ready:
            self._open_model(self.workspace.options.model or EMBEDDED)

    @on(messages.Saved)
    @on(messages.NotSaved)
    def _told_of_saving(self, message: messages.Saved | messages.NotSaved) -> None:
        """A session is on the disk, or could not be written."""
        if self.workspace.autosave.take(message):
            self.workspace.status_changed.publish(None)

    def on_worker_failed(self, message: messages.WorkerFailed) -> None:
        """A thread met with what it did not expect."""
        self.workspace.say(f"{message.name}: {message.reason}", error=True)
