"""What may be printed: nothing that a terminal obeys, and how many columns it takes."""

import re

from wcwidth import iter_graphemes, wcswidth

# C0 and C1 controls but the line break, and the marks that turn the direction of writing.
COMMANDS_TO_TERMINALS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
CONTROL_PICTURES = 0x2400  # ␀, ␁, … stand for the C0 controls
DELETE_PICTURE = "\u2421"
REPLACEMENT = "\ufffd"


def visible(text: str) -> str:
    """`text` with a picture in the place of each character that a terminal would obey; line breaks stay."""
    return COMMANDS_TO_TERMINALS.sub(lambda found: _picture(found[0]), text)


def _picture(char: str) -> str:
    if char == "\t":
        return " "
    if char < " ":
        return chr(CONTROL_PICTURES + ord(char))
    return DELETE_PICTURE if char == "\x7f" else REPLACEMENT


def columns_of(text: str) -> int:
    """How many columns of a terminal a line takes: two for a Hangul syllable."""
    return max(0, wcswidth(text))


def padded(text: str, columns: int) -> str:
    """`text` and as many spaces as fill `columns`."""
    return text + " " * (columns - columns_of(text))


def shortened(text: str, columns: int) -> str:
    """`text` as one line of at most `columns`, with … where something was left out."""
    line = visible(text).replace("\n", " ")
    if columns_of(line) <= columns:
        return line
    kept, left = "", columns - 1
    for character in iter_graphemes(line):
        left -= columns_of(character)
        if left < 0:
            break
        kept += character
    return f"{kept}…"
