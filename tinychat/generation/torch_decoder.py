"""Any architecture in torch, on every device and in every precision: the model's own forward pass with a cache.

It is the reference for the other decoders.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tinychat.generation.decoder import Floats
from tinychat.generation.numpy_decoder import INPUT_BITS, WEIGHT_BITS
from tinychat.model.base import LanguageModel
from tinychat.model.cache import CacheView


class TorchDecoder:
    """A LanguageModel as a `Decoder`.

    `dtype` is that of the matrix products and of the cache; sums, norms and softmax stay in fp32. In fp32 on a CPU a
    sequence's logits are bit-identical in any batch, as in `numpy_decoder.py`; on a GPU and in bf16 the last bits may
    depend on the batch, and so may the reply where two tokens are almost equally likely.
    """

    def __init__(self, model: LanguageModel, slots: int, dtype: torch.dtype = torch.float32) -> None:
        self.slots, self.vocab_size, self.max_len = slots, model.vocab_size, model.max_len
        self._cache = model.new_cache(slots, dtype)
        exact = model.device.type == "cpu" and dtype == torch.float32
        self._model = model.eval().with_linears(ExactLinear if exact else partial(ConvertedLinear, dtype=dtype))

    def prefill(self, prompts: Sequence[Sequence[int]], slots: Sequence[int]) -> Floats:
        """The prompts as one batch, padded on the right: no token sees the padding after its sequence."""
        view = self._cache.extend(slots, [len(prompt) for prompt in prompts])
        if any(view.starts):
            raise ValueError(f"slots {list(slots)} are not all free")
        return self._read(prompts, view)

    def step(self, ids: Sequence[int], slots: Sequence[int]) -> Floats:
        """Each new token attends to the cached tokens of its sequence, and to itself."""
        view = self._cache.extend(slots, [1] * len(ids))
        if not all(view.starts):
            raise ValueError(f"slots {list(slots)} do not all hold a sequence")
        return self._read([[token_id] for token_id in ids], view)

    def free(self, slots: Sequence[int]) -> None:
        self._cache.free(slots)

    @torch.inference_mode()
    def _read(self, tokens: Sequence[Sequence[int]], view: CacheView) -> Floats:
        padded = [[*some, *[0] * (view.width - len(some))] for some in tokens]
        logits = self._model(torch.tensor(padded, device=view.device), cache=view, select=view.last)  # (B, V)
        view.commit()
        result: Floats = logits.float().cpu().numpy()
        return result


class ConvertedLinear(nn.Module):
    """A linear layer computed in `dtype`: (…, in) → (…, out)."""

    def __init__(self, linear: nn.Linear, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = linear.weight.detach().to(dtype)
        self.bias = None if linear.bias is None else linear.bias.detach().to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x.to(self.weight.dtype), self.weight, self.bias)


class ExactLinear(nn.Module):
    """A linear layer whose sums are exact in any order, as `numpy_decoder.exact_linear`: (…, in) → (…, out)."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        whole = linear.weight.detach().double()
        exponent = torch.frexp(whole.abs().sum(dim=1).max()).exponent
        self.weight = whole.mul_(torch.ldexp(torch.ones_like(whole[0, 0]), WEIGHT_BITS - exponent)).round_()
        self.exponent = exponent - WEIGHT_BITS - INPUT_BITS
        self.bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        exponents = torch.frexp(x.abs().amax(dim=-1, keepdim=True)).exponent  # (…, 1)
        sums = F.linear(torch.ldexp(x.double(), INPUT_BITS - exponents).round(), self.weight)
        product = torch.ldexp(sums, exponents + self.exponent)
        return (product if self.bias is None else product + self.bias).float()
