"""GPT-2 in torch. The only package that imports torch."""

import os

# MKL, which multiplies matrices for torch on x86, may take another kernel for another thread, and the last bits with
# it. Its conditional numerical reproducibility costs nothing that could be measured; it is read at the first product.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
