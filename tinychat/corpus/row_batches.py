"""The rows of all sources in batches that are worth tidying together, perhaps in another process."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from tinychat.corpus.counts import Rows
from tinychat.corpus.dialogue import Dialogue
from tinychat.corpus.reader import Item
from tinychat.corpus.source_rows import Row, SourceRows
from tinychat.corpus.tidying import RowBatch

# So many rows, or characters: fewer take longer, more wait in memory.
ROWS, CHARACTERS = 1000, 1 << 20


@dataclass
class Segment:
    """Rows that follow one another, and are counted in one place.

    read  how many they are
    then  what is to be done when they were counted
    ends  whether there are no more of the source
    """

    source: SourceRows
    number: int
    rows: Rows = field(default_factory=Rows)
    speakers: set[str] | None = None
    items: list[Item] = field(default_factory=list)
    read: int = 0
    then: list[Callable[[], None]] = field(default_factory=list)
    ends: bool = False

    def to_tidy(self) -> RowBatch:
        """The rows, which are then no longer kept here."""
        items, self.items = self.items, []
        self.read = len(items)
        return RowBatch(items, None if self.speakers is None else frozenset(self.speakers), self.number)


@dataclass(frozen=True)
class Batch:
    """What waits here while rows are tidied; `position`: how many bytes of all sources were read by then."""

    segments: list[Segment]
    position: int


def batches(sources: Sequence[SourceRows]) -> Iterator[tuple[Batch, list[RowBatch]]]:
    """All rows: what waits here, and what is to be tidied.

    An error is raised where it is the next thing to be done, after all that was read before it, so that it is the same
    error however far rows are read ahead.
    """
    segments: list[Segment] = []
    rows = characters = position = 0

    def taken() -> tuple[Batch, list[RowBatch]]:
        nonlocal segments, rows, characters
        full, segments, rows, characters = segments, [], 0, 0
        return Batch(full, position), [segment.to_tidy() for segment in full]

    begin = 0  # of the source, in bytes of all
    for number, source in enumerate(sources, start=1 if len(sources) > 1 else 0):
        try:
            for event in source.read():
                if isinstance(event, Row):
                    if not segments or segments[-1].then or segments[-1].rows is not event.rows:
                        segments.append(Segment(source, number, event.rows, event.speakers))
                    segments[-1].items.append(event.item)
                    rows += 1
                    characters += _characters(event.item)
                    if rows >= ROWS or characters >= CHARACTERS:
                        position = begin + source.position()
                        yield taken()
                    continue
                if not segments or segments[-1].source is not source:
                    segments.append(Segment(source, number))
                segments[-1].then.append(event.do)
                segments[-1].ends = event.last
        except Exception as error:  # raised again, in its turn
            segments.append(Segment(source, number, then=[partial(_raise, error)]))
            yield taken()
            return
        begin += source.size
    position = begin
    yield taken()


def _characters(item: Item) -> int:
    return sum(len(turn.content) for turn in item.turns) if isinstance(item, Dialogue) else 0


def _raise(error: Exception) -> None:
    raise error
