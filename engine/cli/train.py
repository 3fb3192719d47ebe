"""`gpt2-remix train`: a small GPT-2 on a person's own text."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpt2_remix.engine.cli.arguments import FilePath, Number
from gpt2_remix.engine.cli.options import commands, examples, json_option
from gpt2_remix.engine.cli.output import echo, note, print_json, progress_bars
from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.interrupts import ENDS
from gpt2_remix.engine.tokens.display import show_clock, show_names

if TYPE_CHECKING:
    from gpt2_remix.engine.train.job import Done, TrainEvent, TrainingJob
    from gpt2_remix.engine.train.loop import Report

QUIET = 10.0
"""Seconds between two lines of progress where standard error is no terminal."""

NICENESS = 15
"""Of a training behind the app: what a person does there goes first."""


@commands.command(
    epilog=examples("gpt2-remix train novel.txt --out novel-model", "gpt2-remix --model novel-model",
                    "gpt2-remix train letters/*.txt --out letters --minutes 30",
                    'gpt2-remix train "Emma=austen-emma.txt" --out emma --steps 500 --layers 2 --width 128',
                    "gpt2-remix train --out letters --resume --minutes 10")
)
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--out", required=True, type=FilePath(folder=True), metavar="FOLDER",
              help="The folder to write; --model takes it.")
@click.option("--minutes", type=Number(0, 100_000, min_open=True), metavar="M",
              help="How long to train (5 where neither this nor --steps is given).")
@click.option("--steps", type=click.IntRange(1), metavar="N", help="How many steps to train, in place of --minutes.")
@click.option("--resume", is_flag=True, help="Go on with the training in FOLDER: to its end, or for --minutes more.")
@click.option("--layers", type=int, metavar="N", help="Layers of the network.")
@click.option("--width", type=int, metavar="N", help="Width of its hidden states; a multiple of 64 is quickest.")
@click.option("--context", type=int, metavar="N", help="Tokens that it sees at once.")
@click.option("--vocab", type=int, metavar="N", help="How many of GPT-2's tokens it knows (256 to 50256).")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, metavar="N",
              help="Of the first weights and the order of the text.")
@click.option("--threads", type=click.IntRange(1, 1024), metavar="N",
              help="CPU threads; where left out, as many as measure faster.")
@click.option("--events", is_flag=True, hidden=True, help="Progress on standard error as one JSON document a line.")
@json_option
def train(
    files: tuple[str, ...], out: Path, minutes: float | None, steps: int | None, resume: bool, layers: int | None,
    width: int | None, context: int | None, vocab: int | None, seed: int, threads: int | None, events: bool,
    as_json: bool,
) -> int:
    """Train a small GPT-2 on your own text, on a CPU in minutes.

    FILE is a text file (UTF-8), or TITLE=FILE to give it a name on screen; <|endoftext|> in a file separates texts.
    Shape and vocabulary are chosen by the size of the text and the time unless you give them. The last part of each
    file (2 %, more of short ones) is held out, to tell learning from remembering. Ctrl+c ends it and keeps the weights
    that did best on held-out text; --resume goes on from there. FOLDER holds the model in Hugging Face layout, the
    index for `trace`, and the record of the training.
    """
    if minutes is not None and steps is not None:
        raise InputError("--minutes and --steps were both given; give one of them")
    if resume and files:
        raise InputError("--resume goes on with the texts of the training; leave out FILE")
    if not files and not resume:
        raise InputError("there is nothing to train on; give text files (UTF-8), or --resume")
    from gpt2_remix.engine.models.provenance import check_out
    from gpt2_remix.engine.tokens.corpus import about_line_ends, named_files
    from gpt2_remix.engine.train.plan import check_shape

    named = named_files(files)
    check_out(out, resume=resume)
    check_shape(layers=layers, width=width, context=context, vocab=vocab)
    if events and hasattr(os, "nice"):
        os.nice(NICENESS)
    from gpt2_remix.engine.train import job as jobs

    count = jobs.threads_for(threads)
    seconds = None if steps is not None else 60 * minutes if minutes is not None else None if resume else 300.0
    wanted = jobs.TrainOptions(seconds, steps, layers, width, context, vocab, seed)
    teller = Events() if events else Lines()
    if words := about_line_ends(named):
        teller.note(words)
    job = jobs.resume(out, wanted, teller.reading) if resume else jobs.prepare(named, out, wanted, teller.reading)
    done: Done | None = None
    with stopping() as stopped:
        for said in jobs.run_training(job, lambda: bool(stopped) or not teller.heard, teller.reading, count):
            done = said if isinstance(said, jobs.Done) else done
            teller.say(said, job)
    if as_json and done:
        print_json({"out": str(out), "done": done.whole, "held_out_loss": done.held_out,
                    "bits_per_byte": done.bits_per_byte, "steps": job.run.step, "tokens": job.run.tokens,
                    "seconds": job.run.seconds, "plan": jobs.described(job.plan)})
    return 128 + stopped[0] if stopped else 0


@contextmanager
def stopping() -> Iterator[list[int]]:
    """Catch ctrl+c (and a request to end) until a step is done: the list then holds the signal. A second one ends."""
    stopped: list[int] = []

    def catch(number: int, frame: Any) -> None:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(number)

    # What is ignored stays so, as under nohup, but for ctrl+c's: the app asks by it, whatever it was started from.
    heard = [number for number in ENDS if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, catch) for number in heard}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Events:
    """Says how a training goes for a program: one JSON document a line. Where that is gone the training ends well."""

    def __init__(self) -> None:
        self._told = 0.0
        self.heard = True

    def reading(self, what: str, done: int, total: int | None) -> None:
        """While texts are read."""
        self._write("reading", what=what, done=done, total=total)

    def say(self, said: TrainEvent, job: TrainingJob) -> None:
        """Something that the job tells."""
        from gpt2_remix.engine.train.job import Done, Sample, Started

        plan = job.plan
        if isinstance(said, Started):
            self._write("begun", parameters=plan.parameters, layers=plan.layers, width=plan.width,
                        context=plan.context, vocab=plan.vocab, tokens=len(job.split.training),
                        texts=[text.title for text in job.texts], history=job.run.history)
        elif isinstance(said, Sample):
            self._write("sample", text=said.text)
        elif isinstance(said, Done):
            self._write("ended", whole=said.whole, held_out=said.held_out, bits_per_byte=said.bits_per_byte)
        elif (now := time.monotonic()) - self._told >= 0.25 or said.held_out is not None:
            self._told = now
            self._write("report", step=said.step, tokens=said.tokens, seconds=said.seconds, loss=said.loss,
                        fraction=said.fraction, rate=said.rate, left=said.left, held_out=said.held_out)

    def note(self, line: str) -> None:
        """A line beside the progress."""
        self._write("note", text=line)

    def _write(self, kind: str, **fields: Any) -> None:
        try:
            if self.heard:
                echo(json.dumps({"event": kind, **fields}), err=True)
        except BrokenPipeError:
            self.heard = False


class Lines:
    """Says it for a person: a line that is drawn anew on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self.heard = True
        self._live = sys.stderr.isatty()
        self._bars = progress_bars()
        self._told = 0.0
        self._looked: float | None = None

    def reading(self, what: str, done: int, total: int | None) -> None:
        """While texts are read."""
        self._bars(what, done, total)

    def say(self, said: TrainEvent, job: TrainingJob) -> None:
        """Something that the job tells."""
        from gpt2_remix.engine.train.job import Done, Sample, Started

        if isinstance(said, Started):
            self._started(job)
        elif isinstance(said, Sample):
            self._clear()
            echo("  " + " ".join(said.text.split()), err=True)
        elif isinstance(said, Done):
            self._ended(job, said)
        else:
            self._report(said)

    def note(self, line: str) -> None:
        """A line beside the progress."""
        note(line)

    def _clear(self) -> None:
        if self._live:
            click.echo("\r\x1b[K", err=True, nl=False)

    def _started(self, job: TrainingJob) -> None:
        plan, split = job.plan, job.split
        told = show_names([text.title for text in job.texts], 3)
        note(f"{'going on with' if job.resumed else 'training on'} {told}: {len(split.training):,} tokens, "
             f"{len(split.held_out):,} held out")
        note(f"{plan.layers} layers, width {plan.width}, context {plan.context}, {plan.vocab:,} tokens known: "
             f"{plan.parameters / 1e6:.2f}M parameters; {'Muon and AdamW' if plan.muon else 'AdamW'}, "
             f"{'bf16' if plan.half else 'fp32'}, dropout {plan.dropout:g}")
        note("ctrl+c ends it and keeps the best weights so far")

    def _report(self, report: Report) -> None:
        now = time.monotonic()
        self._looked = report.held_out if report.held_out is not None else self._looked
        if now - self._told < (0.2 if self._live else QUIET):
            return
        self._told = now
        held = "" if self._looked is None else f" · held out {self._looked:.3f}"
        line = (f"{report.fraction:4.0%} · step {report.step:,} · loss {report.loss:.3f}{held} · "
                f"{report.rate:,.0f} tok/s · {show_clock(report.left)} left")
        if self._live:
            click.echo(f"\r\x1b[K{line}", err=True, nl=False)
        else:
            note(line)

    def _ended(self, job: TrainingJob, done: Done) -> None:
        self._clear()
        run = job.run
        note(f"{'done' if done.whole else 'stopped'} after {run.step:,} steps, {run.tokens:,} tokens, "
             f"{show_clock(run.seconds)}: held-out loss {done.held_out:.4f} nats a token, "
             f"{done.bits_per_byte:.3f} bits a byte")
        note(f"open it: gpt2-remix --model {job.out}"
             + ("" if done.whole else f"   go on: gpt2-remix train --out {job.out} --resume"))
