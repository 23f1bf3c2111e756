"""The interface of every architecture's config, which is the shape of a model. Without torch."""

from dataclasses import Field, asdict, dataclass, fields
from typing import Any, ClassVar

from tinychat.errors import InputError

MAX_LAYERS = 200
MAX_SIZE = 1_000_000  # of a vocabulary, a layer or a context


@dataclass(frozen=True)
class TrainingSizes:
    """How many numbers training keeps in memory.

    matrices     parameters of the layers' weight matrices, which Muon orthogonalises
    others       all other parameters
    activations  per token of a batch, kept by the layers for the backward pass
    """

    matrices: int
    others: int
    activations: int


class ModelConfig:
    """The base of an architecture's config, a frozen dataclass of positive whole numbers.

    Every architecture has these fields; it may add its own. A field's metadata may hold its largest value (`max`).
    """

    architecture: ClassVar[str]
    vocab_size: int
    embed_dim: int
    n_layers: int
    n_heads: int
    max_len: int

    def fault(self) -> InputError | None:
        """Why no model of this shape can be built; None where one can."""
        return None

    def weight_shapes(self) -> dict[str, tuple[int, ...]] | None:
        """Name and shape of each tensor in `model.safetensors`; None where it must be counted on the network (see
        `registry.py`).
        """
        return None

    def training_sizes(self) -> TrainingSizes | None:
        """The memory that training needs; None where it must be counted on the network."""
        return None

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.embed_dim // self.n_heads

    @property
    def kv_heads(self) -> int:
        """Heads of the keys and values: fewer than n_heads in grouped-query attention (2305.13245)."""
        return self.n_heads

    def to_dict(self) -> dict[str, int]:
        """The fields, as config.json keeps them."""
        return asdict(self)  # type: ignore[call-overload]

    @classmethod
    def config_fields(cls) -> tuple["Field[Any]", ...]:
        """The dataclass fields, in their order."""
        return fields(cls)  # type: ignore[arg-type]
