"""Zip archives, gzip and zstd files in data/raw: their members are read as files are."""

import gzip
import io
import json
import random
import sys
import tarfile
import tempfile
import tracemalloc
import unicodedata
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.corpus.archives import linked, renamed, with_fields, zipped
from tests.corpus.conftest import corpus_params
from tests.corpus.messenger_samples import as_json, slack_message
from tests.corpus.test_kakaotalk import DIALOGUES, VARIANTS
from tinychat.corpus.archives import MAX_EXPANSION
from tinychat.corpus.gathering import Counts, gather
from tinychat.corpus.raw_files import RawFile
from tinychat.corpus.unpacking import files_of
from tinychat.errors import InputError

gzipped = partial(gzip.compress, mtime=0)  # without the time: the processes that share the tests must name them alike

TABLE = "Q,A\n안녕,반가워\n"
PHOTO = b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(100)
FILM = b"\0\0\0\x20ftypisom" + bytes(100)
CHAT = [{"role": "user", "content": "뭐해"}, {"role": "assistant", "content": "쉬어"}]
WHATSAPP = (
    "[2026/02/09, 6:35:07 PM] 하늘: 안녕\n[2026/02/09, 6:36:07 PM] 바다: 응, 안녕\n"
    "[2026/02/09, 6:37:07 PM] 하늘: 뭐해?\n\u200e[2026/02/09, 6:38:07 PM] 바다: \u200e<attached: 00001-PHOTO.jpg>\n"
    "[2026/02/09, 6:39:07 PM] 바다: 쉬어\n"
)


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def places(project: Any, **corpus: Any) -> list[str]:
    """The sources of the dialogues, as paths from data/raw."""
    found = gather(project.raw, corpus_params(**corpus), Counts(), lambda *_, **__: None)
    return [dialogue.source.removeprefix(f"{project.raw}/") for dialogue in found]


def refusal(project: Any, **corpus: Any) -> str:
    """What ingest says of data/raw, without the folder; nothing is written, and no temporary file is left."""
    with pytest.raises(InputError) as error:
        project.ingest(**corpus)
    assert not project.corpus.exists() and not project.metrics_file.exists()
    assert list(Path(tempfile.gettempdir()).iterdir()) == []
    return str(error.value).replace(f"{project.raw}/", "")


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("talk.csv.gz", gzipped(TABLE.encode()), "talk.csv.gz:2"),
        ("talk.csv.zst", zstandard.compress(TABLE.encode()), "talk.csv.zst:2"),
        ("two.zst", zstandard.compress(b"Q,A\n") + zstandard.compress("안녕,반가워\n".encode()), "two.zst:2"),
        ("two.gz", gzipped(b"Q,A\n") + gzipped("안녕,반가워\n".encode()), "two.gz:2"),
        ("chat.zip", zipped({"sub/talk.csv": TABLE}), "chat.zip/sub/talk.csv:2"),
        ("stored.zip", zipped({"talk.csv": TABLE}, zipfile.ZIP_STORED), "stored.zip/talk.csv:2"),
        ("bzip2.zip", zipped({"talk.csv": TABLE}, zipfile.ZIP_BZIP2), "bzip2.zip/talk.csv:2"),
        ("named.txt", zipped({"talk.csv": TABLE}), "named.txt/talk.csv:2"),
        ("cp949.zip", zipped({"talk.csv": TABLE.encode("cp949")}), "cp949.zip/talk.csv:2"),
        ("windows.zip", zipped({"sub\\talk.csv": TABLE}), "windows.zip/sub/talk.csv:2"),
    ],
)
def test_what_is_packed_is_read_and_its_place_is_named(
    project: Any, scratch: Path, name: str, content: bytes, place: str
) -> None:
    project.lay(name, content)
    assert places(project) == [place]
    project.ingest()
    assert project.texts() == [["안녕", "반가워"]]
    assert list(scratch.iterdir()) == []


