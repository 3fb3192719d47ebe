"""The torch backend: a GPT-2 read from Hugging Face's layout and run with a cache. The only importer of torch."""
