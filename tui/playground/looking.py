"""Ways of looking: the heat, the view on the right side, the branches, the panel, one pane alone, and how long a
verbatim span is."""

from __future__ import annotations

from dataclasses import replace

from textual.widget import Widget

from gpt2_remix.tui.playground.host import Host
from gpt2_remix.tui.playground.verbatim import Verbatim
from gpt2_remix.tui.state.heats import next_heat


class Looking:
    """What h, l, t, s, z, /, { and } do."""

    def __init__(self, host: Host, verbatim: Verbatim) -> None:
        self._host = host
        self._verbatim = verbatim
        self._first: Widget | None = None  # the pane that was alone first, since z went through them

    def next_heat(self) -> None:
        """Use the next heat."""
        self.heat(next_heat(self._host.workspace.preferences.heat))

    def heat(self, name: str) -> None:
        """Use a heat."""
        workspace = self._host.workspace
        workspace.remember(replace(workspace.preferences, heat=name))
        self._host.changed(keep_selection=True)

    def span_length(self, direction: int) -> None:
        """Count shorter or longer runs as verbatim, and show them from now on."""
        workspace, length = self._host.workspace, self._verbatim.next_length(direction)
        workspace.remember(replace(workspace.preferences, min_tokens=length, heat="verbatim"))
        self._verbatim.restart()
        self._host.changed(keep_selection=True)

    def next_view(self) -> None:
        """Show the next view of the position under the cursor."""
        self._uncover(self._host.panes.view)
        self._host.panes.view.next_view()
        self._host.changed(keep_selection=True)

    def view(self, name: str) -> None:
        """Show a view of the position under the cursor."""
        self._uncover(self._host.panes.view)
        self._host.panes.view.show_view(name)
        self._host.changed(keep_selection=True)

    def search(self) -> None:
        """Search a token among the candidates."""
        self._uncover(self._host.panes.view)
        self._host.panes.view.search()

    def branches(self) -> None:
        """Show the branches and go to them, or hide them."""
        panes = self._host.panes
        shown = not panes.branches.has_class("shown")
        self._uncover(panes.branches if shown else panes.text_pane)
        panes.branches.set_class(shown, "shown")
        (panes.branches if shown else panes.text).focus()
        self._host.changed(keep_selection=True)

    def settings(self) -> None:
        """Go to the sampling panel, or back."""
        panes = self._host.panes
        back = panes.sampler.focused
        self._uncover(panes.text_pane if back else panes.sampler)
        (panes.text if back else panes.sampler.list).focus()

    def zoom(self) -> None:
        """One pane alone: the one with the focus, the next ones, and all again."""
        panes = self._host.panes
        if (alone := panes.alone) is None:
            self._first = panes.focused
            self._show_alone(self._first)
            return
        order = panes.all
        following = order[(order.index(alone) + 1) % len(order)]
        self._show_alone(None if following is self._first else following)

    def all_panes(self) -> None:
        """All panes again."""
        self._show_alone(None)

    def back_to_text(self) -> None:
        """The focus on the text again, which is then in view."""
        self._uncover(self._host.panes.text_pane)
        self._host.panes.text.focus()

    def _uncover(self, pane: Widget) -> None:
        """All panes again, where another one than this is alone."""
        if self._host.panes.alone not in (None, pane):
            self._show_alone(None)

    def _show_alone(self, pane: Widget | None) -> None:
        panes = self._host.panes
        panes.show_alone(pane)
        if pane is panes.sampler:
            panes.sampler.list.focus()  # then it shows the whole chain
        elif panes.sampler.focused and self._first is not panes.sampler:
            panes.text.focus()
        self._host.changed(keep_selection=True)
