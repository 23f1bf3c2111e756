"""What each layer does to a real sentence: norms, attention, and what the model would say after each layer.

B is 1 here. T tokens in the sentence, L decoder layers, H heads, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tinychat.model.classic import DialogueModel, attention_weights
from tinychat.tokenizer.utf8 import Utf8

TOP = 5


@dataclass(frozen=True)
class Norms:
    """Mean length (Euclidean norm over the width) of the tokens' vectors as they enter and leave a layer.

    `before` is None for the embeddings, which take numbers and no vectors. For the softmax: length of the scores, and
    of the probabilities.
    """

    before: float | None
    after: float


@dataclass(frozen=True)
class Trace:
    """One sentence's way through the model.

    ids         (T,) token ids
    norms       by the layer's name
    attention   (L, H, T, T): row t says from where token t takes, and adds up to 1
    early       (L + 1, T, V) probabilities of the next token if the output layer came right after the input layer,
                and after each decoder layer (nostalgebraist's logit lens); the last is what the model says
    """

    ids: tuple[int, ...]
    norms: dict[str, Norms]
    attention: Tensor
    early: Tensor

    def top_tokens(self, layer: int, place: int, n_tokens: int, n: int = TOP) -> list[tuple[int, float]]:
        """The n likeliest next tokens (id, probability) after `layer` (0: the input layer) at a place.

        `n_tokens` is the size of the vocabulary: a model may have more ids, which stand for nothing.
        """
        best = self.early[layer, place, :n_tokens].topk(n)
        return [(int(i), float(p)) for p, i in zip(best.values, best.indices, strict=True)]


@torch.inference_mode()
def trace_sentence(model: DialogueModel, ids: list[int]) -> Trace:
    """Send one sentence through the model and watch every layer. `ids` has 1 to max_len tokens."""
    model.eval()
    seen: dict[str, tuple[Tensor | None, Tensor]] = {}
    queries_keys: list[tuple[Tensor, Tensor]] = []
    states: list[Tensor] = []  # (1, T, D) after the input layer and each decoder layer

    def watch(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            entering = inputs[0] if inputs[0].is_floating_point() else None
            seen[name] = (entering, output)
            if name.endswith("self_attn"):
                queries, keys, _values = module.project(inputs[0])  # type: ignore[operator]
                queries_keys.append((queries, keys))
            if name == "input_layer.norm" or name.endswith("norm2"):
                states.append(output)

        return module.register_forward_hook(hook)

    watched = ["input_layer.word_embedding", "input_layer.pos_embedding", "input_layer.norm", "output_layer"]
    for number in range(len(model.decoder_layers)):
        watched += [f"decoder_layers.{number}.{part}" for part in ("self_attn", "norm1", "ffn", "norm2")]
    handles = [watch(name, model.get_submodule(name)) for name in watched]
    try:
        logits = model(torch.tensor([ids], device=model.device))  # (1, T, V)
    finally:
        for handle in handles:
            handle.remove()

    norms = {name: Norms(_length(before), _length(after) or 0.0) for name, (before, after) in seen.items()}
    norms["softmax"] = Norms(_length(logits), _length(logits.softmax(dim=-1)) or 0.0)
    attention = torch.cat([attention_weights(queries, keys) for queries, keys in queries_keys])  # (L, H, T, T)
    early = torch.cat([model.output_layer(state).softmax(dim=-1) for state in states])  # (L + 1, T, V)
    return Trace(tuple(ids), norms, attention.cpu(), early.float().cpu())


@torch.inference_mode()
def continue_greedily(
    model: DialogueModel,
    ids: list[int],
    *,
    end: int,
    never: Sequence[int],
    at_most: int,
    utf8: Utf8 | None = None,
) -> list[int]:
    """`ids` and what the model says next, token by token the likeliest that is none of `never` and breaks no character,
    until `end` (which stays out).
    """
    ids, pending = list(ids), b""
    for _ in range(min(at_most, model.max_len - len(ids))):
        logits = model(torch.tensor([ids], device=model.device))[0, -1]  # (V,)
        logits[list(never)] = -torch.inf
        if utf8:
            logits[torch.from_numpy(utf8.breaking(pending)).to(logits.device)] = -torch.inf
        token = int(logits.argmax())
        if token == end:
            break
        pending = utf8.pending(pending, token) if utf8 else b""
        ids.append(token)
    return ids


def _length(vectors: Tensor | None) -> float | None:
    return None if vectors is None else float(vectors.float().norm(dim=-1).mean())
