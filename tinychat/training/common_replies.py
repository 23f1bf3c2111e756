"""The replies that training gives most often: what is said where nothing better is known."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tinychat.batches.prepared import EXAMPLES_AT_ONCE, PreparedSplit
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.called_names import HONORIFIC, NAME_WORD
from tinychat.tokenizer.given_names import may_be_given_name

MIN_SHARE = 0.003  # of all replies
MIN_MESSAGES = 20  # different messages that it answers: copies of a row do not make its reply a common one
MOST = 64
CALLS = re.compile(r"(\w+?)(?:이?야|아)(?!\w)|(\w+?) ?씨")  # 서연아, 서연 씨


class _Replies(NamedTuple):
    """Replies with loss in some examples: the tokens of each, without `<eos>`, and those of the turn before it in
    the same dialogue, none where it is the first."""

    texts: list[bytes]
    messages: list[bytes]


def common_replies(split: PreparedSplit, tokenizer: Tokenizer, longest: int) -> tuple[str, ...]:
    """Those that are at least `MIN_SHARE` of the replies of a split with loss and answer `MIN_MESSAGES` different
    messages, the commonest first; none that has 님 or 이름, calls a Korean name (서연아, 서연 씨), has a word that the
    vocabulary does not know, or more than `longest` tokens, `<eos>` included.

    A reply that is such a share of all is one in some part of them, so no more than those of each part are counted.
    """
    candidates: set[bytes] = set()
    n_replies = 0
    for replies in _in_parts(split, tokenizer):
        n_replies += len(replies.texts)
        least = MIN_SHARE * len(replies.texts)
        candidates |= {text for text, n in Counter(replies.texts).items() if n >= least}
    times: Counter[bytes] = Counter()
    answered: dict[bytes, set[bytes]] = defaultdict(set)
    for replies in _in_parts(split, tokenizer):
        for text, message in zip(replies.texts, replies.messages, strict=True):
            if text in candidates:
                times[text] += 1
                if len(answered[text]) < MIN_MESSAGES:
                    answered[text].add(message)
    common = [
        (n, np.frombuffer(text, split.tokens.dtype).tolist())
        for text, n in times.items()
        if n >= MIN_SHARE * n_replies and len(answered[text]) >= MIN_MESSAGES
    ]
    common.sort(key=lambda one: (-one[0], one[1]))
    unknown = {*tokenizer.unknown_ids}
    kept = [tokenizer.decode(ids).strip() for _, ids in common if unknown.isdisjoint(ids) and len(ids) < longest]
    return tuple(text for text in kept if text and not _is_about_somebody(text))[:MOST]


def _is_about_somebody(text: str) -> bool:
    """Whether it speaks of a name, or calls somebody in a way that is easy to see."""
    if HONORIFIC in text or NAME_WORD in text:
        return True
    return any(may_be_given_name(called or named) for called, named in CALLS.findall(text))


def _in_parts(split: PreparedSplit, tokenizer: Tokenizer) -> Iterator[_Replies]:
    """The replies with loss, of so many examples at once as fit into the memory."""
    for first in range(0, len(split), EXAMPLES_AT_ONCE):
        offsets = split.offsets[first : first + EXAMPLES_AT_ONCE + 1]
        tokens = np.asarray(split.tokens[offsets[0] : offsets[-1]])
        has_loss = np.asarray(split.loss_mask[offsets[0] : offsets[-1]])
        ends = np.flatnonzero((tokens == tokenizer.eos_id) & has_loss)
        marks = np.flatnonzero((tokens == tokenizer.bot_id) | (tokens == tokenizer.user_id))
        begins = (
            offsets[np.searchsorted(offsets, offsets[0] + ends, side="right") - 1] - offsets[0]
        )  # of their examples
        replies = _Replies([], [])
        numbers = (np.searchsorted(marks, ends) - 1).tolist()
        for number, begin, end in zip(numbers, begins.tolist(), ends.tolist(), strict=True):
            if number < 0 or tokens[marks[number]] != tokenizer.bot_id:
                continue
            replies.texts.append(tokens[marks[number] + 1 : end].tobytes())
            is_first = number == 0 or marks[number - 1] < begin
            replies.messages.append(b"" if is_first else tokens[marks[number - 1] : marks[number]].tobytes())
        yield replies
