from pathlib import Path

import pytest
import yaml

from stages import ingest
from tests.chatting.models import saved_dialogues
from tinychat.chatting.conversation import Exchange
from tinychat.chatting.saving import save
from tinychat.corpus.dialogue import SPLITS, read_corpus
from tinychat.errors import InputError
from tinychat.generation.request import FinishReason, Reply


def exchange(question: str, answer: str, finish_reason: FinishReason = "stop") -> Exchange:
    return Exchange(question, Reply(answer, (), finish_reason, (), ()))


SAID = [exchange("안녕", "반가워요"), exchange('"따옴표"\n두 줄', "그래\u2028응 \\ 👍🏽")]


def records(path: Path) -> list[dict[str, object]]:
    return list(saved_dialogues(path))


def test_a_conversation_is_one_line_in_the_openai_chat_format(tmp_path: Path) -> None:
    path = save(SAID[:1], str(tmp_path / "talk.jsonl"))
    assert path.read_bytes() == (
        '{"messages": [{"role": "user", "content": "안녕"}, {"role": "assistant", "content": "반가워요"}]}\n'.encode()
    )


def test_the_stage_ingest_reads_it_as_training_data(tmp_path: Path, repo: Path) -> None:
    params = yaml.safe_load((repo / "params.yaml").read_text(encoding="utf-8"))
    params["corpus"]["shares"] = {"train": 1.0, "valid": 0.0, "test": 0.0}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    save([*SAID, exchange("잘 자", "잘", "cancelled")], str(tmp_path / "data/raw/talk"))
    ingest.run(tmp_path)
    (dialogue,) = [one for split in SPLITS for one in read_corpus(tmp_path / f"data/corpus/{split}.jsonl")]
    assert [(turn.role, turn.content, turn.has_loss) for turn in dialogue.turns] == [
        ("user", "안녕", 1),
        ("assistant", "반가워요", 1),
        ("user", '"따옴표"\n두 줄', 1),
        ("assistant", "그래\n응 \\ 👍🏽", 1),
        ("user", "잘 자", 1),
        ("assistant", "잘", 0),
    ]


@pytest.mark.parametrize("reason", ["cancelled", "length"])
def test_a_reply_that_did_not_end_by_itself_carries_no_loss(tmp_path: Path, reason: FinishReason) -> None:
    path = save([exchange("안녕", "반가", reason)], str(tmp_path / "a.jsonl"))
    assert '{"role": "assistant", "content": "반가", "weight": 0}' in path.read_text(encoding="utf-8")


def test_a_question_without_an_answer_is_left_out(tmp_path: Path) -> None:
    path = save([exchange("안녕", ""), exchange("잘 자", "잘 자요")], str(tmp_path / "a.jsonl"))
    assert records(path) == [
        {"messages": [{"role": "user", "content": "잘 자"}, {"role": "assistant", "content": "잘 자요"}]}
    ]


@pytest.mark.parametrize("exchanges", [[], [exchange("안녕", "")]])
def test_nothing_to_save_is_said_and_no_file_appears(tmp_path: Path, exchanges: list[Exchange]) -> None:
    with pytest.raises(InputError, match="there is no conversation yet to save"):
        save(exchanges, str(tmp_path / "a.jsonl"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "file"), [("a", "a.jsonl"), ("a.jsonl", "a.jsonl"), ("v1.2", "v1.2.jsonl")])
def test_the_file_gets_the_ending_by_which_ingest_knows_it(tmp_path: Path, name: str, file: str) -> None:
    assert save(SAID, str(tmp_path / name)) == tmp_path / file
    assert [path.name for path in tmp_path.iterdir()] == [file]


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert save(SAID, "~/a") == tmp_path / "a.jsonl"


def test_a_file_that_exists_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"exists already; /save! .* replaces it"):
        save(SAID, str(path))
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_file_that_exists_is_replaced_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("mine", encoding="utf-8")
    save(SAID, str(path), replace=True)
    assert len(records(path)) == 1


@pytest.mark.parametrize("name", [".", "/", "data", "~", "~nobody-of-this-name/x", "a\0b"])
def test_what_is_no_files_name_is_refused_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "here/data").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "here"))
    with pytest.raises(InputError, match="name"):
        save(SAID, name)
    assert [path.name for path in tmp_path.rglob("*")] == ["here", "data"]


def test_a_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        save(SAID, str(tmp_path / "a.jsonl"), replace=True)


def test_a_place_that_cannot_be_written_raises_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OSError, match="file"):
        save(SAID, str(tmp_path / "file" / "a.jsonl"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
