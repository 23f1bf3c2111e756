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


def plan_batches(
    lengths: npt.NDArray[np.int64], batch_tokens: int, generator: np.random.Generator | None = None
) -> list[npt.NDArray[np.int64]]:
    """Which dialogues go together: at most `batch_tokens` places each, padding included (one dialogue at least).

    With a generator, dialogues of equal length are shuffled among each other and so are the batches; without one the
    order is by length.
    """
    order = np.arange(len(lengths)) if generator is None else generator.permutation(len(lengths))
    order = order[np.argsort(lengths[order], kind="stable")]
    batches: list[npt.NDArray[np.int64]] = []
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * lengths[order[end]] <= batch_tokens:
            end += 1
        batches.append(order[start:end])
        start = end
    if generator is not None:
        batches = [batches[i] for i in generator.permutation(len(batches))]
    return batches


def collate(split: PreparedSplit, rows: Sequence[int] | npt.NDArray[np.int64], pad_id: int) -> Batch:
    """The dialogues `rows` of a split as one batch, T one less than the longest of them."""
    width = max(int(split.offsets[i + 1] - split.offsets[i]) for i in rows) - 1
    inputs = np.full((len(rows), width), pad_id, dtype=np.int64)  # (B, T)
    targets = np.full((len(rows), width), IGNORED, dtype=np.int64)  # (B, T)
    for place, i in enumerate(rows):
        begin, end = split.offsets[i], split.offsets[i + 1]
        ids, loss = split.tokens[begin:end].astype(np.int64), split.loss[begin:end]
        inputs[place, : len(ids) - 1] = ids[:-1]
        targets[place, : len(ids) - 1] = np.where(loss[1:], ids[1:], IGNORED)
    return Batch(inputs, targets)


def padding_share(lengths: npt.NDArray[np.int64], batches: Sequence[npt.NDArray[np.int64]]) -> float:
    """How much of all places in these batches is padding, 0 to 1."""
    places = sum(len(rows) * int(lengths[rows].max() - 1) for rows in batches)
    return 1 - int(lengths.sum() - len(lengths)) / places if places else 0.0
