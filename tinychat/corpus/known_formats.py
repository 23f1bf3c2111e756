"""Formats without a reader, recognised so that the error can name the format and what to do.

A reader that scores for such a file takes precedence, so that a new reader needs no change here.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tinychat.corpus.raw_files import UnclaimedError
from tinychat.errors import Phrase

CONVERT = (
    "Convert it to a table whose header names a column of questions and one of answers (CSV, TSV), "
    'or to one JSON object {"messages": [{"role": "user", "content": "…"}, …]} a line.'
)
UNPACK = "Unpack it and put the file inside in its place."
SAVE_AS_XLSX = "Open it in a spreadsheet and save it as an Excel workbook (.xlsx) without a password."
EXPORT_TEXT = "Export it as CSV (UTF-8) or as one JSON object a line."
EXPORT_JSON = (
    "If it is the export of a messenger, export the chat again as JSON; take any other text into a table (CSV) or one "
    "JSON object a line."
)
TAKE_OUT = "It holds no dialogues as text; take it out of the folder."

# Formats that are not text: magic bytes and their offset. First archives that are not unpacked.
ARCHIVES = (
    (4, b"1AY&SY", "a bzip2 archive", UNPACK),
    (0, b"\xfd7zXZ\x00", "an xz archive", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (0, b"EGGA", "an EGG archive (ALZip)", UNPACK),
    (0, b"ALZ\x01", "an ALZ archive (ALZip)", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
)
MAGIC = (
    *ARCHIVES,
    (0, b"PK\x03\x04", "an office document", EXPORT_TEXT),  # zip archives and workbooks are read
    (0, b"\xd0\xcf\x11\xe0", "an older office document (xls, doc, hwp)", EXPORT_TEXT),
    (0, b"HWP Document File", "a Hangul document", EXPORT_TEXT),
    (0, b"%PDF", "a PDF", EXPORT_TEXT),
    (0, b"{\\rtf", "an RTF document", EXPORT_TEXT),
    (0, b"ARROW1", "an Arrow file", EXPORT_TEXT),
    (0, b"SQLite format 3\x00", "an SQLite database", EXPORT_TEXT),
    (0, b"\x89HDF", "an HDF5 file", EXPORT_TEXT),
    (0, b"\x93NUMPY", "a numpy array", EXPORT_TEXT),
    (0, b"bplist00", "an Apple property list", EXPORT_TEXT),
    (0, b"\x89PNG", "a picture", TAKE_OUT),
    (0, b"\xff\xd8\xff", "a picture", TAKE_OUT),
    (0, b"GIF8", "a picture", TAKE_OUT),
    (0, b"\x1f\x8b", "a picture", TAKE_OUT),  # a sticker of Telegram; other gzip files are unpacked
    (0, b"RIFF", "a picture, a sound or a film", TAKE_OUT),
    (4, b"ftyp", "a picture, a sound or a film", TAKE_OUT),
    (0, b"\x1aE\xdf\xa3", "a picture, a sound or a film", TAKE_OUT),
    (0, b"ID3\x03", "a sound", TAKE_OUT),
    (0, b"ID3\x04", "a sound", TAKE_OUT),
    (0, b"OggS", "a sound", TAKE_OUT),
    (0, b"#!AMR", "a sound", TAKE_OUT),
)
# Office documents, by the suffix of the name or by a mark in the first bytes.
CONTAINERS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
CONTAINED = (
    ((".xlsb",), b"xl/workbook.bin", "a binary Excel workbook", SAVE_AS_XLSX),
    ((".xls",), "Workbook".encode("utf-16-le"), "an older Excel workbook (.xls)", SAVE_AS_XLSX),
    ((".xlsx", ".xlsm"), "EncryptedPackage".encode("utf-16-le"), "an Excel workbook with a password", SAVE_AS_XLSX),
    ((".ods", ".numbers"), b"opendocument.spreadsheet", "a spreadsheet", SAVE_AS_XLSX),
    ((".docx", ".doc"), b"word/document", "a Word document", EXPORT_TEXT),
    ((".hwp", ".hwpx"), b"hwp+zip", "a Hangul document", EXPORT_TEXT),
    ((".odt", ".pages"), b"opendocument.text", "an OpenDocument or Pages document", EXPORT_TEXT),
    ((".pptx", ".ppt", ".odp"), b"ppt/presentation", "a presentation", EXPORT_TEXT),
)

# A table of messages: who sent each, and what it says. Without a column of answers its `User` is no question.
SENDERS = (
    *("user", "username", "sender", "author", "from", "name", "speaker"),
    *("이름", "보낸 사람", "보낸사람", "발신자", "작성자", "대화명", "말한 사람", "화자"),
)
MESSAGES = ("message", "text", "content", "contents", "body", "msg", "utterance", "메시지", "내용", "대화", "발화")
# JSON by its keys: one of each group occurs at the beginning.
JSON_KEYS = (("a Jupyter notebook", "cells", "nbformat"),)
# Text by its first line, in full.
FIRST_LINES = (
    ("a web page (HTML)", r"(?i:<!doctype html|<html).*"),
    ("a Discord chat as text", r"={62}"),
    ("an XML file", r"<\?xml .*"),
    ("subtitles", r"WEBVTT.*"),
    ("a Git LFS pointer, not the data itself", r"version https://git-lfs\.github\.com/spec/v1"),
    ("a mailbox", r"From \S+@\S+ .*"),
    ("contacts or a calendar", r"BEGIN:VC(?:ARD|ALENDAR)"),
)
ADVICE = {"a web page (HTML)": EXPORT_JSON, "a Discord chat as text": EXPORT_JSON}  # for all others CONVERT
# Text by its lines: this share of the first ones, at least two, match.
RECORDS = (("subtitles", 0.2, r"\d{1,2}:\d{2}:\d{2}[,.]\d{3} --> .*"),)
SCREENPLAY_NAME = re.compile(r"[^\W\d_][^:：\t,.!?…\"]{0,29}")
MIN_SPEECHES = 2  # of a name in a screenplay
MAX_LINES = 200
MAX_JSON_CHARACTERS = 1 << 16  # characters
MAX_LINE_CHARACTERS = 500
MAX_KEYS = 8  # shown
SHOWN = 40  # characters of a line


def not_text(path: Path, head: bytes) -> UnclaimedError | None:
    """The error for a file that is not text: what it is, and what to do; None where its first bytes are of no format
    that is known."""
    office = CONTAINED if head.startswith(CONTAINERS) else ()
    found = next(
        (
            (what, advice)
            for endings, mark, what, advice in office
            if path.name.lower().endswith(endings) or mark in head
        ),
        None,
    ) or next(((what, advice) for offset, magic, what, advice in MAGIC if head.startswith(magic, offset)), None)
    if found is None:
        return None
    what, advice = found
    return UnclaimedError(
        "no_text", "{path}: {what}, not text. {advice}", path=path, what=Phrase(what), advice=Phrase(advice)
    )


def is_other_archive(head: bytes) -> bool:
    """Whether it is an archive that has to be unpacked by hand."""
    return any(head.startswith(magic, offset) for offset, magic, *_ in ARCHIVES)


def recognise(head: Sequence[str]) -> str | None:
    """The format of a text that begins with these lines; None where it matches nothing in this module."""
    lines = [line[:MAX_LINE_CHARACTERS].strip() for line in head[:MAX_LINES] if not line.isspace()]
    if not lines:
        return None
    if what := known_json(head) or known_table(re.split("[,;\t|]", lines[0])):
        return what
    lines[0] = lines[0].removeprefix("\ufeff")
    for what, pattern in FIRST_LINES:
        if re.fullmatch(pattern, lines[0]):
            return what
    for what, share, pattern in RECORDS:
        if sum(re.fullmatch(pattern, line) is not None for line in lines) >= max(2, share * len(lines)):
            return what
    return None


def screenplay(head: Sequence[str]) -> str | None:
    """A line of a screenplay, in which a name is alone on a line and what it says below; None for any other text."""
    paragraphs: list[list[str]] = [[]]
    for line in (line[:MAX_LINE_CHARACTERS].strip() for line in head):
        if line:
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    begun = [lines[0] for lines in paragraphs if len(lines) > 1 and SCREENPLAY_NAME.fullmatch(lines[0])]
    names = Counter(begun)
    said = [line for line in begun if names[line] >= MIN_SPEECHES]
    return said[0] if len(set(said)) > 1 and len(said) > len(paragraphs) / 2 else None


def known_json(head: Sequence[str]) -> str | None:
    """Whose JSON this is, by its keys; None for chat messages with roles, which a reader reads."""
    text = "".join(head)[:MAX_JSON_CHARACTERS].lstrip("\ufeff \t\r\n")
    if not text.startswith(("{", "[")) or (has_key(text, "messages") and has_key(text, "role")):
        return None
    return next((what for what, *keys in JSON_KEYS if all(has_key(text, key) for key in keys)), None)


def known_table(names: Sequence[str]) -> str | None:
    """What a table with columns of these names is, where it is one of messages; None for any other table."""
    plain = tuple(name.strip('" \ufeff\t\r\n').lower() for name in names)
    of_messages = not {*SENDERS}.isdisjoint(plain) and not {*MESSAGES}.isdisjoint(plain)
    return "a table of messages and their senders" if of_messages else None


def looks_like(what: str) -> Phrase:
    """The error message for such a file."""
    return Phrase(
        "this looks like {what}, which tinychat does not read yet. {advice}",
        what=Phrase(what),
        advice=Phrase(ADVICE.get(what, CONVERT)),
    )


def describe(head: Sequence[str]) -> Phrase:
    """What a person sees in a text that is of no known format: the keys of its JSON, or its first line."""
    text = "".join(head)[:MAX_JSON_CHARACTERS].lstrip("\ufeff \t\r\n")
    if text.startswith(("{", "[")):
        keys = dict.fromkeys(re.findall(r'(?<!\\)"([^"\\\n]{1,30})"\s*:', text))
        if keys:
            return Phrase("it is JSON with the keys {keys}", keys=", ".join([*keys][:MAX_KEYS]))
        return Phrase("it looks like JSON without keys")
    line = " ".join(text.partition("\n")[0].split())
    return Phrase("it is text that begins “{line}”", line=line[:SHOWN] + ("…" if len(line) > SHOWN else ""))


def has_key(text: str, key: str) -> bool:
    """Whether JSON has the key; several, with | between them: one of them."""
    # Not after a backslash: there it is inside a string.
    return re.search(rf'(?<!\\)"(?:{key})"\s*:', text) is not None
