"""Explains a reply: the probability of each token, and the nearest training dialogues."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tinychat.chatting.visible import columns_of, padded, shortened
from tinychat.corpus.dialogue import read_corpus
from tinychat.evaluation.retrieval import NearestQuestion
from tinychat.language.choosing import Words
from tinychat.printing import visible
from tinychat.training_pairs import training_pairs

if TYPE_CHECKING:
    from tinychat.generation.request import Reply
    from tinychat.tokenizer import Tokenizer

OTHERS = 3  # alternatives shown for each token
MAX_TOKEN_WIDTH = 24  # columns
SPACE = "␣"


def token_table(reply: "Reply", tokenizer: "Tokenizer", columns: int, words: Words) -> list[str]:
    """A line for each token of the reply: its probability, and the likeliest other tokens with theirs."""
    rows = [(words("why.token"), words("why.probability"), words("why.others"))]
    for choice in reply.choices:
        others = [(i, logprob) for i, logprob in choice.alternatives if i != choice.token_id][:OTHERS]
        names = [shown_token(token) for token in tokenizer.tokens([i for i, _ in others])]
        listed = "  ".join(f"{name} {percent(logprob)}" for name, (_, logprob) in zip(names, others, strict=True))
        (token,) = tokenizer.tokens([choice.token_id])
        rows.append((shown_token(token), percent(choice.logprob), listed))
    first, second = (max(columns_of(row[column]) for row in rows) for column in (0, 1))
    return [
        shortened(
            f"  {padded(token, first)}  {' ' * (second - columns_of(probability))}{probability}  {alternatives}",
            columns,
        ).rstrip()
        for token, probability, alternatives in rows
    ]


def shown_token(token: str) -> str:
    """A token with visible spaces."""
    return shortened(token.replace(" ", SPACE), MAX_TOKEN_WIDTH)


def percent(logprob: float) -> str:
    """A log-probability (nats) as a share of 100."""
    share = 100 * math.exp(logprob)
    if share < 0.05:
        return "<0.1%"
    return f"{share:.1f}%" if share < 99.95 else "100%"


class TrainingDialogues:
    """The questions and answers that a model was trained on, if data/corpus is still there."""

    def __init__(self, model_folder: Path) -> None:
        # <root>/models/dialogue and <root>/data/corpus
        self.path = model_folder.resolve().parent.parent / "data" / "corpus" / "train.jsonl"
        self._pairs: list[tuple[str, str]] | None = None
        self._nearest: NearestQuestion | None = None

    def nearest(self, question: str, n: int) -> list[tuple[float, str, str]]:
        """Similarity (0 to 1), question and answer of the `n` pairs with the nearest questions, the nearest first.

        Raises InputError where the file is missing or damaged.
        """
        if self._nearest is None or self._pairs is None:
            self._pairs = training_pairs(read_corpus(self.path))
            self._nearest = NearestQuestion([q for q, _ in self._pairs], [a for _, a in self._pairs])
        return [(similarity, *self._pairs[row]) for row, similarity in self._nearest.nearest(question, n)]


def near_lines(near: Sequence[tuple[float, str, str]], columns: int) -> list[str]:
    """A line for each near pair."""
    return [shortened(f"  {similarity:4.0%}  {visible(q)} → {visible(a)}", columns) for similarity, q, a in near]
