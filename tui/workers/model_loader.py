"""Finding models (and downloading them), and compiling kernels: threads beside the engine's, so that one can go on
exploring meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.message import Message

from gpt2_remix.tui.messages import KernelsReady, Loading, ModelFailed, TokenizerReady
from gpt2_remix.tui.workers.threads import CancelledError, reason_of, start_thread

if TYPE_CHECKING:
    from gpt2_remix.engine.models.opening import LoadOptions, Located
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model whose files are here: the number of the request, files, tokenizer, options, hash of the weights."""

    number: int
    located: Located
    tokenizer: Tokenizer
    options: LoadOptions
    sha256: str


class ModelLoader:
    """Finds what is asked for last; an older search ends at its next step."""

    def __init__(self, post: Callable[[Message], object], found: Callable[[FoundModel], object]) -> None:
        self._post = post
        self._found = found
        self._lock = threading.Lock()
        self._newest = 0
        self._closed = False

    def find(self, name: str, options: LoadOptions) -> None:
        """Find a model in a thread of its own; `found` is called with it."""
        with self._lock:
            self._newest += 1
            number = self._newest
        start_thread("finding a model", partial(self._find, number, name, options), self._post, goes_on=False)

    def close(self) -> None:
        """Let go of all searches."""
        with self._lock:
            self._closed = True
            self._newest += 1

    def failed(self, number: int, name: str, error: Exception) -> None:
        """Say why a model cannot be had, where it is still wanted."""
        if number == self._newest:
            self._post(ModelFailed(name, reason_of(error)))

    def compile_kernels(self, name: str) -> None:
        """Compile kernels while a model already runs; goes on where another one is asked for, which needs them too."""
        from gpt2_remix.engine.gpt2.kernels import compiled

        try:
            compiled.compile_kernels(lambda: self._closed)
        except Exception as error:
            if not self._closed:
                self._post(KernelsReady(name, reason_of(error)))
            return
        self._post(KernelsReady(name))

    def _find(self, number: int, name: str, options: LoadOptions) -> None:
        from gpt2_remix.engine.gpt2.kernels.compiled import compile_kernels
        from gpt2_remix.engine.models.opening import kernels_ready, locate, read_tokenizer
        from gpt2_remix.engine.models.weights_hash import weights_sha256

        def progress(what: str, done: int, total: int | None) -> None:
            if number != self._newest:
                raise CancelledError
            self._post(Loading(name, what, done, total))

        try:
            progress("looking for the files", 0, None)
            located = locate(name, progress)
            tokenizer = read_tokenizer(located)
            progress("loading the network", 0, None)
            sha256 = weights_sha256(located.folder)
            if options.precision == "int8" and not kernels_ready():
                progress("compiling for int8, once", 0, None)
                compile_kernels(lambda: number != self._newest)
        except CancelledError:
            return
        except Exception as error:
            self.failed(number, name, error)
            return
        with self._lock:
            if number != self._newest:
                return
            self._found(FoundModel(number, located, tokenizer, options, sha256))
        self._post(TokenizerReady(name, tokenizer, located.config.vocab_size))
