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
        self.breaking = cache(self._breaking)  # by what is pending: a few dozen beginnings of characters

    def pending(self, before: bytes, token_id: int) -> bytes:
        """The bytes of a character that is not whole after a token, those before it included."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        decoder.decode(before + self._bytes_of[token_id])
        return decoder.getstate()[0]

    def _breaking(self, pending: bytes) -> npt.NDArray[np.bool_]:
        """For each token (V,) whether it breaks the character that is pending, or begins none itself."""
        return np.array([bool(pending and not said) or not _begins_well(pending + said) for said in self._bytes_of])


# One of these makes any beginning of a character whole; after E0 and F0 no 80 may follow.
ENDINGS = (b"", b"\x80", b"\x80\x80", b"\x80\x80\x80", b"\xa0\x80", b"\x90\x80\x80")


def _begins_well(data: bytes) -> bool:
    for ending in ENDINGS:
        with suppress(UnicodeDecodeError):
            (data + ending).decode()
            return True
    return False
