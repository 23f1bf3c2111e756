"""Which readers there are, and which one reads a file."""

import importlib
import pkgutil
from pathlib import Path

from tinychat.corpus import readers
from tinychat.corpus.known_formats import CONVERT, looks_like, recognise
from tinychat.corpus.reader import FileReader, FolderReader, Reader
from tinychat.corpus.text_files import TextFile
from tinychat.errors import InputError
from tinychat.params import CorpusParams

ENOUGH = 0.5


def find_readers() -> dict[str, Reader]:
    """Every module in `readers/` by its name. A new source is a new file there, and nothing else."""
    names = sorted(module.name for module in pkgutil.iter_modules(readers.__path__))
    return {name: importlib.import_module(f"{readers.__name__}.{name}").READER for name in names}


def choose_reader(
    text: TextFile, wanted: str | None, known: dict[str, Reader], params: CorpusParams
) -> tuple[str, FileReader]:
    """The reader for a file: the one that params names; else by content; else by the ending of its name.

    Raises InputError for a name that no reader has, for a format that is known and that no reader reads, and with the
    scores where the content does not decide.
    """
    by_name = {name: reader for name, reader in known.items() if isinstance(reader, FileReader)}
    if wanted is not None and wanted not in by_name:
        raise InputError(
            f"params.yaml: corpus.sources: {text.path.name}: no format {wanted!r}; there is {', '.join(by_name)}"
        )
    head = text.head()
    if not head:
        raise InputError(f"{text.path}: the file is blank")
    scores = {name: reader.score(head, params) for name, reader in by_name.items()}
    if wanted is None:
        best = max(scores.values(), default=0.0)
        fitting = [name for name, score in scores.items() if score == best >= ENOUGH]
    else:
        fitting = [wanted] if scores[wanted] else []
    if not fitting and (what := recognise(head)):
        raise InputError(f"{text.path}: {looks_like(what)}")
    if not fitting and wanted is not None:
        fitting = [wanted]  # it says what is wrong
    if not fitting:
        suffix = Path(text.path.name.lower()).suffix
        fitting = [name for name, reader in by_name.items() if suffix in reader.suffixes]
    if len(fitting) == 1:
        return fitting[0], by_name[fitting[0]]
    listed = ", ".join(f"{name} {score:.2f}" for name, score in scores.items())
    problem, advice = "no format fits", CONVERT
    if fitting:
        problem = "more than one format fits"
        advice = f"Name one in params.yaml: corpus.sources: [{{file: {text.path.name}, format: {fitting[0]}}}]"
    raise InputError(f"{text.path}: {problem} ({listed}; {ENOUGH} is enough). {advice}")


def folder_reader(name: str, known: dict[str, Reader]) -> FolderReader:
    """The reader of a corpus that is part of the project."""
    reader = known[name]
    assert isinstance(reader, FolderReader), name
    return reader
