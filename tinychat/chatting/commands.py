"""Parses a line: a message to the bot, or a command."""

import difflib
import re
from dataclasses import dataclass

from tinychat.errors import InputError
from tinychat.language.choosing import Words

# Each command: its argument, and whether that is required.
COMMANDS = {
    "help": ("", False),
    "reset": ("", False),
    "undo": ("", False),
    "retry": ("", False),
    "seed": ("[N]", False),
    "temperature": ("[X]", False),
    "save": ("FILE", True),
    "save!": ("FILE", True),
    "why": ("", False),
    "quit": ("", False),
}
KEYS = {
    "//…": "help.slashes",
    "Ctrl-C": "help.ctrl_c",
    "↑ ↓": "help.arrows",
}


@dataclass(frozen=True)
class Command:
    """A command's name without the slash, and its argument, which may be empty."""

    name: str
    argument: str


def parse(line: str) -> Command | str:
    """A command, or a message; a message that begins with `/` is typed with `//`.

    Raises InputError for an unknown command, and for a missing or unexpected argument.
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
        if near:
            raise InputError("/{name} is not a command; did you mean /{near}?", name=name, near=near[0])
        raise InputError(
            "/{name} is not a command; /help lists all, and // at the beginning sends it to the bot", name=name
        )
    takes, required = COMMANDS[name]
    if argument and not takes:
        raise InputError("/{name} takes no argument, found {argument!r}", name=name, argument=argument)
    if required and not argument:
        raise InputError("/{name} needs the name of a file: /{name} {takes}", name=name, takes=takes)
    return Command(name, argument)


def help_lines(words: Words) -> list[tuple[str, str]]:
    """What can be typed, and what it does."""
    typed = [(f"/{name} {takes}".rstrip(), words(f"help.{name}")) for name, (takes, _) in COMMANDS.items()]
    return [*typed, *((key, words(name)) for key, name in KEYS.items())]
