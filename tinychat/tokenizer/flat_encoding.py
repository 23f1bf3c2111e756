"""Encodes many texts into one array of token ids."""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from tinychat.tokenizer.vocabulary import Tokenizer

Numbers = npt.NDArray[np.int64]

CHARACTERS_AT_ONCE = 1 << 19  # while the library encodes, each takes 200 bytes
CHARACTERS_JOINED = 1 << 12


class FlatEncoder:
    """Encodes as `Tokenizer.encode_batch` does, into arrays.

    With a byte-level vocabulary, texts go to the library joined: a few long ones take less time than many short ones.
    The bytes of the tokens tell whose they are.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        bytes_of = tokenizer.bytes_of(tokenizer.size) if tokenizer.encodes_by_words else None
        self._n_bytes = None if bytes_of is None else np.fromiter(map(len, bytes_of), np.int64, len(bytes_of))

    def encode(self, texts: Sequence[str]) -> tuple[Numbers, Numbers]:
        """How many tokens each text has, (texts,), and all of them, (T,)."""
        if self._n_bytes is not None and all(map(_is_joinable, texts)):
            joined = (" ".join(some) for some in _parts(texts, CHARACTERS_JOINED))
            ids = _flat(self._encoded(list(joined)))
            # With each text the library encodes the space before it.
            ends = np.cumsum(np.fromiter((len(text.encode()) + 1 for text in texts), np.int64, len(texts)))
            after = np.cumsum(self._n_bytes[ids])  # the bytes up to each token
            last = np.searchsorted(after, ends)
            if len(texts) == 0 or (last[-1] + 1 == len(ids) and np.array_equal(after[last], ends)):
                return np.diff(last, prepend=-1), ids
        encoded = self._encoded(texts)
        return np.fromiter(map(len, encoded), np.int64, len(encoded)), _flat(encoded)

    def _encoded(self, texts: Sequence[str]) -> list[list[int]]:
        return [ids for some in _parts(texts, CHARACTERS_AT_ONCE) for ids in self._tokenizer.encode_batch(some)]


def _is_joinable(text: str) -> bool:
    """Whether it begins and ends with a visible character, so that a space beside it is one between words."""
    return text != "" and not text[0].isspace() and not text[-1].isspace()


def _parts(texts: Sequence[str], characters: int) -> Iterator[Sequence[str]]:
    """Consecutive texts together, each time of about so many characters."""
    first = found = 0
    for number, text in enumerate(texts, 1):
        found += len(text)
        if found >= characters or number == len(texts):
            yield texts[first:number]
            first, found = number, 0


def _flat(encoded: Sequence[Sequence[int]]) -> Numbers:
    return np.fromiter(chain.from_iterable(encoded), np.int64, sum(map(len, encoded)))
