"""Model names -> a folder with config.json, weights and perhaps a tokenizer -> a backend that runs.

Downloads go through huggingface-hub: its cache, its resuming, its environment variables. What runs a model is imported
only when one is opened.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_cache_path

from engine.errors import EngineError, InputError
from engine.files import written_beside
from engine.generation.backend import Backend, ModelInfo
from engine.gpt2.config import GPT2Config, check_config, read_config
from engine.gpt2.files import WEIGHTS, WEIGHTS_INDEX, shard_names, weight_files
from engine.session.tree import ModelRecord
from engine.tokens.tokenizer import Tokenizer, folder_tokenizer, gpt2_tokenizer

EMBEDDED = "classics"

Progress = Callable[[str, int, int | None], None]
"""Called with (what is being done, bytes done, bytes in all or None). May raise to stop the work."""


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model with a short name: where it lies on the hub, and how many parameters it has."""

    repo: str
    parameters: int


HUB: dict[str, HubModel] = {
    "gpt2": HubModel("openai-community/gpt2", 124_439_808),
    "gpt2-medium": HubModel("openai-community/gpt2-medium", 354_823_168),
    "gpt2-large": HubModel("openai-community/gpt2-large", 774_030_080),
    "gpt2-xl": HubModel("openai-community/gpt2-xl", 1_557_611_200),
    "distilgpt2": HubModel("distilbert/distilgpt2", 81_912_576),
}


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
class Source:
    """Where a named model comes from: a folder, or a repository on the hub."""

    kind: Literal["embedded", "folder", "hub"]
    name: str
    place: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the model list. `folder` is None where it would have to be downloaded first."""

    name: str
    source: Literal["embedded", "folder", "hub"]
    parameters: int | None
    folder: Path | None


def embedded_folder() -> Path:
    """The folder of the embedded model."""
    return Path(str(resources.files("engine") / "assets" / EMBEDDED))


def resolve(name: str) -> Source:
    """What a name stands for. Raises InputError for one that can stand for nothing."""
    if name == EMBEDDED:
        return Source("embedded", name, str(embedded_folder()))
    if name in HUB:
        return Source("hub", name, HUB[name].repo)
    path = Path(name).expanduser()
    if name and path.is_dir():
        return Source("folder", name, str(path))
    if path.is_file():
        raise InputError(f"{name} is a file; give the folder that holds config.json and the weights")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not name.startswith((".", "-")):
        return Source("hub", name, name)
    if "/" in name or "\\" in name:
        raise InputError(f"there is no folder {name}; give a folder that holds config.json and *.safetensors")
    known = [EMBEDDED, *HUB]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known names: {', '.join(known)}; or owner/name, or a folder"
    raise InputError(f"there is no model {name!r}; {hint}")


@dataclass(frozen=True, slots=True)
class Located:
    """A model whose files are on this machine and whose configuration was read."""

    source: Source
    folder: Path
    config: GPT2Config


def locate(name: str, progress: Progress | None = None) -> Located:
    """Finds a model's folder, downloading it first where it has to be, and reads its configuration.

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
    own = None
    with _naming(located.source, located.folder):
        if located.source.name not in HUB:  # those are GPT-2's own, and the committed table is read faster
            own = folder_tokenizer(located.folder, located.config.vocab_size)
        return own or gpt2_tokenizer(located.config.vocab_size)


def fingerprint(located: Located) -> str:
    """The SHA-256 of a model's weight files in the order of their names, in hexadecimal; "" where they cannot be read.

    Remembered by path, size and time of change: reading 500 MB takes about half a second.
    """
    try:
        files = sorted(weight_files(located.folder))
        key = "|".join(f"{file}:{file.stat().st_size}:{file.stat().st_mtime_ns}" for file in files)
        kept = cache_folder() / "fingerprints.json"
        known: dict[str, Any] = {}
        with suppress(OSError, ValueError, RecursionError):
            known = dict(json.loads(kept.read_bytes()))
        if isinstance(known.get(key), str):
            return str(known[key])
        whole = hashlib.sha256()
        for file in files:
            with file.open("rb") as opened:
                whole.update(hashlib.file_digest(opened, "sha256").digest())
        found = whole.hexdigest()
        with suppress(OSError):
            kept.parent.mkdir(parents=True, exist_ok=True)
            with written_beside(kept) as part:
                part.write_text(json.dumps(known | {key: found}))
    except (OSError, InputError):
        return ""
    return found


def record_of(located: Located, info: ModelInfo, sha256: str) -> ModelRecord:
    """What a session keeps of a model."""
    config = located.config
    shape = (config.n_layer, config.n_embd, config.n_head)
    return ModelRecord(info.name, info.parameters, info.precision, info.vocab_size, info.context, shape, sha256,
                       info.form)  # fmt: skip


