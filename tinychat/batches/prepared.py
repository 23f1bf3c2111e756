"""Token arrays on disk: one split is three flat, memory-mapped arrays."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tinychat.errors import FaultError, Phrase
from tinychat.files import damaged, reading
from tinychat.tokenizer.chat import EncodedTurn, first_kept_turn

STAGE = "prepare_data"  # writes the arrays
# Of the fields of PreparedSplit.
TYPES = {"tokens": (np.uint16, np.uint32), "loss_mask": (np.bool_,), "offsets": (np.int64,)}
EXAMPLES_AT_ONCE = 100_000  # of a split, whose arrays may be larger than the memory
FILES = {"tokens": "tokens", "loss_mask": "loss", "offsets": "offsets"}


class EncodedDialogue(NamedTuple):
    """A training example: token ids, their loss mask, and the UTF-8 bytes of the texts with loss (None where the
    vocabulary does not know a word of them).
    """

    ids: tuple[int, ...]
    loss_mask: tuple[bool, ...]
    answer_bytes: int | None


@dataclass(frozen=True)
class PreparedSplit:
    """One split in memory-mapped arrays.

    tokens     (all tokens,) uint16 or uint32: the dialogues concatenated
    loss_mask  (all tokens,) bool: whether the token carries loss as a target
    offsets    (dialogues + 1,) int64: dialogue i is tokens[offsets[i]:offsets[i + 1]]
    """

    tokens: npt.NDArray[np.integer]
    loss_mask: npt.NDArray[np.bool_]
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each dialogue, (dialogues,)."""
        return np.diff(self.offsets)

    @cached_property
    def longest(self) -> int:
        """Tokens of the longest dialogue; 1 where there is none."""
        return int(self.lengths.max(initial=1))


def reply_tokens(split: PreparedSplit, bot_id: int, eos_id: int) -> int:
    """The 99th percentile of the tokens of its answers with loss, `<eos>` included; 1 where there is none."""
    found = [np.empty(0, dtype=np.int64)]
    for first in range(0, len(split), EXAMPLES_AT_ONCE):
        begin, end = split.offsets[[first, min(first + EXAMPLES_AT_ONCE, len(split))]]
        tokens = split.tokens[begin:end]
        begins = np.flatnonzero(tokens == bot_id)
        ends = np.flatnonzero((tokens == eos_id) & split.loss_mask[begin:end])
        ends = ends[np.searchsorted(begins, ends) > 0]
        found.append(ends - begins[np.searchsorted(begins, ends) - 1])
    lengths = np.concatenate(found)
    return int(np.percentile(lengths, 99, method="higher")) if len(lengths) else 1


def is_single_exchange(split: PreparedSplit, bot_id: int) -> bool:
    """Whether no example has a second answer; each has one."""
    answers = 0
    for first in range(0, len(split), EXAMPLES_AT_ONCE):
        begin, end = split.offsets[[first, min(first + EXAMPLES_AT_ONCE, len(split))]]
        answers += int(np.count_nonzero(split.tokens[begin:end] == bot_id))
    return answers == len(split)


class Window(NamedTuple):
    """The turns[start:end] of a dialogue, as one training example; the answers of turns[new:end] are learnt in it."""

    start: int
    new: int
    end: int


