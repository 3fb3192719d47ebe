"""Which of the playground's keys work now, and which the command palette lists."""

from __future__ import annotations

from gpt2_remix.tui.playground.futures import Futures
from gpt2_remix.tui.playground.host import Host


def enabled(host: Host, futures: Futures, do: str) -> bool | None:
    """Which keys work now."""
    tree = host.exploration.tree
    match do:
        case "lesson.leave":
            return host.panes.alone is None and not futures.running
        case "looking.all_panes":
            return host.panes.alone is not None
        case "futures.halt":
            return futures.running and host.panes.alone is None
        case "runs.start" | "runs.pause":
            return host.activity.running == (do == "runs.pause")
        case "choosing.pick_selected" if host.drawable and host.panes.view.futures.display:
            return bool(host.panes.view.futures.chosen)
        case "choosing.pick_selected" if host.drawable and host.panes.view.forks.display:
            return host.panes.view.forks.fork is not None
        case "choosing.pick_selected":
            return host.panes.view.list.selected_token is not None if host.drawable else None
        case "cursor.sibling":
            position = min(host.exploration.cursor, len(tree) - 1)
            return position >= 0 and len(tree.siblings(position)) > 1
        case "looking.search":
            return not (host.drawable and host.panes.view.searching)
    return True


def offered(host: Host, futures: Futures, do: str) -> bool:
    """Whether the command palette lists it now: of two that take turns only one."""
    trainings = host.workspace.trainings
    match do:
        case "runs.start" | "runs.pause" | "looking.all_panes" | "futures.halt":
            return bool(enabled(host, futures, do))
        case "places.new_training":
            return not trainings.going
        case "places.last_training":
            return trainings.training is not None and trainings.training.over
    return True
