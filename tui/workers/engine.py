"""The one place where the engine runs in a background worker.

A thread with a mailbox. Each kind of request has one place in it, so that a new one replaces the old; between two
tokens of a run the worker looks whether something more urgent waits. Files are found (and downloaded) by a second
thread, so that one can go on exploring meanwhile. Neither touches a widget or the tree: they post messages.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from textual.message import Message

from engine.errors import EngineError
from engine.generation.step import Step
from tui.messages import (
    ChangedOver,
    Failed,
    KernelsReady,
    Loading,
    Looked,
    ModelFailed,
    ModelReady,
    Stepped,
    TokenizerReady,
)
from tui.workers.jobs import JOBS, Export, Job, Repeat, WhatIf, exporting, measuring, reconsidering, repeating
from tui.workers.pacing import Pacing

if TYPE_CHECKING:
    from engine.generation.backend import Backend
    from engine.generation.lane import Lane
    from engine.models.opening import LoadOptions, Located, Model
    from engine.sampling.distribution import Distribution
    from engine.tokens.tokenizer import Tokenizer

SWITCH = 0.002
"""Seconds after which a thread that waits for Python's lock asks for it."""

NICENESS = 10

DONE = object()

run_numbers = count(1)
"""Numbers for runs, whoever asks for them."""


