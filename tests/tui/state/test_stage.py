"""What a scene shows is never ahead of the story; where the marker comes to rest; what a room's hands are worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.sampling.distribution import Distribution, distribution
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.state.room import Guess, Score, bits_of, parse_tally, shuffled, winner
from gpt2_remix.tui.state.stage import PACES, PHASES, Pace, Story, phases_of, scene_of, seconds_of, swing

shares = st.floats(0, 1)


def dist_of(settings: Settings | None = None) -> Distribution:
    return distribution(np.log(np.array([5, 3, 1, 1], dtype=np.float32)), settings or Settings())


@given(st.sampled_from(PHASES), shares, st.floats(0, 1, exclude_max=True))
def test_no_frame_tells_the_token_before_its_coin_has_fallen(phase: str, share: float, u: float) -> None:
    step = Step(0, 2, "sampled", u=u, seed=1, coin="interval", settings=Settings())
    scene = scene_of(Story(0, phase=phase, share=share, step=step), dist_of())  # type: ignore[arg-type]
    if phase != "token":
        assert scene.hit is None
        assert not scene.landed
        assert (scene.luck is None) == (phase != "coin" or share < 1)
    if PHASES.index(scene.phase or "ask") < PHASES.index("coin"):
        assert scene.marker is None
        assert not scene.cut_into_shares
    if phase == "ask":
        assert scene.dist is None
    if scene.luck is not None:
        assert scene.marker == u


@given(shares, st.floats(0, 1, exclude_max=True))
def test_the_marker_stays_on_the_interval_and_rests_at_u(share: float, u: float) -> None:
    assert 0 <= swing(share, u) < 1
    assert swing(1, u) == pytest.approx(u, abs=1e-8)


def test_phases_that_have_nothing_to_tell_are_left_out() -> None:
    assert phases_of(dist_of()) == ("ask", "vector", "coin", "token")
    assert phases_of(dist_of(Settings(top_k=2))) == PHASES
    assert phases_of(dist_of(Settings(temperature=0))) == ("ask", "vector", "chain", "token")


@given(st.sampled_from([pace for pace in PACES if pace.seconds]))
def test_a_step_takes_as_long_as_its_pace_says(pace: Pace) -> None:
    for settings in (Settings(), Settings(top_k=2)):
        phases = phases_of(dist_of(settings))
        told = sum(seconds_of(phase, pace, phases) for phase in phases)
        assert told == pytest.approx(pace.seconds)


def test_paces_go_from_a_key_for_each_phase_to_full_speed() -> None:
    assert PACES[0].seconds is None
    seconds = [pace.seconds for pace in PACES[1:]]
    assert seconds == sorted(seconds, key=lambda s: -(s or 0))
    assert (seconds[0], seconds[-1]) == (10, 0)


# The room


@pytest.mark.parametrize(("text", "hands"), [
    ("12 5 3", [12, 5, 3]), ("12,5", [12, 5, 0]), ("A12 C5", [12, 0, 5]), ("c5a12", [12, 0, 5]), ("a 3", [3, 0, 0]),
    ("A1 A2", [3, 0, 0]),
])
def test_hands_are_read_in_order_or_by_letter(text: str, hands: list[int]) -> None:
    assert parse_tally(text, "ABC") == hands


@pytest.mark.parametrize("text", ["", "0 0", "1 2 3 4", "D5", "x", "5 A3", "A", "-3"])
def test_hands_that_make_no_sense_are_a_line(text: str) -> None:
    with pytest.raises(InputError):
        parse_tally(text, "ABC")


@given(st.lists(st.integers(0, 50), min_size=3, max_size=3), st.integers(0, 3))
def test_bits_are_those_of_the_answers_shares(hands: list[int], token: int) -> None:
    dist = dist_of()
    guess = bits_of(dist, [0, 1], hands, token)
    network = [0.5, 0.3, 0.2, 0.2][token]  # tokens 2 and 3 are both "else"
    room = (hands[min(token, 2)] + 1) / (sum(hands) + 3)
    assert guess.network == pytest.approx(-math.log2(network), abs=1e-6)
    assert guess.room == pytest.approx(-math.log2(room))


def test_the_score_sums_up() -> None:
    score = Score()
    assert score.words() == ""
    score.guesses |= {1: Guess(1.0, 0.5), 2: Guess(2.0, 0.25)}
    assert score.words() == "2 so far: 3.0, 0.8"


@given(st.lists(st.integers(0, 8192), unique=True, max_size=8), st.integers(0, 500))
def test_the_order_of_letters_is_the_same_whatever_is_likely(tokens: list[int], position: int) -> None:
    assert shuffled(tokens, position) == shuffled(tokens[::-1], position)
    assert sorted(shuffled(tokens, position)) == sorted(tokens)


def test_the_room_takes_what_most_hands_are_for_and_of_equals_the_likelier() -> None:
    assert winner([1, 4, 4, 0]) == 1
