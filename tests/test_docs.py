"""The definitions in `docs/` are those of the code."""

from __future__ import annotations

import inspect
from pathlib import Path

from gpt2_remix.engine.sampling.chain.rules import RULES
from gpt2_remix.engine.sampling.fields import NUMBERS
from gpt2_remix.engine.sampling.settings import CHAIN

DOCS = Path(__file__).parents[1] / "docs"

HEAD = """# The chain

The ordered list of rules between the network's raw probabilities and those that the coin works on. The default order
and each rule's meaning are those of Hugging Face transformers' logits processors and warpers, so that a setting
copied from a paper or a model card does the same here; each rule says where the others come from. `chain=` changes
the order, `off=` switches rules off. What one rule removed later rules do not see: `gpt2-remix next` says of each
rule how many tokens it left and how much of the probability it took.

This file is made from the rules' own docstrings: `python -m tests.test_docs` writes it.
"""


def chain_page() -> str:
    """The rules of the chain, from their docstrings."""
    parts = [HEAD]
    for number, name in enumerate(CHAIN, start=1):
        settings = ", ".join(f"`{setting.name}`" for setting in NUMBERS if setting.rule == name) or f"`{name}`"
        parts.append(f"## {number}. {name}\n\nSettings: {settings}.\n\n{inspect.getdoc(RULES[name])}\n")
    return "\n".join(parts)


def test_the_page_of_the_chain_is_that_of_the_rules() -> None:
    assert (DOCS / "chain.md").read_text("utf-8") == chain_page()


def test_every_command_is_in_the_page_of_the_command_line() -> None:
    import gpt2_remix.tui.cli.program  # noqa: F401 - adds the app's own
    from gpt2_remix.engine.cli.options import commands

    page = (DOCS / "command-line.md").read_text("utf-8")
    assert {name for name in commands.modules if f"`{name}" not in page} == set()


if __name__ == "__main__":
    (DOCS / "chain.md").write_text(chain_page(), "utf-8")
