"""What a person says, as the model sees it."""

from collections import Counter
from typing import BinaryIO

from tinychat.corpus.cleaning import clean_text
from tinychat.errors import InputError

MOST_BYTES = 1_000_000  # no model of this kind reads so much, and a pipe may never end


def read_message(pipe: BinaryIO) -> str:
    """All of a pipe as one message. Raises InputError where it is not UTF-8, or too much for any model."""
    data = pipe.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise InputError("the message from the pipe is longer than {most:,} bytes", most=MOST_BYTES)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            "the message from the pipe is not UTF-8: byte {place} is 0x{byte:02X}",
            place=error.start + 1,
            byte=data[error.start],
        ) from None


def cleaned(text: str) -> str:
    """A message as the corpus would keep it, perhaps empty. Raises InputError where bytes were no characters."""
    try:
        return clean_text(text, Counter())
    except ValueError:
        raise InputError("the message holds bytes that are no characters of this terminal's encoding") from None
