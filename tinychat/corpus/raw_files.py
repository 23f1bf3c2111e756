"""Files of dialogues before they are read: one in data/raw, or one in a folder or an archive there."""

from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Self

from tinychat.errors import InputError

HEAD_BYTES = 4096
PACKED = (".gz", ".zst")  # one packed file, whose name is what stands before


@dataclass(frozen=True)
class RawFile:
    """A file that was not opened yet.

    path     its name in messages; of a member of an archive data/raw/chat.zip/_chat.txt
    content  where its bytes are: `path` itself, or a temporary file with what was packed
    file     what names it in params.yaml: corpus.sources; of a member the archive
    """

    path: Path
    content: Path
    file: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """A file that is not packed."""
        return cls(path, path, path.name)

    def first_bytes(self) -> bytes:
        """The first 4 KiB."""
        with open(self.content, "rb") as file:
            return file.read(HEAD_BYTES)

    @property
    def suffix(self) -> str:
        """The suffix of its name in lower case, such as .csv for TALK.CSV and talk.csv.gz."""
        name = PurePath(self.path.name.lower())
        return PurePath(name.stem).suffix if name.suffix in PACKED else name.suffix


class UnclaimedError(InputError):
    """No reader takes a file. In a folder or an archive it is left out, counted by `reason`, and shown.

    A reader raises it before its first item, where it finds that the file holds no dialogues after all.
    """

    def __init__(self, reason: str, template: str, *, path: Path, **values: object) -> None:
        super().__init__(template, path=path, **values)
        self.reason, self.path = reason, path
