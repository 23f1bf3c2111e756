"""Sources with their readers, and which of them are files of one room."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinychat.corpus.messenger import MessengerReader
from tinychat.corpus.reader import FileReader, Reader, choose_reader, folder_reader
from tinychat.corpus.rooms import by_room
from tinychat.corpus.sources import find_file
from tinychat.corpus.text_files import TextFile, open_text_file
from tinychat.errors import InputError
from tinychat.params.sections import CorpusParams, SourceParams


@dataclass(frozen=True)
class Opened:
    """A source whose reader is known. `text`: its file; None for a corpus that is a folder of the project."""

    source: SourceParams
    title: str
    reader_name: str
    reader: Reader
    text: TextFile | None
    folder: Path


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
    assert source.file is not None  # SourceParams is one of the two
    text = open_text_file(find_file(raw, source.file))
    if text.codec != "utf-8":
        tell(f"{text.path}: read as {text.encoding}", stderr=True)
    if text.nul_count:
        tell(f"{text.path}: {text.nul_count} NUL characters left out", stderr=True)
    name, file_reader = choose_reader(text, source.format, known, params)
    of_messenger = source.gap_minutes is not None or source.date_order is not None
    if of_messenger and not isinstance(file_reader, MessengerReader):
        raise InputError(
            "params.yaml: corpus.sources: {file} is {format}: gap_minutes and date_order are for exports of messengers",
            file=source.file,
            format=name,
        )
    if source.assistant is not None and isinstance(file_reader, FileReader):
        raise InputError(
            "params.yaml: corpus.sources: {file} is {format}, whose roles are known; leave assistant out",
            file=source.file,
            format=name,
        )
    return Opened(source, str(text.path), name, file_reader, text, raw)


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
