"""`gpt2-remix trace` and `index`: where a text stands word for word in a training text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpt2_remix.engine.cli.arguments import FilePath, Number
from gpt2_remix.engine.cli.options import (
    ManySources,
    ModelChoice,
    commands,
    examples,
    ids_option,
    json_option,
    model_options,
    read_text,
    source_option,
)
from gpt2_remix.engine.cli.output import echo, note, print_json, progress_bars, shown_token
from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import path_of
from gpt2_remix.engine.tokens.ids import parse_ids
from gpt2_remix.engine.words import counted

if TYPE_CHECKING:
    from gpt2_remix.engine.models.opening import Located
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer
    from gpt2_remix.engine.trace.index import Index
    from gpt2_remix.engine.trace.spans import Span

WORDS = 60
"""Characters of a span that are shown."""

AFTER = 12
"""Tokens of the passage that are shown after a span."""


@commands.command(
    cls=ManySources,
    epilog=examples('gpt2-remix trace "It is a truth universally acknowledged, that a single man of no fortune"',
                    "gpt2-remix trace --file chapter.txt --json",
                    "gpt2-remix trace --file mine.txt --source novels/*.txt",
                    "gpt2-remix trace --model letters-model --file letter.txt --min-tokens 12",
                    'gpt2-remix generate "In the beginning" -n 200 > out.txt; gpt2-remix trace --file out.txt')
)
@click.argument("text", required=False)
@click.option("--file", "path", type=FilePath(), metavar="F", help="Read the text from a file (UTF-8).")
@ids_option
@source_option
@click.option("--min-tokens", type=click.IntRange(4), metavar="N", default=8, show_default=True,
              help="Tokens from which on a span counts.")
@model_options
@json_option
def trace(
    text: str | None, path: Path | None, ids: str | None, sources: tuple[str, ...], min_tokens: int,
    model: ModelChoice, as_json: bool,
) -> None:
    """Find the spans of a text that stand word for word in the training text.

    That is the text that --model was trained on, where an index of it is known (the embedded model has one, and every
    model that `train` made), or the files given by --source. Where the text itself is at hand matches are compared
    token by token; an index of 16-bit fingerprints finds the same ones but for a chance, for each place where a span
    stands, of less than one in a million that it is a token too long (one in 65,536 at an end of the document).
    Spans may overlap; an offset counts the tokens of the document from 0.
    """
    if sum(given is not None for given in (text, path, ids)) != 1:
        raise InputError("trace takes one of TEXT, --file and --ids; give exactly one")
    from gpt2_remix.engine.generation.backend import check_ids
    from gpt2_remix.engine.models.opening import locate, read_tokenizer
    from gpt2_remix.engine.tokens.corpus import plain_line_ends
    from gpt2_remix.engine.trace.spans import covered, spans

    written = plain_line_ends(read_text(path)) if path is not None else text
    if path is not None:
        tell_line_ends([("", path)])
    located = locate(model.name, progress_bars())
    tokenizer = read_tokenizer(located)
    tokens = parse_ids(ids) if ids is not None else tokenizer.encode(written or "")
    check_ids(tokens, located.config.vocab_size)
    index = index_for(located, tokenizer, sources)
    if min_tokens < index.shortest:
        raise InputError(f"--min-tokens {min_tokens} is too few: shorter runs than {index.shortest} tokens "
                         "cannot be told from chance here")
    found = spans(index, tokens, min_tokens)
    share = covered(found) / len(tokens) if tokens else 0.0
    longest = max((span.length for span in found), default=0)
    if as_json:
        print_json({"tokens": len(tokens), "verbatim_fraction": share, "longest": longest, "min_tokens": min_tokens,
                    "verified": index.tokens is not None,
                    "spans": [record(span, tokens, tokenizer) for span in found]})
        return
    echo(f"{counted(len(tokens), 'token')}, {share:.1%} of them in {counted(len(found), 'span')} "
               f"of at least {min_tokens} tokens that stand in {told(index)}"
               + (f"; the longest has {longest}" if found else ""))
    for span in found:
        show(span, tokens, tokenizer, index)


def tell_line_ends(files: Sequence[tuple[str, Path]]) -> None:
    """Say once of texts that their line ends are made one kind."""
    from gpt2_remix.engine.tokens.corpus import about_line_ends

    if words := about_line_ends(files):
        note(words)


def index_for(located: Located, tokenizer: Tokenizer, sources: tuple[str, ...]) -> Index:
    """The index to trace in. Raises InputError where there is none."""
    from gpt2_remix.engine.tokens.corpus import named_files
    from gpt2_remix.engine.trace.sources import find_index, is_index

    tell_line_ends(named_files([word for word in sources if not is_index(path_of(word))]))
    index = find_index(located.folder, tokenizer, located.config.vocab_size, sources, progress_bars())
    if index is None:
        raise InputError(f"the training text of {located.source.name} is not known; give the text to look in: "
                         "--source FILE")
    return index


def told(index: Index) -> str:
    """What is looked in, in words."""
    count = len(index.documents)
    return f"{index.documents[0].title}" if count == 1 else f"{count} documents"


def record(span: Span, tokens: list[int], tokenizer: Tokenizer) -> dict[str, Any]:
    """A span in JSON."""
    return {"start": span.start, "end": span.end, "text": tokenizer.decode(tokens[span.start : span.end]),
            "source": span.document.name, "title": span.document.title, "token_offset": span.offset,
            "count": span.count}


def show(span: Span, tokens: list[int], tokenizer: Tokenizer, index: Index) -> None:
    """A span for a person: where it stands, its words, and how the text and this one go on."""
    document = span.document
    places = "" if span.count == 1 else f", and at {span.count - 1} other place{'s' if span.count > 2 else ''}"
    echo(f"\n{span.start}-{span.end - 1}  {document.title}, token {span.offset:,} of {document.tokens:,} "
               f"({span.offset / max(1, document.tokens):.1%}){places}")
    words = " ".join(tokenizer.decode(tokens[span.start : span.end]).split())
    if len(words) > WORDS:
        words = f"{words[: WORDS // 2]} … {words[-WORDS // 2 :]}"
    echo(f"    {span.length} tokens: {words}")
    ids = following(index, span, tokens)
    if ids and span.end < len(tokens):
        if index.tokens is not None:
            theirs = tokenizer.decode(ids)
            ours = tokenizer.decode(tokens[span.end : span.end + AFTER])
            echo(f"    the text goes on: {' '.join(theirs.split())}")
            echo(f"    this one goes on: {' '.join(ours.split())}")
        else:
            echo(f"    the text goes on with {shown_token(tokenizer, ids[0])}, "
                       f"this one with {shown_token(tokenizer, tokens[span.end])}")


def following(index: Index, span: Span, tokens: list[int]) -> list[int]:
    """What comes after a span in its document: a passage where the text is at hand, else one token, if it is known."""
    import numpy as np

    from gpt2_remix.engine.trace.match import Match, goes_on

    end = span.place + span.length
    if index.tokens is not None:
        last = span.document.start + span.document.tokens
        return [int(token) for token in index.tokens[end : min(end + AFTER, last)]]
    return goes_on(index, Match(span.length, np.array([end])), tokens, span.end)[:1]


@commands.command(
    epilog=examples("gpt2-remix index novels/*.txt --model my-gpt2 -o my-gpt2/trace.safetensors",
                    'gpt2-remix index "Emma=emma.txt" -o emma.safetensors',
                    'gpt2-remix trace "Emma Woodhouse, handsome, clever" --source emma.safetensors')
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("-o", "output", required=True, type=FilePath(), metavar="INDEX",
              help="The index to write; in a model's folder it is called trace.safetensors.")
@click.option("--held-out", type=Number(0, 0.9), default=0.0, show_default=True, metavar="SHARE",
              help="Leave out this share at the end of each file, where the model was not trained on it.")
@model_options
def index(files: tuple[str, ...], output: Path, held_out: float, model: ModelChoice) -> None:
    """Write an index of a training text for `trace`: fingerprints, two bytes for each token, not the text.

    FILE is a text file (UTF-8), or TITLE=FILE to give it a name on screen; --model says whose tokens to use. Memory
    does not grow with the text: a gigabyte is fine.
    """
    if output.suffix != ".safetensors":
        raise InputError(f"{output} should end in .safetensors, by which an index is told from a text")
    from gpt2_remix.engine.models.opening import locate, read_tokenizer
    from gpt2_remix.engine.tokens.corpus import named_files, tokenize, training_tokens
    from gpt2_remix.engine.trace.index import write_index

    named = named_files(files)
    tell_line_ends(named)
    bars = progress_bars()
    located = locate(model.name, bars)
    texts = tokenize(named, read_tokenizer(located), bars)
    write_index(output, texts, located.config.vocab_size, held_out, bars)
    total = sum(training_tokens(text, held_out) for text in texts)
    note(f"wrote {output}: {total:,} tokens of {len(texts)} file{'s' if len(texts) != 1 else ''}")
