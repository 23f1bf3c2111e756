"""Bytes as the page carries them: Python writes them, and the page reads the same."""

import random
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.page.base85 import from_base85
from tests.page.conftest import Open
from tests.page.node import run_in_node
from tinychat.page.base85 import ALPHABET, to_base85

LARGE = 3 * 4 * 8192 + 7  # bytes: more than the page decodes at once
ODD_LENGTHS = [*range(12), 4 * 8192 - 1, 4 * 8192, 4 * 8192 + 1, LARGE]


def samples() -> list[bytes]:
    """Bytes of all lengths modulo 4, all bytes, and the extremes of a number."""
    draw = random.Random(0)
    return [
        *(draw.randbytes(length) for length in ODD_LENGTHS),
        *(bytes([value]) * length for value in (0, 255) for length in range(9)),
        bytes(range(256)),
        *(bytes([value]) for value in range(256)),
    ]


def in_page(*texts: str) -> list[Any]:
    found: list[Any] = run_in_node("decoded.mjs", texts)
    return found


def test_four_bytes_are_five_characters_and_fewer_one_more_than_they_are() -> None:
    assert [len(to_base85(bytes(length))) for length in range(9)] == [0, 2, 3, 4, 5, 7, 8, 9, 10]


def test_the_text_gives_the_bytes_again() -> None:
    assert [from_base85(to_base85(each)) for each in samples()] == samples()


def test_the_page_reads_the_bytes_that_python_wrote() -> None:
    assert [bytes(each) for each in in_page(*map(to_base85, samples()))] == samples()


def test_its_characters_mean_nothing_to_html() -> None:
    assert len(set(ALPHABET)) == 85 and ALPHABET.isascii() and ALPHABET.isprintable()
    assert not set(ALPHABET) & set("<>&\"'`\\$- ")
    read: list[str] = []
    parser = HTMLParser()
    parser.handle_data = read.append  # type: ignore[method-assign]
    parser.feed(f"<template>{ALPHABET}</template>")
    assert read == [ALPHABET]


@pytest.mark.slow
@pytest.mark.parametrize("at", [0, 6, 5 * 8192 - 1, 5 * 8192 + 3])
@pytest.mark.parametrize("wrong", ["<", " ", "\x00", "é", "가", "😀"])
def test_a_wrong_character_is_named_with_its_place(wrong: str, at: int) -> None:
    text = to_base85(bytes(LARGE))
    (found,) = in_page(text[:at] + wrong + text[at + 1 :])
    assert found["place"] == at + 1
    assert f"character {at + 1} of " in found["error"] and "is no data of a page" in found["error"]


def test_characters_that_are_no_number_of_that_many_bytes_are_wrong() -> None:
    highest = to_base85(b"\xff" * 4)
    above = ALPHABET[ALPHABET.index(highest[0]) + 1] + highest[1:]
    too_high = [ALPHABET[-1] * 5, above, *(ALPHABET[-1] * length for length in (2, 3, 4))]
    assert [found["place"] for found in in_page(*too_high)] == [5, 5, 2, 3, 4]
    assert [found["place"] for found in in_page(to_base85(bytes(4)) + "!", "!")] == [6, 1]


@pytest.mark.slow
def test_a_damaged_page_says_where_it_is_damaged(open_page: Open, page_file: Path, tmp_path: Path) -> None:
    begin, end = page_file.read_text(encoding="utf-8").split('<template id="weights">')
    file = tmp_path / "tinychat.html"
    file.write_text(f'{begin}<template id="weights">{end[:7000]}"{end[7001:]}', encoding="utf-8")
    page = open_page(file, talks=False)
    said = page.page.locator(".failure").inner_text()
    assert "파일이 손상되었습니다" in said and '7001번째 자리에 올 수 없는 글자가 있습니다: ‘"’' in said
    assert "character 7001 of" in page.complaints.pop() and page.complaints == []
