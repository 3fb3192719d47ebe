"""`gpt2-remix export`: a session, or one branch of it, as JSON, Markdown, HTML, text or a picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt2_remix.engine.cli.arguments import FilePath
from gpt2_remix.engine.cli.options import FrontEnd, ModelChoice, commands, examples, model_options
from gpt2_remix.engine.cli.output import echo, note
from gpt2_remix.engine.cli.sessions import open_for_reading
from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import check_can_write

if TYPE_CHECKING:
    from gpt2_remix.engine.session.journal import Session

FORMATS = ("json", "md", "html", "txt", "svg")


@commands.command(epilog=examples(
    "gpt2-remix export my.remix --format html -o talk.html", "gpt2-remix export my.remix --format txt --branch 2",
    "gpt2-remix export my.remix --format json -o talk.json",
))
@click.argument("session", metavar="SESSION")
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="What to write.")
@click.option("--branch", type=click.IntRange(1), metavar="N", help="Only this branch (1 is the first).")
@click.option("-o", "--output", type=FilePath(), metavar="FILE",
              help="The file to write; standard output where left out.")
@click.option("--no-candidates", is_flag=True, help="HTML without the candidates on hover: no network is run.")
@model_options
@click.pass_obj
def export(
    front_end: FrontEnd | None, session: str, form: str, branch: int | None, output: Path | None, no_candidates: bool,
    model: ModelChoice,
) -> None:
    """Write a session (a file, or the name of one) in another form."""
    from gpt2_remix.engine.session.export.json import session_to_json

    opened = open_for_reading(session)
    if output is not None:
        check_can_write(output)
    leaf = leaf_of(opened, branch)
    if form == "json":
        text = session_to_json(opened, branch=leaf)
    elif form == "svg":
        from gpt2_remix.engine.session.folder import find_session

        if front_end is None:
            raise InputError("there is no screen to draw here; run `gpt2-remix export`")

        text = front_end.draw_screen(find_session(session), leaf)
    else:
        text = readable(opened, form, leaf, model, candidates=not no_candidates)
    write(text, output)


def leaf_of(session: Session, branch: int | None) -> int | None:
    """The last node of a branch by its number; None for all. Raises InputError."""
    if branch is None:
        return None
    leaves = session.tree.leaves()
    if branch > len(leaves):
        many = "is one branch" if len(leaves) == 1 else f"are {len(leaves)} branches"
        raise InputError(f"there is no branch {branch}; there {many}")
    return leaves[branch - 1]


def readable(session: Session, form: str, leaf: int | None, model: ModelChoice, *, candidates: bool) -> str:
    """Markdown, text or HTML. Raises EngineError."""
    from gpt2_remix.engine.models.names import EMBEDDED
    from gpt2_remix.engine.models.record import ModelRecord
    from gpt2_remix.engine.session.export.render import page_size, page_with_candidates, render
    from gpt2_remix.engine.session.outline import unknown_to

    tree = session.tree
    record = tree.models[tree.model] if tree.models else ModelRecord(EMBEDDED)
    name = model.name if model.given else record.name
    found = model.find(name, record.precision)
    if words := unknown_to(tree, name, found.vocab_size):
        note(f"{words}; they are shown as their ids, [{found.vocab_size}] and so on")
    if form != "html" or not candidates:
        return render(form, session, found.tokenizer, branch=leaf)
    opened = found.start()
    text = ""
    with click.progressbar(length=page_size(session, leaf), label="candidates", file=sys.stderr,
                           hidden=not sys.stderr.isatty()) as bar:
        for text in page_with_candidates(session, opened.backend, opened.tokenizer, branch=leaf):
            bar.update(0 if text else 1)
    return text


def write(text: str, output: Path | None) -> None:
    """To a file, or to standard output. Raises EngineError."""
    if output is None:
        echo(text, nl=False)
        return
    from gpt2_remix.engine.session.export.render import write_text

    write_text(output, text)
    note(f"wrote {output}")
