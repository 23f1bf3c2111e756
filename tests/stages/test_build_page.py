"""Stage build_page: the page of a trained model, and of one that no browser can run."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages import build_page
from tests.generation.models import Sample, save_sample
from tests.model.rotary import RotaryConfig
from tests.page.projects import REPLY, write_reports
from tests.page.test_building import carried
from tests.page.test_quoting import write_corpus
from tinychat.errors import InputError
from tinychat.files import write_json
from tinychat.model import DialogueModel
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import config_record
from tinychat.page.building import TRAINED_ON
from tinychat.page.fitting import Unfit, fit
from tinychat.page.without_model import TEXTS
from tinychat.params.loading import load_params
from tinychat.tokenizer import Tokenizer

LARGE = ClassicConfig(vocab_size=32_000, embed_dim=1024, n_layers=12, n_heads=16, ffn_dim=4096, max_len=512)


@pytest.fixture
def project(tmp_path: Path, repo: Path, model: DialogueModel, bpe: Tokenizer) -> Path:
    """A project's folder in which every stage before this one has run."""
    config = ClassicConfig(bpe.size, embed_dim=32, n_layers=2, n_heads=4, ffn_dim=64, max_len=48)
    (tmp_path / "models").mkdir()
    save_sample(Sample(config, model), bpe, tmp_path / build_page.MODEL)
    shutil.copy(repo / "params.yaml", tmp_path)
    write_reports(tmp_path)
    (tmp_path / TRAINED_ON).parent.mkdir(parents=True)
    write_corpus(tmp_path / TRAINED_ON, ["안녕", "반가워"], ["고마워", "내일 또 만나요"])
    return tmp_path


def build(project: Path, **params: dict[str, Any]) -> str:
    """The page, where these sections of params.yaml have these values."""
    path = project / "params.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, keys in params.items():
        values[section] |= keys
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    build_page.run(project)
    return (project / build_page.PAGE).read_text(encoding="utf-8")


def test_the_page_carries_what_the_stages_before_it_left(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = build(project)
    found = carried(page)
    assert found["config"]["embed_dim"] == 32
    assert found["replies"] == [{key: REPLY[key] for key in ("input", "output", "n_tokens", "mean_logprob")}]
    assert [(epoch["train_loss"], epoch["valid_loss"]) for epoch in found["history"]] == [(3.0, 2.5), (0.5, None)]
    assert found["numbers"]["dialogues"] == 3
    size = len(page.encode()) / 1e6
    assert capsys.readouterr().out == f"the page is {project / build_page.PAGE} ({size:.1f} MB)\n"


def test_it_is_as_params_say(project: Path) -> None:
    page = build(
        project, analyze={"prompts": ["잘 자", ["안녕", "네", "응"]]}, report={"language": "en"}, page={"bits": 8}
    )
    found = carried(page)
    assert found["examples"][:2] == [["잘 자"], ["안녕", "네", "응"]]
    assert found["language"] == "en" and '<html lang="en">' in page
    assert found["is_int8"]


def test_the_same_project_elsewhere_gives_the_same_bytes_and_no_path(project: Path) -> None:
    first = build(project)
    assert build(project) == first
    shutil.copytree(project, project / "elsewhere")
    assert build(project / "elsewhere") == first
    assert str(project) not in first


@pytest.mark.parametrize("bits", [5, "6", 7, None])
def test_a_number_of_bits_that_no_page_has_is_refused(project: Path, bits: object) -> None:
    with pytest.raises(InputError, match=r"page\.bits is .*; it must be 6 or 8"):
        build(project, page={"bits": bits})
    assert not (project / build_page.PAGE).exists()


class Checked(HTMLParser):
    """Whether each element that is opened is closed again, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    ("language", "said", "reason"),
    [
        ("ko", "주의: 페이지에 모델을 넣지 않았습니다. ", "가중치가 217,000,000개라서 페이지를 열려면 메모리가 약 1,"),
        ("en", "warning: the page does not hold the model. ", "with 217,000,000 weights, the page would need about 1,"),
    ],
)
def test_of_a_model_that_is_too_large_the_page_says_so_with_its_size_and_the_stage_goes_on(
    project: Path, capsys: pytest.CaptureFixture[str], language: str, said: str, reason: str
) -> None:
    write_json(project / build_page.MODEL / "config.json", config_record(LARGE))
    page = build(project, report={"language": language})
    Checked(page)
    assert len(page) < 5_000 and "<script" not in page
    assert reason in page
    assert "../reports/summary.html" in page and "tinychat chat" in page
    assert capsys.readouterr().out.startswith(said)


def test_models_of_the_projects_sizes_fit_and_a_long_context_does_not(repo: Path) -> None:
    for folder in (repo, repo / "examples/article"):
        config = load_params(folder).model.config(8000)
        assert fit(config) == config
    assert isinstance(fit(LARGE), Unfit)
    long_context = ClassicConfig(vocab_size=8000, embed_dim=256, n_layers=6, n_heads=8, ffn_dim=1024, max_len=1_000_000)
    assert isinstance(fit(long_context), Unfit)


def test_an_architecture_that_no_page_computes_is_named() -> None:
    unfit = fit(RotaryConfig(320, 32, 2, 4, 2, 64, 10_000, 64))
    assert unfit == Unfit("architecture", {"architecture": "rotary", "known": "classic"})


def test_every_reason_has_a_text_in_both_languages() -> None:
    assert TEXTS["ko"].keys() == TEXTS["en"].keys() >= {"architecture", "memory"}


def test_numbers_that_were_not_measured_are_left_out(project: Path) -> None:
    summary = json.loads((project / "reports/summary.json").read_text(encoding="utf-8"))
    measured = {"loss": 2.0, "replies": {"exact": 0.5}}
    summary["evaluation"] |= {"held_out": measured, "measures": {"name": {"accepted": 0.9}}}
    write_json(project / "reports/summary.json", summary)
    numbers = carried(build(project))["numbers"]
    assert (numbers["held_out_loss"], numbers["held_out_exact_share"], numbers["name_share"]) == (2.0, 0.5, 0.9)
    assert numbers["seen_exact_share"] is None
