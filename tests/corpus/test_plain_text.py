"""Transcripts, pairs with a tab, marked and bare lines, screenplays, the conversations of KoChatGPT."""

from typing import Any

import pytest

from tinychat.errors import InputError


def read(project: Any, text: str, **source: Any) -> dict[str, Any]:
    project.lay("talk.txt", text)
    sources = [{"file": "talk.txt", **source}] if source else "auto"
    metrics: dict[str, Any] = project.ingest(sources=sources)
    return metrics


def refusal(project: Any, text: str, **source: Any) -> str:
    with pytest.raises(InputError) as error:
        read(project, text, **source)
    return str(error.value).removeprefix(f"{project.raw / 'talk.txt'}")


@pytest.mark.parametrize(
    "pair",
    [
        ("Q", "A"),
        ("User", "Bot"),
        ("사용자", "챗봇"),
        ("나", "너"),
        ("질문", "답변"),
        ("user", "assistant"),
        ("Human", "AI"),
    ],
)
def test_of_a_known_pair_the_bot_is_known_whoever_speaks_first(project: Any, pair: tuple[str, str]) -> None:
    user, bot = pair
    read(project, f"{bot}: 어서 오세요\n{user}: 안녕\n{bot}: 네, 안녕하세요\n")
    [dialogue] = project.dialogues()
    assert [turn.role for turn in dialogue.turns] == ["assistant", "user", "assistant"]


