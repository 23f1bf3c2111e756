"""The table of tokens that break a character, against trying each of them."""

import codecs
import random

import pytest

from tinychat.tokenizer.utf8 import ENDINGS, Utf8

CONTROL = b""  # <eos> and the like say nothing
EDGES = bytes(
    [0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEE, 0xF0, 0xF4, 0xF5]
)


def tokens() -> list[bytes]:
    """All single bytes, parts of texts, and bytes at the borders of what UTF-8 allows."""
    rng = random.Random(0)
    found = [CONTROL, *(bytes([byte]) for byte in range(256))]
    for _ in range(2000):
        text = "".join(rng.choices("가힣é€😀a\u0800\ud7ff\uffff\U00010000\U0010ffff", k=3)).encode()
        begin = rng.randrange(len(text))
        found.append(text[begin : begin + rng.randint(1, 6)])
        found.append(bytes(rng.choices(EDGES, k=rng.randint(1, 5))))
    return found


def begins_well(data: bytes) -> bool:
    for ending in ENDINGS:
        try:
            (data + ending).decode()
        except UnicodeDecodeError:
            continue
        return True
    return False


BEGUN = sorted(
    bytes([first, *rest])
    for first in (0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xF0, 0xF1, 0xF4)
    for rest in (b"", b"\x80", b"\x8f", b"\x90", b"\x9f", b"\xa0", b"\xbf", b"\x80\x80", b"\x90\x80", b"\xa0\xbf")
    if begins_well(bytes([first, *rest]))
    and codecs.getincrementaldecoder("utf-8")().decode(bytes([first, *rest])) == ""
)


@pytest.mark.slow
@pytest.mark.parametrize("pending", [b"", *BEGUN], ids=lambda pending: pending.hex() or "nothing")
def test_a_token_breaks_a_character_where_the_bytes_together_begin_none(pending: bytes) -> None:
    said = tokens()
    breaking = Utf8(said).breaking(pending)
    for token, breaks in zip(said, breaking, strict=True):
        assert breaks == (bool(pending and not token) or not begins_well(pending + token)), (pending, token)


def test_enough_beginnings_of_characters_are_tried() -> None:
    assert len(BEGUN) > 30