def start_backend(located: Located, options: LoadOptions | None = None, *, kernels: bool = True) -> Backend:
    """Brings a model's weights into memory.

    Args:
        located: the model.
        options: how its weights are wanted.
        kernels: whether to use compiled kernels where they are there; False for plain numpy in fp32.

    Raises:
        InputError: the files are damaged, or the machine lacks what is wanted.
    """
    from engine.gpt2.opening import open_backend

    options = options or LoadOptions()
    with _naming(located.source, located.folder):
        return open_backend(located.source.name, located.folder, precision=options.precision, device=options.device,
                            threads=options.threads, kept=cache_folder() / "int8", kernels=kernels)  # fmt: skip


def cache_folder() -> Path:
    """Where what can be made again is kept."""
    return user_cache_path("gpt2-remix")


def open_model(
    name: str, options: LoadOptions | None = None, *, progress: Progress | None = None,
    wait: Callable[[bool], None] | None = None,
) -> Model:  # fmt: skip
    """Opens a model: locate, read_tokenizer and start_backend in one. Raises what they raise.

    `wait` is called where kernels could be compiled and are not yet, with whether nothing can run before they are.
    """
    located = locate(name, progress)
    tokenizer = read_tokenizer(located)
    options = options or LoadOptions()
    if wait is not None and not kernels_ready() and options.device in ("auto", "cpu"):
        wait(options.precision == "int8")
    return Model(start_backend(located, options), tokenizer)


def can_compile() -> bool:
    """Whether kernels can be compiled and run on this machine."""
    from engine.gpt2.kernels import compiled

    return not compiled.missing_reason()


def kernels_ready() -> bool:
    """Whether the kernels for this processor are compiled, or cannot be."""
    from engine.gpt2.kernels import compiled

    return not can_compile() or compiled.load() is not None


@contextmanager
def _naming(source: Source, folder: Path) -> Iterator[None]:
    """Adds to an InputError about downloaded files how to be rid of them."""
    try:
        yield
    except InputError as error:
        if source.kind != "hub":
            raise
        raise InputError(f"{error} (downloaded from {source.place}; to try again, delete {folder})") from None


def fetch(repo: str, progress: Progress | None = None) -> Path:
    """The local folder of a hub repository: from huggingface-hub's cache, else downloaded, resuming what is there.

    Only what is needed comes: config.json first (another architecture is refused before gigabytes are fetched), the
    tokenizer, then the safetensors.

    Raises:
        InputError: no such repository, or it holds no GPT-2 in safetensors.
        EngineError: the hub cannot be reached, or the download broke off.
    """
    folder = cached_folder(repo)
    if folder is not None:
        return folder
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, HFValidationError, LocalEntryNotFoundError
    from huggingface_hub.errors import RepositoryNotFoundError as MissingRepo
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # its warnings would be drawn over the app; failures come as exceptions

    try:
        if not constants.HF_HUB_OFFLINE:
            # One request without retries: where the hub cannot be reached, say so at once and not after half a minute.
            get_hf_file_metadata(hf_hub_url(repo, "config.json"))
        config = _download(repo, "config.json", progress)
        if config is None:
            raise InputError(f"{repo} has no config.json on the hub; it is not a model that can be run")
        check_config(_parse(config), f"{repo}/config.json")
        if _download(repo, "tokenizer.json", progress) is None and _download(repo, "vocab.json", progress):
            _download(repo, "merges.txt", progress)
        if _download_weights(repo, WEIGHTS, progress) is None:
            index = _download(repo, WEIGHTS_INDEX, progress)
            if index is None:
                raise InputError(f"{repo} holds no {WEIGHTS}; only safetensors are read, never pickles")
            for shard in shard_names(index):
                if _download_weights(repo, shard, progress) is None:
                    raise InputError(f"{repo} lacks {shard}, which its index names")
        return config.parent
    except EngineError:
        raise
    except GatedRepoError:
        raise InputError(f"{repo} is gated: accept its terms on the hub and log in with `hf auth login`") from None
    except MissingRepo:
        raise InputError(f"there is no model {repo} on the hub (or it is private); check the name") from None
    except HFValidationError:
        raise InputError(f"{repo!r} is not a name that the hub knows; write owner/name") from None
    except LocalEntryNotFoundError:
        raise EngineError(_offline(repo)) from None
    except EntryNotFoundError:
        raise InputError(f"{repo} has no config.json on the hub; it is not a model that can be run") from None
    except OSError as error:
        if isinstance(error, ConnectionError):
            raise EngineError(_offline(repo)) from None
        raise EngineError(f"downloading {repo} failed: {error}; run again to go on where it stopped") from None
    except Exception as error:
        # httpx's failures share no public base with OSError, and huggingface-hub passes them on as they are.
        if type(error).__module__.partition(".")[0].startswith("httpx"):
            if type(error).__name__ in ("ConnectError", "ConnectTimeout"):
                raise EngineError(_offline(repo)) from None
            raise EngineError(
                f"downloading {repo} broke off ({error or type(error).__name__}); run again to go on where it stopped"
            ) from None
        raise


