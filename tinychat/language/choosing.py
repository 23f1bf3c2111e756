"""Which language a person is spoken to, and texts in it."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from tinychat.errors import FULL_DISK, InputError, Phrase, describe, text_in, text_of
from tinychat.language import english, korean

Language = Literal["ko", "en"]
Words = Callable[..., str]

TEXTS: dict[Language, Mapping[str, str]] = {"ko": korean.TEXTS, "en": english.TEXTS}
VARIABLE = "TINYCHAT_LANGUAGE"
PARAMS = Path("params.yaml")


def choose_language(environment: Mapping[str, str] = os.environ, params: Path = PARAMS) -> Language:
    """TINYCHAT_LANGUAGE (ko or en); without it what the page of the project in this folder has, `report.language` of
    its params.yaml; without that the language of the locale, Korean or else English.

    Raises InputError where the variable is neither.
    """
    asked = check_language(environment)
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    wanted = asked or _of_the_page(params) or ("ko" if locale.lower().startswith("ko") else "en")
    return "ko" if wanted == "ko" else "en"


def check_language(environment: Mapping[str, str] = os.environ) -> str:
    """What TINYCHAT_LANGUAGE asks for, nothing where it is not set. Raises InputError where that is no language."""
    asked = environment.get(VARIABLE, "").strip().lower()
    if asked and asked not in TEXTS:
        raise InputError("{name} is {value!r}; it must be ko or en", name=VARIABLE, value=asked)
    return asked


def _of_the_page(params: Path) -> str | None:
    """What a params.yaml says; what is wrong with one is for the stages to tell."""
    if not params.is_file():
        return None
    import yaml  # takes longer to load than a reply needs, and most who only ask once see no text

    try:
        language = yaml.safe_load(params.read_text(encoding="utf-8"))["report"]["language"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError, yaml.YAMLError):
        return None
    return language if language in ("ko", "en") else None


def words_of(language: Language) -> Words:
    """A function from a key and the values that stand in its text to that text. An unknown key raises KeyError."""
    texts = TEXTS[language]

    def say(key: str, **values: Any) -> str:
        return texts[key].format(**values)

    return say


def told(error: BaseException, language: Language | None = None) -> str:
    """What ended a command, as a person reads it: in the chosen language, or in English where an error has no other."""
    if language is None:
        try:
            language = choose_language()
        except InputError:  # it is perhaps this very error
            language = "en"
    words, text = words_of(language), text_of(error)
    match error:
        case InputError():
            if language == "ko" and isinstance(text, Phrase) and text.template in korean.ERRORS:
                return words("error", text=text_in(text, korean.ERRORS))
            return words_of("en")("error", text=text)
        case OSError():
            return words("error.no_room" if error.errno in FULL_DISK else "error", text=describe(error))
    shown = text_in(text, korean.ERRORS if language == "ko" else {})
    return f"{words('stopped')}: {shown}" if shown else words("stopped")
