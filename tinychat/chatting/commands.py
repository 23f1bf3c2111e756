"""What a line means: a message to the bot, or a command."""

import difflib
import re
from dataclasses import dataclass

from tinychat.errors import InputError

# Each command: what stands behind it, whether it must, and what it does.
COMMANDS = {
    "help": ("", False, "이 도움말"),
    "reset": ("", False, "모두 잊고 처음부터 이야기하기"),
    "undo": ("", False, "마지막 말과 대답을 없던 일로 하기"),
    "retry": ("", False, "마지막 말에 다르게 대답하기"),
    "seed": ("[N]", False, "뽑기의 시드를 보거나 N으로 정하기"),
    "temperature": ("[X]", False, "온도를 보거나 X로 정하기 (0: 늘 가장 그럴듯한 토큰)"),
    "save": ("FILE", True, "대화를 학습할 수 있는 FILE.jsonl로 저장하기"),
    "save!": ("FILE", True, "이미 있는 FILE.jsonl을 이 대화로 바꾸기"),
    "why": ("", False, "마지막 대답의 토큰마다 확률과 다른 후보, 가장 비슷한 학습 대화"),
    "quit": ("", False, "끝내기 (Ctrl-D)"),
}
KEYS = {
    "//…": "/로 시작하는 말을 그대로 하기",
    "Ctrl-C": "대답을 멈추기, 쓰던 줄을 지우기",
    "↑ ↓": "앞서 쓴 줄",
}


@dataclass(frozen=True)
class Command:
    """A command's name without the slash, and what stands behind it, perhaps nothing."""

    name: str
    argument: str


def parse(line: str) -> Command | str:
    """A command, or the message that a line says; `//` at its beginning says `/`.

    Raises InputError for a command that is not known, or has too much or too little behind it.
    """
    text = line.strip()
    if text.startswith("//"):
        return text[1:]
    found = re.fullmatch(r"/(\S*)\s*(.*)", text, flags=re.DOTALL)
    if not found:
        return text
    name, argument = found[1], found[2]
    if name not in COMMANDS:
        near = difflib.get_close_matches(name.lower(), COMMANDS, n=1, cutoff=0.5)
        hint = f"did you mean /{near[0]}?" if near else "/help lists them, and // at the beginning says it to the bot"
        raise InputError(f"/{name} is no command; {hint}")
    takes, must, _ = COMMANDS[name]
    if argument and not takes:
        raise InputError(f"/{name} takes nothing behind it, found {argument!r}")
    if must and not argument:
        raise InputError(f"/{name} needs the name of a file: /{name} {takes}")
    return Command(name, argument)


def help_lines() -> list[tuple[str, str]]:
    """What can be typed, and what it does."""
    typed = [(f"/{name} {takes}".rstrip(), does) for name, (takes, _, does) in COMMANDS.items()]
    return [*typed, *KEYS.items()]
