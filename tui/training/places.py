"""What M does: switch to the model that is done, show how a training goes, or ask what to train on.

The two screens lead to each other, through here.
"""

from __future__ import annotations

from typing import Any

from textual.app import App

from gpt2_remix.tui.messages import OpenModel
from gpt2_remix.tui.state.training import TrainOptions
from gpt2_remix.tui.workspace import Workspace


def press(app: App[Any], workspace: Workspace) -> None:
    """Do what M does now."""
    if workspace.trainings.ready:
        switch(app, workspace)
    elif workspace.trainings.going:
        show(app, workspace)
    else:
        ask(app, workspace)


def ask(app: App[Any], workspace: Workspace) -> None:
    """Ask what to train on; what was asked for and failed is there to be mended."""
    from gpt2_remix.tui.training.new import TrainScreen

    trainings, last = workspace.trainings, workspace.trainings.training
    if trainings.going:
        show(app, workspace)
        return
    failed = last is not None and bool(last.problem) and not last.has_model

    def asked(options: TrainOptions | None) -> None:
        if options is not None and trainings.begin(options):
            workspace.training_changed.publish(None)
            show(app, workspace)

    screen = TrainScreen(last.options, last.problem) if last is not None and failed else TrainScreen()
    app.push_screen(screen, asked)


def show(app: App[Any], workspace: Workspace) -> None:
    """Show how the training goes, or went."""
    from gpt2_remix.tui.training.screen import TrainingScreen

    training = workspace.trainings.training
    if training is None:
        ask(app, workspace)
    elif not any(isinstance(screen, TrainingScreen) for screen in app.screen_stack):
        then = {"switch": switch, "new": ask}

        def left(answer: str | None) -> None:
            if answer is not None:
                then[answer](app, workspace)

        app.push_screen(TrainingScreen(workspace, training), left)


def switch(app: App[Any], workspace: Workspace) -> None:
    """Open the new model."""
    training = workspace.trainings.training
    if training is not None and training.has_model:
        training.opened = True
        workspace.training_changed.publish(None)
        app.post_message(OpenModel(str(training.options.out)))
