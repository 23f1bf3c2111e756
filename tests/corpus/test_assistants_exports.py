"""The exports of ChatGPT and Claude: which of their messages a person wrote or read."""

import copy
import json
from typing import Any

import pytest

from tests.corpus.json_samples import CHATGPT, CLAUDE, message, node
from tinychat.errors import InputError


def chatgpt(*nodes: tuple[str, Any], **others: Any) -> list[dict[str, Any]]:
    """An export with one conversation, a branch without current_node."""
    return [{"title": "", "mapping": dict(nodes), "conversation_id": "c-1", **others}]


def branch(*messages: dict[str, Any] | None) -> list[tuple[str, Any]]:
    """Nodes, one below the other."""
    names = [f"n{number}" for number in range(len(messages))]
    return [
        node(name, names[number - 1] if number else None, one, *names[number + 1 : number + 2])
        for number, (name, one) in enumerate(zip(names, messages, strict=True))
    ]


def read(project: Any, data: Any, **corpus: Any) -> dict[str, Any]:
    project.lay("conversations.json", json.dumps(data))
    metrics: dict[str, Any] = project.ingest(**corpus)
    return metrics


def test_messages_that_are_no_part_of_the_talk_are_left_out_and_counted(project: Any) -> None:
    hidden = {"metadata": {"is_visually_hidden_from_conversation": True}}
    told = {"content": {"content_type": "user_editable_context", "user_profile": "나는 하늘이다"}}
    code = {"content": {"content_type": "code", "text": "1 + 1"}}
    metrics = read(
        project,
        chatgpt(
            *branch(
                None,
                message("system", "", weight=0),
                message("user", **told),
                message("system", "너는 친절하다"),
                message("user", "숨은 글", **hidden),
                message("user", "안녕"),
                message("assistant", "지운 답", weight=0.0),
                message("assistant", **code, recipient="python"),
                message("assistant", content={"content_type": "thoughts", "thoughts": []}),
                message("tool", content={"content_type": "execution_output", "text": "2"}),
                message("assistant", "둘이에요"),
            )
        ),
    )
    assert project.texts() == [["안녕", "둘이에요"]]
    expected = {"system": 1, "hidden": 1, "replaced": 1, "tool_call": 1, "not_a_message": 2}
    assert metrics["messages_dropped"] == expected


def test_what_answers_a_picture_is_not_learnt_as_an_answer_to_the_question_before(project: Any) -> None:
    picture = {"content": {"content_type": "multimodal_text", "parts": [{"content_type": "image_asset_pointer"}]}}
    both = {"content": {"content_type": "multimodal_text", "parts": [{"content_type": "image"}, "이건 뭐야?"]}}
    metrics = read(
        project,
        chatgpt(
            *branch(
                message("user", "안녕"),
                message("assistant", "반가워요"),
                message("user", **picture),
                message("assistant", "바다네요"),
                message("user", **both),
                message("assistant", "배예요"),
            )
        ),
    )
    assert project.texts() == [["안녕", "반가워요"], ["이건 뭐야?", "배예요"]]
    assert metrics["messages_dropped"] == {"without_text": 1}


def test_without_a_current_node_the_newest_leaf_ends_the_branch(project: Any) -> None:
    data = copy.deepcopy(CHATGPT)
    del data[0]["current_node"]
    data[0]["mapping"]["first"]["message"]["create_time"] = 1770630000.0
    read(project, data)
    assert project.texts() == [["안녕", "네."]]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"a": ("gone", message("assistant", "응"))}, "the node gone is not in mapping"),
        (
            {"a": ("b", message("assistant", "응")), "b": ("a", message("user", "안녕"))},
            "the node a is its own ancestor",
        ),
    ],
)
def test_a_broken_tree_is_named_with_its_conversation(project: Any, change: Any, problem: str) -> None:
    nodes = [node(name, *rest) for name, rest in change.items()]
    path = project.raw / "conversations.json"
    with pytest.raises(InputError) as error:
        read(project, chatgpt(*nodes, current_node="a"))
    assert str(error.value) == f"{path}:[0]: conversation c-1: {problem}"
    data = chatgpt(*nodes, current_node="a") + CHATGPT
    assert read(project, data, on_error="skip")["rows_dropped"] == {"broken_tree": 1}


def test_conversations_without_a_message_are_dropped(project: Any) -> None:
    assert read(project, CLAUDE)["rows_dropped"] == {"empty_messages": 1}
    assert read(project, CHATGPT + chatgpt(*branch(None)))["rows_dropped"] == {"empty_messages": 1}


def test_of_claude_the_text_is_taken_where_there_are_no_blocks_and_no_attached_file(project: Any) -> None:
    messages = [
        {"sender": "human", "text": "안녕", "attachments": [{"extracted_content": "긴 글"}]},
        {"sender": "assistant", "text": "반가워요", "content": []},
        {"sender": "human", "text": "", "content": [], "files": [{"file_name": "a.png"}]},
        {"sender": "assistant", "text": "바다네요"},
        {"sender": "human", "text": "고마워"},
        {"sender": "assistant", "text": "네"},
    ]
    metrics = read(project, [{"uuid": "1", "chat_messages": messages}])
    assert project.texts() == [["안녕", "반가워요"], ["고마워", "네"]]
    assert metrics["messages_dropped"] == {"without_text": 1}


def test_an_unknown_sender_is_named(project: Any) -> None:
    with pytest.raises(
        InputError, match=r':\[0\]: chat_messages\[0\]\.sender is "bot". Expected one of: human, assistant'
    ):
        read(project, [{"chat_messages": [{"sender": "bot", "text": "안녕"}]}])
