"""The app's trainings: one at a time, in the background."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import Popen

from textual.message import Message

from gpt2_remix.tui import messages
from gpt2_remix.tui.state.training import Training, TrainOptions
from gpt2_remix.tui.workers.requests import numbers
from gpt2_remix.tui.workers.training_process import TrainingProcess


class Trainings:
    """Belongs to the app's thread.

    Attributes:
        training: the one that goes on, or went on last; None before the first.
    """

    def __init__(self, post: Callable[[Message], object], say: Callable[[str, bool], None]) -> None:
        self._process = TrainingProcess(post)
        self._say = say
        self.training: Training | None = None

    @property
    def going(self) -> bool:
        """Whether one goes on."""
        return self.training is not None and not self.training.over

    @property
    def ready(self) -> bool:
        """Whether there is a new model that was not opened yet."""
        training = self.training
        return training is not None and training.over and training.has_model and not training.opened

    @property
    def words(self) -> str:
        """For the status line."""
        training = self.training
        if training is None or (training.over and not self.ready):
            return ""
        if training.over:
            return "M: the new model"
        return f"training {training.fraction:.0%}" if training.loss is not None else "training"

    @property
    def process(self) -> Popen[str] | None:
        """The process of the training that was begun last."""
        return self._process.process

    def begin(self, options: TrainOptions) -> bool:
        """Start a training; False, and a line, where no process can be started."""
        training = Training(options, next(numbers))
        try:
            self._process.begin(training.number, options)
        except OSError as error:
            self._say(f"no training can be started: {error.strerror}", True)
            return False
        self.training = training
        return True

    def stop(self) -> None:
        """Let it stop cleanly and keep the best weights."""
        if self.training is not None and self.going:
            self.training.stopping = True
            self._process.stop()

    def go_on(self) -> None:
        """Continue the one that has ended: for the rest of its time, or as long again."""
        old = self.training
        if old is None or not old.over or not old.has_model:
            return
        minutes = (old.options.minutes or max(1.0, old.seconds / 60)) if old.whole else None
        self.begin(TrainOptions((), old.options.out, minutes))

    def take(self, message: messages.TrainingEvent) -> bool:
        """Take over what the process said; whether it is the training that goes on."""
        if self.training is None or message.number != self.training.number:
            return False
        if message.event.get("event") == "note":
            self._say(str(message.event["text"]), False)
        self.training.take(message.event)
        return True

    def over(self, message: messages.TrainingOver) -> bool:
        """Take over that the process has ended, and say so; whether it is the training that went on."""
        training = self.training
        if training is None or message.number != training.number:
            return False
        training.over, training.problem = True, message.problem
        if message.problem:
            self._say(f"training {training.name}: {message.problem}", True)
        elif training.has_model:
            end = "is trained" if training.whole else "was stopped"
            self._say(f"{training.name} {end}: held-out loss {training.held_out:.3f}; M switches to it", False)
        return True

    def close(self) -> str:
        """Let the training stop cleanly by itself, as the app ends. Returns what there is to say on the way out."""
        if not self.going or self.training is None:
            return ""
        if not self.training.stopping:  # told twice it would end at once
            self._process.stop()
        out = self.training.options.out
        if self.training.begun is None:
            return "the training had not begun; nothing was written"
        return (f"the training of {out} is ended, the best weights so far are kept; "
                f"go on: gpt2-remix train --out {out} --resume")
