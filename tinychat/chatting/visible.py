"""How many columns of a terminal a text takes."""

from wcwidth import iter_graphemes, wcswidth

from tinychat.printing import visible


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
