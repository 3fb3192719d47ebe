"""Running a command line: every failure becomes one line on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from gpt2_remix.engine.cli.options import FrontEnd
from gpt2_remix.engine.cli.output import PROGRAM, note
from gpt2_remix.engine.errors import EngineError, InputError


def run(command: click.Command, arguments: Sequence[str], front_end: FrontEnd | None = None) -> int:
    """Run a command line and turn every failure into one line on standard error.

    Returns:
        0 on success, 2 for wrong usage or bad input, 1 for a failure while running, 130 after ctrl+c.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        result = command.main(list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=front_end)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        line = " ".join(error.format_message().split())
        where = error.ctx.command_path if error.ctx else PROGRAM
        click.echo(f"{PROGRAM}: {line} (try `{where} --help`)", err=True)
        return 2
    except InputError as error:
        note(str(error))
        return 2
    except EngineError as error:
        note(str(error))
        return 1
    except (KeyboardInterrupt, click.Abort):
        click.echo(err=True)
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain again while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("GPT2_REMIX_DEBUG"):
            raise
        kind = type(error).__name__
        note(" ".join(f"unexpected {kind}: {error} (GPT2_REMIX_DEBUG=1 shows where)".split()))
        return 1
