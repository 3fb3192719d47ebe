"""A random checkpoint of GPT-2 small's exact shape (124M parameters, fp32), made once in a temporary folder."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path


def random_gpt2_small() -> Path:
    """The folder; 498 MB, kept between runs."""
    from safetensors.numpy import save_file

    from gpt2_remix.engine.gpt2.config import GPT2Config
    from gpt2_remix.engine.models.benchmark import random_tensors

    folder = Path(tempfile.gettempdir()) / "gpt2-remix-random-124M"
    if not (folder / "config.json").is_file():
        folder.mkdir(exist_ok=True)
        config = GPT2Config()
        save_file(random_tensors(config), folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps({"model_type": "gpt2", **asdict(config)}))
    return folder
