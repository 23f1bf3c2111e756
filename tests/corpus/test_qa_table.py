import codecs
import csv
import subprocess
import sys
from typing import Any

import pytest

from tests.corpus.conftest import REPOSITORY
from tinychat.errors import InputError
from tinychat.params.limits import MAX_CHARACTERS

MARKS = "\u0301\u0323"  # acute above, dot below: not in the order of NFC


def test_the_columns_are_found_by_their_usual_names_and_the_others_left_aside(project: Any) -> None:
    project.lay("qa.csv", "번호, 질문 ,답변,label\r\n1,안녕,반가워,0\r\n2,뭐해?,쉬어,2   \r\n")
    metrics = project.ingest()
    assert project.texts() == [["안녕", "반가워"], ["뭐해?", "쉬어"]]
    assert (metrics["rows_read"], metrics["rows_kept"], metrics["rows_dropped"]) == (2, 2, {})


@pytest.mark.parametrize(
    "header", ["Q,A,label", "question,answer,x", "PROMPT,Completion,x", "instruction,output,input"]
)
def test_each_usual_header_is_known(project: Any, header: str) -> None:
    project.lay("qa.csv", f"{header}\n안녕,반가워,\n")
    project.ingest()
    assert project.texts() == [["안녕", "반가워"]]


@pytest.mark.parametrize("text", ["NA", "null", "None", "nan", "001", "1e5", "TRUE", "=1+1", "'그래", "-", "a|b;c"])
def test_text_stays_text(project: Any, text: str) -> None:
    project.lay("qa.csv", f"Q,A\n{text},{text}라고\n")
    project.ingest()
    assert project.texts() == [[text, f"{text}라고"]]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_the_one_that_makes_sense_of_the_header(project: Any, delimiter: str) -> None:
    others = "".join({",", "\t", ";", "|"} - {delimiter, "\t"})
    rows = [["Q", "A", "label"], [f"이거{others} 저거", "그래", "0"], ["안녕", f"{others}응{others}", "1"]]
    project.lay("qa.txt", "\n".join(delimiter.join(row) for row in rows))
    project.ingest()
    assert project.texts() == [row[:2] for row in rows[1:]]


