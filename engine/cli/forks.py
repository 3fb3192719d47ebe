"""`gpt2-remix forks`: where a text became what it is."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from gpt2_remix.engine import interrupts
from gpt2_remix.engine.cli.arguments import Number
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
from gpt2_remix.engine.cli.output import echo, note, print_json, shown_token
from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.sampling.settings import COINS, SEED_LIMIT, CoinKind, Settings, check_seed, draw_seed
from gpt2_remix.engine.words import counted

if TYPE_CHECKING:
    from gpt2_remix.engine.generation.stream import Stream
    from gpt2_remix.engine.outlook.forks import Forks
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer

@commands.command(
    epilog=examples(
        'gpt2-remix forks "It was the best of times" --outcome good="good|best" --outcome bad="bad|worst"',
        "gpt2-remix forks --session talk.remix --outcome king=King --rolls 16 -n 20 --json",
        'gpt2-remix forks "ROMEO: I am" --outcome love=love --alternatives 0.02 --set top_p=0.9 --seed 3',
    ) + "\n\n" + SETTINGS_HELP,
)
@click.argument("text", required=False)
@click.option("--outcome", "outcome_texts", multiple=True, metavar="NAME=REGEX",
              help="An outcome: the first match in a continuation (Python's re); 1 to 8, `other` is the rest. "
                   "A pattern alone is its own name.")
@click.option("--prompt", type=click.IntRange(0), metavar="N",
              help="The first position; where left out 1, or the end of the session's prompt.")
@click.option("--alternatives", "threshold", type=Number(0, 1, min_open=True), default=0.05, show_default=True,
              metavar="P", help="The final probability from which on a token is an alternative.")
@click.option("--rolls", type=click.IntRange(1, 4096), default=32, show_default=True, metavar="M",
              help="Continuations of each alternative: the luck of seeds seed + 1 … seed + M.")
@click.option("-n", "length", type=click.IntRange(1, 4096), default=40, show_default=True, metavar="N",
              help="Tokens of a continuation.")
@click.option("--session", "session", metavar="SESSION", help="Of this session (a file, or its name).")
@click.option("--branch", type=click.IntRange(1), metavar="N", help="Of this branch of it (1 is the first).")
@click.option("--seed", type=int, metavar="N", help="Where left out the session's, or drawn and shown.")
@click.option("--coin", type=click.Choice(COINS), help="The kind of coin; where left out the session's, or interval.")
@ids_option
@settings_options
@model_options
@json_option
def forks(
    text: str | None, outcome_texts: tuple[str, ...], prompt: int | None, threshold: float, rolls: int, length: int,
    session: str | None, branch: int | None, seed: int | None, coin: CoinKind | None, ids: str | None,
    changes: tuple[str, ...], preset_name: str | None, model: ModelChoice, as_json: bool,
) -> int:
    """Where a text became what it is: how much hangs on the coin at each position, over what could have followed.

    At each position every probable token is continued M times with the same luck. `fork` is how far the outcomes of the
    alternatives lie apart, `pull` how far the token that stands there moved them, both 0 to 1 with a standard error;
    `chance` is the fork that so few rolls make of nothing. The most uncertain positions come first, and ctrl+c prints
    those that are done.
    """
    from gpt2_remix.engine.outlook.outcomes import check_outcomes, parse_outcome

    outcomes = tuple(parse_outcome(one) for one in outcome_texts)
    check_outcomes(outcomes)
    if sum(given is not None for given in (text, ids, session)) != 1:
        raise InputError("forks takes one of TEXT, --ids and --session; give exactly one")
    if branch is not None and session is None:
        raise InputError("--branch is one of a session; name it with --session")
    given = read_settings(changes, preset_name) if changes or preset_name else None
    drawn = seed is None and session is None
    asked = _asked(text, ids, session, branch, model, prompt)
    settings = given or asked.settings
    seed = draw_seed() if drawn else asked.seed if seed is None else check_seed(seed)
    if seed + rolls >= SEED_LIMIT:
        raise InputError(f"seed {seed} leaves no room for {counted(rolls, 'roll')} after it; take a smaller one")
    settings.check_vocabulary(asked.found.vocab_size)
    opened = asked.found.start()
    if drawn:
        note(f"seed {seed}")
    from gpt2_remix.engine.outlook.forks import ForkQuestion, find_forks

    question = ForkQuestion(outcomes, settings, seed, coin or asked.coin, threshold, rolls, length)
    began, known, whole = time.perf_counter(), None, True
    try:
        with click.progressbar(length=1000, label="rolling", file=sys.stderr, hidden=not sys.stderr.isatty(),
                               item_show_func=_so_far) as bar:
            for known in find_forks(opened.backend, asked.stream, question, tokenizer=opened.tokenizer,
                                    first=asked.first):
                bar.update(max(0, int(1000 * known.rolls_done / max(1, known.rolls)) - bar.pos), known)
    except KeyboardInterrupt:
        if known is None:
            raise
        note(f"stopped: {len(known.done)} of {counted(len(known.positions), 'position')} are done")
        whole = False
    assert known is not None
    seconds = time.perf_counter() - began
    if known.timeouts:
        note(f"a pattern took too long {known.timeouts:,} times; that counts as no match")
    if as_json:
        print_json(_document(known, asked.stream.ids(), opened.tokenizer, seconds))
    else:
        _print(known, opened.tokenizer, seconds)
    return 0 if whole else interrupts.exit_status()


@dataclass(frozen=True, slots=True)
class _Asked:
    """The text, from which position on, and what it brings along."""

    stream: Stream
    found: FoundModel
    first: int
    settings: Settings
    seed: int
    coin: CoinKind


def _asked(
    text: str | None, ids: str | None, session: str | None, branch: int | None, model: ModelChoice, prompt: int | None
) -> _Asked:
    """Read the text, or the session. Raises EngineError."""
    if session is None:
        from gpt2_remix.engine.generation.stream import given_text

        found = model.find()
        tokens = read_prefix(found, text, ids, empty_is_end=False)
        first = _checked(1 if prompt is None else prompt, len(tokens))
        return _Asked(given_text(tokens, first), found, first, Settings(), 0, "interval")
    from gpt2_remix.engine.cli.export import leaf_of
    from gpt2_remix.engine.cli.sessions import open_for_reading
    from gpt2_remix.engine.session.outline import branch_only, check_known

    opened = open_for_reading(session)
    leaf = leaf_of(opened, branch)
    tree = opened.tree if leaf is None else branch_only(opened.tree, leaf)
    record = tree.models[tree.model] if tree.models else None
    found = model.find() if model.given or record is None else model.find(record.name, record.precision)
    check_known(tree, found.name, found.vocab_size)
    first = _checked(tree.prompt_length() if prompt is None else prompt, len(tree))
    flip = next((step for step in reversed(tree.steps()) if step.seed is not None), None)
    if flip is None or flip.settings is None or flip.seed is None:
        return _Asked(tree, found, first, tree.view.settings, tree.view.seed, tree.view.coin)
    return _Asked(tree, found, first, flip.settings, flip.seed, flip.coin or tree.view.coin)


def _checked(first: int, length: int) -> int:
    """The first position. Raises InputError where no token stands there."""
    if first >= length:
        raise InputError(f"no token stands at position {first} or after it: the text has {counted(length, 'token')}; "
                         "give a longer text, or a smaller --prompt")
    return first


def _so_far(known: Forks | None) -> str | None:
    """The position on which most hangs so far, for the progress bar."""
    if known is None:
        return None
    best = max(known.done, key=lambda fork: fork.measured.beyond_chance if fork.measured else 0.0, default=None)
    if best is None or best.measured is None:
        return counted(known.computed, "token")
    return f"{counted(len(known.done), 'position')}; fork {best.measured.fork:.2f} at {best.position}"


def _document(known: Forks, ids: list[int], tokenizer: Tokenizer, seconds: float) -> dict[str, Any]:
    from gpt2_remix.engine.outlook.outcomes import OTHER

    question = known.question
    count = len(question.outcomes) + 1
    return {
        "ids": ids, "settings": question.settings.to_dict(), "seed": question.seed, "coin": question.coin,
        "outcomes": [*(outcome.name for outcome in question.outcomes), OTHER], "rolls": question.rolls,
        "n": question.length, "computed": known.computed, "seconds": seconds, "positions": [
            {"position": fork.position, "id": fork.token, "fork": measured.fork, "fork_se": measured.fork_se,
             "fork_chance": measured.chance, "pull": measured.pull, "pull_se": measured.pull_se, "alternatives": [
                 {"id": other.token, "text": tokenizer.decode([other.token]), "p": other.p,
                  "outcomes": other.shares(count)} for other in fork.alternatives]}
            for fork in known.done if (measured := fork.measured) is not None
        ],
    }


def _print(known: Forks, tokenizer: Tokenizer, seconds: float) -> None:
    from gpt2_remix.engine.outlook.outcomes import OTHER

    names = [*(outcome.name for outcome in known.question.outcomes), OTHER]
    echo(f"{'position':>8}  {'fork':>12}  {'chance':>6}  {'pull':>12}  token")
    for fork in known.done:
        measured = fork.measured
        assert measured is not None
        echo(f"{fork.position:>8}  {_with_error(measured.fork, measured.fork_se)}  {measured.chance:>6.3f}  "
             f"{_with_error(measured.pull, measured.pull_se)}  {shown_token(tokenizer, fork.token)}")
    most = max(known.done, key=lambda fork: fork.measured.beyond_chance if fork.measured else 0.0, default=None)
    if most is not None:
        echo(f"\nmost hangs on position {most.position}, where {shown_token(tokenizer, most.token)} stands:")
        for other in most.alternatives:
            shares = "  ".join(f"{name} {share:.0%}" for name, share in
                               zip(names, other.shares(len(names)), strict=True))
            echo(f"{other.p:>8.3%}  {shown_token(tokenizer, other.token):<16} {shares}")
    rolls, length = counted(known.question.rolls, "roll"), counted(known.question.length, "token")
    echo(f"\n{rolls} of {length} for each alternative, seeds from {known.question.seed + 1}; "
         f"{counted(known.computed, 'token')} computed in {seconds:.1f} s")


def _with_error(value: float, error: float | None) -> str:
    return f"{value:>5.3f} ± {error:.2f}" if error is not None else f"{value:>12.3f}"
