"""The folder data/raw: which of its files and folders may hold dialogues, and which cannot be read."""

import os
from pathlib import Path

from tinychat.errors import InputError, Phrase

NO_DIALOGUES = ("README.md", "desktop.ini", "Thumbs.db", "__MACOSX")  # all but the first are the system's own
# Hidden files; the lock files of Excel and Word.
NO_DIALOGUES_STARTS = (".", "~$")


def may_hold_dialogues(name: str) -> bool:
    """Whether a file or folder of this name counts as data: README.md, hidden and system files and `*.dvc` do not."""
    return not (name in NO_DIALOGUES or name.startswith(NO_DIALOGUES_STARTS) or name.endswith(".dvc"))


def refuse_unreadable(raw: Path) -> None:
    """Raise InputError for files anywhere below `raw` that stop DVC or block it for ever.

    These are files whose name is not UTF-8, pipes, sockets and devices.
    """
    for folder, folders, files in os.walk(raw):
        for name in sorted(folders + files):
            refuse_name(Path(folder, name))
        for name in sorted(files):
            refuse_special_file(Path(folder, name))


def refuse_name(path: Path) -> None:
    """Raise InputError where the name of `path` is not UTF-8, or blank: no line of params.yaml could hold it."""
    name = path.name
    if not name.strip():
        raise InputError(
            "{folder}: the name of a file in it is blank ({name!a}); rename that file", folder=path.parent, name=name
        )
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raw = os.fsencode(name)
        shown = raw.decode("ascii", errors="backslashreplace")
        raise InputError(
            "{folder}/{name}: the file's name is not UTF-8{meant}; rename the file",
            folder=path.parent,
            name=shown,
            meant=_as_cp949(raw),
        ) from None


def _as_cp949(name: bytes) -> str:
    """A hint with the name decoded from CP949, as from a ZIP of Korean Windows; empty where it does not decode."""
    try:
        return Phrase(" (in CP949, as a ZIP from Windows has it: {name})", name=name.decode("cp949"))
    except UnicodeDecodeError:
        return ""


def refuse_special_file(path: Path) -> None:
    """Raise InputError for a pipe, a socket or a device."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InputError("{path}: a pipe, a socket or a device, not a file; remove it", path=path)