def _offline(repo: str) -> str:
    here = ", ".join(listed.name for listed in list_models() if listed.folder)
    return f"the model hub cannot be reached to download {repo}; connect and try again, or use one that is here: {here}"


def _download(repo: str, file: str, progress: Progress | None) -> Path | None:
    """One file of a repository, by huggingface-hub; None where the repository has no such file."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(repo, file, tqdm_class=_bar(file, progress)))
    except LocalEntryNotFoundError:
        raise
    except EntryNotFoundError:
        return None
    except HfHubHTTPError as error:
        plain_404 = type(error) is HfHubHTTPError and error.response.status_code == 404
        if plain_404 and file != "config.json":
            return None
        raise


def _download_weights(repo: str, file: str, progress: Progress | None) -> Path | None:
    """Like _download, but what came before an interruption is kept and gone on from, also by another process.

    huggingface-hub (1.11 and later) throws unfinished files away, and for these that may be gigabytes. They are kept
    beside its blobs; a finished one becomes the blob that it would have written itself, and it does the rest.
    """
    from filelock import FileLock
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError
    from huggingface_hub.file_download import http_get, repo_folder_name
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    if constants.HF_HUB_OFFLINE:
        return _download(repo, file, progress)
    try:
        found = get_hf_file_metadata(hf_hub_url(repo, file))
    except EntryNotFoundError:
        return None
    blobs = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model") / "blobs"
    if found.etag and found.size and not (blobs / found.etag).exists():
        blobs.mkdir(parents=True, exist_ok=True)
        part = blobs / f"{found.etag}.part"
        with FileLock(f"{part}.lock"), part.open("ab") as unfinished:
            have = unfinished.tell()
            if have > found.size:
                unfinished.truncate(have := 0)
            http_get(found.location, unfinished, resume_size=have, expected_size=found.size,
                     headers=build_hf_headers(), displayed_filename=file, tqdm_class=_bar(file, progress))  # fmt: skip
        _check_hash(part, found.etag, file)
        part.replace(blobs / found.etag)
        Path(f"{part}.lock").unlink(missing_ok=True)
    return _download(repo, file, progress)


def _check_hash(path: Path, etag: str, file: str) -> None:
    """Raises EngineError, and throws the file away, where the hub names its SHA-256 and it has another."""
    if not re.fullmatch(r"[0-9a-f]{64}", etag):
        return
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if digest != etag:
        path.unlink()
        raise EngineError(f"{file} arrived damaged (its hash is not the hub's); run again to download it anew")


def _bar(file: str, progress: Progress | None) -> type[Any]:
    """A tqdm class that reports to `progress` and draws nothing."""
    from tqdm.std import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **(options | {"disable": False, "file": _Nowhere(), "mininterval": 0.05}))
            self.report()

        def update(self, n: float | None = 1) -> bool | None:
            # tqdm's own throttling would leave a stalled download at the figure of some time ago.
            shown: bool | None = super().update(n)
            self.report()
            return shown

        def display(self, *args: Any, **options: Any) -> None:
            """Draws nothing."""

        def report(self) -> None:
            if progress:
                progress(f"downloading {file}", int(self.n), None if self.total is None else int(self.total))

    return Bar


class _Nowhere:
    """A file to which nothing is written."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        return None


def _parse(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise InputError(f"the hub's {path.name} is not a model's configuration; delete {path} and try again")
    return record


def cached_folder(repo: str) -> Path | None:
    """The folder of a repository that is completely in huggingface-hub's cache, else None."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    def local(file: str) -> Path | None:
        found = try_to_load_from_cache(repo, file)
        return Path(found) if isinstance(found, str) else None

    try:
        config = local("config.json")
        if config is None:
            return None
        if local(WEIGHTS):
            return config.parent
        index = local(WEIGHTS_INDEX)
        return config.parent if index and all(local(shard) for shard in shard_names(index)) else None
    except (InputError, HFValidationError):
        return None


def list_models() -> list[Listed]:
    """The models with a name of their own, and what else of GPT-2 is in huggingface-hub's cache."""
    return [
        Listed(EMBEDDED, "embedded", _header_parameters(embedded_folder() / WEIGHTS), embedded_folder()),
        *(Listed(name, "hub", model.parameters, cached_folder(model.repo)) for name, model in HUB.items()),
        *_others_in_cache(),
    ]


def _header_parameters(path: Path) -> int:
    """How many numbers a safetensors file holds, by its header alone."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    total = 0
    for name, tensor in header.items():
        if name != "__metadata__":
            count = 1
            for size in tensor["shape"]:
                count *= size
            total += count
    return total


def _others_in_cache() -> Iterator[Listed]:
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repos = sorted(repo.repo_id for repo in scan_cache_dir().repos if repo.repo_type == "model")
    except (CacheNotFound, OSError, ValueError):
        return
    known = {model.repo for model in HUB.values()}
    for repo in repos:
        folder = cached_folder(repo) if repo not in known else None
        if folder is not None:
            try:
                read_config(folder)
            except InputError:
                continue
            yield Listed(repo, "hub", None, folder)
