"""What people have and no reader reads: each is named, and nobody is asked to name a format for it."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.messenger_samples import FILES
from tinychat.corpus.known_formats import CONVERT, EXPORT_JSON, recognise
from tinychat.corpus.text_files import open_text_file
from tinychat.errors import InputError

JSON_FORMATS: list[tuple[str, Any]] = [
    ("a Jupyter notebook", {"cells": [], "nbformat": 4}),
]
TEXTS = [
    ("subtitles", "1\n00:00:01,000 --> 00:00:02,000\n안녕\n\n2\n00:00:03,000 --> 00:00:04,000\n응\n"),
    ("a Git LFS pointer, not the data itself", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
]
ANSWER = '{"role": "assistant", "content": "응"}]}'


def refusal(project: Any, name: str, content: str, **corpus: Any) -> str:
    """What ingest says of a file, without its path."""
    path = project.lay(name, content)
    with pytest.raises(InputError) as error:
        project.ingest(**corpus)
    return str(error.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("name", ["talk.txt", "talk.csv", "talk.json"])
@pytest.mark.parametrize(("what", "content"), TEXTS)
def test_a_text_that_no_reader_reads_is_called_what_it_is(project: Any, name: str, what: str, content: str) -> None:
    expected = f"this looks like {what}, which tinychat does not read yet. {CONVERT}"
    assert refusal(project, name, content) == expected
    assert not project.corpus.exists()


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("name", ["talk.json", "talk.jsonl"])
@pytest.mark.parametrize(("what", "data"), JSON_FORMATS)
def test_json_of_another_kind_is_called_what_it_is_and_not_invalid(
    project: Any, name: str, what: str, data: Any, indent: int | None
) -> None:
    content = json.dumps(data, ensure_ascii=False, indent=indent)
    assert refusal(project, name, content) == f"this looks like {what}, which tinychat does not read yet. {CONVERT}"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("reader", ["openai_chat", "qa_table"])
def test_a_format_that_params_names_in_vain_does_not_change_what_the_file_is(
    project: Any, name: str, reader: str
) -> None:
    message = refusal(project, name, FILES[name], sources=[{"file": name, "format": reader}])
    found = name.partition("-")[0].partition(".")[0]
    assert message.endswith(f"{name}: its content is of the format {found}, not {reader}")


@pytest.mark.parametrize(
    ("what", "content"),
    [
        ("a web page (HTML)", "<!DOCTYPE html>\n<html><body>Exported Data</body></html>\n"),
        ("a Discord chat as text", "=" * 62 + "\nGuild: 방\nChannel: 잡담\n" + "=" * 62 + "\n"),
    ],
)
def test_an_export_of_a_messenger_in_another_form_is_to_be_exported_as_json(
    project: Any, what: str, content: str
) -> None:
    expected = f"this looks like {what}, which tinychat does not read yet. {EXPORT_JSON}"
    assert refusal(project, "messages.html", content) == expected


def test_the_speaker_of_a_kakaotalk_chat_is_never_taken_for_the_question(project: Any) -> None:
    content = 'Date,User,Message\n2026-02-09 18:35:07,"하늘","안녕"\n2026-02-09 18:36:07,"바다","응"\n'
    project.lay("talk.csv", content)
    project.ingest()
    assert project.texts() == [["안녕", "응"]]
    columns = {"question": None, "answer": "Message"}
    named = [{"file": "talk.csv", "format": "qa_table"}]
    message = refusal(project, "talk.csv", content, sources=named, columns=columns)
    assert message.endswith("talk.csv: its content is of the format kakaotalk, not qa_table")


def test_columns_that_params_names_both_are_taken_whatever_the_header_looks_like(project: Any) -> None:
    project.lay("log.csv", "Date,User,Message,Reply\n2026-02-09,7,안녕,반가워\n")
    project.ingest(columns={"question": "Message", "answer": "Reply"})
    assert project.texts() == [["안녕", "반가워"]]


def test_a_text_that_is_like_nothing_known_is_not_said_to_be_of_a_format(project: Any) -> None:
    message = refusal(project, "talk.txt", "그냥 글입니다.\n")
    assert message == f"no format fits: it is text that begins “그냥 글입니다.”. {CONVERT}"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('{"rows": [{"a": "안녕", "b": "반가워"}]}', "it is JSON with the keys rows, a, b"),
        ('[["안녕","반가워"],["뭐해","쉬어"]]', "it looks like JSON without keys"),
        (f"{'긴 줄 ' * 20}\n두 번째\n", f"it is text that begins “{('긴 줄 ' * 20)[:40]}…”"),
    ],
)
def test_what_no_reader_takes_is_told_by_what_a_person_sees_in_it(project: Any, content: str, found: str) -> None:
    assert f": {found}. Convert it to a table" in refusal(project, "talk.txt", content)


@pytest.mark.parametrize("header", ["User,Message", "Time,User,Room,Message", "보낸 사람,내용,시간", "name\ttext"])
def test_the_sender_of_a_message_is_never_taken_for_the_question(project: Any, header: str) -> None:
    separator = "\t" if "\t" in header else ","
    row = separator.join(["하늘", "안녕", "1", "2"][: header.count(separator) + 1])
    for name in ("log.csv", "log.txt"):
        message = refusal(project, name, f"{header}\n{row}\n{row}2\n")
        assert message == (
            f"this looks like a table of messages and their senders, which tinychat does not read yet. {CONVERT}"
        )
        (project.raw / name).unlink()


def test_a_user_beside_answers_is_the_question(project: Any) -> None:
    project.lay("log.csv", "user,bot,message\n안녕,반가워,1\n")
    project.ingest()
    assert project.texts() == [["안녕", "반가워"]]


@pytest.mark.parametrize(
    "line",
    [
        '{"messages": [{"role": "user", "content": "하늘 님과 카카오톡 대화"}, ' + ANSWER,
        '{"question": 1, "answer": 2, "messages": [{"role": "user", "content": "안녕"}, ' + ANSWER,
        '{"messages": [{"role": "user", "content": "{\\"from_id\\": 1}"}, ' + ANSWER,
        "Q,A\n2026. 2. 9. 오후 6:35 하늘 : 안녕,응",
        "question\tanswer\n안녕: 나야\t응: 그래",
        "질문,답변,메모\n[하늘] [오후 6:35] 안녕,응,",
    ],
)
def test_what_a_reader_reads_is_read_whatever_its_texts_look_like(project: Any, line: str) -> None:
    project.lay("talk.txt", f"{line}\n")
    assert project.ingest()["rows_kept"] == 1


def test_a_line_of_megabytes_is_looked_at_in_its_beginning_only() -> None:
    times = "00:00:01,000 --> 00:00:02,000 "
    assert recognise([times * 3_000_000, f"{times}\n"]) == "subtitles"
    assert recognise(['[{"text": "' + "가" * 10_000_000 + '", "chat_messages": []}]']) is None


def archive(names: list[str], first: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name in names:
            opened.writestr(name, first)
    return buffer.getvalue()


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as opened:
        opened.addfile(tarfile.TarInfo("talk.csv"))
    return buffer.getvalue()


OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("talk.xlsb", archive(["[Content_Types].xml"]), "a binary Excel workbook"),
        ("talk.txt", archive(["[Content_Types].xml", "xl/workbook.bin"]), "a binary Excel workbook"),
        ("talk.xls", OLD_OFFICE, "an older Excel workbook (.xls)"),
        ("talk.xlsx", OLD_OFFICE, "an Excel workbook with a password"),
        ("talk.ods", archive(["mimetype"]), "a spreadsheet"),
        ("talk.txt", archive(["mimetype"], b"application/vnd.oasis.opendocument.spreadsheet"), "a spreadsheet"),
        ("talk.docx", archive(["word/document.xml"]), "a Word document"),
        ("talk.bin", archive(["[Content_Types].xml", "visio/document.xml"]), "an office document"),
        ("talk.hwpx", archive(["mimetype"], b"application/hwp+zip"), "a Hangul document"),
        ("talk.hwp", OLD_OFFICE, "a Hangul document"),
        ("talk.doc", OLD_OFFICE, "a Word document"),
        ("talk.bin", OLD_OFFICE, "an older office document (xls, doc, hwp)"),
        ("talk.tar", tar(), "a tar archive"),
        ("talk.bz2", bz2.compress(b"Q,A\n"), "a bzip2 archive"),
        ("talk.xz", lzma.compress(b"Q,A\n"), "an xz archive"),
        ("talk.rar", b"Rar!\x1a\x07\x01\x00", "a RAR archive"),
        ("talk.pdf", b"%PDF-1.7\n", "a PDF"),
        ("talk.rtf", b"{\\rtf1\\ansi}", "an RTF document"),
        ("talk.feather", b"ARROW1\0\0", "an Arrow file"),
        ("photo.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF", "a picture"),
        ("clip.mp4", b"\0\0\0\x20ftypisom", "a picture, a sound or a film"),
        ("clip.webm", b"\x1aE\xdf\xa3", "a picture, a sound or a film"),
        ("voice.amr", b"#!AMR\n", "a sound"),
        ("sticker.tgs", gzip.compress(b"{}", mtime=0), "a picture"),
    ],
)
def test_what_is_no_text_is_called_what_it_is(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        open_text_file(path)
    assert str(error.value).startswith(f"{path}: {what}, not text. ")


def test_a_table_with_the_ending_of_a_workbook_is_read(project: Any) -> None:
    project.lay("talk.xls", "Q\tA\n안녕\t반가워\n")
    project.ingest()
    assert project.texts() == [["안녕", "반가워"]]


def test_where_no_row_can_be_used_the_first_fault_says_what_was_found(project: Any) -> None:
    message = refusal(project, "rows.json", '{"rows": [{"a": "안녕"}]}', on_error="skip")
    assert '(the first: no list messages. Found: "rows". Expected {"messages": [{"role": …}]}.)' in message
