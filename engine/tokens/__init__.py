"""Text to token ids and back: the tokenizer, how single tokens are drawn, and files of text."""
