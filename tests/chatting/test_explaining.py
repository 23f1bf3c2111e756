import math
from pathlib import Path

import pytest

import tinychat
from tinychat.chatting.explaining import TrainingDialogues, near_lines, percent, shown_token, token_table
from tinychat.chatting.visible import columns_of
from tinychat.errors import InputError
from tinychat.language.choosing import words_of

KOREAN = words_of("ko")


@pytest.fixture(scope="module")
def bot(talking_project: Path) -> tinychat.Bot:
    return tinychat.load(talking_project / "models/dialogue")


def test_each_token_of_the_reply_has_a_line_and_so_has_its_end(bot: tinychat.Bot) -> None:
    lines = token_table(bot.reply("안녕", alternatives=4), bot.tokenizer, 80, KOREAN)
    assert [line.split()[0] for line in lines] == ["토큰", "만나서", "반가워요", "<eos>"]


def test_a_line_tells_the_probability_and_the_best_other_tokens_with_theirs(bot: tinychat.Bot) -> None:
    reply = bot.reply("안녕", alternatives=4)
    line = token_table(reply, bot.tokenizer, 80, KOREAN)[1]
    chosen, *others = reply.choices[0].alternatives
    assert chosen[0] == reply.choices[0].token_id
    expected = ["만나서", f"{100 * math.exp(chosen[1]):.1f}%"]
    for token_id, logprob in others:
        expected += [*bot.tokenizer.tokens([token_id]), f"{100 * math.exp(logprob):.1f}%"]
    assert line.split() == expected


def test_a_token_that_was_not_among_the_best_has_as_many_others(bot: tinychat.Bot) -> None:
    reply = next(
        r for r in (bot.reply("안녕", alternatives=4, temperature=9, seed=s) for s in range(99)) if "자요" in r.text
    )
    lines = token_table(reply, bot.tokenizer, 200, KOREAN)[1:]
    assert {line.count("%") for line in lines} == {4}


def test_columns_stand_under_each_other_although_syllables_are_wide(bot: tinychat.Bot) -> None:
    lines = token_table(bot.reply("안녕", alternatives=4), bot.tokenizer, 80, KOREAN)
    ends = {columns_of(line[: line.index("%") + 1]) for line in lines[1:]}
    assert ends == {columns_of(lines[0][: lines[0].index("확률") + 2])}


@pytest.mark.parametrize("columns", [20, 33, 80])
def test_no_line_is_wider_than_the_terminal(bot: tinychat.Bot, columns: int) -> None:
    lines = token_table(bot.reply("안녕", alternatives=4), bot.tokenizer, columns, KOREAN)
    lines += near_lines([(0.5, "가" * 50, "나" * 50)], columns)
    assert max(map(columns_of, lines)) <= columns


def test_a_space_in_a_token_can_be_seen_and_a_control_character_does_nothing() -> None:
    assert shown_token(" 기분") == "␣기분"
    assert shown_token("\x1b[2J") == "␛[2J"


@pytest.mark.parametrize(
    ("share", "shown"), [(1.0, "100%"), (0.9996, "100%"), (0.999, "99.9%"), (0.0006, "0.1%"), (0.0004, "<0.1%")]
)
def test_a_probability_is_a_share_of_a_hundred(share: float, shown: str) -> None:
    assert percent(math.log(share)) == shown


def test_the_nearest_training_dialogues_come_from_beside_the_model(talking_project: Path) -> None:
    near = TrainingDialogues(talking_project / "models/dialogue").nearest("안녕", 2)
    assert near[0][0] == pytest.approx(1)
    assert [pair[1:] for pair in near] == [("안녕", "만나서 반가워요"), ("안녕하세요", "정말 좋아")]
    assert near[1][0] < 1


def test_they_are_found_from_inside_the_model_folder_too(
    talking_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(talking_project / "models/dialogue")
    assert TrainingDialogues(Path()).nearest("잘 자", 1)[0][1:] == ("잘 자", "잘 자요")


def test_every_answer_of_a_longer_dialogue_is_known_with_its_question(tmp_path: Path) -> None:
    corpus = tmp_path / "data/corpus"
    corpus.mkdir(parents=True)
    (corpus / "train.jsonl").write_text(
        '{"messages": [{"role": "assistant", "content": "0"}, {"role": "user", "content": "하나"}, '
        '{"role": "assistant", "content": "1"}, {"role": "user", "content": "둘"}, '
        '{"role": "assistant", "content": "2"}]}\n',
        encoding="utf-8",
    )
    dialogues = TrainingDialogues(tmp_path / "models/dialogue")
    assert [dialogues.nearest(q, 1)[0][1:] for q in ("하나", "둘")] == [("하나", "1"), ("둘", "2")]


def test_what_stands_in_several_dialogues_is_a_neighbour_once(tmp_path: Path) -> None:
    corpus = tmp_path / "data/corpus"
    corpus.mkdir(parents=True)
    line = '{"messages": [{"role": "user", "content": "안녕"}, {"role": "assistant", "content": "%s"}]}\n'
    (corpus / "train.jsonl").write_text(line % "응" + line % "반가워" + line % "응", encoding="utf-8")
    near = TrainingDialogues(tmp_path / "models/dialogue").nearest("안녕", 3)
    assert [pair[1:] for pair in near] == [("안녕", "응"), ("안녕", "반가워")]


def test_a_corpus_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data/corpus/train\.jsonl: no such file"):
        TrainingDialogues(tmp_path / "models/dialogue").nearest("안녕", 1)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"[]\n", b'{"messages": [{"role": 1}]}\n', b"3\n"])
def test_a_damaged_corpus_is_named(tmp_path: Path, content: bytes) -> None:
    corpus = tmp_path / "data/corpus"
    corpus.mkdir(parents=True)
    (corpus / "train.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=r"train\.jsonl(:1)?: damaged, .* `dvc repro --force ingest`"):
        TrainingDialogues(tmp_path / "models/dialogue").nearest("안녕", 1)
