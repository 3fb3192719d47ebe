"""`gpt2-remix [PREFIX]`: opens the app."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt2_remix.engine.cli.arguments import Number, check_dice
from gpt2_remix.engine.cli.options import (
    SETTINGS_HELP,
    ManySources,
    ModelChoice,
    coin_options,
    commands,
    ids_option,
    model_options,
    read_settings,
    session_option,
    settings_options,
    source_option,
)
from gpt2_remix.engine.cli.output import note
from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.sampling.settings import CoinKind, Settings, check_seed
from gpt2_remix.engine.tokens.ids import parse_ids

if TYPE_CHECKING:
    from gpt2_remix.tui.state.options import Options


@commands.command("app", cls=ManySources, epilog=SETTINGS_HELP)
@click.argument("prefix", required=False)
@ids_option
@settings_options
@coin_options
@click.option("--theme", metavar="NAME", help="A theme's name (see `themes`).")
@click.option("--speed", type=Number(0.1, 10000), metavar="TOKENS_PER_SECOND", help="How fast a run goes.")
@model_options
@session_option
@source_option
@click.pass_context
def app_command(
    context: click.Context, prefix: str | None, ids: str | None, changes: tuple[str, ...], preset_name: str | None,
    seed: int | None, coin: CoinKind, dice: tuple[float, ...], theme: str | None, speed: float | None,
    model: ModelChoice, session: Path | None, sources: tuple[str, ...],
) -> int:
    """Open the app on a prefix (this is what `gpt2-remix [PREFIX]` does)."""
    if prefix is not None and ids is not None:
        raise InputError("a text and --ids were both given; give one of them")
    check_terminal()
    token_ids = parse_ids(ids) if ids is not None else None
    settings = read_settings(changes, preset_name) if changes or preset_name else None
    if session is not None:
        check_session(session)
    notes: tuple[str, ...] = ()
    if sources:
        from gpt2_remix.engine.tokens.corpus import about_line_ends, named_files
        from gpt2_remix.engine.trace.sources import is_index

        named = named_files(sources)  # refuses what is no file
        notes = tuple(filter(None, [about_line_ends([one for one in named if not is_index(one[1])])]))
    if session is None or model.given:
        check_what_is_known(model.name, token_ids, settings)
    check_dice(dice, coin)
    coin_given = context.get_parameter_source("coin") == click.core.ParameterSource.COMMANDLINE
    from gpt2_remix.tui.state.options import Options

    return run_app(Options(
        prefix=prefix, ids=token_ids, settings=settings, seed=None if seed is None else check_seed(seed),
        coin=coin if coin_given else None, dice=dice, theme=theme, speed=speed,
        model=model.name if model.given else None, load=model.options, session=session, sources=sources,
        notes=notes,
    ))


def check_terminal() -> None:
    """Refuse where the app cannot be shown. Raises InputError."""
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):  # Textual draws on stderr
        raise InputError("the app needs a terminal; without one use `gpt2-remix generate`, `next` or `score`")
    if os.environ.get("TERM", "") in ("dumb", "unknown"):
        raise InputError(f"the app needs a terminal that can move its cursor, and TERM={os.environ['TERM']} says that "
                         "this one cannot; set TERM=xterm-256color where it can, else use `gpt2-remix generate`")


def run_app(options: Options) -> int:
    """Open the app; the exit status."""
    # A change waits up to two frames to be painted; streaming itself paints no more often than pacing.FASTEST.
    os.environ.setdefault("TEXTUAL_FPS", "120")
    from gpt2_remix.tui.app import RemixApp

    app = RemixApp(options)
    if sys.platform != "win32":
        from gpt2_remix.tui.terminal import TerminalDriver

        app.driver_class = TerminalDriver
    app.run()
    if app.parting:
        with suppress(OSError):  # the terminal may be gone
            for line in app.parting.splitlines():
                note(line)
    return app.return_code or (0 if app.workspace.all_saved else 1)


def check_session(path: Path) -> None:
    """Refuse a file that is no session before the screen opens; what is damaged is for the app. Raises InputError."""
    from gpt2_remix.engine.session.opening import is_export
    from gpt2_remix.engine.session.store import is_sqlite

    if path.exists() and not is_sqlite(path) and not is_export(path):
        raise InputError(f"{path} is not a session of gpt2-remix; choose another file")


def check_what_is_known(model: str, ids: list[int] | None, settings: Settings | None) -> None:
    """Refuse before the screen opens what can be refused without the network; the rest the app says itself.

    Raises:
        InputError: a model's name that stands for nothing, ids outside the vocabulary of a model that is here.
    """
    from gpt2_remix.engine.generation.backend import check_ids
    from gpt2_remix.engine.gpt2.config import read_config
    from gpt2_remix.engine.models.names import resolve

    source = resolve(model)
    if source.kind == "hub":
        return
    try:
        size = read_config(Path(source.place)).vocab_size
    except InputError:
        return  # the app opens all the same, says why this model cannot be loaded, and offers others
    check_ids(ids or [], size)
    if settings is not None:
        settings.check_vocabulary(size)
