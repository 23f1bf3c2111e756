"""`tinychat data audit`, as a process."""

import json
from pathlib import Path

import pytest

from tests.corpus.test_kakaotalk import windows
from tests.test_cli import run

CHAT = windows(
    "[김하늘] [9:05] 바다야 내 번호 010-0000-1234야. 다시, 010-0000-1234",
    "[바다] [9:06] 하늘아 https://example.com/a?token=1 봐",
    "[김하늘] [9:07] 공일공 일이삼사 오육칠팔, 생일은 5월 3일, 박민수씨가 줬어",
    "[바다] [9:08] 비번은 abc123! 테헤란로 152로 와",
)


@pytest.fixture
def folder(tmp_path: Path, repo: Path) -> Path:
    (tmp_path / "talk.txt").write_text(CHAT, encoding="utf-8")
    (tmp_path / "qa.csv").write_text("Q,A\n안녕,응\n", encoding="utf-8")
    params = (repo / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(params.replace("language: ko", "language: en"), encoding="utf-8")
    (tmp_path / "data/raw").mkdir(parents=True)
    return tmp_path


def set_params(folder: Path, before: str, after: str) -> None:
    path = folder / "params.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), encoding="utf-8")


def shown(folder: Path, *arguments: str) -> str:
    ended = run(folder, "data", "audit", *arguments)
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout.decode()


def test_what_is_masked_is_shown_in_context_and_what_no_rule_finds_beside_it(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    text = shown(folder, "talk.txt")
    for part in (
        "talk.txt: 1 dialogues",
        "<phone>  2 masked",
        "바다야 내 번호 [010-0000-1234]야. 다시, 010-0000-1234  (×2)",
        "<url>  1 masked",
        "<name>  2 masked",
        "  talk.txt:5  [하늘]아 https://example.com/a",
        "[공일공 일이삼사 오육칠팔]",
        "[생일은 5월 3일]",
        "[박민수]씨가",
        "[비번은 abc123!]",
        "[테헤란로 152]로",
        "No rule finds: names of people who do not speak in the file",
    ):
        assert part in text, part
    assert sorted(folder.rglob("*")) == before


def test_for_programs_it_is_json(folder: Path) -> None:
    found = json.loads(shown(folder, "talk.txt", "--json", "--examples", "1"))
    assert found["masked"] == {"url": 1, "phone": 2, "name": 2}
    assert found["examples"]["phone"] == [
        {
            "where": "talk.txt:5",
            "before": "바다야 내 번호 ",
            "found": "010-0000-1234",
            "after": "야. 다시, 010-0000-1234",
            "count": 2,
        }
    ]
    assert len(found["examples"]["name"]) == 1
    assert found["not_masked"] == {
        "numbers in words": 1,
        "birthdays": 1,
        "addresses": 1,
        "passwords": 1,
        "names": 1,
    }


def test_without_a_path_the_files_of_params_are_read(folder: Path) -> None:
    for name in ("talk.txt", "qa.csv"):
        (folder / name).rename(folder / "data/raw" / name)
    text = shown(folder)
    assert "data/raw/qa.csv, data/raw/talk.txt: 2 dialogues" in text and "<phone>  2 masked" in text


def test_the_settings_of_params_count(folder: Path) -> None:
    (folder / "data/raw/words.txt").write_text("테헤란로\n", encoding="utf-8")
    set_params(folder, "leave: []", "leave: [url]")
    set_params(folder, "block_list:  ", "block_list: words.txt  ")
    text = shown(folder, "talk.txt")
    assert "left as they are (corpus.mask.leave): url" in text and "<url>  " not in text
    assert "<blocked>  1 masked" in text
    set_params(folder, "enabled: true", "enabled: false")
    text = shown(folder, "talk.txt")
    assert "masking is off (corpus.mask.enabled: false); this is what it would mask" in text and "<phone>  2" in text


def test_nothing_found_is_said(folder: Path) -> None:
    text = shown(folder, "qa.csv")
    assert "nothing was masked" in text and "  none\n" in text


def test_inspect_counts_what_is_masked_and_convert_masks_it(folder: Path) -> None:
    ended = run(folder, "data", "inspect", "talk.txt")
    assert "masked     name 2, phone 2, url 1; examples: tinychat data audit talk.txt" in ended.stdout.decode()
    run(folder, "data", "convert", "talk.txt", "-o", "out.jsonl")
    text = (folder / "out.jsonl").read_text(encoding="utf-8")
    assert "<phone>" in text and "010-0000" not in text and "하늘" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "data/raw holds no dialogues of yours; name a file: tinychat data audit FILE"),
        (("--assistant", "바다"), "about a file: --assistant; name it"),
    ],
)
def test_a_fault_is_one_line(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    ended = run(folder, "data", "audit", *arguments)
    assert ended.returncode == 2
    assert message in ended.stderr.decode().splitlines()[-1]
