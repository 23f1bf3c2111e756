"""Each format, from files written in exactly that format: who claims them, and what is read."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.conftest import REPOSITORY
from tests.corpus.json_samples import DOCUMENTS
from tests.corpus.samples import samples
from tests.corpus.test_whatsapp import VARIANTS as WHATSAPP
from tests.corpus.text_samples import TEXTS
from tinychat.corpus.claiming import MIN_SCORE
from tinychat.corpus.raw_files import RawFile, UnclaimedError
from tinychat.corpus.reader import BinaryReader, FolderReader, find_readers
from tinychat.corpus.text_files import open_text_file
from tinychat.errors import InputError

# Of which docs/data.md tells before; the parts of AI Hub have one section.
OF_OTHER_SECTIONS = {"openai_chat", "qa_table", "kakaotalk", "whatsapp", "starter", "aihub_emotional", "aihub_table"}
NAMED_OTHERWISE = {"chat": "openai_chat", "qa": "qa_table"}
AS_TEXT: dict[str, Callable[[Any], str]] = {
    "indented": lambda data: json.dumps(data, ensure_ascii=False, indent=2),
    "on one line": lambda data: json.dumps(data, ensure_ascii=False),
    "in ASCII": lambda data: json.dumps(data),
    "with a BOM": lambda data: "\ufeff\n" + json.dumps(data, ensure_ascii=False, indent=1),
}


def reader_of(name: str) -> str:
    """The reader that a sample is for."""
    folder = name.partition("/")[0]
    return NAMED_OTHERWISE.get(folder.partition(".")[0], folder)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_read_whatever_it_is_called(project: Any, name: str) -> None:
    data, dialogues = DOCUMENTS[name]
    project.lay("talk.txt", AS_TEXT["indented"](data))
    assert project.ingest()["readers"].keys() == {reader_of(name)}
    assert project.texts() == dialogues


@pytest.mark.parametrize("name", ["sharegpt/from", "nikl/messenger", "chitchat/dataset"])
@pytest.mark.parametrize("written", AS_TEXT)
def test_so_it_is_however_it_is_written(project: Any, name: str, written: str) -> None:
    data, dialogues = DOCUMENTS[name]
    project.lay("talk.json", AS_TEXT[written](data))
    assert project.ingest()["readers"].keys() == {reader_of(name)}
    assert project.texts() == dialogues


@pytest.mark.parametrize("name", [name for name, (data, _) in DOCUMENTS.items() if isinstance(data, list)])
def test_so_is_an_object_a_line(project: Any, name: str) -> None:
    data, dialogues = DOCUMENTS[name]
    project.lay("talk.jsonl", "".join(json.dumps(one, ensure_ascii=False) + "\n\n" for one in data * 2))
    metrics = project.ingest()
    assert metrics["readers"].keys() == {reader_of(name)}
    assert project.texts() == dialogues
    assert metrics["rows_dropped"]["repeat"] == len(dialogues)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_read_whatever_it_is_called(project: Any, name: str) -> None:
    text, dialogues = TEXTS[name]
    project.lay("talk.csv", text.replace("\n", "\r\n"))
    assert project.ingest()["readers"].keys() == {reader_of(name)}
    assert project.texts() == dialogues


@pytest.mark.parametrize("page", ["docs/data.md", "docs/ko/data.md"])
def test_the_examples_of_the_guide_are_read_by_the_readers_that_it_names(project: Any, page: str) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    sections = re.findall(r"^### [^\n]*\(`(\w+)`[^\n]*\)\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert {name for name, _ in sections} >= find_readers().keys() - OF_OTHER_SECTIONS
    for name, section in sections:
        for example in re.findall(r"^```\w+\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
            project.lay("talk", example)
            assert project.ingest()["readers"].keys() == {name}
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^### .*", text, re.MULTILINE)))) <= find_readers().keys()


def changed(value: Any) -> Iterator[Any]:
    """Copies of a value of JSON with one part of it left out, or with another value in its place."""
    yield from (None, [], {}, 1, True, "글", ["글"], [[]], [{}], {"": 0})
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        copy: Any = value.copy()
        del copy[key]
        yield copy
        for other in changed(value[key]):
            copy = value.copy()
            copy[key] = other
            yield copy


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_record_with_any_other_part_is_a_dialogue_or_a_fault(project: Any, name: str) -> None:
    data, _ = DOCUMENTS[name]
    if isinstance(data, dict):
        data = next((value for value in data.values() if isinstance(value, list)), list(data.values()))
    records = [json.dumps(one, ensure_ascii=False) + "\n" for one in [*data, *changed(data[0])]]
    project.lay("talk.jsonl", "{}\n" + "".join(records))
    sources = [{"file": "talk.jsonl", "format": reader_of(name)}]
    try:
        metrics = project.ingest(on_error="skip", sources=sources)
        assert metrics["rows_read"] >= len(records)
    except InputError as error:
        assert "rows are faulty as" in str(error)  # most of them


def test_every_file_is_claimed_by_the_reader_of_its_format_and_by_no_other(tmp_path: Path, corpus_params: Any) -> None:
    files = samples(tmp_path) | {f"whatsapp/{name}.txt": text.encode() for name, text in WHATSAPP.items()}
    params = corpus_params()
    readers = {name: one for name, one in find_readers().items() if not isinstance(one, FolderReader)}
    claimed = {}
    for name, content in files.items():
        path = tmp_path / "talk"
        path.write_bytes(content)
        raw, head = RawFile.of(path), []
        with suppress(UnclaimedError):  # it is no text
            head = open_text_file(path).head()
        scores = {
            reader: one.score(raw, params) if isinstance(one, BinaryReader) else one.score(head, params) if head else 0
            for reader, one in readers.items()
        }
        claimed[name] = [reader for reader, score in scores.items() if score >= MIN_SCORE]
    assert claimed == {name: [reader_of(name)] for name in files}
    assert set(map(reader_of, files)) == readers.keys() - {"lines"}  # which only params.yaml can name
