"""What the metrics say of the texts of a corpus, and where the overview says that rows were left out."""

import json

import pytest

from tests.corpus.conftest import Project
from tinychat.corpus.places import PLACES_FILE, read_places
from tinychat.errors import InputError

WRONG = '{"rows_dropped": %s, "files_left_out": {}, "messages_dropped": {}, "parts_dropped": {}}'


def rows(*texts: str) -> str:
    """A table of questions, each answered by 네네네네네네."""
    return "Q,A\n" + "".join(f'"{text}",네네네네네네\n' for text in texts)


def test_letters_are_counted_by_their_script_and_signs_are_none(project: Project) -> None:
    project.lay("a.csv", rows("안녕 ㅋㅋ hi ÀB", "漢字 かな Жx 12 !?", "ＡＢ ½ 🙂🙂🙂"))
    assert project.ingest()["texts"]["letters"] == {"hangul": 4 + 3 * 6, "latin": 4 + 1 + 2, "other": 5}


def test_a_text_counts_as_often_as_it_occurs(project: Project) -> None:
    project.lay("a.csv", "Q,A\n안녕,반가워요\n안녕,좋은 아침\n뭐 해,반가워요\n")
    texts = project.ingest()["texts"]
    assert texts["letters"] == {"hangul": 3 * 2 + 3 * 4, "latin": 0, "other": 0}
    assert texts["message_letters"]["1-5"] == 6


def test_dialogues_are_counted_by_their_turns_and_messages_by_their_letters(project: Project) -> None:
    def talk(n: int, text: str) -> str:
        messages = [{"role": ("user", "assistant")[i % 2], "content": f"{text}{i}"} for i in range(n)]
        return json.dumps({"messages": messages}) + "\n"

    project.lay("a.jsonl", talk(2, "가나다") + talk(4, "라" * 10) + talk(6, "마" * 39) + talk(40, "바" * 200))
    texts = project.ingest()["texts"]
    assert texts["turns"] == {"1-2": 1, "3-4": 1, "5-8": 1, "9-16": 0, "17-32": 0, "33+": 1}
    assert texts["message_letters"] == {
        **{"1-5": 2, "6-10": 0, "11-20": 4, "21-40": 6, "41-80": 0, "81-160": 0, "161+": 40}
    }


def test_the_overview_says_where_the_first_rows_of_each_reason_lie_and_the_metrics_do_not(project: Project) -> None:
    project.lay("비밀.csv", "Q,A\n안녕,네\n안녕,네\n,네\n잘 가,\n안녕,네\n")
    metrics = project.ingest()
    assert metrics["rows_dropped"] == {"empty_answer": 1, "empty_question": 1, "repeat": 2}
    assert "비밀" not in json.dumps(metrics, ensure_ascii=False)
    assert read_places(project.overview)["rows_dropped"] == {
        "empty_answer": ["비밀.csv:5"],
        "empty_question": ["비밀.csv:4"],
        "repeat": ["비밀.csv:3", "비밀.csv:6"],
    }


@pytest.mark.parametrize("content", ["[]", "{}", WRONG % "[]", WRONG % '{"repeat": [1]}', "{"])
def test_a_damaged_file_of_places_is_named(project: Project, content: str) -> None:
    project.overview.mkdir(parents=True)
    (project.overview / PLACES_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"places\.json: damaged, .*`dvc repro --force ingest`"):
        read_places(project.overview)
