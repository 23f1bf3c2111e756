"""A text that grows by tokens is shown in whole characters, and a stop text not at all."""

import random
from collections.abc import Sequence
from itertools import product

import pytest

pytest.importorskip("regex")

from tests.generation.characters import SPLITS, Split, is_whole
from tests.generation.hard_texts import TEXTS, VALID, byte_ids
from tinychat.generation.text import ReplyText, end_of_sentences, is_start_of_sentence
from tinychat.tokenizer import Tokenizer


@pytest.fixture(params=SPLITS)
def split(request: pytest.FixtureRequest) -> Split:
    return SPLITS[request.param]


def shown(
    tokenizer: Tokenizer, ids: Sequence[int], stop: Sequence[str] = (), *, cut: bool = False
) -> tuple[list[str], str]:
    """The pieces that are shown one after the other, and the text at the end."""
    growing = ReplyText(tokenizer.decode, stop)
    pieces = []
    for n in range(len(ids)):
        pieces.append(growing.grow_to(ids[: n + 1]))
        if growing.stopped:
            break
    pieces.append(growing.end(cut))
    return pieces, growing.text


@pytest.mark.parametrize("name", TEXTS)
def test_each_piece_is_whole_characters_of_the_whole_text(bpe: Tokenizer, split: Split, name: str) -> None:
    pieces, text = shown(bpe, byte_ids(bpe, TEXTS[name]))
    assert text == TEXTS[name].decode(errors="replace")
    assert is_whole(pieces, text, split)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.slow
def test_so_is_what_is_shown_of_a_reply_that_is_cut_anywhere(bpe: Tokenizer, split: Split, name: str) -> None:
    ids = byte_ids(bpe, TEXTS[name])
    for length in range(len(ids)):
        pieces, text = shown(bpe, ids[:length], cut=True)
        assert text == TEXTS[name][:length].decode(errors="replace").removesuffix("\ufffd")
        assert is_whole(pieces, text, split)


def test_spaces_at_the_beginning_of_a_reply_are_not_shown(bpe: Tokenizer) -> None:
    pieces, text = shown(bpe, byte_ids(bpe, "  선물 고마워요 ".encode()))
    assert text == "선물 고마워요 " == "".join(pieces)


@pytest.mark.parametrize("name", [name for name, text in VALID.items() if "\ufffd" not in text])
def test_a_text_is_shown_as_early_as_it_is_certain(bpe: Tokenizer, split: Split, name: str) -> None:
    """When a character has come whole and the next has begun, all before the next has been shown."""
    growing = ReplyText(bpe.decode)
    given, data = "", TEXTS[name]
    ids = byte_ids(bpe, data)
    for n in range(1, len(ids) + 1):
        given += growing.grow_to(ids[:n])
        characters = list(split(data[:n].decode(errors="ignore")))
        assert given == "".join(characters[:-1])


@pytest.mark.slow
def test_each_piece_is_whole_characters_of_any_bytes_at_all(bpe: Tokenizer, split: Split) -> None:
    rng = random.Random(0)
    likely = ("가🇰\u200d\ufffd\u0301\r\n" + "👧🏽").encode() + b"\xed\xa0\x80\xf0\xe2\xc0\xff"
    for _ in range(1500):
        data = bytes(rng.choices(likely, k=rng.randrange(30)) if rng.random() < 0.7 else rng.randbytes(20))
        pieces, text = shown(bpe, byte_ids(bpe, data))
        assert text == data.decode(errors="replace").removeprefix(" ")  # every text begins with one
        assert is_whole(pieces, text, split)


def test_each_piece_is_whole_characters_of_any_tokens_at_all(bpe: Tokenizer, split: Split) -> None:
    rng = random.Random(0)
    for _ in range(500):
        ids = rng.choices(range(4, bpe.size), k=rng.randrange(40))
        pieces, text = shown(bpe, ids)
        assert text == bpe.decode(ids)
        assert is_whole(pieces, text, split)


