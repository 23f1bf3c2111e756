"""Encodes many texts into one array of token ids."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from tinychat.tokenizer.character_bpe import CharacterBpe, over_characters
from tinychat.tokenizer.vocabulary import Tokenizer

Numbers = npt.NDArray[np.int64]

CHARACTERS_AT_ONCE = 1 << 19  # while the library encodes, each takes 200 bytes
CHARACTERS_JOINED = 1 << 12


@dataclass(frozen=True)
class Encoded:
    """The token ids of texts: those of text i are ids[starts[i] : starts[i] + lengths[i]]."""

    lengths: Numbers
    starts: Numbers
    ids: Numbers

    def followed_by(self, other: "Encoded") -> "Encoded":
        """These texts and the others."""
        pairs = (self.lengths, other.lengths), (self.starts, other.starts + len(self.ids)), (self.ids, other.ids)
        return Encoded(*(np.concatenate(pair) for pair in pairs))

    def tokens(self, texts: Numbers) -> tuple[Numbers, Numbers]:
        """The tokens of the texts with these numbers (P,), one after another (T,), and how many each has (P,)."""
        lengths = self.lengths[texts]
        places = np.repeat(self.starts[texts] - (np.cumsum(lengths) - lengths), lengths)  # (T,)
        places += np.arange(len(places))
        return self.ids[places], lengths


class FlatEncoder:
    """Encodes as `Tokenizer.encode_batch` does, into arrays.

    Texts of characters that are tokens go to the library joined, and as characters (`over_characters`): a few long
    texts take less time than many short ones, and characters less than their bytes.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._over_characters = over_characters(tokenizer)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """The token ids of each text."""
        found = self._over_characters
        known = found.characters if found else frozenset()
        easy = np.fromiter((known.issuperset(text) and _may_be_joined(text) for text in texts), np.bool_, len(texts))
        order = np.argsort(~easy, kind="stable")  # the easy ones first
        in_order = [texts[i] for i in order]
        n_easy = int(np.count_nonzero(easy))
        lengths, ids = self._joined(found, in_order[:n_easy]) if found else _flat([])
        other_lengths, other_ids = _flat(self._one_by_one(in_order[n_easy:]))
        lengths, starts = np.append(lengths, other_lengths), np.empty(len(texts), dtype=np.int64)
        starts[order] = np.cumsum(lengths) - lengths
        lengths[order] = lengths.copy()
        return Encoded(lengths, starts, np.append(ids, other_ids))

    def _joined(self, vocabulary: CharacterBpe, texts: Sequence[str]) -> tuple[Numbers, Numbers]:
        """How many tokens each text has, and all of them; the characters of the tokens tell whose they are."""
        encoded = []
        for some in _parts([" ".join(some) for some in _parts(texts, CHARACTERS_JOINED)], CHARACTERS_AT_ONCE):
            encoded += [one.ids for one in vocabulary.backend.encode_batch_fast(some, add_special_tokens=False)]
        _, ids = _flat(encoded)
        ends = np.cumsum(np.fromiter((len(text) + 1 for text in texts), np.int64, len(texts)))  # with the space before
        after = np.cumsum(np.array(vocabulary.lengths)[ids])
        last = np.searchsorted(after, ends)  # token of each text
        assert np.array_equal(after[last], ends), "a token is of two texts"
        return np.diff(last, prepend=-1), ids

    def _one_by_one(self, texts: Sequence[str]) -> list[list[int]]:
        return [ids for some in _parts(texts, CHARACTERS_AT_ONCE) for ids in self._tokenizer.encode_batch(some)]


def _may_be_joined(text: str) -> bool:
    """Whether a space beside it is one between words, before which every text may be divided."""
    return text != "" and not text[0].isspace() and not text[-1].isspace()


def _parts(texts: Sequence[str], characters: int) -> Iterator[Sequence[str]]:
    """Consecutive texts together, each time of about so many characters."""
    first = found = 0
    for number, text in enumerate(texts, 1):
        found += len(text)
        if found >= characters or number == len(texts):
            yield texts[first:number]
            first, found = number, 0


def _flat(encoded: Sequence[Sequence[int]]) -> tuple[Numbers, Numbers]:
    """How many tokens each has, and all of them."""
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    return lengths, np.fromiter(chain.from_iterable(encoded), np.int64, int(lengths.sum()))
