"""gpt2-remix's engine: everything between a list of token ids and the next one.

Its currency is token ids. What passes through it: ids go to a backend (`engine.generation.backend`), logits come back, the
chain (`engine.sampling.distribution`) turns them into a distribution, a coin (`engine.sampling.coin`) falls on one token, and the tree
(`engine.session.tree`) keeps how it came. Nothing here knows of a screen; only `engine.gpt2.eager` and
`engine.train` import torch.
"""

__version__ = "0.1.0"
