"""Compiled kernels on disk: found, checked, and made by a process of its own where they are missing.

One file for each processor, version and change of the source. It lies in the cache folder, or in the folder that
GPT2_REMIX_KERNELS names (one that many share may be read-only). Where nothing can be written, what is compiled goes to
a temporary folder and lasts as long as the process that asked for it.
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

from platformdirs import user_cache_path

from engine.errors import EngineError
from engine.gpt2.kernels.library import Library

_SOURCES = (
    "attention.py", "build.py", "emit.py", "functions.py", "jit.py", "layout.py", "products.py", "program.py",
    "scalars.py", "target.py", "tiles.py",
)  # fmt: skip
"""What compiled kernels depend on."""

_LOOK_AGAIN = 0.1  # seconds

_loaded: dict[str, Library] = {}
_lock = threading.Lock()


def missing_reason() -> str:
    """Why kernels cannot be compiled here, in a few words; "" where they can."""
    for name in ("llvmlite", "numba"):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed"
    return ""


def folder() -> Path:
    """Where compiled kernels are looked for, and put where that can be written."""
    named = os.environ.get("GPT2_REMIX_KERNELS")
    return Path(named).expanduser() if named else user_cache_path("gpt2-remix") / "kernels"


@cache
def _key(cpu: str, features: str) -> str:
    whole = hashlib.sha256()
    parts = [cpu, features, sys.platform, version("numba"), version("llvmlite")]
    for text in parts:
        whole.update(f"{text}\n".encode())
    for name in _SOURCES:
        whole.update(Path(__file__).with_name(name).read_bytes())
    return whole.hexdigest()[:24]


def object_file() -> Path:
    """The file of this processor's kernels, whether it is there or not."""
    from engine.gpt2.kernels.target import named

    return folder() / f"{_key(*named())}.o"


def load() -> Library | None:
    """The kernels of this processor, from this process or from disk; None where they are not compiled yet."""
    if missing_reason():
        return None
    with _lock:
        path = object_file()
        if path.name not in _loaded:
            library = _read(path)
            if library is None:
                return None
            _loaded[path.name] = library
        return _loaded[path.name]


def _read(path: Path) -> Library | None:
    try:
        content = path.read_bytes()
        if hashlib.sha256(content[32:]).digest() != content[:32]:
            return None  # the linker would end the process on a damaged file
        name, _, code = content[32:].partition(b"\n")
        return Library(name.decode(), code)
    except (OSError, RuntimeError, ValueError, AttributeError):
        return None


def compile_kernels(stop: Callable[[], bool] = lambda: False) -> Library:
    """Compiles the kernels for this processor in a process of its own, and loads them: ten to twenty seconds, once.

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
    path = object_file()
    with tempfile.TemporaryDirectory(prefix="gpt2-remix-") as elsewhere:
        place = path if _can_write(path.parent) else Path(elsewhere) / path.name
        said = _run(place, stop)
        library = _read(place)
    if library is None:
        raise EngineError(f"the kernels could not be compiled{said}; fp32 runs without them")
    with _lock:
        return _loaded.setdefault(path.name, library)


def begin_compiling() -> None:
    """Lets a process compile the kernels that outlives this one; nothing where that cannot be."""
    path = object_file()
    if not missing_reason() and _can_write(path.parent):
        _start(path, subprocess.DEVNULL)


def _start(path: Path, complaints: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "engine.gpt2.kernels.build", str(path)]
    root = str(Path(__file__).parents[3])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])}
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=complaints, start_new_session=True)  # fmt: skip


def _run(path: Path, stop: Callable[[], bool]) -> str:
    """Runs the compiler to its end; the last line that it complained of, for a message."""
    with tempfile.TemporaryFile() as complaints:
        process = _start(path, complaints.fileno())
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_AGAIN)
            if stop():
                if path.parent != folder():
                    process.kill()
                raise EngineError("compiling was stopped")
        complaints.seek(0)
        lines = complaints.read().decode(errors="replace").strip().splitlines()
    return f" ({lines[-1]})" if process.returncode and lines else ""


def _can_write(path: Path) -> bool:
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return True
    except OSError:
        return False
