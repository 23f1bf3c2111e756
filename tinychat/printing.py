"""Safe printing: no control characters, no endless lines."""

import re
import sys

# C0 and C1 controls except the line break, and the marks that change the writing direction.
CONTROL_CHARACTERS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
CONTROL_PICTURES = 0x2400  # ␀, ␁, … for the C0 controls
DELETE_PICTURE = "\u2421"
REPLACEMENT = "\ufffd"
MAX_LINE_CHARACTERS = 4000  # characters
BEGINNING, END = 3000, 500  # characters shown of a longer line


def say(*texts: object, stderr: bool = False) -> None:
    """`print` for untrusted text: texts as `printable` gives them, on stdout or on stderr, flushed.

    Everything that a stage or the package prints goes through here, since text of files, file names and models may hold
    anything (tests/test_printing.py). Styled output makes its texts `visible` first.
    """
    print(printable(" ".join(map(str, texts))), file=sys.stderr if stderr else sys.stdout, flush=True)


def printable(text: str) -> str:
    """`text` in visible characters; of a line longer than MAX_LINE_CHARACTERS the middle is left out."""
    return visible("\n".join(map(_cut, text.split("\n"))))


def visible(text: str) -> str:
    """`text` with a symbol for each control character; line breaks stay."""
    return CONTROL_CHARACTERS.sub(lambda found: _picture(found[0]), text)


def _cut(line: str) -> str:
    if len(line) <= MAX_LINE_CHARACTERS:
        return line
    return f"{line[:BEGINNING]} … {len(line) - BEGINNING - END:,} characters … {line[-END:]}"


def _picture(char: str) -> str:
    if char == "\t":
        return " "
    if char < " ":
        return chr(CONTROL_PICTURES + ord(char))
    return DELETE_PICTURE if char == "\x7f" else REPLACEMENT
