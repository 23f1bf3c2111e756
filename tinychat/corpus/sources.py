"""The list of sources: those in `params.yaml: corpus.sources`, or all files and folders in the raw folder."""

import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath

import yaml

from tinychat.errors import InputError, Phrase
from tinychat.params.raw_folder import may_hold_dialogues, refuse_name, refuse_special_file
from tinychat.params.sections import CorpusParams, SourceParams

SAMPLE = SourceParams(corpus="starter")


def as_yaml(source: Mapping[str, object]) -> str:
    """A source as params.yaml may have it, on one line."""
    return yaml.safe_dump(
        dict(source), default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**6
    ).strip()


def list_sources(raw: Path, params: CorpusParams) -> list[SourceParams]:
    """The sources in the order in which they are read: files and folders by name, then the starter corpus.

    `auto`: every file and folder in `raw` that may hold dialogues; where there is none, the sample.
    Raises InputError for what is neither, for a name that is not UTF-8, for data that DVC tracks and that
    is not there, and for a source that is named twice.
    """
    if params.sources == "auto":
        names = [name for name in _raw_files(raw) if _nfc(name) != _nfc(params.mask.block_list or "")]
        sources = [SourceParams(file=name) for name in names] or [SAMPLE]
    else:
        sources = params.sources
        names = [source.title for source in sources]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError("params.yaml: corpus.sources names {name} twice", name=twice)
    return sorted(sources, key=lambda source: (source.file is None, _nfc(source.title)))


def find_source(raw: Path, name: str) -> Path:
    """The path of a file or a folder in `raw` that params.yaml names as a source. Raises as `find_file` does."""
    return _find(raw, name, "corpus.sources", lambda path: path.is_file() or path.is_dir())


def find_file(raw: Path, name: str, key: str) -> Path:
    """The path of a file in `raw` that `key` of params.yaml names; raises InputError that lists what is there."""
    return _find(raw, name, key, Path.is_file)


def _find(raw: Path, name: str, key: str, is_one: Callable[[Path], bool]) -> Path:
    inside = PurePath(name)
    if inside.is_absolute() or ".." in inside.parts:
        raise InputError(
            "params.yaml: {key}: {name} is outside {folder}; put the file into that folder",
            key=key,
            name=name,
            folder=raw,
        )
    path = raw / name
    if is_one(path):
        return path
    # A file name that came from macOS may be decomposed.
    there = sorted(raw.iterdir()) if raw.is_dir() else []
    for other in there:
        if _nfc(other.name) == _nfc(name) and is_one(other):
            return other
    _refuse_missing_dvc(raw, name)
    refuse_special_file(path)
    listed = ", ".join(other.name for other in there if may_hold_dialogues(other.name)) or Phrase("nothing")
    raise InputError("{path}: no such file. {folder} contains: {listed}.", path=path, folder=raw, listed=listed)


def _raw_files(raw: Path) -> list[str]:
    entries = sorted(raw.iterdir()) if raw.is_dir() else []
    names = []
    for entry in entries:
        if entry.suffix == ".dvc":
            _refuse_missing_dvc(raw, entry.name.removesuffix(".dvc"))
        elif may_hold_dialogues(entry.name):
            refuse_name(entry)
            refuse_special_file(entry)
            if not entry.exists():
                raise InputError(
                    "{path}: a link to a file that is not there. If DVC made it, run: dvc pull", path=entry
                )
            names.append(entry.name)
    return names


def _refuse_missing_dvc(raw: Path, name: str) -> None:
    """Raise InputError for data that DVC tracks but that is missing, instead of silently taking the sample."""
    if (raw / f"{name}.dvc").is_file() and not (raw / name).exists():
        raise InputError("{path}.dvc tracks {name}, which is not here. Run: dvc pull", path=raw / name, name=name)


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)
