import os
import shutil
import socket
import sys
import unicodedata
from typing import Any

import pytest

from tests.corpus.conftest import REPOSITORY
from tinychat.corpus.sources import list_sources
from tinychat.errors import InputError

TABLE = "Q,A\n{},{}\n"


def test_auto_takes_every_file_by_name_but_the_readme_hidden_files_and_dvcs(project: Any, corpus_params: Any) -> None:
    ignored = ("README.md", ".gitignore", "b.csv.dvc", "~$b.xlsx", ".~lock.b.ods#", "__MACOSX/._b.csv")
    for name in ("b.csv", "a.jsonl", "가.csv", *ignored):
        project.lay(name, "x")
    assert [source.file for source in list_sources(project.raw, corpus_params())] == ["a.jsonl", "b.csv", "가.csv"]


@pytest.mark.slow
def test_where_nothing_lies_the_sample_is_taken_and_told(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    project.lay("README.md", "what may lie here")
    shutil.copytree(REPOSITORY / "data/starter", project.root / "data/starter")
    assert list(project.ingest()["readers"]) == ["starter"]
    assert f"{project.raw} holds no dialogues: taking the sample" in capsys.readouterr().out


def test_sources_are_read_in_the_order_of_their_names_however_params_lists_them(project: Any) -> None:
    project.lay("a.csv", TABLE.format("하나", "1"))
    project.lay("b.csv", TABLE.format("둘", "2"))
    project.ingest(sources=[{"file": "b.csv"}, {"file": "a.csv"}])
    assert project.texts() == [["하나", "1"], ["둘", "2"]]


def test_only_the_named_files_are_read(project: Any) -> None:
    project.lay("a.csv", TABLE.format("하나", "1"))
    project.lay("b.csv", TABLE.format("둘", "2"))
    project.ingest(sources=[{"file": "b.csv"}])
    assert project.texts() == [["둘", "2"]]


def test_a_missing_file_names_what_lies_there(project: Any) -> None:
    project.lay("a.csv", "x")
    project.lay("README.md", "x")
    with pytest.raises(InputError, match=r"b\.csv: no such file\. .*data/raw contains: a\.csv\.$"):
        project.ingest(sources=[{"file": "b.csv"}])


def test_a_file_name_may_be_decomposed_on_the_disk(project: Any) -> None:
    project.lay(unicodedata.normalize("NFD", "대화.csv"), TABLE.format("하나", "1"))
    project.ingest(sources=[{"file": "대화.csv"}])
    assert project.texts() == [["하나", "1"]]


@pytest.mark.parametrize("name", ["../secret.csv", "/etc/hosts"])
def test_a_file_outside_of_the_raw_folder_is_refused(project: Any, name: str) -> None:
    with pytest.raises(InputError, match="is outside"):
        project.ingest(sources=[{"file": name}])


def test_a_source_named_twice_is_refused(project: Any) -> None:
    project.lay("a.csv", TABLE.format("하나", "1"))
    with pytest.raises(InputError, match=r"names a\.csv twice"):
        project.ingest(sources=[{"file": "a.csv"}, {"file": "a.csv"}])


def test_a_folder_among_the_raw_files_is_a_source(project: Any) -> None:
    project.lay("chats/a.csv", TABLE.format("하나", "1"))
    project.lay("chats/b/c.csv", TABLE.format("둘", "2"))
    project.ingest()
    assert project.texts() == [["하나", "1"], ["둘", "2"]]
    project.ingest(sources=[{"file": "chats"}])
    assert project.texts() == [["하나", "1"], ["둘", "2"]]
    project.ingest(sources=[{"file": "chats/a.csv"}])
    assert project.texts() == [["하나", "1"]]


@pytest.mark.parametrize("sources", ["auto", [{"file": "mine.csv"}]])
def test_data_that_dvc_tracks_and_that_is_not_here_is_not_replaced_by_the_sample(project: Any, sources: Any) -> None:
    project.lay("mine.csv.dvc", "outs:\n- path: mine.csv\n")
    with pytest.raises(InputError, match=r"mine\.csv\.dvc tracks mine\.csv, which is not here\. Run: dvc pull"):
        project.ingest(sources=sources)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_file_name_that_is_not_utf_8_is_an_error_that_names_it_in_print(project: Any) -> None:
    project.lay(os.fsdecode("대화.csv".encode("cp949")), TABLE.format("하나", "1"))
    with pytest.raises(InputError) as error:
        project.ingest()
    assert str(error.value) == (
        f"{project.raw}/\\xb4\\xeb\\xc8\\xad.csv: the file's name is not UTF-8 "
        "(in CP949, as a ZIP from Windows has it: 대화.csv); rename the file"
    )


@pytest.mark.parametrize("name", [" ", "\u3000", "\u00a0 "])
def test_a_blank_file_name_is_an_error_that_asks_for_another(project: Any, name: str) -> None:
    project.lay(name, TABLE.format("하나", "1"))
    with pytest.raises(InputError, match=r"data/raw: the name of a file in it is blank \('.+'\); rename that file$"):
        project.ingest()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in this file system")
@pytest.mark.parametrize("sources", ["auto", [{"file": "it"}]])
@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_a_pipe_or_a_socket_is_refused_as_what_it_is(
    project: Any, monkeypatch: pytest.MonkeyPatch, kind: str, sources: Any
) -> None:
    monkeypatch.chdir(project.raw)  # the name of a socket may not be long
    if kind == "pipe":
        os.mkfifo("it")
    else:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("it")
    with pytest.raises(InputError, match=r"raw/it: a pipe, a socket or a device, not a file; remove it$"):
        project.ingest(sources=sources)


def test_a_link_to_nothing_asks_for_dvc_pull(project: Any) -> None:
    (project.raw / "a.csv").symlink_to("nowhere.csv")
    with pytest.raises(InputError, match=r"a\.csv: a link to a file that is not there\. If DVC made it, run: dvc pull"):
        project.ingest()
