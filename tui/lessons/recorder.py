"""Recording a lesson on the real app: looks at what a person does, asks what is to be said of it, writes the file."""

from __future__ import annotations

from functools import partial
from itertools import count
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.message import Message

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.files import check_can_write, path_of, write_whole
from gpt2_remix.engine.words import counted
from gpt2_remix.tui import messages
from gpt2_remix.tui.dialogs.ask import AskScreen
from gpt2_remix.tui.main_screen import top_of
from gpt2_remix.tui.playground.screen import Playground
from gpt2_remix.tui.workspace import Workspace

if TYPE_CHECKING:  # tomlkit is not on the path to the first frame
    from gpt2_remix.tui.state.lesson_recorder import LessonRecorder, Seen

MOST_BORN = 400
"""Tokens between two looks of which it is told one by one how they came."""

CAPTION = "what is said when the step is done; what ends in ? asks the room"
SAVE = "a new TOML file; gpt2-remix play FILE plays it, and docs/lessons.md says what each line of it means"


class Recorder:
    """Records a lesson while one does what it shows. Belongs to the app's thread."""

    def __init__(self, app: App[Any], workspace: Workspace, playground: Playground) -> None:
        self._app = app
        self._workspace = workspace
        self._playground = playground
        self._known = 0  # nodes at the last look
        self._tree: object = None
        self._show = "playground"
        run = workspace.lesson
        run.on_record, run.on_caption, run.on_note = self.toggle, self.ask_caption, self.note

    @property
    def _recording(self) -> LessonRecorder | None:
        return self._workspace.lesson.recording

    def toggle(self) -> None:
        """Begin a recording, or end the one that goes on."""
        if self._recording is not None:
            self._ask_where()
            return
        from gpt2_remix.tui.state.lesson_recorder import LessonRecorder

        exploration, tokenizer = self._playground.exploration, self._playground.exploration.tokenizer
        if tokenizer is None or not exploration.ready:
            self._workspace.say("the network is still loading; one moment")
            return
        self._playground.runs.stop()
        self._tree, self._known = exploration.tree, len(exploration.tree.nodes)
        self._workspace.lesson.recording = LessonRecorder(self._seen(), tokenizer.decode, tokenizer.encode)
        self._workspace.lesson_changed.publish(None)

    def note(self, do: str) -> None:
        """Something is going to be done: take what was done before it."""
        if self._recording is not None:
            self._recording.before(do, self._seen())
            self._app.call_later(self._workspace.lesson_changed.publish, None)

    def ask_caption(self) -> None:
        """Ask what is to be said of what was done, and end the step."""

        def answered(words: str | None) -> None:
            if self._recording is not None and words:
                self._recording.look(self._seen())
                self._recording.say(words)
                self._workspace.lesson_changed.publish(None)

        self._app.push_screen(AskScreen("what one sees", CAPTION, check=_said), answered)

    def keep(self, folder: Path) -> str:
        """Write what was not saved into a folder, since the app ends. Returns a line that says where, or ""."""
        recording = self._recording
        if recording is None or not recording.steps:
            return ""
        path = next(path for n in count(1) if not (path := folder / f"lesson-{n}.toml").exists())
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, recording.to_toml("A lesson that was not saved").encode())
        except (OSError, EngineError) as error:
            return f"the lesson that was recorded is lost: {error}"
        return f"the lesson that was recorded is in {path}"

    def _ask_where(self) -> None:
        self._playground.runs.stop()
        value = next(name for n in count(1) if not Path(name := f"lesson{'' if n == 1 else f'-{n}'}.toml").exists())

        def answered(where: str | None) -> None:
            recording = self._recording
            if recording is None or where is None:
                return
            recording.look(self._seen())
            path, steps = _file(where), counted(recording.count, "step")
            title = path.stem.replace("-", " ").replace("_", " ").capitalize()
            content = recording.to_toml(title).encode()

            def write() -> Message:
                write_whole(path, content)
                return messages.Exported(f"{path}: {steps}; gpt2-remix play {quote(str(path))} plays it", finished=True)

            self._workspace.lesson.recording = None
            self._workspace.lesson_changed.publish(None)
            self._workspace.errands.submit(write, partial(self._written, recording))

        self._app.push_screen(AskScreen("save the lesson", SAVE, value=value, check=_free), answered)

    def _written(self, recording: LessonRecorder, message: Message) -> None:
        if isinstance(message, messages.ErrandFailed):
            self._workspace.lesson.recording = recording  # nothing is lost: one can save it elsewhere
            self._app.call_from_thread(self._workspace.lesson_changed.publish, None)
        self._playground.post_message(message)

    def _seen(self) -> Seen:
        from gpt2_remix.tui.compare.screen import CompareScreen
        from gpt2_remix.tui.stage.screen import StageScreen
        from gpt2_remix.tui.state.lesson_recorder import Seen

        exploration, playground = self._playground.exploration, self._playground
        tree = exploration.tree
        top = top_of(self._app)
        lanes: tuple[str, ...] = ()
        end, length, play = len(tree), 0, None
        if isinstance(top, StageScreen):
            self._show, play = "stage", top.plays.play.kind if top.plays.play is not None else None
        elif isinstance(top, CompareScreen):
            self._show, end, length = "compare", exploration.cursor, len(top.comparison)
            lanes = tuple(lane.settings.changed() or "temperature=1" for lane in top.comparison.lanes)
        elif top is playground:
            branches = playground.panes.branches.has_class("shown")
            view = playground.panes.view.current
            self._show = "branches" if branches else "plot" if view == "plot" else "playground"
        first = self._known if tree is self._tree else len(tree.nodes)
        self._tree, self._known = tree, len(tree.nodes)
        born = []
        for node in tree.nodes[first:] if self._known - first <= MOST_BORN else ():
            if node.step is not None and node.parent is not None:
                before = (tree.nodes[one].step for one in tree.path_to(node.parent))
                born.append((tuple(step for step in before if step is not None), node.step))
        view_of = tree.view
        return Seen(tree.ids(end), tree.prompt_length(), born, view_of.settings, view_of.seed, view_of.coin,
                    self._workspace.preferences.heat, self._show, lanes, length, play)


def _said(words: str) -> str:
    if not words.strip():
        raise InputError("say in a line what one sees; esc goes back")
    return words


def _file(where: str) -> Path:
    path = path_of(where.strip())
    return path if path.suffix or not path.name else path.with_name(f"{path.name}.toml")


def _free(where: str) -> Path:
    path = _file(where)
    if path.suffix != ".toml":
        raise InputError("its name ends in .toml")
    if path.exists():
        raise InputError(f"there is a {path} already; take another name")
    check_can_write(path)
    return path
