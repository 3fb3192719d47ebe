"""Threads of a training: as many as are faster, asleep while they wait."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from gpt2_remix.engine.gpt2.threads import ThreadCount

CODE = """
import os
import gpt2_remix.engine.{room}
import sys
import time
assert "torch" not in sys.modules
print(os.environ.get("GOMP_SPINCOUNT"), os.environ.get("OMP_WAIT_POLICY"))
"""


@pytest.mark.parametrize("room", ["train", "gpt2.eager"])
def test_torch_s_threads_do_not_spin_for_long(room: str) -> None:
    """On a busy machine those that spin keep the others from being done."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))}
    for given, seen in (({}, "10000 None"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None ACTIVE"),
                        ({"GOMP_SPINCOUNT": "7"}, "7 None")):
        done = subprocess.run([sys.executable, "-c", CODE.format(room=room)], env=own | given, capture_output=True,
                              text=True, check=True)
        assert done.stdout.strip() == seen


def test_a_training_goes_over_to_the_number_of_threads_that_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np
    import torch

    from gpt2_remix.engine.tokens.corpus import Split
    from gpt2_remix.engine.train import loop
    from gpt2_remix.engine.train.plan import Plan

    plan = Plan(1, 16, 1, 16, 64, None, 40, batch=32, held_out=0.1, muon=False, half=False)
    ids = np.arange(4000, dtype=np.uint16) % 64
    clock, taken = [0.0], list[int]()

    def step(run: loop.Run, ids: torch.Tensor, scale: float) -> float:
        taken.append(torch.get_num_threads())
        clock[0] += 1.0 if taken[-1] == 1 else 2.0  # a small network, or a busy machine
        return 1.0

    monkeypatch.setattr(loop, "make_step", step)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    before = torch.get_num_threads()
    try:
        for _ in loop.train(loop.begin(plan), Split(ids, ids[:0]), threads=ThreadCount(None, 2)):
            pass
        assert taken == [2, 2, 2] + [1] * 37
        taken.clear()
        for _ in loop.train(loop.begin(plan), Split(ids, ids[:0]), threads=ThreadCount(2)):
            pass
        assert set(taken) == {2} or set(taken) == {before}
    finally:
        torch.set_num_threads(before)
