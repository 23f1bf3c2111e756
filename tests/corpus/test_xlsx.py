"""Excel workbooks, written by openpyxl: tables of questions and answers in their sheets."""

import datetime
import io
import random
import zipfile
from collections.abc import Sequence
from typing import Any

import openpyxl
import pytest
from openpyxl.styles import Font

from tests.corpus.archives import zipped
from tinychat.corpus.workbook_parts import MAX_CELLS
from tinychat.errors import InputError

Rows = Sequence[Sequence[Any]]


def workbook(**sheets: Rows) -> openpyxl.Workbook:
    """A workbook of these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    return book


def saved(book: openpyxl.Workbook) -> bytes:
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def lay(project: Any, book: openpyxl.Workbook, name: str = "qa.xlsx") -> Any:
    return project.lay(name, saved(book))


def refusal(project: Any, **corpus: Any) -> str:
    with pytest.raises(InputError) as error:
        project.ingest(**corpus)
    assert not project.corpus.exists()
    return str(error.value).replace(f"{project.raw}/", "")


def test_a_table_is_read_with_the_columns_that_its_header_names(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(project, workbook(대화=[["번호", " 질문 ", "답변"], [1, "안녕", "반가워"], [2, "뭐해?", "쉬어\n너는?"]]))
    assert project.ingest()["readers"]["xlsx"]["rows_kept"] == 2
    assert project.texts() == [["안녕", "반가워"], ["뭐해?", "쉬어\n너는?"]]
    assert 'qa.xlsx: xlsx, 2 rows, 2 kept; question: 질문, answer: 답변; not used: "번호"' in capsys.readouterr().out


@pytest.mark.parametrize("name", ["qa.txt", "qa.csv", "qa.xlsm"])
def test_content_decides_and_not_the_name(project: Any, name: str) -> None:
    lay(project, workbook(a=[["Q", "A"], ["안녕", "반가워"]]), name)
    project.ingest()
    assert project.texts() == [["안녕", "반가워"]]


def test_the_header_may_be_in_any_of_the_first_ten_rows_of_any_sheet(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    title = [["고객 응대 모음"], []]
    late = [*[["설명"]] * 10, ["Q", "A"], ["늦은", "머리글"]]
    book = workbook(
        표지=[["제목", "작성자"]], 배송=[*title, [None, "Q", "A"], [None, "언제 와요?", "내일요"]], 늦음=late
    )
    lay(project, book)
    project.ingest()
    assert project.texts() == [["언제 와요?", "내일요"]]
    assert 'sheets without a table, not read: "표지", "늦음"' in capsys.readouterr().out


TWO_TABLES: dict[str, Rows] = {
    "배송": [["Q", "A"], ["언제 와요?", "내일요"], ["빈 대답", None]],
    "표지": [["고객 응대"]],
    "환불": [["answer", "question"], ["네", "환불돼요?"]],
}


def test_more_than_one_sheet_with_a_table_is_an_error_that_names_them(project: Any) -> None:
    lay(project, workbook(**TWO_TABLES))
    assert refusal(project) == (
        'qa.xlsx: more than one sheet has a table: "배송", "환불". Name the one to read in params.yaml: '
        "corpus.sources: [{file: qa.xlsx, sheet: 배송}], or several: [{file: qa.xlsx, sheet: [배송, 환불]}]"
    )
    unclear = [["Q", "질문", "A"], ["안녕", "안녕", "반가워"]]
    lay(project, workbook(배송=TWO_TABLES["배송"], 환불=unclear))
    assert 'more than one sheet has a table: "배송", "환불"' in refusal(project)


def test_a_sheet_that_the_source_names_is_read(project: Any) -> None:
    lay(project, workbook(**TWO_TABLES))
    project.ingest(sources=[{"file": "qa.xlsx", "sheet": "환불"}])
    assert project.texts() == [["환불돼요?", "네"]]
    lay(project, workbook(**{"2025": TWO_TABLES["배송"], "2026": TWO_TABLES["환불"]}))
    project.ingest(sources=[{"file": "qa.xlsx", "sheet": 2026}])
    assert project.texts() == [["환불돼요?", "네"]]


def test_several_sheets_that_the_source_names_are_read_and_said_and_their_rows_named(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = lay(project, workbook(**TWO_TABLES))
    project.ingest(sources=[{"file": "qa.xlsx", "sheet": ["환불", "배송"]}])
    assert project.texts() == [["언제 와요?", "내일요"], ["환불돼요?", "네"]]
    printed = capsys.readouterr().out
    assert "sheets: 배송 (2 rows), 환불 (1 rows)" in printed
    assert f"empty_answer: 1 ({path}/배송:3)" in printed


@pytest.mark.parametrize(
    ("sheet", "problem"),
    [
        ("교환", 'qa.xlsx: no sheet "교환", which corpus.sources names. Found: "배송", "표지", "환불".'),
        (["배송", "교환"], 'qa.xlsx: no sheet "교환", which corpus.sources names.'),
        ("표지", "qa.xlsx/표지: one column only, 고객 응대"),
    ],
)
def test_a_named_sheet_that_is_not_there_or_has_no_table_is_an_error(project: Any, sheet: Any, problem: str) -> None:
    lay(project, workbook(**TWO_TABLES))
    assert refusal(project, sources=[{"file": "qa.xlsx", "sheet": sheet}]).startswith(problem)


def test_a_hidden_sheet_is_read_if_it_is_named(project: Any) -> None:
    book = workbook(**TWO_TABLES)
    book["환불"].sheet_state = "hidden"
    lay(project, book)
    project.ingest()
    assert project.texts() == [["언제 와요?", "내일요"]]
    project.ingest(sources=[{"file": "qa.xlsx", "sheet": "환불"}])
    assert project.texts() == [["환불돼요?", "네"]]


def test_a_sheet_without_a_header_is_read_if_the_source_says_so(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: Rows = [["안녕?", "반가워."], ["1", "2"], ["Q", None]]
    lay(project, workbook(표지=[["제목"]], 표=rows))
    metrics = project.ingest(sources=[{"file": "qa.xlsx", "header": False}])
    assert project.texts() == [["안녕?", "반가워."], ["1", "2"]]
    assert metrics["rows_dropped"] == {"empty_answer": 1}
    assert "no header; question: column 1, answer: column 2" in capsys.readouterr().out


def test_of_more_than_two_columns_without_a_header_the_source_says_which_to_take(project: Any) -> None:
    lay(project, workbook(표=[[None, number, f"질문 {number}", f"대답 {number}"] for number in range(3)]))
    assert refusal(project, sources=[{"file": "qa.xlsx", "header": False}]).endswith(
        "3 columns without a header. Say which are the question and the answer: columns: {question: 2, answer: 3}"
    )
    project.ingest(sources=[{"file": "qa.xlsx", "header": False, "columns": {"question": 3, "answer": 4}}])
    assert project.texts() == [[f"질문 {number}", f"대답 {number}"] for number in range(3)]


def test_without_a_header_every_sheet_of_two_columns_is_a_table(project: Any) -> None:
    lay(project, workbook(하나=[["안녕?", "반가워."]], 빈=[], 둘=[["뭐해?", "쉬어."]]))
    source = {"file": "qa.xlsx", "header": False}
    assert 'more than one sheet has a table: "하나", "둘"' in refusal(project, sources=[source])
    project.ingest(sources=[source | {"sheet": "둘"}])
    assert project.texts() == [["뭐해?", "쉬어."]]


def test_sheet_is_for_workbooks_alone(project: Any) -> None:
    project.lay("qa.csv", "Q,A\n안녕,반가워\n")
    assert refusal(project, sources=[{"file": "qa.csv", "sheet": "표"}]).startswith(
        "params.yaml: corpus.sources: qa.csv is qa_table: header is for CSV, TSV and Excel, sheet for Excel"
    )


def test_hidden_sheets_and_charts_are_not_read_and_it_is_said(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    book = workbook(a=[["Q", "A"], ["안녕", "반가워"]], 초안=[["Q", "A"], ["옛", "것"]])
    book["초안"].sheet_state = "hidden"
    book.create_chartsheet("그림")
    lay(project, book)
    project.ingest()
    assert project.texts() == [["안녕", "반가워"]]
    assert 'hidden sheets, not read: "초안"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (3.0, "3"),
        (-12, "-12"),
        (0.1 + 0.2, "0.3"),
        (1234567890123456, "1234567890123456"),
        (1.5e-7, "1.5e-07"),
        (True, "TRUE"),
        (False, "FALSE"),
        (datetime.date(2026, 2, 9), "2026-02-09"),
        (datetime.datetime(2026, 2, 9, 18, 35), "2026-02-09 18:35"),
        (datetime.datetime(2026, 2, 9, 18, 35, 7), "2026-02-09 18:35:07"),
        (datetime.time(9, 5), "09:05"),
        (datetime.timedelta(hours=30, minutes=1), "30:01:00"),
        ("001", "001"),
        ("NA", "NA"),
        ("'그래", "'그래"),
    ],
)
def test_numbers_and_dates_are_text_as_a_person_sees_them_and_counted(
    project: Any, capsys: pytest.CaptureFixture[str], value: Any, text: str
) -> None:
    lay(project, workbook(a=[["Q", "A"], ["이게 뭐야", value]]))
    project.ingest()
    assert project.texts() == [["이게 뭐야", text]]
    counted = "numbers, dates and the like, read as text: 1" in capsys.readouterr().out
    assert counted == (not isinstance(value, str))


def cached(book: openpyxl.Workbook, formula: str, value: str) -> bytes:
    """The workbook with the value of a formula, as a spreadsheet saves it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(book))) as old, zipfile.ZipFile(packed, "w") as new:
        for name in old.namelist():
            content = old.read(name).decode()
            before = f"<f>{formula}</f><v />"
            assert before in content or "worksheets/sheet" not in name
            new.writestr(name, content.replace(before, f"<f>{formula}</f><v>{value}</v>"))
    return packed.getvalue()


