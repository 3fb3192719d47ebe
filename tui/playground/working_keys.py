"""Which of the playground's keys work now, and which the command palette lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpt2_remix.tui.playground.screen import Playground


def enabled(screen: Playground, do: str) -> bool | None:
    """Which keys work now."""
    tree = screen.exploration.tree
    match do:
        case "lesson.leave":
            return screen.panes.alone is None and not screen.futures.running
        case "looking.all_panes":
            return screen.panes.alone is not None
        case "futures.halt":
            return screen.futures.running and screen.panes.alone is None
        case "runs.start" | "runs.pause":
            return screen.activity.running == (do == "runs.pause")
        case "choosing.pick_selected" if screen.drawable and screen.panes.view.futures.display:
            return bool(screen.panes.view.futures.chosen)
        case "choosing.pick_selected" if screen.drawable and screen.panes.view.forks.display:
            return screen.panes.view.forks.fork is not None
        case "choosing.pick_selected":
            return screen.panes.view.list.selected_token is not None if screen.drawable else None
        case "cursor.sibling":
            position = min(screen.exploration.cursor, len(tree) - 1)
            return position >= 0 and len(tree.siblings(position)) > 1
        case "looking.search":
            return not (screen.drawable and screen.panes.view.searching)
    return True


def offered(screen: Playground, do: str) -> bool:
    """Whether the command palette lists it now: of two that take turns only one."""
    trainings = screen.workspace.trainings
    match do:
        case "runs.start" | "runs.pause" | "looking.all_panes" | "futures.halt":
            return bool(enabled(screen, do))
        case "places.new_training":
            return not trainings.going
        case "places.last_training":
            return trainings.training is not None and trainings.training.over
    return True
