"""Puts tidied rows together in their order: what is a repeat, what is above a limit; counts all of it."""

import pickle
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.counts import Counts, Rows
from tinychat.corpus.key_table import KeyTable
from tinychat.corpus.row_batches import Batch, Segment
from tinychat.corpus.scratch import Scratch
from tinychat.corpus.tidying import Kept, Tidied


class Merging(Generic[Kept]):
    """What was seen of all sources so far."""

    def __init__(
        self,
        counts: Counts,
        advance: Callable[[int, int], None] = lambda rows, position: None,
        folder: Path | None = None,
    ) -> None:
        """`advance` gets how many more rows were read, and how many more bytes of the sources.

        In `folder` lie temporary files: the dialogues of a source with a limit wait there, and what was seen.
        """
        self._counts, self._advance, self._scratch = counts, advance, Scratch(folder)
        self._seen = KeyTable(self._scratch)
        self._position = 0
        self._waiting: _Waiting[Kept] | None = None  # of the source, where it has a limit

    def merge(self, results: Iterable[tuple[Batch, list[Tidied[Kept]]]]) -> Iterator[Kept]:
        """The dialogues that are kept, in their order, perhaps none at a time."""
        for batch, tidied in results:
            for segment, one in zip(batch.segments, tidied, strict=True):
                yield from self._segment(segment, one)
            self._advance(sum(segment.read for segment in batch.segments), batch.position - self._position)
            self._position = batch.position

    def _segment(self, segment: Segment, one: Tidied[Kept]) -> Iterator[Kept]:
        limit = segment.source.limit
        if limit is not None and self._waiting is None:
            self._waiting = _Waiting(self._scratch)
        if one.places:
            kept = self._count(one, segment.rows)
            if self._waiting is None:
                yield one.kept.choose(kept)
            else:
                self._waiting.add(one, kept, segment.rows)
        else:
            self._count(one, segment.rows)
        if segment.ends and self._waiting is not None and limit is not None:
            yield from self._waiting.evenly(limit, self._seen)
            self._waiting = None
        for do in segment.then:
            do()

    def _count(self, one: Tidied[Kept], rows: Rows) -> NDArray[np.bool_]:
        """Count the rows; gives which of the dialogues are no repeats."""
        self._counts.turns.merge(one.counts)
        for dropped in one.dropped:
            rows.dropped.add(dropped.reason, dropped.where)
        kept = np.ones(len(one.places), bool)
        unique = np.nonzero(one.unique)[0]
        digests = one.digests[unique]
        if self._waiting is None:
            kept[unique] = self._seen.add(digests)[1]
        else:
            kept[unique] = ~self._seen.known(digests) & self._waiting.seen.add(digests)[1]
        for index in np.nonzero(~kept)[0].tolist():
            rows.dropped.add("repeat", one.places[index])
        rows.kept += int(kept.sum())
        for index, finds in one.found.items():
            if kept[index]:
                for find in finds:
                    self._counts.masked.update(found.kind for found in find[2])
                    if self._counts.see_masked:
                        self._counts.see_masked(find)
        return kept


class _Waiting(Generic[Kept]):
    """The dialogues of a source with a limit, in a temporary file until their number is known."""

    def __init__(self, scratch: Scratch) -> None:
        self.seen = KeyTable(scratch)
        self._file = scratch.file(self)
        self._rows: list[Rows] = []  # of each chunk: where it is counted
        self._total = 0

    def add(self, one: Tidied[Kept], kept: NDArray[np.bool_], rows: Rows) -> None:
        """Keep some of these dialogues."""
        places = [place for place, keep in zip(one.places, kept, strict=True) if keep]
        pickle.dump((one.kept.choose(kept), places, one.digests[kept], one.unique[kept]), self._file)
        self._rows.append(rows)
        self._total += len(places)

    def evenly(self, limit: int, seen: KeyTable) -> Iterator[Kept]:
        """At most `limit` of them, spread evenly over the source, so that all its years are in it.

        Those left out are dropped and counted, and another source may have them.
        """
        with self._file:
            self._file.seek(0)
            begin = 0
            for rows in self._rows:
                kept, places, digests, unique = pickle.load(self._file)
                numbers = np.arange(begin, begin + len(places))
                begin += len(places)
                chosen = np.full(len(places), True)
                if self._total > limit:
                    chosen = (numbers + 1) * limit // self._total > numbers * limit // self._total
                for index in np.nonzero(~chosen)[0].tolist():
                    rows.kept -= 1
                    rows.dropped.add("over_the_limit", places[index])
                seen.add(digests[chosen & unique])
                yield kept.choose(chosen)
