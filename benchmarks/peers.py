"""The same random GPT-2 small (124M) in transformers, llama.cpp, ctranslate2 and here: prefill, one stream, lanes.

    pip install -e '.[bench]'
    python -m benchmarks.peers [--rounds N] [--threads N] [--json]

Every peer lives in a process of its own and only one works at a time; in each round every peer does every task once,
on ids that it has not seen. Rates are medians over the rounds, with the slowest and the fastest.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

from benchmarks.checkpoint import random_gpt2_small
from tests.kinds import known

STEPS = 24
"""Tokens that a rate is measured over; what came before them (the prefill) is taken off."""

CONTEXTS = (64, 512, 900)
LANES = 16


class Peer(Protocol):
    """Whatever can continue sequences."""

    def generate(self, prompts: Sequence[Sequence[int]], count: int, sampled: bool) -> None:
        """Append `count` tokens to every prompt, as one batch: the most probable, or from the best 50."""
        ...


class Ours:
    """This project's engine, as the app and the commands use it."""

    def __init__(self, folder: Path, precision: str) -> None:
        from gpt2_remix.engine.gpt2.opening import open_backend

        self.backend = open_backend("random", folder, precision=precision)

    def generate(self, prompts: Sequence[Sequence[int]], count: int, sampled: bool) -> None:
        """See `Peer`."""
        from gpt2_remix.engine.generation.decode import advance
        from gpt2_remix.engine.generation.lane import Lane
        from gpt2_remix.engine.sampling.settings import Settings
        from gpt2_remix.engine.tokens.tokenizer import without_texts

        settings = Settings(temperature=1.0, top_k=50) if sampled else Settings(temperature=0.0)
        lanes = [Lane(list(ids), settings, n, limit=count) for n, ids in enumerate(prompts)]
        while advance(self.backend, lanes, without_texts(50256)):
            pass


class Transformers:
    """`GPT2LMHeadModel.generate` in fp32."""

    def __init__(self, folder: Path) -> None:
        from transformers import GPT2LMHeadModel
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        self.model = GPT2LMHeadModel.from_pretrained(folder).eval()

    def generate(self, prompts: Sequence[Sequence[int]], count: int, sampled: bool) -> None:
        """See `Peer`."""
        import torch

        choice = {"do_sample": True, "top_k": 50} if sampled else {"do_sample": False}
        ids = torch.tensor([list(ids) for ids in prompts])
        with torch.inference_mode():
            self.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, min_new_tokens=count,
                                pad_token_id=50256, **choice)


class LlamaCpp:
    """llama.cpp through llama-cpp-python: Q8_0, in a GGUF file that is made here."""

    def __init__(self, folder: Path, threads: int) -> None:
        from llama_cpp import Llama

        self.llama = Llama(str(gguf_file(folder)), n_ctx=1024, n_batch=1024, n_threads=threads, n_threads_batch=threads,
                           verbose=False)

    def generate(self, prompts: Sequence[Sequence[int]], count: int, sampled: bool) -> None:
        """See `Peer`; one after the other."""
        top_k, temperature = (50, 1.0) if sampled else (1, 0.0)
        for ids in prompts:
            self.llama.reset()
            stream = self.llama.generate(list(ids), top_k=top_k, temp=temperature, top_p=1.0, min_p=0.0)
            for _ in range(count):
                next(stream)


class CTranslate2:
    """ctranslate2 in int8, converted here."""

    def __init__(self, folder: Path, threads: int) -> None:
        import ctranslate2

        self.generator = ctranslate2.Generator(str(ctranslate2_folder(folder)), device="cpu", compute_type="int8",
                                               intra_threads=threads, inter_threads=1)

    def generate(self, prompts: Sequence[Sequence[int]], count: int, sampled: bool) -> None:
        """See `Peer`."""
        self.generator.generate_batch(
            [[f"<{token}>" for token in ids] for ids in prompts], max_length=count, min_length=count,
            sampling_topk=50 if sampled else 1, include_prompt_in_result=False, end_token="<unk>",
            max_batch_size=len(prompts),
        )


PEERS: dict[str, tuple[str, Callable[[Path, int], Peer]]] = {
    "transformers fp32": ("transformers", lambda folder, _: Transformers(folder)),
    "llama.cpp Q8_0": ("llama-cpp-python", LlamaCpp),
    "ctranslate2 int8": ("ctranslate2", CTranslate2),
    "gpt2-remix fp32": ("gpt2-remix", lambda folder, _: Ours(folder, "fp32")),
    "gpt2-remix int8": ("gpt2-remix", lambda folder, _: Ours(folder, "int8")),
}


