"""Values of JSON documents, read as a stream."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from tinychat.corpus import text_files
from tinychat.corpus.json_documents import json_values, messenger_of
from tinychat.corpus.text_files import open_text_file
from tinychat.errors import InputError

WANTED = ("name", "chats.list[].name", "chats.list[].messages[]")


def values(folder: Path, text: str, *wanted: str) -> list[tuple[str, str, Any]]:
    path = folder / "result.json"
    path.write_text(text, encoding="utf-8", newline="")
    return list(json_values(open_text_file(path), wanted or WANTED))


def test_values_come_with_their_places_in_the_order_of_the_document(tmp_path: Path) -> None:
    data = {
        "name": "가",
        "other": {"name": [1, {"a": 2}]},
        "chats": {"about": [], "list": [{"name": "나", "messages": [{"a": [1.5, None]}, "b"]}, {"messages": []}, 3]},
    }
    assert values(tmp_path, json.dumps(data)) == [
        ("name", "name", "가"),
        ("chats.list[].name", "chats.list[0].name", "나"),
        ("chats.list[].messages[]", "chats.list[0].messages[0]", {"a": [1.5, None]}),
        ("chats.list[].messages[]", "chats.list[0].messages[1]", "b"),
    ]
    assert values(tmp_path, '[1, {"a": 2}]', "[]") == [("[]", "[0]", 1), ("[]", "[1]", {"a": 2})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"name": "가",\n"chats": {]}', ':2: not valid JSON at column 11: "]}".'),
        ('{"name": "가",\n\n"chats": {"list": [', ":3: the JSON ends before its brackets are closed"),
        ('{"name": NaN}', ":1: not valid JSON at column 10"),
        ('{"other": ' + "[" * 100_000, ": brackets are nested too deep for dialogues"),
        ('{"name": ' + '{"a":' * 100_000, ": brackets are nested too deep for dialogues"),
        ('{"name": ' + "9" * 10_000 + "}", ": a number in it is too long"),
    ],
)
def test_what_is_no_json_is_an_error_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        values(tmp_path, text)
    assert f"result.json{message}" in str(error.value)


def test_half_a_surrogate_pair_is_told_in_place_of_the_value_that_holds_it(tmp_path: Path) -> None:
    text = r'{"name": "\ud83d", "chats": {"list": [{"name": "\ud83d\ude04", "messages": [{"a": ["\ude04"]}, 1]}]}}'
    found = values(tmp_path, text)
    assert [value for _, _, value in found[1::2]] == ["😄", 1]
    assert [str(value) for _, _, value in found[::2]] == [
        f"{place}: half a surrogate pair (such as \\ud83d alone), which is not a character."
        for place in ("name", "chats.list[0].messages[0]")
    ]


def test_pairs_and_what_looks_like_half_of_one_are_read_wherever_the_text_is_divided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "PIECE_CHARACTERS", 1 << 12)
    for filler in range(24):
        text = "a" * ((1 << 12) - len('{"name": "') - 24 + filler) + "😄\\ud83d"  # 19 characters as JSON
        assert values(tmp_path, json.dumps({"name": text}))[0][2] == text


@pytest.mark.slow
def test_the_memory_does_not_grow_with_the_document(tmp_path: Path) -> None:
    message = json.dumps({"text": "가" * 100})
    path = tmp_path / "result.json"
    path.write_text('{"chats": {"list": [{"messages": [' + ",".join([message] * 50_000) + "]}]}}", encoding="utf-8")
    text = open_text_file(path)
    tracemalloc.start()
    try:
        assert sum(1 for _ in json_values(text, WANTED)) == 50_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12_000_000 < path.stat().st_size


@pytest.mark.parametrize(
    "line",
    [
        '{"messages": [{"role": "user", "content": "{\\"from_id\\": 1}"}]}',
        '[{"type": "text", "text": "안녕"}]',
        '{"guild": "방"}',
        "type,ts,text",
    ],
)
def test_other_texts_are_of_no_messenger(line: str) -> None:
    assert messenger_of([line]) is None