def test_each_member_is_read_by_the_reader_that_its_content_fits(project: Any) -> None:
    project.lay(
        "all.zip", zipped({"b.txt": json.dumps({"messages": CHAT}), "a.txt": TABLE, "c.txt": VARIANTS["android-ko"]})
    )
    metrics = project.ingest()
    assert {name: rows["sources"] for name, rows in metrics["readers"].items()} == {
        "kakaotalk": 1,
        "openai_chat": 1,
        "qa_table": 1,
    }
    assert project.texts()[:2] == [["안녕", "반가워"], ["뭐해", "쉬어"]]


def test_pictures_of_an_export_are_left_out_counted_and_shown(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    project.lay(
        "chat.zip", zipped({"00001-PHOTO.jpg": PHOTO, "_chat.txt": WHATSAPP, "clip.mp4": FILM, "blank.txt": " "})
    )
    metrics = project.ingest()
    assert project.texts() == [["안녕", "응, 안녕", "뭐해?", "쉬어"]]
    assert metrics["files_left_out"] == {"blank_file": 1, "no_text": 2}
    printed = capsys.readouterr().out
    chat = f"{project.raw}/chat.zip"
    assert f"{chat}: files: whatsapp 1; left out: blank_file 1, no_text 2; 1 rows, 1 kept\n" in printed
    assert f"files left out, no_text: 2 ({chat}/00001-PHOTO.jpg, {chat}/clip.mp4)\n" in printed
    assert f"{chat}/blank.txt: the file is blank\n" in printed


def test_a_text_that_no_reader_takes_is_left_out_and_it_is_said_why(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    members = {
        "talk.csv": TABLE,
        "orders.csv": "번호,물건\n1,책\n",
        "old.html": "<!DOCTYPE html>\n<html></html>\n",
        "LICENSE": "누구나\n",
    }
    project.lay("all.zip", zipped(members))
    assert project.ingest()["files_left_out"] == {"no_format": 3}
    printed = capsys.readouterr().out
    assert (
        f"{project.raw}/all.zip/old.html: this looks like a web page (HTML), which tinychat does not read yet."
        in printed
    )
    assert f"{project.raw}/all.zip/orders.csv: no format fits" in printed


@pytest.mark.parametrize(
    "members", [{}, {"a.jpg": PHOTO}, {"README.md": "무엇", "__MACOSX/._a.csv": TABLE}, {"sub/": ""}]
)
def test_an_archive_with_nothing_to_read_is_an_error(project: Any, members: dict[str, Any]) -> None:
    project.lay("chat.zip", zipped(members))
    reasons = "no_text: 1 (chat.zip/a.jpg)" if "a.jpg" in members else "it holds no files"
    assert refusal(project) == f"chat.zip: nothing in it can be read: {reasons}"


def test_an_archive_of_unread_chats_says_what_they_are(project: Any) -> None:
    project.lay("chat.zip", zipped({"old.html": "<!DOCTYPE html>\n<html></html>\n", "a.jpg": PHOTO}))
    assert "; chat.zip/old.html: this looks like a web page (HTML), which tinychat does not read yet." in refusal(
        project
    )


@pytest.mark.parametrize("name", ["대화.csv", "뷁햏.csv"])
@pytest.mark.parametrize("encoding", ["cp949", "utf-8"])
def test_names_in_cp949_or_utf_8_that_no_flag_tells_are_decoded(project: Any, name: str, encoding: str) -> None:
    raw = name.encode(encoding)
    plain = "x" * (len(raw) - 4) + ".csv"
    project.lay("windows.zip", renamed(zipped({plain: TABLE}), plain, raw))
    assert places(project) == [f"windows.zip/{name}:2"]


MEMBER = "talk.csv"
INNER = zipped({MEMBER: TABLE})


def tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(MEMBER))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "member", "problem"),
    [
        (zipped({"../talk.csv": TABLE}), "../talk.csv", "its name leads out of the archive"),
        (zipped({"a/../../talk.csv": TABLE}), "a/../../talk.csv", "its name leads out of the archive"),
        (zipped({"a\\..\\..\\talk.csv": TABLE}), "a/../../talk.csv", "its name leads out of the archive"),
        (zipped({"ok.csv": TABLE, "/etc/talk.csv": TABLE}), "/etc/talk.csv", "its name is absolute"),
        (zipped({"C:\\talk.csv": TABLE}), "C:/talk.csv", "its name is absolute"),
        (zipped({" ": TABLE}), " ", "its name is blank"),
        (linked(MEMBER, "/etc/passwd"), MEMBER, "it is a symbolic link"),
        (with_fields(zipped({MEMBER: TABLE}), flags=1), MEMBER, "it is encrypted"),
        (with_fields(zipped({MEMBER: TABLE}), method=9), MEMBER, "its compression (method 9) is not known"),
    ],
)
def test_an_archive_with_a_member_that_no_export_has_is_refused(
    project: Any, content: bytes, member: str, problem: str
) -> None:
    project.lay("bad.zip", content)
    assert refusal(project) == (
        f"bad.zip: the member {member!r} is refused: {problem}. "
        "Unpack the archive, and put the files that hold dialogues in its place."
    )


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("outer.zip", zipped({"inner.zip": INNER}), "outer.zip/inner.zip"),
        ("outer.zip", zipped({"talk.csv": INNER}), "outer.zip/talk.csv"),
        ("outer.zip", zipped({"talk.csv.gz": gzipped(TABLE.encode())}), "outer.zip/talk.csv.gz"),
        ("outer.zip", zipped({"talk.zst": zstandard.compress(TABLE.encode())}), "outer.zip/talk.zst"),
        ("outer.zip", zipped({"talk.7z": b"7z\xbc\xaf\x27\x1c"}), "outer.zip/talk.7z"),
        ("outer.tar.gz", gzipped(tar()), "outer.tar.gz"),
        ("outer.zip.gz", gzipped(INNER), "outer.zip.gz"),
        ("outer.zst", zstandard.compress(gzipped(TABLE.encode())), "outer.zst"),
    ],
)
def test_an_archive_in_an_archive_is_refused(project: Any, name: str, content: bytes, place: str) -> None:
    project.lay(name, content)
    assert refusal(project).startswith(f"{place}: an archive in an archive.")


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("bomb.zip", zipped({"talk.csv": b"a" * (4 << 20)}), "bomb.zip/talk.csv"),
        ("many.zip", zipped({f"{n}.csv": b"a" * 999_999 for n in range(9)}), "many.zip"),
        ("bomb.csv.gz", gzipped(b"a" * (4 << 20)), "bomb.csv.gz"),
        ("bomb.csv.zst", zstandard.compress(b"a" * (4 << 20)), "bomb.csv.zst"),
    ],
)
def test_what_unpacks_to_far_more_than_its_size_is_refused(project: Any, name: str, content: bytes, place: str) -> None:
    project.lay(name, content)
    assert refusal(project).startswith(f"{place}: unpacked it is more than {MAX_EXPANSION} times as large as packed (")


