"""Runs trainings as processes of their own, so that one goes on exploring: starts, listens, stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from textual.message import Message

from gpt2_remix.engine.program import command, environment
from gpt2_remix.tui.messages import TrainingEvent, TrainingOver
from gpt2_remix.tui.state.training import TrainOptions
from gpt2_remix.tui.workers.threads import start_thread

STOP = signal.SIGINT if os.name == "posix" else signal.SIGTERM


class TrainingProcess:
    """Every method may be called from the app's thread and returns at once; what is said comes as messages."""

    def __init__(self, post: Callable[[Message], object]) -> None:
        self._post = post
        self.process: subprocess.Popen[str] | None = None

    def begin(self, number: int, options: TrainOptions) -> None:
        """Start a training with half the processor's cores. Raises OSError where no process can be started."""
        threads = max(1, (os.cpu_count() or 2) // 2)
        # A session of its own: it ends well by itself when the terminal closes.
        self.process = subprocess.Popen(
            command("tui", "train", "--events", "--threads", str(threads), *options.arguments), env=environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            encoding="utf-8", errors="replace", start_new_session=True,
        )
        start_thread("the training's news", partial(self._listen, number, self.process), self._post)

    def stop(self) -> None:
        """Tell it to end: it keeps the best weights and all that is needed to go on, which takes it some seconds."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(STOP)

    def _listen(self, number: int, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        problem = ""
        for line in process.stderr:
            try:
                event = json.loads(line)
                if not isinstance(event, dict):
                    raise ValueError(line)
            except ValueError:
                problem = line.strip() or problem
            else:
                self._post(TrainingEvent(number, event))
        code = process.wait()
        if code in (0, 130, -STOP):  # the last where it was told to end before it could listen
            problem = ""
        elif not problem:
            problem = f"the training ended unexpectedly ({code}); the best weights so far are kept"
        self._post(TrainingOver(number, problem.removeprefix("gpt2-remix: ")))
