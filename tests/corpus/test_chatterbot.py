import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinychat.errors import InputError

SAMPLE = {"sources": [{"package": "chatterbot-corpus"}]}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a chatterbot-corpus of one's own in front of the real one."""

    def install(version: str = "1.3.3", **files: str) -> None:
        site = tmp_path / "site"
        folder = site / "chatterbot_corpus/data/korean"
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / f"{name}.yml").write_text(content, encoding="utf-8")
        info = site / f"chatterbot_corpus-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: chatterbot-corpus\nVersion: {version}\n")
        monkeypatch.setattr(sys, "path", [str(site), *sys.path])

    return install


def test_a_long_list_is_a_question_and_its_alternative_answers(project: Any, package: Callable[..., None]) -> None:
    package(emotion="conversations:\n- - 슬퍼?\n  - 아니\n  - 조금\n  - 많이\n")
    project.ingest(**SAMPLE)
    assert project.texts() == [["슬퍼?", "아니"], ["슬퍼?", "조금"], ["슬퍼?", "많이"]]


@pytest.mark.parametrize("name", ["conversations", "greetings", "health"])
def test_in_the_three_conversational_files_a_list_is_turns(
    project: Any, package: Callable[..., None], name: str
) -> None:
    package(**{name: "conversations:\n- - 안녕\n  - 반가워\n  - 잘 지내?\n  - 응\n  - 그래\n"})
    metrics = project.ingest(**SAMPLE)
    assert project.texts() == [["안녕", "반가워", "잘 지내?", "응"]]
    assert metrics["messages_dropped"] == {"trailing_user": 1}


def test_a_bom_does_not_hide_the_first_key(project: Any, package: Callable[..., None]) -> None:
    package(science="\ufeffconversations:\n- - 물이 뭐야\n  - 산소와 수소\n")
    project.ingest(**SAMPLE)
    assert project.texts() == [["물이 뭐야", "산소와 수소"]]


def test_a_string_in_place_of_a_list_is_an_error(project: Any, package: Callable[..., None]) -> None:
    package(ai="conversations:\n- - 안녕\n  - 응\n- 안녕하세요\n")
    with pytest.raises(InputError, match=r"ai\.yml:2: '안녕하세요'\. Expected a list of lines"):
        project.ingest(**SAMPLE)


def test_a_word_that_yaml_takes_for_a_truth_value_is_an_error(project: Any, package: Callable[..., None]) -> None:
    package(ai="conversations:\n- - 안녕\n  - no\n")
    with pytest.raises(InputError, match=r"ai\.yml:1: line 2 is False\. Expected text; put it in quotes"):
        project.ingest(**SAMPLE)


def test_a_question_without_an_answer_is_dropped_and_counted(project: Any, package: Callable[..., None]) -> None:
    package(ai="conversations:\n- - 안녕\n- - 뭐해\n  - 쉬어\n")
    assert project.ingest(**SAMPLE)["rows_dropped"] == {"no_answer": 1}


def test_another_version_is_an_error_with_the_command_that_helps(project: Any, package: Callable[..., None]) -> None:
    package("9.0.0", ai="conversations:\n- - 안녕\n  - 응\n")
    with pytest.raises(InputError, match=r"9\.0\.0 is installed.*says 1\.3\.3\. Run: pip install chatterbot-corpus==1"):
        project.ingest(**SAMPLE)


def test_a_package_without_a_version_in_params_is_an_error(project: Any) -> None:
    with pytest.raises(InputError, match=r"corpus\.packages has no version for chatterbot-corpus"):
        project.ingest(**SAMPLE, packages={})


def test_a_package_that_is_not_installed_is_an_error(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(project.root)])
    with pytest.raises(InputError, match=r"is not installed\. Run: pip install chatterbot-corpus==1\.3\.3"):
        project.ingest(**SAMPLE)


def test_a_package_that_no_reader_knows_is_an_error(project: Any) -> None:
    with pytest.raises(InputError, match="no reader for the package 'pip'; there is chatterbot-corpus"):
        project.ingest(sources=[{"package": "pip"}])


def test_the_package_as_it_is(project: Any) -> None:
    pytest.importorskip("chatterbot_corpus", reason="the package chatterbot-corpus is not installed")
    sources = [{"package": "chatterbot-corpus"}]
    metrics = project.ingest(sources=sources, shares={"train": 0.9, "valid": 0.05, "test": 0.05})
    assert (metrics["rows_read"], metrics["rows_kept"]) == (648, 648)
    assert ["마음이 있니?", "조금."] in project.texts()
    # 454 lists: 410 are pairs or alternatives and make 604 dialogues, 44 are turns, 12 of these three or more.
    assert sum(len(texts) > 2 for texts in project.texts()) == 12
    assert metrics["overlap"]["valid"]["any_text"] + metrics["overlap"]["test"]["any_text"] <= 3
