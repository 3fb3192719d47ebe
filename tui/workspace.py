"""The workspace: what every screen is given. What is remembered, the themes, the workers, and how to say something."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from textual.app import App
from textual.events import Callback
from textual.signal import Signal

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.sampling.fields import nearest
from gpt2_remix.engine.sampling.presets import Preset, all_presets
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.themes import DEFAULT, RemixTheme, load_themes
from gpt2_remix.tui import messages
from gpt2_remix.tui.state import preferences as preference_file
from gpt2_remix.tui.state.lesson_run import LessonRun
from gpt2_remix.tui.state.options import Options
from gpt2_remix.tui.state.preferences import Preferences
from gpt2_remix.tui.style.palette import palette_of
from gpt2_remix.tui.workers.autosave import Autosave
from gpt2_remix.tui.workers.engine import EngineWorker
from gpt2_remix.tui.workers.errands import Errands
from gpt2_remix.tui.workers.session_writer import SessionWriter
from gpt2_remix.tui.workers.threads import start_thread
from gpt2_remix.tui.workers.tracer import Text, Tracer
from gpt2_remix.tui.workers.trainings import Trainings

if TYPE_CHECKING:
    from gpt2_remix.engine.trace.index import Index

T = TypeVar("T")

CLOSING = 5.0
"""Seconds that the workers have to finish when the app ends."""

TOAST = 8
"""Seconds for which a line is shown."""


def no_theme(name: str, themes: Iterable[str]) -> str:
    """Words for a theme that is not there."""
    return f"there is no theme {name!r}; {nearest(name, themes)}"


class Workspace:
    """Belongs to the app's thread.

    Attributes:
        options: what the command line asked for.
        remembered: the settings of the last time, where they are others than the usual ones and nothing was asked for.
        preferences: what is remembered.
        presets: shipped ones and a person's own.
        themes, theme, palette: those that there are, the one in force, and its styles.
        engine, tracer, errands, autosave, trainings: who works.
        index: of the text that streams are traced in; None while there is none.
        indexed: whether it is known that there is one, or none.
        index_words: what to say in place of the trace.
        lesson: the one that plays, if one does.
        compiling: whether kernels are being compiled while the model runs in numpy.
        post: what answers to the app are given to.
        said: the line that was said last.
        failed: the error that was said last, since it was emptied.
        all_saved: whether all sessions were on the disk when the app ended.
        palette_changed, status_changed, training_changed, index_changed, lesson_changed: what screens listen to.
    """

    def __init__(self, app: App[Any], options: Options) -> None:
        self._app = app
        self.options = options
        self.problems: list[str] = []  # what is to be said when there is a screen
        self.preferences, problem = preference_file.load()
        kept = self.preferences.settings
        self.remembered = kept if options.settings is None and kept != Settings() else None
        self.presets, preset_problem = all_presets()
        given: dict[str, Any] = {name: value for name in ("coin", "speed", "settings", "theme")
                                 if (value := getattr(options, name)) is not None}
        self.preferences = replace(self.preferences, **given)
        self.themes, theme_problems = load_themes()
        if self.preferences.theme not in self.themes:
            theme_problems.append(no_theme(self.preferences.theme, self.themes))
            self.preferences = replace(self.preferences, theme=DEFAULT)
        self.problems += [*theme_problems, *filter(None, [problem, preset_problem])]
        self._not_kept = problem
        self.theme: RemixTheme = self.themes[self.preferences.theme]
        self.palette = palette_of(self.theme)
        self.post = post = app.post_message
        self.engine = EngineWorker(post)
        self.tracer = Tracer(post)
        self.errands = Errands(post)
        self.writer = SessionWriter(post)
        self.autosave = Autosave(self.writer, lambda line: self.say(line, error=True))
        self.trainings = Trainings(post, lambda line, error: self.say(line, error=error))
        self.index: Index | None = None
        self.indexed = False
        self.index_words = "the training text is loaded with the model"
        self.compiling = False
        self.lesson = LessonRun()
        self.said = self.failed = ""
        self._shown_until: dict[str, float] = {}
        self._errors_until = 0.0
        self._traced_in: Text | None = None
        self._unsaved = self._saving = False
        self.all_saved = True
        self._threads: list[threading.Thread] = []
        self.palette_changed: Signal[None] = Signal(app, "palette")
        self.status_changed: Signal[None] = Signal(app, "status")
        self.training_changed: Signal[None] = Signal(app, "training")
        self.index_changed: Signal[bool] = Signal(app, "index")
        self.lesson_changed: Signal[None] = Signal(app, "lesson")

    # Workers

    def start(self) -> None:
        """Start the threads, after the first frame."""
        for name, loop in (("engine", self.engine.loop), ("tracer", self.tracer.loop)):
            self._threads.append(start_thread(name, loop, self.post))

    def close(self) -> str:
        """Save what is new and let the workers finish. Returns what there is to say on the way out."""
        unsaved = self.autosave.close(CLOSING)
        self.all_saved = not unsaved
        parting = [self.trainings.close(), *unsaved]
        self.errands.close(CLOSING)
        if self._unsaved:
            preference_file.save(self.preferences)
        self.engine.close()
        self.tracer.close()
        for thread in self._threads[:1]:
            thread.join(CLOSING)
        return "\n".join(filter(None, parting))

    def tick(self) -> None:
        """Give the writers what is new."""
        self.autosave.tick()
        self._save_preferences()

    # Saying

    def say(self, line: str, *, error: bool = False) -> None:
        """Show a toast; the same line not a second time while it stands there.

        A line takes the place of those before it: three of them cover the keys of a small terminal. Errors stay.
        """
        self.said, now = line, monotonic()
        self.failed = line if error else self.failed
        if self._shown_until.get(line, 0.0) > now:
            return
        self._shown_until = {said: until for said, until in self._shown_until.items() if until > now}
        if not error and not self._errors_until > now:
            self._shown_until.clear()
            self._app.clear_notifications()
        self._shown_until[line] = now + TOAST
        self._errors_until = now + TOAST if error else self._errors_until
        self._app.notify(line, severity="error" if error else "information", timeout=TOAST, markup=False)

    def do(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Do something off the screen's thread, and take what it gives on it. `work` raises nothing it could say."""
        self.errands.submit(lambda: Callback(partial(then, work())), self.post)

    # What is remembered

    def remember(self, preferences: Preferences) -> None:
        """Change what is remembered; it is written a moment later."""
        if preferences != self.preferences:
            self.preferences = preferences
            self._unsaved = not self.options.alone  # a lesson that nobody sees changes nothing of a person's

    def _save_preferences(self) -> None:
        if not self._unsaved or self._saving:
            return
        kept, self._saving = self.preferences, True

        def saved(problem: str | None) -> None:
            self._saving = False
            self._unsaved = self.preferences != kept
            if problem and problem != self._not_kept:
                self._not_kept = problem
                self.say(problem, error=True)

        self.do(lambda: preference_file.save(kept), saved)

    def use_theme(self, name: str) -> None:
        """Draw with another theme from now on."""
        self.theme = self.themes[name]
        self.palette = palette_of(self.theme)
        self.remember(replace(self.preferences, theme=name))
        self.palette_changed.publish(None)

    def change_presets(self, change: Callable[[], Preset], words: str, then: Callable[[], None]) -> None:
        """Save a preset or forget one; `words` say so, with its name in place of {}, and `then` shows it."""

        def work() -> tuple[list[Preset], str, bool]:
            try:
                preset = change()
            except EngineError as error:
                return self.presets, str(error), True
            return all_presets()[0], words.format(preset.name), False

        def done(result: tuple[list[Preset], str, bool]) -> None:
            self.presets, line, failed = result
            self.say(line, error=failed)
            then()

        self.do(work, done)

    # The training text

    def trace_in(self, message: messages.ModelReady) -> None:
        """Trace streams of this model in what it was trained on, or in the files of the command line."""
        info, known = message.info, self._traced_in
        weights = message.record.sha256
        if known is not None and (known.model, known.weights, known.folder) == (info.name, weights, message.folder):
            return  # the same, with its weights held otherwise
        text = Text(info.name, weights, message.folder, message.tokenizer, info.vocab_size, self.options.sources)
        self._traced_in = text
        self.index, self.indexed, self.index_words = None, False, "loading the training text…"
        self.tracer.open(text)

    def indexing(self, message: messages.Indexing) -> None:
        """A training text is being read."""
        if message.total:
            self.index_words = f"{message.what}: {message.done / message.total:.0%} of {message.total / 1e6:,.1f} MB"
            self.index_changed.publish(False)

    def take_index(self, message: messages.Indexed) -> None:
        """A training text can be traced in, or none can."""
        if self._traced_in is None or message.model != self._traced_in.model:
            return
        self.index, self.indexed = message.index, True
        if message.problem:
            self.index_words = message.problem
            self.say(f"no tracing: {message.problem}", error=True)
        elif message.index is None:
            self.index_words = (f"what {message.model} was trained on is not known: start with --source FILE "
                                "to trace in a text of yours")
        self.index_changed.publish(True)


def check_session_name(name: str) -> str:
    """The name on one line. Raises InputError where a session cannot be called that."""
    plain = " ".join(name.split())
    if len(plain) > 60 or not plain.isprintable():
        raise InputError("a session's name is up to 60 characters that can be printed")
    return plain
