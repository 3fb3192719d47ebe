"""The engine in a background worker: a thread that owns the network.

Each kind of request has one place in its mailbox, so that a new one replaces the old; between two tokens of a run the
worker looks whether something more urgent waits. It touches neither a widget nor the tree: it posts messages, answers
to whoever asked and news of the model to the app.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from textual.message import Message

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.tui.messages import ChangedOver, LogitsReady, ModelReady, RequestFailed, Stepped
from gpt2_remix.tui.workers.jobs import JOBS, Job, start
from gpt2_remix.tui.workers.mailbox import Mailbox
from gpt2_remix.tui.workers.model_loader import FoundModel, ModelLoader
from gpt2_remix.tui.workers.pacing import Pacing
from gpt2_remix.tui.workers.requests import JobRequest, LogitsRequest, Request, RunRequest
from gpt2_remix.tui.workers.threads import reason_of, start_thread, step_back

if TYPE_CHECKING:
    from gpt2_remix.engine.generation.backend import Backend
    from gpt2_remix.engine.generation.lane import Lane
    from gpt2_remix.engine.models.opening import LoadOptions, Model
    from gpt2_remix.engine.sampling.distribution import Distribution

OPEN, CHANGE_OVER = "open", "change over"
"""Places of the mailbox beside those of requests."""

DONE = object()

network_numbers = count(1)


RATE_OVER = 1.0
"""Seconds over which the rate of a run is taken."""


@dataclass(slots=True)
class Run:
    """A run that goes on: what was asked, and what it has made since it was reported last."""

    request: RunRequest
    speed: float | None
    started: float = 0.0
    made: int = 0
    measured: deque[tuple[float, int]] = field(default_factory=deque)
    due: float = 0.0
    posted: float = 0.0
    fresh: list[list[Step]] = field(default_factory=list)
    dists: list[Distribution | None] = field(default_factory=list)

    def rate(self, now: float) -> float:
        """Tokens a second of late, so that a slow beginning is soon forgotten."""
        measured = self.measured or deque([(self.started, 0)])
        measured.append((now, self.made))
        while len(measured) > 2 and now - measured[1][0] > RATE_OVER:
            measured.popleft()
        self.measured = measured
        (since, before), made = measured[0], self.made
        return (made - before) / max(1e-6, now - since)

    @property
    def lanes(self) -> list[Lane]:
        """What is advanced."""
        return self.request.lanes


def hindmost(lanes: list[Lane]) -> list[Lane]:
    """The lanes that are furthest behind: those that joined late catch up, then all step together."""
    live = [lane for lane in lanes if lane.stop is None]
    if not live:
        return lanes
    last = min(len(lane) + lane.offset for lane in live)
    return [lane for lane in live if len(lane) + lane.offset == last]


class EngineWorker:
    """Owns the backend. Every public method may be called from the app's thread and returns at once."""

    def __init__(self, post: Callable[[Message], object]) -> None:
        self.pacing = Pacing()
        self._post = post
        self._mailbox = Mailbox()
        self._loader = ModelLoader(post, lambda found: self._mailbox.put(OPEN, found))
        self._running: FoundModel | None = None  # what the model that runs was opened from
        self._jobs: dict[type[object], tuple[JobRequest, Job]] = {}  # those that were begun
        self._handled = True  # whether the screen is done with the last Stepped message
        self._model: Model | None = None
        self._network = 0

    @property
    def backend(self) -> Backend | None:
        """The backend of the model that runs, to look at; it is used by the worker's thread alone."""
        return self._model.backend if self._model is not None else None

    # From the app's thread

    def open(self, name: str, options: LoadOptions) -> None:
        """Open a model in place of the one that runs now, which goes on until the new one is there."""
        self._loader.find(name, options)

    def change_over(self, name: str) -> None:
        """Let a model's network change over to compiled kernels, which are there, between two tokens."""
        self._mailbox.put(CHANGE_OVER, name)

    def submit(self, request: Request) -> None:
        """Ask for something, in place of the request of this kind that waits or is being worked on."""
        with self._mailbox.lock:
            if request.network == self._network:
                kept = Run(request, request.speed) if isinstance(request, RunRequest) else request
                self._mailbox.put(type(request), kept)

    def cancel(self, kind: type[object]) -> None:
        """Let go of the request of a kind."""
        self._mailbox.drop(kind)

    def works_on(self, kind: type[object]) -> bool:
        """Whether a request of a kind waits or is being worked on."""
        return self._mailbox.get(kind) is not None

    def set_speed(self, speed: float | None) -> None:
        """Change the speed of the run that goes on."""
        with self._mailbox.lock:
            run = self._mailbox.get(RunRequest)
            if run is not None:
                run.speed = speed
                run.due = time.monotonic()
        self._mailbox.wake()

    def handled(self) -> None:
        """The screen is done with the last Stepped message: the next may come."""
        self.pacing.drew()
        self._handled = True
        self._mailbox.wake()

    def close(self) -> None:
        """End the thread."""
        self._loader.close()
        self._mailbox.close()

    # The thread

    def loop(self) -> None:
        """Work until closed."""
        step_back()
        from gpt2_remix.engine.models.opening import kernels_ready

        with suppress(Exception):  # it is asked again, by whoever says what is wrong
            kernels_ready()  # loading LLVM takes a tenth of a second: begin with it
        while self._mailbox.wait(self._pause):
            found = self._mailbox.take(OPEN)
            if found is not None:
                self._start(found)
            elif self._model is not None:
                self._serve(self._model)

    def _pause(self) -> float | None:
        """For how long there is nothing to do: 0 for not at all, None for until woken."""
        mailbox = self._mailbox
        if mailbox.get(OPEN) is not None:
            return 0
        if self._model is None:
            return None
        if any(mailbox.get(kind) is not None for kind in (LogitsRequest, CHANGE_OVER, *JOBS)):
            return 0
        run = mailbox.get(RunRequest)
        return None if run is None else max(0.0, run.due - time.monotonic())

    def _serve(self, model: Model) -> None:
        """Do the most urgent part of what waits."""
        mailbox = self._mailbox
        kind = next((kind for kind in JOBS if mailbox.get(kind) is not None), None)
        if kind is None and (name := mailbox.take(CHANGE_OVER)) is not None:
            self._guard(CHANGE_OVER, self._post, lambda: self._change_over(name))
            return
        logits: LogitsRequest | None = mailbox.get(LogitsRequest)
        run: Run | None = mailbox.get(RunRequest)
        if logits is not None:
            self._guard(LogitsRequest, logits.reply, lambda: self._answer(model, logits), logits)
        elif run is not None and time.monotonic() >= run.due:
            self._guard(RunRequest, run.request.reply, lambda: self._step(model, run), run, run.request.number)
        elif kind is not None:
            request = mailbox.get(kind)
            if request is not None:
                number = getattr(request, "number", 0)
                self._guard(kind, request.reply, lambda: self._work(model, request), request, number)

    def _guard(
        self, kind: object, reply: Callable[[Message], object], work: Callable[[], None], request: object = None,
        number: int = 0,
    ) -> None:
        """Do something; where it fails, that request is let go and whoever asked is told."""
        try:
            work()
        except Exception as error:
            if request is not None:
                self._mailbox.drop(kind, request)
            self._jobs.pop(kind, None)  # type: ignore[call-overload]
            reply(RequestFailed(kind if isinstance(kind, type) else object, number, reason_of(error)))

    def _work(self, model: Model, request: JobRequest) -> None:
        kind = type(request)
        begun = self._jobs.get(kind)
        if begun is None or begun[0] is not request:
            begun = self._jobs[kind] = (request, start(model, request))
        message = next(begun[1], DONE)
        if message is DONE:
            del self._jobs[kind]
            self._mailbox.drop(kind, request)
        elif isinstance(message, Message) and self._mailbox.get(kind) is request:
            request.reply(message)

    def _start(self, found: FoundModel) -> None:
        from gpt2_remix.engine.models.opening import Model, kernels_ready, start_backend
        from gpt2_remix.engine.models.record import record_of

        located, options = found.located, found.options
        try:
            ready = kernels_ready()
            backend = start_backend(located, options, kernels=ready)
            record = record_of(located, backend.info, found.sha256)
        except Exception as error:
            self._loader.failed(found.number, located.source.name, error)
            return
        with self._mailbox.lock:
            self._mailbox.clear()
            self._jobs.clear()
            self._network = next(network_numbers)
            self._model = Model(backend, found.tokenizer)
            self._running = found
        # What lives as long as the app is left out of collections from here on: each full one would walk through all of
        # it, and the screen stand still meanwhile. Once: at a later model garbage would be kept for ever with the rest.
        if not gc.get_freeze_count():
            gc.freeze()
        self._post(ModelReady(self._network, backend.info, found.tokenizer, record, located.folder))
        if not ready and backend.info.device == "cpu":
            start_thread("compiling", partial(self._loader.compile_kernels, backend.info.name), self._post,
                         goes_on=False)

    def _change_over(self, name: str) -> None:
        from gpt2_remix.engine.models.opening import Model, start_backend
        from gpt2_remix.engine.models.record import record_of

        found, before = self._running, self._model
        if found is None or before is None or before.info.name != name or before.info.form != "numpy":
            return  # opened again meanwhile
        backend = start_backend(found.located, found.options)
        run: Run | None = self._mailbox.get(RunRequest)
        if run is not None and any(run.fresh):
            # What was made so far belongs to the network before.
            self._report(before.backend, run, None, time.monotonic(), wait=True)
        with self._mailbox.lock:
            if any(self._mailbox.get(kind) is not None for kind in JOBS):
                # Begun while the weights were read: they hold the network before, and go first.
                self._mailbox.put(CHANGE_OVER, name)
                return
            self._model = Model(backend, found.tokenizer)
            self._network = next(network_numbers)
        self._post(ChangedOver(self._network, backend.info, record_of(found.located, backend.info, found.sha256)))

    def _answer(self, model: Model, request: LogitsRequest) -> None:
        """Give the logits of the places that were asked for, one by one, as long as nothing else is asked."""
        from gpt2_remix.engine.generation.backend import logits_at

        for place, ids in request.wanted:
            if self._mailbox.closed or self._mailbox.get(LogitsRequest) is not request:
                return
            logits = logits_at(model.backend, [(ids, len(ids))], model.tokenizer.end_of_text)[0]
            request.reply(LogitsReady(request.network, place, logits, model.backend.computed))
        self._mailbox.drop(LogitsRequest, request)

    def _step(self, model: Model, run: Run) -> None:
        from gpt2_remix.engine.generation.decode import advance

        now = time.monotonic()
        if not run.started:
            run.started = run.due = now
            run.fresh = [[] for _ in run.lanes]
            run.dists = [None] * len(run.lanes)
        done = advance(model.backend, hindmost(run.lanes), model.tokenizer)
        for lane, step, dist in done:
            place = next(n for n, own in enumerate(run.lanes) if own is lane)
            run.fresh[place].append(step)
            run.dists[place] = dist
        run.made += len(done)
        ended = None if any(lane.stop is None for lane in run.lanes) else run.lanes[0].stop or "length"
        now = time.monotonic()
        if run.speed is not None:
            # After a pause (a slow answer, a breakpoint) it does not race to catch up.
            run.due = max(run.due + 1 / run.speed, now - 1 / run.speed)
        slow = run.speed is not None and run.due - now > self.pacing.frame
        if ended or slow or self.pacing.due(run.posted, now):
            self._report(model.backend, run, ended, now)

    def _report(self, backend: Backend, run: Run, ended: str | None, now: float, *, wait: bool = False) -> None:
        mailbox = self._mailbox

        def goes_on() -> bool:
            return mailbox.get(RunRequest) is run and not mailbox.closed

        if ended or wait:
            # A slow screen gets fewer, longer messages; only the last one of a run has to wait for it.
            mailbox.wait(lambda: 0 if self._handled or not goes_on() else None)
        with mailbox.lock:
            if not self._handled or not goes_on():
                return
            self._handled = False
            if ended:
                mailbox.drop(RunRequest, run)
        rate = run.rate(now)
        fresh, run.fresh, run.posted = run.fresh, [[] for _ in run.lanes], now
        dists, run.dists = run.dists, [None] * len(run.lanes)
        stops = [lane.stop for lane in run.lanes]
        message = Stepped(run.request.number, fresh, dists, rate, backend.computed, list(stops), ended)
        if run.request.reply(message) is False:  # the screen that asked is gone
            mailbox.drop(RunRequest, run)
            self._handled = True
