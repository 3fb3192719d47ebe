"""Makes the pictures in the README from the real app on the embedded model.

    python -m tests.pictures.make
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from pathlib import Path

from engine.settings import Settings
from tui.app import Options, RemixApp

FOLDER = Path(__file__).parent
PREFIX = "It is a truth universally acknowledged"
WIDE, SMALL = (120, 36), (80, 24)

PICTURES = {
    "playground": (WIDE, {"settings": Settings(temperature=0.9, top_p=0.9)},
                   [*["space"] * 45, *["left"] * 30, "3", "b", "t", "escape", "right", "right"]),
    "opened": (SMALL, {}, []),
    "coin": (SMALL, {}, ["space"] * 3),
    "cut": (SMALL, {"settings": Settings(temperature=0.8, top_k=6, top_p=0.9)}, ["space", "space"]),
    "gumbel": (SMALL, {"coin": "gumbel", "theme": "chalk"}, ["space"] * 6),
    "paper": (SMALL, {"theme": "paper"}, ["space"] * 24),
    "prefix": (SMALL, {}, ["e"]),
    "compare": (WIDE, {}, ["c", "2", "d", "p", *["space"] * 40, *["left"] * 12]),
    "luck": (SMALL, {"coin": "gumbel"}, [*["space"] * 24, *["left"] * 20, "down", "w", "down", "enter"]),
    "plot": (SMALL, {"settings": Settings(temperature=0.8, top_k=40, top_p=0.9)}, ["space", "l"]),
}  # fmt: skip


async def picture(name: str) -> str:
    """An SVG of the app after some keys."""
    from tests.tui.test_snapshots import doing

    size, options, keys = PICTURES[name]
    app = RemixApp(Options(**({"prefix": PREFIX, "seed": 7, "speed": 20.0} | options)))  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        await doing(*keys)(pilot)
        return app.export_screenshot(title="gpt2-remix")


def main() -> None:
    """Writes every picture, without a font from anywhere: the reader's own monospaced one is used."""
    for name in PICTURES:
        with tempfile.TemporaryDirectory() as home:
            os.environ["XDG_CONFIG_HOME"] = home
            svg = asyncio.run(picture(name))
        svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
        (FOLDER / f"{name}.svg").write_text(svg.replace("font-family: Fira Code, monospace", "font-family: monospace"))
        print(FOLDER / f"{name}.svg")


if __name__ == "__main__":
    main()
