"""A person in danger is answered by a rule: in a conversation, by one reply and in a pipe, with or without a model."""

import io
import os
import subprocess
from pathlib import Path

import pytest

import tinychat
from tests.chatting.models import GREETS, saved_dialogues
from tests.chatting.test_talking import Lines, asked
from tests.forkserver import fast_python
from tinychat.chatting.talking import Talk
from tinychat.chatting.terminal import Screen
from tinychat.safety.help import HELP

DANGER = "더는 못 살겠어ㅋㅋㅋ"
UNCLEAR = ("요즘 사는 게 너무 힘들어", "이제 그만하고 싶어")
REPO = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bot(talking_project: Path) -> tinychat.Bot:
    """As a chat loads it: the conversation itself looks for danger."""
    return tinychat.load(talking_project / "models/dialogue", safety=False)


def talk(bot: tinychat.Bot, *lines: str, safety: bool = True) -> tuple[Talk, str]:
    """The conversation at its end, and what stands on the screen."""
    paper = io.StringIO()
    conversation = Talk(bot, {}, Screen(paper, paper), Lines(*lines), safety=safety)
    conversation.run()
    return conversation, paper.getvalue()


def chat(folder: Path, *arguments: str, pipe: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [fast_python(), "-m", "tinychat", "chat", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(REPO)},
        input=pipe,
        stdin=subprocess.DEVNULL if pipe is None else None,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )


def test_a_person_in_danger_gets_the_lines_for_help_and_not_a_reply_of_the_model(bot: tinychat.Bot) -> None:
    _, screen = talk(bot, DANGER)
    first, *rest = HELP.split("\n")
    assert screen.split("\n")[1:-1] == [f"봇 › {first}", *[f"     {line}" for line in rest]]


def test_it_is_not_remembered_and_the_next_reply_is_made_without_it(bot: tinychat.Bot) -> None:
    conversation, screen = talk(bot, "안녕", DANGER, "잘 자")
    assert asked(conversation) == ["안녕", "잘 자"]
    last = conversation.conversation.last
    assert last is not None
    assert last.reply.prompt_ids == talk(bot, "안녕", "잘 자")[0].conversation.exchanges[1].reply.prompt_ids
    assert screen.endswith(f"봇 › {GREETS}\n")


def test_it_is_not_saved_to_be_learnt(bot: tinychat.Bot, tmp_path: Path) -> None:
    talk(bot, "안녕", DANGER, f"/save {tmp_path / 'a'}")
    (record,) = saved_dialogues(tmp_path / "a.jsonl")
    assert [message["content"] for message in record["messages"]] == ["안녕", GREETS]


def test_without_safety_the_model_is_asked(bot: tinychat.Bot) -> None:
    conversation, screen = talk(bot, DANGER, safety=False)
    assert asked(conversation) == [DANGER]
    assert HELP.split("\n")[0] not in screen


def test_the_one_reply_to_a_message_is_the_lines_for_help(talking_project: Path) -> None:
    ended = chat(talking_project, DANGER)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{HELP}\n", "")


def test_so_it_is_in_a_pipe(talking_project: Path) -> None:
    assert chat(talking_project, pipe=f"오늘도 야근했어.\n{DANGER}\n").stdout == f"{HELP}\n"


def test_help_needs_no_model(tmp_path: Path) -> None:
    ended = chat(tmp_path, DANGER)
    assert (ended.returncode, ended.stdout) == (0, f"{HELP}\n")


@pytest.mark.parametrize("pipe", [None, DANGER])
def test_an_option_has_the_model_asked_all_the_same(talking_project: Path, pipe: str | None) -> None:
    ended = chat(talking_project, "--no-safety", *([] if pipe else [DANGER]), pipe=pipe)
    assert ended.stdout == f"{GREETS}\n"


def test_a_message_that_is_clear_only_with_the_one_before_gets_the_lines_too(bot: tinychat.Bot) -> None:
    _, screen = talk(bot, UNCLEAR[0])
    assert HELP.split("\n")[0] not in screen
    assert HELP.split("\n")[0] not in talk(bot, UNCLEAR[1])[1]
    assert HELP.split("\n")[0] in talk(bot, *UNCLEAR)[1]


def test_the_library_gives_them_too(talking_project: Path) -> None:
    bot = tinychat.load(talking_project / "models/dialogue")
    reply = bot.reply(DANGER)
    assert (reply.text, reply.finish_reason, reply.token_ids) == (HELP, "safety", ())
    before = [{"role": "user", "content": UNCLEAR[0]}, {"role": "assistant", "content": "그랬군요."}]
    dialogue = [*before, {"role": "user", "content": UNCLEAR[1]}]
    replies = bot.reply([DANGER, "안녕", dialogue])
    assert [one.text for one in replies] == [HELP, GREETS, HELP]
    with bot.stream(DANGER) as stream:
        assert list(stream) == [HELP]
    assert stream.reply == reply


def test_without_safety_the_library_is_the_model_alone(bot: tinychat.Bot) -> None:
    assert bot.reply(DANGER).text == GREETS
    with bot.stream(DANGER) as stream:
        assert "".join(stream) == GREETS


def test_undo_takes_back_the_last_message_which_the_model_was_not_asked(bot: tinychat.Bot) -> None:
    conversation, screen = talk(bot, "안녕", DANGER, "/undo")
    assert asked(conversation) == ["안녕"]
    assert screen.endswith(f"(없던 일로: {DANGER})\n")
    assert asked(talk(bot, "안녕", DANGER, "/undo", "/undo")[0]) == []


@pytest.mark.parametrize("command", ["/retry", "/why"])
def test_what_the_model_was_not_asked_it_cannot_say_otherwise_or_explain(bot: tinychat.Bot, command: str) -> None:
    _, screen = talk(bot, "안녕", DANGER, command)
    assert screen.endswith("오류: 마지막 말은 모델에게 묻지 않았으므로, 그 말에 대한 모델의 대답이 없습니다\n")
    assert "묻지 않았으므로" not in talk(bot, "안녕", DANGER, "잘 자", command)[1]
    assert "묻지 않았으므로" not in talk(bot, "안녕", DANGER, "/reset", command)[1]
