"""`gpt2-remix futures`: where a text can go, with proof."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from gpt2_remix.engine import interrupts
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
from gpt2_remix.engine.cli.output import echo, note, print_json
from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.tokens.display import show_token
from gpt2_remix.engine.words import counted

if TYPE_CHECKING:
    from gpt2_remix.engine.models.opening import Model
    from gpt2_remix.engine.outlook.futures import Futures


@commands.command(
    epilog=examples(
        'gpt2-remix futures "It is a truth universally" --words --depth 6 --set top_k=40',
        r"""gpt2-remix futures "ROMEO: O, " --find "\bJuliet\b" --depth 3""",
        "gpt2-remix futures --ids 91,860 --depth 4 -k 20 --budget 50000 --json",
    ) + "\n\n" + SETTINGS_HELP,
)
@click.argument("prefix", required=False)
@click.option("--depth", type=click.IntRange(1, 512), default=6, show_default=True, metavar="N",
              help="Tokens that a continuation has at most.")
@click.option("--find", "pattern", metavar="REGEX",
              help="Bounds of the probability that the text of the next N tokens contains a match (Python's re).")
@click.option("--words", is_flag=True, help="Bounds of the probability of each next word.")
@click.option("-k", "count", type=click.IntRange(1, 1000), default=10, show_default=True,
              help="How many words and continuations to print.")
@click.option("--budget", type=click.IntRange(1), default=10_000, show_default=True, metavar="TOKENS",
              help="Stop after so many distributions.")
@ids_option
@settings_options
@model_options
@json_option
def futures(
    prefix: str | None, depth: int, pattern: str | None, words: bool, count: int, budget: int, ids: str | None,
    changes: tuple[str, ...], preset_name: str | None, model: ModelChoice, as_json: bool,
) -> int:
    """Exact futures: the tree of continuations, the heaviest expanded first, without sampling.

    Every path is decided or open, and together they weigh 1. So the decided ones bound the probability of whatever is
    asked from both sides, at any moment: ctrl+c prints what is proved so far. A word is a run of letters, digits and
    underscores, with apostrophes and hyphens inside; where scripts have no spaces, a character. A prefix that ends
    within a word is continued.
    """
    from gpt2_remix.engine.outlook.patterns import compile_pattern

    if pattern == "":
        raise InputError("--find has no pattern; write one, as --find Juliet")
    settings = read_settings(changes, preset_name)
    find = compile_pattern(pattern) if pattern is not None else None
    found = model.find()
    prompt = read_prefix(found, prefix, ids)
    settings.check_vocabulary(found.vocab_size)
    opened = found.start()
    from gpt2_remix.engine.generation.stream import Prefix
    from gpt2_remix.engine.outlook.explore import explore
    from gpt2_remix.engine.outlook.paths import Question

    began = time.perf_counter()
    question = Question(depth, find, words, keep=count)
    known: Futures | None = None
    whole = True
    try:
        with click.progressbar(length=1000, label="decided", file=sys.stderr, hidden=not sys.stderr.isatty(),
                               item_show_func=_so_far) as bar:
            for known in explore(opened.backend, Prefix(prompt), settings, question, tokenizer=opened.tokenizer,
                                 budget=budget):
                bar.update(max(0, int(known.decided * 1000) - bar.pos), known)
    except KeyboardInterrupt:
        if known is None:
            raise
        note("stopped: this is what was proved so far")
        whole = False
    assert known is not None
    seconds = time.perf_counter() - began
    if known.timeouts:
        note(f"the pattern took too long on {counted(known.timeouts, 'text')}; these and later ones stay open")
    if as_json:
        bounds = known.find
        print_json({
            "prompt_ids": prompt, "settings": settings.to_dict(), "depth": depth, "computed": known.computed,
            "seconds": seconds, "decided": known.decided, "open": known.open,
            "find": None if bounds is None else {"pattern": pattern, "lower": bounds[0], "upper": bounds[1]},
            "words": [{"word": word, "lower": lower, "upper": upper} for word, lower, upper in known.words(count)],
            "continuations": [{"ids": list(one.ids), "text": opened.tokenizer.decode(one.ids), "p": one.p}
                              for one in known.continuations(count)],
        })
    else:
        _print(opened, known, pattern, count, seconds)
    return 0 if whole else interrupts.exit_status()


MUCH = 0.1
"""Open weight of which one is told what to do."""


def _so_far(known: Futures | None) -> str | None:
    """What is proved so far, for the progress bar."""
    if known is None:
        return None
    if (bounds := known.find) is not None:
        return f"{bounds[0]:.1%} to {bounds[1]:.1%}"
    best = known.words(1) if known.question.words else []
    if best:
        return f"{show_token(best[0][0])} {best[0][1]:.1%} to {best[0][2]:.1%}"
    return counted(known.computed, "distribution")


def _print(model: Model, known: Futures, pattern: str | None, count: int, seconds: float) -> None:
    if (bounds := known.find) is not None:
        within = counted(known.question.depth, "token")
        never = "; no tokens of this vocabulary make one" if not known.computed and bounds[1] == 0 else ""
        echo(f"a match of {pattern} within {within}: {bounds[0]:.3%} to {bounds[1]:.3%}{never}\n")
    if known.question.words:
        echo(f"{'lower':>8}  {'upper':>8}  next word")
        for word, lower, upper in known.words(count):
            echo(f"{lower:>8.3%}  {upper:>8.3%}  {word}")
        echo()
    echo(f"{'p':>8}  the heaviest decided continuations")
    for one in known.continuations(count):
        text = show_token(model.tokenizer.decode_bytes(one.ids).decode("utf-8", errors="surrogateescape"))
        echo(f"{one.p:>8.3%}  {text or '(decided before the first token)'}")
    echo(f"\ndecided {known.decided:.3%}, open {known.open:.3%}; "
         f"{counted(known.computed, 'distribution')} in {seconds:.1f} s")
    if not known.closed and known.open > MUCH:
        echo("the budget is spent: a larger --budget decides more, and top_k or a smaller --depth leave less to decide")
