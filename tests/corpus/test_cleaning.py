import random
import subprocess
import sys
import unicodedata
from collections import Counter

import pytest

from tinychat.corpus.cleaning import clean_text
from tinychat.errors import InputError
from tinychat.params.limits import MAX_CHARACTERS, is_damaged


def clean(text: str) -> str:
    return clean_text(text, Counter())


@pytest.mark.parametrize(
    ("found", "kept", "step"),
    [
        (unicodedata.normalize("NFD", "안녕하세요"), "안녕하세요", "nfc"),
        (unicodedata.normalize("NFKC", "안녕 ㅋㅋㅋ ㅠㅠ ㄲㅗ ㅡㅡ;"), "안녕 ㅋㅋㅋ ㅠㅠ 꼬 ㅡㅡ;", "nfc"),
        ("하나\r\n둘\r셋\u2028넷\x85다섯\u2029여섯", "하나\n둘\n셋\n넷\n다섯\n여섯", "newlines"),
        ("하나\n\n\n\n둘", "하나\n\n둘", "spaces"),
        ("하나 \n \n \n둘", "하나\n\n둘", "spaces"),
        ("  안녕\t하세요\u3000\u3000여러분\u00a0\u2009! ", "안녕 하세요 여러분 !", "spaces"),
        ("안\x07녕\x1b\u200b\u200e\u202e\ufeff\u00ad\u2060", "안녕", "invisible"),
        ("나\u3164\u3164너\uffa0", "나 너", "fillers"),
        ("안\u200d녕", "안녕", "joiners"),
        ("e" + "\u0301" * 31, "é" + "\u0301" * 29, "marks"),
    ],
)
def test_a_step_tidies_what_it_is_for_and_is_counted(found: str, kept: str, step: str) -> None:
    counts: Counter[str] = Counter()
    assert clean_text(found, counts) == kept
    assert counts[step] == 1


@pytest.mark.parametrize(
    "text",
    ["ㅋㅋㅋ ㅏ", "① ㎏ ㈜ … ² ½ ™ ～！", "ＡＢＣ ｱ", "e = mc²", "안녕~ ^^ ㅠㅠ", "C:\\새 폴더", '"그래"', "ㆍ아래아"],
)
def test_nfc_is_not_nfkc_so_these_stay_as_typed(text: str) -> None:
    counts: Counter[str] = Counter()
    assert clean_text(text, counts) == text
    assert not counts


@pytest.mark.parametrize("emoji", ["👨‍👩‍👧", "🧑🏽‍🚀", "🏳️‍🌈", "❤️‍🔥", "🙂‍↔️", "👩‍⚕️", "🐻‍❄️"])
def test_a_joiner_inside_an_emoji_stays(emoji: str) -> None:
    assert clean(f"좋아 {emoji}!") == f"좋아 {emoji}!"


def test_a_joiner_at_the_edge_of_an_emoji_goes() -> None:
    assert clean("\u200d👨\u200d\u200d👩\u200d") == "👨👩"


def test_only_a_letter_that_stands_alone_is_mended() -> None:
    letters = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
    assert [clean(unicodedata.normalize("NFKC", letter)) for letter in letters] == list(letters)
    old = "\u1112\u119e\u11ab\u1100\u1173\u11af \u1140\u1161"  # ᄒᆞᆫ글 ᅀᅡ
    assert clean(old) == unicodedata.normalize("NFC", old)


def test_what_a_removed_character_kept_apart_is_composed() -> None:
    assert clean("\u1112\u200b\u1161\u200b\u11ab") == "한"


def test_what_holds_nothing_visible_becomes_empty() -> None:
    assert clean(" \u3164\u200b\r\n\t\ufeff") == ""


@pytest.mark.slow
def test_cleaning_twice_is_cleaning_once() -> None:
    pieces = [
        *("가", "한", "ㅋ", "a", "1", "!", " ", "  ", "\n", "\n\n\n", "\r\n", "\r", "\t", "\u3000", "\u2028", "\x85"),
        *("\u200b", "\u200d", "\ufe0f", "\u3164", "\ufffd", "\x00", "\x1c", "\v", "👨", "👩", "🏽", "❤", "\ufeff"),
        *("\u1112", "\u1161", "\u11ab", "e", "\u0301", "\u0323", "\u212b", "\u2000", "\u00ad", "\u115f"),
        *("\u0301" * 30, "\u0323" * 29, "\u0f73" * 16, "\u0344" * 30, "o\u0303\u0301", "\ufb2c", "\u034f"),
    ]
    generator = random.Random(0)
    for _ in range(20_000):
        text = "".join(generator.choices(pieces, k=generator.randint(0, 12)))
        once = clean(text)
        assert clean(once) == once, ascii(text)
        assert unicodedata.is_normalized("NFC", once)


def test_marks_of_real_letters_stay() -> None:
    for text in ("ngữ", "हिन्दी", "ไม่เป็นไร", "שָׁלוֹם", "བོད་ཡིག", "ཧཱུྃ", "한ᄀᆞ\u302e"):
        composed = unicodedata.normalize("NFC", text)
        assert clean(text) == clean(composed) == composed


@pytest.mark.slow
@pytest.mark.parametrize("marks", ["\u0301\u0323", "\u0f73", "\u0344", "\u0301\u200b\u0323"])
@pytest.mark.parametrize("before", ["가", *(pytest.param(text, marks=pytest.mark.slow) for text in ("", "e"))])
def test_a_megabyte_of_combining_marks_is_cleaned_in_time_linear_in_it(before: str, marks: str) -> None:
    """In order they would be put in minutes, during which Python hears no signal; so this is another process."""
    code = (
        "import sys; from collections import Counter; from tinychat.corpus.cleaning import clean_text\n"
        f"print(len(clean_text({before!a} + {marks!a} * (999_000 // {len(marks)}), Counter())))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    assert int(ended.stdout) <= 1 + 2 * 30


def test_more_characters_than_any_model_reads_are_refused_before_they_are_looked_at() -> None:
    text = "가" * MAX_CHARACTERS
    assert clean(text) == text
    with pytest.raises(InputError, match=r"^the message is 1,000,001 characters long; at most 1,000,000 can be read$"):
        clean(text + "\ud800")


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        clean("좋아 \ud83d")


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [" ", "\n ", "가 ", "ㅋ", "a", "👨\u200d"])
def test_a_message_of_200_000_characters_is_legal(chunk: str) -> None:
    text = chunk * (200_000 // len(chunk))
    assert clean(f"가{text}\x00가") == clean(f"가{text}가")


def test_more_than_one_lost_character_in_a_hundred_is_damage() -> None:
    assert is_damaged("안녕\ufffd")
    assert not is_damaged("가" * 99 + "\ufffd")
