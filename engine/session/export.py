"""Sessions and branches out of the program: JSON (complete), Markdown, plain text, and an HTML page.

JSON holds everything that the session file does, so that importing it gives the identical session; the other forms are
for reading.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.errors import InputError
from engine.sampling.settings import COINS, Settings
from engine.session.outline import Segment, nodes_of, segments, shown_leaves
from engine.session.store import NODE_COLUMNS, Session, grow_row, model_record, plausible
from engine.session.tree import Mark, Step, Tree, View
from engine.tokens.display import show_text
from engine.tokens.tokenizer import Tokenizer, split_characters

FORMAT, FORMAT_VERSION = "gpt2-remix session", 1

FIELDS = NODE_COLUMNS[1:]


# JSON


def session_to_json(session: Session, *, branch: int | None = None) -> str:
    """The whole session as one JSON document, one node a line; the same session always gives the same text.

    With `branch`, a leaf's node, only the path to it.
    """
    tree = session.tree if branch is None else branch_only(session.tree, branch)
    settings: dict[Settings, int] = {}

    def number(chain: Settings | None) -> int | None:
        return None if chain is None else settings.setdefault(chain, len(settings))

    rows = []
    for node in tree.nodes[1:]:
        step = node.step
        assert step is not None
        rows.append([node.parent, node.model, node.born, step.token, step.origin, step.u, step.roll, step.seed,
                     step.coin, number(step.settings), step.p_raw, step.p_final, step.rank, step.surprisal,
                     step.entropy, step.window, step.offset, step.mu])  # fmt: skip
    views = [[view.head, view.cursor, number(view.settings), view.seed, view.coin] for view in tree.history()]
    head = {"format": FORMAT, "version": FORMAT_VERSION, "name": session.name, "created": session.created,
            "words": session.words, "models": [asdict(record) for record in tree.models]}  # fmt: skip
    marks = {str(node): asdict(mark) for node, mark in sorted(tree.marks.items())}
    parts = [json.dumps(value, ensure_ascii=False, allow_nan=False) for value in (
        [chain.to_dict() for chain in settings], marks, list(FIELDS), views, tree.history_place
    )]  # fmt: skip
    lines = ",\n".join(json.dumps(row, allow_nan=False) for row in rows)
    opening = json.dumps(head, ensure_ascii=False, allow_nan=False)[:-1]
    return (f'{opening},\n"settings": {parts[0]},\n"marks": {parts[1]},\n"fields": {parts[2]},\n'
            f'"views": {parts[3]},\n"view": {parts[4]},\n"nodes": [\n{lines}\n]}}\n')  # fmt: skip


def session_from_json(text: str) -> Session:
    """The session that `session_to_json` wrote. Raises InputError that says what is wrong with it."""
    try:
        record = json.loads(text)
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise InputError("this JSON is not a session; `gpt2-remix export --format json` makes one that is")
        if record["version"] != FORMAT_VERSION:
            raise InputError(f"this export has format {record['version']}; update gpt2-remix to read it")
        return _session(record)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        said = " ".join(str(error).split())[:80]
        raise InputError(f"this export is damaged ({type(error).__name__}: {said}); export the session again") from None


def _session(record: Mapping[str, Any]) -> Session:
    settings = {n: Settings.from_dict(chain) for n, chain in enumerate(record["settings"])}
    tree = Tree(seed=0)
    tree.models = [model_record(model) for model in record["models"]]
    tree.model = max(0, len(tree.models) - 1)
    if record["fields"] != list(FIELDS):
        raise ValueError("its nodes have other fields")
    for number, row in enumerate(record["nodes"], start=1):
        values = list(row)
        for place in (FIELDS.index(name) for name in ("born", "u", "p_raw", "p_final", "surprisal", "entropy", "mu")):
            if type(values[place]) is int:
                values[place] = float(values[place])
        if not plausible((number, *values), settings, len(tree.models) - 1):
            raise ValueError(f"node {number} makes no sense")
        grow_row(tree, values[0], (number, *values), settings)
    for node, mark in record["marks"].items():
        if not 0 <= int(node) < len(tree.nodes):
            raise ValueError(f"a mark is on node {node}")
        tree.marks[int(node)] = Mark(str(mark["name"]), bool(mark["star"]), bool(mark["hidden"]), str(mark["note"]))
    views = []
    for head, cursor, chain, seed, coin in record["views"]:
        if not 0 <= head < len(tree.nodes) or coin not in COINS or int(cursor) < 0 or int(seed) < 0:
            raise ValueError("a view makes no sense")
        views.append(View(int(head), int(cursor), settings[chain], int(seed), coin))
    if not views:
        raise ValueError("it has no view")
    tree.restore_history(views, max(0, min(int(record["view"]), len(views) - 1)))
    return Session(tree, str(record["name"]), float(record["created"]), str(record["words"]))


def branch_only(tree: Tree, leaf: int) -> Tree:
    """A tree that holds nothing but the path to a node."""
    path = tree.path_to(leaf)
    made = Tree(seed=tree.view.seed, settings=tree.view.settings, coin=tree.view.coin)
    made.models, made.model = list(tree.models), tree.model
    for old in path:
        node = tree.nodes[old]
        assert node.step is not None
        number = made.grow(len(made.nodes) - 1, node.step, node.model, node.born)
        if old in tree.marks:
            made.marks[number] = tree.marks[old]
    made.change(record=False, head=len(path), cursor=min(tree.view.cursor, len(path)))
    return made


# Reading


def text_of(tree: Tree, tokenizer: Tokenizer, nodes: Sequence[int]) -> str:
    """The text of some nodes of a path."""
    return tokenizer.decode([step.token for node in nodes if (step := tree.nodes[node].step) is not None])


def to_text(session: Session, tokenizer: Tokenizer, *, branch: int | None = None) -> str:
    """The text of one branch, or of every branch under a heading of its own where there are several."""
    tree = session.tree
    leaves = [branch] if branch is not None else shown_leaves(tree)
    texts = [text_of(tree, tokenizer, tree.path_to(leaf)) for leaf in leaves]
    if len(texts) == 1:
        return texts[0] + "\n"
    return "\n".join(f"── branch {n} of {len(texts)} ──\n{text}\n" for n, text in enumerate(texts, start=1))


def to_markdown(session: Session, tokenizer: Tokenizer, *, branch: int | None = None) -> str:
    """A title, what it was made with, and the branches: each segment once, nested as the tree is."""
    tree = session.tree if branch is None else branch_only(session.tree, branch)
    lines = [f"# {_plain(session.name or session.words or 'a session')}", ""]
    for record in tree.models:
        lines.append(f"Model {_plain(record.name)}: {record.parameters:,} parameters, {record.precision}"
                     + (f", weights {record.sha256[:16]}" if record.sha256 else "") + ".")  # fmt: skip
    lines += [f"{len(tree.nodes) - 1:,} tokens. Picked tokens are **bold**, given ones *italic*.", ""]
    for segment in segments(tree):
        indent = "  " * segment.depth
        nodes = nodes_of(tree, segment)
        notes = [_plain(_words(tree.marks[node])) for node in nodes if node in tree.marks]
        words = "".join(_marked(kind, text) for kind, text in _by_origin(tree, tokenizer, nodes))
        lines.append(f"{indent}- {words.replace(chr(10), '⏎ ')}{' — ' + '; '.join(notes) if notes else ''}")
    return "\n".join(lines) + "\n"


def _by_origin(tree: Tree, tokenizer: Tokenizer, nodes: Sequence[int]) -> list[tuple[str, str]]:
    """The text of some nodes, cut where the origin changes."""
    steps = [step for node in nodes if (step := tree.nodes[node].step) is not None]
    found: list[tuple[str, list[int]]] = []
    for step in steps:
        if not found or found[-1][0] != step.origin:
            found.append((step.origin, []))
        found[-1][1].append(step.token)
    return [(kind, tokenizer.decode(tokens)) for kind, tokens in found]


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


# HTML


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate as shown on hover: its token, raw and final probability."""

    token: int
    p_raw: float
    p_final: float


