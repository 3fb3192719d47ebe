"""Keys one after the other: each goes to what is open, with the focus, when those before it have done all they do.

Textual hands a key at once to whatever has the focus. Typed quickly, or while the machine is busy, a key would go to
the screen that the one before it is about to leave, or to a dialog that has no widgets yet; and keys that act before
all others (a dialog's ctrl+s) would overtake the letters typed before them.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from time import monotonic
from typing import Any

from textual import events
from textual.app import App, ScreenStackError
from textual.dom import NoScreen
from textual.errors import NoWidget
from textual.message import Message
from textual.message_pump import MessagePump
from textual.widget import Widget

ROUNDS = 2
"""Times that a key is followed: what it does may send a message of its own that does the rest."""

LONGEST = 2.0
"""Seconds after which the next key goes on in any case: what had the focus may be gone, and the message with it."""

AGAIN = 0.005
"""Seconds after which it is looked again whether a screen is there."""


class KeyPassed(Message):
    """Follows a key from the widget that got it up to the app, which every effect of the key has reached before.

    Attributes:
        number: of the key.
        rounds: times that it has still to go.
    """

    def __init__(self, number: int, rounds: int) -> None:
        super().__init__()
        self.number = number
        self.rounds = rounds


class Typing:
    """The keys and pastes that wait for those before them."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._waiting: deque[events.Key | events.Paste] = deque()
        self._number = 0
        self._under_way = False  # a key whose effects are not all there yet
        self._target: MessagePump = app  # what got it
        self._since = 0.0  # when that was sent, or when the first of those that wait came

    @property
    def idle(self) -> bool:
        """Whether every key has done what it does."""
        return not self._under_way and not self._waiting

    @property
    def _free(self) -> bool:
        if monotonic() - self._since > LONGEST:
            return True
        gone = isinstance(self._target, Widget) and not self._target.is_attached
        self._under_way = self._under_way and not gone
        screens = self._app.screen_stack
        screen = screens[-1] if screens else None
        return (not self._under_way and screen is not None and screen.is_mounted
                and (screen.focused is not None or not screen.focus_chain))

    def admit(self, event: events.Key | events.Paste) -> bool:
        """Whether a key goes on at once; if not it waits, and `NextKey` says when it goes on."""
        if self._waiting:
            self._waiting.append(event)
            return False
        if self.idle:
            self._since = monotonic()
        if self._free:
            return True
        self._waiting.append(event)
        self._look()
        return False

    def next_key(self) -> events.Key | events.Paste | None:
        """The key that goes on now."""
        return self._waiting.popleft() if self._waiting and self._free else None

    def follow(self) -> None:
        """Find out when the key that has just gone on has done what it does."""
        self._number += 1
        self._under_way, self._since = True, monotonic()
        self._send(ROUNDS)

    def _send(self, rounds: int) -> None:
        app = self._app
        # There is no screen while the app closes.
        self._target = (app.focused or app.screen) if app.screen_stack else app
        self._under_way = self._target.post_message(KeyPassed(self._number, rounds))

    def passed(self, message: KeyPassed) -> None:
        """What follows a key has come."""
        if message.number != self._number:
            return
        if message.rounds > 1:
            self._send(message.rounds - 1)
        else:
            self._under_way = False
            self._since = monotonic()
        self._look()

    def _look(self) -> None:
        if not self._waiting:
            return
        if self._free:
            self._app.post_message(NextKey())
        else:
            self._app.set_timer(AGAIN, self._look)


class NextKey(Message, bubble=False):
    """The next key goes on."""


def on_what_is_gone(app: App[None], event: events.MouseDown) -> bool:
    """Whether a click is on a widget that was taken away since the last frame: Textual looks for its parent."""
    with suppress(NoWidget, NoScreen, ScreenStackError):
        return not app.get_widget_at(event.x, event.y)[0].is_attached
    return False
