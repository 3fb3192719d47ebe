"""The rules of the chain by name."""

from __future__ import annotations

from collections.abc import Callable

from gpt2_remix.engine.sampling.chain.penalties import (
    add_bias,
    ban,
    discourage_repeats,
    forbid_ngrams,
    penalize_frequency,
    penalize_presence,
    penalize_repetition,
    postpone_end,
)
from gpt2_remix.engine.sampling.chain.state import ChainState, Mask
from gpt2_remix.engine.sampling.chain.temperature import temper, temper_by_entropy
from gpt2_remix.engine.sampling.chain.truncation import (
    cut_epsilon,
    cut_eta,
    cut_min_p,
    cut_mirostat,
    cut_top_k,
    cut_top_n_sigma,
    cut_top_p,
    cut_typical,
    exclude_top_choices,
)
from gpt2_remix.engine.sampling.settings import Settings

RULES: dict[str, Callable[[ChainState, Settings], Mask | None]] = {
    "repetition_penalty": penalize_repetition,
    "presence_penalty": penalize_presence,
    "frequency_penalty": penalize_frequency,
    "no_repeat_ngram_size": forbid_ngrams,
    "dry": discourage_repeats,
    "logit_bias": add_bias,
    "banned": ban,
    "min_new_tokens": postpone_end,
    "temperature": temper,
    "dynamic_temperature": temper_by_entropy,
    "top_k": cut_top_k,
    "top_p": cut_top_p,
    "min_p": cut_min_p,
    "typical_p": cut_typical,
    "epsilon_cutoff": cut_epsilon,
    "eta_cutoff": cut_eta,
    "top_n_sigma": cut_top_n_sigma,
    "xtc": exclude_top_choices,
    "mirostat": cut_mirostat,
}
"""What each rule of `engine.sampling.settings.CHAIN` does."""
