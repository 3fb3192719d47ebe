"""The job of a training run: batches, steps, the learning rate, validation; one report after every step.

Whoever runs it takes one report after another and may stop between any two: nothing is ever half done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gpt2_remix.engine.gpt2.threads import ThreadCount
from gpt2_remix.engine.tokens.corpus import Split
from gpt2_remix.engine.train.network import Parameters, first_parameters, is_matrix, loss
from gpt2_remix.engine.train.plan import Plan, rate_at

CLIP = 1.0
"""The norm to which gradients are cut (AdamW's; Muon makes its own orthogonal anyway)."""

QUICK = 16_384
"""Held-out tokens for a look on the way."""

WHOLE = 262_144
"""Held-out tokens at most for the last word."""


@dataclass(slots=True)
class Run:
    """A training run as it stands.

    Attributes:
        plan: what is trained, and how.
        parameters: the current network.
        muon, adamw: the optimizers, None where there is none.
        step: how many steps were made.
        tokens: how many tokens were seen.
        seconds: how long it has trained, in all its sittings.
        epoch, place: where in the text the next windows come from.
        best: the lowest quick held-out loss so far, in nats a token; None before the first look.
        best_parameters: the network that had it.
        history: (seconds, step, training loss, quick held-out loss) of each look.
    """

    plan: Plan
    parameters: Parameters
    muon: torch.optim.Optimizer | None
    adamw: torch.optim.Optimizer
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    epoch: int = 0
    place: int = 0
    best: float | None = None
    best_parameters: Parameters = field(default_factory=dict)
    history: list[tuple[float, int, float, float]] = field(default_factory=list)

    @property
    def fraction(self) -> float:
        """How much of the training is over, 0 to 1."""
        done, whole = (self.step, self.plan.steps) if self.plan.steps else (self.seconds, self.plan.seconds or 1.0)
        return min(1.0, done / whole)


@dataclass(frozen=True, slots=True)
class Report:
    """What can be said after a step.

    Attributes:
        step, tokens, seconds: so far, in all sittings.
        fraction: of the training that is over.
        loss: the training loss, smoothed, in nats a token.
        rate: tokens a second, over the last steps.
        left: seconds that it will take still, as far as can be told.
        held_out: the quick held-out loss where it was computed after this step, in nats a token.
        improved: whether that is the best so far.
    """

    step: int
    tokens: int
    seconds: float
    fraction: float
    loss: float
    rate: float
    left: float
    held_out: float | None = None
    improved: bool = False


def begin(plan: Plan) -> Run:
    """A run at its start, with random weights."""
    torch.manual_seed(plan.seed)
    parameters = first_parameters(plan.config, torch.Generator().manual_seed(plan.seed))
    return with_optimizers(plan, parameters)


def with_optimizers(plan: Plan, parameters: Parameters) -> Run:
    """A run on these parameters, its optimizers at their start."""
    for tensor in parameters.values():
        tensor.requires_grad_()
    matrices = [tensor for name, tensor in parameters.items() if is_matrix(name, tensor)]
    tables = [tensor for name, tensor in parameters.items() if tensor.ndim == 2 and not is_matrix(name, tensor)]
    vectors = [tensor for tensor in parameters.values() if tensor.ndim == 1]
    muon = None
    if plan.muon:
        muon = torch.optim.Muon(matrices, lr=plan.matrix_rate, weight_decay=plan.decay)
    groups = [{"params": tables + ([] if muon else matrices), "weight_decay": plan.decay},
              {"params": vectors, "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=plan.other_rate, betas=(0.9, 0.95))
    return Run(plan, parameters, muon, adamw)


def train(
    run: Run, split: Split, clock: Callable[[], float] = time.monotonic, threads: ThreadCount | None = None
) -> Iterator[Report]:
    """Train until the plan is done; a report after every step. `run` is changed in place.

    `threads` says on how many threads each step is made; torch's own choice where None.
    """
    plan = run.plan
    start, before = clock(), run.seconds
    smooth = 0.0
    weight = 0.0
    recent: list[tuple[float, int]] = [(before, run.tokens)]
    looked, looking = run.seconds, 0.0
    while run.fraction < 1:
        ids = next_windows(run, split.training)
        scale = rate_at(run.fraction, run.step)
        found = make_step(run, ids, scale) if threads is None else _timed_step(run, ids, scale, threads)
        smooth, weight = 0.95 * smooth + 0.05 * found, 0.95 * weight + 0.05
        run.step += 1
        run.tokens += ids.numel() - len(ids)
        run.seconds = before + clock() - start
        held_out = None
        improved = False
        # Looks take at most a twentieth of the time, and there are some fifty of them.
        due = run.seconds - looked >= max((plan.seconds or 0) / 50, 20 * looking)
        if plan.steps:
            due = run.step % max(1, plan.steps // 50) == 0 and run.seconds - looked >= 20 * looking
        if len(split.held_out) > 1 and (due or run.fraction >= 1):
            begun = clock()
            held_out = held_out_loss(run.parameters, plan, split.held_out, QUICK)
            looked, looking = before + clock() - start, clock() - begun
            run.history.append((run.seconds, run.step, smooth / weight, held_out))
            if run.best is None or held_out < run.best:
                improved = True
                run.best = held_out
                run.best_parameters = {name: tensor.detach().clone() for name, tensor in run.parameters.items()}
            run.seconds = looked
        recent = [*recent[-20:], (run.seconds, run.tokens)]
        (first, then), (last, now) = recent[0], recent[-1]
        rate = (now - then) / max(last - first, 1e-9)
        left = (plan.seconds or 0) - run.seconds
        if plan.steps:
            left = (plan.steps - run.step) * plan.batch / max(rate, 1e-9)
        yield Report(run.step, run.tokens, run.seconds, run.fraction, smooth / weight, rate, max(0.0, left), held_out,
                     improved)


def _timed_step(run: Run, ids: Tensor, scale: float, threads: ThreadCount) -> float:
    count = threads.choose((0, 0))
    if count != torch.get_num_threads():
        torch.set_num_threads(count)
    begun = time.perf_counter()
    found = make_step(run, ids, scale)
    threads.took((0, 0), count, time.perf_counter() - begun)
    return found


def make_step(run: Run, ids: Tensor, scale: float) -> float:
    """One step on [windows, length + 1] ids; the loss before it. `scale` is the share of the learning rates."""
    plan = run.plan
    optimizers = [optimizer for optimizer in (run.muon, run.adamw) if optimizer is not None]
    for optimizer, rate in ((run.muon, plan.matrix_rate), (run.adamw, plan.other_rate)):
        if optimizer is not None:
            optimizer.zero_grad()
            for group in optimizer.param_groups:
                group["lr"] = rate * scale
    found = loss(run.parameters, plan.config, ids, bf16=plan.half, dropout=plan.dropout)
    found.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(list(run.parameters.values()), CLIP)
    for optimizer in optimizers:
        optimizer.step()
    return float(found.detach())


def next_windows(run: Run, training: NDArray[np.unsignedinteger[Any]]) -> Tensor:
    """[windows, length + 1] ids for a step. Each epoch cuts the text at other places, and takes every window once."""
    length = min(run.plan.context, len(training) - 1)
    wanted = max(1, run.plan.batch // length)
    starts: list[int] = []
    while len(starts) < wanted:
        rng = np.random.default_rng([run.plan.seed, run.epoch])
        offset = int(rng.integers(length))
        offset = offset if offset + length < len(training) else 0
        order = rng.permutation((len(training) - 1 - offset) // length)
        taken = order[run.place : run.place + wanted - len(starts)]
        starts.extend(offset + length * int(n) for n in taken)
        run.place += len(taken)
        if run.place >= len(order):
            run.epoch, run.place = run.epoch + 1, 0
    windows = np.stack([training[start : start + length + 1] for start in starts])
    return torch.from_numpy(windows.astype(np.int64))


@torch.no_grad()
def held_out_loss(
    parameters: Parameters, plan: Plan, held_out: NDArray[np.unsignedinteger[Any]], most: int = WHOLE
) -> float:
    """The mean loss (nats a token) on windows of held-out text, one after another, evenly chosen where `most` says so.

    Without dropout; in fp32 whatever the training runs in, as those compute who run the model later.
    """
    length = min(plan.context, len(held_out) - 1)
    count = (len(held_out) - 1) // length
    chosen = np.unique(np.linspace(0, count - 1, min(count, max(1, most // length))).round().astype(int))
    total = 0.0
    for first in range(0, len(chosen), 8):
        windows = [held_out[length * n : length * n + length + 1] for n in chosen[first : first + 8]]
        ids = torch.from_numpy(np.stack(windows).astype(np.int64))
        total += float(loss(parameters, plan.config, ids).detach()) * len(windows)
    return total / len(chosen)


def product_speeds() -> tuple[float, float]:
    """Floating-point operations a second of matrix products, (in fp32, in bf16): the best of some on this machine."""
    found = []
    for kind in (torch.float32, torch.bfloat16):
        a, b = torch.ones(1024, 256, dtype=kind), torch.ones(256, 1024, dtype=kind)
        best = float("inf")
        for _ in range(8):
            begun = time.perf_counter()
            torch.mm(a, b)
            best = min(best, time.perf_counter() - begun)
            if best > 0.2:  # bf16 without instructions for it may be hundreds of times slower
                break
        found.append(2 * 1024 * 256 * 1024 / best)
    return found[0], found[1]
