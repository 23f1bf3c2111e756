"""Text files: their encoding and their lines.

Two passes, chunk by chunk, so that a file larger than the memory can be read: the first finds the encoding and verifies
it for the whole file, the second gives the lines.
"""

import codecs
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path
from typing import TextIO

from tinychat.corpus.known_formats import not_text
from tinychat.errors import InputError, Phrase

CHUNK_BYTES = 1 << 20
HEAD_BYTES = 4096
HEAD_CHARACTERS = 1 << 16
MAX_HEAD_LINE = 1 << 20  # characters; a document on one line may be larger than the memory
PIECE_CHARACTERS = 1 << 20

BOMS = {
    codecs.BOM_UTF8: ("utf-8", "UTF-8"),
    codecs.BOM_UTF16_LE: ("utf-16-le", "UTF-16-LE"),
    codecs.BOM_UTF16_BE: ("utf-16-be", "UTF-16-BE"),
}


@dataclass(frozen=True)
class TextFile:
    """A file that was verified to be text in `codec`, with `nul_count` NUL characters that reading leaves out."""

    path: Path
    codec: str
    encoding: str
    nul_count: int

    def lines(self) -> Iterator[str]:
        """The lines with their ends, split at \\r\\n, \\n and lone \\r only: U+2028 and the like stay inside a line."""
        return self._parts(lambda file: file.readline())

    def pieces(self) -> Iterator[str]:
        """The text in pieces of PIECE_CHARACTERS, wherever its lines end."""
        return self._parts(lambda file: file.read(PIECE_CHARACTERS))

    def _parts(self, take: Callable[[TextIO], str]) -> Iterator[str]:
        with open(self.path, encoding=self.codec, newline="") as file:
            part = take(file).removeprefix("\ufeff")
            while part:
                if self.nul_count:
                    part = part.replace("\0", "")
                if part:
                    yield part
                part = take(file)

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


def open_text_file(path: Path) -> TextFile:
    """Find the encoding of `path`: BOM, then UTF-16 by its zero bytes, then strict UTF-8, then strict CP949.

    Raises InputError for a format that is not text, for bytes that fit no encoding (with their offset),
    and for text with more than one NUL in 1,000 characters.
    """
    if path.stat().st_size == 0:
        raise InputError("{path}: the file is empty", path=path)
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    _refuse_other_formats(path, head)
    codec, encoding = _by_bom(path, head) or _by_zero_bytes(head) or ("", "")
    if codec:
        tried = _Pass(path, codec)
        if tried.bad_byte is not None:
            raise InputError(
                "{path}:{line}: not {encoding} at byte {byte}, though the file begins as such. "
                "It may be cut or damaged; save it as UTF-8.",
                path=path,
                line=tried.line,
                encoding=encoding,
                byte=tried.bad_byte,
            )
        return _text_file(path, codec, encoding, tried)
    utf_8 = _Pass(path, "utf-8")
    if utf_8.bad_byte is None:
        return _text_file(path, "utf-8", "UTF-8", utf_8)
    # Never euc_kr: its decoder refuses 뷁, 햏 and 8,820 other syllables that files called EUC-KR hold.
    cp949 = _Pass(path, "cp949")
    if cp949.bad_byte is None:
        return _text_file(path, "cp949", "CP949 (EUC-KR)", cp949)
    further = max(utf_8, cp949, key=lambda attempt: attempt.bad_byte or 0)
    raise InputError(
        "{path}:{line}: neither UTF-8 (fails at byte {utf_8}) nor CP949 (fails at byte {cp949}). "
        "Save the file as UTF-8.",
        path=path,
        line=further.line,
        utf_8=utf_8.bad_byte,
        cp949=cp949.bad_byte,
    )


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


def _text_file(path: Path, codec: str, encoding: str, good: _Pass) -> TextFile:
    if good.nuls > 1 and good.nuls > good.characters / 1000:
        raise InputError(
            "{path}: {nuls} of {characters} characters are NUL: this looks like a binary or UTF-16 file. "
            "Save it as UTF-8 text.",
            path=path,
            nuls=good.nuls,
            characters=good.characters,
        )
    return TextFile(path, codec, encoding, good.nuls)


def _refuse_other_formats(path: Path, head: bytes) -> None:
    if known := not_text(path.name, head):
        what, advice = known
        raise InputError("{path}: {what}, not text. {advice}", path=path, what=Phrase(what), advice=Phrase(advice))


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