@dataclass(slots=True)
class Run:
    """A request to advance lanes together: the model it is for, its number, the lanes, tokens a second of each.

    `speed` None is as fast as it goes.
    """

    model: str
    number: int
    lanes: list[Lane]
    speed: float | None
    started: float = 0.0
    made: int = 0
    due: float = 0.0
    posted: float = 0.0
    fresh: list[list[Step]] = field(default_factory=list)
    dists: list[Distribution | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Look:
    """A request for a model's logits of the token after `ids`; `place` comes back with them."""

    model: str
    place: Hashable
    ids: list[int]


@dataclass(frozen=True, slots=True)
class Opening:
    """A request to open a model, and what was found of it: its number, files, tokenizer, options, hash of weights."""

    number: int
    located: Located
    tokenizer: Tokenizer
    options: LoadOptions
    sha256: str


class CancelledError(Exception):
    """Raised inside a download that another request replaced."""


def step_back() -> None:
    """Lets the screen go before this thread, and before those that it starts.

    Where both want a core the system asks the niceness; where both want Python's lock it passes on more often.
    """
    sys.setswitchinterval(SWITCH)
    if sys.platform == "linux":  # only there niceness belongs to a thread
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def hindmost(lanes: list[Lane]) -> list[Lane]:
    """The lanes that are furthest behind: those that joined late catch up, then all step together."""
    live = [lane for lane in lanes if lane.stop is None]
    if not live:
        return lanes
    last = min(len(lane) + lane.offset for lane in live)
    return [lane for lane in live if len(lane) + lane.offset == last]


def reason_of(error: Exception) -> str:
    """A failure in one line."""
    if isinstance(error, EngineError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory; choose a smaller model or a shorter text"
    return " ".join(f"unexpected {type(error).__name__} in the engine: {error}".split())


class EngineWorker:
    """Owns the backend. Every public method may be called from the app's thread and returns at once."""

    def __init__(self, post: Callable[[Message], object]) -> None:
        self.pacing = Pacing()
        self._post = post
        self._wake = threading.Condition()
        self._closed = False
        self._opening = 0  # the number of the newest request to open a model
        self._found: Opening | None = None
        self._running: Opening | None = None  # what the model that runs was opened from
        self._change = False  # whether its network is to change over to kernels
        self._looks: list[Look] = []
        self._run: Run | None = None
        self._jobs: dict[str, Job] = {}  # what is done when nothing else is, the first of JOBS first
        self._handled = True  # whether the app is done with the last Stepped message
        self._model: Model | None = None
        self._name = ""  # of the model; a request that was meant for the one before is dropped

    # Requests, from the app's thread

    def open(self, name: str, options: LoadOptions) -> None:
        """Opens a model in place of the one that runs now, which goes on until the new one is there."""
        with self._wake:
            self._opening += 1
            number = self._opening
        threading.Thread(target=self._find, args=(number, name, options), name="find-model", daemon=True).start()

    def change_over(self, name: str) -> None:
        """Lets a model's network change over to compiled kernels, which are there, between two tokens."""
        with self._wake:
            self._change = name == self._name
            self._wake.notify()

    def look(self, requests: list[Look]) -> None:
        """Computes logits after these nodes, in order; replaces looks that wait."""
        with self._wake:
            self._looks = [look for look in requests if look.model == self._name]
            self._wake.notify()

    def run(self, run: Run) -> None:
        """Starts a run in place of the one that goes on."""
        with self._wake:
            self._run = run if run.model == self._name else None
            self._wake.notify()

    def stop(self) -> None:
        """Ends the run."""
        with self._wake:
            self._run = None
            self._wake.notify()

    def set_speed(self, speed: float | None) -> None:
        """Changes the speed of the run that goes on."""
        with self._wake:
            if self._run is not None:
                self._run.speed = speed
                self._run.due = time.monotonic()
                self._wake.notify()

    def measure(self, model: str, ids: list[int], steps: list[tuple[int, Step]]) -> None:
        """Fills in the probabilities of prompt steps (node, step) of a stream."""
        self._begin("measure", model, lambda opened: measuring(opened, ids, steps))

    def reconsider(self, request: WhatIf) -> None:
        """What a stream's coins would have chosen with other settings; replaces the request before."""
        self._begin("what if", request.model, lambda opened: reconsidering(opened, request))

    def repeat(self, request: Repeat) -> None:
        """Runs lanes over seeds; replaces the repetition that goes on."""
        self._begin("repeat", request.model, lambda opened: repeating(opened, request))

    def export(self, request: Export) -> None:
        """Writes a session as a page with the candidates of every token."""
        self._begin("export", request.model, lambda opened: exporting(opened, request))

    def stop_job(self, kind: str) -> None:
        """Ends a job of JOBS."""
        with self._wake:
            self._jobs.pop(kind, None)

    def _begin(self, kind: str, model: str, make: Callable[[Model], Job]) -> None:
        with self._wake:
            if self._model is not None and model == self._name:
                self._jobs[kind] = make(self._model)  # a generator: nothing is computed yet
                self._wake.notify()

    def handled(self) -> None:
        """The app is done with the last Stepped message: the next may come."""
        self.pacing.drew()
        with self._wake:
            self._handled = True
            self._wake.notify()

    def close(self) -> None:
        """Ends the thread."""
        with self._wake:
            self._closed = True
            self._opening += 1
            self._wake.notify()

    # The threads

    def _find(self, number: int, name: str, options: LoadOptions) -> None:
        from engine.gpt2.kernels.compiled import compile_kernels
        from engine.models.opening import kernels_ready, locate, read_tokenizer
        from engine.models.weights_hash import weights_sha256

        def progress(what: str, done: int, total: int | None) -> None:
            if number != self._opening:
                raise CancelledError
            self._post(Loading(name, what, done, total))

        try:
            progress("looking for the files", 0, None)
            located = locate(name, progress)
            tokenizer = read_tokenizer(located)
            progress("loading the network", 0, None)
            sha256 = weights_sha256(located.folder)
            if options.precision == "int8" and not kernels_ready():
                progress("compiling for int8, once", 0, None)
                compile_kernels(lambda: number != self._opening)
        except CancelledError:
            return
        except Exception as error:
            self._fail(number, name, error)
            return
        with self._wake:
            if number != self._opening:
                return
            self._found = Opening(number, located, tokenizer, options, sha256)
            self._wake.notify()
        self._post(TokenizerReady(name, tokenizer, located.config.vocab_size))

    def _compile_beside(self, name: str) -> None:
        """Compiles kernels while a model already runs; goes on where another one is asked for, which needs them too."""
        from engine.gpt2.kernels import compiled

        try:
            compiled.compile_kernels(lambda: self._closed)
        except Exception as error:
            if not self._closed:
                self._post(KernelsReady(name, reason_of(error)))
            return
        self._post(KernelsReady(name))

    def _fail(self, number: int, name: str, error: Exception) -> None:
        if number == self._opening:
            self._post(ModelFailed(name, reason_of(error)))

    def loop(self) -> None:
        """Works until closed."""
        step_back()
        from engine.models.opening import kernels_ready

        with suppress(Exception):  # it is asked again, by whoever says what is wrong
            kernels_ready()  # loading LLVM takes a tenth of a second: begin with it
        while True:
            with self._wake:
                while (wait := self._idle_for()) != 0:
                    self._wake.wait(wait)
                if self._closed:
                    return
                found, self._found = self._found, None
                # What goes on in the background is one network's: it is finished first.
                change = self._change and found is None and not self._jobs
                self._change = self._change and not change
                look = self._looks.pop(0) if self._looks and found is None and not change else None
                run = self._run
                kind = next((kind for kind in JOBS if kind in self._jobs), None)
                job = self._jobs[kind] if kind else None
            try:
                if found is not None:
                    self._start(found)
                elif self._model is None:
                    continue
                elif change:
                    self._change_over()
                elif look is not None:
                    self._look(self._model, look)
                elif run is not None and time.monotonic() >= run.due:
                    self._step(self._model, run)
                elif kind is not None and job is not None:
                    self._work(kind, job)
            except Exception as error:
                with self._wake:
                    self._run = None
                    self._jobs.clear()
                self._post(Failed(reason_of(error)))

    def _work(self, kind: str, job: Job) -> None:
        message = next(job, DONE)
        with self._wake:
            wanted = self._jobs.get(kind) is job
            if wanted and message is DONE:
                del self._jobs[kind]
        if wanted and isinstance(message, Message):
            self._post(message)

    def _idle_for(self) -> float | None:
        """How long there is nothing to do: 0 for not at all, None for until woken. Holds the lock."""
        if self._closed or self._found is not None:
            return 0
        if self._model is None:
            return None
        if self._looks or self._jobs or self._change:
            return 0
        if self._run is not None:
            return max(0.0, self._run.due - time.monotonic())
        return None

    def _start(self, opening: Opening) -> None:
        from engine.models.opening import Model, kernels_ready, start_backend
        from engine.models.record import record_of

        located, options = opening.located, opening.options
        try:
            ready = kernels_ready()
            backend = start_backend(located, options, kernels=ready)
        except Exception as error:
            self._fail(opening.number, located.source.name, error)
            return
        with self._wake:
            self._looks.clear()
            self._jobs.clear()
            self._run = None
            self._change = False
            self._name = backend.info.name
            self._model = Model(backend, opening.tokenizer)
            self._running = opening
        record = record_of(located, backend.info, opening.sha256)
        # What lives as long as the app is left out of collections from here on: each full one would walk through all of
        # it, and the screen stand still meanwhile.
        gc.freeze()
        self._post(ModelReady(backend.info, opening.tokenizer, record, located.folder))
        if not ready and backend.info.device == "cpu":
            threading.Thread(target=self._compile_beside, args=(self._name,), name="compile", daemon=True).start()

    def _change_over(self) -> None:
        from engine.models.opening import Model, start_backend
        from engine.models.record import record_of

        opening, before = self._running, self._model
        if opening is None or before is None or before.info.form != "numpy":
            return  # opened again meanwhile
        backend = start_backend(opening.located, opening.options)
        run = self._run
        if run is not None and any(run.fresh):
            # What was made so far belongs to the network before.
            self._report(before.backend, run, None, time.monotonic(), wait=True)
        with self._wake:
            jobs = bool(self._jobs)  # begun while the weights were read: they hold the network before, and go first
            self._change = jobs
            if not jobs:
                self._model = Model(backend, opening.tokenizer)
        if jobs:
            return
        self._post(ChangedOver(backend.info, record_of(opening.located, backend.info, opening.sha256)))

    def _look(self, model: Model, look: Look) -> None:
        from engine.generation.decode import logits_at

        logits = logits_at(model.backend, [(look.ids, len(look.ids))], model.tokenizer.end_of_text)[0]
        self._post(Looked(look.place, logits, model.backend.computed))

    def _step(self, model: Model, run: Run) -> None:
        from engine.generation.decode import advance

        now = time.monotonic()
        if not run.started:
            run.started = run.due = now
            run.fresh = [[] for _ in run.lanes]
            run.dists = [None] * len(run.lanes)
        done = advance(model.backend, hindmost(run.lanes), model.tokenizer.end_of_text)
        for lane, step, dist in done:
            place = next(n for n, own in enumerate(run.lanes) if own is lane)
            run.fresh[place].append(step)
            run.dists[place] = dist
        run.made += len(done)
        ended = None if any(lane.stop is None for lane in run.lanes) else run.lanes[0].stop or "length"
        now = time.monotonic()
        if run.speed is not None:
            # After a pause (a slow look, a breakpoint) it does not race to catch up.
            run.due = max(run.due + 1 / run.speed, now - 1 / run.speed)
        slow = run.speed is not None and run.due - now > self.pacing.frame
        if ended or slow or self.pacing.due(run.posted, now):
            self._report(model.backend, run, ended, now)

    def _report(self, backend: Backend, run: Run, ended: str | None, now: float, *, wait: bool = False) -> None:
        with self._wake:
            # A slow screen gets fewer, longer messages; only the last one of a run has to wait for it.
            while (ended or wait) and not self._handled and self._run is run and not self._closed:
                self._wake.wait()
            if not self._handled or self._run is not run:
                return
            self._handled = False
            if ended:
                self._run = None
        rate = run.made / max(1e-6, now - run.started)
        fresh, run.fresh, run.posted = run.fresh, [[] for _ in run.lanes], now
        dists, run.dists = run.dists, [None] * len(run.lanes)
        stops = [lane.stop for lane in run.lanes]
        self._post(Stepped(run.number, fresh, dists, rate, backend.computed, list(stops), ended))
