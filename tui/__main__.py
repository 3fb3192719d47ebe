"""The entry of the gpt2-remix program."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from gpt2_remix.engine import interrupts


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: `gpt2-remix COMMAND …`, or `gpt2-remix [PREFIX] …` for the app."""
    interrupts.install()
    from gpt2_remix.tui.cli.program import run_program

    sys.exit(run_program(list(sys.argv[1:] if arguments is None else arguments)))


if __name__ == "__main__":
    main()
