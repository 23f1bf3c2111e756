"""The summary's texts in the reader's language."""

from collections.abc import Callable
from typing import Any, Literal

from tinychat.report import english, korean

Words = Callable[..., str]
LANGUAGES = {"ko": korean.WORDS, "en": english.WORDS}


def words_of(language: Literal["ko", "en"]) -> Words:
    """A function from a key and the values in its text to that text. An unknown key raises KeyError."""
    texts = LANGUAGES[language]

    def text_of_key(key: str, **values: Any) -> str:
        return texts[key].format(**values)

    return text_of_key
