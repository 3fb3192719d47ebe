"""Ways of looking: the heat, the view on the right side, the branches, the panel, and how long a verbatim span is."""

from __future__ import annotations

from dataclasses import replace

from gpt2_remix.tui.playground.host import Host
from gpt2_remix.tui.playground.verbatim import Verbatim
from gpt2_remix.tui.state.heats import next_heat


class Looking:
    """What h, l, t, s, /, { and } do."""

    def __init__(self, host: Host, verbatim: Verbatim) -> None:
        self._host = host
        self._verbatim = verbatim

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
        self._host.panes.view.next_view()

    def view(self, name: str) -> None:
        """Show a view of the position under the cursor."""
        self._host.panes.view.show_view(name)

    def search(self) -> None:
        """Search a token among the candidates."""
        self._host.panes.view.search()

    def branches(self) -> None:
        """Show the branches and go to them, or hide them."""
        panes = self._host.panes
        shown = panes.branches.display = not panes.branches.display
        (panes.branches if shown else panes.text).focus()
        self._host.changed(keep_selection=True)

    def settings(self) -> None:
        """Go to the sampling panel, or back."""
        panes = self._host.panes
        (panes.text if panes.sampler.focused else panes.sampler.list).focus()
