"""How a training goes: the loss as a plot, figures, and what the network writes at present."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import ProgressBar, Static

from gpt2_remix.engine.tokens.display import show_clock, show_names, show_text
from gpt2_remix.engine.words import counted
from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.state.training import Training
from gpt2_remix.tui.training.loss_plot import LINE, LOOK, LossPlot
from gpt2_remix.tui.widgets.footer import Keys
from gpt2_remix.tui.workspace import Workspace


class TrainingScreen(Modal[str | None]):
    """Shows the current training; closing it changes nothing."""

    DEFAULT_CSS = """
    TrainingScreen .dialog { height: 90%; max-width: 130; width: 94%; }
    TrainingScreen ProgressBar { width: 1fr; }
    TrainingScreen Bar { width: 1fr; }
    TrainingScreen #figures, TrainingScreen #shape { height: auto; }
    TrainingScreen #shape { color: $text-muted; }
    TrainingScreen #sample { height: 3; margin-top: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,M", "switch", "switch to it", key_display="enter"),
        Binding("ctrl+x", "stop", "stop"),
        Binding("r", "go_on", "go on with it"),
        Binding("n", "new", "another text"),
        Binding("escape,q", "close", "explore meanwhile", key_display="esc"),
    ]

    def __init__(self, workspace: Workspace, training: Training) -> None:
        super().__init__()
        self._workspace = workspace
        self._training = training

    def compose(self) -> ComposeResult:
        """Progress over the plot over words."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = f"training {show_text(self._training.name)}"
            yield ProgressBar(total=1.0, show_eta=False)
            yield LossPlot(self._colors)
            yield Static(id="figures")
            yield Static(id="shape")
            yield Static(id="sample")
        yield Keys()

    def opened(self) -> None:
        """Show what is known, and what comes."""
        self.show(self._training)
        self._workspace.training_changed.subscribe(self, lambda _: self._take())
        self._workspace.palette_changed.subscribe(self, lambda _: self._take())

    def _take(self) -> None:
        if self._workspace.trainings.training is not None:
            self.show(self._workspace.trainings.training)

    def _colors(self) -> dict[str, str]:
        return self._workspace.theme.colors

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys work now."""
        training = self._training
        return super().check_action(action, parameters) and {
            "stop": not training.over and not training.stopping,
            "switch": training.over and training.has_model,
            "go_on": training.over and training.has_model,
            "new": training.over,
        }.get(action, True)

    def show(self, training: Training) -> None:
        """The training went on, or is another one."""
        fresh = training is not self._training or training.over or training.stopping
        self._training = training
        if not self.is_attached or not self.query("#sample"):
            return  # it closes
        self.query_one(ProgressBar).update(progress=training.fraction)
        if training.losses or training.looks:
            self.query_one(LossPlot).show(training.losses, training.looks, training.seconds + training.left)
        self.query_one("#figures", Static).update(self._figures())
        self.query_one("#shape", Static).update(Text(self._shape()))
        self.query_one("#sample", Static).update(self._sample())
        if fresh:
            self.refresh_bindings()

    def _figures(self) -> Text:
        training = self._training
        if training.problem:
            return Text(training.problem, style=self._colors()["error"])
        if training.over and training.held_out is not None:
            said = f"held-out loss {training.held_out:.3f} nats a token"
            if training.bits_per_byte is not None:
                said += f", {training.bits_per_byte:.3f} bits a byte"
            end = "done" if training.whole else "stopped"
            return Text(f"{end} after {show_clock(training.seconds)}: {said}")
        if training.over:
            return Text("stopped before it began")
        if training.stopping:
            return Text("ending: the best weights are kept…")
        if training.loss is None:
            return Text(f"{training.doing}…")
        colors = self._colors()
        text = Text.assemble("loss: ", (f"{LINE} training {training.loss:.3f}", colors["muted"]))
        if training.held_out is not None:
            text.append("  ").append(f"{LOOK} held out {training.held_out:.3f}", colors["accent"])
        return text.append(f"  {training.rate:,.0f} tok/s · {show_clock(training.left)} left")

    def _shape(self) -> str:
        begun = self._training.begun
        if begun is None:
            return ""
        texts = begun["texts"]
        most = 3 if self.size.width >= 110 else 1
        more = f", context {begun['context']}, {begun['vocab']:,} tokens known" if self.size.width >= 110 else ""
        return (f"{begun['parameters'] / 1e6:.2f}M: {begun['layers']} layers, width {begun['width']}{more}; "
                f"{counted(begun['tokens'], 'token')} of {show_names(texts, most)}")

    def _sample(self) -> Text:
        words = " ".join(show_text(self._training.sample).split())
        if not words:
            return Text("what it writes is shown here now and then", style="dim")
        return Text("it writes: ", style="dim").append(words, style="not dim")

    def action_switch(self) -> None:
        """Open the new model."""
        self.dismiss("switch")

    def action_stop(self) -> None:
        """Let it stop cleanly and keep the best weights."""
        self._workspace.trainings.stop()
        self._workspace.training_changed.publish(None)

    def action_go_on(self) -> None:
        """For the rest of its time, or as long again."""
        self._workspace.trainings.go_on()
        self._workspace.training_changed.publish(None)

    def action_new(self) -> None:
        """Another one."""
        self.dismiss("new")

    def action_close(self) -> None:
        """The training goes on."""
        self.dismiss(None)
