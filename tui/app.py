"""The Textual app: the engine worker, the themes, what is remembered, and which screen hears of what."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.filter import Monochrome, NoColor
from textual.screen import Screen
from textual.timer import Timer
from textual.worker import Worker

from engine.errors import EngineError, InputError
from engine.generation.backend import check_ids
from engine.models.names import EMBEDDED
from engine.models.opening import PRECISIONS, LoadOptions, can_compile
from engine.sampling.presets import Preset, all_presets, check_name, delete_preset, save_preset
from engine.sampling.settings import CoinKind, Settings, draw_seed, nearest
from engine.tokens.tokenizer import Tokenizer
from themes import DEFAULT, load_themes
from tui import messages
from tui.playground.screen import Playground
from tui.state import preferences as config
from tui.state.exploration import Exploration
from tui.style.palette import palette_of, textual_theme
from tui.training.trainings import Trainings
from tui.workers.autosave import TICK, Keeper
from tui.workers.engine import EngineWorker
from tui.workers.session_writer import Saver
from tui.workers.tracer import Text, Tracer

if TYPE_CHECKING:
    from engine.session.opening import OpenedSession
    from engine.trace.index import Index
    from tui.compare.repeat import RepeatScreen
    from tui.compare.screen import CompareScreen
    from tui.sessions.export import ExportWish

CLOSING = 5.0
"""Seconds that the worker has to finish its token when the app ends."""


COMPARE_COMMANDS = (
    ("step", "one token in every lane (space)", "step"),
    ("run", "all lanes go on, or pause (g)", "toggle_run"),
    ("lane settings", "settings, prefix and seed of the selected lane (s)", "settings"),
    ("next preset", "for the selected lane (p)", "preset(1)"),
    ("add a lane", "at the end (a)", "add"),
    ("copy the lane", "another one like the selected lane (d)", "copy"),
    ("remove the lane", "the selected one (x)", "remove"),
    ("statistics", "in place of candidates and coin, or back (v)", "statistics"),
    ("repeat with many seeds", "mean and spread of each statistic (m)", "repeat"),
    ("keep the lane", "as a branch of the tree (k)", "keep"),
    ("edit the prefix", "that all lanes share (e)", "edit"),
    ("other luck", "the next seed for all lanes (r)", "luck"),
    ("common or own coins", "the same u at the same place, or a seed of its own for each lane (o)", "own_coins"),
    ("kind of coin", "interval or gumbel (i)", "coin"),
    ("faster", "more tokens a second (>)", "speed(1)"),
    ("slower", "fewer tokens a second (<)", "speed(-1)"),
    ("help", "lanes, coins and statistics (?)", "help"),
    ("back to the playground", "the comparison stays as it is (esc)", "close"),
)


class Commands(CommandPalette):
    """Textual's command palette, whose search may fail once it is closed without ending the app."""

    def run_worker(self, *args: Any, **options: Any) -> Worker[Any]:
        """See `textual.dom.DOMNode.run_worker`: the search looks for its list, which a quick esc has taken away."""
        return super().run_worker(*args, **(options | {"exit_on_error": False}))


CHANGE_AGAIN = 1.0
"""Seconds after which it is looked again whether a network can change over."""

SETTLED = 0.2
"""Seconds after the last change of size."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for; None where it did not say."""

    prefix: str | None = None
    ids: list[int] | None = None
    settings: Settings | None = None
    seed: int | None = None
    coin: CoinKind | None = None
    theme: str | None = None
    speed: float | None = None
    model: str | None = None
    load: LoadOptions | None = None
    session: Path | None = None
    sources: tuple[str, ...] = ()


def check_session_name(name: str) -> str:
    """Raises InputError where a session cannot be called that."""
    plain = " ".join(name.split())
    if len(plain) > 60 or not plain.isprintable():
        raise InputError("a session's name is up to 60 characters that can be printed")
    return plain


