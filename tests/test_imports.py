"""What is really imported, in fresh processes."""

import subprocess
import sys

import pytest


def loaded(code: str) -> set[str]:
    """The top-level modules that some code leaves behind in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint(' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(result.stdout.splitlines()[-1].split())


HELP = "from tui.__main__ import main\ntry: main(['--help'])\nexcept SystemExit: pass"


@pytest.mark.parametrize(
    ("code", "never"),
    [
        ("import tui", {"torch", "textual", "numpy"}),
        (
            "import engine.cli.options, engine.models.opening, engine.session.tree",
            {"textual", "rich", "torch", "numpy", "tui", "themes"},
        ),
        (
            "import engine.generation.decode, engine.sampling.coin, engine.tokens.tokenizer",
            {"textual", "torch", "tui"},
        ),
        ("import engine.gpt2.backend", {"textual", "tui", "themes"}),
        ("import themes; themes.load_themes()", {"textual", "engine", "tui"}),
        (HELP, {"torch", "textual", "numpy", "huggingface_hub"}),
        ("import tui.app", {"torch", "numpy", "tiktoken", "tokenizers", "huggingface_hub", "transformers"}),
    ],
)
def test_imports_stay_clean(code: str, never: set[str]) -> None:
    assert not loaded(code) & never


def test_nothing_of_the_tests_is_needed_to_run() -> None:
    names = loaded("import engine.gpt2.backend, tui.app, themes")
    assert not names & {"transformers", "pytest", "hypothesis", "psutil", "pyte"}
