"""Token ids of many texts at once, in arrays: each word is encoded once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinychat.tokenizer.flat_encoding import Encoded, FlatEncoder, Numbers
from tinychat.tokenizer.vocabulary import Tokenizer

MAX_WORDS = 300_000  # about 60 MB
# Where more of the words are new, whole texts are encoded: to find and to remember their words would cost more.
MAX_NEW_SHARE = 0.3
# Before the text of each side, and after the bot's: the pieces 0 to 2 of every table.
USER_PIECE, BOT_PIECE, EOS_PIECE = range(3)
MARKS = ("\x01", "\x02", "\x03")  # words that stand for them


@dataclass(frozen=True)
class Pieces:
    """Messages in the chat template as pieces: control tokens and words, or control tokens and whole texts.

    pieces   (P,) which of `encoded`; the first three are the control tokens
    """

    pieces: Numbers
    encoded: Encoded

    def tokens(self) -> tuple[Numbers, Numbers]:
        """The token ids (T,), and how many each piece has (P,)."""
        return self.encoded.tokens(self.pieces)


class WordTable:
    """The words that were encoded, for the texts that come."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._encoder = FlatEncoder(tokenizer)
        self._by_words = tokenizer.encodes_by_words
        control = np.array([tokenizer.user_id, tokenizer.bot_id, tokenizer.eos_id])
        self._control = Encoded(np.ones(len(MARKS), dtype=np.int64), np.arange(len(MARKS)), control)
        self._forget()

    def pieces(self, texts: Sequence[str], of_bot: Sequence[bool]) -> Pieces:
        """Messages, each a text of the user or of the bot, in the chat template."""
        return (self._words(texts, of_bot) if self._by_words else None) or self._texts(texts, of_bot)

    def _words(self, texts: Sequence[str], of_bot: Sequence[bool]) -> Pieces | None:
        """Divided into words; None where that is not exact, or not faster."""
        user, bot, eos = MARKS
        marked: list[str] = []
        for text, is_bot in zip(texts, of_bot, strict=True):
            marked += (bot, text, eos) if is_bot else (user, text)
        # As `words_of` divides, but for words that begin or end with white space: they are none, and `_add` finds them.
        words = " ".join(marked).split(" ")
        new = set(words).difference(self._numbers)
        if len(new) > MAX_NEW_SHARE * len(words):
            return None
        if len(self._numbers) + len(new) > MAX_WORDS:
            self._forget()
            new = set(words).difference(self._numbers)
        if not all(word and not word[0].isspace() and not word[-1].isspace() for word in new):
            return None
        if new:
            self._add(list(new))
        pieces = np.fromiter(map(self._numbers.__getitem__, words), np.int64, len(words))
        if np.count_nonzero(pieces <= EOS_PIECE) != len(marked) - len(texts):
            return None  # a text has such a mark
        return Pieces(pieces, self._encoded)

    def _texts(self, texts: Sequence[str], of_bot: Sequence[bool]) -> Pieces:
        """Each text as one piece."""
        pieces: list[int] = []
        for number, is_bot in enumerate(of_bot, len(MARKS)):
            pieces += (BOT_PIECE, number, EOS_PIECE) if is_bot else (USER_PIECE, number)
        return Pieces(np.array(pieces, dtype=np.int64), self._control.followed_by(self._encoder.encode(texts)))

    def _forget(self) -> None:
        self._numbers = {mark: number for number, mark in enumerate(MARKS)}
        self._encoded = self._control

    def _add(self, words: Sequence[str]) -> None:
        first = len(self._encoded.lengths)
        self._numbers.update(zip(words, range(first, first + len(words)), strict=True))
        self._encoded = self._encoded.followed_by(self._encoder.encode(words))
