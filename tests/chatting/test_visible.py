from tinychat.chatting.visible import columns_of, padded, shortened


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
