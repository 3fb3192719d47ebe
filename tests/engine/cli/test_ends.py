"""How commands end: by ctrl+c at any moment, by a signal, at a reader that has seen enough, on a full disk."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import ptyprocess
import pytest

from gpt2_remix.engine.program import command
from gpt2_remix.engine.session.store import read
from tests.kinds import Emulate

pytestmark = pytest.mark.slow


def listening() -> None:
    """What runs in the background is told to ignore ctrl+c; the tests may."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def program(*arguments: str, **options: object) -> subprocess.Popen[str]:
    """The real program."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen(command("tui", *arguments), text=True, preexec_fn=listening, **pipes)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_what_was_made_is_kept(tmp_path: Path, number: int, code: int) -> None:
    path = tmp_path / "a.remix"
    with program("generate", "x", "-n", "100000", "--session", str(path), "--seed", "1") as running:
        assert running.stdout is not None
        begun = running.stdout.read(40)
        running.send_signal(number)
        printed = begun + running.stdout.read()
        _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (code, "\n")
    steps = [node.step for node in read(path).tree.nodes[1:] if node.step]
    assert sum(step.origin == "sampled" for step in steps) > 5
    shown = subprocess.run(command("tui", "export", str(path), "--format", "txt"), capture_output=True, text=True)
    assert printed.strip() in shown.stdout


def test_of_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    path = tmp_path / "a.remix"
    shell = f"{sys.executable} -P -m gpt2_remix.tui generate x -n 300 --seed 1 --session {path} | head -c 5"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", shell], capture_output=True, text=True, timeout=60)
    assert (len(done.stdout), done.stderr, done.returncode) == (5, "", 0)
    assert len(read(path).tree.nodes) > 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize("arguments", [
    ("generate", "x", "-n", "5", "--seed", "1"), ("next", "It,", "--json"), ("sessions",), ("--help",), ("models",),
])
def test_on_a_full_disk(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    path = tmp_path / "a.remix"
    kept = ("--session", str(path)) if arguments[0] == "generate" else ()
    with open("/dev/full", "w") as full, program(*arguments, *kept, stdout=full) as running:
        _, err = running.communicate(timeout=60)
    lines = [line for line in err.splitlines() if "kept in" not in line]
    assert running.returncode == 1
    assert lines == ["gpt2-remix: standard output cannot be written: No space left on device; what was to come is "
                     "missing there"]
    if kept:
        assert len(read(path).tree.nodes) == 2 + 1  # the first of the five was flipped before it could not be printed


def test_with_closed_streams(tmp_path: Path) -> None:
    """The next file that was opened took their number, and got what was printed."""
    session, text, out = tmp_path / "a.remix", tmp_path / "t.txt", tmp_path / "m"
    text.write_text("It is a truth universally acknowledged, that a single man. " * 600)
    run = f"{sys.executable} -P -m gpt2_remix.tui"
    for closed in (">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"):
        for arguments in (f"generate x -n 3 --seed 1 --session {session}", "next It, --json", "sessions"):
            done = subprocess.run(f"{run} {arguments} {closed}", shell=True, capture_output=True, text=True, timeout=60)
            said = [line for line in done.stderr.splitlines() if "kept in" not in line]
            assert (done.returncode, said) == (0, []), (arguments, closed)
    assert len(read(session).tree.nodes) == 1 + 1 + 3  # the same seed: the same branch each time
    train = f"{run} train {text} --out {out} --steps 2 --layers 1 --json >&-"
    assert subprocess.run(train, shell=True, timeout=120).returncode == 0
    assert json.loads((out / "training.json").read_text())["step"] == 2


INTERRUPTS = """
import os, signal, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)
        return None

