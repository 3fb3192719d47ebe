"""What a training run leaves: a model folder in Hugging Face layout, and beside it what is needed to go on.

The folder is a whole model at any moment after the first look at held-out text: every file is written beside its place
and moved there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import write_whole
from gpt2_remix.engine.gpt2.files import WEIGHTS
from gpt2_remix.engine.models.provenance import RECORD, Source, sources_record, write_json
from gpt2_remix.engine.tokens.folder_tokenizer import WHOLE
from gpt2_remix.engine.tokens.written_tokenizer import tokenizer_files
from gpt2_remix.engine.train.loop import Run, begin, with_optimizers
from gpt2_remix.engine.train.network import Parameters, merge_qkv, split_qkv
from gpt2_remix.engine.train.plan import Plan, plan_from

STATE = "training.safetensors"


def write_model(out: Path, plan: Plan, parameters: Parameters) -> None:
    """Write config.json and model.safetensors (fp16). Raises EngineError."""
    tensors = {name: tensor.half().contiguous() for name, tensor in merge_qkv(parameters, plan.config).items()}
    end = plan.vocab
    config = {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": plan.vocab + 1,
        "n_positions": plan.context, "n_ctx": plan.context, "n_embd": plan.width, "n_layer": plan.layers,
        "n_head": plan.heads, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "bos_token_id": end,
        "eos_token_id": end, "tie_word_embeddings": True, "dtype": "float16",
    }
    write_json(out / "config.json", config)
    write_whole(out / WEIGHTS, save(tensors, metadata={"format": "pt"}))


def write_start(out: Path, run: Run, sources: Sequence[Source]) -> None:
    """Write the tokenizer, and the record of a training of which nothing is kept yet: it can begin again from that.

    Raises EngineError.
    """
    for name, content in tokenizer_files(run.plan.vocab + 1, run.plan.context).items():
        write_whole(out / name, content)
    write_record(out, run, sources, {})


def write_state(out: Path, run: Run, sources: Sequence[Source], held_out: dict[str, Any]) -> None:
    """Write what is needed to go on, and the record of what was trained on what. Raises EngineError."""
    tensors: dict[str, torch.Tensor] = {f"now.{name}": tensor.detach() for name, tensor in run.parameters.items()}
    tensors |= {f"best.{name}": tensor for name, tensor in run.best_parameters.items()}
    by_tensor = {id(tensor): name for name, tensor in run.parameters.items()}
    for optimizer in (run.muon, run.adamw):
        for tensor, state in (optimizer.state if optimizer else {}).items():
            tensors |= {f"{key}.{by_tensor[id(tensor)]}": value for key, value in state.items()}
    write_whole(out / STATE, save({name: tensor.contiguous() for name, tensor in tensors.items()}))
    write_record(out, run, sources, held_out)


def write_record(out: Path, run: Run, sources: Sequence[Source], held_out: dict[str, Any]) -> None:
    """Write what was trained on what, and how far. Raises EngineError."""
    files = tokenizer_files(run.plan.vocab + 1, run.plan.context)
    record = {
        "plan": asdict(run.plan),
        "tokenizer": hashlib.sha256(files[WHOLE]).hexdigest(),
        "sources": sources_record(list(sources)),
        "step": run.step, "tokens": run.tokens, "seconds": run.seconds, "epoch": run.epoch, "place": run.place,
        "best": run.best, "history": run.history, **held_out,
    }
    write_json(out / RECORD, record)


LARGEST = 2**53
"""Steps, tokens, places and seconds are below it."""


def read_state(out: Path, record: dict[str, Any], **changes: Any) -> Run:
    """A run as it was when it was written, with changes to its plan. Raises InputError."""
    plan = plan_from(record.get("plan", {}) | changes)
    if record.get("step") == 0 and not (out / STATE).exists():
        return begin(plan)  # it ended before anything was kept
    try:
        tensors = load_file(out / STATE)
        run = with_optimizers(plan, {name.removeprefix("now."): tensor for name, tensor in tensors.items()
                                     if name.startswith("now.")})
        run.best_parameters = {name.removeprefix("best."): tensor for name, tensor in tensors.items()
                               if name.startswith("best.")}
        for optimizer, keys in ((run.muon, ("momentum_buffer",)), (run.adamw, ("exp_avg", "exp_avg_sq", "step"))):
            for name, tensor in run.parameters.items():
                if optimizer is not None and f"{keys[0]}.{name}" in tensors:
                    optimizer.state[tensor] = {key: tensors[f"{key}.{name}"] for key in keys}
        run.step, run.tokens, run.seconds = int(record["step"]), int(record["tokens"]), float(record["seconds"])
        run.epoch, run.place, run.best = int(record["epoch"]), int(record["place"]), record["best"]
        counted = (run.step, run.tokens, run.epoch, run.place, run.seconds)
        if not all(0 <= number < LARGEST for number in counted):
            raise ValueError("no training goes so far")
        run.history = [(float(a), int(b), float(c), float(d)) for a, b, c, d in record["history"]]
        merge_qkv(run.parameters, plan.config)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, OverflowError, RuntimeError):
        raise InputError(f"what {out} keeps of its training is damaged; train into a new folder") from None
    return run


def weights_of(out: Path, plan: Plan) -> Parameters:
    """The parameters that a written model holds, as those who open it have them."""
    tensors = load_file(out / WEIGHTS)
    parts: Parameters = {}
    for name, tensor in tensors.items():
        parts |= split_qkv(name, tensor.float())
    return parts
