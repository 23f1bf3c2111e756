"""Files of one room: exported twice, or in parts. Read as one, by time, without what an earlier file has already.

Only messages of different files are compared; inside a file nothing is ever a repeat. Clocks are compared to the
minute, since one program writes seconds and another does not.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import groupby, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.dialogue import Faulty
from tinychat.corpus.messenger import ChatMessage, MessengerReader
from tinychat.corpus.scratch import AT_ONCE, Growing, Scratch, are_in, distinct_in_place, parts_of
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.errors import Phrase
from tinychat.params.sections import SourceParams

REPEAT = "in_an_earlier_file"
# Of the messages in a time that two files have in common. Two rooms may have one name, such as that of the partner.
MIN_SHARED = 0.5

Item = ChatMessage | Faulty


def by_room(reader: MessengerReader, texts: Sequence[TextFile], source: SourceParams) -> list[list[TextFile]]:
    """The files of each room, in the order of the first one; a file whose room cannot be told is one of its own.

    Files are of one room if it has the same name in both, and if in the time that both have in common at least half of
    the messages of one are in the other.
    """
    if len(texts) == 1:
        return [list(texts)]
    rooms: dict[str, list[TextFile]] = {}
    for number, text in enumerate(texts):
        room = reader.room(text)
        rooms.setdefault(f"named {room}" if room else f"unnamed {number}", []).append(text)
    return [files for named in rooms.values() for files in _split_by_content(reader, named, source)]


def in_order(
    reader: MessengerReader, files: Sequence[TextFile], source: SourceParams, dropped: Tally, remarks: list[str]
) -> Iterator[tuple[TextFile, Item]]:
    """The messages of a room and their files, by time; repeats between files are dropped and counted."""
    if len(files) == 1:
        yield from ((files[0], item) for item in reader.messages(files[0], source, dropped, remarks))
        return
    streams = [_minutes(number, reader.messages(text, source, dropped, remarks)) for number, text in enumerate(files)]
    for _, same_time in groupby(heapq.merge(*streams, key=lambda m: (m.time, m.file)), key=lambda m: m.time):
        # The longest is probably complete, so that its order is right: the others begin or end in this minute.
        minutes = sorted(same_time, key=lambda minute: -len(minute.items))
        had: Counter[object] = Counter()
        for minute in minutes:
            left = had.copy()
            for item in minute.items:
                key = _key(item) if isinstance(item, ChatMessage) else None
                if key is not None and left[key] > 0:
                    left[key] -= 1
                    assert isinstance(item, ChatMessage)
                    dropped.add(REPEAT, f"{files[minute.file].path}:{item.place}")
                    continue
                if key is not None:
                    had[key] += 1
                yield files[minute.file], item


@dataclass
class _Minute:
    """The messages of a file in one minute."""

    time: datetime
    file: int
    items: list[Item] = field(default_factory=list)


def _minutes(file: int, items: Iterable[Item]) -> Iterator[_Minute]:
    """The items by minute; a minute that is before the one above it counts as that one."""
    minute: _Minute | None = None
    for item in items:
        time = _minute_of(item) if isinstance(item, ChatMessage) else minute.time if minute else datetime.min
        if minute is None or time > minute.time:
            if minute is not None:
                yield minute
            minute = _Minute(time, file)
        minute.items.append(item)
    if minute is not None:
        yield minute


def _minute_of(message: ChatMessage) -> datetime:
    return message.time.replace(second=0, microsecond=0)


def _key(message: ChatMessage) -> tuple[str, str, str]:
    """What is the same where a message stands in two files, but for its time."""
    return message.speaker_key, message.text, message.kind


class _Span:
    """The time of a file's messages, and what was written in it."""

    def __init__(self, reader: MessengerReader, text: TextFile, source: SourceParams) -> None:
        self.text = text
        self._scratch = Scratch()
        self._messages = lambda: (
            message for message in reader.messages(text, source, Tally(), []) if isinstance(message, ChatMessage)
        )
        self.begin = self.end = datetime.min
        for number, message in enumerate(self._messages()):
            minute = _minute_of(message)
            self.begin = min(self.begin, minute) if number else minute
            self.end = max(self.end, minute)

    @cached_property
    def written(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The minute of each message, and a hash of it and what was written; read only where times overlap."""
        minutes, hashes = Growing(np.int64, self._scratch), Growing(np.int64, self._scratch)
        found = ((_minute_of(message), _key(message)) for message in self._messages())
        while some := list(islice(found, AT_ONCE)):
            minutes.extend(np.array([_number(minute) for minute, _ in some]))
            hashes.extend(np.array([hash(one) for one in some]))
        return minutes.array, hashes.array

    def is_of(self, room: list["_Span"]) -> bool:
        """Whether half of what it or these files hold, in the time of both, is in the other.

        The first and the last minute are left out: parts of an export begin where others end.
        """
        others = [(max(self.begin, other.begin), min(self.end, other.end), other) for other in room]
        overlaps = [(_number(begin), _number(end), other) for begin, end, other in others if begin < end]
        theirs = self._hashes((other, begin, end) for begin, end, other in overlaps)
        mine = self._hashes((self, begin, end) for begin, end, _ in overlaps)
        shared = sum(int(are_in(theirs, mine[part]).sum()) for part in parts_of(len(mine)))
        return shared >= MIN_SHARED * min(len(mine), len(theirs))

    def _hashes(self, parts: Iterable[tuple["_Span", int, int]]) -> NDArray[Any]:
        """The different messages of these files, each between two minutes, in ascending order of their hashes."""
        found = Growing(np.int64, self._scratch)
        for span, begin, end in parts:
            minutes, hashes = span.written
            for part in parts_of(len(minutes)):
                found.extend(hashes[part][(minutes[part] > begin) & (minutes[part] < end)])
        return distinct_in_place(found.array)


def _number(minute: datetime) -> int:
    """A minute as a number that grows with it."""
    return minute.toordinal() * 24 * 60 + minute.hour * 60 + minute.minute


def _split_by_content(reader: MessengerReader, files: list[TextFile], source: SourceParams) -> list[list[TextFile]]:
    """Files whose room has one name, as the rooms that they are."""
    if len(files) == 1:
        return [files]
    rooms: list[list[_Span]] = []
    for text in files:
        span = _Span(reader, text, source)
        room = next((room for room in rooms if span.is_of(room)), None)
        if room is None:
            rooms.append([span])
        else:
            room.append(span)
    return [[span.text for span in room] for room in rooms]


def told(rooms: Sequence[Sequence[TextFile]]) -> list[str]:
    """A remark for each room that is in more than one file."""
    return [
        Phrase("read as one, being of one room: {files}", files=", ".join(text.path.name for text in files))
        for files in rooms
        if len(files) > 1
    ]
