"""The interface of every architecture's config, which is the shape of a model."""

from abc import ABC, abstractmethod
from dataclasses import Field, asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from tinychat.errors import InputError

if TYPE_CHECKING:
    from tinychat.model.base import LanguageModel

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


class ModelConfig(ABC):
    """The base of an architecture's config, a frozen dataclass of positive whole numbers.

    Every architecture has these fields; it may add its own. A field's metadata may hold its largest value (`most`).
    """

    architecture: ClassVar[str]
    vocab_size: int
    embed_dim: int
    n_layers: int
    n_heads: int
    max_len: int

    @abstractmethod
    def build(self, dropout: float = 0.0) -> "LanguageModel":
        """A model of this shape with random weights. It imports torch."""

    def fault(self) -> InputError | None:
        """Why no model of this shape can be built; None where one can."""
        return None

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each tensor in `model.safetensors`, from the module on the meta device."""
        import torch

        with torch.device("meta"):
            return {name: tuple(tensor.shape) for name, tensor in self.build().weights().items()}

    def training_sizes(self) -> TrainingSizes:
        """The memory that training needs, counted on the module on the meta device."""
        import torch
        from torch import nn

        with torch.device("meta"):
            model = self.build()
        matrices = sum(matrix.weight.numel() for matrix in model.parameter_groups().matrices)
        # Each product keeps its input, and the next operation keeps its output.
        kept = sum(m.in_features + m.out_features for m in model.modules() if isinstance(m, nn.Linear))
        return TrainingSizes(matrices, model.n_parameters() - matrices, kept - self.vocab_size)

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.embed_dim // self.n_heads

    def to_dict(self) -> dict[str, int]:
        """The fields, as config.json keeps them."""
        return asdict(self)  # type: ignore[call-overload]

    @classmethod
    def config_fields(cls) -> tuple["Field[Any]", ...]:
        """The dataclass fields, in their order."""
        return fields(cls)  # type: ignore[arg-type]
