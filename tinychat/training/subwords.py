"""Subword embeddings: while it is trained, a token's embedding is its own plus those of its character n-grams.

Tokens that are written alike share n-grams (먹었어, 먹었어요; walk, walked), so a rare one learns from the others
(Bojanowski et al., 1607.04606). After training the sum becomes the token's embedding, and the model is a plain one.

V vocabulary, D embed_dim, G n-grams.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from tinychat.model.base import LanguageModel
from tinychat.tokenizer import Tokenizer

LENGTHS = (3, 4, 5)  # of n-grams, in letters; a Hangul syllable has two or three
WORD_START, TOKEN_END = "<", ">"
MIN_TOKENS = 2  # an n-gram of fewer tokens is shared by none
INIT_STD = 0.01


def ngrams(text: str) -> set[str]:
    """The n-grams of a token's text, none where it has no letter: of letters, and its Hangul syllables and their pairs.

    A space before it marks the start of a word: " 먹어" has n-grams that "먹어" in the middle of a word lacks.
    """
    if not any(char.isalpha() for char in text):
        return set()
    letters = unicodedata.normalize("NFD", text.replace(" ", WORD_START)) + TOKEN_END
    found = {letters[i : i + n] for n in LENGTHS for i in range(len(letters) - n + 1)}
    syllables = [char if "가" <= char <= "힣" else None for char in text]
    found |= {char for char in syllables if char}
    return found | {one + other for one, other in pairwise(syllables) if one and other}


def token_ngrams(tokenizer: Tokenizer, vocab_size: int) -> list[list[int]]:
    """The n-grams of each of `vocab_size` tokens, numbered: those that two tokens or more have."""
    found = [ngrams(text) for text in _texts(tokenizer, vocab_size)]
    times = Counter(ngram for some in found for ngram in some)
    number = {ngram: n for n, ngram in enumerate(sorted(ngram for ngram, n in times.items() if n >= MIN_TOKENS))}
    return [sorted(number[ngram] for ngram in some if ngram in number) for some in found]


def _texts(tokenizer: Tokenizer, vocab_size: int) -> Iterator[str]:
    """The text of each token; none of control tokens and of parts of a character."""
    data = tokenizer.bytes_of(vocab_size)
    for token_id in range(vocab_size):
        if data is None:
            yield tokenizer.decode([token_id])
        else:
            try:
                yield data[token_id].decode()
            except UnicodeDecodeError:
                yield ""


class SubwordEmbedding(nn.Module):
    """For a token, the sum of the embeddings of its n-grams over the square root of their number.

    table  (G, D)
    """

    def __init__(self, ngrams_of: Sequence[Sequence[int]], embed_dim: int, device: torch.device) -> None:
        super().__init__()
        self._counts = torch.tensor([len(some) for some in ngrams_of], device=device)  # (V,)
        self._begins = self._counts.cumsum(0) - self._counts  # (V,): where a token's n-grams begin
        self._ngrams = torch.tensor([n for some in ngrams_of for n in some], dtype=torch.int64, device=device)
        size = 1 + max((n for some in ngrams_of for n in some), default=-1)
        self.table = nn.Parameter(torch.empty(size, embed_dim, device=device))
        nn.init.normal_(self.table, std=INIT_STD)

    def forward(self, token_ids: Tensor) -> Tensor:
        """(N,) int64 → (N, D)."""
        counts = self._counts[token_ids]
        begins = counts.cumsum(0) - counts  # of each token's among the n-grams of these N
        shift = (self._begins[token_ids] - begins).repeat_interleave(counts)
        places = torch.arange(len(shift), device=shift.device) + shift
        sums = F.embedding_bag(self._ngrams[places], self.table, begins, mode="sum")
        return sums / counts.clamp(min=1).sqrt()[:, None]


def add_subwords(model: LanguageModel, tokenizer: Tokenizer) -> None:
    """Give the token embedding of a model a submodule `subwords`, whose output is added to its own.

    The parameters, snapshots and optimizer of the model have it too. Where the output layer shares the embedding's
    weight, nothing is added, since it would not reach there.
    """
    if (name := token_embedding(model)) is None:
        return
    embedding = model.get_submodule(name)
    ngrams_of = token_ngrams(tokenizer, model.vocab_size)
    embedding.add_module("subwords", SubwordEmbedding(ngrams_of, model.config.embed_dim, model.device))
    embedding.register_forward_hook(_with_subwords)


def merge_subwords(model: LanguageModel, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """These weights of the model as it is without subword embeddings: they are added to those of the tokens."""
    merged = dict(weights)
    for name, module in model.named_modules():
        if isinstance(module, SubwordEmbedding):
            table, token_ids = merged.pop(f"{name}.table"), torch.arange(model.vocab_size, device=model.device)
            with torch.no_grad():
                sums = functional_call(module, {"table": table.to(model.device)}, (token_ids,))
                own = f"{name.removesuffix('.subwords')}.weight"
                merged[own] = merged[own] + sums.to(merged[own].device)
    return merged


def token_embedding(model: LanguageModel) -> str | None:
    """The name of the embedding of tokens; None where another module has its weight too."""
    embeddings = {id(weight) for weight in model.parameter_groups().embeddings}
    owners = [
        (name, module)
        for name, module in model.named_modules()
        if any(id(weight) in embeddings for weight in module.parameters(recurse=False))
    ]
    return owners[0][0] if len(owners) == 1 and isinstance(owners[0][1], nn.Embedding) else None


def _with_subwords(embedding: nn.Module, given: tuple[Tensor], own: Tensor) -> Tensor:
    """The embeddings of the tokens `given`, and those of their n-grams, each computed once: (B, T, D)."""
    token_ids, places = given[0].unique(return_inverse=True)
    return own + F.embedding(places, embedding.get_submodule("subwords")(token_ids))