def test_excels_unicode_text_is_utf_16_with_tabs(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    table = 'Q\tA\r\n"이거, 저거"\t"그는 ""응"" 했다"\r\n'
    project.lay("qa.txt", codecs.BOM_UTF16_LE + table.encode("utf-16-le"))
    project.ingest()
    assert project.texts() == [["이거, 저거", '그는 "응" 했다']]
    assert "qa.txt: read as UTF-16-LE" in capsys.readouterr().err


def test_excels_csv_in_korea_is_cp949_and_is_told(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    project.lay("qa.csv", "질문,답변\r\n뷁이 뭐야,햏과 믜처럼 드문 글자야\r\n".encode("cp949"))
    project.ingest()
    assert project.texts() == [["뷁이 뭐야", "햏과 믜처럼 드문 글자야"]]
    assert capsys.readouterr().err.count("qa.csv: read as CP949 (EUC-KR)") == 1


def test_a_quoted_cell_may_hold_newlines_delimiters_and_quotes(project: Any) -> None:
    project.lay("qa.csv", 'Q,A\n"첫 줄\n둘째 줄, ""인용""",그래\n')
    project.ingest()
    assert project.texts() == [['첫 줄\n둘째 줄, "인용"', "그래"]]


def test_a_line_separator_inside_a_cell_does_not_end_the_row(project: Any) -> None:
    project.lay("qa.csv", "Q,A\n하나\u2028둘,그래\n빈,\n")
    metrics = project.ingest()
    assert project.texts() == [["하나\n둘", "그래"]]
    assert metrics["rows_dropped"] == {"empty_answer": 1}


def test_each_row_that_does_not_fit_is_dropped_by_its_reason_with_its_line(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project.lay(
        "qa.csv",
        'Q,A\n가,나,다\n안녕\n,누구\n안녕,  \nQ,A\n\n"두\n줄",둘\n좋아,그래\n끝,',
    )
    metrics = project.ingest(on_error="skip")
    assert project.texts() == [["두\n줄", "둘"], ["좋아", "그래"]]
    assert metrics["rows_dropped"] == {
        "empty_answer": 2,
        "empty_question": 1,
        "repeated_header": 1,
        "too_few_cells": 1,
        "too_many_cells": 1,
    }
    assert (metrics["rows_read"], metrics["rows_kept"]) == (8, 2)
    printed = capsys.readouterr().out
    assert f"too_many_cells: 1 ({path}:2)" in printed
    assert f"too_few_cells: 1 ({path}:3)" in printed
    assert f"empty_question: 1 ({path}:4)" in printed
    assert f"empty_answer: 2 ({path}:5, :11)" in printed
    assert f"repeated_header: 1 ({path}:6)" in printed


@pytest.mark.parametrize(("row", "cells"), [("그래, 응,좋아", 3), ("그래", 1)])
def test_a_row_of_more_or_fewer_cells_than_the_header_is_an_error_that_says_so(
    project: Any, row: str, cells: int
) -> None:
    path = project.lay("qa.csv", f"Q,A\n안녕,반가워\n{row}\n")
    with pytest.raises(InputError) as error:
        project.ingest()
    assert str(error.value) == (
        f'{path}:3: cells: {cells}, columns in the header: 2. Found "{row}". '
        "Separate the cells with a comma each, and put a text that holds one in double quotes."
    )


def test_a_quote_that_is_not_closed_is_an_error_at_the_rows_first_line(project: Any) -> None:
    path = project.lay("qa.csv", 'Q,A\n안녕,반가워\n"열린 따옴표,응\n그래,좋아\n끝,끝\n')
    with pytest.raises(InputError) as error:
        project.ingest()
    assert f'{path}:3: a quote is opened in the row that begins here and not closed: ""열린 따옴표,응"' in str(
        error.value
    )


def test_text_behind_a_closing_quote_is_an_error_at_the_rows_first_line(project: Any) -> None:
    path = project.lay("qa.csv", 'Q,A\n"열린 따옴표,응\n그래,"좋아, 아주"\n')
    with pytest.raises(InputError, match=f"^{path}:2: a quoted cell must end at a comma or at the end of the row"):
        project.ingest()


def test_a_cell_of_more_than_50_newlines_is_taken_for_an_open_quote(project: Any) -> None:
    project.lay("qa.csv", 'Q,A\n안녕,"' + "줄\n" * 50 + '"\n')
    project.ingest()
    path = project.lay("qa.csv", 'Q,A\n안녕,"' + "줄\n" * 51 + '"\n')
    with pytest.raises(InputError, match=f"^{path}:2: a cell of 52 lines begins here; is a quote left open"):
        project.ingest()


def test_under_skip_a_broken_row_costs_no_row_behind_it(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = project.lay("qa.csv", 'Q,A\n하나,1\n"열린,2\n셋,"3, 삼"\n"넷" 넷,4\n다섯,5\n여섯,"열린\n일곱,7\n')
    metrics = project.ingest(on_error="skip")
    assert project.texts() == [["하나", "1"], ["셋", "3, 삼"], ["다섯", "5"], ["일곱", "7"]]
    assert metrics["rows_dropped"] == {"broken_quotes": 3}
    printed = capsys.readouterr().out
    assert f"broken_quotes: 3 ({path}:3, :5, :7)" in printed
    assert f"skipped, {path}:3: " in printed


def test_a_row_of_very_many_lines_does_not_swallow_the_file(project: Any) -> None:
    rows = "".join(f"질문 {number},대답 {number}\n" for number in range(5000))
    project.lay("qa.csv", f'Q,A\n"열린,0\n{rows}')
    metrics = project.ingest(on_error="skip")
    assert (metrics["rows_kept"], metrics["rows_dropped"]) == (5000, {"broken_quotes": 1})


def test_a_cell_of_200_000_characters_is_legal(project: Any) -> None:
    project.lay("qa.csv", f"Q,A\n안녕,{'가' * 200_000}\n")
    project.ingest()
    assert len(project.texts()[0][1]) == 200_000


def test_lone_carriage_returns_end_rows_too(project: Any) -> None:
    project.lay("qa.csv", "Q,A\r안녕,반가워\r\n뭐해,쉬어\n")
    project.ingest()
    assert project.texts() == [["안녕", "반가워"], ["뭐해", "쉬어"]]


def test_a_missing_column_names_what_was_found_and_what_would_be_right(project: Any) -> None:
    path = project.lay("qa.csv", "번호,내용\n1,안녕\n")
    with pytest.raises(InputError) as error:
        project.ingest()
    assert str(error.value).startswith(
        f"{path}: no question column. Found: 번호, 내용. Expected one of: q, question, 질문, prompt, instruction,"
    )
    assert str(error.value).endswith("or set corpus.columns.")


def test_two_candidates_for_one_role_are_an_error(project: Any) -> None:
    path = project.lay("qa.csv", "질문,prompt,답변\n안녕,hi,반가워\n")
    with pytest.raises(InputError, match=f"^{path}: more than one question column: 질문, prompt. Set corpus.columns"):
        project.ingest()


def test_columns_that_params_names_are_taken(project: Any) -> None:
    project.lay("qa.csv", "질문,prompt,말\n안녕,hi,반가워\n")
    project.ingest(columns={"question": "prompt", "answer": "말"})
    assert project.texts() == [["hi", "반가워"]]


def test_a_column_that_params_names_and_that_is_not_there_is_an_error(project: Any) -> None:
    path = project.lay("qa.csv", "Q,A\n안녕,반가워\n")
    with pytest.raises(
        InputError, match=f"^{path}: no column '물음', which corpus.columns.question names. Found: Q, A"
    ):
        project.ingest(columns={"question": "물음", "answer": None})


def test_a_file_without_one_row_to_keep_says_why(project: Any) -> None:
    path = project.lay("qa.csv", "Q,A\n가,나,다\n안녕,\n")
    with pytest.raises(InputError) as error:
        project.ingest(on_error="skip")
    assert f"{path}: no dialogue is left of its 2 rows as qa_table: " in str(error.value)
    assert f"too_many_cells: 1 ({path}:2)" in str(error.value)


TURNS = (
    "대화ID,speaker,text,번호\n1,user,안녕,1\n1,Assistant ,반가워,2\n1,고객,뭐해,3\n1,점원,쉬어,4\n"
    "2,system,너는 봇,5\n2,human,잘 자,6\n2,gpt,좋은 꿈 꿔,7\n"
)


def test_rows_of_turns_with_the_id_of_their_conversation_are_dialogues(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.lay("turns.csv", TURNS)
    metrics = project.ingest()
    assert project.texts() == [["안녕", "반가워", "뭐해", "쉬어"], ["잘 자", "좋은 꿈 꿔"]]
    assert (metrics["rows_read"], metrics["messages_dropped"]) == (2, {"system": 1})
    said = "a turn a row; conversation: 대화ID, speaker: speaker, text: text"
    assert said in capsys.readouterr().out


def test_a_conversation_whose_rows_are_apart_or_whose_speaker_is_not_known_is_one_fault(project: Any) -> None:
    path = project.lay("turns.csv", TURNS + "3,하늘,안녕,8\n3,바다,응,9\n1,user,또,10\n,user,누구,11\n")
    with pytest.raises(InputError) as error:
        project.ingest()
    assert str(error.value) == (
        f'{path}:9: the speaker is "하늘". Expected one of: user, human, customer, 사용자, 고객, assistant, '
        "gpt, bot, 챗봇, 상담원, 점원."
    )
    metrics = project.ingest(on_error="skip")
    assert metrics["rows_dropped"] == {"bad_role": 1, "no_conversation": 1, "split_conversation": 1}
    assert len(project.texts()) == 2


@pytest.mark.slow
def test_a_cell_of_combining_marks_takes_time_linear_in_it(project: Any) -> None:
    project.lay("qa.csv", f"Q,A\n안녕,{'가' + MARKS * 10}\n{MARKS * 400_000},끝\n".encode())
    code = "import sys, pathlib, tests.corpus.conftest as c; c.Project(pathlib.Path(sys.argv[1])).ingest()"
    subprocess.run([sys.executable, "-c", code, str(project.root)], cwd=REPOSITORY, timeout=120, check=True)
    assert project.texts() == [["안녕", "가" + "\u0323" * 10 + "\u0301" * 10], ["\u0323" * 15 + "\u0301" * 15, "끝"]]


def test_a_message_that_no_model_could_read_is_dropped_with_its_dialogue_and_counted(project: Any) -> None:
    project.lay("qa.csv", f"Q,A\n안녕,반가워\n뭐해,{'가' * (MAX_CHARACTERS + 1)}\n")
    assert project.ingest()["rows_dropped"] == {"too_long": 1}


@pytest.mark.slow
@pytest.mark.parametrize("header", ["열" * 1_000_000, "열," * 100_000])
def test_a_header_of_megabytes_is_not_quoted_whole(project: Any, header: str) -> None:
    csv.field_size_limit(131_072)  # as in a new process
    project.lay("qa.csv", f"{header}\n안녕,반가워\n")
    with pytest.raises(InputError, match=r"(no question column\. Found: |one column only, )열") as error:
        project.ingest()
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("line", ["안녕?,반가워요!", "뭐 하세요,쉬고 있어요,0", "오늘 춥습니다;따뜻하게 입어"])
def test_a_first_line_that_is_no_header_is_told_so_with_what_to_write(project: Any, line: str) -> None:
    project.lay("qa.csv", f"{line}\n{line}\n")
    with pytest.raises(InputError, match=r"looks like a question and an answer, not like a header: .* question,answer"):
        project.ingest()


def test_a_table_of_one_column_is_not_told_to_name_two_of_them(project: Any) -> None:
    project.lay("qa.csv", "문장\n안녕\n반가워\n")
    with pytest.raises(InputError, match="one column only, 문장: a table has one of questions and one") as refused:
        project.ingest()
    assert "corpus.columns" not in str(refused.value)


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_a_table_without_a_header_is_read_if_the_source_says_so(
    project: Any, capsys: pytest.CaptureFixture[str], delimiter: str
) -> None:
    rows = [["안녕?", "반가워."], ["1", "2"], ["뭐해", "쉬어"], ["빈", ""]]
    path = project.lay("qa.csv", "".join(f"{delimiter.join(row)}\n" for row in rows))
    if delimiter != "\t":  # pairs with a tab are read as such
        with pytest.raises(InputError, match=r"not like a header: .*; or say header: false of it in corpus.sources"):
            project.ingest()
    metrics = project.ingest(sources=[{"file": "qa.csv", "header": False}])
    assert project.texts() == rows[:3]
    assert metrics["readers"]["qa_table"]["rows_dropped"] == {"empty_answer": 1}
    printed = capsys.readouterr().out
    assert "no header; question: column 1, answer: column 2" in printed
    assert f"empty_answer: 1 ({path}:4)" in printed


def test_the_delimiter_of_a_table_without_a_header_is_the_one_that_is_constant(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["그래, 그래\t응, 응", "아니, 뭐, 글쎄\t음", "좋아, 아주\t나도, 나도", "음\t응"]
    project.lay("qa.txt", "\n" * 30_000 + "\n".join([*rows, "빈\t"]))
    project.ingest(sources=[{"file": "qa.txt", "header": False}])
    assert project.texts() == [row.split("\t") for row in rows]
    assert "empty_answer: 1 (" in (printed := capsys.readouterr().out)
    assert "qa.txt:30005)" in printed


def test_columns_of_a_table_without_a_header_are_named_by_position(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.lay("qa.csv", '1,안녕?,"반가워,\n어서 와."\n2,뭐해?,쉬어.\n')
    source = {"file": "qa.csv", "header": False}
    with pytest.raises(InputError, match=r"qa.csv: 3 columns without a header.*: columns: \{question: 1, answer: 2\}"):
        project.ingest(sources=[source])
    expected = [["안녕?", "반가워,\n어서 와."], ["뭐해?", "쉬어."]]
    project.ingest(sources=[source | {"columns": {"question": 2, "answer": 3}}])
    assert project.texts() == expected
    assert 'not used: "1"' in capsys.readouterr().out
    project.ingest(sources=[source], columns={"question": "2", "answer": 3})
    assert project.texts() == expected


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        (
            {"question": 2, "answer": 4},
            "no column '4', which corpus.sources: qa.csv: columns.answer names. Found: 1, 2, 3.",
        ),
        ({"question": 2, "answer": 2}, "one column, 2, for question and answer"),
        ({"question": 2, "answer": None}, "3 columns without a header"),
    ],
)
def test_columns_by_position_that_are_not_there_are_an_error(
    project: Any, columns: dict[str, Any], problem: str
) -> None:
    project.lay("qa.csv", "1,안녕?,반가워.\n2,뭐해?,쉬어.\n")
    with pytest.raises(InputError) as error:
        project.ingest(sources=[{"file": "qa.csv", "header": False, "columns": columns}])
    assert problem in str(error.value)


def test_a_row_that_has_not_as_many_cells_as_the_first_is_an_error_where_there_is_no_header(project: Any) -> None:
    path = project.lay("qa.csv", "안녕?,반가워.\n뭐해?,쉬어, 너는?\n좋아,그래\n")
    with pytest.raises(InputError, match=f'^{path}:2: cells: 3, in the first row: 2. Found "뭐해\\?,쉬어, 너는\\?"'):
        project.ingest(sources=[{"file": "qa.csv", "header": False}])


def test_a_first_row_that_looks_like_a_header_is_said_where_there_is_to_be_none(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.lay("qa.csv", "질문,답변\n안녕?,반가워.\n")
    project.ingest(sources=[{"file": "qa.csv", "header": False}])
    assert project.texts() == [["질문", "답변"], ["안녕?", "반가워."]]
    assert 'the first row looks like a header, and is read as a question and its answer: "질문", "답변"' in (
        capsys.readouterr().out
    )


def test_text_without_a_delimiter_is_no_table_without_a_header_either(project: Any) -> None:
    project.lay("qa.csv", "안녕\n반가워\n")
    with pytest.raises(InputError, match=r"qa.csv: no table: no comma, tab, semicolon or bar separates two cells"):
        project.ingest(sources=[{"file": "qa.csv", "header": False}])


def test_columns_of_a_source_stand_before_those_of_the_corpus(project: Any) -> None:
    project.lay("a.csv", "물음,대답,말\n안녕,반가워,네\n")
    project.lay("b.csv", "Q,A\n뭐해,쉬어\n")
    project.ingest(sources=[{"file": "a.csv", "columns": {"question": "물음", "answer": "말"}}, {"file": "b.csv"}])
    assert project.texts() == [["안녕", "네"], ["뭐해", "쉬어"]]


def test_header_and_columns_are_for_tables_alone(project: Any) -> None:
    project.lay("talk.jsonl", '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}')
    for option in ({"header": False}, {"columns": {"question": "a", "answer": "b"}}):
        with pytest.raises(InputError, match=r"talk.jsonl is openai_chat: header is for CSV, TSV and Excel"):
            project.ingest(sources=[{"file": "talk.jsonl", **option}])
