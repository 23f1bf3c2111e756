"""The text of a reply while it grows: nothing is shown before it is whole, and nothing that is shown changes."""

from collections.abc import Callable, Sequence

from wcwidth import iter_graphemes

REPLACEMENT = "\ufffd"


class ReplyText:
    """Takes the tokens of a reply as they come; gives text in whole characters as a person sees them.

    A character may be several code points (a family of emoji, a flag, a letter with its accent, the letters of a
    Hangul syllable) and a code point several tokens. The last one waits until it is plain that nothing joins it. So
    does text that may be the beginning of a stop text. The pieces joined are `text`.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], stop: Sequence[str] = ()) -> None:
        self._decode, self._stop = decode, stop
        self._ids: list[int] = []
        self._given = 0  # characters of the text
        self.text = ""
        self.stopped = False

    def grow_to(self, token_ids: Sequence[int]) -> str:
        """The piece that has become certain now that the reply has these tokens, perhaps empty.

        `stopped` tells of a stop text. All tokens, so that a call that Ctrl-C broke off can be made again.
        """
        self._ids = list(token_ids)
        # The bytes of a character that is not whole yet are shown as one replacement character.
        text = self._decode(self._ids).removesuffix(REPLACEMENT)
        self.text = self._cut(text)
        if self.stopped:
            return self._give(len(self.text))
        return self._give(min(start_of_last_grapheme(text), start_of_stop(text, self._stop)))

    def end(self, cut: bool) -> str:
        """The rest, once the reply has ended; `cut`: at its length limit, which may fall inside a character."""
        if not self.stopped:
            text = self._decode(self._ids)
            self.text = self._cut(text.removesuffix(REPLACEMENT) if cut else text)
        return self._give(len(self.text))

    def _cut(self, text: str) -> str:
        """The text up to the stop text that is whole first, wherever the borders of the tokens fall."""
        found = [(place + len(stop), place) for stop in self._stop if (place := text.find(stop)) >= 0]
        self.stopped = bool(found)
        return text[: min(found)[1]] if found else text

    def _give(self, end: int) -> str:
        piece = self.text[self._given : end]
        self._given = max(self._given, end)
        return piece


def start_of_last_grapheme(text: str) -> int:
    """Where the last character as a person sees it begins; 0 for an empty text."""
    *_, last = iter_graphemes(text) if text else [""]
    return len(text) - len(last)


def start_of_stop(text: str, stop: Sequence[str]) -> int:
    """Where the longest end of `text` begins that a stop text may begin with; its length where there is none."""
    for place in range(max(0, len(text) - max(map(len, stop), default=0) + 1), len(text)):
        if any(other.startswith(text[place:]) for other in stop):
            return place
    return len(text)
