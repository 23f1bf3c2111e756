"""The JSON of public sets of dialogues: what of a record is taken, and which faults are named."""

import json
import re
from typing import Any

import pytest

from tests.corpus.json_samples import ALPACA, KLUE, PREFERENCES, RM, SHAREGPT
from tinychat.errors import InputError


def read(project: Any, data: Any, **corpus: Any) -> dict[str, Any]:
    """The metrics of a document."""
    project.lay("talk.json", json.dumps(data))
    metrics: dict[str, Any] = project.ingest(**corpus)
    return metrics


def refusal(project: Any, data: Any, format_name: str, **corpus: Any) -> str:
    """What is said of a document that is named to be of a format, without its path."""
    with pytest.raises(InputError) as error:
        read(project, data, sources=[{"file": "talk.json", "format": format_name}], **corpus)
    return str(error.value).removeprefix(f"{project.raw / 'talk.json'}")


def test_system_messages_of_sharegpt_and_alpaca_are_left_out_and_counted(project: Any) -> None:
    assert read(project, SHAREGPT)["messages_dropped"] == {"system": 1}
    assert read(project, ALPACA)["messages_dropped"] == {"system": 1}


@pytest.mark.parametrize("name", ["gpt", "assistant", "bing", "chatgpt", "bard", " GPT"])
def test_every_name_of_the_bot_is_known(project: Any, name: str) -> None:
    read(project, [{"conversations": [{"from": "user", "value": "안녕"}, {"from": name, "value": "응"}]}])
    assert project.texts() == [["안녕", "응"]]


def test_the_best_of_numbered_completions_has_the_lowest_rank(project: Any) -> None:
    read(project, [RM[0] | {"ranking": [0, 2, 1]}])
    assert project.texts()[0][1] == "몰라요."
    read(project, [{"prompt": "뭐 해?", "completion_3": "놀아", "completion_1": "쉬어", "ranking": [0, 1]}])
    assert project.texts() == [["뭐 해?", "쉬어"]]
    message = refusal(project, [RM[0] | {"ranking": [0, 1]}], "prompt_completion")
    assert message == ":[0]: 3 completions, and ranking is not a list of as many whole numbers."


def test_a_stray_quote_before_a_completion_is_left_out_and_counted(project: Any) -> None:
    answers = ["'아니요", "'그래' 하고 말했다", "it's"]
    data = [{"prompt": f"질문 {number}", "completion": answer} for number, answer in enumerate(answers)]
    assert read(project, data)["parts_dropped"] == {"stray_quote": 1}
    assert [answer for _, answer in project.texts()] == ["아니요", *answers[1:]]


def test_prompts_without_completions_are_refused_by_their_name(project: Any) -> None:
    data = [{"prompt": "번디는 자신이 무엇을 탐독했다고 누구에게 말했나?"}]
    project.lay("kochatgpt_3_PPO.jsonl", json.dumps(data))
    with pytest.raises(InputError, match=r"as in the PPO part of KoChatGPT.*Take its SFT part"):
        project.ingest()
    with pytest.raises(InputError, match=r"1 rows as prompt_completion: no_completion: 1"):
        project.ingest(on_error="skip")


