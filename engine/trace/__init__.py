"""Where in the training text a span stands, and where a stream leaves it. Works on token ids.

`index` holds fingerprints of the text (or its tokens), `match` finds the longest run that ends at a token, `spans`
makes the spans of a whole text, `stream` follows one that grows, `sources` says which text to look in.
"""
