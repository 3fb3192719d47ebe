"""The chain: one small function for each rule between raw and final probabilities.

Every rule is given the state of the chain (`ChainState`: the tokens that are left, their scores, and the context) and
says which of them it removes, as a mask, or None for none; a rule that changes scores puts new ones in. What one rule
removed later rules do not see. Meaning follows Hugging Face transformers' logits processors and warpers; what they
lack follows OpenAI's API or llama.cpp, each rule says which. `docs/chain.md` has them all with worked examples.
"""
