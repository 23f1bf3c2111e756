"""Which reader takes a file: the one that params names, else by content, else by the suffix of its name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from tinychat.corpus.conversations import read_dialogues
from tinychat.corpus.known_formats import CONVERT, describe, looks_like, recognise, screenplay
from tinychat.corpus.messenger import MessengerReader
from tinychat.corpus.raw_files import RawFile, UnclaimedError
from tinychat.corpus.reader import (
    BinaryReader,
    FolderReader,
    Item,
    Notes,
    RawReader,
    Reader,
    SpeakerReader,
    TextReader,
    excerpt,
)
from tinychat.corpus.spoken import read_spoken
from tinychat.corpus.text_files import TextFile, open_text_file
from tinychat.errors import InputError, Phrase
from tinychat.params.sections import CorpusParams, SourceParams

MIN_SCORE = 0.5  # from which a file counts as of a reader's format


@dataclass(frozen=True)
class Claimed:
    """A file and the reader that takes it.

    file    a TextFile but for a BinaryReader
    scores  of each reader of such files, text or not: how well the file fits its format, 0 to 1
    """

    file: RawFile
    name: str
    reader: RawReader
    scores: dict[str, float]


def items_of(
    reader: RawReader, rooms: Sequence[Sequence[RawFile]], source: SourceParams, params: CorpusParams, notes: Notes
) -> Iterator[Item]:
    """What a reader gives of a file, or of files of a messenger, those of one room together.

    Raises UnclaimedError at once where a BinaryReader finds nothing that could be dialogues.
    """
    file = rooms[0][0]
    params = params.of_source(source)
    if isinstance(reader, BinaryReader):
        items = reader.read(file, params, notes)
        return chain(list(islice(items, 1)), items)
    texts = [[file for file in files if isinstance(file, TextFile)] for files in rooms]  # `claim` gives no others
    if isinstance(reader, MessengerReader):
        return read_dialogues(reader, texts, source, notes.messages_dropped, notes.remarks, notes.speakers)
    if isinstance(reader, SpeakerReader):
        return read_spoken(reader, texts[0][0], source, notes)
    return reader.read(texts[0][0], params, notes)


def claim(raw: RawFile, source: SourceParams, known: dict[str, Reader], params: CorpusParams, alone: bool) -> Claimed:
    """The file with its reader. `alone`: it is the source itself, and does not only lie in a folder or an archive.

    Raises InputError for a name that no reader has, and where the content does not decide; UnclaimedError where no
    reader takes the file: a format that is known and that no reader reads, or one that is not known, with the scores.
    """
    wanted, params = source.format, params.of_source(source)
    by_name = {name: reader for name, reader in known.items() if not isinstance(reader, FolderReader)}
    if wanted is not None and wanted not in by_name:
        raise InputError(
            "params.yaml: corpus.sources: {file}: no format {format!r}; there is {names}",
            file=raw.file,
            format=wanted,
            names=", ".join(by_name),
        )
    binary = {name: reader for name, reader in by_name.items() if isinstance(reader, BinaryReader)}
    scores = {name: reader.score(raw, params) for name, reader in binary.items()}
    fitting = [name for name, score in scores.items() if score >= MIN_SCORE]
    if alone and wanted is not None and wanted in binary:
        fitting = [wanted]  # its reader says what is wrong
    if fitting and wanted is not None and wanted not in fitting:
        raise _of_another_format(raw, fitting[0], wanted)
    if fitting:
        return Claimed(raw, fitting[0], binary[fitting[0]], scores)
    text = open_text_file(raw)
    readers = {name: reader for name, reader in by_name.items() if not isinstance(reader, BinaryReader)}
    name, scores = _choose(text, wanted, readers, params, alone)
    return Claimed(text, name, readers[name], scores)


def _choose(
    text: TextFile, wanted: str | None, readers: Mapping[str, TextReader], params: CorpusParams, alone: bool
) -> tuple[str, dict[str, float]]:
    """The name of the reader for a text, and the scores of all."""
    head = text.head()
    if not head:
        raise UnclaimedError("blank_file", "{path}: the file is blank", path=text.path)
    scores = {name: reader.score(head, params) for name, reader in readers.items()}
    if wanted is None:
        best = max(scores.values(), default=0.0)
        fitting = [name for name, score in scores.items() if score == best >= MIN_SCORE]
    else:
        fitting = [wanted] if scores.get(wanted) else []
    if not fitting and wanted is not None:
        # The speakers of a messenger are no questions. Of files together another format is not a fault.
        others = [name for name, reader in readers.items() if isinstance(reader, MessengerReader) or not alone]
        if found := [name for name in others if scores[name] >= MIN_SCORE]:
            raise _of_another_format(text, found[0], wanted)
    if not fitting and (what := recognise(head)):
        raise UnclaimedError("no_format", "{path}: {problem}", path=text.path, problem=looks_like(what))
    if not fitting and alone and wanted is not None:
        fitting = [wanted]  # its reader says what is wrong
    if not fitting and (speaker := screenplay(head)):
        raise UnclaimedError(
            "no_format",
            "{path}: this looks like a screenplay: the name {name} is alone on its line. Write the name before what it "
            "says, with a colon between them.",
            path=text.path,
            name=excerpt(speaker),
        )
    if not fitting and alone:
        fitting = [name for name, reader in readers.items() if text.suffix in reader.suffixes]
    if len(fitting) == 1:
        return fitting[0], scores
    listed = ", ".join(f"{name} {score:.2f}" for name, score in scores.items() if score)
    if fitting:
        raise InputError(
            "{path}: more than one format fits ({scores}; at least {minimum} is needed). "
            "Name one in params.yaml: corpus.sources: [{{file: {file}, format: {format}}}]",
            path=text.path,
            scores=listed,
            minimum=MIN_SCORE,
            file=text.file,
            format=fitting[0],
        )
    raise UnclaimedError(
        "no_format",
        "{path}: no format fits ({scores}; at least {minimum} is needed): {found}. {advice}"
        if listed
        else "{path}: no format fits: {found}. {advice}",
        path=text.path,
        found=describe(head),
        scores=listed,
        minimum=MIN_SCORE,
        advice=Phrase(CONVERT),
    )


def _of_another_format(raw: RawFile, found: str, wanted: str) -> UnclaimedError:
    return UnclaimedError(
        "no_format",
        "params.yaml: corpus.sources: {file}: its content is of the format {found}, not {format}",
        path=raw.path,
        file=raw.file if raw.path == raw.content else raw.path,
        found=found,
        format=wanted,
    )
