"""From the playground to other places: comparisons, the tree, the models, the training, the prefix, notes, help."""

from __future__ import annotations

from collections.abc import Callable

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.tui import messages
from gpt2_remix.tui.playground.host import Host
from gpt2_remix.tui.playground.runs import Runs
from gpt2_remix.tui.state.comparison import Comparison


class Places:
    """What c, T, P, m, M, W, e, N and ? do."""

    def __init__(self, host: Host, runs: Runs) -> None:
        self._host = host
        self._runs = runs
        self.what_if: Callable[[int], None] | None = None  # asks for another token at a place

    def _still_loading(self) -> bool:
        loading = self._host.exploration.tokenizer is None
        if loading:
            self._host.workspace.say("the tokenizer is still loading; one moment")
        return loading

    def compare(self) -> None:
        """Compare lanes side by side from the cursor on; the comparison that stands there already goes on."""
        from gpt2_remix.tui.state.beginnings import begin

        exploration, tree = self._host.exploration, self._host.exploration.tree
        if self._still_loading():
            return
        cursor, known = exploration.cursor, exploration.comparison
        if known is None or known.parent != (tree.parent_of(cursor) if cursor else None) or known.scripted:
            known = begin(exploration, cursor, known)
        self.show_comparison(known)

    def show_comparison(self, comparison: Comparison) -> None:
        """Show a comparison; it stays with the exploration."""
        from gpt2_remix.tui.compare.screen import CompareScreen

        host = self._host
        self._runs.stop()
        host.exploration.comparison = comparison
        host.changed(keep_selection=True)
        host.app.push_screen(CompareScreen(host.workspace, host.exploration, comparison), self._compared)

    def _compared(self, place: int | None) -> None:
        self._host.panes.branches.forget()  # lanes may have been kept
        self._host.changed()
        if place is not None and self.what_if is not None:
            self.what_if(place)

    def tree(self) -> None:
        """Show the whole session as a tree."""
        from gpt2_remix.tui.tree.screen import TreeScreen

        host = self._host

        def chosen(node: int | None) -> None:
            host.panes.branches.forget()
            if node is not None:
                host.exploration.tree.go(node)
            host.changed()

        self._runs.stop()
        host.changed(keep_selection=True)
        host.app.push_screen(TreeScreen(host.workspace, host.exploration), chosen)

    def overlay(self) -> None:
        """Lay all branches from the cursor on over each other: where they go together, and where they part."""
        from gpt2_remix.engine.session.outline import leaves_below
        from gpt2_remix.tui.dialogs.overlay import OverlayScreen

        host, exploration = self._host, self._host.exploration
        tree, position = exploration.tree, exploration.cursor
        parent = tree.parent_of(position)
        leaves = leaves_below(tree, parent)
        streams = [[step.token for node in tree.path_to(leaf)[position:] if (step := tree.nodes[node].step) is not None]
                   for leaf in leaves]
        if not leaves or not any(streams):
            host.workspace.say("nothing goes on from here yet: 16 b grows sixteen branches, then O lays them over each "
                               "other")
            return

        def chosen(place: int | None) -> None:
            if place is not None:
                tree.go(leaves[place])
                tree.move(min(position, len(tree)))
            host.panes.branches.forget()
            host.changed()

        self._runs.stop()
        host.changed(keep_selection=True)
        host.app.push_screen(OverlayScreen(f"overlay from {position} on", {"": streams}, exploration.words,
                                           host.workspace.palette, goes=True), chosen)

    def stage(self) -> None:
        """Tell the stream to a room, from its end on: text, candidates and coin, and nothing else."""
        from gpt2_remix.tui.stage.screen import StageScreen

        host = self._host
        if self._still_loading():
            return
        self._runs.stop()
        host.app.push_screen(StageScreen(host.workspace, host.exploration), lambda _: host.changed())

    def note(self) -> None:
        """Write a note on the token under the cursor; the tree screen and exports show it."""
        from gpt2_remix.engine.session.nodes import Annotation
        from gpt2_remix.tui.dialogs.ask import AskScreen

        host, exploration = self._host, self._host.exploration
        tree, position = exploration.tree, min(exploration.cursor, len(exploration.tree) - 1)
        if position < 0:
            host.workspace.say("there is no token to write a note on yet")
            return
        node = tree.path[position]

        def noted(note: str | None) -> None:
            if note is not None:
                tree.annotate(node, note=note.strip())
                host.workspace.say("the note is kept: T, then m, lists notes, names and stars")

        name = exploration.name(tree.step(position).token)
        hint = "shown in the tree screen (T) and in exports; empty takes it away"
        known = tree.annotations.get(node, Annotation()).note
        host.app.push_screen(AskScreen(f"note on {name} at {position}", hint, value=known, check=str), noted)

    def prefix(self, pasted: str = "") -> None:
        """Edit the current prefix, or a text that was pasted."""
        if self._still_loading():
            return
        from gpt2_remix.tui.dialogs.prefix import PrefixScreen

        host, tree = self._host, self._host.exploration.tree
        try:
            screen = PrefixScreen(host.workspace.palette, host.exploration, tree.ids(tree.prompt_length()), pasted)
        except EngineError as error:
            host.workspace.say(str(error), error=True)
            return
        host.app.push_screen(screen, lambda ids: self.use_prefix(ids, screen.healed))

    def begin(self, text: str) -> None:
        """Start the stream from a text: at once, or, from the options, when the model is there."""
        host, exploration = self._host, self._host.exploration
        if exploration.tokenizer is None:
            host.panes.text.show_plain(text)
            return
        try:
            ids = exploration.tokenizer.encode(text)
        except EngineError as error:
            host.workspace.say(f"{error}; the prefix is empty instead", error=True)
            ids = []
        exploration.tree.set_prompt(ids or [exploration.tokenizer.end_of_text], record=False)
        host.changed()

    def use_prefix(self, ids: list[int] | None, healed: str = "") -> None:
        """Start the stream anew from a prefix; where its end was taken back, offer the tokens that begin with it."""
        if ids is not None:
            self._runs.stop()
            self._host.exploration.tree.set_prompt(ids)
            self._host.changed()
            if healed:
                self._host.panes.view.search(f"^{healed}")

    def model(self) -> None:
        """Choose another model."""
        from gpt2_remix.tui.models.screen import ModelScreen

        def chosen(name: str | None) -> None:
            if name:
                self._host.post_message(messages.OpenModel(name))

        self._host.app.push_screen(ModelScreen(self._host.workspace), chosen)

    def precision(self) -> None:
        """Use weights in int8 instead of fp32, or the other way round."""
        self._host.post_message(messages.SwitchPrecision())

    def train(self) -> None:
        """Switch to the model that was trained, show how a training goes, or ask what to train on."""
        from gpt2_remix.tui.training.places import press

        press(self._host.app, self._host.workspace)

    def new_training(self) -> None:
        """Ask what to train on."""
        from gpt2_remix.tui.training.places import ask

        ask(self._host.app, self._host.workspace)

    def last_training(self) -> None:
        """Show how the last training went."""
        from gpt2_remix.tui.training.places import show

        show(self._host.app, self._host.workspace)
