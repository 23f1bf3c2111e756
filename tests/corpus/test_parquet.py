"""Parquet files, written by duckdb: columns of questions and answers, or of messages."""

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.corpus.archives import zipped
from tests.corpus.conftest import REPOSITORY
from tinychat.errors import InputError


def lay(project: Any, select: str, name: str = "qa.parquet", options: str = "") -> Path:
    """Write what a query gives as a raw file."""
    path: Path = project.lay(name, b"")
    with duckdb.connect() as connection:
        quoted = str(path).replace("'", "''")
        connection.execute(f"COPY ({select}) TO '{quoted}' (FORMAT parquet {options})")
    return path


def refusal(project: Any, **corpus: Any) -> str:
    with pytest.raises(InputError) as error:
        project.ingest(**corpus)
    assert not project.corpus.exists()
    return str(error.value).replace(f"{project.raw}/", "")


PAIRS = "SELECT * FROM (VALUES ('안녕', '반가워', 1), ('뭐해?', '쉬어', 2)) t(question, answer, id)"


def test_columns_of_questions_and_answers_are_read(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    lay(project, PAIRS)
    assert project.ingest()["readers"]["parquet"]["rows_kept"] == 2
    assert project.texts() == [["안녕", "반가워"], ["뭐해?", "쉬어"]]
    printed = capsys.readouterr().out
    assert 'qa.parquet: parquet, 2 rows, 2 kept; question: question, answer: answer; not used: "id"' in printed


@pytest.mark.parametrize(
    "name", ["talk.csv", "a[1]*?.parquet", "d'q.parquet", "한글 이름.parquet", "label=1/qa.parquet"]
)
def test_content_decides_and_a_name_is_no_pattern(project: Any, name: str) -> None:
    lay(project, PAIRS, name)
    project.ingest()
    assert project.texts() == [["안녕", "반가워"], ["뭐해?", "쉬어"]]


def test_null_and_blank_cells_are_dropped_with_their_rows(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = lay(project, "SELECT * FROM (VALUES ('안녕', NULL), (NULL, '네'), ('응', ''), ('null', 'None')) t(q, a)")
    metrics = project.ingest()
    assert project.texts() == [["null", "None"]]
    assert metrics["rows_dropped"] == {"empty_answer": 2, "empty_question": 1}
    assert f"empty_answer: 2 ({path}:1, :3)" in capsys.readouterr().out


def test_enums_bytes_numbers_and_dates_are_texts(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    values = [
        "'가'::ENUM('가', '나')",
        "encode('나')",
        "3",
        "2.50::DECIMAL(5,2)",
        "DATE '2026-02-09'",
        "TRUE",
        "1e3::DOUBLE",
    ]
    for number, value in enumerate(values):
        lay(project, f"SELECT '질문 {number}' AS q, {value} AS a", f"{number}.parquet")
    project.ingest()
    assert [texts[1] for texts in project.texts()] == ["가", "나", "3", "2.50", "2026-02-09", "TRUE", "1000"]
    assert capsys.readouterr().out.count("numbers, dates and the like, read as text: 1") == 5


@pytest.mark.parametrize("name", ["messages", "conversations"])
def test_lists_of_messages_are_dialogues(project: Any, name: str) -> None:
    messages = (
        "[{'role': 'system', 'content': '너는 봇', 'weight': NULL},"
        " {'role': 'user', 'content': '안녕', 'weight': NULL},"
        " {'role': 'assistant', 'content': '반가워', 'weight': 0}, {'role': 'user', 'content': '뭐해', 'weight': NULL},"
        " {'role': 'assistant', 'content': '쉬어', 'weight': 1}]"
    )
    lay(project, f"SELECT {messages} AS {name}, 'x' AS prompt, 'y' AS response")
    metrics = project.ingest()
    assert project.texts() == [["안녕", "반가워", "뭐해", "쉬어"]]
    assert [turn.has_loss for turn in project.dialogues()[0].turns] == [True, False, True, True]
    assert metrics["messages_dropped"] == {"system": 1}
    project.ingest(columns={"question": "prompt", "answer": "response"})
    assert project.texts() == [["x", "y"]]


def test_conversations_of_sharegpt_are_dialogues(project: Any) -> None:
    lay(project, "SELECT [{'from': 'human', 'value': '안녕'}, {'from': 'gpt', 'value': '반가워'}] AS conversations")
    project.ingest()
    assert project.texts() == [["안녕", "반가워"]]


def test_rows_of_turns_are_dialogues(project: Any) -> None:
    turns = "(1, 'user', '안녕'), (1, 'assistant', '반가워'), (2, 'human', '뭐해'), (2, 'gpt', '쉬어')"
    lay(project, f"SELECT * FROM (VALUES {turns}) t(conversation_id, speaker, text)")
    project.ingest()
    assert project.texts() == [["안녕", "반가워"], ["뭐해", "쉬어"]]


def test_faulty_messages_are_named_by_their_row(project: Any) -> None:
    good = "[{'role': 'user', 'content': '안녕'}, {'role': 'assistant', 'content': '응'}]"
    bad = "[{'role': 'robot', 'content': '안녕'}, NULL]"
    lay(project, f"SELECT * FROM (VALUES ({good}), ({bad}), (NULL), ([NULL])) t(messages)")
    assert refusal(project).startswith('qa.parquet:2: messages[0].role is "robot".')
    assert project.ingest(on_error="skip")["rows_dropped"] == {"bad_message": 1, "bad_role": 1, "empty_messages": 1}


def test_a_file_without_dialogues_says_what_was_found(project: Any) -> None:
    lay(project, "SELECT 1 AS id, 'x' AS label")
    assert refusal(project).startswith("qa.parquet: no question column. Found: id, label. Expected one of: q, question")
    lay(project, "SELECT ['a'] AS question, 'x' AS answer")
    assert refusal(project) == "qa.parquet: the column question holds VARCHAR[], not texts; set corpus.columns"
    lay(project, "SELECT 'a' AS question, 'b' AS prompt, 'x' AS answer")
    assert refusal(project).startswith("qa.parquet: more than one question column: question, prompt.")


def test_a_file_in_an_archive_is_read_and_one_without_dialogues_is_left_out(project: Any) -> None:
    good, bad = lay(project, PAIRS, "a.parquet"), lay(project, "SELECT 1 AS id", "b.parquet")
    project.lay("all.zip", zipped({"a.parquet": good.read_bytes(), "b.parquet": bad.read_bytes()}))
    good.unlink(), bad.unlink()
    assert project.ingest()["files_left_out"] == {"no_format": 1}
    assert project.texts() == [["안녕", "반가워"], ["뭐해?", "쉬어"]]


def test_rows_keep_their_order_over_row_groups(project: Any) -> None:
    lay(project, "SELECT 'q' || i AS q, 'a' || i AS a FROM range(7000) t(i)", options=", ROW_GROUP_SIZE 2048")
    project.ingest()
    assert [texts[0] for texts in project.texts()] == [f"q{number}" for number in range(7000)]


@pytest.mark.slow
def test_a_file_that_is_cut_or_changed_is_read_or_one_error(project: Any) -> None:
    whole = lay(
        project, PAIRS.replace("(VALUES", "(VALUES ('가', '나', 3),"), options=", CODEC uncompressed"
    ).read_bytes()
    rng = random.Random(0)
    for case in range(30):
        changed = bytearray(whole if case % 3 else whole[: rng.randrange(5, len(whole))])
        changed[rng.randrange(4, len(changed))] = rng.randrange(256)
        project.lay("qa.parquet", bytes(changed))
        try:
            project.ingest(on_error="skip")
        except InputError as error:
            assert "qa.parquet" in str(error)


@pytest.mark.slow
def test_rows_out_of_all_proportion_to_the_file_are_refused(project: Any) -> None:
    lay(project, "SELECT repeat('가', 1000) AS q, repeat('나', 1000) AS a FROM range(100000)")
    assert refusal(project).startswith("qa.parquet: unpacked it is more than 100 times as large as packed (")


@pytest.mark.slow
def test_memory_is_bounded(project: Any) -> None:
    path = lay(
        project,
        "SELECT 'question ' || i || md5(i::VARCHAR) || md5((i + 1)::VARCHAR) AS q, md5((i + 2)::VARCHAR) AS a "
        "FROM range(600000) t(i)",
    )
    code = (
        "import re, sys, pathlib; from tinychat.corpus.readers import parquet; "
        "from tinychat.corpus.raw_files import RawFile; from tinychat.corpus.reader import Notes; "
        "from tinychat.dialogue_files import corpus_params; "
        "rows = parquet.read(RawFile.of(pathlib.Path(sys.argv[1])), corpus_params(), Notes()); "
        "n = sum(1 for _ in rows); "  # VmHWM: ru_maxrss begins with that of the process that started this one
        "print(n, int(re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1]) // 1024)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    rows, mib = map(int, ended.stdout.split())
    assert rows == 600_000 and path.stat().st_size > 25 << 20
    assert mib < 300
