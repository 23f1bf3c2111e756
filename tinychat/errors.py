"""Errors that are shown to a person, as texts that can be translated."""

import errno
from collections.abc import Mapping
from typing import Self

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


class Phrase(str):
    """A text in English that remembers its template and its values, so that another language can have it too.

    Phrase("{path}: no such file", path=path). A value may be a phrase, or an error that was raised with one.
    Without values the template is the text as it is. What is made of a phrase is a plain text: put it in as a value.
    """

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, **values: object) -> Self:
        phrase = super().__new__(cls, template.format(**values) if values else template)
        phrase.template, phrase.values = template, values
        return phrase


class InputError(Exception):
    """The person's input is wrong: says which file, line or key, what was found, what would be right.

    InputError("{path}: no such file", path=path): a template and its values, as of a Phrase. `str` gives the English
    text.
    """

    def __init__(self, template: str, **values: object) -> None:
        super().__init__(Phrase(template, **values))


class FaultError(ValueError):
    """A value is wrong, in the words of a Phrase; where it stands says whoever catches this, in an InputError."""

    def __init__(self, template: str, **values: object) -> None:
        super().__init__(Phrase(template, **values))


class Interrupted(Exception):
    """Ctrl-C or SIGTERM stopped the work in a clean state; the text says how to resume."""


def text_of(error: BaseException) -> str:
    """What an error says: its phrase, where it has one."""
    return error.args[0] if error.args and isinstance(error.args[0], Phrase) else str(error)


def joined(separator: str, phrases: list[str]) -> Phrase:
    """Phrases as one, such as the items of a list."""
    names = [f"part{number}" for number in range(len(phrases))]
    return Phrase(separator.join(f"{{{name}}}" for name in names), **dict(zip(names, phrases, strict=True)))


def text_in(said: object, texts: Mapping[str, str]) -> object:
    """A phrase, or what an error says, by the templates that `texts` has in the place of the English ones, with its
    values so too; anything else as it is.
    """
    if isinstance(said, BaseException):
        said = text_of(said)
    if not isinstance(said, Phrase):
        return said
    template = texts.get(said.template, said.template)
    values = {name: text_in(value, texts) for name, value in said.values.items()}
    return template.format(**values) if values else template


def describe(error: OSError) -> str:
    """The file and the system's message."""
    named = error.filename and error.strerror and error.filename2 is None
    return f"{error.filename}: {error.strerror}" if named else str(error)
