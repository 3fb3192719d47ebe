"""The tree screen's keys."""

from __future__ import annotations

from gpt2_remix.tui.keymap import Key, Row, row

KEYMAP: tuple[Row, ...] = (
    row(
        "enter", "go there in the playground", Key("enter", "go", "go", title="go", help="to the row under the cursor")
    ),
    row("space", "fold, unfold", Key("space", "fold", "fold", title="fold", help="a row's branches, or unfold them")),
    row(
        "n o * x",
        "a name, a note, a star; hide, and show again",
        Key("n", "editing.name", "name", title="name", help="shown before the row's words"),
        Key("o", "editing.note", title="note", help="on the row"),
        Key("asterisk", "editing.star", "star", display="*", title="star", help="or none"),
        Key("x", "editing.hide", "hide", title="hide", help="the row and what hangs on it, or show it again"),
    ),
    row(
        "c",
        "on two rows: their branches side by side",
        Key("c", "compare", "compare", title="compare", help="on two rows: their branches side by side"),
    ),
    row(
        "b s",
        "the branches as a list; sorted by probability a token, length, time",
        Key("b", "branches", "branches", title="branches", help="as a list, or the tree again"),
        Key("s", "sort", title="sort the branches", help="by probability a token, length or time"),
    ),
    row(
        "/",
        "find a text on any branch",
        Key("slash", "finding.text", "find", display="/", title="find", help="a text on any branch"),
    ),
    row(
        "l p m",
        "the least likely choices; picked tokens; names, stars and notes",
        Key("l", "finding.least_likely", title="the least likely choices", help="the highest surprisal first"),
        Key("p", "finding.picked", title="picked tokens", help="those that a person chose"),
        Key("m", "finding.annotated", title="names, stars and notes", help="all rows that have one"),
    ),
    row("H", "show what is hidden too, or not", Key("H", "toggle_hidden", title="show hidden", help="or not")),
    row("?", "this help", Key("question_mark", "help", "help", display="?", title="help", help="the keys")),
    row(
        "T q esc", "back to the playground",
        Key("escape,q,T", "back", "back", display="esc", title="back", help="to the tree, then to the playground"),
    ),
    row(
        "↑ ↓ ← →",
        "move, fold and unfold; pgup pgdn: by a screenful; home end: first, last",
        Key("up", "move", "", -1),
        Key("down", "move", "", 1),
        Key("pageup", "page", "", -1),
        Key("pagedown", "page", "", 1),
        Key("home", "move", "", -(10**9)),
        Key("end", "move", "", 10**9),
        Key("left", "parent_row"),
        Key("right", "child_row"),
    ),
)
