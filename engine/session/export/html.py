"""A session as an HTML page: heat colours, candidates on hover, the branches as a foldable tree."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.session.export.markdown import annotation_words
from gpt2_remix.engine.session.export.text import text_of
from gpt2_remix.engine.session.journal import Session
from gpt2_remix.engine.session.outline import Segment, nodes_of, segments
from gpt2_remix.engine.session.replay import Candidate, CandidatesOf
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.engine.tokens.display import show_text
from gpt2_remix.engine.tokens.tokenizer import Tokenizer, split_characters
from gpt2_remix.engine.words import counted

if TYPE_CHECKING:
    from gpt2_remix.engine.session.journal import Session
    from gpt2_remix.engine.session.replay import Candidate

PAGE_STYLE = """
body { background: BACKGROUND; color: FOREGROUND; font: 16px/1.7 ui-monospace, monospace; max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.2rem; color: PRIMARY; } p { color: MUTED; }
details { border-left: 2px solid PANEL; padding-left: 1rem; margin: .4rem 0; }
summary { cursor: pointer; color: MUTED; }
.s { white-space: pre-wrap; overflow-wrap: anywhere; }
.t { position: relative; border-radius: 2px; } .t:hover { outline: 1px solid ACCENT; }
.prompt { color: PRIMARY; } .picked { text-decoration: underline; font-weight: bold; color: ACCENT; }
.c { display: none; position: absolute; left: 0; top: 1.6em; z-index: 2; background: PANEL; color: FOREGROUND;
  padding: .4rem .7rem; white-space: pre; font-size: .85rem; font-weight: normal; text-decoration: none; }
