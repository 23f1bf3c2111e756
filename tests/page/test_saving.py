"""A talk that the page saves: a file as /save in `tinychat chat` writes it, which a training can learn from."""

import json
from pathlib import Path
from typing import Any

import yaml

from stages import ingest
from tests.page.node import run_in_node
from tinychat.corpus.dialogue import SPLITS, read_corpus

ODD = '"따옴표"\n두 줄\u2028 </script> \\ 👍🏽'


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def reply(text: str, finish: str = "stop") -> dict[str, Any]:
    return {"role": "assistant", "content": text, "shown": {"finish": finish, "tokens": [{"id": 5}]}}


def saved(*messages: dict[str, Any]) -> dict[str, str]:
    """The file of a talk: its name, its type and its text."""
    (file,) = run_in_node("saved.mjs", [messages], needs_packages=True)
    found: dict[str, str] = file
    return found


def messages_in(file: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(file["text"])["messages"]
    return found


def test_a_talk_is_one_line_that_says_that_the_model_may_repeat_dialogues() -> None:
    file = saved(user("안녕"), reply("반가워요"), user(ODD), reply("응"))
    assert (file["name"], file["type"]) == ("conversation.jsonl", "application/x-ndjson")
    assert file["text"].endswith("}\n") and file["text"].count("\n") == 1
    assert "학습한 대화를 그대로 되풀이할 수 있으니" in json.loads(file["text"])["note"]
    assert messages_in(file) == [
        user("안녕"),
        {"role": "assistant", "content": "반가워요"},
        user(ODD),
        {"role": "assistant", "content": "응"},
    ]


def test_from_a_reply_that_did_not_end_by_itself_no_model_learns_to_end() -> None:
    for finish in ("stopped", "length"):
        assert messages_in(saved(user("안녕"), reply("반가", finish)))[1]["weight"] == 0
    written_by_a_person = {"role": "assistant", "content": "반가워요"}  # of an example
    assert messages_in(saved(user("안녕"), written_by_a_person))[1] == written_by_a_person


def test_help_lines_what_they_answer_and_questions_without_a_reply_are_left_out() -> None:
    help_lines = {"role": "help", "content": "109"}
    file = saved(user("죽고 싶어"), help_lines, user("안녕"), reply(""), user("잘 자"), reply("잘 자요"), user("참"))
    assert messages_in(file) == [user("잘 자"), {"role": "assistant", "content": "잘 자요"}]
    assert "109" not in file["text"]


def test_the_stage_ingest_reads_it_as_training_data(tmp_path: Path, repo: Path) -> None:
    params = yaml.safe_load((repo / "params.yaml").read_text(encoding="utf-8"))
    params["corpus"]["shares"] = {"train": 1.0, "valid": 0.0, "test": 0.0}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    file = saved(user("안녕"), reply("반가워요"), user(ODD), reply("잘", "length"))
    raw = tmp_path / "data/raw" / file["name"]
    raw.parent.mkdir(parents=True)
    raw.write_text(file["text"], encoding="utf-8", newline="\n")
    ingest.run(tmp_path)
    (dialogue,) = [one for split in SPLITS for one in read_corpus(tmp_path / f"data/corpus/{split}.jsonl")]
    assert [(turn.role, turn.content, turn.has_loss) for turn in dialogue.turns] == [
        ("user", "안녕", True),
        ("assistant", "반가워요", True),
        ("user", '"따옴표"\n두 줄\n</script> \\ 👍🏽', True),
        ("assistant", "잘", False),
    ]
