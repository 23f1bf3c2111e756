"""How a model learns: its loss in the course of a training, and what it answers to the same prompts at points of it.

The train stage writes both as reports/train/learning.json, for the live page. Answering uses no random number and
changes no weight, so the model has the same bytes as without it.

B prompts, T tokens, V vocabulary.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from tinychat.batches.prepared import PreparedSplit
from tinychat.files import rounded
from tinychat.model.base import LanguageModel
from tinychat.model.cache import KeyValueCache
from tinychat.tokenizer import Tokenizer

LOSSES = 100  # at most, over a whole training
# When it answers, in parts of a training: it learns most at the beginning.
ANSWERED_AT = (0, 1 / 32, 1 / 8, 1 / 4, 1 / 2, 1)
PROMPTS = 4
MAX_PROMPT = 64  # tokens; longer prompts only where there are no others
MAX_ANSWER = 24  # tokens
MAX_EXAMPLES = 1000  # that prompts are looked for in


@dataclass(frozen=True)
class LearningAnswers:
    """What a model answers at one step.

    step           steps that were done
    ids            token ids of each answer, `<eos>` at its end if the model said it
    probabilities  of each of these tokens
    """

    step: int
    ids: list[list[int]]
    probabilities: list[list[float]]

    def fits(self, vocab_size: int) -> bool:
        """Whether its values are possible."""
        return [len(ids) for ids in self.ids] == [len(some) for some in self.probabilities] and all(
            0 <= token < vocab_size and 0 <= probability <= 1
            for ids, some in zip(self.ids, self.probabilities, strict=True)
            for token, probability in zip(ids, some, strict=True)
        )


def loss_steps(total: int) -> list[int]:
    """The steps after which the mean loss since the one before is noted, of `total`."""
    return sorted({math.ceil(total * n / LOSSES) for n in range(1, LOSSES + 1)})


def answer_steps(total: int) -> list[int]:
    """The steps after which the model answers, of `total`; 0 is before the first."""
    return sorted({math.ceil(total * part) for part in ANSWERED_AT})


class LearningPrompts:
    """The prompts that a model answers while it trains."""

    def __init__(self, split: PreparedSplit, tokenizer: Tokenizer, vocab_size: int) -> None:
        """Of the dialogues of a split: half of them begin one; for half the answer repeats what was said before.

        A name, for example: that is what a model learns last. Where there are too few of a kind, more of the other.
        """
        self.prompts = _chosen(split, tokenizer)
        self._eos_id = tokenizer.eos_id
        self._suppressed = tokenizer.suppressed_token_ids(vocab_size)

    @torch.no_grad()
    def answers(self, model: LanguageModel, step: int) -> LearningAnswers:
        """The likeliest token after the other, as far as `<eos>` or MAX_ANSWER tokens; the model as it stands.

        Unlike a chat it refuses no name and no broken character: that is what the page shows.
        """
        ids: list[list[int]] = [[] for _ in self.prompts]
        probabilities: list[list[float]] = [[] for _ in self.prompts]
        was_training = model.training
        model.eval()
        try:
            cache = self._cache(model)
            slots, new = list(range(len(self.prompts))), self.prompts
            while slots:
                chosen, shares = self._next(model, cache, slots, new)
                for slot, token, share in zip(slots, chosen, shares, strict=True):
                    ids[slot].append(token)
                    probabilities[slot].append(rounded(share))
                going_on = [n for n, slot in enumerate(slots) if self._goes_on(cache, slot, ids[slot])]
                slots, new = [slots[n] for n in going_on], [[chosen[n]] for n in going_on]
        finally:
            model.train(was_training)
        return LearningAnswers(step, ids, probabilities)

    def _cache(self, model: LanguageModel) -> KeyValueCache:
        """As large as these prompts need it; that of a chat is larger by the rest of max_len."""
        c = model.config
        longest = max((len(prompt) for prompt in self.prompts), default=0) + MAX_ANSWER
        size = min(c.max_len, longest)
        return KeyValueCache(c.n_layers, len(self.prompts), c.kv_heads, size, c.head_dim, device=model.device)

    def _next(
        self, model: LanguageModel, cache: KeyValueCache, slots: Sequence[int], new: Sequence[Sequence[int]]
    ) -> tuple[list[int], list[float]]:
        """The likeliest token after the new ones of each sequence (B,), and its probability (B,)."""
        view = cache.extend(slots, [len(some) for some in new])
        padded = [[*some, *[0] * (view.width - len(some))] for some in new]
        logits = model(torch.tensor(padded, device=view.device), cache=view, select=view.last).float()  # (B, V)
        view.commit()
        probabilities = torch.nan_to_num(logits.softmax(-1))  # where a training diverges, which the loop tells
        logits[:, self._suppressed] = -math.inf
        chosen = logits.argmax(-1, keepdim=True)  # (B, 1)
        return chosen[:, 0].tolist(), probabilities.gather(1, chosen)[:, 0].tolist()

    def _goes_on(self, cache: KeyValueCache, slot: int, ids: list[int]) -> bool:
        return ids[-1] != self._eos_id and len(ids) < MAX_ANSWER and cache.lengths[slot] < cache.max_len


class _Question(NamedTuple):
    """The last answer with loss of an example, and what comes before it.

    recalled  how much of the answer was said before the last question, by the user: the nats of its tokens
    """

    prompt: tuple[int, ...]
    recalled: float


def _chosen(split: PreparedSplit, tokenizer: Tokenizer) -> list[list[int]]:
    """Prompts of examples that are spread over a split, each once."""
    places = np.linspace(0, len(split) - 1, min(len(split), MAX_EXAMPLES)).round().astype(int)
    counts = np.bincount(split.tokens, minlength=tokenizer.size)
    rarity = np.log(max(1, len(split.tokens)) / np.maximum(1, counts))
    questions = [question for place in places if (question := _question(split, int(place), tokenizer, rarity))]
    questions = list({question.prompt: question for question in questions}.values())
    questions = [question for question in questions if len(question.prompt) <= MAX_PROMPT] or questions
    single = [question for question in questions if question.prompt.count(tokenizer.bot_id) == 1]
    longer = [question for question in questions if question.prompt.count(tokenizer.bot_id) > 1]
    longer.sort(key=lambda question: -question.recalled)
    n = min(len(longer), max(PROMPTS // 2, PROMPTS - len(single)))
    recalling = sorted(longer[: max(n, len(longer) // 10)], key=lambda question: len(question.prompt))
    return [list(question.prompt) for question in (*_spread(single, PROMPTS - n), *_spread(recalling, n))]


def _question(
    split: PreparedSplit, number: int, tokenizer: Tokenizer, rarity: npt.NDArray[np.floating]
) -> _Question | None:
    """The one of an example; None where no answer has loss."""
    start, end = split.offsets[number : number + 2]
    tokens: npt.NDArray[np.integer] = split.tokens[start:end]
    ends = np.flatnonzero(split.loss_mask[start:end] & (tokens == tokenizer.eos_id))
    if not len(ends):
        return None
    tokens = tokens[: ends[-1]]
    marks = np.flatnonzero((tokens == tokenizer.user_id) | (tokens == tokenizer.bot_id))
    turns = [set(turn.tolist()) for turn in np.split(tokens, marks)[1:]]
    if len(turns) < 2:
        return None
    said = set().union(*turns[:-2:2]) - turns[-2] - tokenizer.control_ids
    recalled = sum(rarity[token] for token in turns[-1] & said)
    return _Question(tuple(tokens[: marks[-1] + 1].tolist()), float(recalled))


def _spread(questions: list[_Question], n: int) -> list[_Question]:
    """`n` of them, each from the middle of one of as many parts."""
    n = min(n, len(questions))
    return [questions[(2 * part + 1) * len(questions) // (2 * n)] for part in range(n)]


def learning_report(
    losses: list[dict[str, float | int]], answers: list[LearningAnswers], prompts: list[list[int]], tokenizer: Tokenizer
) -> dict[str, Any]:
    """The content of learning.json: `losses`, `prompts` (messages) and `answers`, a row for each step.

    A reply has its text, its tokens in readable form with their probabilities, and whether the model ended it.
    """
    return {
        "losses": [{**row, "loss": rounded(row["loss"])} for row in losses],
        "prompts": [_messages(prompt, tokenizer) for prompt in prompts],
        "answers": [
            {
                "step": row.step,
                "replies": [
                    {
                        "text": tokenizer.decode(ids),
                        "tokens": tokenizer.tokens(ids),
                        "probabilities": probabilities,
                        "ended": ids[-1] == tokenizer.eos_id,
                    }
                    for ids, probabilities in zip(row.ids, row.probabilities, strict=True)
                ],
            }
            for row in answers
        ],
    }


def _messages(prompt: list[int], tokenizer: Tokenizer) -> list[dict[str, str]]:
    """The turns before the last `<bot>`."""
    roles = {tokenizer.user_id: "user", tokenizer.bot_id: "assistant"}
    turns = [n for n, token in enumerate(prompt) if token in roles]
    return [
        {"role": roles[prompt[begin]], "content": tokenizer.decode(prompt[begin:end])} for begin, end in pairwise(turns)
    ]
