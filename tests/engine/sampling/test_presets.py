import json
from pathlib import Path

import pytest

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.sampling.presets import (
    SHIPPED,
    all_presets,
    delete_preset,
    find_preset,
    presets_file,
    save_preset,
)
from gpt2_remix.engine.sampling.settings import Settings

DATA = Path(__file__).parent / "data"
OWN = Settings(temperature=0.9, dry_multiplier=0.5, chain=("top_p", "temperature"), off=("top_k",))


def test_presets_of_before_keep_their_order() -> None:
    """Made at f520529, where a bias came after the penalties."""
    presets_file().parent.mkdir(parents=True, exist_ok=True)
    presets_file().write_bytes((DATA / "f520529-presets.json").read_bytes())
    biased = find_preset("biased").settings
    assert biased.order.index("logit_bias") == 5
    assert biased.logit_bias == ((262, 4.0), (11, 2.0))
    assert find_preset("quiet").settings == Settings(temperature=0.7)
    assert find_preset("dry one").settings.dry_breakers == (198, 25, 1, 9)
    save_preset("another", OWN)
    assert find_preset("biased").settings == biased


def test_shipped_presets_differ() -> None:
    assert len({preset.settings for preset in SHIPPED}) == len(SHIPPED)


@pytest.mark.parametrize("name", ["nucleus 0.95", "Nucleus", "nucleus-0.95", "nucleus_"])
def test_a_preset_is_found_by_what_one_remembers(name: str) -> None:
    assert find_preset(name).settings == Settings(top_p=0.95)


def test_unknown_and_ambiguous_names_say_what_there_is() -> None:
    with pytest.raises(InputError, match="did you mean greedy"):
        find_preset("gredy")
    with pytest.raises(InputError, match=r"min-p 0\.05 or mirostat"):
        find_preset("mi")


def test_an_own_preset_is_kept_replaced_and_forgotten() -> None:
    save_preset("  my   best ", OWN)
    save_preset("other", Settings(top_k=3))
    assert find_preset("My Best").settings == OWN
    save_preset("MY BEST", Settings(top_k=4))
    assert [preset.name for preset in all_presets()[0] if not preset.shipped] == ["other", "MY BEST"]
    delete_preset("my best")
    assert [preset.name for preset in all_presets()[0] if not preset.shipped] == ["other"]
    with pytest.raises(InputError, match="no preset of your own"):
        delete_preset("greedy")


@pytest.mark.parametrize("name", ["", "   ", "greedy", "GREEDY", "a,b", "a=b", "x" * 41, "a\x1bb"])
def test_names_that_cannot_be_used(name: str) -> None:
    with pytest.raises(InputError):
        save_preset(name, OWN)


def test_a_damaged_file_is_told_and_never_overwritten() -> None:
    save_preset("mine", OWN)
    record = json.loads(presets_file().read_text()) | {"bad": {"temperature": -1}, "worse": 3}
    presets_file().write_text(json.dumps(record))
    presets, problem = all_presets()
    assert presets[-1].name == "mine"
    assert problem is not None
    assert "bad, worse" in problem
    before = presets_file().read_bytes()
    with pytest.raises(EngineError, match="nothing was saved"):
        save_preset("another", OWN)
    presets_file().write_text("{")
    assert all_presets()[0] == list(SHIPPED)
    with pytest.raises(EngineError, match="nothing was deleted"):
        delete_preset("mine")
    presets_file().write_bytes(before)
