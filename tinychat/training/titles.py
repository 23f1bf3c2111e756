"""Which words before 님 in the training answers are titles: nobody had said them."""

import numpy as np
import numpy.typing as npt

from tinychat.batches.prepared import PreparedSplit
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.called_names import HONORIFIC, called_names


def titles_in(split: PreparedSplit, tokenizer: Tokenizer) -> tuple[str, ...]:
    """Those of the answers of a split, sorted; "" where 님 stands alone.

    Examples that begin with context are left out: a name may have been told before them.
    """
    found: set[str] = set()
    for start, end in zip(split.offsets[:-1], split.offsets[1:], strict=True):
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


def begins_with_context(
    tokens: npt.NDArray[np.integer], loss_mask: npt.NDArray[np.bool_], tokenizer: Tokenizer
) -> bool:
    """Whether the first answer of an example carries no loss, as in a window that goes on with a long dialogue."""
    ends = np.flatnonzero(tokens == tokenizer.eos_id)
    return len(ends) > 0 and not bool(loss_mask[ends[0]])
