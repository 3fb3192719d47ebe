"""`gpt2-remix sessions`, `import` and `replay`: what is kept, taking an export in, computing it all again."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt2_remix.engine.cli.arguments import FilePath
from gpt2_remix.engine.cli.options import ModelChoice, commands, examples, json_option, model_options
from gpt2_remix.engine.cli.output import echo, note, print_json
from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import has_many_names
from gpt2_remix.engine.words import counted

if TYPE_CHECKING:
    from gpt2_remix.engine.session.journal import Session


@commands.command(epilog=examples("gpt2-remix sessions", "gpt2-remix sessions --json"))
@json_option
def sessions(as_json: bool) -> None:
    """The sessions that are kept, the newest first."""
    from gpt2_remix.engine.session.folder import folder, list_sessions
    from gpt2_remix.engine.tokens.display import show_text

    found = list_sessions()
    if as_json:
        print_json([
            {"path": str(listed.path), "name": listed.name, "words": listed.words, "model": listed.model,
             "nodes": listed.nodes, "changed": listed.changed, "bytes": listed.size, "problem": listed.problem or None}
            for listed in found
        ])
        return
    for listed in found:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(listed.changed))
        tokens = listed.problem or f"{counted(listed.nodes or 0, 'token')}, {listed.model}"
        title = show_text(listed.name or listed.words or "", keep="")
        echo(f"{when}  {show_text(listed.path.name, keep=''):<32} {tokens:<28} {title[:60]}")
    if not found:
        echo("no sessions yet: gpt2-remix saves one as soon as a token was chosen")
    note(f"they are kept in {folder()}")


@commands.command("import", epilog=examples(
    "gpt2-remix import talk.json", "gpt2-remix import talk.json -o talk.remix", "gpt2-remix --session talk.remix",
))
@click.argument("file", type=FilePath())
@click.option("-o", "--output", type=FilePath(), metavar="FILE",
              help="The session file to make; one in the sessions folder where left out.")
def import_command(file: Path, output: Path | None) -> None:
    """Take a JSON export in as a session: the identical one."""
    from gpt2_remix.engine.session.export.json import read_export
    from gpt2_remix.engine.session.folder import folder
    from gpt2_remix.engine.session.locks import claimed, holding
    from gpt2_remix.engine.session.store import SUFFIX, save_whole

    session = read_export(file)
    if output is not None:
        with holding(output):
            save_whole(session, output)
        target = output
    else:
        target, lock = claimed(folder() / f"{file.stem}{SUFFIX}")
        try:
            save_whole(session, target)
        finally:
            lock.release()
    echo(str(target))


@commands.command(epilog=examples("gpt2-remix replay my.remix", "gpt2-remix replay my.remix --json"))
@click.argument("session", metavar="SESSION")
@model_options
@json_option
def replay(session: str, model: ModelChoice, as_json: bool) -> None:
    """Compute every sampled token of a session again from its record, and say which differ, in the token or in its u.

    Uses the model that the session was made with, in the same precision, or --model and --precision.
    """
    from gpt2_remix.engine.models.record import record_of
    from gpt2_remix.engine.models.weights_hash import weights_sha256
    from gpt2_remix.engine.session.replay import Replayed
    from gpt2_remix.engine.session.replay import replay as run

    opened = open_for_reading(session)
    tree = opened.tree
    if not tree.models:
        raise InputError(f"{session} does not say which model made it; there is nothing to replay")
    record = tree.models[tree.model]
    name = model.name if model.given else record.name
    found_model = model.find(name, record.precision)
    located, with_model = found_model.located, found_model.start()
    ours = record_of(located, with_model.info, weights_sha256(located.folder))
    numbers = [n for n, known in enumerate(tree.models) if known.same_network(ours)]
    if not numbers:
        numbers = [tree.model]
        ours_is = f"{name} in {with_model.info.precision}"
        made_with = f"{record.name} in {record.precision}"
        note(f"{ours_is} is not the model that the session was made with ({made_with}): its tokens may differ")
    found = Replayed(0)
    total = sum(node.step is not None and node.step.origin == "sampled" for node in tree.nodes)
    with click.progressbar(length=total, label="replaying", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        for found in run(with_model.backend, tree, with_model.tokenizer, numbers):
            bar.update(found.replayed - bar.pos)
    if as_json:
        print_json({
            "nodes": found.nodes, "replayed": found.replayed, "different": found.different,
            "within_rounding": found.within_rounding, "other_models": found.other_models,
            "other_form": found.other_form, "impossible": found.impossible, "model": name,
        })
        return
    echo(f"{found.nodes:,} nodes, {found.replayed:,} replayed, {len(found.different):,} different")
    if found.within_rounding:
        echo(f"{found.within_rounding:,} of the same ones differ by rounding alone")
    if found.other_form:
        now = with_model.info.form
        by = " or ".join(sorted({tree.models[n].form or "torch" for n in numbers} - {now}))
        echo(f"{found.other_form:,} of the replayed ones were computed by {by}, not by {now}, as recorded: "
                   "the last bits of their probabilities differ, in int8 more")
    if found.other_models:
        echo(f"{found.other_models:,} were made with another model and left out (--model, --precision)")
    if found.impossible:
        echo(f"{found.impossible:,} could not be replayed: {name} lacks ids that they hold, follow or have in "
                   "their settings, or the settings leave it no token")
    for other in found.different[:20]:
        line = f"  node {other['node']} at {other['position']}: {other['recorded']}, now {other['recomputed']}"
        if other["u"] != other["recomputed_u"]:
            line += f"; u {other['u']}, but seed, position and roll give {other['recomputed_u']}"
        echo(line)
    if len(found.different) > 20:
        echo(f"  … and {len(found.different) - 20:,} more (--json lists all)")


def open_for_reading(wanted: str) -> Session:
    """A session by file or name; a damaged one as far as it can be read, with a line about that. Raises InputError."""
    from gpt2_remix.engine.session.folder import find_session
    from gpt2_remix.engine.session.recovery import recover
    from gpt2_remix.engine.session.store import DamagedError, read

    path = find_session(wanted)
    if has_many_names(path):
        note(f"{path.name} has more than one name on this disk (hard links): tokens that were written under another "
             "one and are not taken in yet are missing here")
    try:
        return read(path)
    except DamagedError as error:
        session, lost = recover(path)
        note(f"{error}; {counted(len(session.tree.nodes) - 1, 'token')} could be read, "
             f"{counted(lost, 'record')} could not")
        return session
