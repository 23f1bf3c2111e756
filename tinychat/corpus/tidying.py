"""Rows as they enter the corpus: cleaned, joined, masked, many at once; a function of these rows alone.

So they can be tidied in any process (`tinychat/shards.py`). What depends on the rows before them, such as whether
a dialogue is a repeat, is decided when the results are put together (gathering.py).
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.dialogue import Dialogue, Dropped, Faulty, to_record
from tinychat.corpus.features import ANSWER, Features, features_of
from tinychat.corpus.key_table import Keys
from tinychat.corpus.masking.block_list import BlockList
from tinychat.corpus.masking.source_mask import FoundIn, SourceMask
from tinychat.corpus.prompts import first_question, is_long
from tinychat.corpus.reader import Item
from tinychat.corpus.text_keys import dialogue_digest
from tinychat.corpus.turns import TurnCounts, tidy_turns
from tinychat.files import to_json_lines


class Chosen(Protocol):
    """Dialogues of which some can be chosen."""

    def choose(self, which: NDArray[np.bool_]) -> Self:
        """Those that are true in `which`, in their order."""


Kept = TypeVar("Kept", bound=Chosen)


class Dialogues(list[Dialogue]):
    """Dialogues as they are."""

    def choose(self, which: NDArray[np.bool_]) -> "Dialogues":
        return Dialogues(compress(self, which))


@dataclass(frozen=True)
class Packed:
    """Dialogues as the stage ingest needs them.

    lines           as they stand in the corpus files
    questions, long the key of each first question, and whether it is too long for a prompt
    """

    lines: list[bytes]
    features: Features
    questions: Keys
    long: NDArray[np.bool_]

    def question(self, i: int) -> str:
        """The first question of dialogue i."""
        messages = json.loads(self.lines[i])["messages"]
        return next(str(message["content"]) for message in messages if message["role"] == "user")

    def choose(self, which: NDArray[np.bool_]) -> "Packed":
        if which.all():
            return self
        return Packed(
            list(compress(self.lines, which)), self.features.choose(which), self.questions[which], self.long[which]
        )


@dataclass(frozen=True)
class RowBatch:
    """Consecutive rows of one reader.

    speakers       names to mask; None: nothing is masked
    source_number  0 in a corpus of one source
    """

    rows: list[Item]
    speakers: frozenset[str] | None
    source_number: int


@dataclass(frozen=True)
class Tidied(Generic[Kept]):
    """What became of a batch of rows.

    places, digests  of each dialogue: `FILE:LINE`, and a hash that is the same for the same texts
    unique           which of them must not repeat others: the evaluation set may repeat training dialogues
    found            by the index of a dialogue: what was masked in it
    dropped          the other rows
    """

    kept: Kept
    places: list[str]
    digests: Keys
    unique: NDArray[np.bool_]
    found: dict[int, list[FoundIn]]
    dropped: list[Dropped]
    counts: TurnCounts


class Tidying:
    """Tidies batches; what it needs of the params."""

    def __init__(self, leave: Collection[str], blocked: BlockList | None) -> None:
        self._leave, self._blocked = leave, blocked
        self._masks: dict[frozenset[str], SourceMask] = {}

    def __call__(self, batch: RowBatch) -> Tidied[Dialogues]:
        kept, found, dropped, counts = Dialogues(), dict[int, list[FoundIn]](), list[Dropped](), TurnCounts()
        mask = None if batch.speakers is None else self._mask(batch.speakers)
        for row in batch.rows:
            if isinstance(row, Faulty):
                row = Dropped(row.where, row.reason)
            tidy = tidy_turns(row, counts, mask) if isinstance(row, Dialogue) else row
            finds = mask.take_found() if mask else []
            if isinstance(tidy, Dropped):
                dropped.append(tidy)
                continue
            if finds:
                found[len(kept)] = finds
            kept.append(replace(tidy, source_number=batch.source_number) if batch.source_number else tidy)
        return Tidied(
            kept=kept,
            places=[dialogue.source for dialogue in kept],
            digests=np.frombuffer(b"".join(map(dialogue_digest, kept)), np.uint64),
            unique=np.array([dialogue.split in (None, "train") for dialogue in kept], bool),
            found=found,
            dropped=dropped,
            counts=counts,
        )

    def _mask(self, speakers: frozenset[str]) -> SourceMask:
        if speakers not in self._masks:
            self._masks = {speakers: SourceMask(self._leave, self._blocked, speakers)}
        return self._masks[speakers]


def pack(dialogues: Sequence[Dialogue]) -> Packed:
    """The dialogues as the stage needs them."""
    features = features_of(dialogues)
    first = np.cumsum(features.turns) - features.turns
    first += features.flags[first] & ANSWER != 0  # of turns that alternate the second is the user's
    return Packed(
        lines=[to_json_lines([to_record(dialogue)]).encode() for dialogue in dialogues],
        features=features,
        questions=features.keys[first],
        long=np.array([is_long(first_question(dialogue)) for dialogue in dialogues], bool),
    )


def packing(leave: Collection[str], blocked: BlockList | None) -> Callable[[Sequence[RowBatch]], list[Tidied[Packed]]]:
    """What a process does with batches."""
    tidy = Tidying(leave, blocked)

    def work(batches: Sequence[RowBatch]) -> list[Tidied[Packed]]:
        return [_packed(tidy(batch)) for batch in batches]

    return work


def _packed(tidied: Tidied[Dialogues]) -> Tidied[Packed]:
    kinds = {index: [("", "", found) for _, _, found in finds] for index, finds in tidied.found.items()}
    return Tidied(pack(tidied.kept), tidied.places, tidied.digests, tidied.unique, kinds, tidied.dropped, tidied.counts)
