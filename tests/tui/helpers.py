"""What several test files of the app need."""

from __future__ import annotations

import io

from rich.console import Console
from textual.widgets import Static

from gpt2_remix.engine.compare.lanes import run_together
from gpt2_remix.engine.generation.lane import lane_at
from gpt2_remix.engine.generation.stream import Prefix
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.sampling.settings import CoinKind, Settings


def alone(
    model: Model,
    settings: Settings,
    prefix: list[int],
    *,
    seed: int = 7,
    count: int = 10,
    coin: CoinKind = "interval",
    offset: int = 0,
) -> list[int]:
    """The new ids that the engine gives for one lane on its own."""
    lane = lane_at(Prefix(prefix, offset), len(prefix), settings, seed=seed, coin=coin, limit=count)
    for _ in run_together(model.backend, [lane], model.tokenizer):
        pass
    return lane.new_ids


def rendered(static: Static) -> str:
    """What a text or a table says, on lines as long as they are."""
    out = io.StringIO()
    Console(width=400, file=out).print(static.content)
    return out.getvalue()
