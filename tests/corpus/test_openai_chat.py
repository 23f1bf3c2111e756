import gc
import json
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.corpus.conftest import REPOSITORY
from tinychat.errors import InputError

GOOD = '{"messages":[{"role":"user","content":"안녕"},{"role":"assistant","content":"반가워요"}]}\n'


def line(*messages: dict[str, Any], **others: Any) -> str:
    return json.dumps({"messages": messages, **others}, ensure_ascii=False) + "\n"


def user(content: Any, **others: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **others}


def bot(content: Any, **others: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **others}


def test_a_line_is_a_dialogue_and_blank_lines_are_none(project: Any) -> None:
    project.lay("chat.jsonl", f"\ufeff{GOOD}\n   \n" + line(user("이름이?"), bot("봇"), user("그래"), bot("응")))
    metrics = project.ingest()
    assert project.texts() == [["안녕", "반가워요"], ["이름이?", "봇", "그래", "응"]]
    assert metrics["readers"]["openai_chat"]["rows_read"] == 2


def test_the_ending_of_the_name_does_not_matter(project: Any) -> None:
    project.lay("chat.txt", GOOD)
    assert "openai_chat" in project.ingest()["readers"]


def test_a_line_separator_inside_a_message_does_not_end_the_line(project: Any) -> None:
    project.lay("chat.jsonl", line(user("하나\u2028둘"), bot("그래\x85응")))
    project.ingest()
    assert project.texts() == [["하나\n둘", "그래\n응"]]


def test_weight_0_is_kept_in_the_corpus_as_context_without_loss(project: Any) -> None:
    project.lay("chat.jsonl", line(user("안녕"), bot("틀린 말", weight=0), user("응?"), bot("맞는 말", weight=1)))
    project.ingest()
    assert [turn.has_loss for turn in project.dialogues()[0].turns] == [1, 0, 1, 1]
    assert '"content": "틀린 말", "weight": 0}' in (project.corpus / "train.jsonl").read_text(encoding="utf-8")


def test_a_line_whose_answers_all_have_weight_0_is_dropped_and_counted(project: Any) -> None:
    project.lay("chat.jsonl", GOOD + line(user("안녕"), bot("틀린 말", weight=0)))
    assert project.ingest()["rows_dropped"] == {"no_answer_with_loss": 1}


def test_system_and_developer_messages_are_left_out_and_counted(project: Any) -> None:
    system = {"role": "system", "content": "친절하게"}
    project.lay("chat.jsonl", line(system, {"role": "developer", "content": "짧게"}, user("안녕"), bot("반가워")))
    metrics = project.ingest()
    assert project.texts() == [["안녕", "반가워"]]
    assert metrics["messages_dropped"] == {"developer": 1, "system": 1}


