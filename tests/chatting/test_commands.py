import pytest

from tinychat.chatting.commands import COMMANDS, Command, help_lines, parse
from tinychat.errors import InputError
from tinychat.language.choosing import words_of


@pytest.mark.parametrize("line", ["안녕", "  안녕 ", "1/2", "안녕 /help"])
def test_a_line_without_a_slash_at_its_beginning_is_a_message(line: str) -> None:
    assert parse(line) == line.strip()


@pytest.mark.parametrize(("line", "message"), [("//help", "/help"), (" //", "/"), ("///a", "//a")])
def test_two_slashes_say_one(line: str, message: str) -> None:
    assert parse(line) == message


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/help", Command("help", "")),
        ("  /reset  ", Command("reset", "")),
        ("/seed 7", Command("seed", "7")),
        ("/seed", Command("seed", "")),
        ("/save 내 대화.jsonl ", Command("save", "내 대화.jsonl")),
        ("/save! a", Command("save!", "a")),
    ],
)
def test_a_command_is_its_name_and_what_stands_behind_it(line: str, command: Command) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(("typed", "near"), [("/rset", "/reset"), ("/HELP", "/help"), ("/temp", "/temperature")])
def test_an_unknown_command_names_the_nearest(typed: str, near: str) -> None:
    with pytest.raises(InputError, match=rf"^{typed} is not a command; did you mean {near}\?$"):
        parse(typed)


@pytest.mark.parametrize("typed", ["/etc/passwd 봤어?", "/", "/도움"])
def test_a_command_that_is_like_none_says_where_they_are_listed(typed: str) -> None:
    with pytest.raises(InputError, match="/help lists all"):
        parse(typed)


def test_a_command_that_takes_nothing_refuses_what_stands_behind_it() -> None:
    with pytest.raises(InputError, match="/undo takes no argument, found '3'"):
        parse("/undo 3")


def test_save_needs_a_name() -> None:
    with pytest.raises(InputError, match="/save needs the name of a file: /save FILE"):
        parse("/save")


def test_the_help_names_every_command() -> None:
    typed = [line.split()[0] for line, _ in help_lines(words_of("en"))]
    assert [f"/{name}" for name in COMMANDS] == typed[: len(COMMANDS)]
