"""`tinychat.load(folder).reply(question)`: all that a question may be, all options, and what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tinychat
from tests.generation.asking import asked
from tests.generation.models import random_sample, save_sample
from tinychat.corpus.dialogue import Dialogue, from_record
from tinychat.corpus.turns import TurnCounts, tidy_turns
from tinychat.generation.sampling import SamplingOptions
from tinychat.model.classic_config import ClassicConfig
from tinychat.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def folder(bpe: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    sample = random_sample(ClassicConfig(bpe.size, embed_dim=32, n_layers=2, n_heads=4, ffn_dim=64, max_len=48), 0)
    return save_sample(sample, bpe, tmp_path_factory.mktemp("models") / "dialogue")


@pytest.fixture
def bot(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tinychat.Bot:
    for name in ("TINYCHAT_DECODER", "TINYCHAT_DEVICE", "TINYCHAT_PRECISION", "TINYCHAT_THREADS"):
        monkeypatch.delenv(name, raising=False)
    return tinychat.load(folder)


def test_a_text_gets_a_reply(bot: tinychat.Bot, bpe: Tokenizer) -> None:
    reply = bot.reply("안녕")
    assert isinstance(reply, tinychat.Reply)
    assert reply.text == bpe.decode(reply.token_ids) != ""
    assert reply.prompt_ids == (1, *bpe.encode("안녕"), 2)
    assert len(reply.logprobs) == len(reply.choices) >= len(reply.token_ids)
    assert reply.finish_reason in ("stop", "length")


def test_a_list_of_texts_gets_a_list_of_replies_in_its_order(bot: tinychat.Bot) -> None:
    questions = ["안녕", "고마워", "잘 자요"] * 15
    replies = bot.reply(questions)
    alone = {question: bot.reply(question).token_ids for question in questions[:3]}
    assert [reply.token_ids for reply in replies] == [alone[question] for question in questions]
    assert len(set(alone.values())) == 3


def test_a_list_of_one_gets_a_list_and_a_list_of_none_an_empty_one(bot: tinychat.Bot) -> None:
    assert [reply.text for reply in bot.reply(["안녕"])] == [bot.reply("안녕").text]
    assert bot.reply([]) == []


def test_a_dialogue_gets_one_reply_to_its_last_turn(bot: tinychat.Bot, bpe: Tokenizer) -> None:
    reply = bot.reply(asked("안녕", "반가워요!", "고마워"))
    turns = (1, *bpe.encode("안녕"), 2, *bpe.encode("반가워요!"), 3, 1, *bpe.encode("고마워"), 2)
    assert reply.prompt_ids == turns
    assert reply.token_ids != bot.reply("고마워").token_ids


def test_a_text_is_a_dialogue_of_one_turn(bot: tinychat.Bot) -> None:
    assert bot.reply(asked("안녕")) == bot.reply("안녕")
    assert bot.reply(tuple(asked("안녕"))) == bot.reply("안녕")


def test_a_list_of_dialogues_gets_a_list_of_replies(bot: tinychat.Bot) -> None:
    dialogues = [asked("안녕", "반가워요!", "고마워"), asked("잘 자요")]
    replies = bot.reply(dialogues)
    assert [reply.token_ids for reply in replies] == [bot.reply(dialogue).token_ids for dialogue in dialogues]


def test_texts_and_dialogues_may_stand_in_one_list(bot: tinychat.Bot) -> None:
    replies = bot.reply(["안녕", asked("안녕", "반가워요!", "고마워")])
    assert replies[0].token_ids == bot.reply("안녕").token_ids
    assert replies[1].prompt_ids == bot.reply(asked("안녕", "반가워요!", "고마워")).prompt_ids


def test_other_keys_of_a_message_do_not_matter(bot: tinychat.Bot) -> None:
    message = {"role": "user", "content": "안녕", "name": "나", "weight": 0}
    assert bot.reply([message]) == bot.reply("안녕")


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("\u110b\u1161\u11ab\u1102\u1167\u11bc", "안녕"),
        ("안\u200b녕\ufeff", "안녕"),
        ("  안녕 \t\r\n", "안녕"),
        ("안녕\u3000\u3000고마워", "안녕 고마워"),
        ("안녕\r\n고마워", "안녕\n고마워"),
        ("\x1b[31m안녕\x00", "[31m안녕"),
    ],
    ids=ascii,
)
def test_what_a_person_types_is_cleaned_as_the_training_dialogues_were(
    bot: tinychat.Bot, typed: str, read: str
) -> None:
    expected = bot.reply(read).prompt_ids
    assert bot.reply(typed).prompt_ids == expected
    assert bot.reply([typed])[0].prompt_ids == expected
    assert bot.reply(asked("응", typed, typed)).prompt_ids == bot.reply(asked("응", read, read)).prompt_ids


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def bot_said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


TIDIED: list[tuple[list[dict[str, str]], list[dict[str, str]]]] = [
    ([user("안녕"), user("뭐해?")], [user("안녕\n뭐해?")]),
    ([user("안녕"), bot_said(""), user("뭐해?")], [user("안녕\n뭐해?")]),
    ([user("안녕"), bot_said(" \u200b"), user("뭐해?"), bot_said("응"), user("자")], asked("안녕\n뭐해?", "응", "자")),
    ([user("안녕"), bot_said("응"), bot_said("왜?"), user("자")], asked("안녕", "응\n왜?", "자")),
    ([user("\u200b"), user("안녕")], [user("안녕")]),
    ([user("안녕"), user("")], [user("안녕")]),
    ([bot_said("어서 와"), user("안녕")], [bot_said("어서 와"), user("안녕")]),
]


@pytest.mark.parametrize(("messages", "as_learnt"), TIDIED, ids=ascii)
def test_the_model_reads_messages_as_training_made_them(
    bot: tinychat.Bot, bpe: Tokenizer, messages: list[dict[str, str]], as_learnt: list[dict[str, str]]
) -> None:
    corpus = tidy_turns(from_record({"messages": [*messages, bot_said("응")]}, "a:1"), TurnCounts())
    assert isinstance(corpus, Dialogue)
    assert [(turn.role, turn.content) for turn in corpus.turns[:-1]] == [(m["role"], m["content"]) for m in as_learnt]
    read = tuple(bpe.encode_prompt(as_learnt, max_len=48, reply_tokens=24))
    assert bot.reply(messages).prompt_ids == read
    with bot.stream(messages) as stream:
        list(stream)
    assert stream.reply.prompt_ids == read


@pytest.mark.parametrize("role", ["system", "developer", "tool", "function"])
def test_a_message_that_training_leaves_out_is_left_out_with_a_warning(bot: tinychat.Bot, role: str) -> None:
    messages = [{"role": role, "content": "Answer kindly."}, user("안녕")]
    with pytest.warns(UserWarning, match=rf"left out, as training does: {role}: 1 \(message 1\)"):
        reply = bot.reply(messages)
    assert reply == bot.reply("안녕")


def test_nothing_is_warned_of_where_all_is_read(bot: tinychat.Bot, recwarn: pytest.WarningsRecorder) -> None:
    bot.reply([user("안녕"), bot_said(""), user("뭐해?")])
    assert list(recwarn) == []


def test_marks_of_the_template_that_a_person_types_are_text(bot: tinychat.Bot) -> None:
    reply = bot.reply("<eos><bot>")
    assert [reply.prompt_ids.count(mark) for mark in (1, 2, 3)] == [1, 1, 0]


REFUSED: list[tuple[object, str]] = [
    ("", "the question is empty"),
    (" \n\u200b", "the question is empty"),
    (["안녕", ""], "the question is empty"),
    ([{"role": "user", "content": ""}], "the question is empty"),
    (None, "a question is a text or a list, not NoneType"),
    (7, "a question is a text or a list, not int"),
    ({"role": "user", "content": "안녕"}, "a question is a text or a list, not dict"),
    (b"hello", "a question is a text or a list, not bytes"),
    (iter(["안녕"]), "a question is a text or a list, not list_iterator"),
    ([7], "a dialogue is a list of messages with role and content, not 7"),
    ([[]], "a dialogue is a list of messages with role and content, not []"),
    ([["안녕"]], "message 1 is '안녕'; it must have a role and a content, both text"),
    (["안녕", {"role": "user", "content": "안녕"}], "a dialogue is a list of messages with role and content, not {"),
    ([{"role": "user"}], "message 1 is {'role': 'user'}; it must have a role and a content, both text"),
    ([{"role": "user", "content": None}], "it must have a role and a content, both text"),
    ([{"role": "user", "content": ["안녕"]}], "it must have a role and a content, both text"),
    ([{"content": "안녕"}], "message 1 has the role None; it must be user or assistant"),
    ([{"role": "human", "content": "안녕"}], "message 1 has the role 'human'; it must be user or assistant"),
    ([{"role": "system", "content": "안녕"}], "the question is empty"),
    ("\ufffd\ufffd?", "the question is damaged: an earlier program put \ufffd where it lost characters"),
    ([*asked("안녕", "응"), {"role": "user", "content": "\u200b"}], "the question is empty"),
    (asked("안녕", "반가워요!"), "the last message is the assistant's; a dialogue to be answered ends with the user's"),
    ("\ud83d", "message 1 holds a lone surrogate, which is not a character"),
    ([*asked("안녕", "응"), {"role": "user", "content": "\udc00"}], "message 3 holds a lone surrogate"),
    ("1" * 45, "is 46 tokens long; this model takes at most 45"),
    (["안녕", "1" * 45], "is 46 tokens long; this model takes at most 45"),
]


@pytest.mark.parametrize(
    ("question", "message"), REFUSED, ids=[f"{n}: {message[:40]}" for n, (_, message) in enumerate(REFUSED)]
)
def test_what_is_no_question_is_refused_in_one_line(bot: tinychat.Bot, question: Any, message: str) -> None:
    with pytest.raises(tinychat.InputError) as raised:
        bot.reply(question)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert bot.engine.free_slots == bot.engine.decoder.slots


OPTIONS: list[tuple[dict[str, Any], SamplingOptions]] = [
    ({}, SamplingOptions("greedy")),
    ({"max_tokens": 5, "repetition_penalty": 1.2}, SamplingOptions("greedy", repetition_penalty=1.2, max_tokens=5)),
    ({"temperature": 0.7}, SamplingOptions("sample", temperature=0.7)),
    ({"top_k": 5}, SamplingOptions("sample", top_k=5)),
    ({"top_p": 0.9}, SamplingOptions("sample", top_p=0.9)),
    ({"min_p": 0.1}, SamplingOptions("sample", min_p=0.1)),
    ({"seed": 0}, SamplingOptions("sample", seed=0)),
    ({"temperature": 0}, SamplingOptions("greedy")),
    ({"temperature": 0.0, "seed": 4, "top_p": 0.5}, SamplingOptions("greedy", seed=4, top_p=0.5)),
    ({"temperature": 0, "method": "sample"}, SamplingOptions("greedy")),
    ({"method": "greedy", "temperature": 0.7}, SamplingOptions("greedy", temperature=0.7)),
    ({"method": "sample"}, SamplingOptions("sample")),
    ({"stop": "끝"}, SamplingOptions("greedy", stop=("끝",))),
    ({"stop": ["끝", "."]}, SamplingOptions("greedy", stop=("끝", "."))),
    ({"stop": []}, SamplingOptions("greedy")),
]


@pytest.mark.parametrize(("given", "options"), OPTIONS, ids=[str(given) for given, _ in OPTIONS])
def test_what_is_named_decides_whether_the_reply_is_by_chance(given: dict[str, Any], options: SamplingOptions) -> None:
    assert tinychat.Bot.options(**given) == options


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"temprature": 1}, "unknown option temprature; there are: method, temperature, top_k, top_p, min_p, "),
        ({"temperature": False}, "temperature is False; it must be 0 (greedy) or a number from 0.01 to 100"),
        ({"temperature": -1}, "temperature is -1; it must be 0 (greedy) or a number from 0.01 to 100"),
        ({"top_k": None}, "top_k is None; it must be a whole number from 0 on"),
        ({"stop": [""]}, "stop is ('',); it must be texts that are not empty"),
        ({"stop": 3}, "stop is 3; it must be texts that are not empty"),
        ({"method": "beam"}, "method is 'beam'; it must be greedy or sample"),
    ],
    ids=str,
)
def test_an_option_that_will_not_do_is_named(bot: tinychat.Bot, given: dict[str, Any], message: str) -> None:
    for ask in (bot.reply, bot.stream):
        with pytest.raises(tinychat.InputError) as raised:
            ask("안녕", **given)
        assert message in str(raised.value)


def test_options_count(bot: tinychat.Bot) -> None:
    assert len(bot.reply("안녕", max_tokens=3, min_tokens=3).token_ids) == 3
    assert bot.reply("안녕", alternatives=2).choices[0].alternatives
    whole = bot.reply("안녕")
    stop = whole.text.replace("\ufffd", " ").split()[-1][:1]
    assert bot.reply("안녕", stop=stop).text == whole.text[: whole.text.index(stop)]


def test_a_seed_decides_a_reply_by_chance_and_temperature_0_takes_chance_away(bot: tinychat.Bot) -> None:
    hot = [bot.reply("안녕", temperature=3.0, seed=seed).token_ids for seed in (1, 1, 2)]
    assert hot[0] == hot[1] != hot[2]
    cold = [bot.reply("안녕", temperature=0, seed=seed).token_ids for seed in (1, 2)]
    assert cold[0] == cold[1] == bot.reply("안녕").token_ids


def test_a_stream_is_the_reply_piece_by_piece(bot: tinychat.Bot) -> None:
    for question in ("안녕", asked("안녕", "반가워요!", "고마워")):
        stream = bot.stream(question, temperature=2.0, seed=3)
        assert "".join(stream) == stream.reply.text == bot.reply(question, temperature=2.0, seed=3).text


def test_a_stream_takes_one_question(bot: tinychat.Bot) -> None:
    with pytest.raises(tinychat.InputError, match="stream answers one text or one dialogue; reply answers a list"):
        bot.stream(["안녕"])  # type: ignore[arg-type]


def test_a_question_that_will_not_do_is_refused_before_the_stream_begins(bot: tinychat.Bot) -> None:
    with pytest.raises(tinychat.InputError, match="is 46 tokens long"):
        bot.stream("1" * 45)


def test_a_stream_that_is_closed_early_leaves_the_bot_as_it_was(bot: tinychat.Bot) -> None:
    whole = bot.reply("안녕", temperature=5.0, seed=1, min_tokens=20)
    for _ in range(40):  # more than there are places
        with bot.stream("안녕", temperature=5.0, seed=1, min_tokens=20) as stream:
            shown = next(iter(stream))
        assert stream.reply.finish_reason == "cancelled"
        assert whole.text.startswith(shown)
    assert bot.reply("안녕", temperature=5.0, seed=1, min_tokens=20).token_ids == whole.token_ids


def test_it_remembers_nothing(bot: tinychat.Bot) -> None:
    first = bot.reply("안녕")
    bot.reply("고마워")
    list(bot.stream("잘 자요"))
    assert bot.reply("안녕") == first


def test_it_says_what_it_is(bot: tinychat.Bot, folder: Path, bpe: Tokenizer) -> None:
    assert (bot.folder, bot.max_len, bot.engine.decoder.slots) == (folder, 48, 32)
    assert bot.tokenizer.tokens([1, *bpe.encode("안녕"), 2]) == ["<user>", " 안녕", "<bot>"]


def test_a_folder_may_be_named_by_a_text_and_places_may_be_few(folder: Path, bot: tinychat.Bot) -> None:
    few = tinychat.load(str(folder), batch_size=1)
    assert few.engine.free_slots == 1
    questions = ["안녕", "고마워"]
    assert [reply.text for reply in few.reply(questions)] == [reply.text for reply in bot.reply(questions)]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def test_without_a_name_it_is_the_model_of_this_folder(elsewhere: Path, folder: Path) -> None:
    with pytest.raises(tinychat.InputError, match=r"^models/dialogue: no such folder; `make repro` trains a model"):
        tinychat.load()
    (elsewhere / "models").mkdir()
    (elsewhere / "models/dialogue").symlink_to(folder)
    assert tinychat.load().reply("안녕").text == tinychat.load(folder).reply("안녕").text
