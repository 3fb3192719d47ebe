"""Pictures of the screen as SVG."""

from __future__ import annotations

import re


def own_fonts(svg: str) -> str:
    """The picture without fonts from anywhere: the reader's own monospaced one is used."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return svg.replace("font-family: Fira Code, monospace", "font-family: monospace")
