"""The choice of the language, and that each text is in both."""

import errno
import string
from pathlib import Path

import pytest

from tinychat.errors import FaultError, InputError, Interrupted, Phrase, joined, translate
from tinychat.language import english, korean
from tinychat.language.choosing import choose_language, error_text, words_of


@pytest.fixture
def params(tmp_path: Path) -> Path:
    return tmp_path / "params.yaml"


def places(text: str) -> set[str]:
    """The names of the values that stand in a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_the_variable_comes_before_the_params_and_they_before_the_locale(params: Path) -> None:
    environment = {"LANG": "en_US.UTF-8"}
    assert choose_language(environment, params) == "en"
    params.write_text("report:\n  language: ko\n", encoding="utf-8")
    assert choose_language(environment, params) == "ko"
    assert choose_language(environment | {"TINYCHAT_LANGUAGE": "en"}, params) == "en"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_MESSAGES": "de_DE"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "ko"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": ""}, "ko"),
        ({"TINYCHAT_LANGUAGE": ""}, "en"),
    ],
)
def test_the_locale_decides_where_nothing_else_does(params: Path, environment: dict[str, str], language: str) -> None:
    assert choose_language(environment, params) == language


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"report: [", b"report:\n  language: de\n", b"- 1\n", b"report: 1\n"]
)
def test_params_that_say_nothing_of_it_decide_nothing(params: Path, content: bytes) -> None:
    params.write_bytes(content)
    assert choose_language({"LANG": "ko_KR.UTF-8"}, params) == "ko"


def test_a_language_that_is_not_there_is_an_error(params: Path) -> None:
    with pytest.raises(InputError, match="TINYCHAT_LANGUAGE is 'de'; it must be ko or en"):
        choose_language({"TINYCHAT_LANGUAGE": "de"}, params)


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    assert list(korean.TEXTS) == list(english.TEXTS)
    for key, text in korean.TEXTS.items():
        assert places(text) == places(english.TEXTS[key])


def test_no_text_is_in_the_other_language() -> None:
    for text in korean.TEXTS.values():
        assert any("가" <= char <= "힣" for char in text) or text == "({options})"
    for text in english.TEXTS.values():
        assert text.strip() and not any("가" <= char <= "힣" for char in text)


def test_an_error_is_told_in_the_language_that_was_chosen_and_in_english_by_default() -> None:
    error = InputError("{folder} is a folder; name a file", folder="models{x}")
    assert str(error) == "models{x} is a folder; name a file"
    assert error_text(error, "en") == "error: models{x} is a folder; name a file"
    assert error_text(error, "ko") == "오류: models{x}: 폴더입니다. 파일 이름을 적어 주세요"
    assert error_text(InputError("{a} as it is"), "ko") == "error: {a} as it is"


def test_the_parts_of_an_error_are_told_in_the_language_too() -> None:
    part = Phrase("{what}, which is no text", what=Phrase("a picture"))
    texts = {"{what}, which is no text": "글이 아닌 {what}", "a picture": "그림"}
    assert translate(InputError("{path}: {problem}", path="a.png", problem=part), texts) == "a.png: 글이 아닌 그림"
    assert translate(joined("; ", [part, Phrase("a picture")]), texts) == "글이 아닌 그림; 그림"
    assert translate(FaultError("a picture"), texts) == "그림"
    assert translate("a picture", texts) == "a picture"  # a value of the person's own, not ours


def test_values_are_put_in_as_they_are() -> None:
    assert words_of("ko")("undone", question="{x}") == "(없던 일로: {x})"


def test_a_full_disk_and_a_stop_are_told_in_the_language_too() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "talk.jsonl")
    assert (
        error_text(full, "en")
        == "error: talk.jsonl: No space left on device; make room, then run the same command again"
    )
    assert (
        error_text(full, "ko")
        == "오류: talk.jsonl: No space left on device. 자리를 비운 뒤 같은 명령을 다시 실행하세요"
    )
    assert (error_text(KeyboardInterrupt(), "ko"), error_text(KeyboardInterrupt(), "en")) == ("멈춤", "stopped")
    stop = Interrupted(Phrase("the same command starts from the beginning"))
    assert error_text(stop, "ko") == "멈춤: 같은 명령이 처음부터 다시 시작합니다"
    assert error_text(stop, "en") == "stopped: the same command starts from the beginning"
