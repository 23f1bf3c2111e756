"""Patterns of `re` as JavaScript has them: both match the same."""

import re
import sys
import unicodedata
from pathlib import Path

import pytest

from tests.page.node import run_in_node
from tests.safety.phrases import starter_texts
from tinychat.page.regexp import regexp, template
from tinychat.tokenizer import told_names
from tinychat.tokenizer.called_names import CALLED, CLAUSE_ENDS, SPEAKER, SUBJECT

PATTERNS = {
    r"\w+": ["가나다 abc_1 ², ½ Ⅷ", "e\u0301 \U00010400 \ud800 -"],
    r"\W": ["가-나_ \u200b\U0001f600"],
    r"\d{2,}": ["1 12 ٣٤ ²³ 123"],
    r"\D+\b": ["1a2b 가3"],
    r"a\s*b": ["a b", "a\x1cb", "a\x85b", "a\u3000\u2028b", "a\ufeffb", "a\u180eb"],
    r"\S+": ["a\x1fb \ufeff c\u00a0d"],
    r"[^\S\n]+": ["a \t\n \x85b"],
    r"[\W_x]+": ["a_x-가 x"],
    r"[^\W\d_]+": ["ab1_가 2나-"],
    r"[^\w\s?]|_": ["a?b!c_d e\u00ad"],
    r"\bkms\b|\bsuicid": ["kms", "akms kms가", "가kms suicidal", "_kms kms_ 1suicid"],
    r"a.c": ["abc", "a\nc", "a\rc a\u2028c", "a\U0001f600c"],
    "끝$": ["끝", "끝\n", "끝\n\n", "끝이"],
    r"^왜\??$": ["왜", "왜?", "왜?\n", "왜 "],
    r"(?P<first>가+)-\1": ["가가-가 가-가가 나-나"],
    r"([^\d\s])\1{2,}": ["싶어어어 sooo 111 ㅋㅋㅋㅋ"],
    r"(?<!나 )(?<=가)나(?!다)(?=라|$)": ["가나라 가나다 가나 나 가나"],
    r"[가-힣]{2,3}?[-.\]^a-c]*": ["가나다-.]^abc", "가나."],
    r"[]x-]+|\{\}|\ ": ["]x- {} "],
    "a|b*?c+?|[\t\u200b-\u200f]": ["abbcc\t\u200d"],
}


def test_both_match_the_same() -> None:
    found = run_in_node("matches.mjs", [[regexp(pattern), texts] for pattern, texts in PATTERNS.items()])
    for (pattern, texts), matches in zip(PATTERNS.items(), found, strict=True):
        wanted = [[[match.start(), match[0]] for match in re.finditer(pattern, text)] for text in texts]
        assert matches == wanted, pattern
        assert any(wanted), pattern


@pytest.mark.slow
def test_each_character_that_both_know_is_of_the_same_kind() -> None:
    patterns = [r"\w+", r"\d+", r"\s+"]
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    text = "".join(characters)
    found = run_in_node("matches.mjs", [[pattern, [text]] for pattern in [r"\p{Cn}+", *map(regexp, patterns)]])
    unknown, *kinds = [set("".join(run for _, run in runs)) for (runs,) in found]
    known = {character for character in characters if unicodedata.category(character) != "Cn"} - unknown
    assert len(known) > 140_000
    for pattern, kind in zip(patterns, kinds, strict=True):
        assert kind & known == set("".join(re.findall(pattern, text))) & known, pattern


@pytest.mark.slow
def test_the_patterns_of_names_match_the_same(repo: Path) -> None:
    names = [*told_names.TELLS, *told_names.CORRECTS, *told_names.MAY_TELL, told_names.ASKS.pattern]
    names += [CALLED.pattern, CLAUSE_ENDS.pattern, SUBJECT.pattern, SPEAKER.pattern]
    texts = [
        text
        for text in starter_texts(repo / "data/starter")
        if any(word in text for word in ("이름", "나는", "저는", "님"))
    ]
    found = run_in_node("matches.mjs", [[regexp(pattern), texts] for pattern in names])
    for pattern, matches in zip(names, found, strict=True):
        wanted = [[[match.start(), match[0]] for match in re.finditer(pattern, text)] for text in texts]
        assert matches == wanted, pattern


UNKNOWN = ["(?i)a", "a*+", "a{2}+", "a{,2}", "(?>a)", "(?P<a>b)(?P=a)", "(a)(?(1)b)", "(?#a)", "]"]
UNKNOWN += [r"\x41", r"\u200b", r"a\Z", r"\B", r"[\b]"]


@pytest.mark.parametrize("pattern", UNKNOWN)
def test_what_it_does_not_know_is_refused(pattern: str) -> None:
    re.compile(pattern)
    with pytest.raises(ValueError, match="translation"):
        regexp(pattern)


def test_a_replacement_names_groups_in_javascripts_way() -> None:
    assert template(r"\1\2싶") == "$1$2싶"
    assert template("$1?\n") == "$$1?\n"
    with pytest.raises(ValueError, match="no translation"):
        template(r"\g<name>")
