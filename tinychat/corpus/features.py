"""What splitting needs of dialogues: a few numbers each, and the letters of their texts, which go to a file."""

import mmap
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.dialogue import SPLITS, Dialogue
from tinychat.corpus.grams import Lengths, Texts, begins_of, encode_texts, texts_of
from tinychat.corpus.key_table import KeyTable
from tinychat.corpus.scratch import Growing, Scratch, parts_of
from tinychat.corpus.text_keys import letters_of, text_number

# In multi-turn sources short texts (네, 안녕) join no groups: of 4,018 dialogues of the package chitchat-dataset,
# joining by any turn puts 2,854 into one group, by turns of 15 letters or more 703. With near-duplicates of 15 letters
# or more it would be 2,074, of 40 or more 790 (docs/experiments.md).
MIN_JOINING_LETTERS = 15
MIN_NEAR_LETTERS = 40

# Of a turn
ANSWER, LOSS, LONG, NEAR = 1, 2, 4, 8  # the assistant's; it carries loss; its letters reach the minima above
NO_SESSION = 0
TURNS_AT_ONCE = 1 << 18
MAPPED_BYTES = 1 << 27  # of letters, that may count as memory; it costs time to give them back


@dataclass(frozen=True)
class Features:
    """What splitting needs of consecutive dialogues.

    of each dialogue: `files` (its file), `sources` (the number of its source, from 1), `fixed` (0, or 1 + the index in
    SPLITS of the split that its source chose), `sessions` (a hash, NO_SESSION where it has none), `turns` and
    `characters` (how many)
    of each turn: `keys` (a hash of its letters), `flags`, `code_lengths`, and in `codes` its letters
    """

    files: list[str]
    sources: NDArray[np.int32]
    fixed: NDArray[np.uint8]
    sessions: NDArray[np.uint64]
    turns: NDArray[np.int32]
    characters: NDArray[np.int64]
    keys: NDArray[np.uint64]
    flags: NDArray[np.uint8]
    codes: NDArray[np.uint32]
    code_lengths: Lengths

    def choose(self, which: NDArray[np.bool_]) -> "Features":
        """Those of some of the dialogues."""
        of_turns = np.repeat(which, self.turns)
        return Features(
            files=list(compress(self.files, which)),
            sources=self.sources[which],
            fixed=self.fixed[which],
            sessions=self.sessions[which],
            turns=self.turns[which],
            characters=self.characters[which],
            keys=self.keys[of_turns],
            flags=self.flags[of_turns],
            codes=self.codes[np.repeat(of_turns, self.code_lengths)],
            code_lengths=self.code_lengths[of_turns],
        )


def features_of(dialogues: Iterable[Dialogue]) -> Features:
    """The features of dialogues, in their order."""
    files: list[str] = []
    sources, fixed, turns, characters, sessions = array("i"), array("B"), array("i"), array("q"), array("Q")
    texts: list[str] = []
    keys, flags = array("Q"), array("B")
    for dialogue in dialogues:
        files.append(dialogue.file)
        sources.append(dialogue.source_number or 1)
        fixed.append(0 if dialogue.split is None else 1 + SPLITS.index(dialogue.split))
        sessions.append(text_number(dialogue.session) if dialogue.session else NO_SESSION)
        turns.append(len(dialogue.turns))
        size = 0
        for turn in dialogue.turns:
            size += len(turn.content)
            letters = letters_of(turn.content)
            flag = (LONG if len(letters) >= MIN_JOINING_LETTERS else 0) | (
                NEAR if len(letters) >= MIN_NEAR_LETTERS else 0
            )
            if turn.role == "assistant":
                flag |= ANSWER | LOSS if turn.has_loss else ANSWER
            flags.append(flag)
            key = letters or turn.content.strip()
            texts.append(key)
            keys.append(text_number(key))
        characters.append(size)
    codes, code_lengths = encode_texts(texts)
    return Features(
        files=files,
        sources=np.frombuffer(sources, np.int32),
        fixed=np.frombuffer(fixed, np.uint8),
        sessions=np.frombuffer(sessions, np.uint64),
        turns=np.frombuffer(turns, np.int32),
        characters=np.frombuffer(characters, np.int64),
        keys=np.frombuffer(keys, np.uint64),
        flags=np.frombuffer(flags, np.uint8),
        codes=codes,
        code_lengths=code_lengths,
    )