.t:hover .c { display: block; } .c b { color: ACCENT; } .n { color: MUTED; font-style: italic; }
"""

COLORS = {
    "BACKGROUND": "#14161f", "FOREGROUND": "#e6e6f0", "PRIMARY": "#82aaff", "MUTED": "#8b90a8", "PANEL": "#2a2e42",
    "ACCENT": "#ffb45c",
}
"""Where no theme is given."""

HEAT = ("#14161f", "#4a2a55", "#a03050")

MOST_BITS = 14.0

HOVERED = 8
"""Candidates that the HTML page shows on hover."""

MOST_HOVERED = 20_000
"""Tokens whose candidates a page shows: the first ones on it. More would take minutes to compute, and to load."""


def to_html(
    session: Session, tokenizer: Tokenizer, *, branch: int | None = None, candidates_of: CandidatesOf | None = None,
    colors: Mapping[str, str] | None = None, heat: tuple[str, str, str] = HEAT,
) -> str:
    """A page that needs nothing else: heat colours, the candidates on hover, the branches as a foldable tree.

    No script and no address in it; tokens are text, whatever they hold.
    """
    tree, leaf = session.tree, branch
    title = session.name or session.words or "a session"
    style = PAGE_STYLE
    for name, color in {**COLORS, **(colors or {})}.items():
        style = style.replace(name, color)
    models = "; ".join(f"{record.name}, {record.parameters:,} parameters" for record in tree.models)
    parts = [
        "<!doctype html>\n<html lang=en><meta charset=utf-8>\n"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        "<meta name=viewport content='width=device-width'>\n"
        f"<title>{html.escape(title)}</title>\n<style>{style}</style>\n<h1>{html.escape(title)}</h1>\n"
        f"<p>{html.escape(models)}. The background is the surprisal, 0 to {MOST_BITS:.0f} bits; hover shows the "
        f"candidates{of_the_first(session, branch)}.</p>\n"
    ]
    if leaf is None:
        shown = segments(tree)
    else:
        path = tree.path_to(leaf)
        shown = [Segment(path[0], leaf, 0)] if path else []
    open_depths: list[int] = []
    for segment in shown:
        while open_depths and open_depths[-1] >= segment.depth:
            parts.append("</details>\n")
            open_depths.pop()
        nodes = nodes_of(tree, segment)
        words = " ".join(show_text(text_of(tree, tokenizer, nodes[:12]), keep="").split())
        parts.append(f"<details open><summary>{html.escape(words[:60])} · {counted(len(nodes), 'token')}</summary>\n"
                     f"<div class=s>{_spans(tree, tokenizer, nodes, candidates_of, heat)}</div>\n")
        open_depths.append(segment.depth)
    parts.append("</details>\n" * len(open_depths))
    return "".join(parts)


def tokens_on(session: Session, branch: int | None) -> int:
    """How many tokens a page has."""
    return len(session.tree.nodes) - 1 if branch is None else session.tree.nodes[branch].depth


def of_the_first(session: Session, branch: int | None) -> str:
    """Of how many tokens candidates are shown, where that is not of all."""
    count = tokens_on(session, branch)
    return f" of the first {MOST_HOVERED:,} of {count:,} tokens" if count > MOST_HOVERED else ""


def _spans(
    tree: Tree, tokenizer: Tokenizer, nodes: Sequence[int], candidates_of: CandidatesOf | None,
    heat: tuple[str, str, str],
) -> str:
    steps = [step for node in nodes if (step := tree.nodes[node].step) is not None]
    pieces = [tokenizer.shown_bytes(step.token) for step in steps]
    spans = []
    for node, step, text in zip(nodes, steps, split_characters(pieces), strict=True):
        shown = html.escape(show_text(text, keep="\n\t"), quote=True)
        level = None if step.surprisal is None else _blend(heat, step.surprisal / MOST_BITS)
        background = "" if level is None else f" style='background:{level}'"
        mark = tree.annotations.get(node)
        note = "" if mark is None else f"<span class=n> {html.escape(show_text(annotation_words(mark)))}</span>"
        hover = _hover(step, tokenizer, candidates_of(node) if candidates_of else ())
        spans.append(f"<span class='t {step.origin}'{background}>{shown}<span class=c>{hover}</span></span>{note}")
    return "".join(spans)


def _hover(step: Step, tokenizer: Tokenizer, candidates: Sequence[Candidate]) -> str:
    said = [f"{step.position}: id {step.token}, {step.origin}"]
    if step.u is not None:
        luck = "by hand" if step.by_hand else f"seed {step.seed}, roll {step.roll}"
        if step.hindsight is not None:
            luck = f"luck in hindsight, seed {step.seed}"
        said.append(f"u {step.u:.4f}, {luck}")
    if step.p_raw is not None:
        said.append(f"raw {step.p_raw:.2%}" + (f", final {step.p_final:.2%}" if step.p_final is not None else ""))
    if step.surprisal is not None and step.entropy is not None:
        said.append(f"surprisal {step.surprisal:.2f}, entropy {step.entropy:.2f} bits")
    lines = [html.escape(line) for line in said]
    for candidate in candidates:
        name = html.escape(_token_name(tokenizer, candidate.token))
        line = f"{candidate.p_final:7.2%}  {name}"
        lines.append(f"<b>{line}</b>" if candidate.token == step.token else line)
    return "\n".join(lines)


def _token_name(tokenizer: Tokenizer, token: int) -> str:
    from gpt2_remix.engine.tokens.display import decode_token, show_token

    return show_token(decode_token(tokenizer.token_bytes(token), token))


def _blend(heat: tuple[str, str, str], share: float) -> str:
    """A colour between low, middle and high."""
    share = min(1.0, max(0.0, share)) * 2
    low, high = (heat[0], heat[1]) if share <= 1 else (heat[1], heat[2])
    part = share if share <= 1 else share - 1
    mixed = [round(int(low[n : n + 2], 16) * (1 - part) + int(high[n : n + 2], 16) * part) for n in (1, 3, 5)]
    return "#" + "".join(f"{value:02x}" for value in mixed)
