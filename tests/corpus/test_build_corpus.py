import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.conftest import unlike
from tinychat.errors import InputError

SPLIT = {"train": 0.8, "valid": 0.1, "test": 0.1}


def rows_add_up(numbers: dict[str, Any]) -> bool:
    return bool(numbers["rows_read"] == numbers["rows_kept"] + sum(numbers["rows_dropped"].values()))


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    else:
        yield value


def random_table(generator: random.Random) -> str:
    cells = ["안녕", "뭐해?", "", " ", "그래, 응", '"닫힌"', '"열린', "반가워", "Q", "\u200b", '"두\n줄"']
    rows = [generator.choices(cells, k=generator.choice([1, 2, 2, 2, 2, 3])) for _ in range(40)]
    return "Q,A\n질문,대답\n" + "".join(",".join(row) + "\n" for row in rows)


def random_lines(generator: random.Random) -> str:
    messages = [
        {"role": "user", "content": "안녕"},
        {"role": "user", "content": " "},
        {"role": "assistant", "content": "응"},
        {"role": "assistant", "content": "그래", "weight": 0},
        {"role": "assistant", "content": None, "refusal": "안 돼"},
        {"role": "system", "content": "짧게"},
        {"role": "gpt", "content": "오류"},
        {"role": "user", "content": [{"type": "file"}]},
    ]
    lines = [json.dumps({"messages": generator.choices(messages, k=generator.randint(0, 4))}) for _ in range(40)]
    return '{"messages":[{"role":"user","content":"질문"},{"role":"assistant","content":"답"}]}\n' + "\n".join(lines)


@pytest.mark.parametrize("seed", range(20))
def test_rows_read_are_rows_kept_and_rows_dropped_by_reason(project: Any, seed: int) -> None:
    generator = random.Random(seed)
    project.lay("table.csv", random_table(generator))
    project.lay("chat.jsonl", random_lines(generator))
    project.lay("again.jsonl", random_lines(generator))
    files = [{"file": name} for name in ("table.csv", "chat.jsonl", "again.jsonl")]
    metrics = project.ingest(sources=files, on_error="skip", shares=SPLIT)
    assert set(metrics["readers"]) == {"openai_chat", "qa_table"}
    assert all(rows_add_up(numbers) for numbers in (metrics, *metrics["readers"].values()))
    assert metrics["rows_read"] == sum(numbers["rows_read"] for numbers in metrics["readers"].values())
    assert metrics["rows_kept"] == sum(split["dialogues"] for split in metrics["splits"].values())
    assert metrics["rows_kept"] == len(project.texts())


def test_a_repeat_is_dropped_wherever_it_stands_and_the_first_stays(project: Any) -> None:
    project.lay("a.csv", "Q,A\n안녕?,반가워!\n안녕,반가워!\n안녕?  ,반가워!\n안녕,또 왔네\n")
    project.lay("b.csv", "Q,A\n안녕,반가워!\n")
    metrics = project.ingest()
    assert project.texts() == [["안녕?", "반가워!"], ["안녕", "반가워!"], ["안녕", "또 왔네"]]
    assert metrics["rows_dropped"] == {"repeat": 2}


def test_a_held_out_answer_that_train_gives_to_the_same_question_carries_no_loss(project: Any) -> None:
    def dialogue(n: int) -> dict[str, Any]:
        exchanges = [("안녕", "네, 반가워요"), (unlike(f"question {n}"), unlike(f"answer {n}"))]
        messages = [
            {"role": role, "content": text}
            for pair in exchanges
            for role, text in zip(("user", "assistant"), pair, strict=True)
        ]
        return {"messages": messages}

    project.lay("talk.jsonl", "".join(json.dumps(dialogue(n), ensure_ascii=False) + "\n" for n in range(100)))
    metrics = project.ingest(shares=SPLIT)
    for split in ("valid", "test"):
        held_out = project.dialogues(split)
        assert held_out
        assert {tuple(turn.has_loss for turn in one.turns) for one in held_out} == {(0, 0, 1, 1)}
        overlap = metrics["overlap"][split]
        assert overlap["exchange"] == overlap["answers_skipped"] == len(held_out)
        assert overlap["last_question"] == overlap["last_answer"] == 0
    assert {turn.has_loss for one in project.dialogues("train") for turn in one.turns} == {1}