def test_of_two_names_the_second_to_speak_becomes_the_bot_and_the_log_says_so(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "하늘: 안녕\n바다: 응\n하늘: 자?\n바다: 아니\n"
    read(project, text)
    other = "corpus.sources: [{file: talk.txt, assistant: 하늘}]"
    assert f"바다 becomes the bot and 하늘 the user; the other way round: {other}" in capsys.readouterr().out
    read(project, text, assistant="하늘")
    [dialogue] = project.dialogues()
    assert [turn.content for turn in dialogue.turns if turn.role == "assistant"] == ["안녕", "자?"]
    assert "하늘" not in str(project.texts())


def test_with_more_than_two_names_the_bot_is_to_be_named(project: Any) -> None:
    text = "하늘: 안녕\n바다: 응\n산: 나도\n" * 2
    message = refusal(project, text)
    assert message.startswith(
        ": it is not clear who is to be the bot; the speakers are: 하늘 (2), 바다 (2), 산 (2). Name one"
    )
    read(project, text, assistant="산")
    assert project.texts() == [["안녕\n응", "나도", "안녕\n응", "나도"]]
    assert "nobody is called '강'; the speakers are: 하늘 (2)" in refusal(project, text, assistant="강")


def test_a_name_that_occurs_once_is_text_and_counted(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    read(
        project,
        "하늘: 언제?\n바다: 시간은\n좋아요: 3시\n하늘: 그래\n바다: 응\n하늘: 갈게\n바다: 그래\n하늘: 응\n바다: 응\n",
    )
    assert project.texts()[0][1] == "시간은\n좋아요: 3시"
    assert "of a name that occurs once, kept as text: 1" in capsys.readouterr().out


def test_lines_before_the_first_speaker_are_left_out_and_counted(project: Any) -> None:
    text = "하늘과 바다\n" + "하늘: 안녕\n바다: 응\n" * 3
    assert read(project, text)["parts_dropped"] == {"line_without_speaker": 1}


def test_where_a_blank_line_is_behind_every_utterance_none_ends_a_dialogue(project: Any) -> None:
    read(project, "하늘: 안녕\n\n바다: 응\n\n하늘: 자?\n\n바다: 아니\n\n---\n하늘: 잘 자\n\n바다: 너도\n")
    assert project.texts() == [["안녕", "응", "자?", "아니"], ["잘 자", "너도"]]


def test_a_short_transcript_can_be_named(project: Any) -> None:
    assert ": no format fits (transcript 0.40" in refusal(project, "하늘: 안녕\n바다: 응\n")
    read(project, "하늘: 안녕\n바다: 응\n", format="transcript")
    assert project.texts() == [["안녕", "응"]]
    assert refusal(project, "그냥 글\n", format="transcript") == ": nobody speaks in it; is it of another format?"


@pytest.mark.parametrize(
    "text",
    [
        "좋아요: 3시\n참고: 내일\n" + "그냥 글입니다\n" * 8,
        "title: a\nauthor: b\ndate: c\n",
        '{"role": "user"}\n',
        "<b>: 안녕\n<i>: 응\n" * 3,
    ],
)
def test_text_with_colons_is_no_transcript(project: Any, text: str) -> None:
    assert "transcript 1.00" not in refusal(project, text)


def test_a_line_of_another_number_of_tabs_is_faulty(project: Any) -> None:
    text = "안녕\t응\n" * 3
    path = project.raw / "talk.txt"
    message = refusal(project, text + "하나\t둘\t셋\n", format="tab_pairs")
    assert message == ':4: tabs: 2. Found "하나\\t둘\\t셋". Expected a question, a tab, and its answer.'
    project.lay("talk.txt", text + "\n하나\n자?\t아니\n\t없다\n없다\t\n")
    metrics = project.ingest(on_error="skip", sources=[{"file": path.name, "format": "tab_pairs"}])
    assert metrics["rows_dropped"] == {"repeat": 2, "too_few_cells": 1, "empty_question": 1, "empty_answer": 1}


@pytest.mark.parametrize("text", ["번호\t내용\n1\t안녕\n2\t응\n", "안녕\t1\n응\t0\n"])
def test_a_column_of_numbers_is_neither_a_question_nor_an_answer(project: Any, text: str) -> None:
    assert refusal(project, text).startswith(": no format fits")


def test_a_header_makes_pairs_a_table(project: Any) -> None:
    assert read(project, "질문\t답변\n안녕\t응\n")["readers"].keys() == {"qa_table"}


def test_marked_turns_alternate_also_where_one_is_blank(project: Any) -> None:
    metrics = read(project, "안녕 __eou__ 응 __eou__ __eou__ 그래 __eou__\n자? __eou__\n")
    assert project.texts() == [["안녕", "응\n그래"]]
    assert metrics["rows_dropped"] == {"no_assistant_turn": 1}


def test_bare_lines_are_read_only_where_params_names_them(project: Any) -> None:
    text = "안녕\n응\n뭐 해?\n쉬어\n\n\n자?\n아니\n"
    assert refusal(project, text).startswith(": no format fits")
    read(project, text, format="lines")
    assert project.texts() == [["안녕", "응", "뭐 해?", "쉬어"], ["자?", "아니"]]


def test_an_odd_block_of_lines_is_named_by_its_first_line(project: Any) -> None:
    message = refusal(project, "안녕\n응\n\n자?\n아니\n왜?\n", format="lines")
    assert message.startswith(
        ':4: lines in the block that begins here: 3, an odd number. Found "자?". Expected the user'
    )


def test_a_screenplay_is_refused_with_one_of_its_lines(project: Any) -> None:
    text = "햄릿\n사느냐 죽느냐.\n\n오필리아\n전하, 안녕하세요?\n\n햄릿\n고맙소.\n\n오필리아\n네.\n"
    assert refusal(project, text) == (
        ': this looks like a screenplay: the name "햄릿" is alone on its line. Write the name before what it says, '
        "with a colon between them."
    )
    assert "screenplay" not in refusal(project, "첫 문단.\n둘째 줄.\n\n둘째 문단.\n끝.\n")


def test_a_line_before_the_first_message_of_kochatgpt_is_faulty(project: Any) -> None:
    start = "<<start conversation>>\n"
    message = refusal(project, f"{start}안녕\n<사람>: 안녕\n<챗봇>: 응\n")
    assert message == ':2: "안녕" belongs to no message. Expected <사람>: …, <챗봇>: ….'
