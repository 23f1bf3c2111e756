import string

from tinychat.report.words import LANGUAGES, words_of


def places(text: str) -> set[str]:
    """The names of the values that stand in a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    korean, english = LANGUAGES["ko"], LANGUAGES["en"]
    assert list(korean) == list(english)
    assert {key: places(text) for key, text in korean.items()} == {key: places(text) for key, text in english.items()}


def test_no_text_is_blank_and_each_is_in_its_language() -> None:
    names = {"torch", "section.9"}  # the same in both
    for key, text in LANGUAGES["ko"].items():
        assert any("가" <= char <= "힣" for char in text) or key in names
    for text in LANGUAGES["en"].values():
        assert text.strip() and not any("가" <= char <= "힣" for char in text)


def test_values_are_put_in_as_they_are() -> None:
    assert words_of("en")("epoch") == "epoch"
    assert "{x} 7" in words_of("ko")("layers.about", prompt="{x} 7")
