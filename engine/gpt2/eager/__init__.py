"""The network in torch, for accelerators. With engine.train the only package that imports torch."""
