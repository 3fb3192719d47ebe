"""Markdown: each segment of the tree once, nested as the tree is."""

from __future__ import annotations

from collections.abc import Sequence

from gpt2_remix.engine.session.journal import Session
from gpt2_remix.engine.session.nodes import Annotation
from gpt2_remix.engine.session.outline import branch_only, nodes_of, segments
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.engine.tokens.display import show_text
from gpt2_remix.engine.tokens.tokenizer import Tokenizer, split_characters
from gpt2_remix.engine.words import counted


def to_markdown(session: Session, tokenizer: Tokenizer, *, branch: int | None = None) -> str:
    """A title, what it was made with, and the branches: each segment once, nested as the tree is."""
    tree = session.tree if branch is None else branch_only(session.tree, branch)
    lines = [f"# {_plain(session.name or session.words or 'a session')}", ""]
    for record in tree.models:
        lines.append(f"Model {_plain(record.name)}: {record.parameters:,} parameters, {record.precision}"
                     + (f", weights {record.sha256[:16]}" if record.sha256 else "") + ".")
    lines += [f"{counted(len(tree.nodes) - 1, 'token')}. Picked tokens are **bold**, given ones *italic*.", ""]
    for segment in segments(tree):
        indent = "  " * segment.depth
        nodes = nodes_of(tree, segment)
        notes = [_plain(annotation_words(tree.annotations[node])) for node in nodes if node in tree.annotations]
        words = "".join(_marked(kind, text) for kind, text in _by_origin(tree, tokenizer, nodes))
        lines.append(f"{indent}- {words.replace(chr(10), '⏎ ')}{' — ' + '; '.join(notes) if notes else ''}")
    return "\n".join(lines) + "\n"


def _by_origin(tree: Tree, tokenizer: Tokenizer, nodes: Sequence[int]) -> list[tuple[str, str]]:
    """The text of some nodes, cut where the origin changes; a character stands where its first byte does."""
    steps = [step for node in nodes if (step := tree.nodes[node].step) is not None]
    texts = split_characters([tokenizer.shown_bytes(step.token) for step in steps])
    found: list[tuple[str, str]] = []
    for step, text in zip(steps, texts, strict=True):
        if found and (found[-1][0] == step.origin or not text):
            found[-1] = (found[-1][0], found[-1][1] + text)
        else:
            found.append((step.origin, text))
    return found


def _marked(kind: str, text: str) -> str:
    sign = {"prompt": "*", "picked": "**"}.get(kind, "")
    inner = text.strip()
    if not sign or not inner:
        return _plain(text)
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{before}{sign}{_plain(inner)}{sign}{after}"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|~&" else c for c in show_text(text))


def annotation_words(mark: Annotation) -> str:
    """What a person says of a node, in one line."""
    return " ".join(filter(None, ["★" if mark.star else "", mark.name, mark.note]))
