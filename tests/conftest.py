"""Fixtures: a home of its own for every test, the embedded model, random checkpoints made by transformers."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual import _wait

from gpt2_remix.engine.models.opening import Model

# What the person at this machine has set for the hub (offline, an endpoint, a token, a cache) decides no test.
for name in [name for name in os.environ if name.startswith(("HF_", "HUGGINGFACE_", "HUGGING_FACE_", "TRANSFORMERS_"))]:
    del os.environ[name]
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two workers' torch threads would wait for each other, at full load
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


# A pilot waits after each key until the process is at rest. What shall be at rest is the app's thread, whatever the
# engine's computes meanwhile: for a minute's work of it one would wait a second a key.
_wait.process_time = time.thread_time  # type: ignore[attr-defined]
_wait.SLEEP_GRANULARITY, _wait.SLEEP_IDLE = 0.01, 0.0005


def pytest_configure(config: pytest.Config) -> None:
    """Compiled kernels are kept between runs: they belong to this processor, not to a test."""
    os.environ.setdefault("GPT2_REMIX_KERNELS", str(config.cache.mkdir("kernels")))


@pytest.fixture(autouse=True, scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The compiled kernels, in the tests' own folder: no test waits for a compiler."""
    from gpt2_remix.engine.gpt2.kernels import compiled

    with pytest.MonkeyPatch.context() as patch:  # those that the person at this machine has compiled are not looked at
        patch.setenv("HOME", str(tmp_path_factory.mktemp("nobody")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("nothing")))
        return compiled.compile_kernels()


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes what the person at this machine keeps."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    (home / "config" / "gpt2-remix").mkdir(parents=True)
    (home / "config" / "gpt2-remix" / "settings.json").write_text('{"toured": true}\n', "utf-8")  # not the first time
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)  # what goes to the current folder does not go into the repository
    return home


@pytest.fixture(scope="session")
def classics() -> Model:
    """The embedded model."""
    from gpt2_remix.engine.models.opening import open_model

    return open_model("classics")


@pytest.fixture
def fresh_classics(classics: Model) -> Model:
    """The embedded model with an empty cache and a count of 0."""
    from gpt2_remix.engine.gpt2.opening import open_backend
    from gpt2_remix.engine.models.names import embedded_folder
    from gpt2_remix.engine.models.opening import Model

    return Model(open_backend("classics", embedded_folder()), classics.tokenizer)


@pytest.fixture
def emulate() -> Iterator[Callable[..., Any]]:
    """`emulate(*arguments, size=…)` starts the real program in a pseudo-terminal (`tests.emulator.Emulator`)."""
    from tests.emulator import emulators

    with emulators() as start:
        yield start


def tiny_network(folder: Path, vocab_size: int) -> Path:
    """A random network as transformers saves it; its coins do not hang on the last bits."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=vocab_size, n_positions=32, n_embd=24, n_layer=2, n_head=4, initializer_range=0.3,
                        bos_token_id=1, eos_token_id=1)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random network of 97 tokens."""
    return tiny_network(tmp_path_factory.mktemp("tiny"), 97)


@pytest.fixture(scope="session")
def tiny_of_60(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that has the first 60 of them."""
    return tiny_network(tmp_path_factory.mktemp("tiny_of_60"), 60)


Checkpoint = Callable[..., Path]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    """Make a folder with a random GPT-2 as transformers saves it; keyword arguments go to GPT2Config."""

    def make(name: str = "random", dtype: str = "float32", shard: str | None = None, **fields: Any) -> Path:
        import torch
        from transformers import GPT2Config, GPT2LMHeadModel
        from transformers.utils import logging

        logging.disable_progress_bar()
        torch.manual_seed(fields.pop("torch_seed", 0))
        shape: dict[str, Any] = {"vocab_size": 97, "n_positions": 32, "n_embd": 24, "n_layer": 3, "n_head": 4}
        shape |= {"initializer_range": 0.3, "bos_token_id": 1, "eos_token_id": 1}
        model = GPT2LMHeadModel(GPT2Config(**(shape | fields))).to(getattr(torch, dtype))
        # Biases and norms start as zeros and ones: make them count.
        with torch.no_grad():
            for weight in model.parameters():
                if weight.ndim == 1:
                    weight.add_(0.1 * torch.randn(weight.shape).to(weight.dtype))
        folder = tmp_path / name
        model.save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
        return folder

    return make


def edit_json(path: Path, **changes: Any) -> None:
    """Change fields of a JSON file; None removes one."""
    record = json.loads(path.read_text())
    for name, value in changes.items():
        if value is None:
            record.pop(name, None)
        else:
            record[name] = value
    path.write_text(json.dumps(record))
