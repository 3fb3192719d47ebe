"""How arguments are read: paths and numbers in one way for all commands, and nothing that was given is dropped."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import path_of
from gpt2_remix.engine.sampling.dice import parse_dice
from gpt2_remix.engine.sampling.settings import CoinKind


class Command(click.Command):
    """A command that refuses an option given twice where one of the two would be dropped without a word."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command.parse_args`."""
        if not ctx.resilient_parsing:
            order = self.make_parser(ctx).parse_args(args=list(args))[2]
            single = Counter(one for one in order if isinstance(one, click.Option) and not one.multiple
                             and not one.is_flag and not one.count)
            for option, times in single.items():
                if times > 1:
                    raise click.UsageError(f"{option.opts[-1]} was given {times} times; give it once", ctx)
        return super().parse_args(ctx, args)


class FilePath(click.ParamType):  # type: ignore[type-arg]
    """A path: `~` is a person's home folder, `--session=~/talk.remix` too, which no shell reads."""

    name = "file"

    def __init__(self, *, folder: bool = False) -> None:
        self._folder = folder  # whether it may be a folder

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """See `click.ParamType.convert`."""
        if not str(value):
            self.fail("the path is empty; name a file", param, ctx)
        path = path_of(str(value))
        if not self._folder and path.is_dir():
            self.fail(f"{path} is a folder; name a file", param, ctx)
        return path

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """See `click.ParamType.shell_complete`."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]


class Dice(click.ParamType):  # type: ignore[type-arg]
    """The u of flips, as ten-sided dice give them: numbers from 0 up to 1, but not 1."""

    name = "dice"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """See `click.ParamType.convert`."""
        if isinstance(value, tuple):
            return value
        try:
            return parse_dice(str(value))
        except InputError as error:
            self.fail(str(error), param, ctx)


def check_dice(dice: Sequence[float], coin: CoinKind) -> None:
    """Raise InputError where dice are to take the place of a coin that has no u."""
    if dice and coin == "gumbel":
        raise InputError("dice give the u of the interval coin, and the Gumbel coin has luck for every token; leave "
                         "out --dice or --coin gumbel")


class Number(click.FloatRange):
    """A number in a range; what is no number (nan), which is in every range, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See `click.ParamType.convert`."""
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is not a number; it is to be in the range {self._describe_range()}", param, ctx)
        return float(found)
