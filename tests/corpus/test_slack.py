"""Slack's export: for each channel a folder with a list of messages for each day."""

from typing import Any

import pytest

from tests.corpus.archives import zipped
from tests.corpus.messenger_samples import as_json, slack_message
from tinychat.corpus.readers.slack import text_of
from tinychat.errors import InputError

BOTH = [slack_message(9, 5, "하늘", "안녕"), slack_message(9, 6, "바다", "응")]


def lay(project: Any, *messages: Any, name: str = "2026-02-09.json") -> None:
    project.lay(name, as_json(list(messages)))


def fault(project: Any, **changed: Any) -> str:
    with pytest.raises(InputError) as raised:
        project.ingest(**changed)
    return str(raised.value)


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"subtype": "channel_join", "text": "<@U03> has joined the channel"}, "joined"),
        ({"subtype": "channel_leave", "text": "<@U03> has left the channel"}, "left"),
        ({"subtype": "channel_topic", "text": "set the channel topic"}, "system_message"),
        ({"subtype": "tombstone", "text": "This message was deleted."}, "deleted"),
        ({"files": [{"id": "F1", "filetype": "png"}]}, "photo"),
        ({"files": [{"id": "F1", "filetype": "pdf"}], "upload": True}, "file"),
        ({"text": ":blob_wave:"}, "emoticon"),
        ({"attachments": [{"fallback": "제목"}]}, "service"),
    ],
)
def test_what_a_person_did_not_type_is_left_out_and_counted_by_kind(
    project: Any, more: dict[str, Any], kind: str
) -> None:
    lay(project, BOTH[0], slack_message(9, 5, "바다", "") | more, BOTH[1])
    assert project.ingest()["messages_dropped"] == {kind: 1}
    assert project.texts() == [["안녕", "응"]]


def test_programs_are_left_out_and_counted_unless_they_are_named(project: Any) -> None:
    bot = slack_message(9, 5, "", "배포했습니다", bot_id="B01", subtype="bot_message", username="배포")
    del bot["user_profile"], bot["user"]
    slackbot = slack_message(9, 5, "", "기억해 두세요", user="USLACKBOT")
    lay(project, BOTH[0], bot, slackbot, BOTH[1])
    assert project.ingest()["messages_dropped"] == {"bot": 2}
    assert project.texts() == [["안녕", "응"]]
    project.ingest(sources=[{"file": "2026-02-09.json", "assistant": "배포"}])
    assert project.texts() == [["안녕", "배포했습니다"]]


def test_messages_are_in_the_order_of_their_exact_times(project: Any) -> None:
    later = slack_message(9, 5, "바다", "응", ts=f"{BOTH[0]['ts'][:-6]}000101")
    lay(project, later, BOTH[0])
    project.ingest(sources=[{"file": "2026-02-09.json", "assistant": "바다"}])
    assert project.texts() == [["안녕", "응"]]


def test_a_thread_is_a_dialogue_of_its_own_whatever_its_pauses(project: Any) -> None:
    begun = slack_message(9, 0, "하늘", "배포 언제 해?")
    begun["thread_ts"] = begun["ts"]
    answer = slack_message(15, 0, "바다", "이제 했어", thread_ts=begun["ts"])
    wide = slack_message(20, 0, "하늘", "고마워", thread_ts=begun["ts"], subtype="thread_broadcast")
    last = slack_message(20, 1, "바다", "뭘", thread_ts=begun["ts"])
    lay(project, begun, *BOTH, answer, wide, last)
    project.ingest(sources=[{"file": "2026-02-09.json", "assistant": "바다"}])
    assert project.texts() == [["배포 언제 해?", "이제 했어", "고마워", "뭘"], ["안녕", "응"]]


