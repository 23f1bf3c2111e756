"""What is packed: zip archives, and single files in gzip or zstd, unpacked to a temporary file with bounds.

Nothing is ever written under the name of a member. What cannot be an export of dialogues is refused as a whole: names
that lead out of the archive, links, encrypted members, and what unpacks to more than MAX_EXPANSION times its size.
"""

import errno
import gzip
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Literal

from tinychat.corpus.raw_files import HEAD_BYTES, RawFile
from tinychat.errors import InputError, Phrase

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
MAX_EXPANSION = 100
HARMLESS_BYTES = 1 << 20  # what unpacks to less is read, however small it was packed
CHUNK_BYTES = 1 << 18
ZSTD_CHUNK_BYTES = 1 << 11  # packed; a block of 128 KiB may be packed in 4 bytes, and a chunk is unpacked at once
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
# What a damaged archive makes the libraries raise. An OSError of gzip or bz2 has no number, and one for a place before
# the beginning of the file is EINVAL; others are of the disk.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OverflowError, struct.error, OSError)
EMPTY_NAMES = ("", ".")
LABELS = re.compile(r"[TV]L_.*\.zip", re.IGNORECASE)  # of AI Hub, whose members' names may begin with /

ZipKind = Literal["archive", "workbook", "document"]


class Expansion:
    """Counts what is unpacked of a file, and refuses what is out of all proportion to its size."""

    def __init__(self, path: Path, packed: int) -> None:
        self.path, self.packed, self.unpacked = path, packed, 0

    def add(self, size: int) -> None:
        """Count so many bytes. Raises InputError where there are more than MAX_EXPANSION times those packed."""
        self.unpacked += size
        if self.unpacked > max(HARMLESS_BYTES, MAX_EXPANSION * self.packed):
            raise InputError(
                "{path}: unpacked it is more than {times} times as large as packed ({packed:,} bytes), as a zip bomb "
                "is. If it is none, unpack it and put the file inside in its place.",
                path=self.path,
                times=MAX_EXPANSION,
                packed=self.packed,
            )


def inside(path: Path, name: str) -> Path:
    """The name in messages of what is in a file, such as a member of an archive, whatever it is called."""
    return Path(f"{path}/{name}")


def zip_kind(path: Path, content: Path) -> ZipKind:
    """What a file that begins as a zip archive is: an archive of files, an Excel workbook, or another office document.

    Raises InputError, which calls it `path`, where it is cut or damaged.
    """
    with _reading(path), zipfile.ZipFile(content) as opened:
        names = set(opened.namelist())
    if "xl/workbook.xml" in names:
        return "workbook"
    return "document" if {"[Content_Types].xml", "mimetype"} & names else "archive"


