"""A session in any form of export, and its file: what the command and the app share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from gpt2_remix.engine.files import json_bytes, write_whole
from gpt2_remix.engine.generation.backend import Backend
from gpt2_remix.engine.session.export.html import HEAT, HOVERED, MOST_HOVERED, to_html, tokens_on
from gpt2_remix.engine.session.export.json import session_to_json
from gpt2_remix.engine.session.export.markdown import to_markdown
from gpt2_remix.engine.session.export.text import to_text
from gpt2_remix.engine.session.journal import Session
from gpt2_remix.engine.session.replay import Candidate, candidates
from gpt2_remix.engine.tokens.tokenizer import Tokenizer


def render(form: str, session: Session, tokenizer: Tokenizer, *, branch: int | None = None) -> str:
    """A session, or the branch that ends in a node, as "json", "md", "html" (without candidates) or "txt"."""
    if form == "json":
        return session_to_json(session, branch=branch)
    if form == "md":
        return to_markdown(session, tokenizer, branch=branch)
    if form == "html":
        return to_html(session, tokenizer, branch=branch)
    return to_text(session, tokenizer, branch=branch)


def page_size(session: Session, branch: int | None) -> int:
    """For how many tokens `page_with_candidates` runs the network."""
    return min(tokens_on(session, branch), MOST_HOVERED)


def page_with_candidates(
    session: Session, backend: Backend, tokenizer: Tokenizer, *, branch: int | None = None,
    colors: Mapping[str, str] | None = None, heat: tuple[str, str, str] = HEAT,
) -> Iterator[str]:
    """The HTML page with the candidates of its first `MOST_HOVERED` tokens, which the network is run for.

    Yields "" after each token, of which there are `page_size`, and the page at last. Tokens of models with another
    vocabulary have none.
    """
    known: dict[int, list[Candidate]] = {}
    for node, found in islice(candidates(backend, session.tree, tokenizer, HOVERED, branch), MOST_HOVERED):
        known[node] = found
        yield ""
    yield to_html(session, tokenizer, branch=branch, colors=colors, heat=heat,
                  candidates_of=lambda node: known.get(node, ()))


def write_text(path: Path, text: str) -> None:
    """Write a text into a file, whole or not at all. Raises EngineError."""
    write_whole(path, json_bytes(text))
