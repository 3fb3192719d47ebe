"""The right side's view of the position under the cursor, with a field to search a token in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from gpt2_remix.tui.playground.views import VIEWS, Position, ViewWidget, candidates
from gpt2_remix.tui.playground.views.candidates import CandidateList
from gpt2_remix.tui.playground.views.forks import ForksView
from gpt2_remix.tui.playground.views.futures import FuturesView
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.style.status_bar import retitle

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.sampling.distribution import Distribution

SEARCH = "search: text or id"
PATTERN = "a pattern (regex), as Juliet|Romeo"


class ViewPane(Vertical):
    """One of the views, and a field to search a token in, whose matches the list of candidates shows."""

    DEFAULT_CSS = """
    ViewPane { height: 1fr; }
    ViewPane Input { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    ViewPane.searching Input { display: block; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "none", "take it"),
        Binding("down", "row(1)", "select", key_display="↑↓"),
        Binding("up", "row(-1)", show=False),
        Binding("escape", "close_search", "close"),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
    ]

    class Picked(Message):
        """A person picked a token."""

        def __init__(self, token: int) -> None:
            super().__init__()
            self.token = token

    class PatternAsked(Message):
        """A person asks how probable a pattern is; "" for no longer."""

        def __init__(self, pattern: str) -> None:
            super().__init__()
            self.pattern = pattern

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="view")
        self._widgets = [view.make(palette) for view in VIEWS]
        for widget in self._widgets:
            widget.add_class("view")
        self._current = 0
        self._title = ""
        self._texts: list[str] = []
        self._lower: list[str] = []

    @property
    def list(self) -> CandidateList:
        """The view with the list of candidates, from which tokens are picked whatever is shown."""
        return next(widget for widget in self._widgets if isinstance(widget, CandidateList))

    @property
    def futures(self) -> FuturesView:
        """The view with the continuations."""
        return next(widget for widget in self._widgets if isinstance(widget, FuturesView))

    @property
    def forks(self) -> ForksView:
        """The view with the alternatives and their outcomes."""
        return next(widget for widget in self._widgets if isinstance(widget, ForksView))

    def move(self, rows: int) -> None:
        """Move the selection of what is shown: a continuation, an alternative, or else a candidate."""
        if self.futures.display:
            self.futures.move(rows)
        elif self.forks.display:
            self.forks.move(rows)
        else:
            self.action_row(rows)

    @property
    def current(self) -> str:
        """The name of the view that is shown."""
        return VIEWS[self._current].name

    def compose(self) -> ComposeResult:
        """The search field over the views."""
        yield Input(placeholder=SEARCH, compact=True)
        yield from self._widgets
        self.show_view(self.current)

    def show_view(self, name: str) -> None:
        """Show another view, by its name."""
        self._current = next(n for n, view in enumerate(VIEWS) if view.name == name)
        for n, widget in enumerate(self._widgets):
            widget.display = n == self._current

    def next_view(self) -> None:
        """Show the next view."""
        self.show_view(VIEWS[(self._current + 1) % len(VIEWS)].name)

    def set_vocabulary(self, names: Sequence[str]) -> None:
        """Take over what each token looks like, by id."""
        self._texts = [*names]
        self._lower = [name.lower() for name in names]

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        for widget in self._widgets:
            cast(ViewWidget, widget).set_palette(palette)

    def show(self, dist: Distribution | None, taken: int | None, empty: str, *, keep: bool = False) -> None:
        """Show another distribution at the cursor."""
        position = Position(dist, taken, self.name_of, empty)
        for widget in self._widgets:
            cast(ViewWidget, widget).show(position, keep=keep)
        self.summarize()
        self._entitle()

    def set_title(self, title: str) -> None:
        """Say which position it is."""
        self._title = title
        self._entitle()

    def _entitle(self) -> None:
        """Write the title, and over the figures of the list what they are."""
        for widget in self._widgets:
            heading = self.list.heading if widget is self.list else ""
            room = self.size.width - 6 - cell_len(self._title) - cell_len(heading)
            retitle(widget, title=f"{self._title}{' ' * room}{heading}" if heading and room > 0 else self._title)

    def name_of(self, token: int) -> str:
        """How a token is drawn."""
        return self._texts[token] if token < len(self._texts) else f"[{token}]"

    def matching(self, typed: str) -> Sequence[int]:
        """The tokens whose names hold what was typed (after ^: begin with it), or whose id it is.

        A capital letter makes the search exact.
        """
        wanted = typed.replace(" ", "·")
        if len(wanted) > 1 and wanted.startswith("^"):
            return [token for token, text in enumerate(self._texts) if text.startswith(wanted[1:])]
        texts = self._texts if wanted != wanted.lower() else self._lower
        found = [token for token, text in enumerate(texts) if wanted in text]
        if wanted.isdigit() and int(wanted) < len(self._texts):
            found.append(int(wanted))
        return found

    def summarize(self) -> None:
        """Say below what is shown."""
        for widget in self._widgets:
            retitle(widget, subtitle=cast(ViewWidget, widget).summary())

    def on_mount(self) -> None:
        """Follow scrolling, so that "others" means what is out of view."""
        self.watch(self.list, "scroll_y", self.summarize, init=False)

    @on(CandidateList.RowsInView)
    def _in_view(self, message: CandidateList.RowsInView) -> None:
        message.stop()
        self.summarize()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Its keys work while the search field is open; else the screen's do."""
        return self.searching if action in ("none", "row", "page", "close_search") else True

    @property
    def searching(self) -> bool:
        """Whether the search field is open."""
        return self.has_class("searching")

    def search(self, typed: str = "") -> None:
        """Open the search field, perhaps with something in it, over the candidates; over futures it takes a pattern."""
        ahead, field = self.futures.display and not typed, self.query_one(Input)
        if not ahead:
            self.show_view(candidates.VIEW.name)
        field.placeholder = PATTERN if ahead else SEARCH
        field.value = typed or (self.futures.seen.pattern if ahead else "")
        self.add_class("searching")
        field.focus()
        if ahead:
            field.action_select_all()
        self.refresh_bindings()

    def action_close_search(self) -> None:
        """Close it and show all candidates again."""
        if self.searching:
            self.remove_class("searching")
            self.query_one(Input).value = ""
            self.list.filter(None)
        (self.futures if self.futures.display else self.list).focus()
        self.refresh_bindings()

    def action_row(self, rows: int) -> None:
        """Move the selection while the search field has the focus."""
        self.list.move(rows)
        self.summarize()

    def action_page(self, pages: int) -> None:
        """Move the selection by a screenful."""
        self.action_row(pages * max(1, self.list.size.height - 1))

    @on(Input.Changed)
    def _search_changed(self, event: Input.Changed) -> None:
        event.stop()
        if not self.futures.display:
            self.list.filter(self.matching(event.value) if event.value else None)
        self.summarize()

    @on(Input.Submitted)
    def _search_done(self, event: Input.Submitted) -> None:
        event.stop()
        if self.futures.display:
            pattern = event.value
            self.action_close_search()
            self.post_message(self.PatternAsked(pattern))
            return
        token = self.list.selected_token
        self.action_close_search()
        if token is not None:
            self.post_message(self.Picked(token))

    def on_click(self, event: events.Click) -> None:
        """Select the row under the mouse; a double click picks it."""
        offset = event.get_content_offset(self.list)
        if offset is None or not self.list.display:
            return
        self.list.move(offset.y + self.list.scroll_offset.y - self.list.selected)
        self.summarize()
        if event.chain == 2 and (token := self.list.selected_token) is not None:
            self.post_message(self.Picked(token))
