import csv
import io
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from stages import export_csv, summarize
from tinychat.corpus.overlap import Overlap
from tinychat.corpus.places import LEFT_OUT
from tinychat.errors import InputError
from tinychat.files import read_json, to_csv, to_json_lines, write_atomically, write_json
from tinychat.inspection.export import sentence_record, write_layer_report
from tinychat.inspection.layers import list_layers
from tinychat.inspection.trace import trace_sequence
from tinychat.inspection.words import Language, words_of_pictures
from tinychat.model import DialogueModel
from tinychat.report.words import words_of
from tinychat.tokenizer import Tokenizer

HOSTILE = '<script>a|`b`$c_1$&"\n'
SPLITS = ("train", "valid", "test")
VOID = {"meta", "br", "link", "img", "input", "hr"}


def mixed(train: int, repetitions: float, share: float) -> dict[str, Any]:
    """A source in the metrics of the corpus."""
    return {
        **{"train": train, "valid": 0, "test": 0, "answers": train},
        **{"repetitions": repetitions, "share": share, "kept_whole": train < 600},
    }


def measured(exact: float, asked: int) -> dict[str, Any]:
    return {
        "dialogues": asked,
        "answer_tokens": 300,
        "loss": 1.5,
        "perplexity": 4.4817,
        "bits_per_byte": 0.9,
        "bytes_per_token": 5.9,
        "next_token_accuracy": 0.62,
        "replies": {
            "asked": asked,
            "exact": exact,
            "char_f1": 0.4,
            "copied": 0.5,
            "distinct_1": 0.6,
            "distinct_2": 0.7,
            "ends_by_itself": 1.0,
        },
        "baselines": {
            "unigram": {"loss": 5.5, "perplexity": 244.7, "bits_per_byte": 1.9},
            "nearest_question": {"exact": 0.1, "char_f1": 0.2},
            "nearest_dialogue": {"exact": 0.1, "char_f1": 0.2},
        },
    }


