import re
from typing import Any, Literal

import pytest

from tests.report.test_copied_text import SENTENCE
from tinychat.report.inputs import PICTURES, Epoch, GeneratedReply, Reports, Sentence
from tinychat.report.page import to_html
from tinychat.report.view import build_view
from tinychat.report.words import words_of

OWN = "polite|<b>\x07"
MEASURES = {
    OWN: {"asked": 12, "accepted": 0.5, "ends_by_itself": 1.0, "well_formed": 1.0},
    "taken_for_unknown": {"asked": 1012, "accepted": 0.0415, "ends_by_itself": 1.0, "well_formed": 0.998},
    "name": {"asked": 200, "accepted": 0.985, "ends_by_itself": 1.0, "well_formed": 0.995},
}
SIZES = dict.fromkeys(("dialogues", "turns", "characters", "tokens", "tokens_with_loss"), 5)
NOTHING_LONG = {"long_dialogues": 0, "examples": 0, "answers": 0, "answers_cut": 0, "answers_dropped_too_long": 0}
SOURCES = {
    **{key: {} for key in ("files_left_out", "messages_dropped", "parts_dropped", "masked")},
    "texts": {key: {} for key in ("letters", "turns", "message_letters")},
    "mixture": {},
    "learnt": {"exchanges": 9, "questions": 9, "answers": 3, "rephrased": 9},
}
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" viewBox="0 0 9 9"></svg>'


def reports(measures: dict[str, Any] | None) -> Reports:
    """The reports of a run in which nothing was asked but what the corpus measures."""
    evaluation = {"seen": None, "held_out": None} | ({"measures": measures} if measures else {})
    rows = {"rows_read": 5, "rows_kept": 5, "rows_dropped": {}, "readers": {}}
    trained = {
        "parameters": 9,
        "epochs": 1,
        "epochs_planned": 1,
        "epochs_reason": "given",
        "kept_epoch": 1,
        "steps": 1,
        "stopped_early": False,
    }
    layer = {"name": "softmax", "section": 10, "shape": "", "parameters": 0, "role": {"ko": "확률", "en": "shares"}}
    return Reports(
        metrics={
            "corpus": {
                **rows,
                "splits": {"train": SIZES},
                "groups": {"count": 5, "near_texts": 0, "dialogues_taken_apart": 0},
                "overlap": {},
                **SOURCES,
            },
            "vocab": {"size": 9, "ceiling": 9, "characters_per_token": 2.0, "unknown_share": 0.0},
            "prepare": {"train": SIZES | NOTHING_LONG},
            "train": {**trained, "final_train_loss": 1.0, "train_loss": 1.0, "valid_loss": None},
            "evaluate": evaluation,
        },
        history=[Epoch(1, 1.0, None)],
        training={
            "model": {"n_layers": 1},
            "train": {},
            "runtime": {"device": "cpu", "precision": "fp32", "threads": 1},
            "torch": "2",
        },
        replies=[GeneratedReply("hi", "hello", 1, "stop", 0.5)],
        layers=[layer],
        sentences=[
            Sentence(
                SENTENCE | {"prompt": "hi", "reply": "hello"},
                dict.fromkeys(PICTURES, SVG),
            )
        ],
    )


def written(measures: dict[str, Any] | None, language: Literal["ko", "en"]) -> str:
    """The page."""
    found, words = reports(measures), words_of(language)
    return to_html(found, build_view(found, words, language), words, language)


def rows_of(html: str) -> list[list[str]]:
    """The cells of each row of the section, without what explains it."""
    section = html.partition('<section id="abilities">')[2].partition("</section>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", section, re.DOTALL)
    return [[re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row)] for row in rows]


@pytest.mark.parametrize(
    ("language", "header", "unknown", "name"),
    [
        (
            "ko",
            ["지표", "물은 횟수", "비율", "온전한 대답"],
            "알 만한 질문인데 모른다고 한다",
            "처음 듣는 이름을 기억한다",
        ),
        (
            "en",
            ["Measure", "Asked", "Share", "Well formed"],
            "Calls a question unknown that it should know",
            "Remembers a new name",
        ),
    ],
)
def test_the_page_shows_what_the_corpus_measures_in_words_and_its_own_names_as_they_are(
    language: Literal["ko", "en"], header: list[str], unknown: str, name: str
) -> None:
    html = written(MEASURES, language)
    assert rows_of(html) == [
        header,
        [f"{unknown}&nbsp;↓", "1,012", "4.2%", "99.8%"],
        [f"{name}&nbsp;↑", "200", "98.5%", "99.5%"],
        ["polite|&lt;b&gt;\ufffd&nbsp;↑", "12", "50.0%", "100%"],
    ]
    assert '<a href="#abilities">' in html


@pytest.mark.parametrize("language", ["ko", "en"])
def test_without_measures_of_the_corpus_there_is_no_such_part(language: Literal["ko", "en"]) -> None:
    html = written(None, language)
    assert 'id="abilities"' not in html and "#abilities" not in html
    assert words_of(language)("abilities") not in html


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "ko",
            [
                "방금 들은 이름은 학습한 적이 없어도 98.5%를 기억하고, 특이한 이름은 25.0%를 기억한다.",
                "배운 세계 밖의 질문은 70.0%를 모른다고 하고, 알 만한 질문도 4.2%는 잘못 모른다고 한다.",
            ],
        ),
        (
            "en",
            [
                "It remembers a name that it was just told and never saw in training: 98.5% of the time, and 25.0% for "
                "odd names.",
                "It says of 70.0% of the questions from outside its world that it does not know, and wrongly of 4.2% "
                "of those it should know.",
            ],
        ),
    ],
)
def test_what_is_found_in_the_measures_is_said_with_their_numbers(
    language: Literal["ko", "en"], sentences: list[str]
) -> None:
    more = {"name_odd": {"asked": 48, "accepted": 0.25}, "unknown_by_hand": {"asked": 99, "accepted": 0.7}}
    html = written(MEASURES | more, language)
    for sentence in sentences:
        assert f">{sentence}</li>" in html
