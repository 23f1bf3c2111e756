"""The files of a folder or an archive, read each by the reader that it fits; and what is told of them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tinychat.corpus.claiming import Claimed, claim, items_of
from tinychat.corpus.messenger import MessengerReader
from tinychat.corpus.opening import Opened, options_of, refuse_options, tell_encoding
from tinychat.corpus.raw_files import RawFile, UnclaimedError
from tinychat.corpus.reader import Item, Notes, RawReader, excerpts, find_readers
from tinychat.corpus.rooms import by_room
from tinychat.corpus.tally import SHOWN, Tally
from tinychat.corpus.text_files import TextFile
from tinychat.corpus.unpacking import files_of
from tinychat.errors import InputError, Phrase, joined, text_of
from tinychat.files import temporary_folder
from tinychat.params.sections import CorpusParams

MAX_REMARKS = 20  # shown of a folder or an archive
NO_TEXT = "no_text"


@dataclass(frozen=True)
class Part:
    """Files that a reader reads together: one, or those of a messenger, each room's together."""

    name: str
    reader: RawReader
    rooms: Sequence[Sequence[RawFile]]
    scores: dict[str, float]  # of the first file

    @property
    def files(self) -> list[RawFile]:
        return [file for files in self.rooms for file in files]


@contextmanager
def parts_of(
    one: Opened, params: CorpusParams, leave_out: Callable[[UnclaimedError], None]
) -> Iterator[Iterator[Part]]:
    """The files of the folder or archive `one` that readers take, by name, those of messengers at the end.

    Each can be read until the next is asked for; then what was unpacked of it is removed. Where no reader takes one,
    `leave_out` gets the reason. Raises InputError as `files_of` does, and where a file alone fits no reader.
    """
    with temporary_folder() as scratch:
        yield _parts(one, params, leave_out, scratch)


def _parts(
    one: Opened, params: CorpusParams, leave_out: Callable[[UnclaimedError], None], scratch: Path
) -> Iterator[Part]:
    known = find_readers()
    messengers: dict[str, list[Claimed]] = {}
    for file in files_of(one.path, str(one.source.file), scratch):
        alone = file.path == one.path
        try:
            if isinstance(file, UnclaimedError):
                raise file
            claimed = claim(file, one.source, known, params, alone)
        except UnclaimedError as error:
            if alone:
                raise
            leave_out(error)
            continue
        if isinstance(claimed.reader, MessengerReader):
            place = scratch / f"kept {sum(map(len, messengers.values()))}"
            messengers.setdefault(claimed.name, []).append(_kept_until_the_end(claimed, place))
        else:
            yield Part(claimed.name, claimed.reader, [[claimed.file]], claimed.scores)
    for name, files in messengers.items():
        reader = files[0].reader
        assert isinstance(reader, MessengerReader)
        texts = [claimed.file for claimed in files if isinstance(claimed.file, TextFile)]
        yield Part(name, reader, by_room(reader, texts, one.source), files[0].scores)


def _kept_until_the_end(claimed: Claimed, place: Path) -> Claimed:
    """The file, moved to `place` if it is packed, so that it stays when the next one is unpacked."""
    if claimed.file.content.parent != place.parent:
        return claimed
    return replace(claimed, file=replace(claimed.file, content=claimed.file.content.rename(place)))


@dataclass
class PackedFiles:
    """What was read of the folder or archive `one`, and what is told of it.

    left_out  files that no reader takes, by reason
    """

    one: Opened
    tell: Callable[..., None]
    by_reader: Counter[str] = field(default_factory=Counter)
    left_out: Tally = field(default_factory=Tally)
    nul_characters: int = 0
    _takes: set[str] = field(default_factory=set)  # options of the source that some reader takes
    _not_utf_8: int = 0
    _remarks: dict[str, list[str]] = field(default_factory=dict)  # and the files that they are about
    _why: list[UnclaimedError] = field(default_factory=list)  # of the first texts that are left out

    @property
    def format(self) -> str:
        """The names of the readers."""
        return ", ".join(sorted(self.by_reader))

    def parts(self, params: CorpusParams) -> Iterator[tuple[Part, Iterator[Item], Notes]]:
        """The files with what their reader gives, and its notes, which are complete when all of that was taken."""
        with parts_of(self.one, params, self.leave_out) as parts:
            for part in parts:
                notes = Notes()
                for file in part.files:
                    self._tell_encoding(file)
                try:
                    items = items_of(part.reader, part.rooms, self.one.source, params, notes)
                except UnclaimedError as error:
                    if error.path == self.one.path:
                        raise
                    self.leave_out(error)
                    continue
                yield part, items, notes
                self._add(part, notes)
        if not self.by_reader:
            reasons = joined("; ", [*self.left_out.lines(), *map(text_of, self._why)]) or Phrase("it holds no files")
            raise InputError("{path}: nothing in it can be read: {reasons}", path=self.one.path, reasons=reasons)
        refuse_options(self.one.source, self._takes, self.format)

    def leave_out(self, error: UnclaimedError) -> None:
        """Count a file that no reader takes."""
        self.left_out.add(error.reason, str(error.path))
        if error.reason != NO_TEXT and len(self._why) < SHOWN:
            self._why.append(error)

    def _tell_encoding(self, file: RawFile) -> None:
        if isinstance(file, TextFile):
            self.nul_characters += file.nul_count
            self._not_utf_8 += file.codec != "utf-8"
            if self._not_utf_8 <= SHOWN:
                tell_encoding(file, self.tell)

    def _add(self, part: Part, notes: Notes) -> None:
        self.by_reader[part.name] += len(part.files)
        self._takes |= options_of(part.reader)
        names = [file.path.relative_to(self.one.path).as_posix() for file in part.files]
        for remark in notes.lines():
            self._remarks.setdefault(remark, []).extend(names)

    def remarks(self) -> list[str]:
        """The remarks of the readers, each once, with the files that it is about where it is not about all."""
        files = self.by_reader.total()
        lines = [
            remark if len(about) == files else f"{remark} ({excerpts(about)})"
            for remark, about in self._remarks.items()
        ]
        more = len(lines) - MAX_REMARKS
        return lines if more <= 0 else [*lines[:MAX_REMARKS], f"… and {more:,} more"]

    def lines(self, numbers: str) -> list[str]:
        """What is told of the source in the end; `numbers`: of its rows."""
        if self.by_reader.total() == 1 and not self.left_out.total():
            return ["; ".join([f"{self.one.path}: {self.format}, {numbers}", *self.remarks()])]
        left_out = f"left out: {_counted(self.left_out.as_numbers())}; " if self.left_out.total() else ""
        return [
            f"{self.one.path}: files: {_counted(self.by_reader)}; {left_out}{numbers}",
            *(f"  {remark}" for remark in self.remarks()),
            *(f"  left out: {error}" for error in self._why),
        ]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
