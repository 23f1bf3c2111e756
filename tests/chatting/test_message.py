import io

import pytest

from tinychat.chatting.message import MAX_BYTES, cleaned, read_message
from tinychat.errors import InputError


def test_all_of_a_pipe_is_one_message() -> None:
    assert read_message(io.BytesIO("안녕\n잘 자\n".encode())) == "안녕\n잘 자\n"


def test_bytes_that_are_not_utf_8_are_refused_with_their_place() -> None:
    with pytest.raises(InputError, match="the message from the pipe is not UTF-8: byte 4 is 0xBE"):
        read_message(io.BytesIO("안".encode() + "안녕".encode("cp949")))


def test_a_pipe_that_never_ends_is_refused() -> None:
    with open("/dev/zero", "rb") as endless, pytest.raises(InputError, match="longer than 1,000,000 bytes"):
        read_message(endless)


def test_a_message_may_be_as_long_as_is_said() -> None:
    assert len(read_message(io.BytesIO(b"a" * MAX_BYTES))) == MAX_BYTES


def test_a_message_is_cleaned_as_the_training_dialogues_were() -> None:
    assert cleaned(" \u200b안녕\u00a0 \x07하세요\r\n") == "안녕 하세요"


def test_bytes_that_the_terminal_could_not_decode_are_refused() -> None:
    with pytest.raises(InputError, match="not characters"):
        cleaned(b"\xbe\xc8".decode("utf-8", "surrogateescape"))