def test_a_formula_is_its_saved_value_and_one_without_is_empty_and_counted(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    book = workbook(a=[["Q", "A"], ["둘 더하기 셋?", "=2+3"], ["이름?", "=A1"]])
    project.lay("qa.xlsx", cached(book, "2+3", "5"))
    assert project.ingest()["rows_dropped"] == {"empty_answer": 1}
    assert project.texts() == [["둘 더하기 셋?", "5"]]
    assert "formulas without a saved value, read as empty: 1; open and save it" in capsys.readouterr().out


def test_cells_that_are_merged_with_the_one_above_have_its_text_and_are_counted(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: Rows = [
        ["Q", "A"],
        ["안녕", "반가워"],
        [None, "어서 와"],
        ["잘 가", "또 봐"],
        ["바이", None],
        ["배송", None],
        [None, "답"],
    ]
    book = workbook(a=rows)
    for cells in ("A2:A3", "B4:B5", "A6:B6"):
        book["a"].merge_cells(cells)
    lay(project, book)
    metrics = project.ingest()
    assert project.texts() == [["안녕", "반가워"], ["안녕", "어서 와"], ["잘 가", "또 봐"], ["바이", "또 봐"]]
    assert metrics["rows_dropped"] == {"empty_answer": 1, "empty_question": 1}
    assert "cells with the text of the cell they are merged with: 2" in capsys.readouterr().out


def test_rows_that_are_only_formatted_are_no_rows(project: Any) -> None:
    book = workbook(a=[["Q", "A"], ["안녕", "반가워"], [None, None], ["뭐해", "쉬어"]])
    book["a"]["A9000"].font = Font(bold=True)
    book["a"]["XFD1048576"].font = Font(bold=True)
    lay(project, book)
    assert project.ingest()["rows_read"] == 2


def test_a_header_that_is_repeated_is_dropped(project: Any) -> None:
    lay(project, workbook(a=[["Q", "A"], ["안녕", "반가워"], [" q", "A "], ["뭐해", "쉬어"]]))
    assert project.ingest()["rows_dropped"] == {"repeated_header": 1}


def test_the_wide_rows_of_ai_hub_are_whole_dialogues(project: Any) -> None:
    header = ["", "사람문장1", "시스템문장1", "사람문장2", "시스템문장2", "사람문장3", "시스템문장3"]
    rows: Rows = [
        header,
        [0, "힘들어", "왜요?", "일이 많아", "쉬어요", None, None],
        [1, "좋아", "네", None, None, "x", "y"],
    ]
    lay(project, workbook(a=rows))
    project.ingest()
    assert project.texts() == [["힘들어", "왜요?", "일이 많아", "쉬어요"], ["좋아", "네"]]


def test_rows_of_turns_are_dialogues_where_the_id_is_merged_too(project: Any) -> None:
    header = ["dialogue_id", "role", "utterance"]
    book = workbook(
        a=[header, [1, "user", "안녕"], [None, "assistant", "반가워"], [2, "user", "뭐해"], [2, "bot", "쉬어"]]
    )
    book["a"].merge_cells("A2:A3")
    lay(project, book)
    project.ingest()
    assert project.texts() == [["안녕", "반가워"], ["뭐해", "쉬어"]]


def test_columns_that_params_names_are_taken(project: Any) -> None:
    lay(project, workbook(a=[["질문", "prompt", "말"], ["안녕", "hi", "반가워"]]))
    assert "qa.xlsx/a: more than one question column: 질문, prompt." in refusal(
        project, columns={"question": None, "answer": "말"}
    )
    project.ingest(columns={"question": "prompt", "answer": "말"})
    assert project.texts() == [["hi", "반가워"]]


def test_a_workbook_without_a_table_says_what_was_found(project: Any) -> None:
    lay(project, workbook(표=[["번호", "내용"], [1, "안녕"]]))
    assert refusal(project).startswith(
        "qa.xlsx/표: no question column. Found: 번호, 내용. Expected one of: q, question"
    )
    chat = [["Date", "User", "Message"], ["2026-02-09 18:35:07", "하늘", "안녕"]]
    lay(project, workbook(표=chat))
    assert "qa.xlsx/표: this looks like a table of messages and their senders" in refusal(project)
    lay(project, workbook(a=[]))
    assert refusal(project).startswith("qa.xlsx/a: no header: the sheet is empty")


def test_a_workbook_in_an_archive_is_read_and_one_without_a_table_is_left_out(project: Any) -> None:
    book = saved(workbook(표=[["Q", "A"], ["안녕", "반가워"]]))
    other = saved(workbook(표=[["번호", "물건"], [1, "책"]]))
    project.lay("all.zip", zipped({"qa.xlsx": book, "orders.xlsx": other}))
    assert project.ingest()["files_left_out"] == {"no_format": 1}
    assert project.texts() == [["안녕", "반가워"]]


@pytest.mark.parametrize("format_name", ["xlsx", "parquet"])
def test_a_named_format_that_the_file_has_not_is_an_error(project: Any, format_name: str) -> None:
    project.lay("qa.csv", "Q,A\n안녕,반가워\n")
    what = {"xlsx": "an Excel workbook (.xlsx)", "parquet": "a Parquet file"}[format_name]
    assert refusal(project, sources=[{"file": "qa.csv", "format": format_name}]) == f"qa.csv: not {what}"
    lay(project, workbook(a=[["Q", "A"], ["안녕", "반가워"]]))
    assert "its content is of the format xlsx, not qa_table" in refusal(
        project, sources=[{"file": "qa.xlsx", "format": "qa_table"}]
    )


def test_a_cell_far_away_is_an_error_and_does_not_take_all_memory(project: Any) -> None:
    book = workbook(a=[["Q", "A"], ["안녕", "반가워"]])
    book["a"]["XFD1048576"] = "여기"
    lay(project, book)
    assert MAX_CELLS < 2**34
    assert refusal(project).startswith(
        "qa.xlsx: the sheet in xl/worksheets/sheet1.xml is 1,048,576 rows high and 16,384 columns wide"
    )


FIRST = '<row r="1"><c r="A1"><v>1</v></c>'


@pytest.mark.parametrize(
    "cells",
    [
        '<c r="XFD1048576"><v>1</v></c></row>',
        "</row><row  spans='1:2'  r = '9999999'><c s='1'\n r='XFD9999999' ><v>1</v></c></row>",
        '</row><x:row r="1048576"><x:c a=">" r="ZZZ1048576"><x:v>1</x:v></x:c></x:row>',
        "<c><v>1</v></c>" * 5000 + "</row>" + "<row/>" * 5000 + "<row><c><v>1</v></c></row>",
        '</row><row r="99999999999999999999999"><c r="AAAAAAAAAA99999999999999999999999"><v>1</v></c></row>',
    ],
)
def test_however_a_cell_far_away_is_written_it_is_seen(project: Any, cells: str) -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved(workbook(a=[["Q", "A"]])))) as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            content = old.read(name).decode()
            if "worksheets/sheet" in name:
                before, _, rest = content.partition("<sheetData>")
                content = f"{before}<sheetData>{FIRST}{cells}</sheetData>{rest.partition('</sheetData>')[2]}"
            new.writestr(name, content)
    project.lay("qa.xlsx", packed.getvalue())
    assert refusal(project).startswith("qa.xlsx: the sheet in xl/worksheets/sheet1.xml is ")