class RemixApp(App[None]):
    """Watch GPT-2 choose, and choose yourself, at any position."""

    TITLE = "gpt2-remix"
    # Textual does not load the default screen's own style sheet.
    CSS_PATH: ClassVar[list[str | PurePath]] = ["app.tcss", "playground/playground.tcss"]
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "quit", show=False, priority=True),
        Binding("ctrl+c", "quit", "quit", show=False, priority=True, system=True),
    ]

    def __init__(self, options: Options | None = None) -> None:
        super().__init__()
        if self.no_color:
            self._filters = [NoColor() if isinstance(own, Monochrome) else own for own in self._filters]
        self.options = options or Options()
        self.remembered, self._problem = config.load()
        self.presets, self._preset_problem = all_presets()
        for change in ("coin", "speed", "settings", "theme"):
            if (value := getattr(self.options, change)) is not None:
                setattr(self.remembered, change, value)
        self.themes_found, self._theme_problems = load_themes()
        for name in self.available_themes:
            self.unregister_theme(name)
        for theme in self.themes_found.values():
            self.register_theme(textual_theme(theme))
        if self.remembered.theme not in self.themes_found:
            hint = nearest(self.remembered.theme, self.themes_found)
            self._theme_problems.append(f"there is no theme {self.remembered.theme!r}; {hint}")
            self.remembered.theme = DEFAULT
        self.palette = palette_of(self.themes_found[self.remembered.theme])
        self.theme = self.remembered.theme
        self.worker = EngineWorker(self.post_message)
        self.tracer = Tracer(self.post_message)
        self.index: Index | None = None  # of the text that streams are traced in
        self.indexed = False  # whether it is known that there is one, or none
        self.index_words = "the training text is looked at when the model is there"
        self.trainings = Trainings(self)
        self.parting = ""  # what is left to say on the terminal when the app has ended
        self.saver = Saver(self.post_message)
        self.keeper = Keeper(self.saver, partial(self.say, error=True))
        self._opening: tuple[OpenedSession, str] | None = None  # a session that waits for its model
        # What the command line wants of the session that it names.
        self._asked_for = self.options if self.options.session is not None else Options()
        self._settling: Timer | None = None
        self._precision: str | None = None  # of weights, once a person has chosen it in the app
        self.compiling = False  # whether kernels are being compiled while the model runs in numpy
        self._thread: threading.Thread | None = None
        self._explorations: dict[str, Exploration] = {}
        self._unsaved = False
        self._traced_in: Text | None = None
        self.said = ""
        seed = self.options.seed if self.options.seed is not None else draw_seed()
        first = Exploration(seed=seed, settings=self.remembered.settings, coin=self.remembered.coin)
        self._explorations[self.options.model or EMBEDDED] = first
        self.playground = Playground(first)

    @property
    def model_ready(self) -> bool:
        """Whether the network of the exploration on screen can be run."""
        return self.playground.exploration.info is not None

    @property
    def settled(self) -> bool:
        """Whether the model is there and everything on screen is known."""
        playground = self.playground
        traced = self.indexed and (playground.tracing is None or self.index is None or playground.tracing.complete)
        return self.model_ready and self._opening is None and playground.settled and traced

    @property
    def compare(self) -> CompareScreen | None:
        """The compare screen, where it is open (perhaps behind a dialog)."""
        from tui.compare.screen import CompareScreen

        return next((screen for screen in self.screen_stack if isinstance(screen, CompareScreen)), None)

    def get_default_screen(self) -> Screen[None]:
        """The playground."""
        return self.playground

    def on_mount(self) -> None:
        """What is slow begins after the first frame."""
        self.theme_changed_signal.subscribe(self, lambda _: self._theme_changed())
        self.playground.call_after_refresh(self._begin)

    def action_command_palette(self) -> None:
        """Shows every action by name."""
        if self.use_command_palette and not CommandPalette.is_open(self):  # type: ignore[arg-type]
            self.push_screen(Commands(id="--command-palette"))

    def on_resize(self) -> None:
        """Draws everything once more when the size has settled: a frame on its way may have met another size."""
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(SETTLED, self._draw_again)

    def _draw_again(self) -> None:
        for screen in self.screen_stack[-1:]:  # there is none while the app closes
            screen.refresh()

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self.worker.loop, name="engine", daemon=True)
        self._thread.start()
        threading.Thread(target=self.tracer.loop, name="tracer", daemon=True).start()
        self.set_interval(TICK, self.keeper.tick)
        if self.options.session is not None:
            self.open_session(self.options.session, self.options.model)
        else:
            self._open_model(self.options.model or EMBEDDED)
        for line in [*self._theme_problems, *filter(None, [self._problem, self._preset_problem])]:
            self.playground.notice(line)

    def on_unmount(self) -> None:
        """Keeps the settings and the sessions, and lets the worker finish."""
        self._save()
        self.parting = self.trainings.close()
        self.keeper.close(CLOSING)
        self.worker.close()
        self.tracer.close()
        if self._thread is not None:
            self._thread.join(CLOSING)

    def say(self, line: str, *, error: bool = False) -> None:
        """A line that goes away by itself."""
        self.said = line
        self.notify(line, severity="error" if error else "information", timeout=8, markup=False)

    # What is remembered

    def remember(self, **changes: Any) -> None:
        """Changes what is kept for the next session; written a moment later."""
        for name, value in changes.items():
            setattr(self.remembered, name, value)
        if not self._unsaved:
            self._unsaved = True
            self.set_timer(0.5, self._save)

    def _save(self) -> None:
        if self._unsaved:
            self._unsaved = False
            problem = config.save(self.remembered)
            if problem and problem != self._problem:
                self._problem = problem
                if self.is_running:
                    self.playground.notice(problem)

    def save_preset(self, settings: Settings) -> None:
        """Asks for a name and keeps settings under it."""
        from tui.dialogs.ask import AskScreen

        def named(name: str | None) -> None:
            if name is not None:
                said = "saved as preset {}; p goes through the presets"
                self._change_presets(lambda: save_preset(name, settings), said)

        hint = f"{settings.changed() or 'pure sampling'}\nenter saves; a preset of your own with that name is replaced"
        self.push_screen(AskScreen("save as preset", hint, check=check_name), named)

    def _change_presets(self, change: Callable[[], Preset], said: str) -> None:
        try:
            preset = change()
        except EngineError as error:
            self.playground.notice(str(error))
            return
        self.presets, _ = all_presets()
        self.playground.notice(said.format(preset.name), error=False)
        self.playground.show_all(keep_selection=True)

    def _theme_changed(self) -> None:
        theme = self.themes_found.get(self.theme)
        if theme is not None:
            self.palette = palette_of(theme)
            self.remember(theme=theme.name)
            self.playground.set_palette()
            if (compare := self.compare) is not None:
                compare.set_palette()
            self.trainings.redraw()

    # Training

    def on_training_said(self, message: messages.TrainingSaid) -> None:
        """A training went on."""
        self.trainings.said(message)

    def on_training_over(self, message: messages.TrainingOver) -> None:
        """A training has ended."""
        self.trainings.over(message)

    # Models

    def model_chosen(self, name: str | None) -> None:
        """Opens a model that a person chose; the one that runs goes on until it is there."""
        if not name:
            return
        from engine.models.names import resolve

        try:
            resolve(name)
        except EngineError as error:
            self.playground.notice(str(error))
            return
        self._opening = None
        self._open_model(name)

    def _open_model(self, name: str, precision: str | None = None) -> None:
        """`precision` is that of a session, for where nobody chose another."""
        self.playground.say_loading(f"loading {name}…")
        options = self.options.load or LoadOptions()
        if self._precision is not None:
            options = replace(options, precision=self._precision)
        elif options.precision is None and precision in PRECISIONS and (precision != "int8" or can_compile()):
            options = replace(options, precision=precision)
        self.worker.open(name, options)

    @property
    def _chosen_precision(self) -> str | None:
        """What the person wanted, in the app or on the command line."""
        return self._precision or (self.options.load.precision if self.options.load else None)

    def switch_precision(self) -> None:
        """Opens the model again with its weights held the other way; the tree stays as it is."""
        info = self.playground.exploration.info
        if info is None:
            self.say("no model: press m to choose one")
            return
        if info.device != "cpu":
            self.say(f"on {info.device} weights are held in {info.precision}; --device cpu has int8")
            return
        self._precision = "fp32" if info.precision == "int8" else "int8"
        self._open_model(info.name)

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
        exploration = self.playground.exploration
        if self._opening is not None:
            return  # what is shown is not yet what was asked for
        if exploration is self._explorations.get(message.name) and exploration.tokenizer is None:
            ids = self._first_prompt(message.tokenizer, message.vocab_size)
            self.playground.tokenizer_ready(message.tokenizer, message.vocab_size, ids)

    def _first_prompt(self, tokenizer: Tokenizer, vocab_size: int) -> list[int]:
        try:
            if self.options.ids is not None:
                ids = self.options.ids
                check_ids(ids, vocab_size)
            else:
                ids = tokenizer.encode(self.options.prefix or "")
        except EngineError as error:
            self.playground.notice(f"{error}; the prefix is empty instead")
            ids = []
        return ids or [tokenizer.end_of_text]

    def on_model_ready(self, message: messages.ModelReady) -> None:
        """A network can be run: shows its tree, or starts one from the same prefix."""
        old = self.playground.exploration
        exploration = self._session_exploration(message) or self._explorations.get(message.info.name)
        if exploration is None:
            view = old.tree.view
            exploration = Exploration(seed=view.seed, settings=view.settings, coin=view.coin)
            self._explorations[message.info.name] = exploration
        fresh = exploration.tokenizer is None
        exploration.tokenizer, exploration.info = message.tokenizer, message.info
        exploration.forget_logits()
        self.compiling = message.info.form == "numpy" and can_compile()
        if fresh and exploration is not old and not len(exploration.tree.nodes) > 1:
            exploration.tree.set_prompt(self._same_prefix(old, message), record=False)
        for other in self._explorations.values():
            if other is not exploration:
                other.info = None  # its network is gone; opening it again brings its tree back
        known = len(exploration.tree.models)
        held = exploration.tree.models[exploration.tree.model].precision if known else message.record.precision
        exploration.tree.use_model(message.record)
        if known and len(exploration.tree.models) > known:
            before, now = exploration.tree.models[known - 1], message.record
            if before.same_network(now):
                form = before.form or "torch"
                more = ", in int8 by more than the last bits" if now.precision == "int8" else " in the last bits"
                self.say(f"numbers come from {now.form} from here on, before from {form}: they differ{more}")
            elif replace(before, precision=now.precision).same_network(now):
                self.say(f"weights in {now.precision} from here on; the old tokens, made in {before.precision}, stay")
            else:
                maker = "other weights" if before.name == now.name else before.name
                self.say(f"this session was made with {maker}; new tokens come from {now.name}, the old ones stay")
        elif held != message.record.precision:
            self.say(f"weights in {message.record.precision} again from here on")
        elif not known and message.info.precision == "int8" and self._chosen_precision is None:
            self.say("weights in int8: measured faster on this machine, nearly the same (W: fp32)")
        if not self.keeper.knows(exploration):
            self.keeper.keep_new(exploration)
        try:
            exploration.settings.check_vocabulary(message.info.vocab_size)
        except EngineError as error:
            exploration.tree.change(settings=exploration.settings.replace(banned=(), logit_bias=()))
            self.playground.notice(f"{error}; bans and biases were dropped")
        self._trace_in(message)
        self.playground.pause()
        self.playground.say_loading("")
        compare = self.compare
        if exploration is not old:
            if compare is not None:
                while self.screen is not self.playground:
                    self.pop_screen()
                self.say(f"{message.info.name} is there; the comparison was one of {compare.exploration.model}")
            self.playground.show_exploration(exploration)
        else:
            self.playground.show_all()
            if compare is not None:
                compare.show_all()

    def on_kernels_ready(self, message: messages.KernelsReady) -> None:
        """The model can go on faster: at once, or when no comparison is open any more."""
        if message.problem:
            self.compiling = False
            self.playground.show_all()
            self.playground.notice(f"{message.problem}; {message.name} goes on in plain numpy, slower")
        elif self.compare is None and not self.playground.what_if.on:
            self.worker.change_over(message.name)
        else:  # streams that lie side by side are to come from one network
            self.set_timer(CHANGE_AGAIN, lambda: self.post_message(message))

    def on_changed_over(self, message: messages.ChangedOver) -> None:
        """New steps come from another network: what was kept of the one before goes, the tree stays."""
        exploration = self._explorations.get(message.info.name)
        if exploration is None or exploration.info is None:
            return
        before = exploration.info.precision
        exploration.info = message.info
        exploration.forget_logits()
        exploration.tree.use_model(message.record)
        now = message.info.precision
        weights = "" if before == now else f", weights in {now}"
        self.say(f"compiled for this processor: faster from here on{weights}")
        if exploration is self.playground.exploration:
            self.playground.show_all()

    def _trace_in(self, message: messages.ModelReady) -> None:
        """Streams of this model are traced in what it was trained on, or in the files of the command line."""
        info = message.info
        known = self._traced_in
        weights = message.record.sha256
        if known is not None and (known.model, known.weights, known.folder) == (info.name, weights, message.folder):
            return  # the same, with its weights held otherwise
        text = Text(info.name, weights, message.folder, message.tokenizer, info.vocab_size, self.options.sources)
        self._traced_in = text
        self.index, self.indexed, self.index_words = None, False, "looking at the training text…"
        self.tracer.open(text)

    def on_indexing(self, message: messages.Indexing) -> None:
        """A training text is being read."""
        if message.total:
            self.index_words = f"{message.what}: {message.done / message.total:.0%} of {message.total / 1e6:,.1f} MB"
            if self.playground.tracing is not None:
                self.playground.tracing.show()

    def on_indexed(self, message: messages.Indexed) -> None:
        """A training text can be traced in, or none can."""
        if self._traced_in is None or message.model != self._traced_in.model:
            return
        self.index, self.indexed = message.index, True
        if message.problem:
            self.index_words = message.problem
            self.say(f"no tracing: {message.problem}", error=True)
        elif message.index is None:
            self.index_words = (f"what {message.model} was trained on is not known: start with --source FILE "
                                "to trace in a text of yours")  # fmt: skip
        for screen in (self.playground.tracing, self.compare):
            if screen is not None:
                screen.restart()

    def on_traced(self, message: messages.Traced) -> None:
        """Tokens were looked up in the training text."""
        if self.playground.tracing is not None:
            self.playground.tracing.taken(message)
        if (compare := self.compare) is not None:
            compare.traced(message)

    def _session_exploration(self, message: messages.ModelReady) -> Exploration | None:
        """The exploration of the session that waited for this model."""
        if self._opening is None:
            return None
        opened, name = self._opening
        if name != message.info.name:
            return None
        self._opening = None
        tree = opened.session.tree
        highest = max((node.step.token for node in tree.nodes if node.step is not None), default=0)
        if highest >= message.info.vocab_size:
            opened.release()
            self.say(f"this session holds id {highest}, but the ids of {name} end at {message.info.vocab_size - 1}; "
                     "open it with another model", error=True)  # fmt: skip
            return None
        options, self._asked_for = self._asked_for, Options()
        seed = options.seed if options.seed is not None else draw_seed()
        if len(tree.nodes) == 1:  # a new one
            tree.change(record=False, seed=seed, settings=self.remembered.settings, coin=self.remembered.coin)
        else:
            asked: dict[str, Any] = {"settings": options.settings, "seed": options.seed, "coin": options.coin}
            tree.change(**{name: value for name, value in asked.items() if value is not None})
            if options.prefix is not None or options.ids is not None:
                tree.set_prompt(self._first_prompt(message.tokenizer, message.info.vocab_size))
        exploration = Exploration(seed=seed, settings=tree.view.settings, coin=tree.view.coin, tree=tree)
        replaced = self._explorations.get(name)
        if replaced is not None and self.keeper.knows(replaced):
            self.keeper.leave(replaced)
        self._explorations[name] = exploration
        self.keeper.keep(exploration, opened)
        for line in opened.notes:
            self.say(line)
        return exploration

    # Sessions

    def open_session(self, path: Path, model: str | None = None) -> None:
        """Opens a session, read away from the screen, with a model of one's own choice or its own."""
        self.keeper.tick()
        self.playground.pause()
        self.playground.say_loading(f"opening {path.name}…")

        def read() -> None:
            from engine.session.opening import open_session

            try:
                opened = open_session(path)
            except EngineError as error:
                self.post_message(messages.SessionRefused(str(error)))
                return
            models = opened.session.tree.models
            own = models[opened.session.tree.model].name if models else EMBEDDED
            self.post_message(messages.SessionOpened(opened, model or own))

        threading.Thread(target=read, name="open-session", daemon=True).start()

    def on_session_opened(self, message: messages.SessionOpened) -> None:
        """A session was read: its model is next."""
        self._opening = (message.opened, message.model)
        tree = message.opened.session.tree
        self._open_model(message.model, tree.models[tree.model].precision if tree.models else None)

    def on_session_refused(self, message: messages.SessionRefused) -> None:
        """A session cannot be opened: says why, and what was there goes on."""
        self.say(message.reason, error=True)
        self.playground.say_loading("")
        if not self.model_ready:
            self._open_model(self.options.model or EMBEDDED)

    def on_saved(self, message: messages.Saved) -> None:
        """A session is on the disk."""
        if self.keeper.saved(message):
            self.playground.show_status()

    def on_not_saved(self, message: messages.NotSaved) -> None:
        """A session could not be written."""
        self.keeper.not_saved(message)
        self.playground.show_status()

    def choose_session(self) -> None:
        """Shows the sessions and opens one."""
        from tui.sessions.screen import SessionsScreen

        def chosen(path: Path | None) -> None:
            if path is None:
                return
            if self.keeper.exploration_in(path) is self.playground.exploration:
                self.say("this session is the one on screen")
                return
            known = self.keeper.exploration_in(path)
            if known is not None:  # open here, behind another model's
                self.keeper.leave(known)
                self._explorations = {name: e for name, e in self._explorations.items() if e is not known}
            self.open_session(path)

        self.push_screen(SessionsScreen(), chosen)

    def export_session(self) -> None:
        """Asks in which form and where to, and writes it."""
        from tui.sessions.export import ExportScreen

        exploration = self.playground.exploration
        opened = self.keeper.session_of(exploration)
        if opened is None or exploration.tokenizer is None:
            self.say("there is nothing to export yet; one moment")
            return
        plain = "".join(c if c.isalnum() else "-" for c in (opened.session.name or "session").lower()).strip("-")
        screen = ExportScreen(plain or "session", max(1, exploration.tree.leaf_count))
        self.push_screen(screen, lambda wish: self._export(exploration, wish))

    def _export(self, exploration: Exploration, wish: ExportWish | None) -> None:
        from engine.session.export.json import session_to_json
        from engine.session.export.markdown import to_markdown
        from engine.session.export.text import text_of, to_text
        from engine.session.journal import Session
        from tui.cli.pictures import own_fonts
        from tui.workers.jobs import Export, write_text

        opened, tokenizer = self.keeper.session_of(exploration), exploration.tokenizer
        if wish is None or opened is None or tokenizer is None:
            return
        tree = exploration.tree
        leaf = tree.view.head if wish.branch else None
        if wish.path is None:
            self.copy_to_clipboard(text_of(tree, tokenizer, tree.path))
            self.say(f"{len(tree):,} tokens of text are on the clipboard")
            return
        session = opened.session
        if wish.form == "html" and self.model_ready:
            theme = self.themes_found[self.theme]
            colors = {"BACKGROUND": "background", "FOREGROUND": "foreground", "PRIMARY": "primary", "MUTED": "muted",
                      "PANEL": "panel", "ACCENT": "accent"}  # fmt: skip
            words = session.words or exploration.words(tree.ids(12))
            copy = Session(tree.copied(), session.name, session.created, words)
            self.worker.export(Export(
                exploration.model, copy, leaf, wish.path, {key: theme.colors[own] for key, own in colors.items()},
                theme.heat,
            ))  # fmt: skip
            self.playground.say_loading(f"exporting {wish.path.name}…")
            return
        if wish.form == "svg":
            text = own_fonts(self.export_screenshot(title="gpt2-remix"))
        elif wish.form == "json":
            text = session_to_json(session, branch=leaf)
        elif wish.form == "md":
            text = to_markdown(session, tokenizer, branch=leaf)
        else:
            text = to_text(session, tokenizer, branch=leaf)
        self.on_exported(messages.Exported(str(wish.path), problem=write_text(wish.path, text), finished=True))

    def on_exported(self, message: messages.Exported) -> None:
        """An export went on, or is there."""
        if not message.finished:
            share = message.done / max(1, message.total)
            self.playground.say_loading(f"exporting {share:4.0%}")
            return
        self.playground.say_loading("")
        self.say(message.problem or f"wrote {message.path}", error=bool(message.problem))

    def name_session(self) -> None:
        """Asks for a name; saving needs none."""
        from tui.dialogs.ask import AskScreen

        exploration = self.playground.exploration
        opened = self.keeper.session_of(exploration)
        if opened is None:
            self.say("there is no session yet; one moment")
            return

        def named(name: str | None) -> None:
            if name is not None:
                opened.session.name = " ".join(name.split())
                self.keeper.tick()
                self.playground.show_status()

        hint = f"everything is saved as it comes, in\n{opened.path}\na name makes it easier to find (ctrl+o)"
        ask = AskScreen("name this session", hint, value=opened.session.name, check=check_session_name)
        self.push_screen(ask, named)

    def _same_prefix(self, old: Exploration, new: messages.ModelReady) -> list[int]:
        tokenizer = new.tokenizer
        if old.tokenizer is None:
            return self._first_prompt(tokenizer, new.info.vocab_size)
        prompt = old.tree.ids(old.tree.prompt_length())
        if prompt == [old.tokenizer.end_of_text]:
            return [tokenizer.end_of_text]
        try:
            return tokenizer.encode(old.tokenizer.decode(prompt)) or [tokenizer.end_of_text]
        except EngineError as error:
            self.playground.notice(str(error))
            return [tokenizer.end_of_text]

    def on_model_failed(self, message: messages.ModelFailed) -> None:
        """A model cannot be loaded: says why; what ran before goes on."""
        self.playground.say_loading("")
        if self._opening is not None and self._opening[1] == message.name:
            self._open_otherwise(message)
            return
        way_out = "" if self.model_ready else " (m chooses another model)"
        self.playground.notice(f"{message.name}: {message.reason}{way_out}")
        self.playground.show_all()

    def _open_otherwise(self, message: messages.ModelFailed) -> None:
        """A session whose model cannot be had is opened with the one that is there."""
        assert self._opening is not None
        opened, _ = self._opening
        current = self.playground.exploration.info
        name = current.name if current is not None else EMBEDDED
        if name == message.name:
            self._opening = None
            opened.release()
            self.say(f"{message.name}: {message.reason} (m chooses another model)", error=True)
            return
        self.say(f"{message.name}: {message.reason}; the session is opened with {name}", error=True)
        self._opening = (opened, name)
        self._open_model(name)

    async def on_event(self, event: events.Event) -> None:
        """See `textual.app.App.on_event`: what a key does is drawn before what a run has made meanwhile."""
        if isinstance(event, (events.Key, events.MouseDown)):
            self.worker.pacing.pressed()
        await super().on_event(event)

    # What the worker says of the stream

    def on_looked(self, message: messages.Looked) -> None:
        """Logits have come."""
        if isinstance(message.place, int):
            self.playground.looked(message)
        elif (compare := self.compare) is not None:
            compare.looked(message)

    def on_stepped(self, message: messages.Stepped) -> None:
        """A run went on."""
        try:
            self.playground.stepped(message)
            if (compare := self.compare) is not None:
                compare.stepped(message)
        finally:
            self.worker.handled()

    def on_measured(self, message: messages.Measured) -> None:
        """The probabilities of prompt tokens have come."""
        self.playground.measured(message)

    def on_reconsidered(self, message: messages.Reconsidered) -> None:
        """What other settings would have chosen has come."""
        self.playground.what_if.taken(message)

    def on_repeat_progress(self, message: messages.RepeatProgress) -> None:
        """Seeds of a repetition were finished."""
        for screen in self._repeat_screens():
            screen.progressed(message)

    def _repeat_screens(self) -> list[RepeatScreen]:
        from tui.compare.repeat import RepeatScreen

        return [screen for screen in self.screen_stack if isinstance(screen, RepeatScreen)]

    def on_failed(self, message: messages.Failed) -> None:
        """A request failed: says why; nothing is lost."""
        self.playground.pause()
        self.playground.say_loading("")
        self.say(message.reason, error=True)
        self.playground.show_all()
        if (compare := self.compare) is not None:
            compare.pause()
            compare.show_all()
        for screen in self._repeat_screens():
            screen.failed()

    # The command palette

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action of the playground, presets and themes."""
        if screen is self.playground:
            for title, help_text, action in self._commands():
                yield SystemCommand(title, help_text, lambda action=action: self.playground.run_action(action))
            for preset in self.presets:
                yield SystemCommand(
                    f"preset {preset.name}", preset.text,
                    lambda settings=preset.settings: self.playground.change_settings(settings),
                )  # fmt: skip
                if not preset.shipped:
                    yield SystemCommand(
                        f"delete preset {preset.name}", "one of your own",
                        lambda name=preset.name: self._change_presets(lambda: delete_preset(name), "preset {} is gone"),
                    )  # fmt: skip
        elif screen is self.compare:
            for title, help_text, action in COMPARE_COMMANDS:
                yield SystemCommand(title, help_text, lambda action=action: screen.run_action(action))
        for theme in self.themes_found.values():
            yield SystemCommand(
                f"theme {theme.name}", theme.description, lambda name=theme.name: setattr(self, "theme", name)
            )
        yield SystemCommand("quit", "end gpt2-remix", self.action_quit)

    def _commands(self) -> Iterable[tuple[str, str, str]]:
        yield "step", "one token at the end of the stream (space)", "step"
        if self.playground.running:
            yield "pause", "stop the run (g)", "pause"
        else:
            yield "run", "go on by itself (g)", "run"
        yield "pick the selected candidate", "at the cursor (enter)", "pick"
        yield "flip again", "the coin of the position under the cursor (r)", "flip"
        yield "branch", "new branches from the cursor (b; a number first: that many)", "branch"
        yield "sibling before", "the other choice at the cursor ([)", "sibling(-1)"
        yield "sibling after", "the other choice at the cursor (])", "sibling(1)"
        yield "undo", "take the last change back (u)", "undo"
        yield "redo", "take the last undo back (ctrl+r)", "redo"
        yield "edit the prefix", "as text or as token ids (e)", "edit"
        yield "search a token", "among the candidates (/)", "search"
        yield "sampling settings", "go to the panel (s)", "settings"
        yield "next preset", "a named group of settings (p)", "preset(1)"
        yield "tree", "the whole session: fold, name, star, note, hide, find (T)", "tree_screen"
        yield "note", "on the token under the cursor (N)", "note"
        yield "sessions", "open, search, rename, copy, delete (ctrl+o)", "sessions"
        yield "export", "HTML, JSON, Markdown, text, a picture, the clipboard (ctrl+e)", "export"
        yield "name the session", "it is saved as it grows all the same (ctrl+s)", "name_session"
        yield "save as preset", "the settings of now, under a name of your own", "save_preset"
        yield "ban the selected candidate", "or allow it again (x)", "ban"
        yield "make the selected candidate likelier", "logit bias + 1 (+)", "bias(1)"
        yield "make the selected candidate less likely", "logit bias - 1 (-)", "bias(-1)"
        yield "faster", "more tokens a second (>)", "speed(1)"
        yield "slower", "fewer tokens a second (<)", "speed(-1)"
        yield "compare", "several settings side by side, from the cursor on (c)", "compare"
        yield "what if", "other settings or another token, the same luck (w)", "what_if"
        yield "distribution as a plot", "raw and final probabilities over rank, or the list (l)", "plot"
        yield "branches", "show or hide the tree (t)", "tree"
        yield "heat colouring", "surprisal, entropy, probability, verbatim, off (h)", "heat"
        yield "verbatim spans", "what stands word for word in the training text, and where it is left", "verbatim"
        yield "verbatim: shorter spans", "runs of fewer tokens count ({)", "span_length(-1)"
        yield "verbatim: longer spans", "only runs of more tokens count (})", "span_length(1)"
        yield "first token", "move the cursor there (home)", "move_to(0)"
        yield "next token", "move the cursor past the end (end)", "move_end"
        yield "choose a model", "embedded, from the hub or a folder (m)", "model"
        yield "weights in int8 or fp32", "faster, or exact; the tree stays (W)", "precision"
        training = self.trainings
        if training.going:
            yield "training", "how it goes (M)", "train"
        else:
            yield "train on a text…", "a small GPT-2 of your own, while you go on exploring", "new_training"
        if training.ready:
            yield "switch to the new model", "the one that was trained (M)", "train"
        if training.training is not None and training.training.over:
            yield "the last training", "its losses, and going on with it", "last_training"
        yield "help", "keys and panes (?)", "help"
