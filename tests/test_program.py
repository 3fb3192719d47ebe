"""The program as a process, and as it is installed."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gpt2_remix.engine.program import command, environment

ROOT = Path(__file__).parents[1]
FOREIGN = 'raise SystemExit("a module of the current folder was taken")\n'


def test_modules_of_the_current_folder_are_left_alone(tmp_path: Path) -> None:
    for name in ("json", "click", "numpy", "engine", "tui", "themes", "gpt2_remix"):
        (tmp_path / f"{name}.py").write_text(FOREIGN)
    done = subprocess.run(command("tui", "--version"), env=environment(), cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "gpt2-remix" in done.stdout


def test_every_process_is_begun_by_that_command() -> None:
    """The next one that starts Python is to leave the current folder alone as well."""
    own = [path for room in ("engine", "tui", "themes") for path in (ROOT / room).rglob("*.py")]
    assert [path.name for path in own if re.search(r"\bsys\.executable\b", path.read_text("utf-8"))] == ["program.py"]


@pytest.mark.slow
def test_the_wheel_holds_one_package(tmp_path: Path) -> None:
    """`engine`, `tui` and `themes` at the top level would be shared with other distributions."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, env=os.environ | {"PYTHONSAFEPATH": "1"})
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"gpt2_remix"}
    for room in ("engine", "tui", "themes"):
        kept = {str(path.relative_to(ROOT)) for path in (ROOT / room).rglob("*")
                if path.is_file() and "__pycache__" not in path.parts}
        assert {f"gpt2_remix/{name}" for name in kept} <= set(names)
