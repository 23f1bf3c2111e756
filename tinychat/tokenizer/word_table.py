"""Token ids of many texts at once, in arrays: each word is encoded once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinychat.tokenizer.flat_encoding import FlatEncoder, Numbers
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

    pieces   (P,) which piece; the first three are the control tokens
    lengths  (different pieces,) how many tokens each has
    starts   (different pieces,) where they begin in `ids`
    ids      the tokens of all different pieces, one after another
    """

    pieces: Numbers
    lengths: Numbers
    starts: Numbers
    ids: Numbers

    def tokens(self) -> tuple[Numbers, Numbers]:
        """The token ids, and how many each piece has: (T,) and (P,)."""
        lengths = self.lengths[self.pieces]  # (P,)
        before = np.cumsum(lengths) - lengths  # (P,)
        places = np.repeat(self.starts[self.pieces] - before, lengths)  # (T,)
        places += np.arange(len(places))
        return self.ids[places], lengths


class WordTable:
    """The words that were encoded, for the texts that come."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._encoder = FlatEncoder(tokenizer)
        self._by_words = tokenizer.encodes_by_words
        self._control = np.array([tokenizer.user_id, tokenizer.bot_id, tokenizer.eos_id])
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
        return Pieces(pieces, self._lengths, self._starts, self._ids)

    def _texts(self, texts: Sequence[str], of_bot: Sequence[bool]) -> Pieces:
        """Each text as one piece."""
        pieces: list[int] = []
        for number, is_bot in enumerate(of_bot, len(MARKS)):
            pieces += (BOT_PIECE, number, EOS_PIECE) if is_bot else (USER_PIECE, number)
        lengths, ids = self._encoder.encode(texts)
        lengths = np.append(np.ones(len(MARKS), dtype=np.int64), lengths)
        return Pieces(np.array(pieces), lengths, _starts(lengths), np.append(self._control, ids))

    def _forget(self) -> None:
        self._numbers = {mark: number for number, mark in enumerate(MARKS)}
        self._lengths, self._ids = np.ones(len(MARKS), dtype=np.int64), self._control
        self._starts = _starts(self._lengths)

    def _add(self, words: Sequence[str]) -> None:
        lengths, ids = self._encoder.encode(words)
        self._numbers.update(zip(words, range(len(self._lengths), len(self._lengths) + len(words)), strict=True))
        self._lengths, self._ids = np.append(self._lengths, lengths), np.append(self._ids, ids)
        self._starts = _starts(self._lengths)


def _starts(lengths: Numbers) -> Numbers:
    """Where pieces of these lengths begin."""
    return np.cumsum(lengths) - lengths
