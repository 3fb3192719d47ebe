"""Numbers in few cells."""

from __future__ import annotations

import time


def age(seconds: float, now: float | None = None) -> str:
    """How long ago something was, in the two or three cells that lists have for it."""
    passed = max(0.0, (time.time() if now is None else now) - seconds)
    for size, unit in ((86400 * 365, "y"), (86400, "d"), (3600, "h"), (60, "m")):
        if passed >= size:
            return f"{int(passed // size)} {unit}"
    return f"{int(passed)} s"
