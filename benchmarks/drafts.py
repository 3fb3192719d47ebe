"""Tokens a second with and without drafts from the text's own repeats, in int8; the tokens are compared.

    python -m benchmarks.drafts [TOKENS] [--model NAME_OR_PATH]
"""

from __future__ import annotations

import sys
import time

from gpt2_remix.engine.generation import draft
from gpt2_remix.engine.generation.decode import advance
from gpt2_remix.engine.generation.lane import Lane
from gpt2_remix.engine.models.opening import LoadOptions, locate, read_tokenizer, start_backend
from gpt2_remix.engine.sampling.settings import Settings

PREFIXES = ("ROMEO:", "In the beginning", "It is a truth universally acknowledged")
ROUNDS = 3


def main() -> None:
    """Print a line for each chain: rates, their ratio, and how often the network ran for a token."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 200
    located = locate(sys.argv[sys.argv.index("--model") + 1] if "--model" in sys.argv else "classics")
    tokenizer, real = read_tokenizer(located), draft.prompt_lookup_draft
    for settings in (Settings(temperature=0.0), Settings(temperature=0.5), Settings(temperature=0.8, top_p=0.95)):
        seconds, passes, differ = {True: 0.0, False: 0.0}, {True: 0, False: 0}, 0
        for number in range(ROUNDS):
            for prefix in PREFIXES:
                made = []
                for drafting in (True, False):
                    draft.prompt_lookup_draft = real if drafting else lambda ids: []
                    backend = start_backend(located, LoadOptions("int8"))  # nothing is in its cache
                    lane = Lane(tokenizer.encode(prefix), settings, number, limit=count)
                    begin = time.perf_counter()
                    while advance(backend, [lane], tokenizer):
                        pass
                    seconds[drafting] += time.perf_counter() - begin
                    passes[drafting] += backend.passes  # type: ignore[attr-defined]
                    made.append(lane.tokens)
                differ += sum(a != b for a, b in zip(*made, strict=True))
        tokens = ROUNDS * len(PREFIXES) * count
        chain = f"temperature {settings.temperature}, top_p {settings.top_p}"
        print(f"{chain:<28} {tokens / seconds[True]:4.0f} against {tokens / seconds[False]:4.0f} tokens a second "
              f"(x {seconds[False] / seconds[True]:.2f}), {passes[True] / tokens:.2f} passes a token, "
              f"{differ} of {tokens:,} tokens differ")
    draft.prompt_lookup_draft = real


if __name__ == "__main__":
    main()
