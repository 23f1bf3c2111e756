"""Which words before 님 in the training answers are titles: nobody had said them."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tinychat.batches.prepared import EXAMPLES_AT_ONCE, PreparedSplit
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.called_names import HONORIFIC, called_names


def titles_in(split: PreparedSplit, tokenizer: Tokenizer) -> tuple[str, ...]:
    """Those of the answers of a split, sorted; "" where 님 stands alone.

    Examples that begin with context are left out: a name may have been told before them.
    """
    found: set[str] = set()
    for number in _with_honorific(split, tokenizer):
        start, end = split.offsets[number : number + 2]
        said = ""
        tokens = split.tokens[start:end]
        turns = np.flatnonzero((tokens == tokenizer.user_id) | (tokens == tokenizer.bot_id))
        if begins_with_context(tokens, split.loss_mask[start:end], tokenizer):
            continue
        for begin, stop in zip(turns, [*turns[1:], len(tokens)], strict=True):
            text = tokenizer.decode(tokens[begin:stop].tolist())
            if tokens[begin] == tokenizer.bot_id and HONORIFIC in text:
                found |= {name for _, name in called_names(text) if not name or name not in said}
            said += f"{text}\n"
    return tuple(sorted(found))


def _with_honorific(split: PreparedSplit, tokenizer: Tokenizer) -> Iterator[int]:
    """The examples that may hold an honorific; all others are not decoded, as they may be millions."""
    may_hold = _may_hold_honorific(tokenizer)
    for first in range(0, len(split), EXAMPLES_AT_ONCE):
        offsets = split.offsets[first : first + EXAMPLES_AT_ONCE + 1]
        tokens = may_hold[split.tokens[offsets[0] : offsets[-1]]]
        yield from (first + np.flatnonzero(np.logical_or.reduceat(tokens, offsets[:-1] - offsets[0]))).tolist()


def _may_hold_honorific(tokenizer: Tokenizer) -> npt.NDArray[np.bool_]:
    """Of each token (V,), whether it holds the honorific, or ends with the first bytes of it."""
    bytes_of = tokenizer.bytes_of(tokenizer.size)
    if bytes_of is None:
        return np.array([HONORIFIC in token for token in tokenizer.tokens(range(tokenizer.size))])
    whole = HONORIFIC.encode()
    begins = tuple(whole[:n] for n in range(1, len(whole)))
    return np.array([whole in token or token.endswith(begins) for token in bytes_of])


def begins_with_context(
    tokens: npt.NDArray[np.integer], loss_mask: npt.NDArray[np.bool_], tokenizer: Tokenizer
) -> bool:
    """Whether the first answer of an example carries no loss, as in a window that goes on with a long dialogue."""
    ends = np.flatnonzero(tokens == tokenizer.eos_id)
    return len(ends) > 0 and not bool(loss_mask[ends[0]])
