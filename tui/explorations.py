"""Explorations: the trees that are open, one for each model, and what becomes of them as models and sessions come."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.generation.backend import check_ids
from gpt2_remix.engine.models.names import EMBEDDED, PRECISIONS, resolve
from gpt2_remix.engine.models.record import words_of_change
from gpt2_remix.engine.sampling.settings import draw_seed
from gpt2_remix.engine.session.outline import unknown_to
from gpt2_remix.engine.tokens.tokenizer import Tokenizer
from gpt2_remix.tui import messages
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.state.options import Options
from gpt2_remix.tui.workers.session_reader import read_session
from gpt2_remix.tui.workspace import Workspace

if TYPE_CHECKING:
    from gpt2_remix.engine.models.record import ModelRecord
    from gpt2_remix.engine.session.opening import OpenedSession


class Explorations:
    """Belongs to the app's thread.

    Attributes:
        current: the exploration on screen.
        waiting: a session that waits for its model, and that model's name.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        options, kept = workspace.options, workspace.preferences
        seed = options.seed if options.seed is not None else draw_seed()
        self.current = Exploration(seed=seed, settings=kept.settings, coin=kept.coin)
        self.current.dice = [*options.dice]
        self._by_model: dict[str, Exploration] = {options.model or EMBEDDED: self.current}
        self.waiting: tuple[OpenedSession, str] | None = None
        # What the command line wants of the session that it names.
        self._asked_for = options if options.session is not None else Options()
        self._unwanted = Event()  # once the session that is being read is to be let go of
        self._precision: str | None = None  # of weights, once a person has chosen it in the app

    # Models

    @property
    def _chosen_precision(self) -> str | None:
        """What the person wanted, in the app or on the command line."""
        load = self._workspace.options.load
        return self._precision or (load.precision if load else None)

    def open_model(self, name: str, precision: str | None = None) -> None:
        """Open a model; `precision` is that of a session, for where nobody chose another."""
        from gpt2_remix.engine.models.opening import LoadOptions, can_compile

        options = self._workspace.options.load or LoadOptions()
        if self._precision is not None:
            options = replace(options, precision=self._precision)
        elif options.precision is None and precision in PRECISIONS and (precision != "int8" or can_compile()):
            options = replace(options, precision=precision)
        self._workspace.engine.open(name, options)

    def choose_model(self, name: str) -> bool:
        """Open a model that a person chose; False, and a line, where its name stands for nothing."""
        try:
            resolve(name)
        except EngineError as error:
            self._workspace.say(str(error), error=True)
            return False
        self.waiting = None
        self.open_model(name)
        return True

    def switch_precision(self) -> str:
        """Open the model again with its weights held the other way. Returns its name, "" where that is not possible."""
        info, say = self.current.info, self._workspace.say
        if info is None:
            say("no model: press m to choose one")
            return ""
        if info.device != "cpu":
            say(f"on {info.device} weights are held in {info.precision}; --device cpu has int8")
            return ""
        self._precision = "fp32" if info.precision == "int8" else "int8"
        self.open_model(info.name)
        return info.name

    def first_prompt(self, tokenizer: Tokenizer, vocab_size: int) -> list[int]:
        """The prefix of the command line as ids."""
        options = self._workspace.options
        try:
            if options.ids is not None:
                ids = options.ids
                check_ids(ids, vocab_size)
            else:
                ids = tokenizer.encode(options.prefix or "")
        except EngineError as error:
            self._workspace.say(f"{error}; the prefix is empty instead", error=True)
            ids = []
        return ids or [tokenizer.end_of_text]

    def awaits_tokenizer(self, message: messages.TokenizerReady) -> bool:
        """Whether a tokenizer is the one that the exploration on screen waits for."""
        if self.waiting is not None:
            return False  # what is shown is not yet what was asked for
        return self.current is self._by_model.get(message.name) and self.current.tokenizer is None

    def adopt(self, message: messages.ModelReady) -> Exploration:
        """Make the exploration of a network that can be run the current one: a session's, an old, or a new one."""
        old = self.current
        exploration = self._session_exploration(message) or self._by_model.get(message.info.name)
        if exploration is None:
            view = old.tree.view
            exploration = Exploration(seed=view.seed, settings=view.settings, coin=view.coin)
            self._by_model[message.info.name] = exploration
        fresh = exploration.tokenizer is None
        exploration.use_network(message.network, message.info, message.tokenizer)
        if fresh and exploration is not old and not len(exploration.tree.nodes) > 1:
            exploration.tree.set_prompt(self._same_prefix(old, message), record=False)
        for other in self._by_model.values():
            if other is not exploration:
                other.info = None  # its network is gone; opening it again brings its tree back
        self._use_record(exploration, message.record)
        if not self._workspace.autosave.knows(exploration):
            self._workspace.autosave.save_new(exploration)
        try:
            exploration.settings.check_vocabulary(message.info.vocab_size)
        except EngineError as error:
            exploration.tree.change(settings=replace(exploration.settings, banned=(), logit_bias=()))
            self._workspace.say(f"{error}; bans and biases were dropped", error=True)
        self.current = exploration
        return exploration

    def _use_record(self, exploration: Exploration, record: ModelRecord) -> None:
        """New steps are made with this model; says what is another one than before."""
        tree, say = exploration.tree, self._workspace.say
        known = len(tree.models)
        held = tree.models[tree.model].precision if known else record.precision
        tree.use_model(record)
        if known and len(tree.models) > known:
            say(words_of_change(tree.models[known - 1], record))
        elif held != record.precision:
            say(f"weights in {record.precision} again from here on")
        elif not known and record.precision == "int8" and self._chosen_precision is None:
            say("weights in int8: measured faster on this machine, nearly the same (W: fp32)")

    def change_over(self, message: messages.ChangedOver) -> Exploration | None:
        """New steps come from another network: what was known of the one before goes, the tree stays."""
        exploration = self._by_model.get(message.info.name)
        if exploration is None or exploration.info is None or exploration.tokenizer is None:
            return None
        before = exploration.info.precision
        exploration.use_network(message.network, message.info, exploration.tokenizer)
        exploration.tree.use_model(message.record)
        now = message.info.precision
        weights = "" if before == now else f", weights in {now}"
        self._workspace.say(f"compiled for this processor: faster from here on{weights}")
        return exploration

    def _same_prefix(self, old: Exploration, new: messages.ModelReady) -> list[int]:
        tokenizer = new.tokenizer
        if old.tokenizer is None:
            return self.first_prompt(tokenizer, new.info.vocab_size)
        prompt = old.tree.ids(old.tree.prompt_length())
        if prompt == [old.tokenizer.end_of_text]:
            return [tokenizer.end_of_text]
        try:
            return tokenizer.encode(old.tokenizer.decode(prompt)) or [tokenizer.end_of_text]
        except EngineError as error:
            self._workspace.say(str(error), error=True)
            return [tokenizer.end_of_text]

    # Sessions

    def open_session(self, path: Path, model: str | None = None) -> None:
        """Open a session, read off the screen's thread, with a model of one's own choice or its own.

        Answers to the app with `SessionOpened`, or `ErrandFailed` where it cannot be read.
        """
        known = self._workspace.autosave.exploration_in(path)
        if known is not None and known is not self.current:  # open here, behind another model's
            self._workspace.autosave.leave(known)
            self._by_model = {name: each for name, each in self._by_model.items() if each is not known}

        self.stop_reading()
        stopped = self._unwanted = Event()
        post = self._workspace.post
        self._workspace.autosave.tick()
        self._workspace.errands.submit(lambda: read_session(path, model, post, stopped), post, "open session")

    def stop_reading(self) -> None:
        """The session that is being read is not wanted."""
        self._unwanted.set()

    def session_read(self, message: messages.SessionOpened) -> None:
        """A session was read: its model is next."""
        self.waiting = (message.opened, message.model)
        tree = message.opened.session.tree
        self.open_model(message.model, tree.models[tree.model].precision if tree.models else None)

    def without_its_model(self, message: messages.ModelFailed) -> bool:
        """Open a session whose model cannot be had with the one that is there; False where no session waits for it."""
        if self.waiting is None or self.waiting[1] != message.name:
            return False
        opened, _ = self.waiting
        name = self.current.info.name if self.current.info is not None else EMBEDDED
        say = self._workspace.say
        if name == message.name:
            self.waiting = None
            opened.release()
            say(f"{message.name}: {message.reason} (m chooses another model)", error=True)
        else:
            say(f"{message.name}: {message.reason}; the session is opened with {name}", error=True)
            self.waiting = (opened, name)
            self.open_model(name)
        return True

    def _session_exploration(self, message: messages.ModelReady) -> Exploration | None:
        """The exploration of the session that waited for this model."""
        if self.waiting is None:
            return None
        opened, name = self.waiting
        if name != message.info.name:
            return None
        self.waiting = None
        workspace, tree = self._workspace, opened.session.tree
        if words := unknown_to(tree, name, message.info.vocab_size):
            opened.release()
            workspace.say(f"{words}; it is as it was, and a new stream is shown: open it with the model that made it",
                          error=True)
            return None
        options, self._asked_for = self._asked_for, Options()
        if len(tree.nodes) == 1:  # a new one
            kept = workspace.preferences
            seed = options.seed if options.seed is not None else draw_seed()
            tree.change(record=False, seed=seed, settings=kept.settings, coin=kept.coin)
        else:
            tree.change(settings=options.settings, seed=options.seed, coin=options.coin)
            if options.prefix is not None or options.ids is not None:
                tree.set_prompt(self.first_prompt(message.tokenizer, message.info.vocab_size))
        view = tree.view
        exploration = Exploration(seed=view.seed, settings=view.settings, coin=view.coin, tree=tree)
        exploration.dice = [*options.dice]
        replaced = self._by_model.get(name)
        if replaced is not None and workspace.autosave.knows(replaced):
            workspace.autosave.leave(replaced)
        self._by_model[name] = exploration
        workspace.autosave.save_in(exploration, opened)
        for line in opened.notes:
            workspace.say(line)
        return exploration