def test_a_sheet_with_the_name_of_another_place_is_named_within_its_file(project: Any) -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved(workbook(표=[["번호"], [1]])))) as old,
        zipfile.ZipFile(packed, "w") as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name).replace('name="표"'.encode(), b'name="/etc/hosts"'))
    project.lay("qa.xlsx", packed.getvalue())
    assert refusal(project).startswith("qa.xlsx/etc/hosts: ")


def test_a_workbook_that_is_cut_or_changed_is_read_or_one_error(project: Any) -> None:
    whole = saved(workbook(a=[["Q", "A"], ["안녕", "반가워"], ["뭐해", 3.5]]))
    rng = random.Random(0)
    for case in range(40):
        changed = bytearray(whole if case % 2 else whole[: rng.randrange(4, len(whole))])
        changed[rng.randrange(4, len(changed))] = rng.randrange(256)
        project.lay("qa.xlsx", bytes(changed))
        try:
            project.ingest(on_error="skip")
        except InputError as error:
            assert "qa.xlsx" in str(error)


def test_a_sheet_of_xml_that_is_broken_is_an_error_that_names_it(project: Any) -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved(workbook(표=[["Q", "A"], ["안녕", "반가워"]])))) as old,
        zipfile.ZipFile(packed, "w") as new,
    ):
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content[:-200] if "worksheets/sheet" in name else content)
    project.lay("qa.xlsx", packed.getvalue())
    assert refusal(project).startswith("qa.xlsx/표: damaged, or no workbook that Excel would open (")
