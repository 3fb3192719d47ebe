"""Makes the pictures in the README and in docs/lecturers.md from the real app on the embedded model.

    python -m tests.pictures.make [NAME ...]
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.app import RemixApp
from gpt2_remix.tui.state.options import Options
from gpt2_remix.tui.state.training import TrainOptions
from gpt2_remix.tui.style.svg import own_fonts

FOLDER = Path(__file__).parent
PREFIX = "It is a truth universally acknowledged"
PLAY = "ROMEO:\nBut soft, what light through yonder window breaks?\n\nJULIET:\nAy me!\n\n"
WIDE, SMALL = (120, 36), (80, 24)

PICTURES: dict[str, tuple[tuple[int, int], dict[str, Any], list[str]]] = {
    "playground": (WIDE, {"settings": Settings(temperature=0.9, top_p=0.9)},
                   [*["space"] * 45, *["left"] * 30, "3", "b", "t", "escape", "right", "right"]),
    "start": (SMALL, {"prefix": None}, [*"The whale"]),
    "opened": (SMALL, {}, []),
    "settings": (SMALL, {"settings": Settings(temperature=0.8, top_k=40)}, ["space", "s"]),
    "coin": (SMALL, {}, ["space"] * 3),
    "cut": (SMALL, {"settings": Settings(temperature=0.8, top_k=6, top_p=0.9)}, ["space", "space"]),
    "gumbel": (SMALL, {"coin": "gumbel", "theme": "chalk"}, ["space"] * 6),
    "paper": (SMALL, {"theme": "paper"}, ["space"] * 24),
    "prefix": (SMALL, {}, ["e"]),
    "compare": (WIDE, {}, ["c", "2", "d", "p", *["space"] * 40, *["left"] * 12]),
    "luck": (SMALL, {"coin": "gumbel"}, [*["space"] * 24, *["left"] * 20, "down", "w", "down", "enter"]),
    "tree": (SMALL, {}, [*["space"] * 14, *["left"] * 6, "3", "b", *["right"] * 3, "r", "r", "T", "down", "down",
                         "asterisk"]),
    "sessions": (SMALL, {}, [*["space"] * 5, "ctrl+o"]),
    "verbatim": (SMALL, {"prefix": "And God said, Let there be", "seed": 1, "settings": Settings(temperature=0.7)},
                 ["h", "h", "h", *["space"] * 36, *["left"] * 3]),
    "training": (SMALL, {}, []),
    "stage": (SMALL, {"prefix": f"{PREFIX}, that a single", "settings": Settings(top_p=0.6)},
              ["P", "less_than_sign", "less_than_sign", "less_than_sign", *["space"] * 5]),
    "guess": (SMALL, {"prefix": f"{PREFIX}, that a single", "settings": Settings(top_p=0.6)}, ["P", "a", *"12 5 31"]),
    "dice": (SMALL, {"prefix": f"{PREFIX}, that a single", "settings": Settings(top_p=0.6)}, ["P", "d", *"4"]),
    "futures": (SMALL, {"settings": Settings(top_k=40)}, ["l", "l", "down", "down"]),
    "forks": (SMALL, {"prefix": PLAY, "seed": 3}, [*["space"] * 44, "F", "down", "enter", "enter", "J", "home", "n"]),
    "help": (SMALL, {}, ["space", "z", "z", "question_mark"]),
    "plot": (SMALL, {"settings": Settings(temperature=0.8, top_k=40, top_p=0.9)}, ["space", "l"]),
}


async def picture(name: str) -> str:
    """An SVG of the app after some keys."""
    from tests.tui.test_snapshots import doing

    size, options, keys = PICTURES[name]
    given: dict[str, Any] = {"prefix": PREFIX, "seed": 7, "speed": 20.0} | options
    app = RemixApp(Options(**given))
    async with app.run_test(size=size) as pilot:
        await doing(*keys)(pilot)
        if name == "training":
            await some_training(app, pilot)
        return app.export_screenshot(title="gpt2-remix")


async def some_training(app: RemixApp, pilot: Pilot[None]) -> None:
    """A training that is almost done, of the text that `--text TITLE=FILE` names, or of the tests' short quotations."""
    texts = [sys.argv[sys.argv.index("--text") + 1]] if "--text" in sys.argv else [
        str(path) for path in sorted((FOLDER.parent / "quotations").glob("*.txt"))
    ]
    name = texts[0].partition("=")[0].lower() if "--text" in sys.argv else "quotations"
    app.workspace.trainings.begin(TrainOptions(tuple(texts), Path(f"/tmp/pictures/{name}-model"), 2.0))
    app.playground.places.last_training()
    training = app.workspace.trainings.training
    assert training is not None
    while training.fraction < 0.85 and not training.over:
        await pilot.pause(0.1)
    app.clear_notifications()
    await pilot.pause()


def some_sessions() -> None:
    """A few sessions for the list."""
    from gpt2_remix.engine.models.opening import open_model
    from gpt2_remix.engine.session.folder import fresh_path
    from gpt2_remix.engine.session.store import save_whole
    from tests.engine.session.test_export import CHAINS, made

    model = open_model("classics")
    for number, (name, words) in enumerate((("lecture: the biased coin", ""), ("", "It is a truth universally"))):
        session = made(model, CHAINS[:2], branches=3 + 4 * number, length=20)
        session.name, session.words = name, words
        save_whole(session, fresh_path())


def main() -> None:
    """Write every picture."""
    home = Path("/tmp/pictures")
    for name in [given for given in sys.argv[1:] if given in PICTURES] or PICTURES:
        shutil.rmtree(home, ignore_errors=True)
        os.environ |= {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CONFIG", "DATA")}
        (home / "config" / "gpt2-remix").mkdir(parents=True)
        (home / "config" / "gpt2-remix" / "settings.json").write_text('{"toured": true}')
        if name == "sessions":
            some_sessions()
        (FOLDER / f"{name}.svg").write_text(own_fonts(asyncio.run(picture(name))))
        print(FOLDER / f"{name}.svg")
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
