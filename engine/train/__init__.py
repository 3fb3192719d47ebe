"""Trains a small GPT-2 on a person's own text, on a CPU in minutes. Beside `engine.gpt2` the only package with torch.

`plan` chooses a shape, `network` is the trainable network, `loop` trains it, `folder` writes what comes out.
"""
