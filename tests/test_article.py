"""`make article`: the article from top to bottom."""

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

import tinychat
from tests.forkserver import fast_python
from tests.page.browsers import COMMANDS, launched, opened

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def article(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    repo = Path(__file__).parents[1]
    root = tmp_path_factory.mktemp("article")
    (root / "data/raw").mkdir(parents=True)
    shutil.copy(repo / "examples/article/params.yaml", root)
    shutil.copy(repo / "examples/article/data/raw/article.jsonl", root / "data/raw")
    ended = subprocess.run(
        [fast_python(), "-m", "examples.article", "--root", str(root)],
        cwd=repo,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert ended.returncode == 0, ended.stderr
    return root, ended.stdout


def test_it_begins_with_the_articles_title_as_the_pages_of_the_project_name_it(
    article: tuple[Path, str], repo: Path
) -> None:
    title = "나만의 대화 생성형 모델 처음부터 만들기: 레이어 설계와 구현"
    assert article[1].startswith(f"# {title}\n")
    for page in ("README.md", "README.ko.md", "docs/design.md", "examples/article/params.yaml"):
        assert title in " ".join((repo / page).read_text(encoding="utf-8").split()), page


def test_about_twenty_lines_tell_the_loss_of_a_hundred_epochs_and_it_ends_below_a_hundredth(
    article: tuple[Path, str],
) -> None:
    lines = re.findall(r"^epoch +(\d+)/100  loss (\S+)", article[1], re.MULTILINE)
    assert [int(epoch) for epoch, _ in lines] == [1, *range(5, 101, 5)]
    assert float(lines[-1][1]) < 0.01


def test_the_greeting_is_answered_as_the_article_says(article: tuple[Path, str]) -> None:
    root, output = article
    assert "생성된 시퀀스: [1, 5, 2, 6, 7, 8]" in output
    assert "단어로: <user> 안녕 <bot> 나 기분 좋아" in output
    row = pd.read_csv(root / "outputs/generated_dialogue.csv").iloc[0]
    assert (row["input"], row["output"], row["finish_reason"]) == ("안녕", "나 기분 좋아", "stop")


def test_the_layers_have_the_articles_shapes(article: tuple[Path, str]) -> None:
    shapes = dict(re.findall(r"^(\S+) +(\[.*?\])", article[1], re.MULTILINE))
    assert shapes["input_layer.word_embedding"] == "[5000, 256]"
    assert shapes["input_layer.pos_embedding"] == "[128, 256]"
    assert shapes["input_layer.norm"] == "[256]"
    assert shapes["decoder_layers.0.ffn"] == "[256 -> 1024 -> 256]"
    assert shapes["output_layer"] == "[256, 5000]"


def test_its_hundred_steps_are_not_called_few(article: tuple[Path, str]) -> None:
    assert "are few" not in article[1]


def test_the_summary_has_the_articles_three_numbers(article: tuple[Path, str]) -> None:
    summary = re.search(r"모델 생성 요약: \{'레이어 수': 6, '최종 손실': (\S+), '생성된 토큰 수': 3\}", article[1])
    assert summary
    assert float(summary[1]) < 0.01


def test_nothing_is_held_out_and_the_summary_says_so(article: tuple[Path, str]) -> None:
    root, output = article
    assert "held_out: no dialogues" in output
    assert '"held_out": null' in (root / "reports/evaluate/metrics.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(COMMANDS))
def test_in_its_page_the_model_answers_as_in_python(article: tuple[Path, str], name: str) -> None:
    root, output = article
    assert f"페이지: {root / 'outputs/tinychat.html'}\n" in output
    bot = tinychat.load(root / "models/dialogue")
    with launched(name) as browser, opened(browser, root / "outputs/tinychat.html") as page:
        assert page.talk() == ["안녕", "나 기분 좋아"]
        for text in ("안녕", "나 안녕", "처음 듣는 말"):
            page.new_talk()
            assert page.say(text) == bot.reply(text).text
