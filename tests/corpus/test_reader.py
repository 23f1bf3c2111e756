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

# A reader of JSON, and one of speakers with names: the first asks who becomes the bot, as all such readers do.
INTERVIEWS = """
from tinychat.corpus.dialogue import Dialogue
from tinychat.corpus.json_records import JsonFormat, alternating, items, json_reader, string


def fits(record):
    return "interview" in record


def dialogues(where, record, notes):
    yield Dialogue(where, alternating(string(key, text) for key, text in items("interview", record["interview"])))


READER = json_reader(JsonFormat(fits), dialogues)
"""
SCENES = """
from tinychat.corpus.json_records import JsonFormat, json_speaker_reader, objects, string
from tinychat.corpus.reader import SpokenDialogue


def fits(record):
    return "scene" in record


def dialogues(where, record, source, notes):
    scene = objects("scene", record["scene"])
    yield SpokenDialogue(where, tuple((string(key, one["who"]), string(key, one["what"])) for key, one in scene))


READER = json_speaker_reader(JsonFormat(fits), dialogues)
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules count as lying in readers/."""
    folder = tmp_path / "more_readers"
    folder.mkdir()
    monkeypatch.setattr(readers, "__path__", [*readers.__path__, str(folder)])
    return folder


def test_the_readers_are_the_files_of_the_folder() -> None:
    [folder] = map(Path, readers.__path__)
    assert list(find_readers()) == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def test_a_new_file_in_the_folder_is_a_new_reader(project: Any, shelf: Path) -> None:
    (shelf / "arrow_pairs.py").write_text(ARROWS, encoding="utf-8")
    project.lay("talk.txt", "안녕 -> 반가워\n뭐해 -> 쉬어\n")
    metrics = project.ingest()
    assert list(metrics["readers"]) == ["arrow_pairs"]
    assert project.texts() == [["안녕", "반가워"], ["뭐해", "쉬어"]]


def test_a_new_reader_of_json_says_what_tells_a_record_and_what_its_dialogue_is(project: Any, shelf: Path) -> None:
    (shelf / "interviews.py").write_text(INTERVIEWS, encoding="utf-8")
    path = project.lay("talk.json", '[{"interview": ["안녕", "반가워"]}, {"interview": ["뭐해", 3]}]')
    with pytest.raises(InputError, match=r":\[1\]: interview\[1\] is a number. Expected a string"):
        project.ingest()
    assert project.ingest(on_error="skip")["readers"].keys() == {"interviews"}
    assert project.texts() == [["안녕", "반가워"]]
    path.write_text('{"interview": ["안녕", "반가워"]}\n{"interview": ["뭐해", "쉬어"]}\n', encoding="utf-8")
    project.ingest()
    assert project.texts() == [["안녕", "반가워"], ["뭐해", "쉬어"]]


def test_a_new_reader_of_speakers_need_not_know_who_becomes_the_bot(project: Any, shelf: Path) -> None:
    (shelf / "scenes.py").write_text(SCENES, encoding="utf-8")
    project.lay("talk.json", '[{"scene": [{"who": "하늘", "what": "안녕"}, {"who": "바다", "what": "반가워"}]}]')
    project.ingest()
    assert project.texts() == [["안녕", "반가워"]]
    with pytest.raises(InputError, match="nobody is called '산'"):
        project.ingest(sources=[{"file": "talk.json", "assistant": "산"}])


def test_two_readers_that_fit_alike_are_an_error_that_lists_the_scores(project: Any, shelf: Path) -> None:
    (shelf / "arrows_one.py").write_text(ARROWS, encoding="utf-8")
    (shelf / "arrows_two.py").write_text(ARROWS, encoding="utf-8")
    path = project.lay("talk.txt", "안녕 -> 반가워\n")
    with pytest.raises(InputError) as error:
        project.ingest()
    assert str(error.value) == (
        f"{path}: more than one format fits (arrows_one 1.00, arrows_two 1.00; at least 0.5 is needed). "
        "Name one in params.yaml: corpus.sources: "
        "[{file: talk.txt, format: arrows_one}]"
    )
    project.ingest(sources=[{"file": "talk.txt", "format": "arrows_two"}])
    assert project.texts() == [["안녕", "반가워"]]


def test_a_file_that_no_reader_fits_is_an_error_that_lists_the_scores(project: Any) -> None:
    path = project.lay("talk.txt", "그냥 글입니다.\n")
    with pytest.raises(InputError, match=f"^{path}: no format fits: it is text that begins .* Convert it to a table"):
        project.ingest()
    project.lay("talk.txt", "하늘: 안녕\n바다: 응\n")
    with pytest.raises(InputError, match=f"^{path}: no format fits \\(transcript 0.40; at least 0.5 is needed"):
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
        InputError, match=f"table.csv: no format '{name}'; there is .*kakaotalk, .*openai_chat, .*qa_table"
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
