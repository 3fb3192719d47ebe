"""`gpt2-remix bench`: how fast this machine is, in a minute."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gpt2_remix.engine.cli.options import ModelChoice, commands, compile_now, examples, json_option, model_options
from gpt2_remix.engine.cli.output import echo, note, print_json
from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.program import command, environment

if TYPE_CHECKING:
    from gpt2_remix.engine.generation.backend import Backend
    from gpt2_remix.engine.models.benchmark import BenchRow

BAR = 20


@commands.command(
    epilog=examples(
        "gpt2-remix bench", "gpt2-remix bench --precision int8 --threads 4", "gpt2-remix bench --model gpt2 --json"
    )
)
@model_options
@json_option
def bench(model: ModelChoice, as_json: bool) -> None:
    """Measure this machine: start, prefill, one stream, lanes, branches; takes about a minute.

    Measures a random network of GPT-2 small's shape (124M parameters, no download), or --model (with --device cuda or
    mps the embedded one); in fp32 and in int8, or in --precision. Bars show the share of what reading the weights once
    for each pass would allow.
    """
    from gpt2_remix.engine.gpt2.threads import usable_processors
    from gpt2_remix.engine.models.benchmark import measure, read_bandwidth

    results: list[dict[str, Any]] = []
    start = start_seconds()
    threads = model.options.threads or usable_processors()
    bandwidth = read_bandwidth(threads)
    on_cpu = model.options.device in ("auto", "cpu")
    path = described_path() if on_cpu else f"torch on {model.options.device}"
    if not as_json:
        echo(f"{threads} threads, reading {bandwidth / 1e9:.0f} GB/s; a command answers after {start:.2f} s")
        echo(path)
    for backend, opened in opened_backends(model):
        info = backend.info
        if not as_json:
            why = f" ({info.reason})" if info.reason not in ("", "as asked for") else ""
            echo(f"\n{info.name}, {info.parameters / 1e6:,.1f}M parameters, {info.precision} on {info.device}, "
                       f"{info.form}{why}, ready after {opened:.1f} s")
        rows = []
        for found in measure(backend, bandwidth):
            rows.append({"name": found.name, "value": found.value, "unit": found.unit, "limit": found.of,
                         "steps": found.steps})
            if not as_json:
                echo(line(found))
        results.append({"model": info.name, "parameters": info.parameters, "precision": info.precision,
                        "device": info.device, "form": info.form, "open_s": opened, "results": rows})
    if as_json:
        print_json({"threads": threads, "read_bytes_per_s": bandwidth, "start_s": start, "path": path, "runs": results})


def described_path() -> str:
    """By what networks run on this CPU, and why, in a line or two."""
    from gpt2_remix.engine.gpt2.kernels import compiled

    if reason := compiled.missing_reason():
        return f"no compiled kernels ({reason}): fp32 in numpy"
    try:
        if compiled.load() is None:
            compile_now(needed=True)
    except EngineError as error:
        return f"no compiled kernels: {error}"
    from gpt2_remix.engine.gpt2.kernels.target import host
    from gpt2_remix.engine.gpt2.measure import faster_precision

    library, target = compiled.load(), host()
    assert library is not None
    precision, times = faster_precision(library)
    return (f"kernels compiled for {target.cpu} ({target.pairs or 'no products of pairs'}); large models run in "
            f"{precision}: a product in int8 measured {times:.1f} times as fast as in fp32")


def opened_backends(model: ModelChoice) -> Iterator[tuple[Backend, float]]:
    """The backends to measure, one at a time, and how many seconds each took to be ready."""
    from gpt2_remix.engine.gpt2.kernels import compiled
    from gpt2_remix.engine.models.benchmark import random_gpt2_small

    given = model.options.precision
    random = not model.given and model.options.device in ("auto", "cpu")
    library = compiled.load()
    both = ["fp32", "int8"] if library is not None else ["fp32"]
    # On an accelerator precision is chosen by what it can do.
    wanted = [given] if given or (not random and model.options.device in ("cuda", "mps")) else both
    for precision in wanted:
        note(f"opening {model.name if not random else 'a random GPT-2 small'} in {precision or 'what suits it'}")
        begin = time.perf_counter()
        if random:
            if precision == "int8" and library is None:
                raise InputError("int8 needs compiled kernels, which are not there; choose fp32")
            backend: Backend = random_gpt2_small(precision or "fp32", library, model.options.threads)
        else:
            backend = model.find(precision=precision).start().backend
        yield backend, time.perf_counter() - begin


def start_seconds() -> float:
    """How long the shortest command takes, process and all: the best of three."""
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        subprocess.run(command("tui", "--version"), env=environment(), check=True, capture_output=True)
        times.append(time.perf_counter() - begin)
    return min(times)


def line(found: BenchRow) -> str:
    """A row of the table."""
    value = f"{found.value:>8,.1f} {found.unit:<6}" if found.value < 100 else f"{found.value:>8,.0f} {found.unit:<6}"
    told = ""
    if found.of:
        share = min(1.0, found.value / found.of)
        told = "█" * round(share * BAR) + "░" * (BAR - round(share * BAR)) + f" {share:4.0%} of {found.of:,.0f}"
    elif found.steps is not None:
        told = f"as long as {found.steps:.1f} steps"
    return f"  {found.name:<26}{value}  {told}".rstrip()
