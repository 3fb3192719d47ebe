from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.sampling.fields import LARGE, NUMBERS
from engine.sampling.presets import find_preset
from engine.sampling.settings import CHAIN, Settings, check_seed, parse_settings

settings = st.builds(
    Settings,
    **{
        number.name: st.integers(int(number.low), LARGE) if number.whole else st.floats(number.low, number.high)
        for number in NUMBERS
    },
    chain=st.lists(st.sampled_from(CHAIN), unique=True).map(tuple),
    off=st.lists(st.sampled_from(CHAIN), unique=True).map(tuple),
    dry_breakers=st.lists(st.integers(0, 50256), unique=True, max_size=4).map(tuple),
    logit_bias=st.dictionaries(st.integers(0, 50256), st.floats(-100, 100), max_size=4).map(lambda d: tuple(d.items())),
    banned=st.lists(st.integers(0, 50256), unique=True, max_size=4).map(tuple),
)


@given(settings)
def test_settings_survive_json(value: Settings) -> None:
    assert Settings.from_dict(value.to_dict()) == value


def test_text_form_reads_every_field() -> None:
    numbers, lists = "temperature=0.8, top_k=40,top_p=0.9,min_p=0.05", "logit_bias=198:-2;50256:-100,banned=198;50256"
    read = parse_settings(f"{numbers},{lists}")
    assert read == Settings(0.8, 40, 0.9, 0.05, ((198, -2.0), (50256, -100.0)), (198, 50256))
    assert parse_settings(read.changed()) == read


def test_text_form_goes_on_top_of_a_preset() -> None:
    assert parse_settings("top_p=0.5", find_preset("focused").settings) == Settings(temperature=0.7, top_p=0.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("temprature=1", "did you mean temperature"),
        ("temperature=hot", "not a number"),
        ("temperature=-1", "0 to 100"),
        ("temperature=nan", "out of range"),
        ("top_k=1.5", "not a whole number"),
        ("top_k=-1", "0 or more"),
        ("top_p=1.1", "0 to 1"),
        ("top_p", "write it as top_p=VALUE"),
        ("min_p=0.1,min_p=0.2", "given twice"),
        ("banned=a", "banned=198;50256"),
        ("logit_bias=3", "198:-2;50256:-100"),
        ("logit_bias=3:200", "out of range"),
        ("logit_bias=3:1;3:2", "twice"),
        ("banned=-1", "negative"),
        ("=", "there is no setting"),
        ("chain=top_q", "did you mean top_"),
        ("off=temprature", "did you mean temperature"),
        ("chain=top_p;top_p", "twice"),
        ("mirostat=2", "did you mean mirostat_"),
        ("dry_breakers=-3", "negative"),
        ("repetition_penalty=0", "0.01 to 100"),
    ],
)
def test_bad_settings_say_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_settings(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    said = "read"
    try:
        settings = parse_settings(text)
        assert parse_settings(settings.changed()) == settings
    except InputError as error:
        said = str(error)
    assert said


def test_named_steps_trade_places_and_the_others_stay() -> None:
    swapped = parse_settings("chain=top_p;temperature")
    assert swapped.order == tuple({"top_p": "temperature", "temperature": "top_p"}.get(step, step) for step in CHAIN)
    assert parse_settings(f"chain={';'.join(CHAIN)}") == Settings()
    assert parse_settings(swapped.changed()) == swapped


def test_the_dynamic_temperature_takes_the_place_of_the_plain_one() -> None:
    both = Settings(temperature=0.0, dynatemp_range=0.5)
    assert both.active() == ("dynamic_temperature",)
    assert not both.greedy
    assert replace(both, off=("dynamic_temperature",)).greedy


def test_seeds_have_limits() -> None:
    assert check_seed(2**63 - 1) == 2**63 - 1
    for seed in (-1, 2**63):
        with pytest.raises(InputError, match="out of range"):
            check_seed(seed)


def test_ids_are_checked_against_the_vocabulary() -> None:
    with pytest.raises(InputError, match="ids are 0 to 96"):
        Settings(banned=(97,)).check_vocabulary(97)
    with pytest.raises(InputError, match="every token is banned"):
        Settings(banned=(0, 1)).check_vocabulary(2)