def test_words_come_whole_with_spaces_between_them(words: Tokenizer, split: Split) -> None:
    ids = words.encode("안녕 나 기분 좋아 고마워")
    pieces, text = shown(words, ids)
    assert text == "안녕 나 기분 좋아 고마워"
    assert is_whole(pieces, text, split)


def test_no_tokens_are_no_text(bpe: Tokenizer) -> None:
    assert shown(bpe, []) == ([""], "")


def halves(text: str) -> list[tuple[str, ...]]:
    """Every way to cut a short text into parts."""
    ways = product([False, True], repeat=len(text) - 1)
    return [
        tuple("".join(c + "\0" * cut for c, cut in zip(text, [*way, False], strict=True)).split("\0")) for way in ways
    ]


class Spelled:
    """A vocabulary of whatever parts a test needs."""

    def __init__(self, parts: Sequence[str]) -> None:
        self.parts = parts

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.parts[token] for token in ids)


# text, stop texts, what is left of it
STOPPED = [
    ("가나다라", ("다",), "가나"),
    ("가나다라", ("나다",), "가"),
    ("가나다라", ("가나다라",), ""),
    ("가나다라", ("라마",), "가나다라"),
    ("가나다라", ("마", "라"), "가나다"),
    ("가가나다", ("가나",), "가"),
    ("aabaab!", ("aabaab",), ""),
    ("aabaaab", ("aaab",), "aab"),
    ("xabcdy", ("bc", "abcde"), "xa"),
    ("xabcdy", ("cd", "bcd"), "xa"),
    ("xabcdy", ("abc", "bcd"), "x"),
    ("xabcdey", ("bcd", "abcde"), "xa"),  # the one that is whole first
    ("xabcdey", ("abcde", "cd", "bcd"), "xa"),
    ("a\n\nb", ("\n\n",), "a"),
    ("a\nb\n\n", ("\n\n",), "a\nb"),
]


@pytest.mark.parametrize(("text", "stop", "left"), STOPPED)
def test_a_text_ends_before_its_stop_text_however_its_tokens_fall(text: str, stop: tuple[str, ...], left: str) -> None:
    for parts in halves(text):
        pieces, final = shown(Spelled(parts), range(len(parts)), stop)  # type: ignore[arg-type]
        assert ("".join(pieces), final) == (left, left), parts


@pytest.mark.parametrize(("text", "stop", "left"), STOPPED)
def test_of_a_stop_text_that_may_still_come_nothing_is_shown(text: str, stop: tuple[str, ...], left: str) -> None:
    for parts in halves(text):
        growing = ReplyText(Spelled(parts).decode, stop)
        given = ""
        for n in range(len(parts)):
            given += growing.grow_to(range(n + 1))
            assert left.startswith(given)
            if growing.stopped:
                break
        assert growing.stopped == (left != text)


def test_what_only_looked_like_a_stop_text_is_shown_in_the_end() -> None:
    assert shown(Spelled("가나다"), range(3), ("다라",))[0] == ["", "가", "나", "다"]  # type: ignore[arg-type]


def test_a_stop_text_of_several_bytes_split_over_tokens_is_not_shown(bpe: Tokenizer) -> None:
    pieces, text = shown(bpe, byte_ids(bpe, f"안녕👧{TEXTS['two families'].decode()}".encode()), ("👨\u200d👩",))
    assert "".join(pieces) == text == "안녕👧"


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("네! 좋아요", 2),
        ("네! 좋아요.", 2),
        ("네!^^ 좋아요", 4),
        ("3.5킬로예요", 0),
        ("네", 0),
        ("네. 그래요. 응", 7),
        ("", 0),
    ],
)
def test_a_sentence_ends_with_a_mark_before_a_space(text: str, end: int) -> None:
    assert end_of_sentences(text) == end


@pytest.mark.parametrize(
    ("text", "begins"), [("", True), ("네!", True), ("네!^^ ", True), ("네", False), ("3.5", False)]
)
def test_what_follows_the_end_of_a_sentence_begins_one(text: str, begins: bool) -> None:
    assert is_start_of_sentence(text) == begins
