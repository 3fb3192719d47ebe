"""`gpt2-remix score`: how likely a text is."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gpt2_remix.engine.cli.arguments import FilePath
from gpt2_remix.engine.cli.options import (
    ModelChoice,
    commands,
    examples,
    ids_option,
    json_option,
    model_options,
    read_prefix,
    read_text,
)
from gpt2_remix.engine.cli.output import echo, print_json, shown_token
from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.words import counted

WINDOWS = 4
"""Windows of a long text that run as one batch."""


@commands.command(
    epilog=examples('gpt2-remix score "In the beginning God created the heaven and the earth."',
                    "gpt2-remix score --file chapter.txt --json", "gpt2-remix score --ids 91,860,287 --from-start")
)
@click.argument("text", required=False)
@click.option("--file", "path", type=FilePath(), metavar="F", help="Read the text from a file (UTF-8).")
@click.option("--from-start", is_flag=True, help="Put <|endoftext|> before it, so that the first token counts.")
@ids_option
@model_options
@json_option
def score(
    text: str | None, path: Path | None, from_start: bool, ids: str | None, model: ModelChoice, as_json: bool,
) -> None:
    """How likely a text is: log-probability and rank of each token, perplexity, bits per byte."""
    if sum(given is not None for given in (text, path, ids)) != 1:
        raise InputError("score takes one of TEXT, --file and --ids; give exactly one")
    if path is not None:
        text = read_text(path)
    found = model.find()
    tokens = read_prefix(found, text, ids, empty_is_end=False)
    if not tokens:
        raise InputError("there is nothing to score: the text is empty")
    opened = found.start()
    import math

    from gpt2_remix.engine.generation.score import score as scored_positions

    end = opened.tokenizer.end_of_text
    logprobs: list[float | None] = [None] * len(tokens)
    ranks: list[int | None] = [None] * len(tokens)
    with click.progressbar(length=len(tokens), label="scoring", file=sys.stderr,
                           hidden=not sys.stderr.isatty() or len(tokens) < 200) as bar:
        for position, dist in scored_positions(opened.backend, tokens, end, from_start=from_start, at_once=WINDOWS):
            logprobs[position] = -dist.surprisal(tokens[position]) * math.log(2)
            ranks[position] = dist.rank(tokens[position])
            bar.update(1)
    scored = [value for value in logprobs if value is not None]
    size = sum(
        len(opened.tokenizer.token_bytes(token)) for token, value in zip(tokens, logprobs, strict=True)
        if value is not None
    )
    total = -sum(scored)
    perplexity = perplexity_of(total, len(scored))
    bits_per_byte = total / math.log(2) / size if size else None
    if as_json:
        print_json({"ids": tokens, "logprobs": logprobs, "ranks": ranks, "perplexity": perplexity,
                    "bits_per_byte": bits_per_byte})
        return
    echo(f"{'position':>8}  {'id':>6}  {'log p':>9}  {'rank':>6}  token")
    for position, token in enumerate(tokens):
        value, rank = logprobs[position], ranks[position]
        numbers = f"{'-':>9}  {'-':>6}" if value is None else f"{value:>9.4f}  {rank:>6}"
        echo(f"{position:>8}  {token:>6}  {numbers}  {shown_token(opened.tokenizer, token)}")
    if perplexity is None:
        echo("nothing before the only token: no perplexity (--from-start puts <|endoftext|> there)")
    else:
        per_byte = "" if bits_per_byte is None else f", {bits_per_byte:.4f} bits per byte"
        echo(f"perplexity {perplexity:.4f}{per_byte}, over {counted(len(scored), 'token')}")


def perplexity_of(total: float, count: int) -> float | None:
    """exp of the mean negative log-probability (nats); None where nothing was scored."""
    import math

    return math.exp(min(total / count, LARGEST_LOG)) if count else None


LARGEST_LOG = 709.0
"""The logarithm of the largest number there is; a network that diverged in training is surer of wrong tokens."""
