"""Folders in data/raw: their files are read as those in data/raw itself, and what no reader takes is left out."""

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.archives import zipped
from tests.corpus.test_archives import PHOTO, TABLE, places
from tinychat.errors import InputError


def other(number: int) -> str:
    return f"Q,A\n질문 {number},대답 {number}\n"


def test_the_files_of_a_folder_and_its_archives_are_read_and_their_places_are_named(project: Any) -> None:
    project.lay("chats/b.csv", other(1))
    project.lay("chats/a.zip", zipped({"x/talk.csv": other(2)}))
    project.lay("chats/c/d.csv.gz", gzip.compress(other(3).encode()))
    assert places(project) == ["chats/a.zip/x/talk.csv:2", "chats/b.csv:2", "chats/c/d.csv.gz:2"]


def test_pictures_of_a_folder_are_left_out_and_hidden_files_are_passed_over(project: Any) -> None:
    project.lay("chats/a.csv", TABLE)
    project.lay("chats/a.jpg", PHOTO)
    for name in (".hidden/b.csv", ".DS_Store", "README.md", "Thumbs.db", "~$b.xlsx"):
        project.lay(f"chats/{name}", "x")
    metrics = project.ingest()
    assert (metrics["rows_kept"], metrics["files_left_out"]) == (1, {"no_text": 1})


@pytest.mark.parametrize("name", ["chats/README.md", "chats/sub/.gitkeep"])
def test_a_folder_without_dialogues_is_an_error_and_not_the_sample(project: Any, name: str) -> None:
    project.lay(name, "x")
    with pytest.raises(InputError, match=r"chats: nothing in it can be read: it holds no files$"):
        project.ingest()


def test_a_damaged_archive_in_a_folder_is_an_error(project: Any) -> None:
    project.lay("chats/a.csv", TABLE)
    project.lay("chats/b.zip", zipped({"b.csv": TABLE})[:40])
    with pytest.raises(InputError, match=r"chats/b\.zip: the archive is cut or damaged"):
        project.ingest()


def test_assistant_in_a_suggestion_is_for_the_folder_or_for_the_file_that_is_named(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    record = "2026년 2월 9일 오전 9:0{}, {} : {}\n"
    lines = [record.format(n, "하늘바다"[n % 2 * 2 :][:2], f"말 {n}") for n in range(4)]
    project.lay("chats/talk.txt", "".join(lines))
    project.ingest()
    assert "corpus.sources: [{file: chats, assistant: 하늘}]" in capsys.readouterr().out
    project.ingest(sources=[{"file": "chats/talk.txt"}])
    assert "corpus.sources: [{file: chats/talk.txt, assistant: 하늘}]" in capsys.readouterr().out


@pytest.mark.parametrize("target", ["secret.csv", "secret"])
def test_a_link_that_leads_out_of_the_folder_is_refused(project: Any, target: str) -> None:
    project.lay("chats/a.csv", TABLE)
    (project.root / "secret").mkdir()
    (project.root / "secret/b.csv").write_text(TABLE, encoding="utf-8")
    (project.root / "secret.csv").write_text(TABLE, encoding="utf-8")
    (project.raw / "chats/link").symlink_to(project.root / target)
    with pytest.raises(InputError, match=r"chats/link: a link that leads out of .*/chats; put the file itself there"):
        project.ingest()


def test_links_within_the_folder_and_into_the_cache_of_dvc_are_followed(project: Any) -> None:
    project.lay("chats/a/a.csv", other(1))
    (project.raw / "chats/b.csv").symlink_to("a/a.csv")
    (project.raw / "chats/c").symlink_to("a")
    cached = project.root / ".dvc/cache/files/md5/ab" / ("0123456789" * 3)
    cached.parent.mkdir(parents=True)
    cached.write_text(other(2), encoding="utf-8")
    (project.raw / "chats/d.csv").symlink_to(cached)
    metrics = project.ingest()
    assert (metrics["rows_kept"], metrics["rows_dropped"]) == (2, {"repeat": 1})  # c is not walked: a is


def test_a_folder_that_is_a_link_itself_is_read(project: Any, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.csv").write_text(TABLE, encoding="utf-8")
    (project.raw / "chats").symlink_to(tmp_path / "elsewhere")
    assert places(project) == ["chats/a.csv:2"]


def test_a_link_to_nothing_and_a_pipe_in_a_folder_are_refused(project: Any) -> None:
    (project.raw / "chats").mkdir()
    (project.raw / "chats/a.csv").symlink_to("nowhere.csv")
    with pytest.raises(InputError, match=r"chats/a\.csv: a link to a file that is not there"):
        project.ingest()
    (project.raw / "chats/a.csv").unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(project.raw / "chats/b.csv")
        with pytest.raises(InputError, match=r"chats/b\.csv: a pipe, a socket or a device"):
            project.ingest()
