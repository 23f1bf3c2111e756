"""Corpora of AI Hub and of the National Institute of Korean Language, SmileStyle: speakers, marks, layouts."""

import json
from typing import Any

import pytest

from tests.corpus.json_samples import EMOTIONAL, NIKL, SNS, TOPIC, nikl, sns
from tests.corpus.text_samples import EMOTIONAL_TABLE, STYLES, UTTERANCE_TABLE, styles
from tinychat.errors import InputError

GROUP = {"data": [sns(1, ("P01", "안녕"), ("P02", "응")), sns(2, ("P01", "자?"), ("P02", "아니"), ("P03", "나도"))]}


def read(project: Any, data: Any, **corpus: Any) -> dict[str, Any]:
    project.lay("talk.json", json.dumps(data))
    metrics: dict[str, Any] = project.ingest(**corpus)
    return metrics


def named(*names: str) -> list[dict[str, Any]]:
    return [{"file": "talk.json", "assistant": list(names)}]


def test_in_each_dialogue_of_two_the_second_to_speak_becomes_the_bot(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    read(project, SNS)
    assert project.texts()[1] == ["내일 봐", "그래"]  # P02 speaks first
    example = "corpus.sources: [{file: talk.json, assistant: NAME}]"
    assert f"in each dialogue the second to speak becomes the bot; another: {example}" in capsys.readouterr().out


def test_who_becomes_the_bot_can_be_named(project: Any) -> None:
    read(project, SNS, sources=named("P01"))
    assert project.texts() == [["내일 봐", "그래"]]  # in the other dialogue the bot speaks first, and once
    with pytest.raises(InputError, match=r"talk.json: nobody is called 'P09'; the speakers are: P02 \(3\), P01 \(2\)"):
        read(project, SNS, sources=named("P09"))


def test_a_dialogue_of_more_than_two_asks_who_becomes_the_bot(project: Any) -> None:
    message = (
        r"talk.json:data\[1\]: it is not clear who is to be the bot; the speakers are: P01 \(1\), P02 \(1\), P03 \(1\)"
    )
    with pytest.raises(InputError, match=message):
        read(project, GROUP)
    assert read(project, GROUP, on_error="skip")["rows_dropped"] == {"more_than_two_speakers": 1}
    assert project.texts() == [["안녕", "응"]]
    read(project, GROUP, sources=named("P03"))
    assert project.texts() == [["자?\n아니", "나도"]]


def test_who_speaks_alone_is_no_dialogue(project: Any) -> None:
    data = {"document": [nikl(1, ("1", "안녕"), ("2", "{laughing}")), nikl(2, ("1", "자?"), ("2", "아니"))]}
    metrics = read(project, data)
    assert metrics["rows_dropped"] == {"one_speaker": 1}


def test_marks_of_the_corpora_are_left_out_and_counted_and_masked_names_stay_places(project: Any) -> None:
    assert read(project, SNS)["parts_dropped"] == {"mark": 2}
    assert read(project, NIKL)["parts_dropped"] == {"mark": 1}
    texts = [("1", "name1 씨, (()) &name2& 봤어?"), ("2", "username1이 뭐야 {clearing}")]
    read(project, {"document": [nikl(1, *texts)]})
    assert project.texts() == [["<name> 씨, <name> 봤어?", "username1이 뭐야"]]


def test_in_speech_a_sentence_that_is_cut_into_utterances_is_one_line(project: Any) -> None:
    said = [
        ("1", "어제 내가"),
        ("1", ""),
        ("1", "거기 갔는데."),
        ("2", "응."),
        ("2", "어땠어?"),
        ("1", "좋았어."),
        ("2", "그래?"),
    ]
    read(project, {"document": [nikl(1, *said, corpus="SDRW2000000001")]})
    assert project.texts() == [["어제 내가 거기 갔는데.", "응. 어땠어?", "좋았어.", "그래?"]]
    read(project, {"document": [nikl(1, *said)]})
    assert project.texts()[0][0] == "어제 내가\n거기 갔는데."


def test_what_a_corpus_masked_becomes_the_placeholder_of_its_kind(project: Any) -> None:
    texts = [
        ("P01", "#@소속# 다녀? #@전번#로 전화해"),
        ("P02", "#@주소 #야 #@URL# #@금융# #@계정# #@기타##@시스템#검색# 봐"),
    ]
    assert read(project, {"data": [sns(1, *texts)]})["parts_dropped"] == {"mark": 1}
    assert project.texts() == [
        ["<name> 다녀? <phone>로 전화해", "<address>야 <url> <account> <id> <blocked> 봐"],
    ]
    texts = [
        ("1", "&company-name1& 번호 &tel-num1& 알아?"),
        ("2", "&address& 옆이야. R&B&소울은 &bank-account&로 &online-account2&"),
    ]
    read(project, {"document": [nikl(1, *texts)]})
    assert project.texts() == [
        ["<name> 번호 <phone> 알아?", "<address> 옆이야. R&B&소울은 <account>로 <id>"],
    ]


def test_of_speech_the_marks_of_the_transcript_are_left_out_and_what_was_guessed_stays(project: Any) -> None:
    said = [("1", "-음- 그건 ((그래서)) 뭐야? ((xx))"), ("2", "-그 게- 글쎄 (()) -끝- 이야")]
    speech = {"document": [nikl(1, *said, corpus="SDRW2000000001")]}
    assert read(project, speech)["parts_dropped"] == {"mark": 6}
    assert project.texts() == [["그건 그래서 뭐야?", "글쎄 이야"]]
    read(project, {"document": [nikl(1, ("1", "다 했어?"), ("2", "-끝- -ㅅ-"))]})
    assert project.texts() == [["다 했어?", "-끝- -ㅅ-"]]


def test_the_spelling_as_typed_is_read_where_the_source_asks_for_it(project: Any) -> None:
    document = nikl(1, ("1", "뭐 해?"), ("2", "쉬어."))
    document["utterance"][0]["original_form"] = "모해ㅋ"
    read(project, {"document": [document]}, sources=[{"file": "talk.json", "original_form": True}])
    assert project.texts() == [["모해ㅋ", "쉬어."]]


def test_lines_that_the_corpus_masked_with_stars_are_left_out_on_request(project: Any) -> None:
    said = ["어디 살아?", "** 쪽에 살아", "*** 알지?", "알지", "뭐 먹을래?", "국수"]
    lines = [{"norm_text": text, "speaker": {"id": f"{1 + n % 2}번"}} for n, text in enumerate(said)]
    data = {"info": [{"annotations": {"lines": lines}}]}
    assert read(project, data)["messages_dropped"] == {}
    assert project.texts() == [said]
    dropped = read(project, data, sources=[{"file": "talk.json", "drop_masked": True}])["messages_dropped"]
    assert project.texts() == [["뭐 먹을래?", "국수"]]  # 알지 answers a line that is left out
    assert dropped == {"masked": 2, "trailing_user": 1}


def test_blank_sentences_of_a_spoken_corpus_are_counted(project: Any) -> None:
    assert read(project, NIKL)["messages_dropped"] == {"blank": 1}


@pytest.mark.parametrize(("data", "licence"), [(SNS, "AI Hub"), (EMOTIONAL, "AI Hub"), (NIKL, "모두의 말뭉치")])
def test_the_terms_of_a_corpus_are_told(
    project: Any, capsys: pytest.CaptureFixture[str], data: Any, licence: str
) -> None:
    read(project, data)
    assert f"{licence}: its terms forbid passing the data on" in capsys.readouterr().out


def test_an_utterance_without_a_speaker_is_named(project: Any) -> None:
    lines = [{"norm_text": "안녕", "speaker": {"id": None}}]
    data = {"info": [{"annotations": {"lines": lines}}]} | {"numberOfItems": 1}
    assert TOPIC.keys() == data.keys()
    with pytest.raises(InputError, match=r"talk.json:info\[0\]: annotations.lines\[0\].speaker.id is null or missing"):
        read(project, data)


def test_sentences_are_in_the_order_of_their_numbers(project: Any) -> None:
    content = {"SS02": "넷", "HS02": "셋", "SS01": "둘", "HS01": "하나", "HS10": "다섯", "SS10": ""}
    read(project, [{"talk": {"content": content}}])
    assert project.texts() == [["하나", "둘", "셋", "넷"]]


def test_a_style_of_smilestyle_is_named_by_the_columns(project: Any) -> None:
    header = "\t".join(STYLES) + "\n"
    project.lay("smile.tsv", header + styles("안녕", "반가워"))
    project.ingest(columns={"question": "informal", "answer": "formal"})
    assert project.texts() == [["안녕", "반가워요"]]
    with pytest.raises(InputError, match=r"no column 'pirate', which corpus.columns.answer names. Found: formal, "):
        project.ingest(
            columns={"question": None, "answer": "pirate"}, sources=[{"file": "smile.tsv", "format": "smilestyle"}]
        )


def test_an_empty_cell_of_smilestyle_ends_the_dialogue(project: Any) -> None:
    row = styles("빈칸").replace("빈칸\t", "\t", 2).replace("빈칸요", "빈칸요")
    assert row.split("\t")[1] == ""
    text = "\t".join(STYLES) + "\n" + styles("안녕", "반가워") + row + styles("자?", "아니")
    project.lay("smile.tsv", text)
    assert project.ingest()["parts_dropped"] == {"empty_cell": 1}
    assert project.texts() == [["안녕", "반가워"], ["자?", "아니"]]


def test_a_row_of_another_width_is_faulty(project: Any) -> None:
    for text in (EMOTIONAL_TABLE, UTTERANCE_TABLE, "\t".join(STYLES) + "\n" + styles("안녕", "반가워")):
        path = project.lay("table.csv", text + "하나,둘\n")
        with pytest.raises(InputError, match=rf"{path}:\d: cells: \d, columns in the header: 1?\d\. Found"):
            project.ingest()
        assert project.ingest(on_error="skip")["rows_dropped"] == {"too_few_cells": 1}


def test_an_unknown_speaker_of_the_table_is_faulty(project: Any) -> None:
    project.lay("table.csv", UTTERANCE_TABLE + "손님,네,A,음식점,포장,1,3,포장,확인,A\n")
    with pytest.raises(
        InputError, match=r'table.csv:6: speaker "손님", number of the sentence "3". Expected one of: 고객, 점원'
    ):
        project.ingest()


def test_another_table_is_none_of_ai_hub(project: Any) -> None:
    project.lay("table.csv", "번호,내용\n1,안녕\n")
    with pytest.raises(InputError, match=r'table.csv: no table of AI Hub. Found: "번호", "내용"'):
        project.ingest(sources=[{"file": "table.csv", "format": "aihub_table"}])


def test_columns_that_params_names_make_the_table_one_of_questions_and_answers(project: Any) -> None:
    project.lay("table.csv", EMOTIONAL_TABLE)
    project.ingest(columns={"question": "사람문장2", "answer": "시스템문장2"})
    assert project.texts() == [["화가 나.", "쉬어 보세요."]]
