"""Reads and cleans a person's message."""

from collections import Counter
from typing import BinaryIO

from tinychat.corpus.cleaning import clean_text
from tinychat.errors import InputError

MAX_BYTES = 1_000_000  # far more than any model reads; a pipe may never end


def read_message(pipe: BinaryIO) -> str:
    """All of a pipe as one message. Raises InputError where it is not UTF-8, or too long."""
    data = pipe.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InputError("the message from the pipe is longer than {maximum:,} bytes", maximum=MAX_BYTES)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            "the message from the pipe is not UTF-8: byte {place} is 0x{byte:02X}",
            place=error.start + 1,
            byte=data[error.start],
        ) from None


def cleaned(text: str) -> str:
    """A message, cleaned as in the corpus; may be empty. Raises InputError for bytes that did not decode."""
    try:
        return clean_text(text, Counter())
    except ValueError:
        raise InputError("the message holds bytes that are not characters of this terminal's encoding") from None
