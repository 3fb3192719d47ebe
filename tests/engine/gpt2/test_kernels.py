"""Compiled kernels: made once, by whoever comes first; found, checked, loaded; the same numbers on every processor."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.gpt2.kernels import compiled
from gpt2_remix.engine.gpt2.opening import open_backend
from gpt2_remix.engine.gpt2.threads import ThreadCount
from gpt2_remix.engine.models.names import embedded_folder

LOGITS = (
    "import sys, numpy as np\nfrom gpt2_remix.engine.gpt2.opening import open_backend\n"
    "from gpt2_remix.engine.models.names import embedded_folder\n"
    "from gpt2_remix.engine.gpt2.kernels import compiled\ncompiled.compile_kernels()\n"
    "ids = [n * 37 % 8193 for n in range(90)]\nmade = []\n"
    "for precision in ('fp32', 'int8'):\n"
    "    backend = open_backend('c', embedded_folder(), precision=precision, threads=2)\n"
    "    assert backend.info.form.startswith('kernels')\n"
    "    made += [backend.logits([ids[:n] for n in (3, 20, 21, 60, 90)]), *backend.every_logits(ids)]\n"
    "np.save(sys.argv[1], np.concatenate(made))\n"
)


def in_a_process(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], env=os.environ | environment, text=True,
                          capture_output=True, timeout=240, check=False)


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """As in a process that has loaded no kernels, with an empty folder for them."""
    monkeypatch.setattr(compiled, "_loaded", {})
    monkeypatch.setenv("GPT2_REMIX_KERNELS", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


@pytest.mark.slow
def test_two_processes_at_once_make_one_file(forgotten: Path, kernels: object) -> None:
    """A damaged file is in the way: it is made anew, by one of them, and both go on with it."""
    forgotten.mkdir()
    (forgotten / compiled.object_name()).write_bytes(b"damaged")
    assert compiled.load() is None
    code = "from gpt2_remix.engine.gpt2.kernels import compiled\nprint(compiled.compile_kernels() is compiled.load())"
    command = [sys.executable, "-c", code]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in "12"]
    for process in both:
        out, err = process.communicate(timeout=240)
        assert (out, err) == ("True\n", "")
    assert [path.suffix for path in forgotten.iterdir() if path.suffix != ".lock"] == [".o"]
    assert compiled.load() is not None


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names a processor of another kind")
def test_another_processor_gives_the_same_bits(tmp_path: Path) -> None:
    """AVX2 without AVX-512 or VNNI: other registers, tiles and instructions, the same sums in the same order."""
    files = []
    for name in ("", "haswell"):
        out = tmp_path / f"{name or 'host'}.npy"
        done = in_a_process(LOGITS, str(out), **({"NUMBA_CPU_NAME": name} if name else {}))
        assert (done.returncode, done.stderr) == (0, "")
        files.append(np.load(out))
    assert np.array_equal(*files)


def test_a_file_is_for_one_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    names = set()
    for processor in ("haswell", "znver3", "icelake-server"):  # the one that this runs on may be among them
        monkeypatch.setenv("NUMBA_CPU_NAME", processor)
        names.add(compiled.object_name())
    assert len(names) == 3


def test_a_folder_that_cannot_be_written_is_read(
    forgotten: Path, kernels: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    name = compiled.object_name()
    file = next(place / name for place in compiled.folders() if (place / name).exists())
    forgotten.mkdir()
    shutil.copy(file, forgotten)
    monkeypatch.setattr(compiled, "_loaded", {})
    monkeypatch.setenv("GPT2_REMIX_KERNELS", str(forgotten))
    monkeypatch.setattr(compiled, "can_write", lambda _: False)
    assert compiled.compile_kernels() is compiled.load()
    assert [path.name for path in forgotten.iterdir()] == [file.name]


def test_compiling_where_nothing_can_be_written(
    forgotten: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GPT2_REMIX_KERNELS", str(tmp_path / "file" / "kernels"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert not any(map(compiled.can_write, compiled.folders()))
    assert not compiled.begin_compiling()  # it would be lost: nothing begins
    with pytest.raises(EngineError, match="compiling was stopped"):
        compiled.compile_kernels(lambda: True)


@pytest.mark.parametrize("content", [b"", b"x" * 10, b"\0" * 32 + b"name\ncode"])
def test_a_damaged_file_is_not_loaded(forgotten: Path, content: bytes) -> None:
    forgotten.mkdir()
    (forgotten / compiled.object_name()).write_bytes(content)
    assert compiled.load() is None


def test_a_compiler_that_fails_is_one_line(forgotten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CPU_FEATURES", "nonsense")
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    monkeypatch.setattr(compiled, "object_name", lambda: "x" * 300)
    with pytest.raises(EngineError, match="could not be compiled"):
        compiled.compile_kernels()


@pytest.mark.parametrize("missing", ["numba", "llvmlite"])
def test_without_a_compiler_a_cpu_still_runs_fp32(missing: str) -> None:
    code = (
        f"import sys\nsys.modules['{missing}'] = None\nfrom gpt2_remix.tui.__main__ import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as end: sys.exit(end.code)\n"
    )
    done = in_a_process(code, "generate", "It is", "-n", "5", "--seed", "7")
    assert done.returncode == 0
    assert done.stdout
    refused = in_a_process(code, "next", "It is", "--precision", "int8")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "kernels" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_nothing_of_torch_or_numba_is_needed_to_run(kernels: object) -> None:
    code = (
        "import sys\nfrom gpt2_remix.engine.models.opening import open_model\n"
        "open_model('classics').backend.logits([[1, 2, 3]])\n"
        "print(sorted({'torch', 'numba', 'textual'} & set(sys.modules)))\n"
    )
    assert in_a_process(code).stdout == "[]\n"


def test_calls_of_several_networks_with_other_numbers_of_threads(kernels: object) -> None:
    """A helper that comes late, in the next call of another network, does no harm."""
    ids = [n * 31 % 8193 for n in range(40)]
    backends = [open_backend("c", embedded_folder(), precision=precision, threads=threads)
                for precision in ("int8", "fp32") for threads in (1, 2, 3, 5)]
    expected = {backend.info.precision: backend.logits([ids]) for backend in backends}
    for turn in range(60):
        for backend in backends:
            changed = [*ids[: turn % 39], (turn * 7) % 8193, *ids[turn % 39 + 1 :]]
            backend.logits([changed])
            assert np.array_equal(backend.logits([ids]), expected[backend.info.precision])


def test_the_number_of_threads_that_was_faster_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpt2_remix.engine.gpt2.threads.usable_processors", lambda: 4)
    for one, several, better in ((1.0, 2.0, 1), (2.0, 1.0, 4)):
        threads = ThreadCount(None)
        taken = []
        for _ in range(200):
            count = threads.choose((0, 1))
            taken.append(count)
            threads.took((0, 1), count, one if count == 1 else several)
        assert taken.count(better) > 180
        assert {1, 4} <= set(taken[50:]) or one / several > 1.5 or several / one > 1.5
        for _ in range(2_000):  # the machine changes: it is noticed
            count = threads.choose((0, 1))
            threads.took((0, 1), count, several if count == 1 else one)
        assert threads.choose((0, 1)) == (4 if better == 1 else 1) or threads.choose((0, 2)) == 4
    assert ThreadCount(3).choose((0, 1)) == 3


def test_where_compiling_failed_no_command_tries_again(forgotten: Path) -> None:
    forgotten.mkdir()
    compiled.failure(forgotten / compiled.object_name()).touch()
    assert not compiled.begin_compiling()
    assert not any(path.suffix == ".o" for path in forgotten.iterdir())


def test_a_folder_for_many_without_this_processor_s_file_is_not_all(forgotten: Path, own_home: Path) -> None:
    """Where the named folder lacks it and cannot be written, one's own cache folder is used."""
    assert compiled.folders() == [forgotten, own_home / "cache" / "gpt2-remix" / "kernels"]
