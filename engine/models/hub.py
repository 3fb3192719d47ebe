"""Models on the hub: downloads through huggingface-hub, with its cache, its resuming, its environment variables."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.files import read_bytes
from gpt2_remix.engine.gpt2.config import check_config, parameters_of, read_config
from gpt2_remix.engine.gpt2.files import WEIGHTS, WEIGHTS_INDEX, shard_names
from gpt2_remix.engine.models.names import EMBEDDED, HUB, embedded_folder
from gpt2_remix.engine.progress import Progress
from gpt2_remix.engine.tokens.folder_tokenizer import BESIDE, MERGES, VOCAB, WHOLE


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the model list. `folder` is None where it would have to be downloaded first."""

    name: str
    source: Literal["embedded", "folder", "hub"]
    parameters: int | None
    folder: Path | None


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
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # its warnings would be drawn over the app; failures come as exceptions

    with _explained(repo):
        if not constants.HF_HUB_OFFLINE:
            # One request without retries: where the hub cannot be reached, say so at once and not after half a minute.
            get_hf_file_metadata(hf_hub_url(repo, "config.json"))
        config = _download(repo, "config.json", progress)
        if config is None:
            raise InputError(f"{repo} has no config.json on the hub; it is not a model that can be run")
        check_config(_parse(config), f"{repo}/config.json")
        if _download(repo, WHOLE, progress) is None and _download(repo, VOCAB, progress):
            _download(repo, MERGES, progress)
        for file in BESIDE:
            _download(repo, file, progress)
        index = _download(repo, WEIGHTS_INDEX, progress)  # where there is one it decides, as in a folder
        if index is not None:
            for shard in shard_names(index):
                if _download_weights(repo, shard, progress) is None:
                    raise InputError(f"{repo} lacks {shard}, which its index names")
        elif _download_weights(repo, WEIGHTS, progress) is None:
            raise InputError(f"{repo} holds no {WEIGHTS}; only safetensors are read, never pickles")
        return config.parent


@contextmanager
def _explained(repo: str) -> Iterator[None]:
    """Turn what huggingface-hub raises into one line that says what to do."""
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, HFValidationError, LocalEntryNotFoundError
    from huggingface_hub.errors import RepositoryNotFoundError as MissingRepo

    try:
        yield
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
                     headers=build_hf_headers(), displayed_filename=file, tqdm_class=_bar(file, progress))
        _check_hash(part, found.etag, file)
        part.replace(blobs / found.etag)
        Path(f"{part}.lock").unlink(missing_ok=True)
    return _download(repo, file, progress)


def _check_hash(path: Path, etag: str, file: str) -> None:
    """Raise EngineError, and throw the file away, where the hub names its SHA-256 and it has another."""
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
            """Draw nothing."""

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
        record = json.loads(read_bytes(path))
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
        index = local(WEIGHTS_INDEX)
        files = shard_names(index) if index else [WEIGHTS]
        return config.parent if all(map(local, files)) else None
    except (InputError, HFValidationError):
        return None


def list_models() -> list[Listed]:
    """The models with a name of their own, and what else of GPT-2 is in huggingface-hub's cache."""
    return [
        Listed(EMBEDDED, "embedded", _header_parameters(embedded_folder() / WEIGHTS), embedded_folder()),
        *(Listed(name, "hub", model.parameters, cached_folder(model.repo)) for name, model in HUB.items()),
        *_others_in_cache(),
    ]


def list_folders(folders: Iterable[str]) -> Iterator[Listed]:
    """Those of some folders that hold a model of this architecture still."""
    for folder in folders:
        with suppress(InputError, OSError):
            yield Listed(folder, "folder", parameters_of(read_config(Path(folder))), Path(folder))


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
