"""A training from the texts to the folder: what a command, or the app by way of that command, asks for.

`prepare` reads and checks everything before anything is written; `carry_out` trains, and keeps the best weights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import torch

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.generation.decode import advance
from gpt2_remix.engine.generation.lane import Lane
from gpt2_remix.engine.gpt2.backend import LocalBackend
from gpt2_remix.engine.gpt2.eager.network import EagerNetwork
from gpt2_remix.engine.gpt2.threads import ThreadCount
from gpt2_remix.engine.locks import try_lock
from gpt2_remix.engine.models.provenance import Source, check_out, read_record, read_sources, source_of
from gpt2_remix.engine.progress import Progress
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.tokens.corpus import Split, Text, split, tokenize, training_tokens
from gpt2_remix.engine.tokens.tokenizer import Tokenizer, gpt2_tokenizer
from gpt2_remix.engine.trace.index import INDEX, write_index
from gpt2_remix.engine.train import checkpoint as folder
from gpt2_remix.engine.train import plan as plans
from gpt2_remix.engine.train.loop import QUICK, Report, Run, begin, held_out_loss, product_speeds, train
from gpt2_remix.engine.train.network import Parameters, merge_qkv
from gpt2_remix.engine.train.plan import Plan

KEEP_EVERY = 30.0
"""Seconds between two times that everything needed to go on is written."""

SAMPLES = 8
"""How many sample texts a training makes."""

SAMPLE_TOKENS = 48


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a person asked for; None where a default is to be chosen."""

    seconds: float | None = None
    steps: int | None = None
    layers: int | None = None
    width: int | None = None
    context: int | None = None
    vocab: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """A training that can begin.

    Attributes:
        run: as it stands; at its start, or where it stopped.
        texts: what it is trained on, tokenized.
        sources: what is kept of them.
        split: their tokens.
        tokenizer: of the model.
        out: the folder that it writes.
        resumed: whether it goes on with what is there.
    """

    run: Run
    texts: list[Text]
    sources: list[Source]
    split: Split
    tokenizer: Tokenizer
    out: Path
    resumed: bool

    @property
    def plan(self) -> Plan:
        """What is trained, and how."""
        return self.run.plan


@dataclass(frozen=True, slots=True)
class Started:
    """Everything was read, the folder is there: the training begins."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A text that the current network writes."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a training.

    Attributes:
        held_out: the loss of the best weights, as written, on the held-out text, in nats a token.
        bits_per_byte: the same in bits for each byte of text.
        whole: whether it went to the end of its plan.
        report: what was last said.
    """

    held_out: float
    bits_per_byte: float
    whole: bool
    report: Report | None


TrainEvent: TypeAlias = Started | Report | Sample | Done
"""What a training tells of itself."""


def prepare(
    files: Sequence[tuple[str, Path]], out: Path, wanted: TrainOptions, progress: Progress | None = None
) -> TrainingJob:
    """Read the texts and plan the training; write nothing outside the cache folder.

    Raises:
        InputError: a file that is no text, too little text, a shape or a folder that cannot be.
    """
    plans.check_shape(layers=wanted.layers, width=wanted.width, context=wanted.context, vocab=wanted.vocab)
    check_out(out, resume=False)
    size = sum(path.stat().st_size for _, path in files)
    vocab = wanted.vocab or plans.default_vocab(size)
    tokenizer = gpt2_tokenizer(vocab + 1)
    texts = tokenize(files, tokenizer, progress)
    tokens = sum(len(text.ids) for text in texts)
    held_out = plans.default_held_out(tokens)
    training = sum(training_tokens(text, held_out) for text in texts)
    fp32, bf16 = product_speeds()
    speed = max(fp32, bf16) * EFFICIENCY
    budget = speed * (wanted.seconds or 0)
    if wanted.steps:
        budget = math.inf
    layers, width = plans.default_shape(size, vocab, budget)
    layers, width = wanted.layers or layers, wanted.width or width
    context = wanted.context or plans.default_context(layers, training)
    plans.check_length(training, context, [path.name for _, path in files])
    plan = Plan(layers, width, plans.heads_of(width), context, vocab, wanted.seconds, wanted.steps, held_out=held_out,
                muon=bf16 > fp32 / 4, half=bf16 > 1.2 * fp32, seed=wanted.seed)
    seen = wanted.steps * plan.batch if wanted.steps else budget / (6 * (12 * layers * width**2 + vocab * width))
    plan = replace(plan, dropout=plans.default_dropout(seen / training))
    return TrainingJob(begin(plan), texts, [source_of(text) for text in texts],
                       split(texts, tokenizer.end_of_text, held_out), tokenizer, out, False)


EFFICIENCY = 0.35
"""The share of this machine's fastest matrix products that a training reaches (measured)."""


