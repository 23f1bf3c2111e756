"""The model in torch, for every device and precision; in fp32 on a CPU it is what the other decoders are held to.

B sentences, T tokens in a sentence, D embed_dim, H heads, K head dim, V vocabulary, L layers.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tinychat.generation.decoder import Floats
from tinychat.generation.numpy_decoder import INPUT_BITS, WEIGHT_BITS
from tinychat.model.classic import DecoderLayer, DialogueModel

Product = Callable[[Tensor], Tensor]


class TorchDecoder:
    """A DialogueModel as a `Decoder`.

    `dtype` is that of the matrix products and of the cache; sums, norms and softmax stay in fp32. In fp32 on a CPU a
    sentence's logits are the same to the last bit whatever stands beside it, as in `numpy_decoder.py`; on a GPU and in
    bf16 the last bits may differ, and where two tokens are as good as equally likely, or the random number falls on
    their border, so may the reply.
    """

    def __init__(self, model: DialogueModel, rows: int, dtype: torch.dtype = torch.float32) -> None:
        self.model, self.rows, self.dtype = model.eval(), rows, dtype
        self.vocab_size, self.max_len = model.vocab_size, model.max_len
        self._device = model.device
        layers = self._layers()
        self._alone = self._device.type == "cpu" and dtype == torch.float32  # each sentence attends by itself
        linear = exact_linear if self._alone else plain_linear
        self._n_heads = layers[0].self_attn.n_heads
        width = model.input_layer.word_embedding.embedding_dim
        self._products = [_LayerProducts(layer, partial(linear, dtype=dtype)) for layer in layers]
        self._output = linear(model.output_layer.weight, model.output_layer.bias, dtype=dtype)
        cache = (len(layers), rows, self._n_heads, self.max_len, width // self._n_heads)  # (L, B, H, T, K)
        self._keys = torch.zeros(cache, dtype=dtype, device=self._device)
        self._values = torch.zeros(cache, dtype=dtype, device=self._device)
        self._lengths: list[int] = []

    @torch.inference_mode()
    def prefill(self, prompts: Sequence[Sequence[int]]) -> Floats:
        """The prompts as one batch, padded on the right: no token sees the padding behind its sentence."""
        lengths = [len(prompt) for prompt in prompts]
        first, n, width = len(self._lengths), len(prompts), max(lengths, default=0)
        if first + n > self.rows:
            raise ValueError(f"{first + n} sentences; this decoder holds {self.rows}")
        if not prompts or not 0 < min(lengths) <= width <= self.max_len:
            raise ValueError(f"prompts of {lengths} tokens; one of 1 to {self.max_len} is needed")
        ids = torch.tensor([[*prompt, *[0] * (width - len(prompt))] for prompt in prompts], device=self._device)
        x = self.model.input_layer(ids)  # (B, T, D)
        for number, (layer, products) in enumerate(zip(self._layers(), self._products, strict=True)):
            queries, keys, values = self._project(products, x)  # (B, H, T, K) each
            self._keys[number, first : first + n, :, :width] = keys
            self._values[number, first : first + n, :, :width] = values
            if self._alone:
                heads = attend_alone(queries, keys, values, lengths, is_causal=True)
            else:
                heads = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)  # (B, H, T, K)
            x = self._finish(layer, products, x, heads)
        self._lengths += lengths
        ends = torch.tensor(lengths, device=self._device) - 1
        return self._logits(x[torch.arange(n, device=self._device), ends])

    @torch.inference_mode()
    def step(self, ids: Sequence[int]) -> Floats:
        """Each new token attends to what the cache holds of its sentence, and to itself."""
        n = len(self._lengths)
        if len(ids) != n or not n:
            raise ValueError(f"{len(ids)} tokens for {n} sentences")
        lengths = [length + 1 for length in self._lengths]
        longest = max(lengths)
        if longest > self.max_len:
            raise ValueError(f"a sentence has max_len {self.max_len} tokens and cannot grow")
        new = torch.tensor([list(ids), self._lengths], device=self._device)  # (2, B)
        rows, places = torch.arange(n, device=self._device), new[1]
        seen = torch.arange(longest, device=self._device) <= places[:, None]  # (B, T)
        mask = torch.zeros(seen.shape, dtype=self.dtype, device=self._device)
        mask = mask.masked_fill_(~seen, -torch.inf)[:, None, None]  # (B, 1, 1, T) added to the scores
        source = self.model.input_layer
        x = source.norm(source.word_embedding(new[0]) + source.pos_embedding(places))[:, None]  # (B, 1, D)
        for number, (layer, products) in enumerate(zip(self._layers(), self._products, strict=True)):
            queries, keys, values = self._project(products, x)  # (B, H, 1, K) each
            self._keys[number][rows, :, places] = keys[:, :, 0]
            self._values[number][rows, :, places] = values[:, :, 0]
            past = self._keys[number, :n, :, :longest], self._values[number, :n, :, :longest]
            if self._alone:
                heads = attend_alone(queries, *past, lengths)
            else:
                # Fused: at 32 sentences in bf16 a quarter of the time of separate products (docs/experiments.md).
                heads = F.scaled_dot_product_attention(queries, *past, attn_mask=mask)  # (B, H, 1, K)
            x = self._finish(layer, products, x, heads)
        self._lengths = lengths
        return self._logits(x[:, 0])

    def keep(self, sentences: Sequence[int]) -> None:
        """What stays moves together to the front; index_select copies first, so nothing overwrites what is to move."""
        if list(sentences) != list(range(len(sentences))):
            chosen, longest = torch.tensor(sentences, device=self._device), max(self._lengths)
            for cache in (self._keys, self._values):
                cache[:, : len(sentences), :, :longest] = cache[:, :, :, :longest].index_select(1, chosen)
        self._lengths = [self._lengths[sentence] for sentence in sentences]

    def _layers(self) -> list[DecoderLayer]:
        return [layer for layer in self.model.decoder_layers if isinstance(layer, DecoderLayer)]

    def _project(self, products: "_LayerProducts", x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, D) → three of (B, H, T, K)."""
        heads = products.projection(x).unflatten(2, (3, self._n_heads, -1)).permute(2, 0, 3, 1, 4)  # (3, B, H, T, K)
        return heads[0], heads[1], heads[2]

    @staticmethod
    def _finish(layer: DecoderLayer, products: "_LayerProducts", x: Tensor, heads: Tensor) -> Tensor:
        """What follows the attention in a layer: (B, T, D) and (B, H, T, K) → (B, T, D)."""
        mixed = heads.transpose(1, 2).flatten(2)  # (B, T, D)
        x = layer.norm1(x + products.out_proj(mixed).float())
        return layer.norm2(x + products.ffn_out(F.relu(products.ffn_in(x))).float())

    def _logits(self, x: Tensor) -> Floats:
        """(B, D) → (B, V)."""
        logits: Floats = self._output(x).float().cpu().numpy()
        return logits


