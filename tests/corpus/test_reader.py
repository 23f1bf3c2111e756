from pathlib import Path
from typing import Any

import pytest

from tinychat.corpus import readers
from tinychat.corpus.reader import find_readers
from tinychat.errors import InputError

ARROWS = """
from tinychat.corpus.dialogue import Dialogue, Turn
from tinychat.corpus.reader import FileReader


def score(head, params):
    return sum("->" in line for line in head) / len(head)


def read(text, params, notes):
    for number, line in enumerate(text.lines(), start=1):
        question, answer = line.split("->")
        yield Dialogue(f"{text.path}:{number}", (Turn("user", question), Turn("assistant", answer)))


READER = FileReader(score, read)
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules count as lying in readers/."""
    folder = tmp_path / "more_readers"
    folder.mkdir()
    monkeypatch.setattr(readers, "__path__", [*readers.__path__, str(folder)])
    return folder


def test_the_readers_are_the_files_of_the_folder() -> None:
    assert list(find_readers()) == ["kakaotalk", "openai_chat", "qa_table", "starter", "whatsapp"]


def test_a_new_file_in_the_folder_is_a_new_reader(project: Any, shelf: Path) -> None:
    (shelf / "arrow_pairs.py").write_text(ARROWS, encoding="utf-8")
    project.lay("talk.txt", "안녕 -> 반가워\n뭐해 -> 쉬어\n")
    metrics = project.ingest()
    assert list(metrics["readers"]) == ["arrow_pairs"]
    assert project.texts() == [["안녕", "반가워"], ["뭐해", "쉬어"]]


def test_two_readers_that_fit_alike_are_an_error_that_lists_the_scores(project: Any, shelf: Path) -> None:
    (shelf / "arrows_one.py").write_text(ARROWS, encoding="utf-8")
    (shelf / "arrows_two.py").write_text(ARROWS, encoding="utf-8")
    path = project.lay("talk.txt", "안녕 -> 반가워\n")
    with pytest.raises(InputError) as error:
        project.ingest()
    assert str(error.value) == (
        f"{path}: more than one format fits (arrows_one 1.00, arrows_two 1.00, kakaotalk 0.00, openai_chat 0.00, "
        "qa_table 0.00, whatsapp 0.00; at least 0.5 is needed). Name one in params.yaml: corpus.sources: "
        "[{file: talk.txt, format: arrows_one}]"
    )
    project.ingest(sources=[{"file": "talk.txt", "format": "arrows_two"}])
    assert project.texts() == [["안녕", "반가워"]]


def test_a_file_that_no_reader_fits_is_an_error_that_lists_the_scores(project: Any) -> None:
    path = project.lay("talk.txt", "그냥 글입니다.\n")
    with pytest.raises(
        InputError,
        match=f"^{path}: no format fits \\(kakaotalk 0.00, openai_chat 0.00, qa_table 0.00, whatsapp 0.00",
    ):
        project.ingest()


def test_content_decides_before_the_ending_of_the_name(project: Any) -> None:
    project.lay("chat.csv", '{"messages":[{"role":"user","content":"안녕"},{"role":"assistant","content":"응"}]}\n')
    project.lay("table.jsonl", "Q,A\n뭐해,쉬어\n")
    assert set(project.ingest()["readers"]) == {"openai_chat", "qa_table"}


def test_a_named_format_wins_over_the_content(project: Any) -> None:
    project.lay("table.csv", "Q,A\n뭐해,쉬어\n")
    with pytest.raises(InputError, match=r"table\.csv:1: not valid JSON"):
        project.ingest(sources=[{"file": "table.csv", "format": "openai_chat"}])


@pytest.mark.parametrize("name", ["kakao", "starter"])
def test_a_format_that_no_file_reader_has_is_an_error_that_lists_them(project: Any, name: str) -> None:
    project.lay("table.csv", "Q,A\n뭐해,쉬어\n")
    with pytest.raises(
        InputError, match=f"table.csv: no format '{name}'; there is kakaotalk, openai_chat, qa_table, whatsapp"
    ):
        project.ingest(sources=[{"file": "table.csv", "format": name}])


def test_a_blank_file_is_refused(project: Any) -> None:
    project.lay("talk.txt", " \n\n")
    with pytest.raises(InputError, match=r"talk\.txt: the file is blank"):
        project.ingest()


def test_blank_lines_before_the_data_do_not_make_a_file_blank(project: Any) -> None:
    project.lay("talk.csv", "\n" * 70_000 + "Q,A\n안녕,반가워\n")
    project.ingest()
    assert project.texts() == [["안녕", "반가워"]]