def resume(out: Path, wanted: TrainOptions, progress: Progress | None = None) -> TrainingJob:
    """Go on with what a folder holds: to the end of its plan, or for `wanted.seconds` or `wanted.steps` more.

    Raises:
        InputError: there is nothing to go on with, it is damaged, it is done, or a text is not what it was.
    """
    check_out(out, resume=True)
    record = read_record(out)
    known = read_sources(record)
    if not known or not isinstance(record.get("plan"), dict):
        raise InputError(f"the record of the training in {out} is damaged; train into a new folder")
    for source in known:
        if not source.path.is_file():
            raise InputError(f"{source.path}, which was trained on, is not there any more; put it back, or train anew")
    for name in ("layers", "width", "context", "vocab"):
        if getattr(wanted, name) is not None:
            raise InputError(f"--{name} cannot be changed when a training goes on; train into a new folder")
    changes: dict[str, Any] = {}
    if wanted.seconds or wanted.steps:
        try:
            done, seconds = int(record.get("step", 0)), float(record.get("seconds", 0.0))
        except (TypeError, ValueError, OverflowError):
            raise InputError(f"the record of the training in {out} is damaged; train into a new folder") from None
        changes = {"seconds": seconds + wanted.seconds if wanted.seconds else None,
                   "steps": done + wanted.steps if wanted.steps else None}
    run = folder.read_state(out, record, **changes)
    if run.fraction >= 1:
        raise InputError(f"the training in {out} is done; give --minutes (or --steps) to train longer")
    tokenizer = gpt2_tokenizer(run.plan.vocab + 1)
    texts = tokenize([(source.title, source.path) for source in known], tokenizer, progress)
    sources = [source_of(text) for text in texts]
    for before, now in zip(known, sources, strict=True):
        if before.tokens != now.tokens or before.sha256 not in ("", now.sha256):
            raise InputError(f"{now.path} is not what was trained on (it was changed); train into a new folder")
    return TrainingJob(run, texts, sources, split(texts, tokenizer.end_of_text, run.plan.held_out), tokenizer, out,
                       True)


def run_training(
    job: TrainingJob, stop: Callable[[], bool], progress: Progress | None = None, threads: ThreadCount | None = None
) -> Iterator[TrainEvent]:
    """Write the index of the text, then train; yield reports, sample texts, and at the end the result.

    `stop` is asked between steps; a training that is stopped is looked at once more, and kept.

    Raises:
        EngineError: the folder cannot be written, or the loss is no longer a number.
    """
    out = job.out
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        dangling = "it is a link to what is not there" if out.is_symlink() and not out.exists() else error.strerror
        raise EngineError(f"{out} cannot be made: {dangling}") from None
    lock = try_lock(out)
    if lock is None:
        raise InputError(f"another training writes into {out}; wait until it has ended, or name another folder")
    try:
        yield from _train(job, stop, progress, threads)
    finally:
        lock.release()


def _train(
    job: TrainingJob, stop: Callable[[], bool], progress: Progress | None, threads: ThreadCount | None
) -> Iterator[TrainEvent]:
    run, out = job.run, job.out
    check_out(out, resume=job.resumed)  # another one may have begun and ended while the texts were read
    if not job.resumed or not run.step:
        folder.write_start(out, run, job.sources)
    if not job.resumed or not (out / INDEX).is_file():
        write_index(out / INDEX, job.texts, run.plan.vocab + 1, run.plan.held_out, progress)
    yield Started()
    kept = time.monotonic()
    sampled = run.fraction
    report: Report | None = None
    for report in train(run, job.split, threads=threads):
        if not math.isfinite(report.loss):
            raise EngineError(f"the loss is no longer a number; the best weights so far are in {out}, if there are any")
        yield report
        if report.improved:
            folder.write_model(out, run.plan, run.best_parameters)
        if report.held_out is not None and time.monotonic() - kept > KEEP_EVERY:
            keep(job)
            kept = time.monotonic()
        if report.held_out is not None and report.fraction - sampled >= 1 / SAMPLES:
            sampled = report.fraction
            yield Sample(sample(run.parameters, job, run.step))
        if stop():
            break
    if report is None or report.held_out is None:
        found = held_out_loss(run.parameters, run.plan, job.split.held_out, QUICK)
        if run.best is None or found < run.best:
            run.best = found
            run.best_parameters = {name: tensor.detach().clone() for name, tensor in run.parameters.items()}
            folder.write_model(out, run.plan, run.best_parameters)
        run.history.append((run.seconds, run.step, report.loss if report else found, found))
    found = held_out_loss(folder.weights_of(out, run.plan), run.plan, job.split.held_out)
    done = Done(found, bits_per_byte(found, job), run.fraction >= 1, report)
    keep(job, done)
    yield done


def keep(job: TrainingJob, done: Done | None = None) -> None:
    """Write what is needed to go on."""
    final = {"held_out_loss": done.held_out, "bits_per_byte": done.bits_per_byte, "done": done.whole} if done else {}
    folder.write_state(job.out, job.run, job.sources, final)


def threads_for(wanted: int | None) -> ThreadCount:
    """How many CPU threads a training gets: those that are wanted, else whichever number is faster from step to step.

    A small network is trained faster on one, and so are larger ones where others want the processors too.
    """
    if wanted is not None:
        torch.set_num_threads(wanted)
    return ThreadCount(wanted, torch.get_num_threads())


def bits_per_byte(nats: float, job: TrainingJob) -> float:
    """A loss on the held-out text in bits for each of its bytes: comparable between vocabularies."""
    held = job.split.held_out
    size = sum(len(job.tokenizer.token_bytes(int(token))) for token in held)
    return nats / math.log(2) * len(held) / max(1, size)


def sample(parameters: Parameters, job: TrainingJob, seed: int) -> str:
    """A text that these parameters write from `<|endoftext|>` on, by the engine that will run them."""
    config = job.plan.config
    tensors = {name: tensor.clone() for name, tensor in merge_qkv(parameters, config).items()}
    end = job.tokenizer.end_of_text
    lane = Lane([end], Settings(temperature=0.8), seed=seed, limit=min(SAMPLE_TOKENS, config.n_positions - 1))
    backend = LocalBackend("sample", EagerNetwork(config, tensors, "fp32", "cpu"))
    state = torch.get_rng_state()
    while advance(backend, [lane], job.tokenizer):
        pass
    torch.set_rng_state(state)
    return job.tokenizer.decode(lane.tokens[1:])


def described(plan: Plan) -> dict[str, Any]:
    """A plan for JSON."""
    return asdict(plan) | {"parameters": plan.parameters}
