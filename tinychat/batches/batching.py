"""Batches of dialogues of nearly equal length, so that almost nothing of a batch is padding."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinychat.batches.prepared import PreparedSplit
from tinychat.tokenizer.chat import IGNORED


@dataclass(frozen=True)
class Batch:
    """What the model reads and what it should say next.

    inputs   (B, T) int64, padded on the right
    targets  (B, T) int64, the token behind each input; IGNORED where it carries no loss
    """

    inputs: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]


def widths(lengths: npt.NDArray[np.int64], width_step: int = 1, longest: int | None = None) -> npt.NDArray[np.int64]:
    """How many places dialogues of `lengths` tokens take as inputs: one less, rounded up to a multiple of `width_step`.

    Nothing is rounded above the longest dialogue (of `lengths`, if not given): the model may take no more.
    """
    most = (int(lengths.max(initial=1)) if longest is None else longest) - 1
    return np.minimum(-(-(lengths - 1) // width_step) * width_step, most)


def plan_batches(
    lengths: npt.NDArray[np.int64],
    batch_tokens: int,
    generator: np.random.Generator | None = None,
    width_step: int = 1,
) -> list[npt.NDArray[np.int64]]:
    """Which dialogues go together: at most `batch_tokens` places each, padding included (one dialogue at least).

    With a generator, dialogues of equal width are shuffled among each other and so are the batches; without one the
    order is by length. A `width_step` above 1 makes batches of fewer shapes, with more padding.
    """
    order = np.arange(len(lengths)) if generator is None else generator.permutation(len(lengths))
    width = widths(lengths, width_step)
    order = order[np.argsort((lengths if generator is None else width)[order], kind="stable")]
    batches: list[npt.NDArray[np.int64]] = []
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * (width[order[end]] + 1) <= batch_tokens:
            end += 1
        batches.append(order[start:end])
        start = end
    if generator is not None:
        batches = [batches[i] for i in generator.permutation(len(batches))]
    return batches


def largest_batch(split: PreparedSplit, batch_tokens: int) -> tuple[int, int]:
    """About how many places the largest batch has, and how many of them carry loss; batches are not planned for it."""
    places = max(split.longest - 1, min(batch_tokens, len(split.tokens)))
    return places, int(places * split.loss.mean()) if len(split.loss) else 0


def collate(
    split: PreparedSplit, rows: Sequence[int] | npt.NDArray[np.int64], pad_id: int, width_step: int = 1
) -> Batch:
    """The dialogues `rows` of a split as one batch, as wide as the widest of them (see `widths`)."""
    width = int(widths(split.lengths[rows], width_step, split.longest).max())
    inputs = np.full((len(rows), width), pad_id, dtype=np.int64)  # (B, T)
    targets = np.full((len(rows), width), IGNORED, dtype=np.int64)  # (B, T)
    for place, i in enumerate(rows):
        begin, end = split.offsets[i], split.offsets[i + 1]
        ids, loss = split.tokens[begin:end].astype(np.int64), split.loss[begin:end]
        inputs[place, : len(ids) - 1] = ids[:-1]
        targets[place, : len(ids) - 1] = np.where(loss[1:], ids[1:], IGNORED)
    return Batch(inputs, targets)


def padding_share(
    lengths: npt.NDArray[np.int64], batches: Sequence[npt.NDArray[np.int64]], width_step: int = 1
) -> float:
    """How much of all places in these batches is padding, 0 to 1."""
    width = widths(lengths, width_step)
    places = sum(len(rows) * int(width[rows].max()) for rows in batches)
    return 1 - int(lengths.sum() - len(lengths)) / places if places else 0.0