def test_a_tool_call_goes_with_its_answer_and_the_plain_answer_stays(project: Any) -> None:
    call = bot(None, tool_calls=[{"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}])
    tool = {"role": "tool", "tool_call_id": "1", "content": "맑음"}
    project.lay("chat.jsonl", line(user("날씨는?"), call, tool, bot("맑아요")))
    metrics = project.ingest()
    assert project.texts() == [["날씨는?", "맑아요"]]
    assert metrics["messages_dropped"] == {"tool": 1, "tool_call": 1}


def test_a_refusal_in_place_of_content_is_left_out(project: Any) -> None:
    project.lay("chat.jsonl", GOOD + line(user("나쁜 짓"), {"role": "assistant", "refusal": "안 돼요"}))
    metrics = project.ingest()
    assert metrics["messages_dropped"] == {"refusal": 1, "trailing_user": 1}
    assert metrics["rows_dropped"] == {"no_assistant_turn": 1}


def test_text_parts_are_joined_and_other_parts_left_out(project: Any) -> None:
    parts = [
        {"type": "text", "text": "이 "},
        {"type": "image_url", "image_url": {}},
        {"type": "text", "text": "사진은?"},
    ]
    project.lay("chat.jsonl", line(user(parts), bot([{"type": "text", "text": "바다"}])))
    metrics = project.ingest()
    assert project.texts() == [["이 사진은?", "바다"]]
    assert metrics["parts_dropped"] == {"image_url": 1}


def test_a_dialogue_with_a_user_turn_of_pictures_only_is_dropped(project: Any) -> None:
    project.lay("chat.jsonl", GOOD + line(user([{"type": "image_url", "image_url": {}}]), bot("바다")))
    assert project.ingest()["rows_dropped"] == {"user_turn_without_text": 1}


def test_keys_that_nobody_reads_are_named_once(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    project.lay("chat.jsonl", 2 * line(user("안녕", name="하늘"), bot("응"), tools=[]) + GOOD)
    project.ingest()
    assert 'not used: "tools", "name"' in capsys.readouterr().out


def test_empty_messages_and_dialogues_without_an_answer_are_dropped_by_their_reasons(project: Any) -> None:
    project.lay("chat.jsonl", GOOD + line() + line(user("여보세요")) + line(user(" "), bot("네")) + line(bot("네")))
    metrics = project.ingest()
    assert metrics["rows_dropped"] == {"empty_messages": 1, "no_answer_with_loss": 2, "no_assistant_turn": 1}
    assert metrics["messages_dropped"] == {"blank": 1, "trailing_user": 1}


FAULTS = [
    (line({"role": "human", "content": "안녕"}), 'messages[0].role is "human". Expected one of: .*Did you mean user?'),
    (line(user("안녕"), {"role": "gpt", "content": "응"}), 'messages[1].role is "gpt".*Did you mean assistant?'),
    (line({"role": "User", "content": "안녕"}), 'messages[0].role is "User".*Did you mean user?'),
    (line({"content": "안녕"}), "messages[0].role is null or missing. Expected one of: system, developer, tool"),
    (
        line(user(None), bot("응")),
        "messages[0].content is null, and there is none of tool_calls, function_call, refusal",
    ),
    (line({"role": "user"}, bot("응")), "messages[0].content is missing, and there is none of tool_calls"),
    (line(user(3), bot("응")), "messages[0].content is a number. Expected a string or a list of parts."),
    (line(user([{"type": "hologram"}]), bot("응")), "messages[0].content[0] is not a part."),
    (line(user("안녕", weight=1), bot("응")), "messages[0].weight is on a user message. Only assistant messages"),
    (line(user("안녕"), bot("응", weight=2)), "messages[1].weight is 2. Expected 0 (no loss) or 1."),
    (line(user("안녕"), bot("응", weight=True)), "messages[1].weight is true."),
    (line(user("안녕"), bot("응", weight=0.5)), "messages[1].weight is 0.5."),
    (line("안녕"), "messages[0] is a string. Expected an object with role and content."),
    ('{"conversations": []}\n', 'no list messages. Found: "conversations". Expected {"messages": [{"role": …}]}.'),
    ('{"messages": {}}\n', 'no list messages. Found: "messages".'),
    ('"안녕"\n', 'found ""안녕"". Each line must be one JSON object.'),
    ('{"messages": \n', "not valid JSON at column 13 (expected a value). Each line must be one JSON object."),
    ('{"messages": [}\n', "not valid JSON at column 15 (expected a value). Each line must be one JSON object."),
    (
        GOOD.strip() + ",\n",
        f"a comma after the object at column {len(GOOD)}. Each line must",
    ),
    ("]\n", "] on a line of its own. Each line must be one JSON object; leave [ and ] out."),
    ('{"messages": [], "score": NaN}\n', "NaN is not valid JSON."),
    ('{"messages": [], "score": -Infinity}\n', "-Infinity is not valid JSON."),
    ('{"messages": [], "messages": [1]}\n', 'the key "messages" occurs twice in one object.'),
    ('{"messages": [{"role": "user", "content": "\\ud83d"}]}\n', "messages[0].content: half a surrogate pair"),
    ('{"messages": [], "n": ' + "9" * 5000 + "}\n", "a number is too long"),
    ("[" * 200_000 + "\n", "nested too deep"),
]


@pytest.mark.parametrize(("faulty", "message"), FAULTS, ids=[message[:40] for _, message in FAULTS])
def test_a_faulty_line_is_an_error_that_says_what_was_found_and_what_would_be_right(
    project: Any, faulty: str, message: str
) -> None:
    path = project.lay("chat.jsonl", GOOD + faulty)
    if message == "nested too deep":
        gc.collect()  # finalizers of what earlier tests left would fail so deep in the recursion
    with pytest.raises(InputError) as error:
        project.ingest(sources=[{"file": "chat.jsonl", "format": "openai_chat"}])
    pattern = re.escape(message).replace(r"\.\*", ".*")
    assert re.match(f"{re.escape(str(path))}:2: .*{pattern}", str(error.value)), error.value


def test_a_whole_surrogate_pair_is_a_character(project: Any) -> None:
    project.lay("chat.jsonl", GOOD.replace("안녕", "\\ud83d\\ude00"))
    project.ingest()
    assert project.texts() == [["😀", "반가워요"]]


def test_under_skip_faulty_lines_are_counted_and_the_first_five_shown(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project.lay("chat.jsonl", line(user("안"), bot("응", weight=3)) * 6 + "{\n" + GOOD)
    metrics = project.ingest(on_error="skip")
    assert metrics["rows_dropped"] == {"bad_weight": 6, "not_json": 1}
    printed = capsys.readouterr().out
    assert [f"skipped, {path}:{number}: " in printed for number in range(1, 8)] == [True] * 5 + [False] * 2
    assert f"bad_weight: 6 ({path}:1, :2, :3, :4, :5, …)" in printed


def test_a_faulty_line_counts_nothing_but_itself(project: Any) -> None:
    project.lay("chat.jsonl", GOOD + line({"role": "system", "content": "x"}, user(None)))
    assert project.ingest(on_error="skip")["messages_dropped"] == {}


@pytest.mark.parametrize("name", ["chat.jsonl", "chat.json"])
@pytest.mark.parametrize(
    "content",
    [
        f"[{GOOD.strip()}]",
        f"[\n{GOOD.strip()},\n{GOOD}]\n",
        f"\n[{GOOD}]",
        json.dumps(json.loads(GOOD), indent=2),
        json.dumps(json.loads(GOOD), indent=2) + "\n" + json.dumps(json.loads(GOOD), indent=2),
    ],
)
def test_an_array_or_an_indented_object_is_read_too(project: Any, name: str, content: str) -> None:
    project.lay(name, content)
    assert project.ingest()["readers"].keys() == {"openai_chat"}
    assert project.texts() == [["안녕", "반가워요"]]


def test_a_faulty_object_of_an_array_is_named_by_its_place(project: Any) -> None:
    path = project.lay("chat.json", f"[{GOOD}, {line(user('안녕'), bot('응', weight=3))}]")
    with pytest.raises(InputError, match=re.escape(f"{path}:[1]: messages[1].weight is 3. Expected 0")):
        project.ingest()
    assert project.ingest(on_error="skip")["rows_dropped"] == {"bad_weight": 1}


def test_a_named_format_that_does_not_fit_fails_even_under_skip(project: Any) -> None:
    project.lay("talk.txt", "안녕\n반가워\n" + GOOD)
    with pytest.raises(InputError, match=r"2 of 3 rows are faulty as openai_chat.*Is it another format"):
        project.ingest(on_error="skip", sources=[{"file": "talk.txt", "format": "openai_chat"}])


@pytest.mark.slow
def test_many_duplicate_keys_take_time_linear_in_them(project: Any) -> None:
    keys = ", ".join(f'"{number}": 0' for number in range(100_000))
    project.lay("chat.jsonl", GOOD + f'{{"messages": [], {keys}, "99999": 0}}\n')
    code = (
        "import sys, pathlib, tests.corpus.conftest as c; c.Project(pathlib.Path(sys.argv[1])).ingest(on_error='skip')"
    )
    subprocess.run([sys.executable, "-c", code, str(project.root)], cwd=REPOSITORY, timeout=60, check=True)
    assert json.loads(project.metrics_file.read_text(encoding="utf-8"))["rows_dropped"] == {"duplicate_key": 1}


@pytest.mark.slow
def test_of_very_many_keys_that_nobody_reads_the_first_eight_are_named(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.lay("chat.jsonl", line(user("안녕"), bot("응"), **{f"key {number}": 0 for number in range(20_000)}))
    project.ingest()
    assert re.search(r'not used: ("key \d", ){8}…\n', capsys.readouterr().out)
