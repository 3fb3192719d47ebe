"""Where nobody is there: what a person is asked to do in a lesson is done for them, and faster kernels are awaited."""

from __future__ import annotations

from gpt2_remix.tui.playground.screen import Playground
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.workspace import Workspace


def do_for_them(playground: Playground, deed: str) -> None:
    """Do one of the lesson's `DEEDS`."""
    if deed == "step":
        playground.choosing.step()
    elif deed == "pick":
        if (token := playground.panes.view.list.selected_token) is not None:
            playground.choosing.pick(token)
    elif deed == "again":
        playground.choosing.flip_again()
    elif deed == "branch":
        playground.runs.branch()
    elif deed == "heat":
        playground.looking.next_heat()
    else:
        playground.cursor.move(-1)


def awaits_kernels(workspace: Workspace, exploration: Exploration) -> bool:
    """Whether faster kernels are on their way: their last bits are not those of numpy."""
    return workspace.compiling and exploration.info is not None and exploration.info.form == "numpy"
