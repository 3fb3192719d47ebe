"""What is really imported, in fresh processes."""

import subprocess
import sys

import pytest


def loaded(code: str) -> set[str]:
    """The top-level modules that some code leaves behind in a fresh interpreter, and our rooms."""
    script = f"{code}\nimport sys\nprint(*{{n.removeprefix('gpt2_remix.').partition('.')[0] for n in sys.modules}})"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(result.stdout.splitlines()[-1].split())


HELP = "from gpt2_remix.tui.__main__ import main\ntry: main(['--help'])\nexcept SystemExit: pass"


@pytest.mark.parametrize(
    ("code", "never"),
    [
        ("import gpt2_remix.tui", {"torch", "textual", "numpy"}),
        (
            "import gpt2_remix.engine.cli.options, gpt2_remix.engine.models.opening, gpt2_remix.engine.session.tree",
            {"textual", "rich", "torch", "numpy", "tui", "themes"},
        ),
        (
            "from gpt2_remix.engine import generation, sampling, tokens; "
            "import gpt2_remix.engine.generation.decode, gpt2_remix.engine.sampling.coin",
            {"textual", "torch", "tui"},
        ),
        ("import gpt2_remix.engine.gpt2.backend", {"textual", "tui", "themes"}),
        ("from gpt2_remix import themes; themes.load_themes()", {"textual", "engine", "tui"}),
        (HELP, {"torch", "textual", "numpy", "huggingface_hub"}),
        ("import gpt2_remix.tui.app", {"torch", "numpy", "tiktoken", "tokenizers", "huggingface_hub", "transformers"}),
    ],
)
def test_imports_stay_clean(code: str, never: set[str]) -> None:
    assert not loaded(code) & never


def test_nothing_of_the_tests_is_needed_to_run() -> None:
    names = loaded("import gpt2_remix.engine.gpt2.backend, gpt2_remix.tui.app, gpt2_remix.themes")
    assert not names & {"transformers", "pytest", "hypothesis", "psutil", "pyte"}
