"""The text of a branch, or of every branch."""

from __future__ import annotations

from collections.abc import Sequence

from gpt2_remix.engine.session.journal import Session
from gpt2_remix.engine.session.outline import shown_leaves
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.engine.tokens.tokenizer import Tokenizer


def text_of(tree: Tree, tokenizer: Tokenizer, nodes: Sequence[int]) -> str:
    """The text of some nodes of a path; an id that the vocabulary does not know in brackets."""
    steps = [step for node in nodes if (step := tree.nodes[node].step) is not None]
    return b"".join(tokenizer.shown_bytes(step.token) for step in steps).decode("utf-8", errors="replace")


def to_text(session: Session, tokenizer: Tokenizer, *, branch: int | None = None) -> str:
    """The text of one branch, or of every branch under a heading of its own where there are several."""
    tree = session.tree
    leaves = [branch] if branch is not None else shown_leaves(tree)
    texts = [text_of(tree, tokenizer, tree.path_to(leaf)) for leaf in leaves]
    if len(texts) == 1:
        return texts[0] + "\n"
    return "\n".join(f"── branch {n} of {len(texts)} ──\n{text}\n" for n, text in enumerate(texts, start=1))
