"""`gpt2-remix what-if`: the same luck after one change, in hindsight, for any text."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from gpt2_remix.engine.cli.options import (
    SETTINGS_HELP,
    FoundModel,
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
from gpt2_remix.engine.cli.output import echo, note, print_json, shown_token, step_record
from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.sampling.settings import check_seed, draw_seed
from gpt2_remix.engine.words import counted

if TYPE_CHECKING:
    from gpt2_remix.engine.generation.what_if import WhatIf
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer

class Change(click.ParamType):  # type: ignore[type-arg]
    """POSITION=ID, or POSITION=TEXT for the text of a token."""

    name = "change"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, str]:
        """See `click.ParamType.convert`."""
        if isinstance(value, tuple):
            return value
        position, equals, token = str(value).partition("=")
        if not equals or not token or not is_number(position):
            self.fail(f"{value!r} is no change; write POSITION=ID, as 5=287, or a text, as '5= king'", param, ctx)
        return int(position), token


def is_number(text: str) -> bool:
    """Whether a text is a position or an id."""
    return text.isascii() and text.isdecimal() and len(text) <= 9


def token_of(text: str, tokenizer: Tokenizer) -> int:
    """The id of a token, given as that or as its text. Raises InputError."""
    if is_number(text):
        return int(text)
    ids = tokenizer.encode(text)
    if len(ids) != 1:
        raise InputError(f"{text!r} is {counted(len(ids), 'token')} here ({','.join(map(str, ids))}); give one, with "
                         "the space before it where it begins a word")
    return ids[0]


@commands.command(
    "what-if",
    epilog=examples(
        'gpt2-remix what-if "It is a truth universally acknowledged" --prompt 2 --change 3=287 --seed 7',
        'gpt2-remix what-if "To be, or not to be, that is the question" --prompt 2 --to temperature=0.7 --json',
        'gpt2-remix what-if --ids 91,860,287 --prompt 1 --set top_k=40 --to top_k=5',
    ) + "\n\n" + SETTINGS_HELP,
)
@click.argument("text", required=False)
@click.option("--prompt", type=click.IntRange(0), required=True, metavar="N",
              help="How many tokens are given; luck is drawn for those after them.")
@click.option("--change", "changes_of", type=Change(), multiple=True, metavar="POSITION=ID",
              help="Another token at a position, by its id or its text ('5= king'); several times for several.")
@click.option("--to", "to_text", metavar="SETTINGS", help="Other settings from the prompt on, on top of --set.")
@click.option("--to-model", metavar="NAME", help="Another model, whose ids mean the same.")
@click.option("--seed", type=int, metavar="N", help="Which of the lucks that would have written it; drawn and shown.")
@ids_option
@settings_options
@model_options
@json_option
def what_if(
    text: str | None, prompt: int, changes_of: tuple[tuple[int, str], ...], to_text: str | None, to_model: str | None,
    seed: int | None, ids: str | None, changes: tuple[str, ...], preset_name: str | None, model: ModelChoice,
    as_json: bool,
) -> None:
    """What the same luck would have written after one change, for a text that no coin chose.

    Luck is drawn in hindsight: Gumbel luck under which each token of the text wins with --model and --set. It is one
    of many such lucks, and --seed chooses among them. Then the text is generated again with it after --change, --to or
    --to-model. A token that the settings rule out can have been chosen by no luck: it stays as it stands.
    """
    from gpt2_remix.engine.generation.step import Hindsight
    from gpt2_remix.engine.generation.what_if import check_changes
    from gpt2_remix.engine.sampling.settings import parse_settings

    settings = read_settings(changes, preset_name)
    to = parse_settings(to_text, settings) if to_text is not None else None
    if len({position for position, _ in changes_of}) < len(changes_of):
        raise InputError("--change names a position twice; name each once")
    found = model.find()
    tokens = read_prefix(found, text, ids, empty_is_end=False)
    if not tokens:
        raise InputError("there is no text: give one, or --ids")
    if prompt > len(tokens):
        raise InputError(f"--prompt {prompt} is more than the text has: {counted(len(tokens), 'token')}")
    settings.check_vocabulary(found.vocab_size)
    another = _found(model, to_model, found) if to_model is not None else None
    change = {position: token_of(word, (another or found).tokenizer) for position, word in changes_of}
    check_changes(change, len(tokens), (another or found).vocab_size)
    drawn = seed is None
    seed = draw_seed() if seed is None else check_seed(seed)
    opened = found.start()
    other = another.start() if another is not None else None
    if drawn:
        note(f"seed {seed}")
    from gpt2_remix.engine.generation.what_if import what_if as run

    began, computed = time.perf_counter(), opened.backend.computed
    question = Hindsight(tuple(tokens), prompt, settings, seed, opened.info.name)
    known: WhatIf | None = None
    with click.progressbar(length=len(tokens) - prompt, label="writing", file=sys.stderr,
                           hidden=not sys.stderr.isatty() or len(tokens) < 100) as bar:
        for known in run(opened.backend, question, opened.tokenizer, change=change, to=to,
                         other=(other.backend, other.tokenizer) if other is not None else None):
            bar.update(max(0, len(known.steps) - bar.pos))
    assert known is not None
    words, seconds = (other or opened).tokenizer, time.perf_counter() - began
    computed = opened.backend.computed - computed + (other.backend.computed if other is not None else 0)
    if as_json:
        print_json({
            "ids": tokens, "prompt": prompt, "seed": seed, "settings": settings.to_dict(),
            "to": None if to is None else to.to_dict(), "impossible": known.impossible,
            "changed": {"ids": known.ids, "text": words.decode(known.ids),
                        "steps": [step_record(words, step) for step in known.steps]},
            "same": known.same, "divergence": known.divergence, "again": known.again, "computed": computed,
            "seconds": seconds,
        })
        return
    _print(known, words, change)
    echo(f"{counted(computed, 'token')} computed in {seconds:.1f} s")


def _found(model: ModelChoice, name: str, first: FoundModel) -> FoundModel:
    other = model.find(name)
    if other.vocab_size != first.vocab_size:
        note(f"{name} has {other.vocab_size:,} tokens, {first.name} {first.vocab_size:,}: luck belongs to ids, and the "
             "same id is taken for the same token")
    return other


def _print(known: WhatIf, tokenizer: Tokenizer, changes: dict[int, int]) -> None:
    old = known.question.ids
    echo(f"{'position':>8}  {'was':<18} is")
    for position in range(max(len(old), len(known.ids))):
        was = shown_token(tokenizer, old[position]) if position < len(old) else ""
        now = shown_token(tokenizer, known.ids[position]) if position < len(known.ids) else ""
        how = "changed" if position in changes else "impossible: it stays" if position in known.impossible else (
            "" if was == now else "otherwise")
        echo(f"{position:>8}  {was:<18} {now if was != now else '='}{f'   ({how})' if how else ''}")
    again = f", and from {known.again} on both agree" if known.again is not None else ""
    where = f"they part at {known.divergence}{again}" if known.divergence is not None else "nothing changes"
    asked = len(old) - known.question.prompt
    if known.divergence is not None:
        echo(f"\n{tokenizer.decode(known.ids)}")
    echo(f"\n{known.same} of {counted(asked, 'token')} stay; {where} (luck in hindsight, seed {known.question.seed})")
