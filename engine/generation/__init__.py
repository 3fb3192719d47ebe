"""From logits to tokens: the protocol of a backend, lanes, one step of a stream, scoring. Knows token ids, no text."""