class _LayerProducts:
    """The matrix products of a decoder layer, their weights in the decoder's dtype."""

    def __init__(self, layer: DecoderLayer, linear: Callable[[Tensor, Tensor], Product]) -> None:
        attention, ffn_in, ffn_out = layer.self_attn, layer.ffn[0], layer.ffn[2]
        assert isinstance(ffn_in, nn.Linear) and isinstance(ffn_out, nn.Linear)
        self.projection = linear(attention.in_proj_weight, attention.in_proj_bias)
        self.out_proj = linear(attention.out_proj.weight, attention.out_proj.bias)
        self.ffn_in = linear(ffn_in.weight, ffn_in.bias)
        self.ffn_out = linear(ffn_out.weight, ffn_out.bias)


def attend_alone(
    queries: Tensor, keys: Tensor, values: Tensor, lengths: Sequence[int], is_causal: bool = False
) -> Tensor:
    """The attention of (B, H, T, K) each, one sentence after the other, of its own length: (B, H, T, K)."""
    heads = torch.zeros_like(queries)
    for row, length in enumerate(lengths):
        one, own = slice(row, row + 1), slice(length)  # of queries there may be fewer
        heads[one, :, own] = F.scaled_dot_product_attention(
            queries[one, :, own], keys[one, :, own], values[one, :, own], is_causal=is_causal
        )
    return heads


def plain_linear(weight: Tensor, bias: Tensor, dtype: torch.dtype) -> Product:
    """The product with `weight` (out, in), computed in `dtype`: (…, in) → (…, out)."""
    weight, bias = weight.detach().to(dtype), bias.detach().to(dtype)
    return lambda x: F.linear(x.to(dtype), weight, bias)


def exact_linear(weight: Tensor, bias: Tensor, dtype: torch.dtype) -> Product:
    """The same with sums that are exact in any order, as `numpy_decoder.exact_linear` has it."""
    whole, bias = weight.detach().double(), bias.detach()
    exponent = torch.frexp(whole.abs().sum(dim=1).max()).exponent
    whole.mul_(torch.ldexp(torch.ones_like(whole[0, 0]), WEIGHT_BITS - exponent)).round_()

    def product(x: Tensor) -> Tensor:
        exponents = torch.frexp(x.abs().amax(dim=-1, keepdim=True)).exponent  # (…, 1)
        sums = F.linear(torch.ldexp(x.double(), INPUT_BITS - exponents).round(), whole)
        return (torch.ldexp(sums, exponents - INPUT_BITS + exponent - WEIGHT_BITS) + bias).to(dtype)

    return product
