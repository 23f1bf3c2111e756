"""Corpora of ChatterBot: what YAML takes for something else than text, and what is no YAML."""

from typing import Any

import pytest

from tinychat.errors import InputError

GOOD = "- - 안녕\n  - 응\n"


def read(project: Any, conversations: str, head: str = "categories:\n- AI\nconversations:\n", **corpus: Any) -> None:
    project.lay("talk.yml", head + conversations)
    project.ingest(**corpus)


def test_questions_that_repeat_with_other_answers_stay(project: Any) -> None:
    read(project, "- - 안녕\n  - 응\n- - 안녕\n  - 반가워\n")
    assert project.texts() == [["안녕", "응"], ["안녕", "반가워"]]


@pytest.mark.parametrize(
    "text",
    [
        "- [안녕, 응]\n",
        "- - '안녕'\n  - \"응\"\n",
        "- - >-\n    안녕\n  - |\n    응\n",
        "# 인사\n- - !!str 안녕\n  - 응\n",
    ],
)
def test_any_way_to_write_a_list_of_texts_is_read(project: Any, text: str) -> None:
    read(project, text)
    assert project.texts() == [["안녕", "응"]]
    read(project, f"  {GOOD.replace('  -', '    -')}", head="---\nconversations:  # 대화\n")
    assert project.texts() == [["안녕", "응"]]


FAULTS = [
    (f"{GOOD}- - 커피?\n  - no\n", ':7: conversations[1][1] is "no", not text. Put it in quotes.'),
    (f"{GOOD}- - 1\n  - 응\n", ':6: conversations[1][0] is "1", not text.'),
    (f"{GOOD}- 안녕\n", ":6: conversations[1] is no list of texts. Write each text behind a dash of its own."),
    (f"{GOOD}- 안녕: 응\n", ":6: conversations[1] is no list of texts."),
    (f"{GOOD}- - [안녕]\n  - 응\n", ":6: conversations[1][0] is a list or a mapping, not text."),
    (f"{GOOD}- - &a 안녕\n  - *a\n", ":7: conversations[1][1] is a list or a mapping, not text."),
    (f"{GOOD}- - '안녕\n", ":7: not valid YAML: found unexpected end of stream"),
    (f"{GOOD}- - " + "[" * 10_000, ": brackets are nested too deep for dialogues"),
    (" 안녕\n", ":4: conversations is no list. Expected a list of lists of texts."),
]


@pytest.mark.parametrize(("conversations", "message"), FAULTS, ids=[message[:40] for _, message in FAULTS])
def test_a_fault_is_named_with_its_line_and_index(project: Any, conversations: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read(project, conversations)
    assert str(error.value).startswith(f"{project.raw / 'talk.yml'}{message}")


def test_under_skip_a_faulty_conversation_is_left_out_and_counted(project: Any) -> None:
    read(project, f"- - 커피?\n  - no\n{GOOD}- 안녕\n- - 혼자\n", on_error="skip")
    assert project.texts() == [["안녕", "응"]]


def test_both_lists_of_a_key_that_is_written_twice_are_read(project: Any) -> None:
    read(project, f"{GOOD}conversations:\n- - 자?\n  - 아니\n")
    assert project.texts() == [["안녕", "응"], ["자?", "아니"]]


def test_yaml_without_conversations_is_an_error(project: Any) -> None:
    project.lay("talk.yml", "categories:\n- AI\n")
    with pytest.raises(InputError, match=r"talk.yml: no key conversations in it"):
        project.ingest()
