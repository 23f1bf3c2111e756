"""The files of a source: itself, those in a folder, those in an archive."""

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from tinychat.corpus.archives import GZIP, LABELS, ZIP, ZSTD, inside, open_zip, unpack_single, zip_kind
from tinychat.corpus.known_formats import is_other_archive, not_text
from tinychat.corpus.raw_files import RawFile, UnclaimedError
from tinychat.errors import InputError
from tinychat.params.raw_folder import may_hold_dialogues, refuse_name, refuse_special_file

STICKER = ".tgs"
SOURCES = re.compile(r"[TV]S_.*\.zip", re.IGNORECASE)  # of AI Hub: the same dialogues without labels
DVC_CACHE = re.compile(r".*/files/md5/[0-9a-f]{2}/[0-9a-f]{30}")  # where DVC's links lead, if it is told to link


def is_packed(path: Path) -> bool:
    """Whether it is a folder or an archive. Raises InputError for a damaged zip archive."""
    if path.is_dir():
        return True
    raw = RawFile.of(path)
    return _is_single(path, raw.first_bytes()) or _is_archive(raw)


def files_of(path: Path, file: str, scratch: Path) -> Iterator[RawFile | UnclaimedError]:
    """The files of the source `path`, which params.yaml names `file`, sorted by name; for what holds no text, why not.

    What is packed is unpacked into the folder `scratch`, and removed when the next one is asked for, unless it is
    moved. Hidden and system files are passed over, as in data/raw itself.

    Raises InputError for an archive that is damaged or refused, for an archive in an archive, and for what is no file.
    """
    place = scratch / "unpacked"
    if not path.is_dir():
        yield from _unpacked(RawFile(path, path, file), place)
        return
    files = _files_below(path)
    has_labels = any(LABELS.fullmatch(below.name) for below in files)
    for below in files:
        if has_labels and SOURCES.fullmatch(below.name):
            yield UnclaimedError(
                "no_labels", "{path}: of AI Hub's archives those with labels are read", path=path / below
            )
            continue
        yield from _unpacked(RawFile(path / below, path / below, f"{file}/{below.as_posix()}"), place)


def _files_below(folder: Path) -> list[Path]:
    """The files of a folder and of those in it, as paths from there."""
    found = []
    for place, folders, names in os.walk(folder, onerror=_raise):
        folders[:], names[:] = filter(may_hold_dialogues, folders), filter(may_hold_dialogues, names)
        for path in (Path(place, name) for name in folders + names):
            refuse_name(path)
            refuse_special_file(path)
            if path.is_symlink():
                _refuse_link_out(folder, path)
        # A folder that a link inside leads to is not walked: its files are read where they are.
        found += [Path(place, name).relative_to(folder) for name in names]
    return sorted(found, key=lambda path: unicodedata.normalize("NFC", path.as_posix()))


def _raise(error: OSError) -> None:
    raise error


def _refuse_link_out(folder: Path, link: Path) -> None:
    """Raise InputError for a link that leads out of `folder`, but to DVC's cache, or to nothing."""
    target = link.resolve()
    if not target.exists():
        raise InputError("{path}: a link to a file that is not there. If DVC made it, run: dvc pull", path=link)
    if not (target.is_relative_to(folder.resolve()) or DVC_CACHE.fullmatch(target.as_posix())):
        raise InputError(
            "{path}: a link that leads out of {folder}; put the file itself there, or remove the link",
            path=link,
            folder=folder,
        )


def _unpacked(raw: RawFile, place: Path) -> Iterator[RawFile | UnclaimedError]:
    """The file itself, or what it holds if it is packed, in a file at `place`."""
    head = raw.first_bytes()
    if _is_archive(raw):
        yield from _members(raw, place)
    elif _is_single(raw.path, head):
        unpack_single(raw, head, place)
        inner = RawFile(raw.path, place, raw.file)
        _refuse_nested(inner)
        yield inner
        place.unlink(missing_ok=True)
    else:
        yield raw


def _members(raw: RawFile, place: Path) -> Iterator[RawFile | UnclaimedError]:
    """The members of a zip archive. What is no text by its first bytes, such as a film, is not unpacked."""
    with open_zip(raw.path, raw.content) as archive:
        for name, info in archive.members():
            if not all(map(may_hold_dialogues, name.split("/"))):
                continue
            path = inside(raw.path, name)
            head = archive.first_bytes(name, info)
            may_be_read = head.startswith(ZIP) or _is_single(path, head) or is_other_archive(head)
            refused = None if may_be_read else not_text(path, head)
            if refused is not None:
                yield refused
                continue
            archive.unpack(name, info, place)
            inner = RawFile(path, place, raw.file)
            _refuse_nested(inner)
            yield inner
            place.unlink(missing_ok=True)


def _is_archive(raw: RawFile) -> bool:
    """Whether it is a zip archive of files, and no office document."""
    return raw.first_bytes().startswith(ZIP) and zip_kind(raw.path, raw.content) == "archive"


def _is_single(path: Path, head: bytes) -> bool:
    """Whether it is one packed file. The stickers of Telegram, which are gzip files too, hold no dialogues."""
    return head.startswith((GZIP, ZSTD)) and path.suffix.lower() != STICKER


def _refuse_nested(raw: RawFile) -> None:
    """Raise InputError for what was in an archive and is one itself."""
    head = raw.first_bytes()
    if _is_archive(raw) or _is_single(raw.path, head) or is_other_archive(head):
        raise InputError(
            "{path}: an archive in an archive. Unpack the outer one, and put what it holds in its place.", path=raw.path
        )