def test_a_long_message_of_one_letter_is_no_bomb(project: Any) -> None:
    project.lay("talk.csv.gz", gzipped(f"Q,A\n안녕,{'가' * 200_000}\n".encode()))
    project.ingest()
    assert len(project.texts()[0][1]) == 200_000


def test_a_member_that_is_larger_than_it_says_is_not_read_further(project: Any) -> None:
    project.lay("lie.zip", with_fields(zipped({MEMBER: TABLE * 1000}), size=20))
    assert refusal(project).startswith("lie.zip/talk.csv: the archive is cut or damaged (")


@pytest.mark.parametrize("kind", ["gz", "zst", "zip"])
def test_an_archive_that_is_cut_is_an_error_wherever_it_is_cut(project: Any, kind: str) -> None:
    rng = random.Random(0)
    table = "Q,A\n" + "".join(f"질문 {rng.random()},대답 {rng.random()}\n" for _ in range(100))
    pack: Callable[[bytes], bytes] = {
        "gz": gzipped,
        "zst": zstandard.compress,
        "zip": lambda data: zipped({MEMBER: data}),
    }[kind]
    whole = pack(table.encode())
    for length in [*range(4, 40), *range(40, len(whole) - 1, 97), len(whole) - 1]:
        project.lay(f"talk.{kind}", whole[:length])
        assert refusal(project).startswith(f"talk.{kind}")


