"""What importing costs before the first frame and before `--help`: the dearest modules, by themselves and with theirs.

    python -m benchmarks.imports [MODULES]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

IMPORTS = "import gpt2_remix.engine.cli.options, gpt2_remix.tui.__main__, gpt2_remix.tui.app"


def main() -> None:
    """Print a table for the app's imports, and how long `--help` takes."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    times = []
    for _ in range(7):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "gpt2_remix.tui", "--help"], capture_output=True, check=True)
        times.append(time.perf_counter() - begin)
    print(f"`gpt2-remix --help`: median {statistics.median(times):.2f} s of {len(times)}\n")
    command = [sys.executable, "-X", "importtime", "-c", IMPORTS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = []
    for line in done.stderr.splitlines():
        own, whole, name = line.removeprefix("import time:").split("|")
        if own.strip().isdigit():
            rows.append((int(own), int(whole), name.strip()))
    print(f"{len(rows)} modules before the app's first frame, {sum(own for own, _, _ in rows) / 1000:.0f} ms in all")
    print(f"{'own ms':>8} {'with its own imports':>22}  module")
    for spent, with_others, name in sorted(rows, reverse=True)[:count]:
        print(f"{spent / 1000:>8.1f} {with_others / 1000:>22.1f}  {name}")


if __name__ == "__main__":
    main()
