"""`gpt2-remix train` against a plain AdamW loop of the same shape, on the same text, for the same time.

    python -m benchmarks.train FILE... [--minutes M] [--ours NAME=VALUE,...] [--plain RATE,...]

Everything takes turns of some seconds and has a clock of its own, which stands still meanwhile: a busy machine hinders
all alike. The plain loop is what one writes with transformers: `GPT2LMHeadModel` in fp32 without dropout, AdamW
(betas 0.9 and 0.95, decay 0.1), windows chosen by chance, clipping to 1, 5 % warm-up, a cosine to a tenth; once for
each rate (RATE:BATCH for another number of tokens a step than ours). Between them stands our own loop with AdamW alone
in place of Muon. All are measured on the same held-out windows, in fp32, with the weights they end with (ours: those
that it writes). --ours adds runs with other fields of the plan, such as `batch=2048` (several: with semicolons).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from gpt2_remix.engine.tokens.corpus import Split, named_files
from gpt2_remix.engine.train import job as jobs
from gpt2_remix.engine.train.loop import begin, held_out_loss, train
from gpt2_remix.engine.train.network import Parameters, split_qkv
from gpt2_remix.engine.train.plan import Plan

TURN = 6.0
"""Seconds of a turn."""


class Clock:
    """Counts only the turns of one run."""

    def __init__(self) -> None:
        self.before, self.since = 0.0, time.monotonic()

    def __call__(self) -> float:
        return self.before + time.monotonic() - self.since

    def stand(self) -> None:
        """The turn is over."""
        self.before = self()

    def go_on(self) -> None:
        """The next begins."""
        self.since = time.monotonic()


def ours(plan: Plan, split: Split, clock: Clock, result: dict[str, Any]) -> Iterator[None]:
    """Our loop; yields after every step."""
    run = begin(plan)
    for report in train(run, split, clock):
        result |= {"steps": report.step, "tokens": report.tokens, "loss": report.loss}
        yield
    result["held out"] = held_out_loss(run.best_parameters, plan, split.held_out)


def plain(plan: Plan, split: Split, clock: Clock, result: dict[str, Any], rate: float, batch: int) -> Iterator[None]:
    """A plain loop; yields after every step. `batch` counts tokens."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(plan.seed)
    config = GPT2Config(vocab_size=plan.vocab + 1, n_positions=plan.context, n_embd=plan.width, n_layer=plan.layers,
                        n_head=plan.heads, embd_pdrop=0.0, attn_pdrop=0.0, resid_pdrop=0.0)
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.1)
    rng = np.random.default_rng(plan.seed)
    text = split.training
    assert plan.seconds
    start, step, tokens, smooth = clock(), 0, 0, 0.0
    while (share := (clock() - start) / plan.seconds) < 1:
        scale = min(1.0, share / 0.05) * (0.55 + 0.45 * math.cos(math.pi * share))
        for group in optimizer.param_groups:
            group["lr"] = rate * scale
        starts = rng.integers(0, len(text) - plan.context, batch // plan.context)
        windows = np.stack([text[n : n + plan.context] for n in starts]).astype(np.int64)
        ids = torch.from_numpy(windows)
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step, tokens = step + 1, tokens + ids.numel()
        smooth = 0.95 * smooth + 0.05 * float(loss.detach()) if step > 1 else float(loss.detach())
        result |= {"steps": step, "tokens": tokens, "loss": smooth}
        yield
    parts: Parameters = {}
    for name, tensor in model.transformer.named_parameters():
        parts |= split_qkv(name, tensor.detach())
    result["held out"] = held_out_loss(parts, plan, split.held_out)


def other(plan: Plan, text: str) -> Plan:
    """The plan with other fields."""
    fields: dict[str, Any] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        kind = type(getattr(plan, name))
        fields[name] = value == "True" if kind is bool else kind(value)
    return replace(plan, **fields)


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--minutes", type=float, default=3.0, show_default=True)
@click.option("--ours", "fields", default="")
@click.option("--plain", "rates", default="1e-3,3e-3,1e-3:1024,3e-3:1024", show_default=True)
def main(files: tuple[str, ...], minutes: float, fields: str, rates: str) -> None:
    """Print a line for each run."""
    job = jobs.prepare(named_files(files), Path("/nonexistent"), jobs.TrainOptions(seconds=60 * minutes))
    plan, split = job.plan, job.split
    print(plan, f"{plan.parameters:,} parameters, {len(split.training):,} training tokens", flush=True)
    runs: dict[str, Iterator[None]] = {}
    results: dict[str, dict[str, Any]] = {}
    clocks: dict[str, Clock] = {}

    def add(name: str, make: Any, plan: Plan, *more: Any) -> None:
        clocks[name], results[name] = Clock(), {}
        runs[name] = make(plan, split, clocks[name], results[name], *more)

    add("train", ours, plan)
    add("train, AdamW alone", ours, replace(plan, muon=False, other_rate=3e-3))
    for text in filter(None, fields.split(";")):
        add(f"train, {text}", ours, other(plan, text))
    for rate in filter(None, rates.split(",")):
        number, _, batch = rate.partition(":")
        add(f"plain AdamW, rate {rate}", plain, plan, float(number), int(batch or plan.batch))
    while runs:
        for name, run in list(runs.items()):
            clocks[name].go_on()
            over = time.monotonic() + TURN
            while time.monotonic() < over:
                if next(run, StopIteration) is StopIteration:
                    del runs[name]
                    break
            clocks[name].stand()
    for name, result in results.items():
        print(f"{name:<32} held out {result['held out']:.4f}  train {result['loss']:.3f}  {result['steps']:>6,} steps "
              f"{result['tokens'] / 60 / minutes:>8,.0f} tok/s", flush=True)


if __name__ == "__main__":
    main()
