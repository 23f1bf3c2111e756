"""Errors that are shown to a person, as texts that can be translated."""

import errno
from collections.abc import Mapping
from typing import Self

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


class Phrase(str):
    """An English text that keeps its template and its values, so that it can be translated.

    Phrase("{path}: no such file", path=path). A value may itself be a phrase, or an error that was raised with one.
    Without values the template is the text. String methods return plain text, which cannot be translated.
    """

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, **values: object) -> Self:
        phrase = super().__new__(cls, template.format(**values) if values else template)
        phrase.template, phrase.values = template, values
        return phrase


class InputError(Exception):
    """The user's input is wrong. The message names the file, line or key, what was found, and what would be right.

    InputError("{path}: no such file", path=path): a template and its values, as of a Phrase. `str` gives the English
    text.
    """

    def __init__(self, template: str, **values: object) -> None:
        super().__init__(Phrase(template, **values))

    def __reduce__(self) -> tuple[object, ...]:
        return _from_phrase, (type(self), self.args[0])


class FaultError(ValueError):
    """A value is wrong; the message is a Phrase without the file and key, which the code that catches it adds."""

    def __init__(self, template: str, **values: object) -> None:
        super().__init__(Phrase(template, **values))

    def __reduce__(self) -> tuple[object, ...]:
        return _from_phrase, (type(self), self.args[0])


def _from_phrase(kind: type[BaseException], phrase: Phrase) -> BaseException:
    """The error as it was in another process: with its template and values."""
    error = kind.__new__(kind)
    error.args = (phrase,)
    return error


class Interrupted(Exception):
    """Ctrl-C or SIGTERM stopped the work in a clean state; the text says how to resume."""


def text_of(error: BaseException) -> str:
    """The message of an error: its phrase, where it has one."""
    return error.args[0] if error.args and isinstance(error.args[0], Phrase) else str(error)


def joined(separator: str, phrases: list[str]) -> Phrase:
    """Phrases as one, such as the items of a list."""
    names = [f"part{number}" for number in range(len(phrases))]
    return Phrase(separator.join(f"{{{name}}}" for name in names), **dict(zip(names, phrases, strict=True)))


def translate(value: object, texts: Mapping[str, str]) -> object:
    """A phrase, or the phrase of an error, translated with its values; anything else unchanged.

    `texts` maps English templates to those of the other language; without an entry a phrase stays English.
    """
    if isinstance(value, BaseException):
        value = text_of(value)
    if not isinstance(value, Phrase):
        return value
    template = texts.get(value.template, value.template)
    values = {name: translate(inner, texts) for name, inner in value.values.items()}
    return template.format(**values) if values else template


def describe(error: OSError) -> str:
    """The file and the system's message."""
    named = error.filename and error.strerror and error.filename2 is None
    return f"{error.filename}: {error.strerror}" if named else str(error)
