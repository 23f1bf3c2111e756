"""A line that is edited."""

import unicodedata

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document

from tinychat.chatting.editing import compose
from tinychat.corpus.cleaning import MAX_MARKS


def test_decomposed_syllables_are_joined_and_the_cursor_stays_behind_the_same_one() -> None:
    decomposed = unicodedata.normalize("NFD", "안녕하세요")
    buffer = Buffer(document=Document(decomposed, len(unicodedata.normalize("NFD", "안녕"))))
    compose(buffer)
    assert buffer.text == "안녕하세요"
    assert buffer.document.text_before_cursor == "안녕"


def test_a_pasted_megabyte_of_combining_marks_is_cut_before_it_is_joined() -> None:
    """NFC takes minutes for such a run: its time is quadratic."""
    buffer = Buffer(document=Document("가" + "\u0301\u0316" * 500_000))
    compose(buffer)
    assert len(buffer.text) == 1 + MAX_MARKS
