"""Every error has a Korean text: each template that is raised has a Korean one with the same values.

What is raised is read from the code: the templates are the first arguments of the calls that make an error, or a part
of one.
"""

import ast
import string
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tinychat import files
from tinychat.cli import CLICK_MESSAGES
from tinychat.corpus import json_records, json_streams, known_formats
from tinychat.corpus.readers import qa_table
from tinychat.language.korean import ERRORS
from tinychat.params import loading

# What makes an error or a part of one: which argument is the template.
MAKERS = {
    "InputError": 0,
    "UnclaimedError": 1,
    "FaultError": 0,
    "Phrase": 0,
    "NotCompiled": 0,
    "RecordError": 1,
    "naming_lack_of_memory": 0,
}
# Calls whose template is no constant: where it comes from. None: it is passed on, and stands in another call.
FROM_TABLES: dict[str, Iterable[str] | None] = {
    "Phrase(template, **values)": None,
    "InputError(template, **values)": None,
    "Phrase(separator.join((f'{{{name}}}' for name in names)), **dict(zip(names, phrases, strict=True)))": (),
    "InputError(template, path=path)": [template for _, template in files.NOT_A_FILE],
    "InputError(template, **found.groupdict(), command=command)": CLICK_MESSAGES.values(),
    "InputError(wrong, text=text)": [
        "/seed takes a whole number from 0 on, found {text!r}",
        "/temperature takes a number, 0 for greedy, found {text!r}",
    ],
    "Phrase(what)": [
        *(what for _, _, what, _ in [*known_formats.MAGIC, *known_formats.CONTAINED]),
        *(what for what, *_ in known_formats.JSON_KEYS),
        *(what for what, *_ in [*known_formats.FIRST_LINES, *known_formats.RECORDS]),
    ],
    "Phrase(advice)": [advice for _, _, _, advice in [*known_formats.MAGIC, *known_formats.CONTAINED]],
    "Phrase(CONVERT)": [known_formats.CONVERT],
    "Phrase(KINDS.get(type(value), 'a number'))": [*json_records.KINDS.values(), "a number"],
    "Phrase(hint)": [hint for _, hint in json_streams.HINTS],
    "Phrase(ADVICE.get(what, CONVERT))": [*known_formats.ADVICE.values(), known_formats.CONVERT],
    "Phrase(DELIMITER_NAMES[delimiter])": qa_table.DELIMITER_NAMES.values(),
    "Phrase(DELIMITER_NAMES[begun.delimiter])": qa_table.DELIMITER_NAMES.values(),
    "Phrase(EXPECTED[kind], bound=message.rpartition(' ')[2])": loading.EXPECTED.values(),
    "Phrase(reason)": None,  # `reasons` finds them
}
REASONS = {"UnclaimedError": 0, "Faulty": 1, "Dropped": 1, "RecordError": 0}


def calls(source: str) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def constants(node: ast.expr) -> list[str] | None:
    """The text of an expression, or the two of a choice; None where it is no constant."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=ast.Constant(value=str(text)), orelse=ast.Constant(value=str(other))):
            return [text, other]
    return None


def templates(source: str) -> Iterator[str]:
    """The English templates that a file makes errors of. What is no template comes as its code, which no language has,
    such as an f-string.
    """
    for name, call in calls(source):
        if name in MAKERS:
            found = constants(call.args[MAKERS[name]])
            if found is None:
                code = ast.unparse(call)
                found = list(FROM_TABLES.get(code, [code]) or ())
            yield from found


def reasons(source: str) -> Iterator[str]:
    """The fixed words for why a row does not enter the corpus."""
    for name, call in calls(source):
        if name in REASONS and len(call.args) > REASONS[name]:
            yield from constants(call.args[REASONS[name]]) or ()


@pytest.fixture(scope="module")
def sources(repo: Path) -> dict[str, str]:
    """The code that errors come from, by its path."""
    found = [path for folder in ("tinychat", "stages", "tools") for path in sorted((repo / folder).rglob("*.py"))]
    return {path.relative_to(repo).as_posix(): path.read_text(encoding="utf-8") for path in found}


def places(text: str) -> set[str]:
    """The names of the values that stand in a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def letters(text: str) -> str:
    """What of a template is words."""
    return "".join(part for part, *_ in string.Formatter().parse(text)).strip(" :;()\n")


def test_every_error_has_a_korean_text(sources: dict[str, str]) -> None:
    raised = {path: {*templates(source), *reasons(source)} for path, source in sources.items()}
    assert sum(map(len, raised.values())) > 250
    lacking = {path: found - ERRORS.keys() for path, found in raised.items()}
    assert {path: found for path, found in lacking.items() if found} == {}


def test_an_f_string_is_no_template() -> None:
    assert list(templates("InputError(f'{path}: no such file')")) == ["InputError(f'{path}: no such file')"]
    assert list(templates("Phrase('a ' 'b')")) == ["a b"]
    assert list(templates("Phrase('a' if b else 'c')")) == ["a", "c"]


def test_no_fault_that_a_person_reads_of_is_raised_without_a_template(sources: dict[str, str]) -> None:
    """FaultError describes the content of a file; any other ValueError is for a caller's mistake."""
    read = [
        path
        for path in sources
        if path.startswith(("tinychat/params/", "tinychat/corpus/", "tinychat/report/", "tinychat/batches/"))
    ]
    read += ["tinychat/page/building.py", "tinychat/page/formats.py", "tinychat/page/learning.py"]
    read += ["tinychat/files.py", "tinychat/schemas.py", "tinychat/training/snapshots.py", "stages/export_csv.py"]
    assert [path for path in read for name, _ in calls(sources[path]) if name == "ValueError"] == []


def test_the_korean_text_of_an_error_has_the_same_values() -> None:
    for template, text in ERRORS.items():
        assert places(text) == places(template)


def test_the_korean_text_of_an_error_is_korean_and_the_template_is_not() -> None:
    for template, text in ERRORS.items():
        assert any("가" <= char <= "힣" for char in text) or not letters(template)
        assert not any("가" <= char <= "힣" for char in template.replace("{{NAME:은/는}}", ""))


def test_every_korean_text_of_an_error_is_of_one_that_is_raised(sources: dict[str, str]) -> None:
    written = {
        node.value
        for path, source in sources.items()
        if path != "tinychat/language/korean.py"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert ERRORS.keys() - written == set()
