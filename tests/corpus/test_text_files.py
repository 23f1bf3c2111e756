import codecs
import tracemalloc
from pathlib import Path

import pytest

from tinychat.corpus.raw_files import UnclaimedError
from tinychat.corpus.text_files import CHUNK_BYTES, open_text_file
from tinychat.errors import InputError

PROSE = "오늘은 날씨가 참 좋아서 산책을 다녀왔어요. 뷁 햏 믜!\n"


def lay(folder: Path, content: bytes, name: str = "talk.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (PROSE.encode(), "UTF-8"),
        (codecs.BOM_UTF8 + PROSE.encode(), "UTF-8"),
        (codecs.BOM_UTF16_LE + PROSE.encode("utf-16-le"), "UTF-16-LE"),
        (codecs.BOM_UTF16_BE + PROSE.encode("utf-16-be"), "UTF-16-BE"),
        (PROSE.encode("utf-16-le"), "UTF-16-LE"),
        (PROSE.encode("utf-16-be"), "UTF-16-BE"),
        ("plain ASCII as UTF-16\n".encode("utf-16-le"), "UTF-16-LE"),
        (PROSE.encode("cp949"), "CP949 (EUC-KR)"),
    ],
)
def test_an_encoding_is_found_and_its_bom_left_out(tmp_path: Path, content: bytes, encoding: str) -> None:
    text = open_text_file(lay(tmp_path, content))
    assert text.encoding == encoding
    assert "".join(text.lines()) in (PROSE, "plain ASCII as UTF-16\n")


def test_utf_32_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"talk\.txt: encoded in UTF-32\. Save it as UTF-8"):
        open_text_file(lay(tmp_path, codecs.BOM_UTF32_LE + PROSE.encode("utf-32-le")))


def test_a_bad_byte_is_an_error_with_line_and_offsets_and_is_never_replaced(tmp_path: Path) -> None:
    good = "안녕\r\n반가워\r그래\n".encode()
    with pytest.raises(InputError) as error:
        open_text_file(lay(tmp_path, good + "끝".encode() + b"\xff" + "마지막\n".encode()))
    assert f"{tmp_path / 'talk.txt'}:4: neither UTF-8 (fails at byte {len(good) + 3}) nor CP949" in str(error.value)


def test_the_offset_of_a_bad_byte_is_right_beyond_the_first_piece(tmp_path: Path) -> None:
    good = ("가나다" * 99 + "\n").encode() * (CHUNK_BYTES // 800)
    assert len(good) > CHUNK_BYTES
    with pytest.raises(InputError, match=rf"UTF-8 \(fails at byte {len(good)}\)"):
        open_text_file(lay(tmp_path, good + b"\xff\xff"))


def test_a_cut_utf_16_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not UTF-16-LE at byte"):
        open_text_file(lay(tmp_path, codecs.BOM_UTF16_LE + PROSE.encode("utf-16-le")[:-1]))


def test_a_cp949_character_across_two_pieces_is_whole(tmp_path: Path) -> None:
    content = b"x" + "뷁".encode("cp949") * (CHUNK_BYTES // 2 + 10)
    text = open_text_file(lay(tmp_path, content))
    assert "".join(text.lines()) == "x" + "뷁" * (CHUNK_BYTES // 2 + 10)


def test_lines_end_at_crlf_lf_and_cr_only(tmp_path: Path) -> None:
    inside = "a\u2028b\x85c\vd\fe\x1cf"
    text = open_text_file(lay(tmp_path, f"{inside}\r\n둘\n셋\r넷".encode()))
    assert list(text.lines()) == [f"{inside}\r\n", "둘\n", "셋\r", "넷"]


def test_a_single_nul_is_left_out_and_counted(tmp_path: Path) -> None:
    text = open_text_file(lay(tmp_path, "안\0녕\n".encode()))
    assert (text.nul_count, list(text.lines())) == (1, ["안녕\n"])


def test_more_than_one_nul_in_a_thousand_characters_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="3 of 2500 characters are NUL: this looks like a binary or UTF-16 file"):
        open_text_file(lay(tmp_path, b"\0\0\0" + b"a" * 2497))
    assert open_text_file(lay(tmp_path, b"\0\0\0" + b"a" * 2998)).nul_count == 3


@pytest.mark.parametrize(
    ("name", "content", "advice"),
    [
        ("talk.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"Excel workbook.*save it as an Excel workbook \(\.xlsx\)"),
        ("talk.db", b"SQLite format 3\0", "SQLite database"),
        ("talk.7z", b"7z\xbc\xaf\x27\x1c", "7-Zip archive.*Unpack it"),
    ],
)
def test_a_format_that_is_not_text_is_refused_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, advice: str
) -> None:
    with pytest.raises(UnclaimedError, match=advice):
        open_text_file(lay(tmp_path, content, name))


def test_bytes_that_fit_no_encoding_are_a_damaged_text_only_where_the_beginning_is_text(tmp_path: Path) -> None:
    with pytest.raises(UnclaimedError, match="neither UTF-8"):
        open_text_file(lay(tmp_path, b"\xff\xfb\x90\x44" * 4000))
    with pytest.raises(InputError, match="neither UTF-8") as error:
        open_text_file(lay(tmp_path, PROSE.encode() * 100 + b"\xff\xfb\x90\x44"))
    assert not isinstance(error.value, UnclaimedError)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the file is empty"):
        open_text_file(lay(tmp_path, b""))


def test_the_head_is_made_of_whole_lines(tmp_path: Path) -> None:
    long = "가" * 200_000 + "\n"
    text = open_text_file(lay(tmp_path, (long + "둘\n").encode()))
    assert text.head() == [long]


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    path = lay(tmp_path, (("가나다라마바사아 " * 40 + "\n").encode() * 20_000))
    size = path.stat().st_size
    tracemalloc.start()
    characters = sum(map(len, open_text_file(path).lines()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert characters == 20_000 * 361
    assert peak < size / 2
