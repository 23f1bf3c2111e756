"""The shape of the article's network, and its weights in the order in which a forward pass reads them."""

from dataclasses import dataclass, field

from tinychat.errors import InputError
from tinychat.model.config import MAX_LAYERS, MAX_SIZE, ModelConfig, TrainingSizes

# Name: its shape, in the config's fields and multiples of embed_dim. Decoders that read the weights without torch take
# them in this order; tests/model/test_registry.py compares the table with the module.
INPUT = {
    "input_layer.word_embedding.weight": ("vocab_size", "embed_dim"),
    "input_layer.pos_embedding.weight": ("max_len", "embed_dim"),
    "input_layer.norm.weight": ("embed_dim",),
    "input_layer.norm.bias": ("embed_dim",),
}
LAYER = {
    "self_attn.in_proj_weight": ("3 embed_dim", "embed_dim"),
    "self_attn.in_proj_bias": ("3 embed_dim",),
    "self_attn.out_proj.weight": ("embed_dim", "embed_dim"),
    "self_attn.out_proj.bias": ("embed_dim",),
    "norm1.weight": ("embed_dim",),
    "norm1.bias": ("embed_dim",),
    "ffn.0.weight": ("ffn_dim", "embed_dim"),
    "ffn.0.bias": ("ffn_dim",),
    "ffn.2.weight": ("embed_dim", "ffn_dim"),
    "ffn.2.bias": ("embed_dim",),
    "norm2.weight": ("embed_dim",),
    "norm2.bias": ("embed_dim",),
}
OUTPUT = {
    "output_layer.weight": ("vocab_size", "embed_dim"),
    "output_layer.bias": ("vocab_size",),
}


@dataclass(frozen=True)
class ClassicConfig(ModelConfig):
    """The shape of a DialogueModel."""

    architecture = "classic"

    vocab_size: int = field(metadata={"max": MAX_SIZE})
    embed_dim: int = field(metadata={"max": MAX_SIZE})
    n_layers: int = field(metadata={"max": MAX_LAYERS})
    n_heads: int = field(metadata={"max": MAX_SIZE})
    ffn_dim: int = field(metadata={"max": MAX_SIZE})
    max_len: int = field(metadata={"max": MAX_SIZE})

    def fault(self) -> InputError | None:
        return heads_fault(self.embed_dim, self.n_heads)

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        names = {**INPUT}
        for number in range(self.n_layers):
            names |= {f"decoder_layers.{number}.{name}": shape for name, shape in LAYER.items()}
        return {name: self._shape(shape) for name, shape in {**names, **OUTPUT}.items()}

    def training_sizes(self) -> TrainingSizes:
        d, f = self.embed_dim, self.ffn_dim
        matrices = self.n_layers * (4 * d * d + 2 * d * f)
        others = (2 * self.vocab_size + self.max_len + 2) * d + self.vocab_size + self.n_layers * (9 * d + f)
        return TrainingSizes(matrices, others, self.n_layers * (8 * d + f))

    def _shape(self, names: tuple[str, ...]) -> tuple[int, ...]:
        sizes = {"3 embed_dim": 3 * self.embed_dim, **self.to_dict()}
        return tuple(sizes[name] for name in names)


def heads_fault(embed_dim: int, n_heads: int) -> InputError | None:
    """An error where `n_heads` does not divide `embed_dim`, with numbers of heads near it that do; else None."""
    if embed_dim % n_heads == 0:
        return None
    fitting = [heads for heads in range(1, min(embed_dim, 64) + 1) if embed_dim % heads == 0]
    near = sorted(sorted(fitting, key=lambda heads: (abs(heads - n_heads), heads))[:3])
    return InputError(
        "n_heads is {n_heads}, which does not divide embed_dim {embed_dim}; take for example {fitting}",
        n_heads=n_heads,
        embed_dim=embed_dim,
        fitting=", ".join(map(str, near)),
    )
