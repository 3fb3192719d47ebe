"""The lanes' traces in the training text."""

from __future__ import annotations

from gpt2_remix.tui import messages
from gpt2_remix.tui.compare.host import CompareHost
from gpt2_remix.tui.state.lanes import LaneState
from gpt2_remix.tui.state.verbatim import StreamTrace
from gpt2_remix.tui.workers.tracer import Edit


class LaneTraces:
    """One trace for each version of a lane."""

    def __init__(self, host: CompareHost) -> None:
        self._host = host
        self._traces: dict[int, StreamTrace] = {}

    def of(self, lane: LaneState) -> StreamTrace | None:
        """What is known of a lane's way through the training text."""
        return self._traces.get(lane.version)

    def follow(self) -> None:
        """Tell the tracer how lanes went on."""
        known = self._traces
        self._traces = {}
        for lane in self._host.comparison.lanes:
            trace = known.get(lane.version) or self._begin(lane)
            self._traces[lane.version] = trace
            done = len(trace) - len(lane.prefix)
            trace.follow(len(trace), [step.token for step in lane.steps[done:]])

    def _begin(self, lane: LaneState) -> StreamTrace:
        workspace, version = self._host.workspace, lane.version

        def tell(keep: int, ids: list[int], min_tokens: int) -> None:
            workspace.tracer.edit(Edit(self._host.post_message, ("lane", version), keep, ids, min_tokens))

        trace = StreamTrace(tell, workspace.preferences.min_tokens)
        trace.follow(0, lane.prefix)
        return trace

    def restart(self) -> None:
        """Ask for everything anew: another text to trace in."""
        for trace in self._traces.values():
            trace.restart(self._host.workspace.preferences.min_tokens)

    def take(self, message: messages.Traced) -> tuple[int, int] | None:
        """Take over marks: the place of their lane, and the first token that looks otherwise; None for none."""
        for place, lane in enumerate(self._host.comparison.lanes):
            trace = self.of(lane)
            if trace is None or message.stream != ("lane", lane.version):
                continue
            first = trace.take(message.first, message.ids, message.marks, message.min_tokens)
            return None if first is None else (place, first)
        return None

    def share_and_longest(self, lane: LaneState) -> tuple[float | None, float | None]:
        """The share of a lane's new tokens that stand in verbatim spans, and the longest span."""
        trace, first = self.of(lane), len(lane.prefix)
        if trace is None or self._host.workspace.index is None or not lane.steps:
            return None, None
        return trace.share(first), float(trace.longest_from(first))
