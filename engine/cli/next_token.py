"""`gpt2-remix next`: the distribution of the next token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gpt2_remix.engine.cli.options import (
    SETTINGS_HELP,
    ModelChoice,
    commands,
    examples,
    ids_option,
    json_option,
    model_options,
    read_prefix,
    read_settings,
    settings_options,
)
from gpt2_remix.engine.cli.output import echo, note, print_json, shown_token, token_record
from gpt2_remix.engine.sampling.settings import check_seed, draw_seed
from gpt2_remix.engine.tokens.display import show_token

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gpt2_remix.engine.sampling.distribution import Distribution
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer


@commands.command(
    "next",
    epilog=examples('gpt2-remix next "To be, or not to" -k 5', "gpt2-remix next --ids 91 --all --json",
                    'gpt2-remix next "It is a truth univer" --heal',
                    'gpt2-remix next "Call me" --set temperature=0.7,top_p=0.9') + "\n\n" + SETTINGS_HELP,
)
@click.argument("prefix", required=False)
@click.option("-k", "count", type=click.IntRange(1), default=10, show_default=True, help="How many candidates.")
@click.option("--all", "every", is_flag=True, help="The whole vocabulary.")
@click.option("--heal", is_flag=True,
              help="Take back an end at which texts are never cut, and show the tokens that begin with it.")
@click.option("--seed", type=int, metavar="N", help="For settings that flip a coin of their own (xtc).")
@ids_option
@settings_options
@model_options
@json_option
def next_token(
    prefix: str | None, count: int, every: bool, heal: bool, seed: int | None, ids: str | None,
    changes: tuple[str, ...], preset_name: str | None, model: ModelChoice, as_json: bool,
) -> None:
    """The distribution of the next token: raw, after the chain, and what removed each removed token.

    Where the prefix ends in a space or within a token, a line says so: the network never saw a text cut there.
    --heal takes that end back; what is shown then is the distribution over the tokens that begin with it.
    """
    settings = read_settings(changes, preset_name)
    if seed is None and settings.flips:
        seed = draw_seed()
        note(f"seed {seed}")
    check_seed(seed or 0)
    found = model.find()
    prompt = read_prefix(found, prefix, ids)
    settings.check_vocabulary(found.vocab_size)
    from gpt2_remix.engine.tokens.healing import cut_of, longer_than

    cut = cut_of(found.tokenizer, prompt)
    if heal and cut is None:
        cut = longer_than(found.tokenizer, prompt)
    told, cut = (None, cut) if heal else (cut, None)
    prompt = prompt if cut is None else cut.ids
    opened = found.start()
    if told is not None:
        end = show_token(told.end.decode(errors="replace"))
        note(f"the prefix {told.where} ({end}): the network never saw a text cut there; --heal completes it")
    from gpt2_remix.engine.generation.backend import logits_at
    from gpt2_remix.engine.generation.stream import Prefix, context_at
    from gpt2_remix.engine.sampling.distribution import distribution

    context = context_at(Prefix(prompt), len(prompt), settings, seed=seed or 0, tokenizer=opened.tokenizer,
                         context_length=opened.info.context)
    logits = logits_at(opened.backend, [(prompt, len(prompt))], opened.tokenizer.end_of_text)[0]
    if cut is not None:
        logits = _only(logits, cut.tokens)
    elif told is None and longer_than(opened.tokenizer, prompt) is not None:
        _note_open_word(opened.tokenizer, logits)
    dist = distribution(logits, settings, context, account=True)
    most = None if every else count
    chosen = [int(token) for token in dist.order(most if cut is None else len(cut.tokens),
                                                 None if cut is None else cut.tokens)][:most]
    rows = [candidate_record(opened.tokenizer, dist, token) for token in chosen]
    kept = dist.kept if cut is None else int((dist.final > 0).sum())
    if as_json:
        print_json({
            "prompt_ids": prompt, "healed": None if cut is None else cut.end.decode(errors="replace"),
            "settings": settings.to_dict(), "entropy_raw": dist.entropy_raw,
            "entropy_final": dist.entropy_final, "kept": kept, "candidates": rows,
            "chain": [{"step": stage.rule, "kept": stage.kept, "mass_removed": stage.mass_removed}
                      for stage in dist.stages or ()],
        })
        return
    _print(opened.tokenizer, dist, rows, kept)


def _print(tokenizer: Tokenizer, dist: Distribution, rows: list[dict[str, Any]], kept: int) -> None:
    echo(f"{'rank':>6}  {'final':>8}  {'raw':>8}  {'id':>6}  token")
    for row in rows:
        shown = shown_token(tokenizer, row["id"])
        why = f"  (cut by {row['removed_by']})" if row["removed_by"] else ""
        echo(
            f"{row['rank']:>6}  {row['p_final']:>8.3%}  {row['p_raw']:>8.3%}  {row['id']:>6}  {shown}{why}"
        )
    left = max(0.0, 1.0 - sum(row["p_final"] for row in rows))
    echo(f"{'':>6}  {left:>8.3%}  all others, {kept:,} of {dist.size:,} tokens kept, "
               f"entropy {dist.entropy_raw:.2f} bits raw, {dist.entropy_final:.2f} final")
    for stage in dist.stages or ():
        echo(f"{'':>6}  {stage.rule} left {stage.kept:,} tokens, took {stage.mass_removed:.3%} of the mass")


def _note_open_word(tokenizer: Tokenizer, logits: NDArray[np.float32]) -> None:
    """Say so where the network expects the last word of the prefix to go on."""
    import numpy as np

    mass = np.exp(logits.astype(np.float64) - logits.max())
    goes_on = np.array([piece[:1].isalpha() for piece in tokenizer.pieces[: logits.size]])
    share = float(mass[: goes_on.size][goes_on].sum() / mass.sum())
    if share > OPEN_WORD:
        note(f"the prefix seems to end in the middle of a word ({share:.0%} that it goes on): --heal also considers "
             "longer tokens")


OPEN_WORD = 0.5
"""Probability that the last word of a prefix goes on, from which on one is told."""


def _only(logits: NDArray[np.float32], tokens: list[int]) -> NDArray[np.float32]:
    """[vocabulary] float32: the logits of some tokens; all others have no probability."""
    import numpy as np

    kept = np.full_like(logits, logits.max() - NOTHING)
    kept[tokens] = logits[tokens]
    return kept


NOTHING = 1e4
"""Below the highest logit: a probability of 0 in float64."""


def candidate_record(tokenizer: Tokenizer, dist: Distribution, token: int) -> dict[str, Any]:
    """A token's place in a distribution in JSON."""
    return token_record(tokenizer, token) | {
        "p_raw": float(dist.raw[token]), "p_final": float(dist.final[token]), "rank": dist.rank(token),
        "removed_by": dist.removed_by(token),
    }
