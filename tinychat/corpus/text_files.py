"""Text files: their encoding and their lines.

Two passes, chunk by chunk, so that a file larger than the memory can be read: the first finds the encoding and verifies
it for the whole file, the second gives the lines.
"""

import codecs
import io
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import dropwhile
from pathlib import Path
from typing import TextIO

from tinychat.corpus.known_formats import not_text
from tinychat.corpus.raw_files import HEAD_BYTES, RawFile, UnclaimedError
from tinychat.errors import InputError, Phrase

CHUNK_BYTES = 1 << 20
HEAD_CHARACTERS = 1 << 16
MAX_HEAD_LINE = 1 << 20  # characters; a document on one line may be larger than the memory
PIECE_CHARACTERS = 1 << 20

BOMS = {
    codecs.BOM_UTF8: ("utf-8", "UTF-8"),
    codecs.BOM_UTF16_LE: ("utf-16-le", "UTF-16-LE"),
    codecs.BOM_UTF16_BE: ("utf-16-be", "UTF-16-BE"),
}


@dataclass(frozen=True)
class TextFile(RawFile):
    """A file that was verified to be text in `codec`, with `nul_count` NUL characters that reading leaves out."""

    codec: str
    encoding: str
    nul_count: int
    _open: list[TextIO] = field(default_factory=list, init=False, compare=False, repr=False)

    def lines(self) -> Iterator[str]:
        """The lines with their ends, split at \\r\\n, \\n and lone \\r only: U+2028 and the like stay inside a line."""
        return self._parts(lambda file: file.readline())

    def pieces(self) -> Iterator[str]:
        """The text in pieces of PIECE_CHARACTERS, wherever its lines end."""
        return self._parts(lambda file: file.read(PIECE_CHARACTERS))

    def _parts(self, take: Callable[[TextIO], str]) -> Iterator[str]:
        with open(self.content, encoding=self.codec, newline="") as file:
            self._open[:] = [file]
            part = take(file).removeprefix("\ufeff")
            while part:
                if self.nul_count:
                    part = part.replace("\0", "")
                if part:
                    yield part
                part = take(file)
            self._open.clear()

    def position(self) -> int:
        """How many bytes of it were read, where it is being read; else 0."""
        return sum(os.lseek(file.fileno(), 0, os.SEEK_CUR) for file in self._open if not file.closed)

    def head(self) -> list[str]:
        """Whole lines, the first of them not blank, 64 Ki characters or a little more; none where the file is blank.

        Of a line of more than MAX_HEAD_LINE characters only the beginning.
        """
        lines, size = [], 0
        for line in dropwhile(str.isspace, self._parts(lambda file: file.readline(MAX_HEAD_LINE))):
            lines.append(line)
            size += len(line)
            if size >= HEAD_CHARACTERS:
                break
        return lines


def open_text_file(raw: RawFile | Path) -> TextFile:
    """Find the encoding of a file: BOM, then UTF-16 by its zero bytes, then strict UTF-8, then strict CP949.

    Raises InputError for text with bytes that fit no encoding (with their offset), and UnclaimedError for what is not
    text: a format that is known, bytes at the beginning that fit no encoding, more than one NUL in 1,000 characters.
    """
    raw = raw if isinstance(raw, RawFile) else RawFile.of(raw)
    head = raw.first_bytes()
    if not head:
        raise UnclaimedError("blank_file", "{path}: the file is empty", path=raw.path)
    if refused := not_text(raw.path, head):
        raise refused
    by_bom = _by_bom(raw.path, head)
    codec, encoding = by_bom or _by_zero_bytes(head) or ("", "")
    if codec:
        tried = _Pass(raw.content, codec)
        if tried.bad_byte is not None:
            problem = Phrase(
                "not {encoding} at byte {byte}, though the file begins as such. "
                "It may be cut or damaged; save it as UTF-8.",
                encoding=encoding,
                byte=tried.bad_byte,
            )
            raise _undecodable(raw.path, tried, problem, is_text=by_bom is not None)
        return _text_file(raw, codec, encoding, tried)
    utf_8 = _Pass(raw.content, "utf-8")
    if utf_8.bad_byte is None:
        return _text_file(raw, "utf-8", "UTF-8", utf_8)
    # Never euc_kr: its decoder refuses 뷁, 햏 and 8,820 other syllables that files called EUC-KR hold.
    cp949 = _Pass(raw.content, "cp949")
    if cp949.bad_byte is None:
        return _text_file(raw, "cp949", "CP949 (EUC-KR)", cp949)
    further = max(utf_8, cp949, key=lambda attempt: attempt.bad_byte or 0)
    problem = Phrase(
        "neither UTF-8 (fails at byte {utf_8}) nor CP949 (fails at byte {cp949}). Save the file as UTF-8.",
        utf_8=utf_8.bad_byte,
        cp949=cp949.bad_byte,
    )
    raise _undecodable(raw.path, further, problem, is_text=True)


