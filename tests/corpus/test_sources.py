import shutil
import unicodedata
from typing import Any

import pytest

from tests.corpus.conftest import REPOSITORY
from tinychat.corpus.sources import list_sources
from tinychat.errors import InputError

TABLE = "Q,A\n{},{}\n"


def test_auto_takes_every_file_by_name_but_the_readme_hidden_files_and_dvcs(project: Any, corpus_params: Any) -> None:
    for name in ("b.csv", "a.jsonl", "README.md", ".gitignore", "b.csv.dvc", "가.csv"):
        project.lay(name, "x")
    assert [source.file for source in list_sources(project.raw, corpus_params())] == ["a.jsonl", "b.csv", "가.csv"]


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
    with pytest.raises(InputError, match=r"b\.csv: no such file\. In .*data/raw lies: a\.csv\.$"):
        project.ingest(sources=[{"file": "b.csv"}])


def test_a_file_name_may_be_decomposed_on_the_disk(project: Any) -> None:
    project.lay(unicodedata.normalize("NFD", "대화.csv"), TABLE.format("하나", "1"))
    project.ingest(sources=[{"file": "대화.csv"}])
    assert project.texts() == [["하나", "1"]]


@pytest.mark.parametrize("name", ["../secret.csv", "/etc/hosts"])
def test_a_file_outside_of_the_raw_folder_is_refused(project: Any, name: str) -> None:
    with pytest.raises(InputError, match="lies outside"):
        project.ingest(sources=[{"file": name}])


def test_a_source_named_twice_is_refused(project: Any) -> None:
    project.lay("a.csv", TABLE.format("하나", "1"))
    with pytest.raises(InputError, match=r"names a\.csv twice"):
        project.ingest(sources=[{"file": "a.csv"}, {"file": "a.csv"}])


def test_a_folder_among_the_raw_files_is_refused_not_overlooked(project: Any) -> None:
    project.lay("chats/a.csv", TABLE.format("하나", "1"))
    with pytest.raises(InputError, match=r"chats: a folder\. Lay its files into .*data/raw itself"):
        project.ingest()
    project.ingest(sources=[{"file": "chats/a.csv"}])
    assert project.texts() == [["하나", "1"]]


@pytest.mark.parametrize("sources", ["auto", [{"file": "mine.csv"}]])
def test_data_that_dvc_tracks_and_that_is_not_here_is_not_replaced_by_the_sample(project: Any, sources: Any) -> None:
    project.lay("mine.csv.dvc", "outs:\n- path: mine.csv\n")
    with pytest.raises(InputError, match=r"mine\.csv\.dvc tracks mine\.csv, which is not here\. Run: dvc pull"):
        project.ingest(sources=sources)
