"""The help screen: a topic for each pane of the screen that it is opened from, with what is to be tried there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import ClassVar, TypeAlias

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static, Tab, Tabs

from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.widgets.footer import Keys

STORY = """\
The network is given the text so far and returns a probability for every token: the candidates. A biased coin is
flipped, one token falls out, it is appended, and the network is asked again. You can take the coin's place at any
position.
"""

Lines: TypeAlias = Sequence[tuple[str, str]]
"""Keys, or names, and what is to be said of each."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What the help says of one thing.

    Attributes:
        name: its name, on its tab.
        lead: what is said first.
        text: what one sees.
        tries: what to try there: keys, and what they do.
        lines: names and what each means.
    """

    name: str
    text: str = ""
    tries: Lines = ()
    lines: Lines = ()
    lead: str = ""


def unwrapped(text: str) -> str:
    """A paragraph of source code as one line, to be wrapped by the screen."""
    return " ".join(cleandoc(text).split())


def table_of(lines: Lines) -> Table:
    """Keys or names, and what is to be said of each."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True, style="bold")
    table.add_column()
    for name, what in lines:
        table.add_row(Text(name), Text(what))
    return table


class TopicTabs(Tabs):
    """Tabs of a dialog that a quick esc may have closed before they are there."""

    def validate_active(self, active: str) -> str:
        """See `textual.widgets.Tabs`, which raises where its tabs are gone already."""
        return super().validate_active(active) if self.query(f"#tabs-list > #{active or 'none'}") else ""


class HelpScreen(Modal[None]):
    """The topics as tabs; what a topic says scrolls. Any way out closes it."""

    DEFAULT_CSS = """
    HelpScreen .dialog { height: 90%; }
    HelpScreen Static { height: auto; }
    HelpScreen VerticalScroll { height: 1fr; background: $surface; scrollbar-size-vertical: 1; }
    HelpScreen #lead { margin-bottom: 1; }
    HelpScreen .title { margin-top: 1; text-style: bold; }
    """

    AUTO_FOCUS = "Tabs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "close", "close", key_display="esc"),
        Binding("left,right,tab", "none", "another pane", key_display="←→"),
        Binding("down", "scroll(1)", "scroll", key_display="↑↓"),
        Binding("up", "scroll(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
    ]

    def __init__(self, page: str, topics: Sequence[Topic], here: str) -> None:
        """`here` names the topic that is shown first."""
        super().__init__()
        self._page = page
        self._topics = topics
        self._here = next((n for n, topic in enumerate(topics) if topic.name == here), 0)

    @property
    def topic(self) -> Topic:
        """The one that is shown."""
        return self._topics[self._here]

    def compose(self) -> ComposeResult:
        """The tabs over what the topic says."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = f"help: {self._page}"
            yield TopicTabs(*(Tab(topic.name, id=f"topic-{n}") for n, topic in enumerate(self._topics)),
                            active=f"topic-{self._here}")
            with VerticalScroll(can_focus=False):
                yield Static(id="lead")
                yield Static(id="text")
                yield Static("What to try", id="try", classes="title")
                yield Static(id="tries")
                yield Static(id="lines")
        yield Keys()

    def opened(self) -> None:
        """The topic where the person is."""
        self._show()

    @on(Tabs.TabActivated)
    def _chosen(self, event: Tabs.TabActivated) -> None:
        event.stop()
        self._here = int(str(event.tab.id).removeprefix("topic-"))
        self._show()

    def _show(self) -> None:
        topic = self.topic
        lead = self.query_one("#lead", Static)
        lead.display = bool(topic.lead)
        lead.update(Text(unwrapped(topic.lead)))
        self.query_one("#text", Static).update(Text(unwrapped(topic.text)))
        self.query_one("#try").display = bool(topic.tries)
        self.query_one("#tries", Static).update(table_of(topic.tries))
        lines = self.query_one("#lines", Static)
        lines.update(table_of(topic.lines))
        lines.styles.margin = (1 if topic.text or topic.tries else 0, 0, 0, 0)
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def action_scroll(self, lines: int) -> None:
        """Some lines down, or up."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_page(self, pages: int) -> None:
        """A page down, or up."""
        area = self.query_one(VerticalScroll)
        area.scroll_relative(y=pages * max(1, area.size.height - 1), animate=False)

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
