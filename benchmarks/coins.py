"""How many tokens stay the same after a small change of temperature, with each coin, on the embedded model.

    python -m benchmarks.coins [STREAMS]

Streams of 60 tokens at temperature 1 from six openings, each then with temperature 0.9 and the same luck. Two figures
for each coin: the share of flips that choose the same token after the same text (so what the change itself does), and
after how many tokens the regenerated stream leaves the old one (so how far a small change carries).
"""

from __future__ import annotations

import statistics
import sys

from gpt2_remix.engine.compare.lanes import LaneSpec, lane_starts, run_together, start_lanes
from gpt2_remix.engine.compare.statistics import divergence
from gpt2_remix.engine.generation.counterfactual import rechoose
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.models.opening import open_model
from gpt2_remix.engine.sampling.settings import COINS, Settings

LENGTH = 60
OPENINGS = (
    "It is a truth universally acknowledged", "Call me Ishmael. Some years ago", "To be, or not to be, that is",
    "In the beginning God created the heaven", "It was the best of times, it was", "Alice was beginning to get very",
)


def main() -> None:
    """Print the figures."""
    streams = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    model = open_model("classics")
    specs = [LaneSpec(Settings()), LaneSpec(Settings(temperature=0.9))]
    for coin in COINS:
        same, flips, stayed, whole = 0, 0, [], 0
        for n in range(streams):
            prompt = model.tokenizer.encode(OPENINGS[n % len(OPENINGS)])
            lanes = start_lanes(lane_starts(specs, [prompt, prompt]), seed=n, coin=coin, limit=LENGTH)
            for _ in run_together(model.backend, lanes, model.tokenizer):
                pass
            new = [lane.tokens[len(prompt) :] for lane in lanes]
            left = divergence(*new)
            whole += left is None
            stayed.append(LENGTH if left is None else left)
            steps = [Step(i, token, "prompt") for i, token in enumerate(prompt)] + lanes[0].steps
            for position, token in rechoose(model.backend, steps, specs[1].settings,
                                              tokenizer=model.tokenizer):
                flips += 1
                same += token == steps[position].token
        print(
            f"{coin:<9} {same / flips:6.1%} of {flips:,} flips the same; streams part after "
            f"{statistics.mean(stayed):.1f} tokens (median {statistics.median(stayed):.0f}), "
            f"{whole} of {streams} never within {LENGTH}"
        )


if __name__ == "__main__":
    main()
