"""The app's trainings: one at a time, in the background; who is told how it goes, and what M does now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import messages
from tui.state.training import Training, TrainWish
from tui.workers.engine import run_numbers
from tui.workers.training_process import Trainer

if TYPE_CHECKING:
    from tui.app import RemixApp


class Trainings:
    """Belongs to the app's thread."""

    def __init__(self, app: RemixApp) -> None:
        self._app = app
        self._trainer = Trainer(app.post_message)
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

    def key(self) -> None:
        """What M does now: switch to the model that is done, show how it goes, or ask what to train on."""
        if self.ready:
            self.switch()
        elif self.going:
            self.show()
        else:
            self.ask()

    def ask(self) -> None:
        """Asks what to train on; a wish that failed is there to be mended."""
        from tui.training.new import TrainScreen

        if self.going:
            self.show()
            return
        last = self.training
        failed = last is not None and bool(last.problem) and not last.has_model
        screen = TrainScreen(last.wish, last.problem) if last is not None and failed else TrainScreen()
        self._app.push_screen(screen, self._asked)

    def _asked(self, wish: TrainWish | None) -> None:
        if wish is not None and self._begin(wish):
            self.show()

    def _begin(self, wish: TrainWish) -> bool:
        training = Training(wish, next(run_numbers))
        try:
            self._trainer.begin(training.number, wish)
        except OSError as error:
            self._app.say(f"no training can be started: {error.strerror}", error=True)
            return False
        self.training = training
        self._told()
        return True

    def show(self) -> None:
        """How it goes, or went."""
        from tui.training.screen import TrainingScreen

        if self.training is None:
            self.ask()
        elif not any(isinstance(screen, TrainingScreen) for screen in self._app.screen_stack):
            self._app.push_screen(TrainingScreen(self.training))

    def stop(self) -> None:
        """Ends it well."""
        if self.training is not None and self.going:
            self.training.stopping = True
            self._trainer.stop()
            self._told()

    def go_on(self) -> None:
        """Goes on with the one that has ended: for the rest of its time, or as long again."""
        old = self.training
        if old is None or not old.over or not old.has_model:
            return
        minutes = (old.wish.minutes or max(1.0, old.seconds / 60)) if old.whole else None
        self._begin(TrainWish((), old.wish.out, minutes))

    def switch(self) -> None:
        """Opens the new model."""
        if self.training is not None and self.training.has_model:
            self.training.opened = True
            self._app.model_chosen(str(self.training.wish.out))

    def said(self, message: messages.TrainingSaid) -> None:
        """It went on."""
        if self.training is not None and message.number == self.training.number:
            self.training.take(message.event)
            self._told()

    def over(self, message: messages.TrainingOver) -> None:
        """It has ended."""
        training = self.training
        if training is None or message.number != training.number:
            return
        training.over, training.problem = True, message.problem
        self._told()
        if message.problem:
            self._app.say(f"training {training.name}: {message.problem}", error=True)
        elif training.has_model:
            end = "is trained" if training.whole else "was stopped"
            self._app.say(f"{training.name} {end}: held-out loss {training.held_out:.3f}; M switches to it")

    def _told(self) -> None:
        self.redraw()
        self._app.playground.show_status()

    def redraw(self) -> None:
        """Draws the screen of it, where that is open."""
        from tui.training.screen import TrainingScreen

        for screen in self._app.screen_stack:
            if isinstance(screen, TrainingScreen) and self.training is not None:
                screen.show(self.training)

    def close(self) -> str:
        """The app ends: the training ends well by itself. Returns what there is to say of it on the way out."""
        if not self.going or self.training is None:
            return ""
        if not self.training.stopping:  # told twice it would end at once
            self._trainer.stop()
        out = self.training.wish.out
        if self.training.begun is None:
            return "the training had not begun; nothing was written"
        return (f"the training of {out} is ended, the best weights so far are kept; "
                f"go on: gpt2-remix train --out {out} --resume")  # fmt: skip