def test_a_fault_in_a_member_is_named_with_its_archive(project: Any) -> None:
    project.lay("qa.zip", zipped({"a.csv": TABLE, "b.csv": "Q,A\n하나,둘,셋\n"}))
    assert refusal(project).startswith("qa.zip/b.csv:2: cells: 3, columns in the header: 2.")
    assert project.ingest(on_error="skip")["rows_dropped"] == {"too_many_cells": 1}


def test_format_assistant_and_weight_of_a_source_apply_to_its_members(project: Any) -> None:
    project.lay("chat.zip", zipped({"talk.txt": VARIANTS["android-ko"], "qa.csv": TABLE, "a.jpg": PHOTO}))
    message = refusal(project, sources=[{"file": "chat.zip", "assistant": "바람"}])
    assert message == "chat.zip: nobody is called '바람'; the speakers are: 하늘 (4), 바다 (3)"
    metrics = project.ingest(sources=[{"file": "chat.zip", "format": "kakaotalk", "assistant": "하늘", "weight": 2}])
    assert (list(metrics["readers"]), metrics["files_left_out"]) == (["kakaotalk"], {"no_format": 1, "no_text": 1})
    assert project.texts() == [["안녕 : 잘 잤어?", "응, 잘 잤어\n너는?", "나도"]] * 2


def test_an_archive_without_any_export_of_a_messenger_has_no_assistant(project: Any) -> None:
    project.lay("qa.zip", zipped({"qa.csv": TABLE, "a.jpg": PHOTO}))
    assert "qa.zip is qa_table, whose roles are known; leave assistant out" in refusal(
        project, sources=[{"file": "qa.zip", "assistant": "바다"}]
    )


