"""How often a run is drawn: often enough to look alive, seldom enough to leave the processor to the network."""

from __future__ import annotations

import time

FASTEST, SLOWEST = 1 / 12, 1 / 4
"""Seconds between two messages of a run, at least and at most."""

AFTER_A_KEY = 0.2
"""Seconds after a key in which a run waits with what it has made, so that the key's effect is drawn first."""

AT_LEAST = 1.0
"""Seconds after which a run is drawn all the same."""

SHARE = 0.12
"""Of a core that the screen may take while it follows a run; keys and what else is drawn come on top."""


class Pacing:
    """Measures what a drawing costs on this machine and in this terminal, and says how long to wait for the next.

    Attributes:
        frame: seconds between two messages of a run.
    """

    def __init__(self) -> None:
        self.frame = FASTEST
        self._pressed = 0.0
        self._cost = 0.0
        self._spent = 0.0
        self._drawn = 0.0

    def pressed(self) -> None:
        """Note that a person pressed a key."""
        self._pressed = time.monotonic()

    def due(self, posted: float, now: float) -> bool:
        """Whether a run whose last message was posted then is to post another."""
        waited = now - posted
        return waited >= self.frame and (now - self._pressed >= AFTER_A_KEY or waited >= AT_LEAST)

    def drew(self) -> None:
        """Note, in the thread that draws, that another message of a run is handled."""
        now, spent = time.monotonic(), time.thread_time()
        if now - self._drawn < 4 * SLOWEST:  # the same run
            cost = spent - self._spent
            self._cost = cost if not self._cost else 0.8 * self._cost + 0.2 * cost
            self.frame = min(SLOWEST, max(FASTEST, self._cost / SHARE))
        self._drawn, self._spent = now, spent
