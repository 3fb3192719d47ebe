"""What a session keeps of the model that its steps were made with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpt2_remix.engine.generation.backend import ModelInfo
    from gpt2_remix.engine.models.opening import Located


LARGEST = 2**53
"""Numbers of a record are below it."""


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """The model that steps were made with.

    Attributes:
        shape: layers, width, heads, as in config.json.
        sha256: of its weights in hexadecimal; "" until it is known.
        form: by what its numbers were computed (see `ModelInfo`); "" in records made before it was kept.
        function: hash of what config.json says of the function that the weights are used in; "" likewise.
    """

    name: str
    parameters: int = 0
    precision: str = "fp32"
    vocab_size: int = 0
    context: int = 0
    shape: tuple[int, int, int] = (0, 0, 0)
    sha256: str = ""
    form: str = ""
    function: str = ""

    def same(self, other: ModelRecord) -> bool:
        """Whether both are the same network, computed in the same form, as far as is known."""
        return self.form == other.form and self.same_network(other)

    def same_network(self, other: ModelRecord) -> bool:
        """Whether both are the same function of the same weights, held in the same precision, as far as is known."""
        if self.function and other.function and self.function != other.function:
            return False
        plain = (self.parameters, self.precision, self.vocab_size, self.context, self.shape)
        if plain != (other.parameters, other.precision, other.vocab_size, other.context, other.shape):
            return False
        return self.sha256 == other.sha256 if self.sha256 and other.sha256 else self.name == other.name


def record_of(located: Located, info: ModelInfo, sha256: str) -> ModelRecord:
    """What a session keeps of a model."""
    config = located.config
    shape = (config.n_layer, config.n_embd, config.n_head)
    function = hashlib.sha256(json.dumps(asdict(config), sort_keys=True).encode()).hexdigest()[:16]
    return ModelRecord(info.name, info.parameters, info.precision, info.vocab_size, info.context, shape, sha256,
                       info.form, function)


def model_record(record: dict[str, Any]) -> ModelRecord:
    """A ModelRecord from its JSON form. Raises InputError, KeyError, TypeError, ValueError."""
    layers, width, heads = record["shape"]
    made = ModelRecord(
        record["name"], record["parameters"], record["precision"], record["vocab_size"], record["context"],
        (layers, width, heads), record["sha256"], record.get("form", ""), record.get("function", ""),
    )
    for name in ("name", "precision", "sha256", "form", "function"):
        if not isinstance(getattr(made, name), str):
            raise ValueError(f"a model's {name} is no text")
    for number in (made.parameters, made.vocab_size, made.context, *made.shape):
        if type(number) is not int or not 0 <= number < LARGEST:
            raise ValueError("a model's size is no number that can be")
    return made


def words_of_change(before: ModelRecord, now: ModelRecord) -> str:
    """How a session's new model differs from the one before."""
    if before.same_network(now):
        form = before.form or "torch"
        more = ", in int8 by more than the last bits" if now.precision == "int8" else " in the last bits"
        return f"numbers come from {now.form} from here on, before from {form}: they differ{more}"
    if replace(before, precision=now.precision).same_network(now):
        return f"weights in {now.precision} from here on; the old tokens, made in {before.precision}, stay"
    maker = "other weights" if before.name == now.name else before.name
    return f"this session was made with {maker}; new tokens come from {now.name}, the old ones stay"
