"""A random checkpoint of GPT-2 small's exact shape (124M parameters, fp32), made once in a temporary folder."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path


def random_gpt2_small() -> Path:
    """The folder; 498 MB, kept between runs."""
    import torch
    from safetensors.torch import save_file

    from engine.gpt2.config import GPT2Config, expected_shapes

    folder = Path(tempfile.gettempdir()) / "gpt2-remix-random-124M"
    if not (folder / "config.json").is_file():
        folder.mkdir(exist_ok=True)
        config = GPT2Config()
        torch.manual_seed(0)
        tensors = {}
        for name, shape in expected_shapes(config).items():
            norm = "ln_" in name and name.endswith("weight")
            tensors[name] = torch.ones(shape) if norm else 0.02 * torch.randn(shape)
        save_file(tensors, folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps({"model_type": "gpt2", **asdict(config)}))
    return folder
