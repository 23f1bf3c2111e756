"""Which tokens may follow where tokens are bytes: not one that breaks the character which was begun."""

import codecs
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

import numpy as np
import numpy.typing as npt

from tinychat.tokenizer.vocabulary import Tokenizer


def utf8_of(tokenizer: Tokenizer, vocab_size: int) -> "Utf8 | None":
    """The rule for a model with so many tokens; None for a vocabulary of words, which breaks nothing."""
    bytes_of = tokenizer.bytes_of(vocab_size)
    return Utf8(bytes_of) if bytes_of else None


class Utf8:
    """Which tokens would break a character: a sampled byte that does not go on with the one before it."""

    def __init__(self, bytes_of: Sequence[bytes]) -> None:
        self._bytes_of = bytes_of
        # Of each token: its continuation bytes at the front, whether it has nothing else, its first byte, and whether
        # what follows them begins whole characters. A table, since each begun character asks about every token.
        continuing = [_continuing(said) for said in bytes_of]
        self._continuing = np.array(continuing)
        self._nothing_else = np.array([n == len(said) for n, said in zip(continuing, bytes_of, strict=True)])
        self._first = np.array([said[0] if said else 0 for said in bytes_of])
        self._well = np.array([_begins_well(said[n:]) for n, said in zip(continuing, bytes_of, strict=True)])
        self.breaking = cache(self._breaking)  # by what is pending: a few dozen beginnings of characters

    def pending(self, before: bytes, token_id: int) -> bytes:
        """The bytes of a character that is not whole after a token, those before it included."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        decoder.decode(before + self._bytes_of[token_id])
        return decoder.getstate()[0]

    def _breaking(self, pending: bytes) -> npt.NDArray[np.bool_]:
        """For each token (V,) whether it breaks the character that is pending, or begins none itself."""
        if not pending:
            return ~(self._well & (self._continuing == 0))
        missing = _length(pending[0]) - len(pending)
        goes_on = self._nothing_else & (self._continuing > 0) & (self._continuing <= missing)
        completes = ~self._nothing_else & (self._continuing == missing) & self._well
        low, high = SECOND_BYTES.get(pending[0], CONTINUATION) if len(pending) == 1 else CONTINUATION
        return ~((goes_on | completes) & (low <= self._first) & (self._first <= high))


CONTINUATION = (0x80, 0xBF)
# What may follow these first bytes is less than that (RFC 3629): no overlong forms, no surrogates, nothing too large.
SECOND_BYTES = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F), 0xF0: (0x90, 0xBF), 0xF4: (0x80, 0x8F)}

# One of these makes any beginning of a character whole; after E0 and F0 no 80 may follow.
ENDINGS = (b"", b"\x80", b"\x80\x80", b"\x80\x80\x80", b"\xa0\x80", b"\x90\x80\x80")


def _continuing(said: bytes) -> int:
    """How many continuation bytes stand at the front."""
    low, high = CONTINUATION
    return next((place for place, byte in enumerate(said) if not low <= byte <= high), len(said))


def _length(first: int) -> int:
    """Of a character that begins with this byte."""
    return 4 if first >= 0xF0 else 3 if first >= 0xE0 else 2


def _begins_well(data: bytes) -> bool:
    for ending in ENDINGS:
        with suppress(UnicodeDecodeError):
            (data + ending).decode()
            return True
    return False
