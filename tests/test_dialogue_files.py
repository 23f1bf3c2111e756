"""`tinychat data inspect` and `tinychat data convert`, as processes."""

import gzip
import json
from pathlib import Path

import duckdb
import pytest

from tests.corpus.archives import zipped
from tests.corpus.json_samples import sns
from tests.corpus.messenger_samples import as_json, telegram_account, telegram_chat, telegram_message
from tests.corpus.test_kakaotalk import DIALOGUES, VARIANTS, windows
from tests.corpus.test_xlsx import workbook
from tests.test_cli import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "talk.txt").write_text(VARIANTS["android-ko"], encoding="utf-8")
    (tmp_path / "qa.csv").write_text("Q,A\n안녕,응\n안녕,응\n,뭐\n", encoding="utf-8")
    three = windows("[하늘] [9:05] 안녕", "[바다] [9:06] 응", "[산] [9:07] 나도")
    (tmp_path / "three.txt").write_text(three, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    return tmp_path


def shown(folder: Path, *arguments: str) -> str:
    ended = run(folder, "data", *arguments)
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout.decode()


def test_a_chat_is_shown_with_its_speakers_dialogues_and_what_params_needs(folder: Path) -> None:
    text = shown(folder, "inspect", "talk.txt")
    for part in ("kakaotalk 1.00", "하늘 4, 바다 3", "bot        바다", "3 of 3 are kept, 6 turns", "trailing_user 1"):
        assert part in text, part
    assert "  user  안녕 : 잘 잤어?\n  bot   응, 잘 잤어 ⏎ 너는?\n" in text
    assert "    sources: [{file: talk.txt, assistant: 바다}]\n" in text


def test_for_programs_it_is_json(folder: Path) -> None:
    found = json.loads(shown(folder, "inspect", "qa.csv", "--json"))
    assert (found["format"], found["encoding"], found["speakers"]) == ("qa_table", "UTF-8", {})
    assert (found["rows_read"], found["rows_kept"]) == (3, 1)
    assert found["rows_dropped"] == {"repeat": 1, "empty_question": 1}
    assert found["first"] == [[{"role": "user", "content": "안녕"}, {"role": "assistant", "content": "응"}]]
    assert found["source"] == {"file": "qa.csv"}


def test_what_is_told_of_the_reading_is_shown(folder: Path) -> None:
    (folder / "paste.txt").write_text(
        windows("[하늘] [9:05] 봐", "[산] [8:00] 옛말", "[바다] [9:06] 응"), encoding="utf-8"
    )
    assert "note       lines of pasted chats, kept as text: 1" in shown(folder, "inspect", "paste.txt")
    assert json.loads(shown(folder, "inspect", "paste.txt", "--json"))["assistant"] == ["바다"]


def test_control_characters_of_a_file_do_not_reach_the_terminal(folder: Path) -> None:
    (folder / "bad.csv").write_text("Q,A\n안녕\x1b]0;title\x07,\x1b[2J응\n", encoding="utf-8")
    for arguments in (("inspect", "bad.csv"), ("convert", "bad.csv", "-o", "out.jsonl")):
        ended = run(folder, "data", *arguments)
        assert ended.returncode == 0
        assert b"\x1b" not in ended.stdout + ended.stderr


def test_alone_it_shows_its_help(folder: Path) -> None:
    assert "inspect" in shown(folder) and "convert" in shown(folder)


def test_where_it_is_not_clear_who_is_the_bot_the_speakers_are_shown(folder: Path) -> None:
    text = shown(folder, "inspect", "three.txt")
    assert "하늘 1, 바다 1, 산 1" in text and "assistant: NAME" in text and "dialogues  " not in text
    assert "bot        not clear in three.txt; --assistant NAME shows the dialogues\n" in text
    text = shown(folder, "inspect", "three.txt", "--assistant", "바다", "--assistant", "산")
    assert "assistant: [바다, 산]" in text and "1 of 1 are kept, 2 turns" in text


def test_the_speakers_of_a_transcript_are_shown_too(folder: Path) -> None:
    (folder / "play.txt").write_text("하늘: 안녕\n바다: 응\n" * 2, encoding="utf-8")
    text = shown(folder, "inspect", "play.txt")
    assert "speakers   하늘 2, 바다 2" in text and "bot        바다" in text
    assert "    sources: [{file: play.txt, assistant: 바다}]\n" in text
    (folder / "play.txt").write_text("하늘: 안녕\n바다: 응\n산: 나도\n" * 2, encoding="utf-8")
    assert "sources: [{file: play.txt, assistant: NAME}]" in shown(folder, "inspect", "play.txt")
    named = shown(folder, "inspect", "play.txt", "--assistant", "산")
    assert "bot        산" in named and "  user  안녕 ⏎ 응\n  bot   나도\n" in named


def test_so_are_those_of_a_corpus_whose_speakers_differ_from_dialogue_to_dialogue(folder: Path) -> None:
    group = sns(2, ("P01", "자?"), ("P02", "아니#@이모티콘#"), ("P03", "나도"))
    data = {"data": [sns(1, ("P01", "안녕"), ("P02", "응")), group]}
    (folder / "sns.json").write_text(json.dumps(data), encoding="utf-8")
    text = shown(folder, "inspect", "sns.json")
    for part in (
        "speakers   P01 2, P02 2, P03 1",
        "dialogues left out more_than_two_speakers 1",
        "parts left out     mark 1",
        "note       in each dialogue the second to speak becomes the bot",
        "fault      sns.json:data[1]: it is not clear who is to be the bot; the speakers are: P01 (1), P02 (1), P03",
        "    sources: [{file: sns.json}]\n",
    ):
        assert part in text, part
    assert "sources: [{file: sns.json, assistant: P02}]" in shown(folder, "inspect", "sns.json", "--assistant", "P02")


def test_what_is_left_out_on_request_is_in_the_lines_for_params(folder: Path) -> None:
    (folder / "sns.json").write_text(json.dumps({"data": [sns(1, ("P01", "안녕"), ("P02", "응"))]}), encoding="utf-8")
    assert "sources: [{file: sns.json, drop_masked: true}]" in shown(folder, "inspect", "sns.json", "--drop-masked")


def test_faulty_rows_are_shown_and_the_rest_is_read(folder: Path) -> None:
    (folder / "bad.csv").write_text("Q,A\n안녕,응\n하나,둘,셋\n", encoding="utf-8")
    text = shown(folder, "inspect", "bad.csv")
    assert "too_many_cells 1" in text and "fault      bad.csv:3: cells: 3" in text


def test_converted_files_are_in_the_openai_chat_format(folder: Path) -> None:
    ended = run(folder, "data", "convert", "talk.txt", "qa.csv", "qa.csv", "-o", "out.jsonl")
    assert (ended.returncode, ended.stdout.decode()) == (0, "out.jsonl: 4 dialogues\n")
    told = ended.stderr.decode()
    assert "바다 becomes the bot and 하늘 the user" in told and "qa_table, 3 rows, 1 kept" in told
    assert (folder / "out.jsonl").stat().st_mode & 0o777 == (folder / "qa.csv").stat().st_mode & 0o777
    lines = (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [[message["content"] for message in json.loads(line)["messages"]] for line in lines]
    assert texts == [*DIALOGUES, ["안녕", "응"]]
    assert "openai_chat 1.00" in shown(folder, "inspect", "out.jsonl")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("inspect", "nothing.txt"), "nothing.txt: no such file"),
        (("inspect", "empty"), "empty: nothing in it can be read: it holds no files"),
        (("convert", ".", "-o", "out.jsonl"), "it is not clear who is to be the bot"),
        (("convert", ".", "-o", "qa.csv"), "qa.csv: an input; name another file to write"),
        (("inspect", "talk.txt", "--assistant", "바람"), "talk.txt: nobody is called '바람'"),
        (
            ("inspect", "qa.csv", "--assistant", "바람"),
            "qa.csv is qa_table, whose roles are known; leave assistant out",
        ),
        (("inspect", "talk.txt", "--format", "kakao"), "talk.txt: no format 'kakao'"),
        (("inspect", "talk.txt", "--gap-minutes", "0"), "--gap-minutes"),
        (("inspect", "talk.txt", "--assistant", " "), "--assistant takes a name, not a blank"),
        (("convert", "talk.txt", "three.txt", "-o", "out.jsonl"), "three.txt: it is not clear who is to be the bot"),
        (
            ("convert", "talk.txt", "three.txt", "--assistant", "산", "-o", "out.jsonl"),
            "talk.txt: nobody is called '산'; the speakers are: 하늘 (4), 바다 (3)",
        ),
        (
            ("convert", "talk.txt", "three.txt", "--assistant", "바다", "--assistant", "바람", "-o", "out.jsonl"),
            "--assistant: nobody is called '바람' in any of the files",
        ),
        (("convert", "talk.txt", "-o", "talk.txt"), "talk.txt: an input; name another file to write"),
        (("convert", "talk.txt", "-o", "no/out.jsonl"), "no/out.jsonl: there is no folder no"),
        (("convert", "talk.txt", "-o", "."), ".: not a file that can be written"),
        (("inspect", "qa.csv", "--format", "kakaotalk"), "qa.csv: no messages in it"),
        (("inspect", "talk.txt", "--no-header"), "talk.txt is kakaotalk: header is for CSV, TSV and Excel"),
        (("inspect", "talk.txt", "--original-form"), "talk.txt is kakaotalk: original_form is for nikl"),
        (("inspect", "qa.csv", "--drop-links"), "qa.csv is qa_table: gap_minutes, date_order and drop_links are for"),
        (("convert", "talk.txt"), "Missing option"),
    ],
)
def test_a_fault_is_one_line_and_nothing_is_written(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    before = sorted(path.name for path in folder.iterdir())
    ended = run(folder, "data", *arguments)
    last = ended.stderr.decode().splitlines()[-1]
    assert (ended.returncode, last.startswith("error: ")) == (2, True)
    assert message in last
    assert sorted(path.name for path in folder.iterdir()) == before


def test_several_files_may_have_several_bots(folder: Path) -> None:
    other = VARIANTS["android-ko"].replace("바다", "강").replace("하늘", "산")
    (folder / "other.txt").write_text(other.replace("잘 잤", "푹 잤"), encoding="utf-8")
    names = ("--assistant", "하늘", "--assistant", "산")
    ended = run(folder, "data", "convert", "talk.txt", "other.txt", *names, "-o", "out.jsonl")
    assert ended.returncode == 0, ended.stderr.decode()
    lines = (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    said = [m["content"] for line in lines for m in json.loads(line)["messages"] if m["role"] == "assistant"]
    assert "안녕 : 잘 잤어?" in said and "안녕 : 푹 잤어?" in said


def test_a_room_that_was_exported_twice_is_converted_once(folder: Path) -> None:
    text = VARIANTS["android-ko"]
    (folder / "later").mkdir()
    (folder / "later" / "talk.txt").write_text(text + "2026년 2월 10일 오전 12:02, 바다 : 잘 자\n", encoding="utf-8")
    ended = run(folder, "data", "convert", "talk.txt", "later/talk.txt", "-o", "out.jsonl")
    assert (ended.returncode, ended.stdout.decode()) == (0, "out.jsonl: 3 dialogues\n")
    assert "아니, 아직\\n잘 자" in (folder / "out.jsonl").read_text(encoding="utf-8")


def test_an_account_is_shown_with_the_chats_of_each_speaker(folder: Path) -> None:
    chats = [
        telegram_chat([telegram_message(9, 5, name, "안녕"), telegram_message(9, 6, "하늘", "응")], name, number)
        for number, name in ((2, "바다"), (3, "산"))
    ]
    (folder / "result.json").write_text(as_json(telegram_account(*chats)), encoding="utf-8")
    text = shown(folder, "inspect", "result.json")
    assert "speakers   하늘 2 in 2 chats, 바다 1 in one chat, 산 1 in one chat" in text
    assert "sources: [{file: result.json, assistant: NAME}]" in text
    found = json.loads(shown(folder, "inspect", "result.json", "--assistant", "하늘", "--json"))
    assert (found["speakers"], found["rooms"]) == ({"하늘": 2, "바다": 1, "산": 1}, {"하늘": 2, "바다": 1, "산": 1})
    assert (found["assistant"], found["rows_kept"]) == (["하늘"], 1)  # the other one says the same


@pytest.fixture
def packed(folder: Path) -> Path:
    """A folder of files that are not plain text."""
    place = folder / "all"
    place.mkdir()
    export = VARIANTS["android-ko"]
    (place / "chat.zip").write_bytes(zipped({"a.jpg": b"\xff\xd8\xff", "_chat.txt": export, "note.txt": "메모\n"}))
    book = workbook(a=[["Q", "A"], ["잘 자", "좋은 꿈 꿔"]])
    book.save(place / "qa.xlsx")
    (place / "talk.csv.gz").write_bytes(gzip.compress("Q,A\n안녕,응\n".encode("cp949")))
    duckdb.sql("SELECT '뭐해' AS q, '쉬어' AS a").write_parquet(str(place / "qa.parquet"))
    return folder


def test_an_archive_is_shown_with_each_of_its_files(packed: Path) -> None:
    text = shown(packed, "inspect", "all/chat.zip")
    for part in (
        "format     kakaotalk (kakaotalk 1.00)",
        "file       all/chat.zip/_chat.txt: kakaotalk",
        "files left out     no_format 1, no_text 1",
    ):
        assert part in text, part
    assert "bot        바다" in text and "3 of 3 are kept, 6 turns" in text
    assert "    sources: [{file: chat.zip, assistant: 바다}]\n" in text


def test_a_folder_is_shown_as_one_source(packed: Path) -> None:
    found = json.loads(shown(packed, "inspect", "all", "--json"))
    assert (found["format"], found["encoding"]) == ("kakaotalk, parquet, qa_table, xlsx", "CP949 (EUC-KR), UTF-8")
    assert [(file["path"], file["format"]) for file in found["files"]] == [
        ("all/chat.zip/_chat.txt", "kakaotalk"),
        ("all/qa.parquet", "parquet"),
        ("all/qa.xlsx", "xlsx"),
        ("all/talk.csv.gz", "qa_table"),
    ]
    assert (found["rows_kept"], found["files_left_out"]) == (6, {"no_format": 1, "no_text": 1})
    assert found["source"] == {"file": "all", "assistant": "바다"}


def test_why_texts_of_a_folder_are_left_out_is_shown(packed: Path) -> None:
    assert "  left out   all/chat.zip/note.txt: no format fits: it is text that begins “메모”" in shown(
        packed, "inspect", "all"
    )


def test_what_lies_in_the_raw_folder_is_called_as_params_need_it(folder: Path) -> None:
    raw = folder / "data" / "raw"
    (raw / "chats").mkdir(parents=True)
    (folder / "talk.txt").rename(raw / "chats" / "talk.txt")
    text = shown(folder, "inspect", "data/raw/chats/talk.txt")
    assert "the other way round: corpus.sources: [{file: chats/talk.txt, assistant: 하늘}]" in text
    assert "    sources: [{file: chats/talk.txt, assistant: 바다}]\n" in text
    assert "data/raw/chats/talk.txt: 3 dialogues" in shown(folder, "audit", "data/raw/chats/talk.txt")
    assert "    sources: auto\n" in shown(folder, "inspect", "data/raw")
    (folder / "three.txt").rename(raw / "three.txt")
    assert "data/raw/three.txt; look at each file alone\n" in shown(folder, "inspect", "data/raw")


def test_the_folder_where_one_is_can_be_named(packed: Path) -> None:
    (packed / "three.txt").unlink()
    found = json.loads(shown(packed, "inspect", ".", "--json"))
    assert found["source"] == {"file": packed.name, "assistant": "바다"}
    assert [Path(file["path"]).name for file in found["files"]][-2:] == ["qa.csv", "talk.txt"]


@pytest.mark.parametrize(("name", "format_name"), [("qa.xlsx", "xlsx"), ("qa.parquet", "parquet")])
def test_a_file_that_is_not_text_is_shown(packed: Path, name: str, format_name: str) -> None:
    found = json.loads(shown(packed, "inspect", f"all/{name}", "--json"))
    assert (found["format"], found["encoding"], found["rows_kept"]) == (format_name, "", 1)
    assert found["scores"] == {"parquet": 0.0, "xlsx": 0.0} | {format_name: 1.0}


def test_a_table_without_a_header_is_shown_with_the_params_that_say_so(folder: Path) -> None:
    (folder / "bare.csv").write_text("1,안녕?,응\n2,뭐해?,쉬어\n", encoding="utf-8")
    text = shown(folder, "inspect", "bare.csv", "--no-header", "--columns", "2", "3")
    assert "  user  안녕?\n  bot   응\n" in text
    assert "sources: [{file: bare.csv, header: false, columns: {question: '2', answer: '3'}}]\n" in text


def test_the_sheet_of_a_workbook_can_be_named(folder: Path) -> None:
    book = workbook(가=[["Q", "A"], ["잘 자", "너도"]], 나=[["Q", "A"], ["안녕", "응"]])
    book.save(folder / "two.xlsx")
    found = json.loads(shown(folder, "inspect", "two.xlsx", "--sheet", "나", "--json"))
    assert (found["first"][0][0]["content"], found["source"]) == ("안녕", {"file": "two.xlsx", "sheet": "나"})
    ended = run(folder, "data", "convert", "two.xlsx", "--sheet", "나", "--sheet", "가", "-o", "out.jsonl")
    assert ended.stdout.decode() == "out.jsonl: 2 dialogues\n"


def test_folders_and_archives_are_converted(packed: Path) -> None:
    ended = run(packed, "data", "convert", "all", "all/talk.csv.gz", "-o", "out.jsonl")
    assert (ended.returncode, ended.stdout.decode()) == (0, "out.jsonl: 6 dialogues\n")
    told = ended.stderr.decode()
    assert "all: files: kakaotalk 1, parquet 1, qa_table 1, xlsx 1; left out: no_format 1, no_text 1; 6 rows" in told
    assert "left out: all/chat.zip/note.txt: no format fits" in told
    assert "all/talk.csv.gz: qa_table, 1 rows, 0 kept; all its 1 dialogues were read before: is it a copy?" in told
    assert len((packed / "out.jsonl").read_text(encoding="utf-8").splitlines()) == 6


def test_what_cannot_be_converted_leaves_the_file_of_before(folder: Path) -> None:
    (folder / "out.jsonl").write_text("before", encoding="utf-8")
    run(folder, "data", "convert", "talk.txt", "three.txt", "-o", "out.jsonl")
    assert (folder / "out.jsonl").read_text(encoding="utf-8") == "before"