@dataclass
class Project:
    """A project's folder in which every stage before this one has run."""

    root: Path
    model: DialogueModel
    tokenizer: Tokenizer

    def write(
        self,
        *,
        said: str = "나 기분 좋아",
        held_out: bool = True,
        language: Language = "ko",
        mixture: dict[str, Any] | None = None,
        scores: dict[str, Any] | None = None,
        asked: int = 200,
    ) -> None:
        """Reports on a model that was asked `said` and says it again, and `asked` questions in the evaluation."""
        params = (Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8")
        params = re.sub(r"(?m)^  language: \w+", f"  language: {language}", params)
        write_atomically(self.root / "params.yaml", params)
        reports = self.root / "reports"
        rows = {"sources": 1, "rows_read": 60, "rows_kept": 50, "rows_dropped": {"repeat": 8, "odd": 2}}
        sizes = {"dialogues": 40, "turns": 80, "characters": 900}
        corpus = {
            **rows,
            "readers": {"qa_table": rows},
            "splits": {name: sizes if name == "train" or held_out else dict.fromkeys(sizes, 0) for name in SPLITS},
            **{"files_left_out": {}, "messages_dropped": {"trailing_user": 6}, "parts_dropped": {}, "masked": {}},
            "texts": {
                "letters": {"hangul": 900, "latin": 90, "other": 10},
                "turns": {"1-2": 30, "3-4": 10},
                "message_letters": {"1-5": 20, "6-10": 60},
            },
            "groups": {"count": 33, "largest": 3, "near_texts": 4, "dialogues_taken_apart": 20},
            "overlap": {"valid": asdict(Overlap()), "test": asdict(Overlap(7, 5, 4, 3, 2, 40, 10, 20, 9))},
            "mixture": mixture or {"source_1": mixed(40, 1, 1.0)},
            "learnt": {"exchanges": 40, "questions": 38, "answers": 39, "rephrased": 0},
        }
        prepared = {"dialogues": 40, "examples": 40, "answers": 40, "tokens": 700, "tokens_with_loss": 400}
        prepared |= {"long_dialogues": 0, "answers_cut": 0, "answers_dropped_too_long": 0}
        trained = {
            "train_loss": 0.123456,
            "final_train_loss": 0.123456,
            "epochs": 2,
            "epochs_planned": 2,
            "epochs_reason": "given",
            "kept_epoch": 2,
            "steps": 20,
            "stopped_early": False,
        }
        valid = [2.5, 2.0] if held_out else ["", ""]
        history = [(1, 10, 0.001, 3.0, valid[0]), (2, 20, 0.001, 0.123456, valid[1])]
        vocab = {"size": 312, "ceiling": 5000, "characters_per_token": 2.2, "unknown_share": 0.0}
        write_json(reports / "corpus/metrics.json", corpus)
        names = {key: {"name": f"{key}.csv", "format": "qa_table"} for key in corpus["mixture"]}
        write_json(self.root / "data/overview/sources.json", names)
        places = {key: {} for key in LEFT_OUT} | {
            "rows_dropped": {"repeat": ["b.csv:3", "b.csv:9"], "odd": ["b.csv:5", "a.csv:2"]}
        }
        write_json(self.root / "data/overview/places.json", places)
        write_json(reports / "vocab/metrics.json", {**vocab, "tokens_in_training_text": 700})
        write_json(reports / "prepare/metrics.json", dict.fromkeys(SPLITS, prepared))
        trained |= {"valid_loss": 2.0 if held_out else None, "parameters": 12345}
        write_json(reports / "train/metrics.json", trained)
        header = ("epoch", "step", "learning_rate", "train_loss", "valid_loss")
        write_atomically(reports / "train/history.csv", to_csv(header, history, bom=False))
        evaluation = {"seen": measured(0.9, asked), "held_out": measured(0.05, asked) if held_out else None}
        evaluation |= {"sources": scores} if scores else {}
        write_json(reports / "evaluate/metrics.json", evaluation)
        shape = {"vocab_size": 312, "embed_dim": 32, "n_layers": 2, "n_heads": 4, "ffn_dim": 64, "max_len": 48}
        runtime = {"device": "cpu", "precision": "fp32", "threads": 2}
        settings = {"model": shape, "train": {"seed": 0, "patience": None}, "runtime": runtime, "torch": "2.13.0"}
        write_json(self.root / "models/dialogue/config.json", {"architecture": "classic", **shape})
        write_json(self.root / "models/dialogue/training.json", settings)
        reply = {"input": said, "seen": "trained", "output": said, "finish_reason": "stop", "mean_logprob": -0.5}
        replies = [{**reply, "token_ids": [5, 6, 7], "n_tokens": 3}]
        silent = {"input": "=1+1", "output": "", "token_ids": [], "n_tokens": 0}
        replies.append({**silent, "finish_reason": "length", "mean_logprob": -2.0})
        write_atomically(self.root / export_csv.REPLIES, to_json_lines(replies))
        export_csv.run(self.root)
        self._write_layers(reports / "layers", said, language)

    def _write_layers(self, folder: Path, said: str, language: Language) -> None:
        prompt = self.tokenizer.encode_prompt([{"role": "user", "content": said}], max_len=48, reply_tokens=8)
        ids = [*prompt, *self.tokenizer.encode("안녕")]
        sentence = sentence_record(said, len(prompt), trace_sequence(self.model, ids), self.tokenizer)
        folder.mkdir(parents=True, exist_ok=True)
        write_layer_report(folder, list_layers(self.model), [sentence, sentence], words_of_pictures(language))

    def summarize(self) -> dict[str, str]:
        """Both files as text, by their ending."""
        summarize.run(self.root)
        return {kind: (self.root / f"reports/summary.{kind}").read_text(encoding="utf-8") for kind in ("json", "html")}


@pytest.fixture
def project(tmp_path: Path, model: DialogueModel, bpe: Tokenizer) -> Project:
    made = Project(tmp_path, model, bpe)
    made.write()
    return made


@dataclass
class Page(HTMLParser):
    """What a browser would find in a page."""

    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)  # by the tag they stand in
    open_tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    __hash__ = object.__hash__

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open_tags.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open_tags.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open_tags[-1] if self.open_tags else "", []).append(data)


