"""The interface of a network: one forward pass, its parameters in groups, its layers by name.

B batch, T tokens in a sequence, D embed_dim, V vocabulary.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from tinychat.model.cache import CacheView, KeyValueCache
from tinychat.model.config import ModelConfig, TrainingSizes


@dataclass(frozen=True)
class Matrix:
    """A weight (out, in) of a layer, which Muon orthogonalises in `blocks` blocks of rows: one per head, or one."""

    weight: nn.Parameter
    blocks: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of a block."""
        rows, columns = self.weight.shape
        return rows // self.blocks, columns


@dataclass(frozen=True)
class ParameterGroups:
    """Parameters that an optimizer may treat differently from the others.

    matrices    weight matrices of the layers
    embeddings  weights of which a row has a gradient only where its token occurs
    """

    matrices: list[Matrix]
    embeddings: list[nn.Parameter]


@dataclass(frozen=True)
class HeadWeights:
    """The weights of an attention head: query, key and value (K, D) each, out (D, K).

    They are detached views, so that what is written to them is written to the layer. No other head has them.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    out: Tensor


@dataclass(frozen=True)
class InductionWeights:
    """What training/induction.py sets before a training: detached views of parameters. Biases begin at zero.

    tokens          (V, D) the token embeddings
    positions       (max_len, D) the position embeddings
    previous_token  a head of the first layer
    induction       a head of the second layer
    """

    tokens: Tensor
    positions: Tensor
    previous_token: HeadWeights
    induction: HeadWeights


@dataclass(frozen=True)
class LayerInfo:
    """One layer in the table of inspection.

    name     of the module
    kind     such as self_attn; the reports have a description of each kind that they know
    shape    in words
    section  of the article; None where it is not in the article
    """

    name: str
    kind: str
    shape: str
    section: int | None = None


class LanguageModel(nn.Module, ABC):
    """The base of an architecture's network.

    Decoders and inspection rely on three rules: each matrix product with a weight is an `nn.Linear`; attention goes
    through one `Attention` module per layer, numbered in order; there are no buffers (`load_model` allocates parameters
    only).

    states   names of the modules whose output is the hidden state (B, T, D): of the embeddings, then of each layer
    """

    states: tuple[str, ...]

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def hidden(self, token_ids: Tensor, positions: Tensor | None = None, cache: CacheView | None = None) -> Tensor:
        """The last hidden state: (B, T) int64 → (B, T, D); positions and cache as in `forward`."""

    @abstractmethod
    def logits(self, hidden: Tensor) -> Tensor:
        """(…, D) → (…, V). Also for an earlier layer's hidden state (the logit lens)."""

    @abstractmethod
    def parameter_groups(self) -> ParameterGroups:
        """Its parameters in groups."""

    def induction_weights(self) -> InductionWeights | None:
        """Weights for `train.induction_init`; None for an architecture in which it does nothing."""
        return None

    @abstractmethod
    def layers(self) -> list[LayerInfo]:
        """All layers in the order in which a sequence passes them."""

    def forward(
        self,
        token_ids: Tensor,
        positions: Tensor | None = None,
        cache: CacheView | None = None,
        select: Tensor | None = None,
    ) -> Tensor:
        """Logits: (B, T) int64, padded on the right → (B, T, V), or (N, V) of the tokens `select`.

        positions  (B, T) or (T,) of the tokens in their sequences; by default 0 … T - 1, or those after the cache's
        cache      keys and values of earlier tokens; those of the new ones are appended
        select     (N,) int64: indices into all (B T) tokens; logits are a large part of the work

        Raises ValueError where a sequence has more than max_len tokens.
        """
        if cache is not None and positions is None:
            positions = cache.positions
        if token_ids.shape[1] > self.max_len:
            raise ValueError(f"{token_ids.shape[1]} tokens; this model takes at most max_len {self.max_len}")
        hidden = self.hidden(token_ids, positions, cache)  # (B, T, D)
        return self.logits(hidden if select is None else hidden.flatten(0, 1)[select])

    def new_cache(self, slots: int, dtype: torch.dtype = torch.float32) -> KeyValueCache:
        """An empty cache for `slots` sequences, on the model's device."""
        c = self.config
        return KeyValueCache(c.n_layers, slots, c.kv_heads, c.max_len, c.head_dim, dtype=dtype, device=self.device)

    def with_linears(self, convert: Callable[[nn.Linear], nn.Module]) -> Self:
        """A copy that shares the parameters, with each `nn.Linear` replaced by `convert` of it."""
        memo: dict[int, object] = {id(parameter): parameter for parameter in self.parameters()}
        model = deepcopy(self, memo)
        for module in list(model.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.Linear):
                    setattr(module, name, convert(child))
        return model

    def weights(self) -> dict[str, Tensor]:
        """The tensors of `model.safetensors`, by name; a shared tensor occurs once."""
        names: dict[int, str] = {}
        return {n: t for n, t in self.state_dict(keep_vars=True).items() if names.setdefault(id(t), n) == n}

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of `weights`, by name."""
        return {name: tuple(tensor.shape) for name, tensor in self.weights().items()}

    def training_sizes(self) -> TrainingSizes:
        """The memory that training needs, counted on the modules."""
        matrices = sum(matrix.weight.numel() for matrix in self.parameter_groups().matrices)
        # Each product keeps its input, and the next operation keeps its output.
        kept = sum(m.in_features + m.out_features for m in self.modules() if isinstance(m, nn.Linear))
        return TrainingSizes(matrices, self.n_parameters() - matrices, kept - self.vocab_size)

    @torch.no_grad()
    def load_weights(self, tensors: Mapping[str, Tensor]) -> None:
        """Copy the values of tensors that `weights` gave."""
        for name, weight in self.weights().items():
            weight.copy_(tensors[name])

    @property
    def max_len(self) -> int:
        """The maximum number of tokens in a sequence."""
        return self.config.max_len

    @property
    def vocab_size(self) -> int:
        """V."""
        return self.config.vocab_size

    @property
    def device(self) -> torch.device:
        """The device of the parameters."""
        return next(self.parameters()).device

    def n_parameters(self) -> int:
        """Number of weights, all of them trained."""
        return sum(parameter.numel() for parameter in self.parameters())
