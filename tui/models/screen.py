"""The model chooser: the models with a name, and a field for any other."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from gpt2_remix.engine.tokens.display import show_text
from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.messages import ErrandFailed, ModelsListed
from gpt2_remix.tui.widgets.choices import Choices
from gpt2_remix.tui.widgets.footer import Keys
from gpt2_remix.tui.workspace import Workspace

NAME_CELLS = 34


class ModelScreen(Modal[str | None]):
    """Dismissed with a name, or None."""

    DEFAULT_CSS = """
    ModelScreen Choices, ModelScreen Choices:focus {
        height: auto; max-height: 12; border: none; padding: 0; background: $surface;
    }
    ModelScreen Input { margin-top: 1; background: $panel; padding: 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel"),
        Binding("tab", "app.focus_next", "list or field"),
    ]

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace

    def compose(self) -> ComposeResult:
        """The list over the field."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "model"
            yield Choices()
            yield Input(placeholder="another one: owner/name on the hub, or a folder", compact=True)
            yield Static("enter opens it; what is not here is downloaded while you go on exploring", classes="hint")
        yield Keys()

    def opened(self) -> None:
        """See what is there, off the screen's thread."""

        folders = self._workspace.preferences.folders

        def work() -> ModelsListed:
            from gpt2_remix.engine.models.hub import list_folders, list_models

            return ModelsListed([*list_folders(folders), *list_models()])

        self._workspace.errands.submit(work, self.post_message, "list models")

    def on_errand_failed(self, message: ErrandFailed) -> None:
        """Say why the models cannot be listed; a name can be typed all the same."""
        message.stop()
        self._workspace.say(message.reason, error=True)

    def on_models_listed(self, message: ModelsListed) -> None:
        """Fill the list."""
        message.stop()
        listed = message.models
        options = self.query_one(Choices)
        for model in listed:
            size = f"{model.parameters / 1e6:,.1f}M" if model.parameters else ""
            where = "embedded" if model.source == "embedded" else "here" if model.folder else "to download"
            where = "a folder" if model.source == "folder" else where
            name = show_text(model.name if len(model.name) <= NAME_CELLS else f"…{model.name[1 - NAME_CELLS:]}")
            options.add_option(Option(Text(f"{name:<{NAME_CELLS}} {size:>9}  {where}", no_wrap=True), id=model.name))
        options.highlighted = 0
        options.focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value.strip())

    def action_cancel(self) -> None:
        """Keep the model."""
        self.dismiss(None)
