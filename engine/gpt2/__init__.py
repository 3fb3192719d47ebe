"""GPT-2: its configuration, its weights, a cache of what was computed, and three networks that run it.

`kernels` are compiled for this processor by numba, `plain` is numpy alone, `eager` is torch, for accelerators.
`opening` chooses among them.
"""