def read_page(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    assert page.open_tags == []
    return page


def rows_of(html: str, first: str) -> list[list[str]]:
    """The cells of the table that has a row of this name, from that row on."""
    table = next(table for table in html.split("<table")[1:] if f">{first}<" in table).partition("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table[table.rindex("<tr>", 0, table.index(f">{first}<")) :], re.DOTALL)
    return [[re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row)] for row in rows]


def test_the_numbers_begin_with_the_three_of_the_article(project: Project) -> None:
    numbers = json.loads(project.summarize()["json"])
    assert list(numbers)[:3] == ["레이어 수", "최종 손실", "생성된 토큰 수"]
    assert list(numbers.values())[:3] == [2, 0.123456, 3]
    assert all(key.isascii() for key in list(numbers)[3:])
    assert numbers["evaluation"]["held_out"]["baselines"]["unigram"]["loss"] == 5.5
    assert numbers["runtime"] == {"device": "cpu", "precision": "fp32", "threads": 2, "torch": "2.13.0"}
    assert numbers["replies"] == {"count": 2, "ended_by_themselves": 1}


def test_the_same_reports_give_the_same_bytes_and_no_path(project: Project) -> None:
    first = project.summarize()
    shutil.copytree(project.root, project.root / "elsewhere")
    assert Project(project.root / "elsewhere", project.model, project.tokenizer).summarize() == first
    assert not [text for text in first.values() if str(project.root) in text]


@pytest.mark.slow
def test_what_was_said_is_text_and_nothing_else_on_the_page(project: Project) -> None:
    project.write(said=HOSTILE)
    page = read_page(project.summarize()["html"])
    assert "script" not in page.tags
    bubbles = [text for text in page.texts["bdi"] if text == HOSTILE]
    assert len(bubbles) >= 4  # prompt and reply, and the prompt of each sentence
    assert [text for text in page.texts["text"] if "<script>" in text or "$" in text]


def test_a_prompt_that_the_table_of_replies_guards_is_shown_as_it_was_typed(project: Project) -> None:
    html = project.summarize()["html"]
    assert "=1+1" in read_page(html).texts["bdi"]
    assert "'=1+1" not in html


@pytest.mark.slow
def test_characters_that_have_no_place_in_a_page_leave_a_sign(project: Project) -> None:
    characters = "\x07\x9b\u202e\u2066\u200f\u061c"
    project.write(said="".join(f"종{character}" for character in characters))
    html = project.summarize()["html"]
    assert "종\ufffd" * len(characters) in html and not set(characters) & set(html)


def test_the_page_needs_no_network_and_no_script(project: Project) -> None:
    html = project.summarize()["html"]
    page = read_page(html)
    assert not {"script", "link", "iframe", "object", "img", "base"} & set(page.tags)
    loading = [value for name, value in page.attributes if name in ("src", "href", "xlink:href", "action", "data")]
    loading.remove("../outputs/tinychat.html")  # a link
    assert loading and all(value.startswith(("#", "data:image/png;base64,")) for value in loading)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    styles = "".join(page.texts["style"])
    assert "@import" not in styles and "url(" not in styles
    addresses = set(re.findall(r"https?://[^\s\"'<]*", html))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:") in page.attributes


def test_every_name_on_the_page_stands_once_and_every_reference_is_met(project: Project) -> None:
    page = read_page(project.summarize()["html"])
    names = [value for name, value in page.attributes if name == "id"]
    assert len(set(names)) == len(names)
    targets = {value[1:] for name, value in page.attributes if name in ("href", "xlink:href") and value[0] == "#"}
    targets |= {value[5:-1] for name, value in page.attributes if name == "clip-path"}
    assert targets and targets <= set(names)


def test_hangul_is_real_text_in_the_pictures(project: Project) -> None:
    texts = read_page(project.summarize()["html"]).texts["text"]
    assert {"학습", "검증", "에폭"} <= set(texts)
    assert [text for text in texts if any("가" <= char <= "힣" for char in text) and text not in ("학습", "검증")]


def test_the_page_shows_every_part(project: Project) -> None:
    html = project.summarize()["html"]
    page = read_page(html)
    text = " ".join(text for texts in page.texts.values() for text in texts)
    for part in (
        "60행을 읽어 50행을 남기고 10행을 버렸다",
        "b.csv:3, b.csv:9, …",
        "토큰 312개",
        "12,345",
        "2.13.0",
        "patience null",
    ):
        assert part in text
    for layer in ("input_layer.word_embedding", "ffn", "output_layer", "softmax"):
        assert layer in page.texts["code"]
    assert "[32 → 64 → 32]" in text
    assert page.tags.count("svg") == 1 + 2 * 2
    for word in ("스스로 끝냄", "길이 제한에서 끊김", "평균 확률 61%", "(아무 말 없이 끝냈다)", "베끼기", "빈도만"):
        assert word in text


@pytest.mark.slow
def test_where_nothing_was_held_out_it_is_said_in_words(project: Project) -> None:
    project.write(held_out=False)
    summary = project.summarize()
    assert json.loads(summary["json"])["evaluation"]["held_out"] is None
    html = summary["html"]
    assert "떼어 둔 질문 가운데 채점할 것이 없다" in html and "처음 보는 대화" not in html
    assert not re.search(r"\b(None|nan|NaN|null)\b", html.replace("patience null", ""))
    assert "검증" not in read_page(html).texts["text"]


@pytest.mark.slow
def test_the_page_is_in_the_language_that_params_name(project: Project) -> None:
    korean = project.summarize()
    project.write(language="en")
    english = project.summarize()
    assert english["json"] == korean["json"]
    assert '<html lang="en">' in english["html"] and "It has memorised" in english["html"]
    assert '<html lang="ko">' in korean["html"] and "이해했다기보다 외웠다" in korean["html"]
    said = {"나", "기분", "좋아", "안녕", "나 기분 좋아"}
    shown = [text for texts in read_page(english["html"]).texts.values() for text in texts]
    words = set(re.findall("[가-힣 ]*[가-힣]", " / ".join(shown)))
    assert {word.strip() for word in words} <= said


@pytest.mark.slow
def test_the_table_is_read_as_a_spreadsheet_would_have_saved_it(project: Project) -> None:
    path = project.root / summarize.TABLE
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerows(rows)
    first = project.summarize()
    path.write_bytes(buffer.getvalue().encode("utf-8-sig"))
    assert project.summarize() == first


@pytest.mark.parametrize(
    "missing", ["reports/evaluate/metrics.json", "reports/layers/norms-2.svg", "models/dialogue/training.json"]
)
@pytest.mark.slow
def test_a_missing_report_is_named_and_nothing_is_written(project: Project, missing: str) -> None:
    (project.root / missing).unlink()
    with pytest.raises(InputError, match=re.escape(str(project.root / missing))):
        project.summarize()
    assert list((project.root / "reports").glob("summary.*")) == []


def test_replies_of_two_runs_are_not_mixed(project: Project) -> None:
    replies = project.root / summarize.REPLIES
    replies.write_text(replies.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="run export_csv again"):
        project.summarize()


def test_a_damaged_report_is_an_error_for_people(project: Project) -> None:
    (project.root / "reports/train/metrics.json").write_text('{"train_loss": ', encoding="utf-8")
    with pytest.raises(InputError, match="damaged"):
        project.summarize()
    assert read_json(project.root / "reports/vocab/metrics.json")["size"] == 312


def test_what_held_out_dialogues_share_with_training_is_told(project: Project) -> None:
    page = project.summarize()["html"]
    assert "대화 20개는 같은 말이 너무 자주 되풀이되어" in page
    assert "7개는 학습에 나온 말이 있고, 5개는 학습한 질문으로, 4개는 학습한 답으로 끝난다" in page
    assert "답 9개 가운데 2개는 학습에 (거의) 같은 질문과 답이 있어서 채점하지 않는다" in page


def test_what_was_masked_is_told_by_its_kind(project: Project) -> None:
    file = project.root / "reports/corpus/metrics.json"
    assert "가린 개인정보" not in project.summarize()["html"]
    write_json(file, read_json(file) | {"masked": {"name": 12, "phone": 3000}})
    assert chart_of(project.summarize()["html"], "가린 개인정보") == [
        ("<phone>", "3,000", 1.0),
        ("<name>", "12", 0.004),
    ]


def chart_of(html: str, title: str) -> list[tuple[str, str, float | None]]:
    """The bars of a chart: name, figure, length."""
    chart = html.partition(f"<h4>{title}</h4>")[2].partition("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", chart, re.DOTALL)
    found = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    lengths = [re.search(r"--share: ([\d.]+)", row) for row in rows]
    return [
        (unescape(cells[0]), cells[1], float(length[1]) if length else None)
        for cells, length in zip(found, lengths, strict=True)
    ]


def test_what_it_learned_from_is_shown_in_numbers_and_bars(project: Project) -> None:
    html = project.summarize()["html"]
    assert chart_of(html, "글자의 종류") == [
        *(("한글", "900 (90.0%)", 0.9), ("로마자", "90 (9.0%)", 0.09), ("그 밖", "10 (1.0%)", 0.01))
    ]
    assert chart_of(html, "대화의 길이(발화 수)") == [("1–2", "30 (75.0%)", 0.75), ("3–4", "10 (25.0%)", 0.25)]
    assert chart_of(html, "발화의 길이(글자 수)") == [("1–5", "20 (25.0%)", 0.25), ("6–10", "60 (75.0%)", 0.75)]
    assert chart_of(html, "나눈 크기")[0] == ("학습", "40 (33.3%)", 0.3333)
    repeats = chart_of(html, "되풀이와 닮은 글")
    assert repeats[:2] == [("되풀이되어 버린 대화", "8 (13.3%)", 0.1333), ("닮은 글이 따로 있는 글", "4", None)]
    assert repeats[2:] == [
        ("시험: 끝 질문이 학습과 닮음", "10 (25.0%)", 0.25),
        ("시험: 끝 대답이 학습과 닮음", "20 (50.0%)", 0.5),
    ]
    tokens = {name: figure for name, figure, _ in chart_of(html, "토큰과 잘린 몫")}
    assert tokens["토큰당 바이트(처음 보는 답)"] == "5.90"
    assert tokens["창으로 나눈 대화"] == "0 (0%)"


def test_what_was_left_out_is_told_with_its_places_and_no_text(project: Project) -> None:
    html = project.summarize()["html"]
    assert chart_of(html, "버린 행과 까닭") == [("되풀이", "8", 1.0), ("odd", "2", 0.25)]
    places = re.findall(r'<td colspan="3"><bdi>(.*?)</bdi>', html)
    assert places == ["b.csv:3, b.csv:9, …", "b.csv:5, a.csv:2"]
    assert chart_of(html, "뺀 발화와 까닭") == [("대답이 없는 끝 질문", "6", 1.0)]
    assert "읽지 않은 파일" not in html


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "shares"),
    [
        ("ko", ["모델이 맞힌 비율", "가장 비슷한 질문의 대답을 베꼈다면", "학습한 대답을 그대로 말한 비율"]),
        (
            "en",
            [
                "answered right by the model",
                "by copying the nearest question&#39;s answer",
                "replies that are a training answer",
            ],
        ),
    ],
)
def test_what_the_amount_of_data_can_give_stands_beside_the_baseline_and_the_copied_replies(
    project: Project, language: Language, shares: list[str]
) -> None:
    project.write(language=language)
    html = project.summarize()["html"]
    part = html.partition(f"<h3>{words_of(language)('outlook')}</h3>")[2].partition("</table>")[0]
    assert re.findall(r'<th scope="row">(.*?)</th><td class="number">(.*?)</td>', part) == [
        *((shares[0], "5.0%"), (shares[1], "10.0%"), (shares[2], "50.0%"))
    ]
    assert words_of(language)("amount_few", questions="38", answers="39") in part
    project.write(language=language, held_out=False)
    part = project.summarize()["html"].partition(f"<h3>{words_of(language)('outlook')}</h3>")[2].partition("<h3>")[0]
    assert words_of(language)("nothing_held_out") in part and "<table" not in part