class ZipArchive:
    """An open zip archive whose members were checked."""

    def __init__(self, path: Path, opened: zipfile.ZipFile, size: int) -> None:
        self.path, self._opened = path, opened
        self._members: list[tuple[str, zipfile.ZipInfo]] = []
        whole = Expansion(path, size)
        for info in opened.infolist():
            name = member_name(info)
            self._refuse(info, name)
            whole.add(info.file_size)
            if not name.endswith("/"):
                self._members.append(("/".join(part for part in name.split("/") if part not in EMPTY_NAMES), info))

    def _refuse(self, info: zipfile.ZipInfo, name: str) -> None:
        """Raise InputError for a member that no export of dialogues has."""
        is_link = stat.S_ISLNK(info.external_attr >> 16)
        problem = ""
        if (name.startswith("/") and not LABELS.fullmatch(self.path.name)) or re.match(r"[A-Za-z]:", name):
            problem = Phrase("its name is absolute")
        elif ".." in name.split("/"):
            problem = Phrase("its name leads out of the archive")
        elif not name.strip():
            problem = Phrase("its name is blank")
        elif is_link:
            problem = Phrase("it is a symbolic link")
        elif info.flag_bits & 1:
            problem = Phrase("it is encrypted")
        elif info.compress_type not in METHODS:
            problem = Phrase("its compression (method {method}) is not known", method=info.compress_type)
        if problem:
            raise InputError(
                "{archive}: the member {member!r} is refused: {problem}. Unpack the archive, and put the files that "
                "hold dialogues in its place.",
                archive=self.path,
                member=name,
                problem=problem,
            )
        Expansion(inside(self.path, name), info.compress_size).add(info.file_size)

    def members(self) -> list[tuple[str, zipfile.ZipInfo]]:
        """Its files with their names, sorted by these, so that a copy that was packed anew gives the same."""
        return sorted(self._members, key=lambda member: unicodedata.normalize("NFC", member[0]))

    def first_bytes(self, name: str, info: zipfile.ZipInfo) -> bytes:
        """The first 4 KiB of a member. Raises InputError where it is damaged."""
        with _reading(inside(self.path, name)), self._opened.open(info) as member:
            return member.read(HEAD_BYTES)

    def chunks(self, name: str, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """The bytes of a member, chunk by chunk. Raises InputError where it is damaged."""
        # zipfile reads no more than the size that was checked.
        with _reading(inside(self.path, name)):
            member = self._opened.open(info)
        with member:
            while True:
                with _reading(inside(self.path, name)):
                    chunk = member.read(CHUNK_BYTES)
                if not chunk:
                    return
                yield chunk

    def unpack(self, name: str, info: zipfile.ZipInfo, to: Path) -> None:
        """Write a member to a file. Raises InputError where it is damaged."""
        _write(self.chunks(name, info), to)


@contextmanager
def open_zip(path: Path, content: Path) -> Iterator[ZipArchive]:
    """A zip archive; `path` is its name in messages.

    Raises InputError where it is damaged, and for a member that is refused, before any is read.
    """
    with _reading(path):
        opened = zipfile.ZipFile(content)
    with opened:
        yield ZipArchive(path, opened, content.stat().st_size)


def member_name(info: zipfile.ZipInfo) -> str:
    """The name of a member with / between its parts.

    A zip made on Windows has names in CP949 without saying so, and some programs write UTF-8 without saying so. zipfile
    takes both for CP437, in which every byte is a character.
    """
    name = info.orig_filename
    if not info.flag_bits & 0x800:
        raw = name.encode("cp437")
        for encoding in ("utf-8", "cp949"):
            with suppress(UnicodeDecodeError):
                name = raw.decode(encoding)
                break
    return name.partition("\0")[0].replace("\\", "/")


def unpack_single(raw: RawFile, head: bytes, to: Path) -> None:
    """Write what a gzip or zstd file holds to a file.

    Raises InputError where it is damaged, or unpacks to more than MAX_EXPANSION times its size.
    """
    with open(raw.content, "rb") as packed:
        _write(_single_chunks(raw, head, packed), to)


def _single_chunks(raw: RawFile, head: bytes, packed: BinaryIO) -> Iterator[bytes]:
    expansion = Expansion(raw.path, raw.content.stat().st_size)
    unpacked = _gzip_chunks(packed) if head.startswith(GZIP) else _zstd_chunks(raw.path, packed)
    while True:
        with _reading(raw.path):
            chunk = next(unpacked, b"")
        if not chunk:
            return
        expansion.add(len(chunk))
        yield chunk


def _gzip_chunks(packed: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=packed) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _zstd_chunks(path: Path, packed: BinaryIO) -> Iterator[bytes]:
    """What the frames of a zstd file hold, one after another."""
    try:
        import zstandard
    except ModuleNotFoundError:
        raise lacks(path, "zstandard") from None
    # Its `stream_reader` would end without a word where the file is cut.
    frame, begun = zstandard.ZstdDecompressor().decompressobj(), False
    try:
        while rest := packed.read(ZSTD_CHUNK_BYTES):
            while rest:
                begun = True
                if chunk := frame.decompress(rest):
                    yield chunk
                rest = b""
                if frame.eof:
                    rest, begun = frame.unused_data, False
                    frame = zstandard.ZstdDecompressor().decompressobj()
    except zstandard.ZstdError as error:
        raise EOFError(str(error)) from None
    if begun:
        raise EOFError("it ends within a frame")


def _write(chunks: Iterator[bytes], to: Path) -> None:
    with open(to, "wb") as file:
        for chunk in chunks:
            file.write(chunk)


def lacks(path: Path, package: str) -> InputError:
    """The error for a file whose format needs a package that is not installed."""
    return InputError(
        "{path}: to read it, the package {package} is needed: pip install 'tinychat[pipeline]'",
        path=path,
        package=package,
    )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Within this context, what a library raises for a damaged archive becomes an InputError that names `path`."""
    try:
        yield
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise InputError(
            "{path}: the archive is cut or damaged ({error}). Copy or export it again.",
            path=path,
            error=" ".join(str(error).split()) or type(error).__name__,
        ) from None
