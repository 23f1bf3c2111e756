import unicodedata

import pytest

from tinychat.chatting.visible import columns_of, padded, shortened, visible


def test_an_escape_sequence_is_seen_and_not_obeyed() -> None:
    assert visible("\x1b[31m빨강\x1b]0;제목\x07") == "␛[31m빨강␛]0;제목␇"


def test_no_control_character_is_left_but_the_line_break() -> None:
    text = "".join(map(chr, range(0x110000)))
    left = {
        char for char in visible(text) if unicodedata.category(char) in ("Cc", "Cs") or char in "\u202e\u2066\u200f"
    }
    assert left == {"\n"}


def test_each_character_has_one_in_its_place_so_that_pieces_may_be_shown_one_by_one() -> None:
    text = "\x00안\t녕\r\n\x7f\x85\u202e"
    assert visible(text) == "".join(map(visible, text))
    assert len(visible(text)) == len(text)


@pytest.mark.parametrize("text", ["안녕 ㅋㅋ", "각", "👨‍👩‍👧 👍🏽 🇰🇷 ❤️", "a\nb", "़ क्षि"])
def test_what_a_person_writes_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_a_tab_is_a_space_so_that_columns_can_be_counted() -> None:
    assert visible("a\tb") == "a b"


def test_a_syllable_takes_two_columns() -> None:
    assert columns_of("안녕 a") == 6
    assert padded("안녕", 6) == "안녕  "


def test_a_long_line_is_cut_at_a_whole_character_and_fits() -> None:
    assert shortened("안녕하세요", 10) == "안녕하세요"
    assert shortened("안녕하세요", 9) == "안녕하세…"
    assert shortened("안녕하세요", 8) == "안녕하…"
    assert shortened("a👨‍👩‍👧bcd", 4) == "a👨‍👩‍👧…"


def test_a_shortened_text_is_one_line() -> None:
    assert shortened("가\n나\x1b", 80) == "가 나␛"
