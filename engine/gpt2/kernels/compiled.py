"""Compiled kernels on disk: found, checked, and made by a process of its own where they are missing.

One file for each processor, version and change of the source. It lies in the folder that GPT2_REMIX_KERNELS names (one
that many share may be read-only), or in the cache folder. Where nothing can be written, what is compiled goes to a
temporary folder and lasts as long as the process that asked for it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.program import command, environment

if TYPE_CHECKING:  # what loads and compiles kernels may not be installed
    from gpt2_remix.engine.gpt2.kernels.library import Library

_SOURCES = (
    "attention.py", "build.py", "emit.py", "functions.py", "jit.py", "layout.py", "products.py", "program.py",
    "scalars.py", "target.py", "tiles.py",
)
"""What compiled kernels depend on."""

_LOOK_AGAIN = 0.1  # seconds

_loaded: dict[str, Library] = {}
_lock = threading.Lock()


@cache
def missing_reason() -> str:
    """Why kernels cannot be compiled or run here, in a few words; "" where they can."""
    for name in ("llvmlite", "numba"):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed"
    try:
        from gpt2_remix.engine.gpt2.kernels.target import named

        features = named()[1]
    except Exception as error:  # a library for another system, or a damaged one
        return " ".join(f"llvmlite cannot be loaded: {error}".split())
    return "this processor has no half precision (F16C)" if "-f16c" in features.split(",") else ""


def folders() -> list[Path]:
    """Where compiled kernels are looked for, and put where that can be written: the first that can."""
    own = user_cache_path("gpt2-remix") / "kernels"
    named = os.environ.get("GPT2_REMIX_KERNELS")
    return [Path(named).expanduser(), own] if named else [own]


@cache
def _key(cpu: str, features: str) -> str:
    whole = hashlib.sha256()
    parts = [cpu, features, sys.platform, version("numba"), version("llvmlite")]
    for text in parts:
        whole.update(f"{text}\n".encode())
    for name in _SOURCES:
        whole.update(Path(__file__).with_name(name).read_bytes())
    return whole.hexdigest()[:24]


def object_name() -> str:
    """What the file of this processor's kernels is called."""
    from gpt2_remix.engine.gpt2.kernels.target import named

    return f"{_key(*named())}.o"


def load() -> Library | None:
    """The kernels of this processor, from this process or from disk; None where they are not compiled yet."""
    if missing_reason():
        return None
    with _lock:
        name = object_name()
        for place in folders():
            if name not in _loaded and (library := _read(place / name)) is not None:
                _loaded[name] = library
        return _loaded.get(name)


def _read(path: Path) -> Library | None:
    from gpt2_remix.engine.gpt2.kernels.library import Library

    try:
        content = path.read_bytes()
        if hashlib.sha256(content[32:]).digest() != content[:32]:
            return None  # the linker would end the process on a damaged file
        name, _, code = content[32:].partition(b"\n")
        return Library(name.decode(), code)
    except (OSError, RuntimeError, ValueError, AttributeError):
        return None


def compile_kernels(stop: Callable[[], bool] = lambda: False) -> Library:
    """Compile the kernels for this processor in a process of its own, and load them: ten to twenty seconds, once.

    Several processes may ask at once: one compiles, the others wait for its file.

    Args:
        stop: ends the waiting once it is true. A compiler that writes to the folder goes on, for the next time.

    Raises:
        EngineError: they cannot be compiled, or it was stopped.
    """
    reason = missing_reason()
    if reason:
        raise EngineError(f"the kernels cannot be compiled: {reason}")
    found = load()
    if found is not None:
        return found
    name = object_name()
    with tempfile.TemporaryDirectory(prefix="gpt2-remix-") as elsewhere:
        place = next(filter(can_write, folders()), Path(elsewhere)) / name
        said = _run(place, stop)
        library = _read(place)
    if library is None:
        raise EngineError(f"the kernels could not be compiled{said}; fp32 runs without them")
    with _lock:
        return _loaded.setdefault(name, library)


def begin_compiling() -> bool:
    """Let a process compile the kernels that outlives this one; whether one does, begun now or before.

    None is begun where that cannot be, or where it failed before: what is tried again and again at every command would
    cost more than it brings. `compile_kernels` tries again.
    """
    place = None if missing_reason() else next(filter(can_write, folders()), None)
    if place is None:
        return False
    path = place / object_name()
    if failure(path).exists():
        return False
    try:
        with FileLock(f"{path}.lock", timeout=0):
            pass  # nobody is at it
        _start(path, subprocess.DEVNULL)
    except Timeout:
        return True
    except OSError:
        return False
    return True


def can_keep() -> bool:
    """Whether there is a folder in which what is compiled can be kept."""
    return any(map(can_write, folders()))


def failure(path: Path) -> Path:
    """The file that says that compiling failed; a compiler that begins takes it away."""
    return path.with_suffix(".failed")


def _start(path: Path, complaints: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command("engine.gpt2.kernels.build", str(path)), env=environment(),
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=complaints,
                            start_new_session=True)


def _run(path: Path, stop: Callable[[], bool]) -> str:
    """Run the compiler to its end; the last line that it complained of, for a message."""
    with tempfile.TemporaryFile() as complaints:
        process = _start(path, complaints.fileno())
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_AGAIN)
            if stop():
                if path.parent not in folders():
                    process.kill()
                raise EngineError("compiling was stopped")
        complaints.seek(0)
        lines = complaints.read().decode(errors="replace").strip().splitlines()
    return f" ({lines[-1]})" if process.returncode and lines else ""


def can_write(path: Path) -> bool:
    """Whether a folder is there, or can be made, and files can be written into it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return True
    except OSError:
        return False
