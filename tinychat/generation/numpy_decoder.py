"""The model in numpy, in fp32, for CPUs: a reply starts before torch is loaded.

B sentences, N tokens of all sentences together, T tokens in a sentence, D embed_dim, H heads, K head dim, F ffn_dim,
V vocabulary, L layers.

For a model of this size a framework's overhead is larger than the arithmetic (docs/experiments.md), and reading
`model.safetensors` takes no framework.

A sentence's logits are the same to the last bit whatever stands beside it: a BLAS adds up the same row in another order
in another batch, so its products are of whole numbers, whose sums are exact in any order, and each sentence attends by
itself.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tinychat.generation.cache import CachedDecoder
from tinychat.generation.decoder import Floats
from tinychat.model.config import ModelConfig, load_config
from tinychat.model.weights import load_weights
from tinychat.runtime import BlasThreads

LAYER_NORM_EPS = np.float32(1e-5)  # torch's
# Of the largest input of a row, and of the sum of an output's weights, less what rounding adds.
INPUT_BITS, WEIGHT_BITS = 22, 30


class Linear(NamedTuple):
    """`weight` (in, out) of whole numbers in double precision, a `unit` each; `bias` (out,)."""

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
    """Of a weight (out, in) as torch keeps it, laid out as it is multiplied.

    A row's inputs times an output's weights add up to less than 2 ** 53, below which double precision has every whole
    number.
    """
    _, exponent = np.frexp(np.abs(weight).sum(axis=1, dtype=np.float64).max())
    whole = weight.T.astype(np.float64, order="C")
    whole *= np.ldexp(1.0, WEIGHT_BITS - exponent)
    return Linear(np.rint(whole, out=whole), float(np.ldexp(1.0, exponent - WEIGHT_BITS)), bias)


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


class Layer(NamedTuple):
    """One decoder layer; `projection` gives queries, keys and values."""

    projection: Linear
    out_proj: Linear
    norm1: LayerNorm
    ffn_in: Linear
    ffn_out: Linear
    norm2: LayerNorm


class NumpyDecoder(CachedDecoder):
    """The classic architecture as a `Decoder`."""

    def __init__(self, config: ModelConfig, weights: dict[str, Floats], rows: int, threads: int = 1) -> None:
        super().__init__(config, rows)
        self._words = weights["input_layer.word_embedding.weight"]  # (V, D)
        self._places = weights["input_layer.pos_embedding.weight"]  # (max_len, D)
        self._norm = LayerNorm(weights["input_layer.norm.weight"], weights["input_layer.norm.bias"])
        self._layers = [self._layer(weights, f"decoder_layers.{n}") for n in range(config.n_layers)]
        self._output = exact_linear(weights["output_layer.weight"], weights["output_layer.bias"])
        self._scale = np.float32(1 / math.sqrt(config.head_dim))
        self._threads = BlasThreads(threads)

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Floats:
        """The tokens of all prompts go through the layers together; each attends to its own prompt."""
        lengths, first = self._checked_lengths(prompts), len(self._lengths)
        ends = np.cumsum(lengths)
        spans = list(zip((ends - lengths).tolist(), ends.tolist(), strict=True))
        ids = np.concatenate([np.asarray(prompt, dtype=np.int64) for prompt in prompts])  # (N,)
        places = np.concatenate([np.arange(length) for length in lengths])  # (N,)
        with self._threads:
            x = self._norm(self._words[ids] + self._places[places])  # (N, D)
            for number, layer in enumerate(self._layers):
                projected = self._project(layer, x)  # (N, 3, H, K)
                mixed = np.empty_like(x)  # (N, D)
                for row, (begin, end) in enumerate(spans, start=first):
                    queries, keys, values = projected[begin:end].transpose(1, 2, 0, 3)  # (H, T, K) each
                    self._keys[number, row, :, : end - begin] = keys
                    self._values[number, row, :, : end - begin] = values
                    heads = self._attend_causally(queries, keys, values)  # (H, T, K)
                    mixed[begin:end] = heads.transpose(1, 0, 2).reshape(end - begin, -1)
                x = self._finish(layer, x, mixed)
            self._lengths = np.concatenate([self._lengths, lengths])
            return self._output(x[ends - 1])  # (B, V)

    def step(self, ids: Sequence[int]) -> Floats:
        """Each new token attends to what the cache holds of its sentence, and to itself."""
        self._check_growing(ids)
        places = self._lengths
        with self._threads:
            x = self._norm(self._words[np.asarray(ids)] + self._places[places])  # (B, D)
            for number, layer in enumerate(self._layers):
                projected = self._project(layer, x)  # (B, 3, H, K)
                mixed = np.empty_like(x)  # (B, D)
                for row, place in enumerate(places.tolist()):
                    queries, keys, values = projected[row]  # (H, K) each
                    self._keys[number, row, :, place], self._values[number, row, :, place] = keys, values
                    past = slice(place + 1)
                    scores = self._keys[number, row, :, past] @ queries[:, :, None]  # (H, T, 1)
                    scores *= self._scale
                    weights = _softmax(scores[..., 0])  # (H, T)
                    heads = weights[:, None] @ self._values[number, row, :, past]  # (H, 1, K)
                    mixed[row] = heads.reshape(-1)
                x = self._finish(layer, x, mixed)
            self._lengths = places + 1
            return self._output(x)  # (B, V)

    def _project(self, layer: Layer, x: Floats) -> Floats:
        """Queries, keys and values: (N, D) → (N, 3, H, K)."""
        return layer.projection(x).reshape(len(x), 3, self.config.n_heads, self.config.head_dim)

    def _attend_causally(self, queries: Floats, keys: Floats, values: Floats) -> Floats:
        """A sentence's attention to its own past, (H, T, K) each → (H, T, K)."""
        scores = queries @ keys.transpose(0, 2, 1)  # (H, T, T)
        scores *= self._scale
        length = scores.shape[1]
        np.copyto(scores, -np.inf, where=np.triu(np.ones((length, length), dtype=bool), 1))
        mixed: Floats = _softmax(scores) @ values
        return mixed

    @staticmethod
    def _finish(layer: Layer, x: Floats, mixed: Floats) -> Floats:
        """What follows the attention in a layer: (N, D) twice → (N, D)."""
        x = layer.norm1(x + layer.out_proj(mixed))
        hidden = layer.ffn_in(x)  # (N, F)
        np.maximum(hidden, 0, out=hidden)
        return layer.norm2(x + layer.ffn_out(hidden))

    def _layer(self, weights: dict[str, Floats], name: str) -> Layer:
        def linear(part: str) -> Linear:
            return exact_linear(weights[f"{name}.{part}.weight"], weights[f"{name}.{part}.bias"])

        def norm(part: str) -> LayerNorm:
            return LayerNorm(weights[f"{name}.{part}.weight"], weights[f"{name}.{part}.bias"])

        projection = exact_linear(
            weights[f"{name}.self_attn.in_proj_weight"], weights[f"{name}.self_attn.in_proj_bias"]
        )
        return Layer(
            projection, linear("self_attn.out_proj"), norm("norm1"), linear("ffn.0"), linear("ffn.2"), norm("norm2")
        )


def _softmax(scores: Floats) -> Floats:
    """Over the last axis; it overwrites the scores."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= np.add.reduce(scores, axis=-1, keepdims=True)
    return scores


def load_numpy_decoder(folder: str | Path, rows: int, threads: int = 1) -> NumpyDecoder:
    """The model in `folder`, with room for `rows` sentences at once. Raises InputError as `load_weights` does."""
    config = load_config(folder)
    return NumpyDecoder(config, load_weights(folder, config), rows, threads)
