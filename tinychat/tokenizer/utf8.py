"""Which byte-level tokens keep the text valid UTF-8."""

import codecs
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

import numpy as np
import numpy.typing as npt

from tinychat.tokenizer.vocabulary import Tokenizer


def utf8_of(tokenizer: Tokenizer, vocab_size: int) -> "Utf8 | None":
    """The constraint for a model with `vocab_size` tokens; None for a word vocabulary, which needs none."""
    bytes_of = tokenizer.bytes_of(vocab_size)
    return Utf8(bytes_of) if bytes_of else None


class Utf8:
    """Which tokens would give invalid UTF-8: bytes that do not continue the character before them."""

    def __init__(self, bytes_of: Sequence[bytes]) -> None:
        self._bytes_of = bytes_of
        # Of each token: the number of its leading continuation bytes, whether it has no others, its first byte, and
        # whether the rest is valid. A table, since each incomplete character asks about every token.
        leading = [_leading_continuation_bytes(data) for data in bytes_of]
        self._leading = np.array(leading)
        self._nothing_else = np.array([n == len(data) for n, data in zip(leading, bytes_of, strict=True)])
        self._first = np.array([data[0] if data else 0 for data in bytes_of])
        self._rest_is_valid = np.array([_is_valid_prefix(data[n:]) for n, data in zip(leading, bytes_of, strict=True)])
        self.breaking = cache(self._breaking)  # by the pending bytes: a few dozen prefixes of characters

    def pending(self, before: bytes, token_id: int) -> bytes:
        """The bytes of the character that is incomplete after a token."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        decoder.decode(before + self._bytes_of[token_id])
        return decoder.getstate()[0]

    def pending_after(self, token_ids: Sequence[int]) -> bytes:
        """The bytes of the character that is incomplete after these tokens, all of a reply."""
        pending = b""
        for token_id in token_ids:
            pending = self.pending(pending, token_id)
        return pending

    def _breaking(self, pending: bytes) -> npt.NDArray[np.bool_]:
        """For each token (V,) whether it makes the text invalid after the pending bytes."""
        if not pending:
            return ~(self._rest_is_valid & (self._leading == 0))
        missing = _length(pending[0]) - len(pending)
        continues = self._nothing_else & (self._leading > 0) & (self._leading <= missing)
        completes = ~self._nothing_else & (self._leading == missing) & self._rest_is_valid
        low, high = SECOND_BYTES.get(pending[0], CONTINUATION) if len(pending) == 1 else CONTINUATION
        return ~((continues | completes) & (low <= self._first) & (self._first <= high))


CONTINUATION = (0x80, 0xBF)
# After these first bytes the range is smaller (RFC 3629): no overlong forms, no surrogates, nothing too large.
SECOND_BYTES = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F), 0xF0: (0x90, 0xBF), 0xF4: (0x80, 0x8F)}

# One of these completes any prefix of a character; after E0 and F0 no 80 may follow.
ENDINGS = (b"", b"\x80", b"\x80\x80", b"\x80\x80\x80", b"\xa0\x80", b"\x90\x80\x80")


def _leading_continuation_bytes(data: bytes) -> int:
    """The number of continuation bytes at the beginning."""
    low, high = CONTINUATION
    return next((i for i, byte in enumerate(data) if not low <= byte <= high), len(data))


def _length(first: int) -> int:
    """Bytes of a character that begins with this one."""
    return 4 if first >= 0xF0 else 3 if first >= 0xE0 else 2


def _is_valid_prefix(data: bytes) -> bool:
    for ending in ENDINGS:
        with suppress(UnicodeDecodeError):
            (data + ending).decode()
            return True
    return False
