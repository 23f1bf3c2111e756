"""Incremental detokenization: only final text is given out."""

import re
from collections.abc import Callable, Sequence

from wcwidth import iter_graphemes

from tinychat.params.limits import REPLACEMENT

# A mark with what stands behind it (!^^), before a space: 3.5 and a reply that is not complete yet have none.
SENTENCE_END = re.compile(r"(?<![.!?])[.!?]++[^\w\s]*+(?=\s)")
ENDED = re.compile(r"(?<![.!?])[.!?]++[^\w\s]*+\s*$")


class ReplyText:
    """Takes the tokens of a reply as they come; gives text in whole graphemes.

    A grapheme may be several code points (a family of emoji, a flag, a letter with its accent, the letters of a Hangul
    syllable) and a code point several tokens. The last grapheme is held back until nothing can join it. So is text that
    may be the beginning of a stop text, and what may be taken back: with `whole_sentences` the last sentence, all from
    the first sentence with the text `held` on, and all of a reply that is not yet `complete`; and all of one that so
    far is the beginning of an `earlier` one. Spaces at its beginning, which no training answer has, are left out. The
    pieces joined are `text`.
    """

    def __init__(
        self,
        decode: Callable[[Sequence[int]], str],
        stop: Sequence[str] = (),
        earlier: Sequence[str] = (),
        *,
        whole_sentences: bool = False,
        held: str | None = None,
        complete: Callable[[str], bool] | None = None,
    ) -> None:
        self._held, self._complete = held, complete
        self._decode, self._stop, self._earlier, self._whole_sentences = decode, stop, earlier, whole_sentences
        self._ids: list[int] = []
        self._given = 0  # characters given out
        self.text = ""
        self.stopped = False

    def grow_to(self, token_ids: Sequence[int]) -> str:
        """The text that becomes final with these tokens, all of the reply; may be empty.

        `stopped` is set where a stop text was found. A call that Ctrl-C interrupted can be repeated.
        """
        self._ids = list(token_ids)
        # An incomplete character is decoded to one replacement character.
        text = self._decoded().removesuffix(REPLACEMENT)
        self.text = self._cut(text)
        if self.stopped:
            return self._give(len(self.text))
        if any(other.startswith(text) for other in self._earlier):
            return ""
        final = len(text)
        if self._whole_sentences:
            final = end_of_sentences(text.partition(self._held)[0] if self._held else text)
        if self._complete and not self._complete(text[:final]):
            return ""
        return self._give(min(start_of_last_grapheme(text), start_of_stop(text, self._stop), final))

    def end(self, cut: bool) -> str:
        """The rest, once the reply has ended; `cut`: at the length limit, perhaps inside a character."""
        if not self.stopped:
            text = self._decoded()
            self.text = self._cut(text.removesuffix(REPLACEMENT) if cut else text)
        return self._give(len(self.text))

    def _decoded(self) -> str:
        return self._decode(self._ids).lstrip(" ")

    def _cut(self, text: str) -> str:
        """The text up to the stop text that ends first, wherever tokens begin and end."""
        found = [(start + len(stop), start) for stop in self._stop if (start := text.find(stop)) >= 0]
        self.stopped = bool(found)
        return text[: min(found)[1]] if found else text

    def _give(self, end: int) -> str:
        piece = self.text[self._given : end]
        self._given = max(self._given, end)
        return piece


def end_of_sentences(text: str) -> int:
    """Where the last sentence that has ended ends; 0 where none has."""
    return max((found.end() for found in SENTENCE_END.finditer(text)), default=0)


def is_start_of_sentence(text: str) -> bool:
    """Whether what follows this text begins a sentence."""
    return text == "" or ENDED.search(text) is not None


def start_of_last_grapheme(text: str) -> int:
    """The index of the last grapheme; 0 for an empty text."""
    *_, last = iter_graphemes(text) if text else [""]
    return len(text) - len(last)


def start_of_stop(text: str, stop: Sequence[str]) -> int:
    """The start of the longest suffix of `text` that is a prefix of a stop text; the length where there is none."""
    for start in range(max(0, len(text) - max(map(len, stop), default=0) + 1), len(text)):
        if any(other.startswith(text[start:]) for other in stop):
            return start
    return len(text)
