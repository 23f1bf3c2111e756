"""Sources with their readers, and which of them are files of one room."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinychat.corpus.claiming import claim
from tinychat.corpus.messenger import MessengerReader
from tinychat.corpus.raw_files import RawFile
from tinychat.corpus.reader import RawReader, Reader, SpeakerReader, folder_reader
from tinychat.corpus.rooms import by_room
from tinychat.corpus.sources import find_source
from tinychat.corpus.text_files import TextFile
from tinychat.corpus.unpacking import is_packed
from tinychat.errors import InputError
from tinychat.params.sections import CorpusParams, SourceParams


@dataclass(frozen=True)
class Opened:
    """A source.

    reader  and its name; None for a folder or an archive, each of whose files has its own
    file    to be read; a TextFile but for a BinaryReader. None for a folder, an archive, and a corpus of the project
    path    of the file, the folder or the archive; the folder of a corpus of the project
    """

    source: SourceParams
    title: str
    reader_name: str
    reader: Reader | None
    file: RawFile | None
    path: Path

    @property
    def text(self) -> TextFile | None:
        """The file as text."""
        return self.file if isinstance(self.file, TextFile) else None


def open_source(
    source: SourceParams,
    raw: Path,
    params: CorpusParams,
    known: dict[str, Reader],
    tell: Callable[..., None],
) -> Opened:
    """The source with its reader. Raises InputError where there is no such file, or no reader takes it."""
    if source.corpus is not None:
        reader = folder_reader(source.corpus, known)
        return Opened(source, str(reader.folder), source.corpus, reader, None, raw.parent.parent / reader.folder)
    path = find_source(raw, str(source.file))  # SourceParams is one of the two
    if is_packed(path):
        return Opened(source, str(path), "", None, None, path)
    claimed = claim(RawFile(path, path, str(source.file)), source, known, params, alone=True)
    tell_encoding(claimed.file, tell)
    refuse_options(source, options_of(claimed.reader), claimed.name)
    return Opened(source, str(path), claimed.name, claimed.reader, claimed.file, path)


def tell_encoding(file: RawFile, tell: Callable[..., None]) -> None:
    """Tell how a text is read, if not as plain UTF-8."""
    if isinstance(file, TextFile) and file.codec != "utf-8":
        tell(f"{file.path}: read as {file.encoding}", stderr=True)
    if isinstance(file, TextFile) and file.nul_count:
        tell(f"{file.path}: {file.nul_count} NUL characters left out", stderr=True)


def options_of(reader: RawReader) -> set[str]:
    """The options of a source that a reader takes."""
    if isinstance(reader, MessengerReader):
        return {"assistant", "gap_minutes", "date_order", "drop_links"}
    if isinstance(reader, SpeakerReader):
        return {"assistant", *reader.options}
    return set(reader.options)


def refuse_options(source: SourceParams, takes: set[str], format_name: str) -> None:
    """Raise InputError where a source has an option that its readers do not take."""
    given = {name for name in ("gap_minutes", "date_order", "drop_links") if getattr(source, name)}
    if not given <= takes:
        raise InputError(
            "params.yaml: corpus.sources: {file} is {format}: gap_minutes, date_order and drop_links are for exports "
            "of messengers",
            file=source.file,
            format=format_name,
        )
    given = {name for name in ("original_form", "drop_masked") if getattr(source, name)}
    if not given <= takes:
        raise InputError(
            "params.yaml: corpus.sources: {file} is {format}: original_form is for nikl, drop_masked for aihub",
            file=source.file,
            format=format_name,
        )
    of_table = {"header": not source.header, "columns": source.columns is not None, "sheet": source.sheet is not None}
    if not {name for name, is_given in of_table.items() if is_given} <= takes:
        raise InputError(
            "params.yaml: corpus.sources: {file} is {format}: header is for CSV, TSV and Excel, sheet for Excel, "
            "columns for tables",
            file=source.file,
            format=format_name,
        )
    if source.assistant is not None and "assistant" not in takes:
        raise InputError(
            "params.yaml: corpus.sources: {file} is {format}, whose roles are known; leave assistant out",
            file=source.file,
            format=format_name,
        )


def as_one(sources: Sequence[SourceParams]) -> SourceParams:
    """The params of files that are read as one: their limits and shares are added."""
    first, files = sources[0], len(sources)
    if files == 1:
        return first
    together = {"limit": first.limit and first.limit * files, "share": first.share and min(1, first.share * files)}
    return first.model_copy(update={key: value for key, value in together.items() if value is not None})


def one_room_each(opened: Sequence[Opened]) -> list[list[Opened]]:
    """The sources, those together that are files of one room and are to be read alike."""
    alike: dict[object, list[Opened]] = {}
    for number, one in enumerate(opened):
        settings = one.source.model_copy(update={"file": None}).model_dump_json()
        messenger = isinstance(one.reader, MessengerReader)
        alike.setdefault((one.reader_name, settings) if messenger else number, []).append(one)
    groups: list[list[Opened]] = []
    for same in alike.values():
        if len(same) == 1 or not isinstance(same[0].reader, MessengerReader):
            groups += [[one] for one in same]
            continue
        by_text = {id(one.text): one for one in same}
        texts = [one.text for one in same if one.text is not None]
        rooms = by_room(same[0].reader, texts, same[0].source)
        groups += [[by_text[id(text)] for text in files] for files in rooms]
    return sorted(groups, key=lambda group: opened.index(group[0]))
