"""`gpt2-remix models`: the models with a name."""

from __future__ import annotations

from gpt2_remix.engine.cli.options import commands, json_option
from gpt2_remix.engine.cli.output import echo, print_json


@commands.command()
@json_option
def models(as_json: bool) -> None:
    """The models with a name, and which of them are on this machine."""
    from gpt2_remix.engine.models.hub import list_models

    listed = list_models()
    if as_json:
        print_json({"models": [
            {"name": m.name, "source": m.source, "parameters": m.parameters, "available": m.folder is not None,
             "folder": None if m.folder is None else str(m.folder)}
            for m in listed
        ]})
        return
    for m in listed:
        size = f"{m.parameters / 1e6:,.1f}M" if m.parameters else "?"
        where = "embedded" if m.source == "embedded" else "downloaded" if m.folder else "downloaded at first use"
        echo(f"{m.name:<16} {size:>10}  {where}")
    echo("also: owner/name on the hub, or a folder, where it is a GPT-2 in safetensors")
