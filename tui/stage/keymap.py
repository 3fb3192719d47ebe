"""The stage's keys."""

from __future__ import annotations

from gpt2_remix.tui.keymap import Key, Row, row

KEYMAP: tuple[Row, ...] = (
    row("space pgdn", "go on: the next phase, or a whole step; while running: pause",
        Key("space,pagedown", "go_on", title="go on", help="the next phase, or a whole step",
            words="next step token continue")),
    row("g", "from token to token by itself, pause",
        Key("g", "run", title="run", help="from token to token, or pause", words="play start stop pause")),
    row("< >", "slower, faster: from a key for each phase to full speed",
        Key("less_than_sign,comma", "telling.change_pace", "", -1, title="slower", help="down to a key for each phase",
            words="speed pace"),
        Key("greater_than_sign,full_stop", "telling.change_pace", "", 1, title="faster", help="up to full speed",
            words="speed pace")),
    row("r", "flip the last token's coin again",
        Key("r", "again", title="flip again", help="the last token's coin", words="random another retry")),
    row("↑ ↓ enter", "choose a candidate in place of the coin",
        Key("up", "select", "", -1), Key("down", "select", "", 1),
        Key("enter", "pick", title="pick the selected candidate", help="in place of the coin", words="choose take")),
    row("a", "guess: the room says what comes next; hands are typed, enter reveals",
        Key("a", "plays.guess", title="guess", help="the room guesses, bits are counted",
            words="ask room game hands score")),
    row("d", "dice: the room rolls u, digit by digit",
        Key("d", "plays.dice", title="dice", help="the room rolls u with ten-sided dice", words="random roll game u")),
    row("v", "vote: the room chooses the token, the coin's is shown beside it",
        Key("v", "plays.vote", title="vote", help="the room chooses the token", words="game hands choose pick")),
    row("u ctrl+r", "undo, redo",
        Key("u", "undo", title="undo", help="take the last token back", words="back revert"),
        Key("ctrl+r", "redo", title="redo", help="take the last undo back")),
    row("p", "the next preset of settings",
        Key("p", "preset", title="next preset", help="a named group of settings", words="temperature settings top_k")),
    row("z", "one pane alone: text, candidates, coin, and all again",
        Key("z", "zoom", title="zoom", help="one pane alone on the screen", words="large big alone maximize")),
    row("L", "a lesson plays: take over, or go on",
        Key("L", "lesson.toggle", title="lesson: over to me, or go on", help="a lesson waits while one explores",
            words="pause resume tour")),
    row("? esc q", "this help; back; quit",
        Key("question_mark", "help", title="help", help="keys, and what is seen"),
        Key("escape", "back", title="leave the stage", help="back to the playground", words="close end exit"),
        Key("q", "app.action_quit")),
)
