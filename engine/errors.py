"""The two kinds of failure that a person can do something about. Both carry one line of plain words."""


class EngineError(Exception):
    """Something failed while running (exit code 1). `str()` is one line: what is wrong, and what to do."""

    def __init__(self, line: str) -> None:
        # Messages of other libraries may hold line breaks; the contract promises one line.
        super().__init__(" ".join(line.split()))


class InputError(EngineError):
    """What was given cannot be used: a setting, an id, a file, a name (exit code 2)."""