def another_shape(file: Path) -> None:
    settings = read_json(file)
    write_json(file, settings | {"model": settings["model"] | {"n_heads": 2}})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (another_shape, "n_heads is 2, but config.json says 4; they are not of one model"),
        (lambda file: write_json(file, {}), "damaged, model is missing; `dvc repro --force train`"),
        (lambda file: write_json(file, read_json(file) | {"runtime": {"device": "cpu"}}), "runtime.precision"),
        (lambda file: write_json(file, [1]), "damaged, its content is [1]"),
        (lambda file: file.write_bytes(b"\xff"), "damaged, 'utf-8' codec"),
        (lambda file: (file.unlink(), file.mkdir()), "is not a file; remove it"),
    ],
    ids=["another shape", "nothing", "no precision", "a list", "no UTF-8", "a folder"],
)
@pytest.mark.slow
def test_a_training_record_that_is_not_of_this_model_is_named_and_nothing_is_written(
    project: Project, damage: Callable[[Path], object], message: str
) -> None:
    file = project.root / "models/dialogue/training.json"
    damage(file)
    with pytest.raises(InputError, match=re.escape(f"{file}: ")) as refused:
        project.summarize()
    assert message in str(refused.value)
    assert list((project.root / "reports").glob("summary.*")) == []


def two_sources() -> dict[str, Any]:
    score = {"asked": 40, "exact": 0.975}
    return {
        "mixture": {"source_1": mixed(40, 71.05, 0.05), "source_2": mixed(24_000, 1, 0.95)},
        "scores": {
            "source_1": {"seen": score, "held_out": None},
            "source_2": {"seen": score, "held_out": {"asked": 250, "exact": 0.8}},
        },
    }


