from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.sampling.fields import LARGE, LISTS, NUMBERS, find_setting, setting_name
from gpt2_remix.engine.sampling.presets import find_preset
from gpt2_remix.engine.sampling.settings import CHAIN, Settings, check_seed, parse_settings

settings = st.builds(
    Settings,
    **{
        number.name: st.integers(int(number.low), LARGE) if number.whole else st.floats(number.low, number.high)
        for number in NUMBERS
    },
    chain=st.lists(st.sampled_from(CHAIN), unique=True).map(tuple),
    off=st.lists(st.sampled_from(CHAIN), unique=True).map(tuple),
    dry_breakers=st.lists(st.integers(0, 50256) | st.text(min_size=1, max_size=40), unique=True, max_size=4).map(tuple),
    logit_bias=st.dictionaries(st.integers(0, 50256), st.floats(-100, 100), max_size=4).map(lambda d: tuple(d.items())),
    banned=st.lists(st.integers(0, 50256), unique=True, max_size=4).map(tuple),
)


@given(settings)
def test_settings_survive_json(value: Settings) -> None:
    assert Settings.from_dict(value.to_dict()) == value


@given(settings)
def test_settings_survive_their_text_form(value: Settings) -> None:
    """epsilon_cutoff=3e-7 became off, top_p=0.9999999 became 1, temperature=1e-7 greedy."""
    assert parse_settings(value.changed()) == value


@pytest.mark.parametrize("text", [
    "epsilon_cutoff=3e-07", "top_p=0.9999999", "temperature=1e-07", "temperature=0.1", "temperature=100", "top_k=40",
    "temperature=0.30000000000000004", "logit_bias=5:0.1234567891", "logit_bias=5:-2;7:1e-09",
])
def test_numbers_are_written_as_short_as_they_can_be(text: str) -> None:
    assert parse_settings(text).changed() == text


def test_texts_are_written_in_json() -> None:
    read = parse_settings('dry_breakers=["\\n", ", ", "\\"", "é", 25], temperature=0.5')
    assert read == Settings(temperature=0.5, dry_breakers=("\n", ", ", '"', "é", 25))
    assert read.changed() == 'temperature=0.5,dry_breakers=["\\n",", ","\\"","é",25]'
    assert parse_settings('dry_breakers=";"').dry_breakers == (";",)
    assert parse_settings("dry_breakers=198;25").dry_breakers == (198, 25)
    assert parse_settings("dry_breakers=").dry_breakers == ()


OLD_ORDER = (
    "repetition_penalty", "presence_penalty", "frequency_penalty", "no_repeat_ngram_size", "dry", "logit_bias",
    "banned", "min_new_tokens", "temperature", "dynamic_temperature", "top_k", "top_p", "min_p", "typical_p",
    "epsilon_cutoff", "eta_cutoff", "top_n_sigma", "xtc", "mirostat",
)
OLD_BREAKERS = [198, 25, 1, 9]


@given(st.lists(st.sampled_from(OLD_ORDER), unique=True), st.booleans(), st.sampled_from([0.0, 0.8]))
def test_records_of_before_keep_the_order_and_the_breakers_that_they_were_made_with(
    named: list[str], biased: bool, multiplier: float
) -> None:
    """They hold an empty chain for the default order of that time, or some rules only; f520529 wrote them so."""
    record = {"temperature": 0.5, "logit_bias": {"3": 2.0} if biased else {}, "dry_breakers": OLD_BREAKERS,
              "chain": named, "off": [], "dry_multiplier": multiplier}
    queue = iter(named)
    meant = [next(queue) if rule in named else rule for rule in OLD_ORDER]
    read = Settings.from_dict(record)
    if biased or len(named) == len(OLD_ORDER):
        assert read.order == tuple(meant)
    plain = [rule for rule in read.order if rule != "logit_bias"]
    assert plain == [rule for rule in meant if rule != "logit_bias"]
    if multiplier or len(named) == len(OLD_ORDER):
        assert read.dry_breakers == tuple(OLD_BREAKERS)
    assert Settings.from_dict(read.to_dict()) == read


def test_records_of_before_in_which_nothing_was_ordered_are_todays() -> None:
    assert Settings.from_dict({"temperature": 0.7, "chain": [], "dry_breakers": OLD_BREAKERS}) == Settings(0.7)
    assert Settings.from_dict({"chain": ["top_k", "temperature"]}) == parse_settings("chain=top_k;temperature")
    for record in ({"chain": ["temperature", "top_q"]}, {"chain": ["dry", "dry"]}, {"logit_bias": {"3": 10**400}},
                   {"temperature": 10**400}, {"top_k": 10**400}, {"banned": [-1]}, {"chain": 3}):
        with pytest.raises(InputError):
            Settings.from_dict(record)


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
        ("top_k=-1", "0 to 1,000,000,000"),
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
        ("dry_breakers=-3", "dry_breakers holds -3"),
        ('dry_breakers=["a', "is not closed"),
        ('dry_breakers=["a",2.5]', r'is not a list of this form: dry_breakers=\["\\n",":"\]'),
        ('dry_breakers=[""]', "dry_breakers holds ''"),
        ('dry_breakers=["a"]b', "is not a list of this form"),
        ("dry_breakers=a", "is not a list of this form"),
        ('dry_breakers=["\\ud800"]', "not valid Unicode"),
        ("dry_breakers=99999999999999999999999", "token ids from 0 up"),
        ("top_k=1000000000000", "it is 0 to 1,000,000,000"),
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


@pytest.mark.parametrize("written", ["top_k", "top-k", "top k", "topk", "k", "TOP_K", " Top-K "])
def test_names_are_taken_however_they_are_written(written: str) -> None:
    assert parse_settings(f"{written}=40") == Settings(top_k=40)
    with pytest.raises(InputError, match="top_k is given twice"):
        parse_settings(f"top_k=3,{written}=40")


def test_every_name_finds_its_setting() -> None:
    for name in (*(number.name for number in NUMBERS), *LISTS):
        for written in (name, name.replace("_", "-"), name.replace("_", "").upper()):
            assert setting_name(written) == find_setting(written) == name
    assert find_setting("to") == "top_k"
    assert find_setting("sigma") == "top_n_sigma"
    assert find_setting("zzz") is None
    assert find_setting("") is None


def test_every_example_is_a_value_of_its_setting() -> None:
    for number in NUMBERS:
        assert getattr(parse_settings(f"{number.name}={number.example}"), number.name) == float(number.example)
