"""Reads what the page carries in base85, by definition."""

from tinychat.page.base85 import ALPHABET


def from_base85(text: str) -> bytes:
    """The bytes of a text."""
    decoded = bytearray()
    for begin in range(0, len(text), 5):
        group = text[begin : begin + 5]
        number = sum(ALPHABET.index(digit) * 85**place for place, digit in enumerate(group))
        decoded += number.to_bytes(len(group) - 1, "little")
    return bytes(decoded)
