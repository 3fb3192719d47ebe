"""gpt2-remix's engine: everything between a list of token ids and the next one.

Its currency is token ids. Rooms in the order in which a token passes: `tokens` (text to ids), `sampling` (logits to a
token: the chain, the coin), `generation` (a backend, streams, lanes), `gpt2` (the network), `models` (a name to a
backend that runs), `session` (the tree of all steps, its file), `compare`, `trace`, `train`, `cli`. Each imports only
from those before it. Nothing here knows of a screen; only `engine.gpt2.eager` and `engine.train` import torch.
"""

__version__ = "0.1.0"
