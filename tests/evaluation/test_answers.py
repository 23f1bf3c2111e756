from functools import partial
from pathlib import Path

import pytest

from tests.evaluation.test_measures import pair
from tinychat.corpus.dialogue import CorpusFile, Dialogue, to_record
from tinychat.evaluation import evaluate as evaluation
from tinychat.evaluation.answers import Answers
from tinychat.evaluation.evaluate import evaluate, questions_of
from tinychat.files import to_json_lines
from tinychat.generation.engine import Engine
from tinychat.generation.torch_decoder import TorchDecoder
from tinychat.model import DialogueModel
from tinychat.tokenizer import Tokenizer

TRAIN = [
    pair("안녕", "반가워요"),
    pair("안녕?", "어서 와"),
    pair("안녕!", "반가워요"),
    Dialogue("x:4", pair("잘 자", "너도").turns, {"accept": ["내일 봐요"]}),
    Dialogue("x:5", pair("뭐해", "쉬어").turns[:1]),
]
HELD_OUT = [pair("안 녕", "누구세요"), pair("여보세요", "네")]


def written(path: Path, dialogues: list[Dialogue]) -> CorpusFile:
    path.write_text(to_json_lines(map(to_record, dialogues)), encoding="utf-8")
    return CorpusFile(path)


def test_a_question_has_the_answers_of_both_splits_and_those_that_are_accepted(tmp_path: Path, bpe: Tokenizer) -> None:
    ask = partial(questions_of, tokenizer=bpe, max_len=48)
    answers = Answers(written(tmp_path / "train.jsonl", TRAIN), ask(HELD_OUT), ask)
    for _ in range(2):
        assert answers["안녕",] == {"반가워요", "어서 와", "누구세요"}
        assert answers["잘자",] == {"너도", "내일 봐요"}
        assert answers["여보세요",] == {"네"}
        assert answers["뭐해",] == answers["안녕", "응"] == set()


def test_what_was_trained_is_what_the_training_split_answers(tmp_path: Path, bpe: Tokenizer) -> None:
    ask = partial(questions_of, tokenizer=bpe, max_len=48)
    answers = Answers(written(tmp_path / "train.jsonl", TRAIN), ask(HELD_OUT), ask)
    trained = [text in answers.trained for text in ("반가워요", "너도", "어서 와", "네", "내일 봐요", "")]
    assert trained == [True, True, True, False, False, False]
    assert "네" not in Answers([], [], ask).trained


def test_of_a_large_corpus_the_baselines_know_an_even_sample_and_all_else_the_whole(
    tmp_path: Path, model: DialogueModel, bpe: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialogues = [pair(f"{n}번 질문", f"{n}번 대답") for n in range(21)]
    train, engine = written(tmp_path / "train.jsonl", dialogues), Engine(TorchDecoder(model, slots=4), bpe)
    held_out = [pair("10번 질문", "글쎄"), pair("7번 질문", "글쎄")]
    monkeypatch.setattr(evaluation, "MAX_IN_MEMORY", 3)  # the first, the middle and the last
    report = evaluate(engine, model, train, held_out, max_dialogues=3, long_answers="drop")
    assert report["seen"]["baselines"]["nearest_question"]["exact"] == 1
    assert report["held_out"]["baselines"]["nearest_question"]["exact"] == 0.5