def windows(turns: Sequence[EncodedTurn], limit: int) -> Iterator[Window]:
    """A dialogue in windows of whole turns, of at most `limit` tokens each: each answer with loss is learnt in one.

    A dialogue that fits is one window. In a longer one, the turns before the first new exchange (a question with its
    answer) are its context: as many as fit into half of `limit`, or less where the exchange needs more; the next
    exchanges have the ones before them as well. An exchange that does not fit alone is in none.
    """
    lengths, roles = [len(turn.ids) for turn in turns], [turn.role for turn in turns]
    if sum(lengths) <= limit:
        if any(True in turn.loss_mask for turn in turns):
            yield Window(0, 0, len(turns))
        return
    new = 0
    while new < len(turns):
        end = _end_of_exchange(roles, new)
        size = sum(lengths[new:end])
        if size > limit:
            new = end
            continue
        # Each turn has at least one token: no more than `limit` of those before can fit.
        first = max(0, new - limit)
        start = first + first_kept_turn(roles[first:new], lengths[first:new], min(limit // 2, limit - size))
        total = sum(lengths[start:end])
        while end < len(turns) and total + sum(lengths[end : (later := _end_of_exchange(roles, end))]) <= limit:
            total += sum(lengths[end:later])
            end = later
        if any(True in turn.loss_mask for turn in turns[new:end]):
            yield Window(start, new, end)
        new = end


def _end_of_exchange(roles: Sequence[str], start: int) -> int:
    """Behind the next answer; the end of the dialogue where there is none."""
    return next((n + 1 for n in range(start, len(roles)) if roles[n] == "assistant"), len(roles))


def token_type(vocab_size: int) -> type[np.uint16] | type[np.uint32]:
    """The smallest type of numbers for the ids of a vocabulary."""
    return np.uint16 if vocab_size <= 2**16 else np.uint32


def to_arrays(dialogues: Sequence[EncodedDialogue], vocab_size: int) -> PreparedSplit:
    """Dialogues as one split in memory."""
    lengths = [len(row.ids) for row in dialogues]
    total = sum(lengths)
    return PreparedSplit(
        tokens=np.fromiter(chain.from_iterable(row.ids for row in dialogues), token_type(vocab_size), total),
        loss_mask=np.fromiter(chain.from_iterable(row.loss_mask for row in dialogues), np.bool_, total),
        offsets=np.cumsum([0, *lengths], dtype=np.int64),
    )


def split_files(folder: Path, name: str) -> dict[str, Path]:
    """The files of one split, NAME.ARRAY.npy, by the field of PreparedSplit."""
    return {field: folder / f"{name}.{array}.npy" for field, array in FILES.items()}


def open_split(folder: Path, name: str, *, vocab_size: int, max_len: int) -> PreparedSplit:
    """Map one split's arrays into memory; the training split is never empty.

    Raises InputError where they are missing or damaged, or do not fit such a vocabulary and such a model.
    """
    arrays = {}
    for kind, path in split_files(folder, name).items():
        with reading(path, STAGE):
            arrays[kind] = _map(path, TYPES[kind])
    split = PreparedSplit(**arrays)
    fault = _fault(split, vocab_size, max_len)
    if not fault and name == "train" and not len(split):
        fault = "offsets", Phrase("it holds no dialogue")
    if fault:
        field, problem = fault
        raise damaged(split_files(folder, name)[field], problem, STAGE)
    return split


def _fault(split: PreparedSplit, vocab_size: int, max_len: int) -> tuple[str, Phrase] | None:
    """The array that does not fit the others, the vocabulary or the model, and why; None where all do."""
    tokens, loss_mask, offsets = split.tokens, split.loss_mask, split.offsets
    within = len(offsets) and offsets[0] == 0 <= offsets.min() and offsets.max() <= len(tokens)
    if not within or split.lengths.min(initial=2) < 2:
        return "offsets", Phrase("not consecutive dialogues of {n} tokens in all", n=len(tokens))
    if offsets[-1] != len(tokens):
        return "tokens", Phrase("{n} tokens instead of {wanted}", n=len(tokens), wanted=offsets[-1])
    if split.longest > max_len:
        return "offsets", Phrase(
            "a dialogue of {n} tokens, more than the {max_len} of model.max_len", n=split.longest, max_len=max_len
        )
    if tokens.max(initial=0) >= vocab_size:
        return "tokens", Phrase(
            "token id {token_id} in a vocabulary of {vocab_size}", token_id=tokens.max(), vocab_size=vocab_size
        )
    if len(loss_mask) != len(tokens):
        return "loss_mask", Phrase("{found} mask values for {n} tokens", found=len(loss_mask), n=len(tokens))
    if loss_mask.view(np.uint8).max(initial=0) > 1:
        return "loss_mask", Phrase("mask values that are neither true nor false")
    starts = offsets[:-1]
    if loss_mask[starts].any() or not np.logical_or.reduceat(loss_mask, starts).all():
        return "loss_mask", Phrase("a dialogue with loss on its first token, or on none")
    return None


def _map(path: Path, types: tuple[type, ...]) -> npt.NDArray[Any]:
    """Raises ValueError where the file is no flat array of one of these types; nothing is ever unpickled."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            array: npt.NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
        except OSError:
            raise
        except Exception as error:  # a damaged header raises errors of many types
            raise FaultError("not an array: {error}", error=" ".join(str(error).split())) from None
    if array.dtype not in types or array.ndim != 1:
        names = [kind.__name__ for kind in types]
        wanted = names[0] if len(names) == 1 else Phrase("{one} or {other}", one=names[0], other=names[1])
        raise FaultError(
            "an array {shape} of {dtype} instead of a 1-D array of {wanted}",
            shape=array.shape,
            dtype=array.dtype,
            wanted=wanted,
        )
    return array
