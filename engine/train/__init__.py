"""Train a small GPT-2 on a person's own text, on a CPU in minutes. Beside `engine.gpt2.eager` the only torch.

`plan` chooses a shape, `network` is the trainable network, `loop` trains it, `checkpoint` writes what comes out, and
`job` is all of it for the command and the app.
"""

from gpt2_remix.engine.gpt2.threads import wait_asleep

wait_asleep()