def _undecodable(path: Path, tried: "_Pass", problem: Phrase, is_text: bool) -> InputError:
    """The error for a text that is damaged; or, where not even its beginning decodes, for what is no text."""
    place = f"{path}:{tried.line}"
    if is_text and tried.bad_byte is not None and tried.bad_byte >= HEAD_BYTES:
        return InputError("{place}: {problem}", place=place, problem=problem)
    return UnclaimedError("no_text", "{place}: {problem}", path=path, place=place, problem=problem)


class _Pass:
    """One pass through a file in one codec: its first byte that does not decode, or its characters and NULs."""

    def __init__(self, path: Path, codec: str) -> None:
        self.bad_byte: int | None = None
        self.line = 1  # at the end of what fits, as an editor counts
        self.characters = 0
        self.nuls = 0
        decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(codec)("strict"), translate=True)
        read = 0
        with open(path, "rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                read += len(chunk)
                if not self._decode(decoder, chunk, read):
                    return
            self._decode(decoder, b"", read)

    def _decode(self, decoder: io.IncrementalNewlineDecoder, chunk: bytes, read: int) -> bool:
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            # `error.object` is the bytes left over from the chunk before, then this chunk.
            self.bad_byte = read - len(error.object) + error.start
            good = error.object[: error.start].decode(error.encoding)
            self.line += len(re.findall("\r\n|\n|\r", good))
            return False
        self.line += text.count("\n")
        self.characters += len(text)
        self.nuls += text.count("\0")
        return True


def _text_file(raw: RawFile, codec: str, encoding: str, good: _Pass) -> TextFile:
    if good.nuls > 1 and good.nuls > good.characters / 1000:
        raise UnclaimedError(
            "no_text",
            "{path}: {nuls} of {characters} characters are NUL: this looks like a binary or UTF-16 file. "
            "Save it as UTF-8 text.",
            path=raw.path,
            nuls=good.nuls,
            characters=good.characters,
        )
    return TextFile(raw.path, raw.content, raw.file, codec, encoding, good.nuls)


def _by_bom(path: Path, head: bytes) -> tuple[str, str] | None:
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise InputError("{path}: encoded in UTF-32. Save it as UTF-8.", path=path)
    return next((found for bom, found in BOMS.items() if head.startswith(bom)), None)


def _by_zero_bytes(head: bytes) -> tuple[str, str] | None:
    """UTF-16 without a BOM. Korean prose has 34% zero bytes at odd places (little-endian) and 2% at even ones."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    # One zero byte is a stray NUL, even in a short file.
    tenth = max(1, len(head) / 2 / 10)
    if odd > tenth and odd >= 4 * even:
        return "utf-16-le", "UTF-16-LE"
    if even > tenth and even >= 4 * odd:
        return "utf-16-be", "UTF-16-BE"
    return None
