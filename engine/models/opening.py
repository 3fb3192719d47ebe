"""Model names -> a folder with config.json, weights and perhaps a tokenizer -> a backend that runs.

Downloads go through huggingface-hub: its cache, its resuming, its environment variables. What runs a model is imported
only when one is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import cache_folder
from gpt2_remix.engine.generation.backend import Backend, ModelInfo
from gpt2_remix.engine.gpt2.config import GPT2Config, read_config
from gpt2_remix.engine.models.hub import fetch
from gpt2_remix.engine.models.names import HUB, Source, resolve
from gpt2_remix.engine.progress import Progress
from gpt2_remix.engine.tokens.folder_tokenizer import folder_tokenizer
from gpt2_remix.engine.tokens.tokenizer import Tokenizer, gpt2_tokenizer

if TYPE_CHECKING:
    from gpt2_remix.engine.progress import Progress
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How a model's weights are wanted, and where it should run.

    Attributes:
        precision: "fp32" or "int8"; None for what is faster here, fp32 for models of up to 50M parameters on a CPU.
        device: "cpu", "cuda", "mps" or "auto".
        threads: CPU threads; as many as measure faster where None.
    """

    precision: str | None = None
    device: str = "auto"
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """An opened model: where logits come from, and its text form."""

    backend: Backend
    tokenizer: Tokenizer

    @property
    def info(self) -> ModelInfo:
        """What is known of it without running it."""
        return self.backend.info


@dataclass(frozen=True, slots=True)
class Located:
    """A model whose files are on this machine and whose configuration was read."""

    source: Source
    folder: Path
    config: GPT2Config


def locate(name: str, progress: Progress | None = None) -> Located:
    """Find a model's folder, downloading it first where it has to be, and read its configuration.

    Raises:
        InputError: the name stands for nothing, or what it stands for is no GPT-2.
        EngineError: a download failed.
    """
    source = resolve(name)
    folder = Path(source.place) if source.kind != "hub" else fetch(source.place, progress)
    with _naming(source, folder):
        return Located(source, folder, read_config(folder))


def read_tokenizer(located: Located) -> Tokenizer:
    """The tokenizer that the folder brings, else GPT-2's own cut to the vocabulary. Raises InputError."""
    from gpt2_remix.engine.models.provenance import holds_gpt2_tokens  # it imports numpy

    own = None
    with _naming(located.source, located.folder):
        # Those are GPT-2's own, and the committed table is read faster.
        if located.source.name not in HUB and not holds_gpt2_tokens(located.folder):
            own = folder_tokenizer(located.folder, located.config.vocab_size)
        return own or gpt2_tokenizer(located.config.vocab_size)


def start_backend(located: Located, options: LoadOptions | None = None, *, kernels: bool = True) -> Backend:
    """Bring a model's weights into memory.

    Args:
        located: the model.
        options: how its weights are wanted.
        kernels: whether to use compiled kernels where they are there; False for plain numpy in fp32.

    Raises:
        InputError: the files are damaged, or the machine lacks what is wanted.
    """
    from gpt2_remix.engine.gpt2.opening import open_backend

    options = options or LoadOptions()
    with _naming(located.source, located.folder):
        return open_backend(located.source.name, located.folder, precision=options.precision, device=options.device,
                            threads=options.threads, kept=cache_folder() / "int8", kernels=kernels)


def open_model(name: str, options: LoadOptions | None = None, *, progress: Progress | None = None) -> Model:
    """Open a model: locate, read_tokenizer and start_model in one. Raises what they raise."""
    located = locate(name, progress)
    return start_model(located, read_tokenizer(located), options)


def start_model(
    located: Located, tokenizer: Tokenizer, options: LoadOptions | None = None, *,
    wait: Callable[[bool], None] | None = None,
) -> Model:
    """Start a model that was found. Raises what `start_backend` raises.

    `wait` is called where kernels could be compiled and are not yet, with whether nothing can run before they are.
    """
    options = options or LoadOptions()
    if wait is not None and not kernels_ready() and options.device in ("auto", "cpu"):
        wait(options.precision == "int8")
    return Model(start_backend(located, options), tokenizer)


def can_compile() -> bool:
    """Whether kernels can be compiled and run on this machine."""
    from gpt2_remix.engine.gpt2.kernels import compiled

    return not compiled.missing_reason()


def kernels_ready() -> bool:
    """Whether the kernels for this processor are compiled, or cannot be."""
    from gpt2_remix.engine.gpt2.kernels import compiled

    return not can_compile() or compiled.load() is not None


@contextmanager
def _naming(source: Source, folder: Path) -> Iterator[None]:
    """Add to an InputError about downloaded files how to be rid of them."""
    try:
        yield
    except InputError as error:
        if source.kind != "hub":
            raise
        raise InputError(f"{error} (downloaded from {source.place}; to try again, delete {folder})") from None
