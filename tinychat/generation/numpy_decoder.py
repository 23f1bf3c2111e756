"""The model in numpy, in fp32, for CPUs: a reply starts before torch is loaded.

B sequences, N tokens of all sequences together, T tokens in a sequence, D embed_dim, H heads, K head dim, F ffn_dim,
V vocabulary, L layers.

For a model of this size a framework's overhead is larger than the arithmetic (docs/experiments.md), and reading
`model.safetensors` takes no framework.

A sequence's logits are bit-identical in any batch. A BLAS sums the same row in another order in another batch; so
matrix products are of integers, whose sums are exact in any order, and attention is computed sequence by sequence.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeGuard

import numpy as np
import numpy.typing as npt

from tinychat.generation.decoder import Floats
from tinychat.generation.slot_cache import SlotCache
from tinychat.model.classic_config import INPUT, LAYER, OUTPUT, ClassicConfig
from tinychat.model.config import ModelConfig
from tinychat.runtime import BlasThreads

LAYER_NORM_EPS = np.float32(1e-5)  # torch's
# Bits of the largest input of a row, and of the absolute sum of an output's weights.
INPUT_BITS, WEIGHT_BITS = 22, 30


class Linear(NamedTuple):
    """`weight` (in, out) of integers in double precision, times `unit`; `bias` (out,)."""

    weight: npt.NDArray[np.float64]
    unit: float
    bias: Floats

    def __call__(self, x: Floats) -> Floats:
        """(N, in) → (N, out)."""
        _, exponents = np.frexp(np.abs(x).max(axis=1, keepdims=True))  # (N, 1)
        units = np.ldexp(self.unit, exponents - INPUT_BITS)
        whole = np.rint(x * np.ldexp(1.0, INPUT_BITS - exponents))
        return ((whole @ self.weight) * units + self.bias).astype(np.float32)


def exact_linear(weight: Floats, bias: Floats) -> Linear:
    """From a weight (out, in) as in torch.

    A row's inputs times an output's weights add up to less than 2 ** 53, below which doubles represent every integer.
    """
    _, exponent = np.frexp(np.abs(weight).sum(axis=1, dtype=np.float64).max())
    whole = weight.T.astype(np.float64, order="C")
    whole *= np.ldexp(1.0, WEIGHT_BITS - exponent)
    return Linear(np.rint(whole, out=whole), float(np.ldexp(1.0, exponent - WEIGHT_BITS)), bias)


class Product(Protocol):
    """The product with a weight."""

    def __call__(self, x: Floats, /) -> Floats:
        """(N, in) → (N, out)."""


def exact_product(name: str, weight: Floats, bias: Floats) -> Product:
    """The product with a weight, whatever its name."""
    return exact_linear(weight, bias)


class LayerNorm(NamedTuple):
    """`weight` and `bias` (D,)."""

    weight: Floats
    bias: Floats

    def __call__(self, x: Floats) -> Floats:
        """(N, D) → (N, D)."""
        width = np.float32(1 / x.shape[1])
        total: Floats = np.add.reduce(x, axis=1, keepdims=True)  # (N, 1)
        centred = x - total * width
        variance = np.vecdot(centred, centred)[:, None] * width  # (N, 1)
        centred *= self.weight / np.sqrt(variance + LAYER_NORM_EPS)
        centred += self.bias
        return centred


class LayerWeights(NamedTuple):
    """One decoder layer; `projection` gives queries, keys and values."""

    projection: Product
    out_proj: Product
    norm1: LayerNorm
    ffn_in: Product
    ffn_out: Product
    norm2: LayerNorm


class NumpyDecoder:
    """The classic architecture as a `Decoder`. `product` makes each product of the name, weight and bias."""

    def __init__(
        self,
        config: ClassicConfig,
        weights: dict[str, Floats],
        slots: int,
        threads: int = 1,
        product: Callable[[str, Floats, Floats], Product] = exact_product,
    ) -> None:
        self.config, self.slots = config, slots
        self.vocab_size, self.max_len = config.vocab_size, config.max_len
        self._cache = SlotCache(config, slots)
        self._words, self._positions, *norm = (weights[name] for name in INPUT)  # (V, D), (max_len, D)
        self._norm = LayerNorm(*norm)
        self._layers = [_layer(weights, f"decoder_layers.{n}", product) for n in range(config.n_layers)]
        self._output = product(next(iter(OUTPUT)), *(weights[name] for name in OUTPUT))
        self._scale = np.float32(1 / math.sqrt(config.head_dim))
        self._threads = BlasThreads(threads)

    @staticmethod
    def computes(config: ModelConfig) -> TypeGuard[ClassicConfig]:
        """Whether it supports this architecture."""
        return isinstance(config, ClassicConfig)

    def prefill(self, prompts: Sequence[Sequence[int]], slots: Sequence[int]) -> Floats:
        """The tokens of all prompts go through the layers together; each attends to its own prompt."""
        x = self.hidden(prompts, slots)  # (N, D)
        with self._threads:
            return self._output(x[np.cumsum([len(prompt) for prompt in prompts]) - 1])  # (B, V)

    def hidden(self, prompts: Sequence[Sequence[int]], slots: Sequence[int]) -> Floats:
        """What the output layer is given for each token of the prompts, which are cached: (N, D)."""
        lengths = self._cache.check_prompts(prompts, slots)
        ends = np.cumsum(lengths)
        spans = list(zip(slots, (ends - lengths).tolist(), ends.tolist(), strict=True))
        ids = np.concatenate([np.asarray(prompt, dtype=np.int64) for prompt in prompts])  # (N,)
        positions = np.concatenate([np.arange(length) for length in lengths])  # (N,)
        with self._threads:
            x = self._norm(self._words[ids] + self._positions[positions])  # (N, D)
            for number, layer in enumerate(self._layers):
                projected = self._project(layer, x)  # (N, 3, H, K)
                mixed = np.empty_like(x)  # (N, D)
                for slot, begin, end in spans:
                    queries, keys, values = projected[begin:end].transpose(1, 2, 0, 3)  # (H, T, K) each
                    self._cache.keys[number, slot, :, : end - begin] = keys
                    self._cache.values[number, slot, :, : end - begin] = values
                    heads = self._attend_causally(queries, keys, values)  # (H, T, K)
                    mixed[begin:end] = heads.transpose(1, 0, 2).reshape(end - begin, -1)
                x = self._finish(layer, x, mixed)
            self._cache.lengths[list(slots)] = lengths
            return x

    def step(self, ids: Sequence[int], slots: Sequence[int]) -> Floats:
        """Each new token attends to the cached tokens of its sequence, and to itself."""
        positions = self._cache.check_step(ids, slots)
        with self._threads:
            x = self._norm(self._words[np.asarray(ids)] + self._positions[positions])  # (B, D)
            for number, layer in enumerate(self._layers):
                projected = self._project(layer, x)  # (B, 3, H, K)
                all_keys, all_values = self._cache.keys[number], self._cache.values[number]  # (S, H, max_len, K)
                mixed = np.empty_like(x)  # (B, D)
                for row, (slot, position) in enumerate(zip(slots, positions.tolist(), strict=True)):
                    queries, keys, values = projected[row]  # (H, K) each
                    all_keys[slot, :, position], all_values[slot, :, position] = keys, values
                    past = slice(position + 1)
                    scores = all_keys[slot, :, past] @ queries[:, :, None]  # (H, T, 1)
                    scores *= self._scale
                    weights = _softmax(scores[..., 0])  # (H, T)
                    heads = weights[:, None] @ all_values[slot, :, past]  # (H, 1, K)
                    mixed[row] = heads.reshape(-1)
                x = self._finish(layer, x, mixed)
            self._cache.lengths[list(slots)] += 1
            return self._output(x)  # (B, V)

    def free(self, slots: Sequence[int]) -> None:
        self._cache.free(slots)

    def _project(self, layer: LayerWeights, x: Floats) -> Floats:
        """Queries, keys and values: (N, D) → (N, 3, H, K)."""
        return layer.projection(x).reshape(len(x), 3, self.config.n_heads, self.config.head_dim)

    def _attend_causally(self, queries: Floats, keys: Floats, values: Floats) -> Floats:
        """Causal attention of one sequence, (H, T, K) each → (H, T, K)."""
        scores = queries @ keys.transpose(0, 2, 1)  # (H, T, T)
        scores *= self._scale
        length = scores.shape[1]
        np.copyto(scores, -np.inf, where=np.triu(np.ones((length, length), dtype=bool), 1))
        mixed: Floats = _softmax(scores) @ values
        return mixed

    @staticmethod
    def _finish(layer: LayerWeights, x: Floats, mixed: Floats) -> Floats:
        """The rest of a layer after the attention: (N, D) twice → (N, D)."""
        x = layer.norm1(x + layer.out_proj(mixed))
        hidden = layer.ffn_in(x)  # (N, F)
        np.maximum(hidden, 0, out=hidden)
        return layer.norm2(x + layer.ffn_out(hidden))


def _layer(weights: dict[str, Floats], name: str, product: Callable[[str, Floats, Floats], Product]) -> LayerWeights:
    def named(part: str, weight: Floats, bias: Floats) -> Product:
        return product(f"{name}.{part}", weight, bias)

    in_w, in_b, out_w, out_b, norm1_w, norm1_b, wide_w, wide_b, narrow_w, narrow_b, norm2_w, norm2_b = (
        weights[f"{name}.{part}"] for part in LAYER
    )
    return LayerWeights(
        named("self_attn.in_proj_weight", in_w, in_b),
        named("self_attn.out_proj.weight", out_w, out_b),
        LayerNorm(norm1_w, norm1_b),
        named("ffn.0.weight", wide_w, wide_b),
        named("ffn.2.weight", narrow_w, narrow_b),
        LayerNorm(norm2_w, norm2_b),
    )


def _softmax(scores: Floats) -> Floats:
    """Over the last axis, in place."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= np.add.reduce(scores, axis=-1, keepdims=True)
    return scores
