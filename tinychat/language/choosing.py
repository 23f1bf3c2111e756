"""The choice of the user's language, and its texts."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from tinychat.errors import FULL_DISK, InputError, Phrase, describe, text_of, translate
from tinychat.language import english, korean

Language = Literal["ko", "en"]
Words = Callable[..., str]

TEXTS: dict[Language, Mapping[str, str]] = {"ko": korean.TEXTS, "en": english.TEXTS}
VARIABLE = "TINYCHAT_LANGUAGE"
PARAMS = Path("params.yaml")


def choose_language(environment: Mapping[str, str] = os.environ, params: Path = PARAMS) -> Language:
    """TINYCHAT_LANGUAGE (ko or en); if it is not set, `report.language` of the params.yaml in this folder; without a
    params.yaml the language of the locale, Korean or else English.

    Raises InputError where the variable is neither ko nor en.
    """
    asked = check_language(environment)
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    wanted = asked or _language_in_params(params) or ("ko" if locale.lower().startswith("ko") else "en")
    return "ko" if wanted == "ko" else "en"


def check_language(environment: Mapping[str, str] = os.environ) -> str:
    """The value of TINYCHAT_LANGUAGE, empty if it is not set. Raises InputError where it is neither ko nor en."""
    asked = environment.get(VARIABLE, "").strip().lower()
    if asked and asked not in TEXTS:
        raise InputError("{name} is {value!r}; it must be ko or en", name=VARIABLE, value=asked)
    return asked


def _language_in_params(params: Path) -> str | None:
    """`report.language` of a params.yaml; None where it has none. The stages report its faults."""
    if not params.is_file():
        return None
    import yaml  # takes longer to load than a reply needs, and one reply needs no text

    try:
        language = yaml.safe_load(params.read_text(encoding="utf-8"))["report"]["language"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError, yaml.YAMLError):
        return None
    return language if language in ("ko", "en") else None


def words_of(language: Language) -> Words:
    """A function from a key and the values in its text to that text. An unknown key raises KeyError."""
    texts = TEXTS[language]

    def text_of_key(key: str, **values: Any) -> str:
        return texts[key].format(**values)

    return text_of_key


def error_text(error: BaseException, language: Language | None = None) -> str:
    """The message for the error that ended a command: in the chosen language, or in English without a translation."""
    if language is None:
        try:
            language = choose_language()
        except InputError:  # perhaps this is the error to be printed
            language = "en"
    words, text = words_of(language), text_of(error)
    match error:
        case InputError():
            if language == "ko" and isinstance(text, Phrase) and text.template in korean.ERRORS:
                return words("error", text=translate(text, korean.ERRORS))
            return words_of("en")("error", text=text)
        case OSError():
            return words("error.no_room" if error.errno in FULL_DISK else "error", text=describe(error))
    shown = translate(text, korean.ERRORS if language == "ko" else {})
    return f"{words('stopped')}: {shown}" if shown else words("stopped")