def gguf_file(folder: Path) -> Path:
    """The checkpoint as a GGUF file in Q8_0, as llama.cpp's own converter writes GPT-2, but without a vocabulary."""
    import gguf
    from safetensors.numpy import load_file

    path = folder / "q8_0.gguf"
    if path.is_file():
        return path
    tensors = load_file(folder / "model.safetensors")
    writer = gguf.GGUFWriter(path.with_suffix(".part"), "gpt2")
    config = json.loads((folder / "config.json").read_text())
    writer.add_block_count(config["n_layer"])
    writer.add_context_length(config["n_positions"])
    writer.add_embedding_length(config["n_embd"])
    writer.add_feed_forward_length(4 * config["n_embd"])
    writer.add_head_count(config["n_head"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    writer.add_tokenizer_model("none")
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GPT2, config["n_layer"])
    tensors["lm_head.weight"] = tensors["wte.weight"]
    for name, tensor in tensors.items():
        matrix = name.endswith(".weight") and tensor.ndim == 2
        if matrix and ".c_" in name:
            tensor = tensor.T.copy()
        own = names.get_name(f"transformer.{name}" if name != "lm_head.weight" else name, (".weight", ".bias"))
        if matrix and name != "wpe.weight":
            packed = gguf.quants.quantize(tensor, gguf.GGMLQuantizationType.Q8_0)
            writer.add_tensor(known(own), packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(known(own), tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.with_suffix(".part").replace(path)


def ctranslate2_folder(folder: Path) -> Path:
    """The checkpoint as ctranslate2's converter writes it, tokens named by their ids."""
    from ctranslate2.converters import TransformersConverter

    class Tokens:
        bos_token = eos_token = "<50256>"
        unk_token = "<unk>"

        def get_vocab(self) -> dict[str, int]:
            return {f"<{token}>": token for token in range(50257)}

    class Converter(TransformersConverter):
        def load_tokenizer(self, *_: object, **__: object) -> Tokens:
            return Tokens()

    out = folder / "ctranslate2"
    if not (out / "model.bin").is_file():
        Converter(str(folder)).convert(str(out), quantization="int8", force=True)
    return out


def live(pipe: Connection, name: str, folder: Path, threads: int) -> None:
    """A peer's process: opens it, then does one task after the other: (prompts, count, sampled) -> seconds."""
    import torch

    torch.set_num_threads(threads)
    try:
        peer = PEERS[name][1](folder, threads)
        pipe.send("ready")
    except Exception as error:  # a peer that is not installed, or breaks, must not hide the others
        pipe.send(f"{type(error).__name__}: {error}")
        return
    while (task := pipe.recv()) is not None:
        begin = time.perf_counter()
        peer.generate(*task)
        pipe.send(time.perf_counter() - begin)


def measure(ask: Callable[[list[list[int]], int, bool], float], rng: random.Random) -> dict[str, float]:
    """Every task once: tokens a second (lanes: of all together), milliseconds of prefill."""

    def fresh(lanes: int, length: int) -> list[list[int]]:
        return [[rng.randrange(50257) for _ in range(length)] for _ in range(lanes)]

    def rate(lanes: int, length: int, sampled: bool) -> float:
        first = ask(fresh(lanes, length), 1, sampled)
        whole = ask(fresh(lanes, length), 1 + STEPS, sampled)
        return lanes * STEPS / max(1e-9, whole - first)

    found = {f"one stream, context {length}": rate(1, length, False) for length in CONTEXTS}
    found["one stream, context 64, sampled"] = rate(1, 64, True)
    found[f"{LANES} lanes, context 64"] = rate(LANES, 64, False)
    found["prefill of 512, ms"] = 1000 * ask(fresh(1, 512), 1, False)
    return found


def run(rounds: int, threads: int) -> dict[str, dict[str, list[float]]]:
    """All rounds of all peers: peer -> task -> a figure for each round."""
    folder = random_gpt2_small()
    context = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    for name in PEERS:
        here, there = context.Pipe()
        context.Process(target=live, args=(there, name, folder, threads), daemon=True).start()
        said = here.recv()
        if said == "ready":
            pipes[name] = here
        else:
            print(f"{name} is left out: {said}", file=sys.stderr)
    rng = random.Random(1)
    figures: dict[str, dict[str, list[float]]] = {name: {} for name in pipes}
    for number in range(-1, rounds):  # the first round warms up
        for name, pipe in pipes.items():

            def ask(prompts: list[list[int]], count: int, sampled: bool, pipe: Connection = pipe) -> float:
                pipe.send((prompts, count, sampled))
                return float(pipe.recv())

            for task, figure in measure(ask, rng).items():
                if number >= 0:
                    figures[name].setdefault(task, []).append(figure)
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr)
    for pipe in pipes.values():
        pipe.send(None)
    return figures


def table(figures: dict[str, dict[str, list[float]]]) -> str:
    """Markdown: a line for each task, a column for each peer: median (slowest to fastest)."""
    names = list(figures)
    lines = ["| | " + " | ".join(names) + " |", "| --- |" + " ---: |" * len(names)]
    for task in figures[names[0]]:
        rows = [figures[name][task] for name in names]
        cells = [f"{statistics.median(row):,.0f} ({min(row):,.0f} to {max(row):,.0f})" for row in rows]
        lines.append(f"| {task} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = run(given.rounds, given.threads)
    if given.json:
        print(json.dumps(figures))
        return
    packages = sorted({"torch", *(package for package, _ in PEERS.values())})
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    print(f"{platform.processor() or platform.machine()}, {given.threads} threads, {given.rounds} rounds; {versions}\n")
    print(table(figures))


if __name__ == "__main__":
    main()
