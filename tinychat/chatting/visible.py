"""The width of texts in a terminal."""

from wcwidth import iter_graphemes, wcswidth

from tinychat.printing import visible


def columns_of(text: str) -> int:
    """The columns of a line in a terminal: two for a Hangul syllable."""
    return max(0, wcswidth(text))


def padded(text: str, columns: int) -> str:
    """`text` padded with spaces to `columns`."""
    return text + " " * (columns - columns_of(text))


def shortened(text: str, columns: int) -> str:
    """`text` as one line of at most `columns`, with … where it was truncated."""
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
