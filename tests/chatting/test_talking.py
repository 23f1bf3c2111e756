"""Conversations with a real bot, without a terminal: lines come from a list, and the screen is a text."""

import contextlib
import io
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tinychat
from tests.chatting.models import GREETS, saved_dialogues
from tinychat.chatting.talking import Talk
from tinychat.chatting.terminal import Screen
from tinychat.errors import InputError
from tinychat.generation.engine import Engine
from tinychat.model.generation_config import GenerationConfig

WELCOME_LINES = 1


class Lines:
    """A person who says these lines and leaves."""

    def __init__(self, *lines: str | KeyboardInterrupt) -> None:
        self._lines = list(lines)

    def read(self) -> str:
        if not self._lines:
            raise EOFError
        line = self._lines.pop(0)
        if isinstance(line, KeyboardInterrupt):
            raise line
        return line

    def session(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


@dataclass
class WatchedScreen(Screen):
    """A screen; when the bot's prompt or an error appears on it, the person does something."""

    during_replies: Callable[[], object] = lambda: None
    after_errors: Callable[[], object] = lambda: None

    def begin_reply(self) -> None:
        super().begin_reply()
        self.during_replies()

    def error(self, error: InputError) -> None:
        super().error(error)
        self.after_errors()


@pytest.fixture(scope="module")
def bot(talking_project: Path) -> tinychat.Bot:
    return tinychat.load(talking_project / "models/dialogue")


@pytest.fixture(scope="module")
def endless(talking_project: Path) -> tinychat.Bot:
    return tinychat.load(talking_project / "models/endless")


def talk(
    bot: tinychat.Bot,
    *lines: str | KeyboardInterrupt,
    given: Any = None,
    during_replies: Any = lambda: None,
    after_errors: Any = lambda: None,
) -> tuple[Talk, list[str]]:
    """The conversation at its end, and the lines on the screen behind the welcome."""
    paper = io.StringIO()
    screen = WatchedScreen(paper, paper, during_replies=during_replies, after_errors=after_errors)
    conversation = Talk(bot, given or {}, screen, Lines(*lines))
    conversation.run()
    return conversation, paper.getvalue().split("\n")[WELCOME_LINES:-1]


def asked(conversation: Talk) -> list[str]:
    return [exchange.question for exchange in conversation.conversation.exchanges]


def press_ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def press_at_step(bot: tinychat.Bot, n: int) -> None:
    """Ctrl-C is pressed while the model computes the `n`th token from now on."""
    step, left = bot.engine.step, iter(range(n))

    def watched() -> None:
        if next(left, None) is None:
            bot.engine.__dict__.pop("step", None)
            press_ctrl_c()
        step()

    bot.engine.step = watched  # type: ignore[method-assign]


def test_a_message_gets_its_reply_and_both_are_remembered(bot: tinychat.Bot) -> None:
    conversation, lines = talk(bot, "안녕")
    assert lines == [f"봇 › {GREETS}"]
    last = conversation.conversation.last
    assert last is not None
    assert (last.question, last.reply.text) == ("안녕", GREETS)


def test_the_next_question_is_asked_with_all_that_was_said(bot: tinychat.Bot) -> None:
    conversation, _ = talk(bot, "안녕", "잘 자")
    assert conversation.conversation.exchanges[1].reply.prompt_ids == tuple(
        bot.tokenizer.encode_prompt(
            [
                {"role": "user", "content": "안녕"},
                {"role": "assistant", "content": GREETS},
                {"role": "user", "content": "잘 자"},
            ],
            max_len=48,
            reply_tokens=8,
        )
    )


@pytest.mark.parametrize("line", ["", "   ", "\u200b", "\x1b"])
def test_a_line_that_says_nothing_is_passed_over(bot: tinychat.Bot, line: str) -> None:
    assert talk(bot, line)[1] == []


def test_the_model_sees_a_message_cleaned_as_its_training_dialogues_were(bot: tinychat.Bot) -> None:
    assert asked(talk(bot, " \u1112\u1161\u11ab \u00a0\u200b글 ")[0]) == ["한 글"]


def test_two_slashes_say_one_to_the_bot(bot: tinychat.Bot) -> None:
    assert asked(talk(bot, "//help")[0]) == ["/help"]


def test_bytes_that_are_no_characters_are_an_error_and_the_conversation_goes_on(bot: tinychat.Bot) -> None:
    conversation, lines = talk(bot, "\udcbe", "안녕")
    assert lines[0].startswith("오류: 이 터미널의 인코딩으로 읽을 수 없는 바이트")
    assert asked(conversation) == ["안녕"]


def test_a_question_too_long_is_an_error_and_leaves_nothing_behind(bot: tinychat.Bot) -> None:
    conversation, lines = talk(bot, "안녕 " * 60, "잘 자")
    assert lines[0].startswith("오류: 말이 너무 깁니다: '안녕 안녕")
    assert "45토큰까지 읽습니다" in lines[0]
    assert lines[1:] == [f"봇 › {GREETS}"]
    assert asked(conversation) == ["잘 자"]


def test_nothing_is_said_to_be_forgotten_where_the_bot_said_nothing(bot: tinychat.Bot) -> None:
    _, lines = talk(bot, "안녕", "잘 자", "정말", given={"stop": ("만나서",)})
    assert lines == ["봇 › (아무 말도 하지 않음)"] * 3


def test_that_oldest_turns_leave_is_told_once(bot: tinychat.Bot) -> None:
    _, lines = talk(bot, *["안녕"] * 12)
    noted = [line for line in lines if "잊습니다" in line]
    assert noted == ["(대화가 길어져 오래된 말부터 잊습니다: 이 모델은 한 번에 48토큰까지 읽습니다)"]


def test_that_a_model_of_single_exchanges_forgets_what_was_said_is_told_once(bot: tinychat.Bot) -> None:
    engine = Engine(bot.engine.decoder, bot.tokenizer, generation=GenerationConfig(8, single_exchange=True))
    conversation, lines = talk(tinychat.Bot(engine, bot.folder), "안녕", "안녕", "안녕")
    assert [line for line in lines if line.startswith("(")] == [
        "(이 모델은 한 번 묻고 답하는 말만 배워서, 말마다 앞의 말을 보지 않고 답합니다)"
    ]
    assert len({exchange.reply.prompt_ids for exchange in conversation.conversation.exchanges}) == 1


def test_it_is_told_again_after_a_new_beginning(bot: tinychat.Bot) -> None:
    _, lines = talk(bot, *["안녕"] * 12, "/reset", *["안녕"] * 12)
    assert sum("잊습니다" in line for line in lines) == 2


def test_a_reply_at_its_length_limit_is_marked(bot: tinychat.Bot) -> None:
    assert talk(bot, "안녕", given={"max_tokens": 1})[1] == ["봇 › 만나서…(길이 제한)"]


def test_a_reply_without_a_word_is_marked(bot: tinychat.Bot) -> None:
    assert talk(bot, "안녕", given={"stop": ("만나서",)})[1] == ["봇 › (아무 말도 하지 않음)"]


def test_ctrl_c_stops_the_reply_and_keeps_what_was_said(endless: tinychat.Bot) -> None:
    conversation, lines = talk(endless, "안녕", given={"max_tokens": 5000}, during_replies=press_ctrl_c)
    last = conversation.conversation.last
    assert last is not None
    assert last.reply.finish_reason == "cancelled"
    assert 1 <= len(last.reply.token_ids) <= 5
    assert lines == [f"봇 › {last.reply.text}…(멈춤)"]


def test_ctrl_c_twice_stops_a_reply_that_has_not_begun_and_it_was_never_asked(endless: tinychat.Bot) -> None:
    def impatient() -> None:
        press_ctrl_c()
        press_ctrl_c()

    conversation, lines = talk(endless, "안녕", "/quit", given={"max_tokens": 5000}, during_replies=impatient)
    assert lines == ["봇 › …(멈춤)"]
    assert asked(conversation) == []


def test_after_a_reply_that_was_stopped_the_next_one_is_whole(bot: tinychat.Bot) -> None:
    presses = iter([press_ctrl_c])
    conversation, lines = talk(bot, "안녕", "잘 자", during_replies=lambda: next(presses, lambda: None)())
    assert lines[-1] == f"봇 › {GREETS}"
    assert conversation.conversation.exchanges[0].reply.finish_reason == "cancelled"


def test_ctrl_c_works_as_before_once_the_conversation_is_over(bot: tinychat.Bot) -> None:
    before = signal.getsignal(signal.SIGINT)
    talk(bot, "안녕")
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_where_nothing_was_typed_tells_how_to_leave(bot: tinychat.Bot) -> None:
    assert talk(bot, KeyboardInterrupt(), "안녕")[1] == ["끝내려면 Ctrl-D", f"봇 › {GREETS}"]


def test_ctrl_c_between_an_answer_and_the_next_prompt_does_not_end_the_conversation(bot: tinychat.Bot) -> None:
    presses = iter([lambda: (press_ctrl_c(), press_ctrl_c())])
    _, lines = talk(bot, "/rset", "안녕", after_errors=lambda: next(presses)())
    assert lines == ["오류: /rset: 없는 명령입니다. /reset 말인가요?", "끝내려면 Ctrl-D", f"봇 › {GREETS}"]


def test_quit_leaves(bot: tinychat.Bot) -> None:
    assert talk(bot, "/quit", "안녕")[1] == []


def test_an_unknown_command_is_one_line_and_the_conversation_goes_on(bot: tinychat.Bot) -> None:
    assert talk(bot, "/rset", "안녕")[1] == ["오류: /rset: 없는 명령입니다. /reset 말인가요?", f"봇 › {GREETS}"]


def test_help_lists_what_can_be_typed(bot: tinychat.Bot) -> None:
    _, lines = talk(bot, "/help")
    assert any(line.startswith("  /why ") for line in lines)


def test_undo_takes_the_last_exchange_back(bot: tinychat.Bot) -> None:
    conversation, lines = talk(bot, "안녕", "잘 자", "/undo")
    assert lines[-1] == "(없던 일로: 잘 자)"
    assert asked(conversation) == ["안녕"]


def test_reset_begins_anew(bot: tinychat.Bot) -> None:
    assert asked(talk(bot, "안녕", "/reset", "잘 자")[0]) == ["잘 자"]


@pytest.mark.parametrize("command", ["/undo", "/retry", "/why", "/save a"])
def test_what_needs_something_said_is_an_error_before(
    bot: tinychat.Bot, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (line,) = talk(bot, command)[1]
    assert re.fullmatch("오류: .*(말|대답)이 아직 없습니다", line)
    assert list(tmp_path.iterdir()) == []


def test_retry_answers_the_last_question_by_chance_and_says_so(bot: tinychat.Bot) -> None:
    conversation, lines = talk(bot, "잘 자", "안녕", "/retry")
    again = bot.reply(conversation.conversation.retry_messages(), temperature=0.8, seed=1)
    assert lines[2:] == ["(안녕 · 이번만 온도 0.8, 시드 1)", f"봇 › {again.text}"]
    assert asked(conversation) == ["잘 자", "안녕"]
    assert conversation.conversation.exchanges[1].reply.token_ids == again.token_ids


def test_a_retry_gives_another_reply_where_chance_at_first_gives_the_same(bot: tinychat.Bot) -> None:
    texts = [bot.reply("안녕", temperature=0.8, seed=seed).text for seed in range(99)]
    seed = next(seed for seed in range(99) if texts[seed] == texts[seed + 1] == GREETS)
    conversation, lines = talk(bot, "안녕", "/retry", given={"temperature": 0.8, "seed": seed})
    assert lines[0] == f"봇 › {GREETS}"
    assert lines[2].startswith("봇 › ") and lines[2] != lines[0]
    assert len(lines) == 3
    found = re.fullmatch(r"\(안녕 · 이번만 온도 ([\d.]+), 시드 (\d+)\)", lines[1])
    assert found is not None and int(found[2]) > seed + 1
    last = conversation.conversation.last
    assert last is not None
    assert last.reply.text == bot.reply("안녕", temperature=float(found[1]), seed=int(found[2])).text


def test_each_retry_gives_a_reply_that_was_not_heard_yet(bot: tinychat.Bot) -> None:
    conversation, _ = talk(bot, "안녕", *["/retry"] * 6)
    (exchange,) = conversation.conversation.exchanges
    assert len(set(exchange.known_replies)) == len(exchange.known_replies) == 7


def test_where_the_model_has_no_other_reply_it_is_said_and_the_reply_stays(bot: tinychat.Bot) -> None:
    conversation, lines = talk(bot, "안녕", "/retry", given={"temperature": 0.8, "top_k": 1})
    assert lines == [f"봇 › {GREETS}", "(안녕 · 20번 뽑아 보았지만 다른 대답이 나오지 않음)"]
    (exchange,) = conversation.conversation.exchanges
    assert exchange.reply.text == GREETS


def test_a_retry_that_begins_like_a_reply_that_was_heard_is_shown_from_its_beginning(bot: tinychat.Bot) -> None:
    _, lines = talk(bot, *["안녕", "/retry", "/undo"] * 12)
    retried = [line for line in lines if line.startswith("봇 › ")][1::2]
    assert len(retried) == 12
    assert any(line.startswith("봇 › 만나서 ") for line in retried)


def test_a_reply_that_was_stopped_may_be_said_whole_by_a_retry(bot: tinychat.Bot) -> None:
    presses = iter([press_ctrl_c])
    _, lines = talk(
        bot, "안녕", "/retry", given={"temperature": 0.8, "top_k": 1}, during_replies=lambda: next(presses, int)()
    )
    assert lines[0].endswith("…(멈춤)")
    assert lines[-1] == f"봇 › {GREETS}"


def test_ctrl_c_stops_the_search_for_another_reply(endless: tinychat.Bot) -> None:
    given = {"temperature": 0.8, "top_k": 1, "max_tokens": 30}
    conversation, lines = talk(
        endless, "안녕", "/retry", given=given, during_replies=lambda: press_at_step(endless, 40)
    )
    assert lines[1:] == ["멈춤"]
    assert len(conversation.conversation.exchanges[0].reply.token_ids) == 30


def test_the_reply_after_a_retry_is_greedy_again(bot: tinychat.Bot) -> None:
    assert talk(bot, "안녕", "/retry", "/retry", "안녕")[1][-1] == f"봇 › {GREETS}"


def test_a_retry_that_is_stopped_before_it_began_leaves_the_reply_there_was(endless: tinychat.Bot) -> None:
    presses = iter([lambda: None, lambda: (press_ctrl_c(), press_ctrl_c())])
    conversation, _ = talk(endless, "안녕", "/retry", given={"max_tokens": 3}, during_replies=lambda: next(presses)())
    last = conversation.conversation.last
    assert last is not None
    assert last.reply.text == "정말 좋아 정말"


def test_a_temperature_makes_replies_ones_by_chance_and_0_greedy_again(bot: tinychat.Bot) -> None:
    _, lines = talk(bot, "/temperature 0.5", "/temperature", "/temperature 0")
    assert lines == ["(온도 0.5, 시드 0)", "(온도 0.5, 시드 0)", "(greedy: 늘 가장 그럴듯한 토큰)"]


def test_a_seed_decides_the_reply(bot: tinychat.Bot) -> None:
    _, lines = talk(bot, "/temperature 5", "/seed 4", "안녕", "/reset", "/seed 5", "안녕")
    replies_shown = [line.removeprefix("봇 › ") for line in lines if line.startswith("봇 › ")]
    replies = [bot.reply("안녕", temperature=5, seed=seed) for seed in (4, 5)]
    assert [text.removesuffix("…(길이 제한)") for text in replies_shown] == [reply.text for reply in replies]
    assert replies_shown[0] != replies_shown[1]


def test_a_seed_that_greedy_does_not_use_is_said_to_be_unused(bot: tinychat.Bot) -> None:
    assert talk(bot, "/seed")[1] == ["(시드 0: greedy에서는 쓰이지 않음)"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("/temperature warm", "오류: /temperature 뒤에는 수가 와야 합니다(0: greedy). 적힌 것: 'warm'"),
        (
            "/temperature -1",
            "오류: temperature의 값이 -1.0입니다. 0(greedy)이거나 0.01 이상 100 이하의 수여야 합니다",
        ),
        ("/temperature nan", "오류: temperature의 값이 nan입니다. 0(greedy)이거나 0.01 이상 100 이하의 수여야 합니다"),
        ("/seed 1.5", "오류: /seed 뒤에는 0 이상의 정수가 와야 합니다. 적힌 것: '1.5'"),
        ("/seed -1", "오류: seed의 값이 -1입니다. 0 이상의 정수여야 합니다"),
    ],
)
def test_an_option_that_will_not_do_is_an_error_and_changes_nothing(bot: tinychat.Bot, line: str, error: str) -> None:
    conversation, lines = talk(bot, line)
    assert lines == [error]
    assert conversation.conversation.given == {}


def test_save_writes_the_conversation_and_says_where(
    bot: tinychat.Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, lines = talk(bot, "안녕", "/save 내 대화")
    assert lines[-1] == "(내 대화.jsonl에 저장: 주고받은 말 1번)"
    (record,) = saved_dialogues(tmp_path / "내 대화.jsonl")
    assert [message["content"] for message in record["messages"]] == ["안녕", GREETS]


def test_save_says_how_many_replies_are_not_learnt_from(bot: tinychat.Bot, tmp_path: Path) -> None:
    _, lines = talk(bot, "안녕", f"/save {tmp_path / 'a'}", given={"max_tokens": 1})
    assert lines[-1].endswith("주고받은 말 1번, 그중 끝나지 않은 대답 1개는 weight 0)")


def test_save_replaces_a_file_only_with_an_exclamation_mark(bot: tinychat.Bot, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("mine", encoding="utf-8")
    _, lines = talk(bot, "안녕", f"/save {path}")
    assert lines[-1] == f"오류: {path}: 이미 있는 파일입니다. 바꾸려면 /save! {path}"
    assert path.read_text(encoding="utf-8") == "mine"
    talk(bot, "안녕", f"/save! {path}")
    assert len(list(saved_dialogues(path))) == 1


def test_a_place_that_cannot_be_written_is_an_error_and_the_conversation_goes_on(
    bot: tinychat.Bot, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    _, lines = talk(bot, "안녕", f"/save {tmp_path / 'file' / 'a'}", "안녕")
    assert lines[1].startswith(f"오류: {tmp_path / 'file'}")
    assert lines[2].startswith("봇 › ")


def test_why_shows_tokens_and_the_nearest_training_dialogues(bot: tinychat.Bot) -> None:
    _, lines = talk(bot, "안녕", "/why")
    assert [line.split()[0] for line in lines[1:5]] == ["토큰", "만나서", "반가워요", "<eos>"]
    assert lines[5].strip() == ""
    assert lines[6].startswith("  가장 비슷한 학습 대화 (")
    assert lines[7] == "  100%  안녕 → 만나서 반가워요"


def test_why_without_a_corpus_shows_the_tokens_and_says_what_is_missing(bot: tinychat.Bot, tmp_path: Path) -> None:
    alone = tinychat.Bot(bot.engine, tmp_path / "models/dialogue")
    _, lines = talk(alone, "안녕", "/why")
    assert lines[2].split()[0] == "만나서"
    assert "학습 대화가 없어" in lines[-1] and lines[-1].rstrip(")").endswith("train.jsonl")


def test_a_remark_on_a_reply_does_not_go_into_the_file_of_the_replies(bot: tinychat.Bot) -> None:
    replies, notes = io.StringIO(), io.StringIO()
    Talk(bot, {"max_tokens": 1}, Screen(replies, notes), Lines("안녕")).run()
    assert replies.getvalue() == "만나서\n"
    assert notes.getvalue().endswith("봇 › …(길이 제한)\n")


def test_what_the_model_says_is_never_obeyed_by_a_terminal(bot: tinychat.Bot) -> None:
    paper = io.StringIO()
    Screen(paper, paper).piece("가\x1b[2J\n나")
    assert paper.getvalue() == "가␛[2J\n     나"


def test_an_error_behind_the_bots_prompt_stands_on_a_line_of_its_own(
    talking_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = tinychat.load(talking_project / "models/dialogue")
    prefill = bot.engine.decoder.prefill
    monkeypatch.setattr(bot.engine.decoder, "prefill", lambda prompts, slots: prefill(prompts, slots) * float("nan"))
    conversation, lines = talk(bot, "안녕")
    assert lines[0] == "봇 › "
    assert lines[1].startswith(f"오류: {talking_project / 'models/dialogue'}: 로짓이 유한한 수가 아닙니다")
    assert asked(conversation) == []
