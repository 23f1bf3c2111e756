"""JSON documents as a stream: what is refused, and where."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinychat.corpus.json_streams import Document, parts_of
from tinychat.corpus.text_files import open_text_file
from tinychat.errors import InputError

NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
ESCAPES = st.lists(
    st.sampled_from(["\\ud83d\\ude00", "\\ud83d", "\\ude00", "\\\\", "\\\\ud83d", "a", "\\n", "가", "\\u0041"])
)


def values(document: str, *lists: str, size: int = 7) -> list[tuple[str, Any, str]]:
    """Place, value and fault of each record, of a document in small pieces."""
    pieces = (document[start : start + size] for start in range(0, len(document), size))
    return [
        (part.place, part.value, str(part.fault.message) if part.fault else "")
        for part in Document(lists).parts(pieces)
    ]


@pytest.mark.slow
@given(VALUES, st.booleans())
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_values_are_those_of_json(value: Any, ascii_only: bool) -> None:
    document = json.dumps([value], ensure_ascii=ascii_only)
    assert values(document) == [("[0]", json.loads(document)[0], "")]


@pytest.mark.slow
@given(ESCAPES, st.integers(1, 9))
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_half_a_surrogate_pair_stays_one_wherever_the_pieces_end(texts: list[str], size: int) -> None:
    document = f'["{"".join(texts)}"]'
    [(_, value, _)] = values(document, size=size)
    assert [is_half(c) or c for c in value] == [is_half(c) or c for c in json.loads(document)[0]]


def is_half(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ('[{"a": 1}, 2, "b"]', [("[0]", {"a": 1}), ("[1]", 2), ("[2]", "b")]),
        ('{"a": [1, {"b": []}]}', [("", {"a": [1, {"b": []}]})]),
        ('{"n": 1, "data": [{"a": 1}, 2], "m": {}}', [("data[0]", {"a": 1}), ("data[1]", 2)]),
        ('{"data": {"a": 1}}', [("", {"data": {"a": 1}})]),
        ('{"data": []}', []),
        ('{"x": {"data": [1]}}', [("", {"x": {"data": [1]}})]),
        ('{"a": 1}\n{"a": 2}', [("", {"a": 1}), ("[1]", {"a": 2})]),
        ("[]", []),
    ],
)
def test_records_are_the_items_of_the_array_or_of_a_named_list_or_the_whole(
    document: str, expected: list[tuple[str, Any]]
) -> None:
    assert values(document, "data") == [(*one, "") for one in expected]


@pytest.mark.slow
@given(VALUES, st.integers(0, 200))
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_the_beginning_of_a_document_is_what_it_begins_with(value: Any, end: int) -> None:
    document = json.dumps([value, {"last": 1}])
    found, is_cut = Document().beginning([document[:end]])
    assert is_cut == (end < len(document))
    if not is_cut:
        assert found == [json.loads(document)]
    assert all(isinstance(one, list) for one in found)


def test_with_values_the_records_are_what_an_object_holds() -> None:
    document = '{"a": {"n": 1}, "b": [2], "c": 3}'
    parts = list(Document(values=True).parts([document]))
    assert [(part.place, part.value) for part in parts] == [("[0]", {"n": 1}), ("[1]", [2]), ("[2]", 3)]
    assert Document(values=True).records(json.loads(document)) == [part.value for part in parts]


def test_a_duplicate_key_is_the_fault_of_its_record_alone() -> None:
    found = values('[{"a": 1, "a": 2}, {"b": [{"c": 1, "c": 2}]}, {"d": 1}]')
    twice = "the key {} occurs twice in one object."
    assert [fault for _, _, fault in found] == [twice.format('"a"'), twice.format('"c"'), ""]
    assert values('{"a": 1, "a": 2}')[0][2] == twice.format('"a"')


FAULTS = [
    ('[{"a": 1},\n {"a": NaN}]', ':2: not valid JSON at column 8: "NaN}]".'),
    ('[{"a": 1}\n{"b": 2}]', ':2: not valid JSON at column 1: "{"b": 2}]". A comma or a bracket is missing'),
    ('[{"a": 1},]', ':1: not valid JSON at column 11: "]". A comma or a bracket too many'),
    ('{"a": 1,}', ':1: not valid JSON at column 9: "}". A comma too many is before it, or it is a key without'),
    ("{a: 1}", ':1: not valid JSON at column 2: "a: 1}".'),
    ("[1]]", ':1: not valid JSON at column 4: "]". A comma or a bracket too many'),
    ('["a\r\nb"]', ':1: not valid JSON at column 4: "'),
    ('\r\n\r["a", x]', ':3: not valid JSON at column 7: "x]".'),
    ('[{"a": "b', ":1: the JSON ends before its brackets are closed; the file may be cut"),
    ('[\n{"a": "b"},\n', ":3: the JSON ends before its brackets are closed; the file may be cut"),
    ("[" * 100_000, ": brackets are nested too deep for dialogues"),
    ('{"a":' * 10_000, ": brackets are nested too deep for dialogues"),
    (f"[{'9' * 5000}]", ": a number in it is too long"),
    (f"[1e{'9' * 20}]", ": a number in it is too long"),
    ("[" + '"가나다", ' * 30_000 + "x]", ':1: not valid JSON at column 210002: "x]".'),
]


@pytest.mark.parametrize(("document", "message"), FAULTS, ids=[message[:40] for _, message in FAULTS])
def test_a_fault_is_named_with_its_line_and_column(tmp_path: Path, document: str, message: str) -> None:
    path = tmp_path / "talk.json"
    path.write_bytes(document.encode())
    with pytest.raises(InputError) as error:
        list(parts_of(open_text_file(path), Document()))
    assert str(error.value).startswith(f"{path}{message}")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp949"])
def test_a_document_may_have_any_encoding_of_a_text(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "talk.json"
    path.write_bytes('["안녕", "뷁"]'.encode(encoding))
    assert [part.value for part in parts_of(open_text_file(path), Document())] == ["안녕", "뷁"]


@pytest.mark.slow
def test_a_document_on_one_line_needs_no_memory_for_the_whole(tmp_path: Path) -> None:
    record = '{"utterance": [{"speaker_id": "1", "form": "안녕"}, {"speaker_id": "2", "form": "%s"}]}'
    path = tmp_path / "nikl.json"
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"id": "MDRW", "document": [')
        file.writelines(f"{',' * bool(number)}{record % ('그래 ' * 300)}" for number in range(20_000))
        file.write("]}")
    tracemalloc.start()
    text = open_text_file(path)
    assert len(text.head()) == 1
    assert sum(1 for _ in parts_of(text, Document(["document"]))) == 20_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 << 20 < path.stat().st_size