CandidatesOf = Callable[[int], Sequence[Candidate]]
"""The most probable candidates at a node's position; none where they are not known."""

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
}  # fmt: skip
"""Where no theme is given."""

HEAT = ("#14161f", "#4a2a55", "#a03050")

MOST_BITS = 14.0


def to_html(
    session: Session, tokenizer: Tokenizer, *, branch: int | None = None, candidates_of: CandidatesOf | None = None,
    colors: Mapping[str, str] | None = None, heat: tuple[str, str, str] = HEAT,
) -> str:  # fmt: skip
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
        "candidates.</p>\n"
    ]  # fmt: skip
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
        parts.append(f"<details open><summary>{html.escape(words[:60])} · {len(nodes):,} tokens</summary>\n"
                     f"<div class=s>{_spans(tree, tokenizer, nodes, candidates_of, heat)}</div>\n")  # fmt: skip
        open_depths.append(segment.depth)
    parts.append("</details>\n" * len(open_depths))
    return "".join(parts)


def _spans(
    tree: Tree, tokenizer: Tokenizer, nodes: Sequence[int], candidates_of: CandidatesOf | None,
    heat: tuple[str, str, str],
) -> str:  # fmt: skip
    steps = [step for node in nodes if (step := tree.nodes[node].step) is not None]
    pieces = [tokenizer.token_bytes(step.token) or f"[{step.token}]".encode() for step in steps]
    spans = []
    for node, step, text in zip(nodes, steps, split_characters(pieces), strict=True):
        shown = html.escape(show_text(text, keep="\n\t"), quote=True)
        level = None if step.surprisal is None else _blend(heat, step.surprisal / MOST_BITS)
        background = "" if level is None else f" style='background:{level}'"
        mark = tree.marks.get(node)
        note = "" if mark is None else f"<span class=n> {html.escape(show_text(_words(mark)))}</span>"
        hover = _hover(step, tokenizer, candidates_of(node) if candidates_of else ())
        spans.append(f"<span class='t {step.origin}'{background}>{shown}<span class=c>{hover}</span></span>{note}")
    return "".join(spans)


def _words(mark: Mark) -> str:
    return " ".join(filter(None, ["★" if mark.star else "", mark.name, mark.note]))


def _hover(step: Step, tokenizer: Tokenizer, candidates: Sequence[Candidate]) -> str:
    said = [f"{step.position}: id {step.token}, {step.origin}"]
    if step.u is not None:
        said.append(f"u {step.u:.4f}, seed {step.seed}, roll {step.roll}")
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
    from engine.tokens.display import decode_token, show_token

    return show_token(decode_token(tokenizer.token_bytes(token), token))


def _blend(heat: tuple[str, str, str], share: float) -> str:
    """A colour between low, middle and high."""
    share = min(1.0, max(0.0, share)) * 2
    low, high = (heat[0], heat[1]) if share <= 1 else (heat[1], heat[2])
    part = share if share <= 1 else share - 1
    mixed = [round(int(low[n : n + 2], 16) * (1 - part) + int(high[n : n + 2], 16) * part) for n in (1, 3, 5)]
    return "#" + "".join(f"{value:02x}" for value in mixed)