def test_who_becomes_the_bot_is_decided_over_all_chats_of_an_archive(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    chats = {f"{name}.txt": VARIANTS["android-ko"].replace("바다", name) for name in ("바다", "산")}
    project.lay("chats.zip", zipped(chats))
    assert "it is not clear who is to be the bot; the speakers are: 하늘 (8 in 2 chats), 바다" in refusal(project)
    project.ingest(sources=[{"file": "chats.zip", "assistant": "산"}])
    assert project.texts() == [["안녕 : 잘 잤어?", "응, 잘 잤어\n너는?"], *DIALOGUES[1:]]
    assert "chats.zip: files: kakaotalk 2; 6 rows, 3 kept" in capsys.readouterr().out


def test_files_of_one_room_in_an_archive_are_read_as_one(project: Any) -> None:
    days = {
        day: [slack_message(9, day, name, text, day=day)]
        for day, name, text in ((9, "하늘", "자?"), (10, "바다", "아니"))
    }
    files = {f"general/2026-02-{day:02}.json": as_json(messages) for day, messages in days.items()}
    project.lay(
        "slack.zip", zipped({**files, "users.json": "[]", "channels.json": '[{"id": "C1", "name": "general"}]'})
    )
    metrics = project.ingest(sources=[{"file": "slack.zip", "gap_minutes": 1500}])
    assert project.texts() == [["자?", "아니"]]
    assert metrics["readers"]["slack"]["sources"] == 2
    assert metrics["files_left_out"] == {"no_format": 2}


def test_of_ai_hub_the_archives_with_labels_are_read_whose_names_may_begin_with_a_slash(project: Any) -> None:
    project.lay("aihub/TL_01.zip", zipped({"/talk.csv": TABLE}))
    project.lay("aihub/TS_01.zip", zipped({"/talk.txt": "raw"}))
    assert project.ingest()["files_left_out"] == {"no_labels": 1}
    assert places(project) == ["aihub/TL_01.zip/talk.csv:2"]


def test_the_order_in_an_archive_does_not_change_the_corpus(project: Any) -> None:
    names = ["a.csv", unicodedata.normalize("NFD", "나.csv"), "다.csv"]
    members = [(name, f"Q,A\n{name},{number}\n") for number, name in enumerate(names)]
    project.lay("all.zip", zipped(members))
    project.ingest()
    first = project.texts()
    project.lay("all.zip", zipped(members[::-1], zipfile.ZIP_STORED))
    project.ingest()
    assert project.texts() == first and [texts[1] for texts in first] == ["0", "1", "2"]


def test_a_limit_is_of_all_dialogues_of_an_archive(project: Any) -> None:
    tables = {f"{name}.csv": "Q,A\n" + "".join(f"{name} {n},{n}\n" for n in range(50)) for name in "ab"}
    project.lay("all.zip", zipped({**tables, "c.jsonl": json.dumps({"messages": CHAT})}))
    metrics = project.ingest(sources=[{"file": "all.zip", "limit": 10}])
    assert (metrics["rows_read"], metrics["rows_kept"], metrics["rows_dropped"]) == (101, 10, {"over_the_limit": 91})
    assert sum(rows["rows_kept"] for rows in metrics["readers"].values()) == 10
    assert len(project.texts()) == 10


def test_copies_and_an_archive_beside_what_it_holds_add_nothing_and_it_is_said(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.lay("a.csv", TABLE + "뭐해,쉬어\n")
    project.lay("a (1).csv", TABLE + "뭐해,쉬어\n")
    project.lay("b.zip", zipped({"a.csv": TABLE + "뭐해,쉬어\n"}))
    metrics = project.ingest()
    assert project.texts() == [["안녕", "반가워"], ["뭐해", "쉬어"]]
    assert (metrics["rows_read"], metrics["rows_kept"], metrics["rows_dropped"]) == (6, 2, {"repeat": 4})
    printed = capsys.readouterr().out
    copy = "2 rows, 0 kept; all its 2 dialogues were read before: is it a copy?"
    assert f"{project.raw}/a.csv: qa_table, {copy}" in printed and f"{project.raw}/b.zip: qa_table, {copy}" in printed
    assert f"dropped, repeat: 4 ({project.raw}/a.csv:2, :3, {project.raw}/b.zip/a.csv:2, :3)" in printed


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gz", "zst", "zip"])
def test_memory_does_not_grow_with_what_is_packed(tmp_path: Path, kind: str) -> None:
    rng = random.Random(0)
    data = rng.randbytes(4 << 20).hex().encode()
    pack = {
        "gz": lambda data: gzip.compress(data, 1),
        "zst": zstandard.compress,
        "zip": lambda data: zipped({MEMBER: data}),
    }
    path = tmp_path / f"talk.{kind}"
    path.write_bytes(pack[kind](data))
    size = len(data)
    del data
    tracemalloc.start()
    files = files_of(path, path.name, tmp_path / "scratch")
    sizes = [file.content.stat().st_size for file in files if isinstance(file, RawFile)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sizes == [size] and peak < size / 3


@pytest.mark.parametrize("name", ["talk.csv.zst", "talk.parquet"])
def test_a_package_that_is_missing_is_named(project: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    package = {"talk.csv.zst": "zstandard", "talk.parquet": "duckdb"}[name]
    monkeypatch.setitem(sys.modules, package, None)
    project.lay(name, {"talk.csv.zst": b"\x28\xb5\x2f\xfd", "talk.parquet": b"PAR1"}[name])
    assert refusal(project) == f"{name}: to read it, the package {package} is needed: pip install 'tinychat[pipeline]'"
