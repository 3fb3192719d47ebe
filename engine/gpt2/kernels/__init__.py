"""The network as compiled kernels, for CPUs.

The only package that imports numba, and only to compile: what is compiled runs without it (`compiled`, `library`).
"""