@dataclass(frozen=True)
class Columns:
    """The features of all dialogues of a corpus, in their order.

    of each dialogue: `files` (numbers), `sources`, `fixed`, `sessions`, `turns` and `characters` as in Features; and
    `ends`, where its turns end in the columns of turns
    of each turn: `flags`, `texts` (the number of its text: each text has one, in the order in which they occur first)
    of each text: `keys`, and in `letters` its letters
    `scratch` makes arrays of as many elements.
    """

    files: NDArray[np.int32]
    sources: NDArray[np.int32]
    fixed: NDArray[np.uint8]
    sessions: NDArray[np.uint64]
    turns: NDArray[np.int32]
    characters: NDArray[np.int64]
    ends: NDArray[np.int64]
    flags: NDArray[np.uint8]
    texts: NDArray[np.int32]
    keys: NDArray[np.uint64]
    letters: Texts
    scratch: Scratch

    def __len__(self) -> int:
        return len(self.turns)

    def begins(self, dialogues: slice | NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the turns of these dialogues begin."""
        return self.ends[dialogues] - self.turns[dialogues]

    def conversations(self) -> NDArray[np.bool_]:
        """Which dialogues are of a file in which one has more than two turns, and have no split of their source."""
        longer = np.zeros(int(self.files.max(initial=-1)) + 1, bool)
        for part in parts_of(len(self)):
            longer[self.files[part][self.turns[part] > 2]] = True
        found = self.scratch.zeros(len(self), bool)
        for part in parts_of(len(self)):
            found[part] = longer[self.files[part]] & (self.fixed[part] == 0)
        return found

    def answers(self, flags: int = ANSWER) -> NDArray[np.int32]:
        """How many turns with all of these flags each dialogue has."""
        found = self.scratch.zeros(len(self), np.int32)
        for dialogues, turns in self.parts():
            counted = (self.flags[turns] & flags == flags).astype(np.int32)
            found[dialogues] = np.add.reduceat(counted, self.begins(dialogues) - turns.start)
        return found

    def dialogues_of(self, turns: NDArray[np.int64]) -> NDArray[np.int64]:
        """The dialogues of some turns, all as indices."""
        return np.searchsorted(self.ends, turns, side="right")

    def parts(self) -> Iterator[tuple[slice, slice]]:
        """Consecutive dialogues and their turns, about TURNS_AT_ONCE turns at a time."""
        begin = first_turn = 0
        while begin < len(self):
            end = max(begin + 1, int(np.searchsorted(self.ends, first_turn + TURNS_AT_ONCE, side="right")))
            last_turn = int(self.ends[end - 1])
            yield slice(begin, end), slice(first_turn, last_turn)
            begin, first_turn = end, last_turn


class FeatureStore:
    """Collects features in files: numbers, less than 100 bytes a dialogue of two turns, and letters."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder`: where the files lie; they have no name, and end with the process."""
        scratch = self._scratch = Scratch(folder)
        self._file_numbers: dict[str, int] = {}
        self._files, self._sources = Growing(np.int32, scratch), Growing(np.int32, scratch)
        self._fixed, self._sessions = Growing(np.uint8, scratch), Growing(np.uint64, scratch)
        self._turns, self._ends = Growing(np.int32, scratch), Growing(np.int64, scratch)
        self._characters = Growing(np.int64, scratch)
        self._texts, self._flags = Growing(np.int32, scratch), Growing(np.uint8, scratch)
        self._keys = KeyTable(scratch)
        self._begins, self._lengths = Growing(np.int64, scratch), Growing(np.int32, scratch)
        self._codes, self._code_count = scratch.file(self), 0

    def __len__(self) -> int:
        return len(self._turns)

    def add(self, features: Features) -> None:
        """Add the next dialogues."""
        numbers = self._file_numbers
        files = (numbers.setdefault(name, len(numbers)) for name in features.files)
        self._files.extend(np.fromiter(files, np.int32, len(features.files)))
        self._sources.extend(features.sources)
        self._fixed.extend(features.fixed)
        self._sessions.extend(features.sessions)
        self._turns.extend(features.turns)
        self._ends.extend(len(self._flags) + np.cumsum(features.turns, dtype=np.int64))
        self._characters.extend(features.characters)
        self._flags.extend(features.flags)
        texts, new = self._keys.add(features.keys)
        self._texts.extend(texts)
        lengths = features.code_lengths[new]
        self._begins.extend(self._code_count + begins_of(lengths))
        self._lengths.extend(lengths)
        codes = features.codes[np.repeat(new, features.code_lengths)]
        self._codes.write(codes.tobytes())
        self._code_count += len(codes)

    def columns(self) -> Columns:
        """All of them. Nothing can be added any more."""
        keys, self._keys = self._keys.keys, KeyTable(self._scratch)  # the rest of the table is no longer needed
        return Columns(
            files=self._files.array,
            sources=self._sources.array,
            fixed=self._fixed.array,
            sessions=self._sessions.array,
            turns=self._turns.array,
            characters=self._characters.array,
            ends=self._ends.array,
            flags=self._flags.array,
            texts=self._texts.array,
            keys=keys,
            letters=self._letters(),
            scratch=self._scratch,
        )

    def _letters(self) -> Texts:
        """The texts, whose letters stay in the file."""
        if not self._code_count:
            return texts_of([])
        self._codes.flush()
        letters = mmap.mmap(self._codes.fileno(), 0, access=mmap.ACCESS_READ)
        texts = Texts(np.frombuffer(letters, np.uint32), self._begins.array, self._lengths.array)
        if len(letters) <= MAPPED_BYTES or not hasattr(mmap, "MADV_DONTNEED"):  # Windows has no such call
            return texts
        return replace(texts, release=partial(letters.madvise, mmap.MADV_DONTNEED))
