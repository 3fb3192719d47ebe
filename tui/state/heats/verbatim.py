"""Verbatim: which tokens stand word for word in the training text, and where it is left."""

from __future__ import annotations

from gpt2_remix.tui.state.heats.heat import Heat, HeatSource


def values(source: HeatSource) -> list[float | None]:
    """How far the verbatim span of each token has come; None outside spans."""
    if source.trace is None:
        return [None] * len(source.steps)
    return source.trace.heights(source.first, source.first + len(source.steps))


def legend(source: HeatSource) -> str:
    """The share and the longest span of the branch."""
    trace = source.trace
    if trace is None:
        return "verbatim"
    share = trace.share()
    if share is None:
        return f"spans of ≥ {trace.min_tokens} tokens"
    return f"{share:.0%} verbatim · longest {trace.longest} · ≥ {trace.min_tokens}"


HEAT = Heat("verbatim", "what stands word for word in the training text, and where it is left", values, legend,
            spans=True)
