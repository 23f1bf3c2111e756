"""A token as a label of a picture or a table."""

import unicodedata


def label(token: str, width: float = 6) -> str:
    """A token as one visible line of at most about `width` ems: ␣ a space, ⏎ a new line, <0x07> a control character."""
    text = "".join(map(_visible, token))
    if em(text) <= width:
        return text
    while text and em(text) + 1 > width:
        text = text[:-1]
    return text + "…"


def em(text: str) -> float:
    """The approximate width of a text in ems: Hangul is a square, Latin letters are a little more than half."""
    return sum(1.0 if unicodedata.east_asian_width(char) in "WF" or char in "␣⏎" else 0.6 for char in text)


def _visible(char: str) -> str:
    if char == "\n":
        return "⏎"
    category = unicodedata.category(char)
    if category == "Zs":
        return "␣"
    # Controls, format marks such as a change of direction, surrogates, private and unassigned: not in XML, or not seen.
    if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"<0x{ord(char):02X}>"
    return char
