"""Batches of dialogues of nearly equal length, with almost no padding."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tinychat.batches.prepared import PreparedSplit
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.chat import IGNORE_INDEX


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of the model.

    inputs     (B, T) int64, padded on the right
    targets    (B, T) int64, the next token of each input; IGNORE_INDEX where it carries no loss
    is_prompt  (B, T) bool: which of the targets follow a token of a user's turn; none unless they were asked for
    """

    inputs: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]
    is_prompt: npt.NDArray[np.bool_]


class PromptIds(NamedTuple):
    """The ids by which a user's turn is found: `<user>`, `<bot>`; and those of unknown words, which are no targets."""

    user: int
    bot: int
    unknown: tuple[int, ...] = ()

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "PromptIds":
        """Those of a vocabulary."""
        return cls(tokenizer.user_id, tokenizer.bot_id, tuple(tokenizer.unknown_ids))


def widths(lengths: npt.NDArray[np.int64], width_step: int = 1, longest: int | None = None) -> npt.NDArray[np.int64]:
    """Input widths of dialogues of `lengths` tokens: one less, rounded up to a multiple of `width_step`.

    Never above the longest dialogue (of `lengths`, if not given), which may be as long as the model allows.
    """
    max_width = (int(lengths.max(initial=1)) if longest is None else longest) - 1
    return np.minimum(-(-(lengths - 1) // width_step) * width_step, max_width)


def plan_batches(
    lengths: npt.NDArray[np.int64],
    batch_tokens: int,
    generator: np.random.Generator | None = None,
    width_step: int = 1,
) -> list[npt.NDArray[np.int64]]:
    """The indices of the dialogues in each batch: at most `batch_tokens` tokens with padding, at least one dialogue.

    With a generator, dialogues of equal width are shuffled, and so are the batches; without one the order is by length.
    A `width_step` above 1 gives fewer batch shapes and more padding.
    """
    order = np.arange(len(lengths)) if generator is None else generator.permutation(len(lengths))
    width = widths(lengths, width_step)
    order = order[np.argsort((lengths if generator is None else width)[order], kind="stable")]
    ordered = width[order].tolist()  # one by one, numpy's numbers take five times as long
    batches: list[npt.NDArray[np.int64]] = []
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * (ordered[end] + 1) <= batch_tokens:
            end += 1
        batches.append(order[start:end])
        start = end
    if generator is not None:
        batches = [batches[i] for i in generator.permutation(len(batches))]
    return batches


def largest_batch(split: PreparedSplit, batch_tokens: int, prompts_share: float = 0.0) -> tuple[int, int]:
    """An estimate of the tokens of the largest batch, padding included, and of those that carry loss.

    `prompts_share`: of the other tokens, how many are targets too (see `sample_prompt_targets`).
    """
    tokens = max(split.longest - 1, min(batch_tokens, len(split.tokens)))
    replies = float(split.loss_mask.mean()) if len(split.loss_mask) else 0.0
    return tokens, int(tokens * (replies + prompts_share * (1 - replies)))


def collate(
    split: PreparedSplit,
    indices: Sequence[int] | npt.NDArray[np.int64],
    pad_id: int,
    width_step: int = 1,
    prompt_ids: PromptIds | None = None,
) -> Batch:
    """These dialogues of a split as one batch, as wide as the widest of them (see `widths`).

    With `prompt_ids`, what follows a token of a user's turn is a target too, but for unknown words.
    """
    width = int(widths(split.lengths[indices], width_step, split.longest).max())
    inputs = np.full((len(indices), width), pad_id, dtype=np.int64)  # (B, T)
    targets = np.full((len(indices), width), IGNORE_INDEX, dtype=np.int64)  # (B, T)
    is_prompt = np.zeros((len(indices), width), dtype=np.bool_)  # (B, T)
    for row, i in enumerate(indices):
        begin, end = split.offsets[i], split.offsets[i + 1]
        ids, loss_mask = split.tokens[begin:end].astype(np.int64), split.loss_mask[begin:end]
        inputs[row, : len(ids) - 1] = ids[:-1]
        targets[row, : len(ids) - 1] = np.where(loss_mask[1:], ids[1:], IGNORE_INDEX)
        if prompt_ids is not None:
            of_prompt = _in_user_turn(ids[:-1], prompt_ids) & ~loss_mask[1:]
            of_prompt &= ~np.isin(ids[1:], prompt_ids.unknown)
            targets[row, : len(ids) - 1][of_prompt] = ids[1:][of_prompt]
            is_prompt[row, : len(ids) - 1] = of_prompt
    return Batch(inputs, targets, is_prompt)


def sample_prompt_targets(batch: Batch, share: float, generator: np.random.Generator) -> Batch:
    """The same batch with `share` of its prompt targets, at least one, drawn at random; the others carry no loss."""
    prompts = np.flatnonzero(batch.is_prompt)
    left_out = generator.permutation(prompts)[math.ceil(share * len(prompts)) :]
    targets, is_prompt = batch.targets.copy(), batch.is_prompt.copy()
    targets.reshape(-1)[left_out] = IGNORE_INDEX
    is_prompt.reshape(-1)[left_out] = False
    return Batch(batch.inputs, targets, is_prompt)


def _in_user_turn(ids: npt.NDArray[np.int64], prompt_ids: PromptIds) -> npt.NDArray[np.bool_]:
    """Which tokens stand in a user's turn, its mark `<user>` included: (T,) → (T,)."""
    marks = np.where((ids == prompt_ids.user) | (ids == prompt_ids.bot), np.arange(len(ids)), -1)
    last = np.maximum.accumulate(marks)  # the mark that the turn begins with
    found: npt.NDArray[np.bool_] = (last >= 0) & (ids[last] == prompt_ids.user)
    return found


def padding_share(
    lengths: npt.NDArray[np.int64], batches: Sequence[npt.NDArray[np.int64]], width_step: int = 1
) -> float:
    """The share of padding in these batches, 0 to 1."""
    width = widths(lengths, width_step)
    tokens = sum(len(batch) * int(width[batch].max()) for batch in batches)
    return 1 - int(lengths.sum() - len(lengths)) / tokens if tokens else 0.0
