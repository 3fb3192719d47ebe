"""Where the fields of a lesson stand in its file: the reader of TOML does not say."""

from __future__ import annotations

import re

STRINGS = re.compile(r'''"{3}(?:\\.|[^\\])*?"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*''', re.DOTALL)


class Places:
    """The lines of a file's fields.

    Attributes:
        text: the file with its texts and comments blanked, so that no word in them is taken for a field.
    """

    def __init__(self, text: str) -> None:
        self.text = STRINGS.sub(_blank, text)
        headers = [found.start() for found in re.finditer(_header("steps"), self.text)]
        listed = re.search(_field("steps"), self.text)
        if not headers and listed:  # steps = [{…}, {…}]
            headers = [found.start() for found in re.finditer(r"\{", self.text) if found.start() > listed.start()]
        self._starts = [*headers, len(self.text)]

    def line(self, name: str, step: int | None = None) -> int:
        """The line (1 the first) where a field is given, of a step or before the steps; else where those begin."""
        if step is None:
            start, end = 0, len(self.text)
        elif step < len(self._starts) - 1:
            start, end = self._starts[step : step + 2]
        else:
            return 1
        for pattern in (_field(name), _header(name)):
            if found := re.compile(pattern).search(self.text, start, end):
                return self.text.count("\n", 0, found.start("name")) + 1
        return self.text.count("\n", 0, start) + 1


def _blank(found: re.Match[str]) -> str:
    if re.compile(r"\s*[=\]]").match(found.string, found.end()) and found[0][0] != "#":
        return found[0]  # a key in quotation marks, or the last text of a list, which does no harm
    return re.sub(r"[^\n]", " ", found[0])


def _field(name: str) -> str:
    return rf"""(?m:^|(?<=[{{,]))[ \t]*(?P<name>["']?{re.escape(name)}["']?)\s*="""


def _header(name: str) -> str:
    return rf"""(?m:^)[ \t]*\[{{1,2}}\s*(?P<name>["']?{re.escape(name)}["']?)\s*\]"""