def test_each_source_is_named_on_the_page_with_its_part_and_its_score(project: Project) -> None:
    project.write(language="en", **two_sources())
    assert rows_of(project.summarize()["html"], "source_1.csv") == [
        ["source_1.csv", "qa_table", "40", "0", "71.05", "5.0%", "97.5% of 40", "–"],
        ["source_2.csv", "qa_table", "24,000", "0", "1", "95.0%", "97.5% of 40", "80.0% of 250"],
    ]


def test_names_of_sources_are_not_in_the_numbers(project: Project) -> None:
    project.write(**two_sources())
    numbers = project.summarize()["json"]
    assert "source_1" in numbers and ".csv" not in numbers


def test_the_only_source_of_a_corpus_is_named_too(project: Project) -> None:
    html = project.summarize()["html"]
    assert rows_of(html, "source_1.csv") == [["source_1.csv", "qa_table", "40", "0", "1", "100%"]]
    assert words_of("ko")("sources.scores") not in html


def test_whether_a_prompt_was_trained_on_stands_below_its_reply(project: Project) -> None:
    project.write(language="en")
    metas = [text for text in read_page(project.summarize()["html"]).texts["p"] if "tokens: " in text]
    assert [text.split(" · ")[0] for text in metas] == ["trained on", "cut at the length limit"]