def test_of_preferences_the_chosen_answer_is_learnt_and_the_log_says_so(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    read(project, PREFERENCES)
    printed = capsys.readouterr().out
    assert printed.count("preference data: the chosen answers are learnt, the rejected ones not used") == 1
    assert "흥" not in str(project.texts()) and "몰라" not in str(project.texts())


def test_a_chosen_dialogue_may_repeat_its_prompt(project: Any) -> None:
    turns = [{"role": "user", "content": "뭐 해?"}, {"role": "assistant", "content": "쉬어요"}]
    others = [turns[0], {"role": "assistant", "content": "몰라"}]
    read(project, [{"prompt": "뭐 해?", "chosen": turns, "rejected": others}])
    assert project.texts() == [["뭐 해?", "쉬어요"]]
    read(project, [{"prompt": turns[:1], "chosen": turns[1:], "rejected": others[1:]}])
    assert project.texts() == [["뭐 해?", "쉬어요"]]


def test_names_of_columns_hold_for_json_too(project: Any) -> None:
    columns = {"question": "물음", "answer": "답변"}
    data = [{"물음": "안녕", "답변": "응", "question": "?"}]
    assert read(project, data, columns=columns)["readers"].keys() == {"qa_json"}
    assert project.texts() == [["안녕", "응"]]
    message = refusal(project, [{"question": "안녕", "input": "뭐", "answer": "응"}], "qa_json")
    assert message == ":[0]: more than one question: question, input. Set corpus.columns.question to one of them."
    message = refusal(project, [{"물음": "안녕", "answer": "응"}], "qa_json")
    assert message == ':[0]: no question. Found: "물음", "answer". Set corpus.columns.question if it is one of them.'


def test_pairs_without_a_question_or_an_answer_are_dropped_by_their_reasons(project: Any) -> None:
    pairs = [("안녕", "응"), (" ", "응"), ("안녕", ""), ("", "")]
    for question, answer in (("question", "answer"), ("instruction", "output"), ("prompt", "completion")):
        metrics = read(project, [{question: q, answer: a} for q, a in pairs])
        assert metrics["rows_dropped"] == {"empty_question": 2, "empty_answer": 1}


def test_the_licence_that_is_known_is_told(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    read(project, KLUE * 3)
    assert capsys.readouterr().out.count("KLUE: licence CC BY-SA") == 1


FAULTS = [
    ("sharegpt", [{"conversations": [{"from": "tool", "value": "x"}]}], ':[0]: conversations[0].from is "tool".'),
    ("sharegpt", [{"conversations": [{"from": "human"}]}], ":[0]: conversations[0].value is null or missing. Expected"),
    ("sharegpt", [{"conversations": ["안녕"]}], ":[0]: conversations[0] is a string. Expected an object."),
    ("sharegpt", [{"conversations": {}}], ":[0]: conversations is an object. Expected a list."),
    ("alpaca", [{"instruction": "안녕", "output": 3}], ":[0]: output is a number. Expected a string."),
    (
        "alpaca",
        [{"instruction": "a", "output": "b", "history": [["a"]]}],
        ":[0]: history[0] is no pair. Expected a list",
    ),
    ("alpaca", [{"instruction": "a", "output": "b", "history": "c"}], ":[0]: history is a string. Expected a list."),
    (
        "prompt_completion",
        [{"prompt": [{"role": "?"}], "completion": "b"}],
        ':[0]: prompt[0].role is "?". Expected one',
    ),
    ("preference", [{"chosen": "a", "rejected": "b"}], ":[0]: no prompt. Expected one of: prompt, question"),
    ("dialogue_list", [{"dialog": ["안녕", 3]}], ":[0]: dialog[1] is a number. Expected a string."),
    (
        "klue_dst",
        [{"dialogue": [{"role": "bot", "text": "a"}]}],
        ':[0]: dialogue[0].role is "bot". Expected one of: user',
    ),
    ("qa_json", [{"question": "\ud83d", "answer": "b"}], ":[0]: question: half a surrogate pair"),
    ("qa_json", ["안녕"], ":[0]: found a string. Expected an object."),
]


@pytest.mark.parametrize(("format_name", "data", "message"), FAULTS, ids=[message[:50] for *_, message in FAULTS])
def test_a_faulty_record_is_an_error_that_names_place_key_and_what_would_be_right(
    project: Any, format_name: str, data: Any, message: str
) -> None:
    assert refusal(project, data, format_name).startswith(message)


def test_under_skip_faulty_records_are_counted_and_the_first_shown(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    good = {"conversations": [{"from": "human", "value": "안녕"}, {"from": "gpt", "value": "응"}]}
    bad = {"conversations": [{"from": "human", "value": None}]}
    metrics = read(project, [bad, good, bad], on_error="skip")
    assert (metrics["rows_read"], metrics["rows_dropped"]) == (3, {"bad_content": 2})
    assert re.search(r"skipped, .*:\[0\]: conversations\[0\]\.value is null", capsys.readouterr().out)
    lines = "\n".join([json.dumps(good), '{"conversations": [', json.dumps(bad)])
    path = project.lay("talk.json", lines)
    assert project.ingest(on_error="skip")["rows_dropped"] == {"bad_content": 1, "not_json": 1}
    assert f"skipped, {path}:2: not valid JSON at column 20" in capsys.readouterr().out


def test_a_recognised_file_without_a_dialogue_is_an_error(project: Any) -> None:
    for data in ([{"conversations": []}], {"data": [{"dialog": ["안녕"]}]}, [{"chat_messages": []}]):
        with pytest.raises(InputError, match="no dialogue is left of its 1 rows as"):
            read(project, data)


def test_a_comma_after_each_line_is_what_some_files_of_ai_hub_have(project: Any) -> None:
    line = '{"talk": {"content": {"HS01": "안녕", "SS01": "응"}}},\n'
    project.lay("talk.json", line + line.replace("안녕", "자?"))
    project.ingest()
    assert project.texts() == [["안녕", "응"], ["자?", "응"]]
    project.lay("talk.json", '{"question": "안녕", "answer": "응"},\n' * 2)
    with pytest.raises(InputError, match=r"talk.json:1: a comma after the object at column 34"):
        project.ingest(sources=[{"file": "talk.json", "format": "qa_json"}])