@pytest.mark.slow
def test_the_same_sources_give_the_same_bytes(project: Any, songys_file: Path) -> None:
    project.lay("ChatbotData.csv", songys_file.read_bytes())
    written = []
    for _ in range(2):
        project.ingest(shares=SPLIT)
        folders = (project.corpus, project.overview)
        files = [*(path for folder in folders for path in sorted(folder.iterdir())), project.metrics_file]
        written.append([path.read_bytes() for path in files])
    assert written[0] == written[1]
    assert len(written[0]) == 7


def test_the_metrics_hold_numbers_and_names_of_readers_only(project: Any) -> None:
    project.lay("비밀.csv", "Q,A,메모\n비밀 질문,비밀 대답,비밀 메모\n비밀,,\n")
    metrics = project.ingest()
    assert all(isinstance(leaf, int | float) for leaf in leaves(metrics))
    assert "비밀" not in project.metrics_file.read_text(encoding="utf-8")
    assert str(project.root) not in project.metrics_file.read_text(encoding="utf-8")


def test_cleaning_is_counted_by_step(project: Any) -> None:
    project.lay("a.csv", "Q,A\n안\u200b녕  하세요,그\0래\n".encode())
    cleaning = project.ingest()["cleaning"]
    assert project.texts() == [["안녕 하세요", "그래"]]
    assert (cleaning["invisible"], cleaning["spaces"], cleaning["nfc"], cleaning["nul_characters"]) == (1, 1, 0, 1)


def test_splits_without_dialogues_are_empty_files(project: Any) -> None:
    project.lay("a.csv", "Q,A\n안녕 나,기분 좋아\n")
    metrics = project.ingest(shares={"train": 1, "valid": 0, "test": 0})
    assert (project.corpus / "valid.jsonl").read_bytes() == (project.corpus / "test.jsonl").read_bytes() == b""
    assert metrics["splits"]["train"] == {"dialogues": 1, "turns": 2, "characters": 9}
    assert metrics["splits"]["test"] == {"dialogues": 0, "turns": 0, "characters": 0}


def test_a_train_split_without_dialogues_is_an_error_that_says_what_to_change(project: Any) -> None:
    project.lay("a.csv", "Q,A\n안녕,반가워\n")
    with pytest.raises(
        InputError, match=r"no dialogue was assigned to train: 1 dialogues in 1 groups.*corpus\.shares\.train"
    ):
        project.ingest(shares={"train": 1e-9, "valid": 1 - 1e-9, "test": 0})


def test_an_error_leaves_the_earlier_corpus_as_it_was(project: Any) -> None:
    project.lay("a.csv", "Q,A\n안녕,반가워\n")
    project.ingest()
    before = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    broken = project.lay("b.csv", 'Q,A\n뭐해,쉬어\n"열린,응\n')
    with pytest.raises(InputError):
        project.ingest()
    broken.unlink()
    assert {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()} == before


def test_the_summary_says_what_was_read_kept_and_dropped(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = project.lay("a.csv", "Q,A\n안녕,반가워\n안녕,반가워\n뭐해,\n")
    project.ingest()
    printed = capsys.readouterr().out
    assert f"{path}: qa_table, 3 rows, 1 kept; question: Q, answer: A" in printed


ROWS = "".join(f"질문 {number},대답 {number}\n" for number in range(10))


@pytest.mark.parametrize(("weight", "lines"), [(0.1, 1), (0.3, 3), (0.5, 5), (1, 10), (2.5, 25)])
def test_a_training_dialogue_stands_in_the_corpus_as_often_as_its_weight_says(
    project: Any, weight: float, lines: int
) -> None:
    project.lay("qa.csv", f"Q,A\n{ROWS}")
    project.ingest(sources=[{"file": "qa.csv", "weight": weight}])
    assert len(project.texts("train")) == lines


def test_a_weight_so_low_that_no_dialogue_is_left_is_an_error_that_says_which_would_do(project: Any) -> None:
    project.lay("a.csv", f"Q,A\n{ROWS}")
    project.lay("b.csv", "Q,A\n안녕,반가워\n")
    with pytest.raises(InputError) as error:
        project.ingest(sources=[{"file": "a.csv", "weight": 0.001}, {"file": "b.csv"}])
    assert str(error.value) == (
        "params.yaml: corpus.sources: of 10 training dialogues of weight 0.001 none would be in the corpus; "
        "take a weight of 0.1 or more, or leave the source out"
    )
    assert not project.corpus.exists()
