"""What each layer does to a sequence: norms, attention, and the prediction after each layer (logit lens).

B is 1 here. T tokens in the sequence, L decoder layers, H heads, V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tinychat.model.attention import Attention, attention_weights
from tinychat.model.base import LanguageModel

TOP = 5


@dataclass(frozen=True)
class Norms:
    """Mean length (Euclidean norm over the width) of the tokens' vectors as they enter and leave a layer.

    `before` is None for the embeddings, whose input is token ids. For the softmax: norm of the logits, and of the
    probabilities.
    """

    before: float | None
    after: float


@dataclass(frozen=True)
class Trace:
    """One sequence in the model.

    ids         (T,) token ids
    states      (L + 1) names of the input layer and of the decoder layers
    norms       by the layer's name
    attention   (L, H, T, T) weights: row t is of token t, and adds up to 1
    early       (L + 1, T, V) probabilities of the next token if the output layer came right after the input layer,
                and after each decoder layer (nostalgebraist's logit lens); the last is the model's prediction
    """

    ids: tuple[int, ...]
    states: tuple[str, ...]
    norms: dict[str, Norms]
    attention: Tensor
    early: Tensor

    def top_tokens(self, layer: int, position: int, n_tokens: int, n: int = TOP) -> list[tuple[int, float]]:
        """The n likeliest next tokens (id, probability) after `layer` (0: the input layer) at a position.

        `n_tokens` is the size of the vocabulary: a model may have more ids, without tokens.
        """
        best = self.early[layer, position, :n_tokens].topk(n)
        return [(int(i), float(p)) for p, i in zip(best.values, best.indices, strict=True)]


@torch.inference_mode()
def trace_sequence(model: LanguageModel, ids: Sequence[int]) -> Trace:
    """One sequence of 1 to max_len tokens through the model's own forward pass; hooks record every layer."""
    model.eval()
    norms: dict[str, Norms] = {}
    attention: list[Tensor] = []  # (1, H, T, T) of each layer
    states: list[Tensor] = []  # (1, T, D) of the embeddings and after each layer

    def record_norms(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            entering = inputs[0] if inputs[0].is_floating_point() else None
            norms[name] = Norms(_length(entering), _length(output) or 0.0)

        return hook

    def record_attention(_: nn.Module, inputs: tuple[Tensor, ...], __: Tensor) -> None:
        queries, keys, *_rest = inputs
        attention.append(attention_weights(queries, keys))

    def record_state(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        states.append(output)

    handles = [
        *(model.get_submodule(layer.name).register_forward_hook(record_norms(layer.name)) for layer in model.layers()),
        *(m.register_forward_hook(record_attention) for m in model.modules() if isinstance(m, Attention)),
        *(model.get_submodule(name).register_forward_hook(record_state) for name in model.states),
    ]
    try:
        logits = model(torch.tensor([ids], device=model.device))  # (1, T, V)
    finally:
        for handle in handles:
            handle.remove()

    norms["softmax"] = Norms(_length(logits), _length(logits.softmax(dim=-1)) or 0.0)
    early = torch.cat([model.logits(state).softmax(dim=-1) for state in states])  # (L + 1, T, V)
    return Trace(tuple(ids), model.states, norms, torch.cat(attention).cpu(), early.float().cpu())


def _length(vectors: Tensor | None) -> float | None:
    return None if vectors is None else float(vectors.float().norm(dim=-1).mean())
