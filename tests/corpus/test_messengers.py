"""What holds for the exports of every messenger, in the form of each."""

from typing import Any

import pytest

from tests.corpus.messenger_samples import DIALOGUES, FILES


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_same_talk_is_read_from_each_export(
    project: Any, capsys: pytest.CaptureFixture[str], name: str, end: str
) -> None:
    project.lay(name, FILES[name].replace("\r\n", "\n").replace("\n", end))
    metrics = project.ingest()
    assert project.texts() == DIALOGUES
    assert metrics["readers"].keys() == {name.partition("-")[0].partition(".")[0]}
    assert metrics["messages_dropped"] == {"trailing_user": 1}
    assert "바다 becomes the bot and 하늘 the user" in capsys.readouterr().out


@pytest.mark.parametrize("name", FILES)
def test_the_bot_may_be_the_other_one_and_a_pause_may_be_longer(project: Any, name: str) -> None:
    project.lay(name, FILES[name])
    project.ingest(sources=[{"file": name, "assistant": "하늘", "gap_minutes": 10_000}])
    (dialogue,) = project.dialogues()
    assert [turn.content for turn in dialogue.turns] == [*DIALOGUES[0], "나도 😄\n저녁 먹었어?"]
