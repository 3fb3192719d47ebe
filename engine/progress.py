"""Progress of long work: how functions that download or read tell whoever waits."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int | None], None]
"""Called with (what is being done, bytes or records done, those in all or None). May raise to stop the work."""