def test_no_finding_is_good_where_few_questions_were_asked(project: Project) -> None:
    project.write(asked=12)
    page = read_page(project.summarize()["html"])
    assert ("class", "good") not in page.attributes
    project.write(asked=200)
    assert ("class", "good") in read_page(project.summarize()["html"]).attributes


@pytest.mark.parametrize(
    ("language", "amount", "copies"),
    [
        ("en", "warning: 38 questions with 39 answers", "warning: Of its replies to questions it never saw, 50.0%"),
        ("ko", "주의: 질문 38개와 대답 39개", "주의: 처음 보는 질문에 한 대답 가운데 50.0%"),
    ],
)
def test_what_so_little_data_can_give_is_told_before_the_last_line(
    project: Project, capsys: pytest.CaptureFixture[str], language: str, amount: str, copies: str
) -> None:
    project.write(language=language)
    project.summarize()
    first, second, last = capsys.readouterr().out.splitlines()[-3:]
    assert first.startswith(amount)
    assert second.startswith(copies)
    assert last.startswith("the summary is ")


def test_a_source_of_which_nothing_is_held_out_is_told_by_its_name(project: Project) -> None:
    project.write(language="en", **two_sources())
    html = project.summarize()["html"]
    assert "All of source_1.csv is trained on, since a part would be too small to measure anything" in html