sys.meta_path.insert(0, Watch())
"""


@pytest.mark.parametrize("module", [
    "click", "gpt2_remix.engine.cli.options", "numpy", "numpy.linalg", "numpy.random", "tiktoken", "regex", "numba",
    "llvmlite.binding", "gpt2_remix.engine.generation.decode", "torch", "torch.nn", "torch._C._distributed_c10d",
])
def test_ctrl_c_while_something_is_loaded(tmp_path: Path, module: str) -> None:
    """It came out as "unexpected AttributeError …" of a library, or was lost."""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTS.format(name=module))
    (tmp_path / "t.txt").write_text("It is a truth universally acknowledged, that a single man. " * 600)
    arguments = ("train", str(tmp_path / "t.txt"), "--out", str(tmp_path / "m"), "--steps", "1") \
        if module.startswith("torch") else ("generate", "x", "-n", "3", "--seed", "1")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    with program(*arguments, env=os.environ | {"PYTHONPATH": path}) as running:
        out, err = running.communicate(timeout=60)
    if module in ("regex", "torch._C._distributed_c10d") and running.returncode == 0:
        pytest.skip("not loaded here")
    assert (running.returncode, out.strip(), err.strip()) == (130, "", "")


def test_ctrl_c_in_a_repetition_shows_what_is_done(emulate: Emulate) -> None:
    """It ended with 0, as if it had done all."""
    app = emulate("compare", "It", "--lane", "greedy", "--lane", "top_k=5", "--repeat", "4000", "-n", "3")
    app.until(lambda text: re.search(r"repeating .* [1-9]\d?%", text))
    app.process.write(b"\x03")
    app.until(lambda text: "mean ± standard deviation over" in text)
    assert app.finish() == 130


def test_ctrl_c_keeps_the_lanes(tmp_path: Path, emulate: Emulate) -> None:
    path = tmp_path / "a.remix"
    app = emulate("compare", "It", "--lane", "greedy", "--lane", "top_k=5", "-n", "20000", "--seed", "1", "--session",
                  str(path))
    app.until(lambda text: re.search(r"comparing .* [1-9]\d?%", text))
    app.process.write(b"\x03")
    assert app.finish() == 130
    tree = read(path).tree
    assert len(tree.leaves()) == 2
    assert len(tree.nodes) > 20


def test_control_characters_reach_no_terminal(tmp_path: Path) -> None:
    """Where standard error alone was the terminal they did, and from the names of files."""
    bad = "a\x1b[31mred\x07\x9b2J.txt"
    python = ("from gpt2_remix.engine.cli.train import Lines; from gpt2_remix.engine.train.job import Sample; "
              f"Lines().say(Sample({bad!r}), None)")
    (tmp_path / bad).write_bytes(b"\xff\xfe")
    for line in (f"{sys.executable} -c '{python}' > /dev/null".replace("'a", '"a').replace("txt'", 'txt"'),):
        raw = terminal(["bash", "-c", line])
        assert "red" in raw
        assert "\x1b[31m" not in raw
    for arguments in (("score", "--file", str(tmp_path / bad)), ("generate", "--set", bad), (bad, "--theme", bad),
                      ("export", bad, "--format", "txt"), ("train", str(tmp_path / bad), "--out", str(tmp_path / "m")),
                      ("next", "x", "--model", bad), ("next", bad, "--ids", bad), ("nosuch", "--seed", bad)):
        raw = terminal(command("tui", *arguments))
        assert "\x1b[31m" not in raw, arguments
        assert "\x9b" not in raw, arguments
        assert "red\x07" not in raw, arguments


def terminal(line: list[str]) -> str:
    """What a command writes to a terminal."""
    process = ptyprocess.PtyProcess.spawn(line, env=os.environ | {"TERM": "xterm-256color"}, dimensions=(40, 200))
    raw = b""
    try:
        while True:
            raw += process.read(65536)
            if b"\x1b[?1049h" in raw:  # the app came up
                process.write(b"q")
    except EOFError:
        pass
    process.wait()
    return raw.decode("utf-8", "replace")


LOADS = """
import sys
from gpt2_remix.tui.__main__ import main
try:
    main({arguments!r})
except SystemExit as stop:
    code = stop.code
loaded = [name for name in ("torch", "numba", "gpt2_remix.engine.gpt2.opening", "gpt2_remix.engine.train.job")
          if name in sys.modules]
print(code, *loaded)
"""


@pytest.mark.parametrize("arguments", [
    ["generate", "x", "--set", "temperature=hot"],
    ["generate", "x", "--preset", "nosuch"],
    ["generate", "--ids", "9999999"],
    ["generate", "x", "--set", "banned=[9000]"],
    ["generate", "x", "--session", "{here}/no.remix"],
    ["generate", "x", "--session", "{here}"],
    ["generate", "caf\udce9"],
    ["compare", "x", "--lane", "greedy"],
    ["compare", "x", "--lane", "greedy", "--lane", "banned=[9000]"],
    ["next", "--ids", "1,x"],
    ["score", "--file", "{here}/none.txt"],
    ["score", ""],
    ["export", "{here}/no.remix", "--format", "html"],
    ["export", "{here}/good.remix", "--format", "html", "-o", "{here}/none/a.html"],
    ["replay", "{here}/no.remix"],
    ["train", "{here}/none.txt", "--out", "{here}/m"],
    ["train", "{here}/no.remix", "--out", "{here}/m", "--minutes", "nan"],
    ["train", "{here}/no.remix", "--out", "{here}/no.remix"],
    ["train", "{here}/no.remix", "--out", "{here}/m", "--width", "1"],
])
def test_bad_input_is_told_before_a_network_is_loaded(
    tmp_path: Path, arguments: list[str], make_session: Callable[[Path], None]
) -> None:
    (tmp_path / "no.remix").write_text("no session")
    make_session(tmp_path / "good.remix")
    told = [word.replace("{here}", str(tmp_path)) for word in arguments]
    code = LOADS.format(arguments=told)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "2\n", done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture
def make_session() -> Callable[[Path], None]:
    from gpt2_remix.engine.session.store import save_whole
    from tests.engine.session.sessions import grown

    return lambda path: save_whole(grown(1, 5), path)


@pytest.mark.parametrize("ignored", [False, True])
def test_a_training_under_nohup_goes_on_when_the_terminal_is_gone(ignored: bool) -> None:
    from gpt2_remix.engine.cli.train import stopping

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        with stopping() as stopped:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stopped == ([] if ignored else [signal.SIGHUP])
    finally:
        signal.signal(signal.SIGHUP, before)
