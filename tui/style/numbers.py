"""Numbers in few cells: probabilities of many tokens, ages."""

from __future__ import annotations

import math
import time


def scientific(log_p: float) -> str:
    """exp(log_p) to two digits, also where it underflows: 0.034, 2.1e-37."""
    exponent = math.floor(log_p / math.log(10))
    if exponent >= -3:
        return f"{math.exp(log_p):.2g}"
    return f"{math.exp(log_p - exponent * math.log(10)):.1f}e{exponent}"


def age(seconds: float, now: float | None = None) -> str:
    """How long ago something was, in the two or three cells that lists have for it."""
    passed = max(0.0, (time.time() if now is None else now) - seconds)
    for size, unit in ((86400 * 365, "y"), (86400, "d"), (3600, "h"), (60, "m")):
        if passed >= size:
            return f"{int(passed // size)} {unit}"
    return f"{int(passed)} s"
