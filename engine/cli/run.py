"""Running a command line: every failure becomes one line on standard error."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from gpt2_remix.engine import interrupts
from gpt2_remix.engine.cli.options import FrontEnd
from gpt2_remix.engine.cli.output import PROGRAM, note
from gpt2_remix.engine.errors import EngineError, InputError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What a disk says that takes no more."""


def run(command: click.Command, arguments: Sequence[str], front_end: FrontEnd | None = None) -> int:
    """Run a command line and turn every failure into one line on standard error.

    Returns:
        0 on success, 2 for wrong usage or bad input, 1 for a failure while running, 130 after ctrl+c (128 and the
        number of another signal).
    """
    open_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        result = command.main(list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=front_end)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except (KeyboardInterrupt, click.Abort) as stop:
        return interrupted(told=isinstance(stop, click.Abort))
    except (SystemExit, BrokenPipeError):  # click exits where a pipe was closed
        drop_output()  # whoever read it has seen enough
        return 0
    except Exception as error:
        # What is interrupted inside of a library may come out as a failure of that.
        return failed(error) if interrupts.caught() is None else interrupted()


def failed(error: Exception) -> int:
    """Say what went wrong; the exit status."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.UsageError):
        line = " ".join(error.format_message().split())
        where = error.ctx.command_path if error.ctx else PROGRAM
        note(f"{line} (try `{where} --help`)")
        return 2
    if isinstance(error, EngineError):
        note(str(error))
        return 2 if isinstance(error, InputError) else 1
    if isinstance(error, OSError) and error.errno in FULL:
        drop_output()
        note(f"standard output cannot be written: {error.strerror}; what was to come is missing there")
        return 1
    if os.environ.get("GPT2_REMIX_DEBUG"):
        raise error
    note(f"unexpected {type(error).__name__}: {error} (GPT2_REMIX_DEBUG=1 shows where)")
    return 1


def interrupted(*, told: bool = False) -> int:
    """End the line that ctrl+c stands on, where click has not; the exit status."""
    if not told:
        with suppress(OSError):
            click.echo(err=True)
    with suppress(OSError):
        sys.stdout.flush()
    return interrupts.exit_status()


def open_streams() -> None:
    """Put the null device in place of standard streams that are closed (`>&-`).

    The next file that is opened would take the number of a closed one, and get what is printed.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - as long as the process


def drop_output() -> None:
    """Print nothing more: Python would complain again while it shuts down."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
