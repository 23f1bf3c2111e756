import pytest

from tinychat.starter.particles import PAIRS, fill, final_consonant, slots_in, with_particle, without_slots


@pytest.mark.parametrize(
    ("pair", "after_consonant", "after_vowel"),
    [
        ("은/는", "민준은", "지우는"),
        ("이/가", "민준이", "지우가"),
        ("을/를", "민준을", "지우를"),
        ("과/와", "민준과", "지우와"),
        ("아/야", "민준아", "지우야"),
        ("이야/야", "민준이야", "지우야"),
        ("이에요/예요", "민준이에요", "지우예요"),
        ("이네요/네요", "민준이네요", "지우네요"),
        ("이라고/라고", "민준이라고", "지우라고"),
        ("이라/라", "민준이라", "지우라"),
        ("이랑/랑", "민준이랑", "지우랑"),
        ("이나/나", "민준이나", "지우나"),
        ("이지/지", "민준이지", "지우지"),
        ("이고/고", "민준이고", "지우고"),
        ("이요/요", "민준이요", "지우요"),
        ("으로/로", "민준으로", "지우로"),
    ],
)
def test_a_pair_agrees_with_the_last_sound(pair: str, after_consonant: str, after_vowel: str) -> None:
    assert with_particle("민준", pair) == after_consonant
    assert with_particle("지우", pair) == after_vowel


def test_each_pair_is_named_by_its_two_forms() -> None:
    assert all(pair == "/".join(forms) for pair, forms in PAIRS.items())
    assert len(PAIRS) == 16


def test_after_rieul_it_is_ro_but_a_consonant_for_all_other_pairs() -> None:
    assert with_particle("하늘", "으로/로") == "하늘로"
    assert with_particle("서울", "은/는") == "서울은"
    assert with_particle("한별", "이에요/예요") == "한별이에요"


@pytest.mark.parametrize("word", ["삶", "닭", "여덟"])
def test_a_double_final_consonant_is_no_rieul(word: str) -> None:
    assert with_particle(word, "으로/로") == f"{word}으로"


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("0", "0은 0으로"),
        ("1", "1은 1로"),
        ("2", "2는 2로"),
        ("3", "3은 3으로"),
        ("4", "4는 4로"),
        ("5", "5는 5로"),
        ("6", "6은 6으로"),
        ("7", "7은 7로"),
        ("8", "8은 8로"),
        ("9", "9는 9로"),
        ("1024", "1024는 1024로"),
        ("100", "100은 100으로"),
    ],
)
def test_a_digit_counts_as_it_is_read(digits: str, expected: str) -> None:
    assert fill("{n:은/는} {n:으로/로}", {"n": digits}) == expected


@pytest.mark.parametrize("word", ["tinychat", "AI", "엘사!", "ㅋㅋ", ""])
def test_what_is_neither_hangul_nor_digit_counts_as_a_vowel(word: str) -> None:
    assert final_consonant(word) == 0
    assert with_particle(word, "은/는") == f"{word}는"


def test_a_pair_that_is_not_known_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        with_particle("지우", "은/가")


def test_slots_are_found_with_and_without_a_particle() -> None:
    text = "{city:은/는} {city2}보다 {city:이/가} 커?"
    assert slots_in(text) == [("city", "은/는"), ("city2", None), ("city", "이/가")]
    assert slots_in("빈칸이 없어요") == []


def test_every_slot_is_filled_with_its_own_value() -> None:
    values = {"name": "지우", "food": "수박"}
    assert fill("{name:은/는} {food:을/를} 좋아해. {name}!", values) == "지우는 수박을 좋아해. 지우!"


def test_a_slot_without_a_value_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="food"):
        fill("{food:을/를} 좋아해", {"name": "지우"})


def test_a_value_that_looks_like_a_slot_is_not_filled_again() -> None:
    assert fill("{name}", {"name": "{food}", "food": "수박"}) == "{food}"


def test_what_stands_around_the_slots_keeps_a_brace_that_is_none() -> None:
    assert without_slots("{name:은/는} { name } {name") == " { name } {name"