def test_days_of_a_channel_are_joined_before_they_are_cut(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    lay(project, slack_message(23, 50, "하늘", "자?"), name="2026-02-09.json")
    lay(project, slack_message(0, 10, "바다", "아니", day=10), name="2026-02-10.json")
    metrics = project.ingest()
    assert project.texts() == [["자?", "아니"]]
    assert metrics["sources"] == 2
    assert "read as one, being of one room: 2026-02-09.json, 2026-02-10.json" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("<@U012AB> 봐 <#C01|general> <!here>", "@<name> 봐 #general @here"),
        ("<https://example.com|여기> <https://example.com/b>", "여기 https://example.com/b"),
        ("<mailto:a@example.com|a@example.com>", "a@example.com"),
        ("<!subteam^S01|@팀> <!date^1^{date}|내일>", "@팀 내일"),
        (":joy: :+1::skin-tone-3: :flag-kr: :kr: :simple_smile:", "😂 👍🏼 🇰🇷 🇰🇷 🙂"),
        ("10:30:45에 :우리_이모지: :blob:", "10:30:45에 :우리_이모지: :blob:"),
    ],
)
def test_marks_become_what_a_person_reads(written: str, read: str) -> None:
    assert text_of(written) == read


def test_who_has_no_profile_is_known_by_the_number(project: Any) -> None:
    bare = slack_message(9, 7, "산", "나도")
    del bare["user_profile"]
    lay(project, *BOTH, bare)
    assert "the speakers are: 하늘 (1), 바다 (1), U03 (1)" in fault(project)
    project.ingest(sources=[{"file": "2026-02-09.json", "assistant": "U02"}])
    assert project.texts() == [["안녕", "응"]]


def test_a_message_that_is_none_is_named_by_its_place(project: Any) -> None:
    lay(project, *BOTH, "셋")
    assert "2026-02-09.json:[2]: expected a message: an object with user, text and ts" in fault(project)
    lay(project, *BOTH, slack_message(9, 7, "하늘", "뭐", ts=1770629707))
    assert "2026-02-09.json:[2]: no date and time: '1770629707'; expected 1770629707.000100" in fault(project)


def without_profile(message: dict[str, Any]) -> dict[str, Any]:
    """A message as older exports have it: with the number of its writer alone."""
    return {key: value for key, value in message.items() if key != "user_profile"}


PEOPLE = [
    {"id": "U01", "team_id": "T01", "name": "hn", "profile": {"real_name": "이하늘", "display_name": "하늘이네"}},
    {"id": "U02", "team_id": "T01", "name": "bd", "real_name": "김바다", "profile": {"real_name": "김바다"}},
    {"id": "U09", "team_id": "T01", "name": "sj", "profile": {"real_name": "박서준", "display_name": ""}},
]


def lay_workspace(project: Any, *messages: Any) -> None:
    files = {"general/2026-02-09.json": as_json([*map(without_profile, messages)]), "users.json": as_json(PEOPLE)}
    project.lay("slack.zip", zipped(files))


def test_names_are_those_of_the_list_of_people_where_messages_have_none(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_workspace(project, *BOTH, slack_message(9, 7, "하늘", "잘 가"))
    project.ingest()
    assert project.texts() == [["안녕", "응"]]
    assert "김바다 becomes the bot and 하늘이네 the user" in capsys.readouterr().out
    project.ingest(sources=[{"file": "slack.zip", "assistant": "이하늘"}])
    assert project.texts() == [["안녕", "응", "잘 가"]]


def test_names_of_the_list_of_people_who_speak_are_masked_in_texts(project: Any) -> None:
    lay_workspace(
        project, slack_message(9, 5, "하늘", "김바다 씨, 박서준 봤어?"), slack_message(9, 6, "바다", "이하늘이 봤대")
    )
    project.ingest()
    assert project.texts() == [["<name> 씨, 박서준 봤어?", "<name>이 봤대"]]


def test_a_list_of_people_beside_the_days_of_a_channel_is_read_with_them(project: Any) -> None:
    project.lay("2026-02-09.json", as_json([*map(without_profile, BOTH)]))
    project.lay("users.json", as_json(PEOPLE))
    project.ingest()
    assert project.texts() == [["안녕", "응"]]


@pytest.mark.parametrize(
    "people", ['[{"id": 1, "profile": {"real_name": 3}}]', '[{"profile": 1, "id": "U01", "real_name": 2}, 7]']
)
def test_a_list_of_people_that_is_not_as_slack_writes_it_gives_no_names(project: Any, people: str) -> None:
    project.lay("slack.zip", zipped({"a/2026-02-09.json": as_json(BOTH), "users.json": people}))
    project.ingest()
    assert project.texts() == [["안녕", "응"]]
