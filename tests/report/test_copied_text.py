"""What the summary says of a text that the reply copies from the prompt."""

import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from tinychat.corpus.amount import Learnt
from tinychat.corpus.overlap import Overlap
from tinychat.corpus.places import LEFT_OUT
from tinychat.errors import InputError
from tinychat.files import write_json
from tinychat.report.copied_text import copied_text_view
from tinychat.report.corpus_charts import Chart, Outlook
from tinychat.report.inputs import PICTURES, Reports, read_reports
from tinychat.report.page import to_html
from tinychat.report.view import View, view_sentence
from tinychat.report.words import words_of

KOREAN, ENGLISH = words_of("ko"), words_of("en")
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" viewBox="0 0 9 9"><text>{}</text></svg>'


def found(weight: float = 0.92, *, bot: float = 0.0, text: str = "지우") -> dict[str, Any]:
    """A record of a head that attends with `weight` to the name, `bot` of it to the bot's own answer."""
    sources = [{"turn": 0, "role": "user", "positions": [3], "weights": [weight - bot]}]
    sources += [{"turn": 1, "role": "bot", "positions": [9], "weights": [bot]}] if bot else []
    heads = [(0, 7, 0.1), (4, 3, weight)]
    layers = [
        {"layer": layer, "name": f"decoder_layers.{layer}", "head": head, "weight": w, "weights": [w]}
        for layer, head, w in heads
    ]
    return {"text": text, "has_copying_head": weight >= 0.3, "sources": sources, "layers": layers, **layers[1]}


def test_a_copying_head_is_described_with_its_layer_and_weight() -> None:
    korean, english = copied_text_view(found(), KOREAN, "ko"), copied_text_view(found(), ENGLISH, "en")
    assert korean is not None and english is not None
    assert korean.description == (
        "대답의 “지우” 부분은 앞에서 나온 말을 복사한 것이다. 5층의 4번 헤드는 "
        "이 부분의 토큰을 예측하는 자리에서, 앞에 나온 바로 그 토큰에 평균 92%의 어텐션 가중치를 둔다. "
        "이런 헤드를 복사 헤드(induction head)라고 한다."
    )
    assert english.description == (
        "“지우” in the reply is copied from earlier in the dialogue. Where its tokens are predicted, head 4 of "
        "layer 5 attends to the same tokens in the prompt, with an attention weight of 92% on "
        "average: it is a copying head (induction head)."
    )


def test_where_the_bot_said_it_too_both_parts_of_the_weight_are_shown() -> None:
    korean, english = copied_text_view(found(bot=0.3), KOREAN, "ko"), copied_text_view(found(bot=0.3), ENGLISH, "en")
    assert korean is not None and korean.description.endswith(
        "그 가운데 62%는 사용자가 한 말에, 30%는 그 말을 되받은 봇의 앞선 대답에 있다."
    )
    assert english is not None and english.description.endswith(
        "Of this, 62% is on what the user said, and 30% on an earlier answer of the bot that repeats it."
    )


def test_the_parts_add_up_to_the_whole_in_per_cent() -> None:
    view = copied_text_view(found(0.994, bot=0.859), ENGLISH, "en")
    assert (
        view is not None
        and "weight of 99%" in view.description
        and "14% is" in view.description
        and "85% on" in view.description
    )


def test_where_no_single_head_copies_it_the_words_say_so() -> None:
    korean, english = (
        copied_text_view(found(0.21, bot=0.1), KOREAN, "ko"),
        copied_text_view(found(0.21, bot=0.1), ENGLISH, "en"),
    )
    assert korean is not None and "어느 헤드 하나가 복사했다고 볼 수는 없다" in korean.description
    assert "21%" in korean.description and "복사한 것" not in korean.description
    assert english is not None and "no single head copies it" in english.description
    assert "21%" in english.description and "is copied" not in english.description


def test_nothing_is_described_where_nothing_was_copied() -> None:
    assert copied_text_view(None, KOREAN, "ko") is None


NONE_SIZES = {"dialogues": 0, "turns": 0, "characters": 0}
NONE_LONG = {"long_dialogues": 0, "examples": 0, "answers": 0, "answers_cut": 0, "answers_dropped_too_long": 0}
NONE_PREPARED = {"dialogues": 0, "tokens": 0, "tokens_with_loss": 0, **NONE_LONG}
METRICS: dict[str, dict[str, Any]] = {
    "corpus": {
        **{"rows_read": 0, "rows_kept": 0, "rows_dropped": {}, "readers": {}},
        "splits": dict.fromkeys(("train", "valid", "test"), NONE_SIZES),
        "groups": {"count": 0, "near_texts": 0, "dialogues_taken_apart": 0},
        **{key: {} for key in ("files_left_out", "messages_dropped", "parts_dropped", "masked")},
        "texts": {key: {} for key in ("letters", "turns", "message_letters")},
        "overlap": dict.fromkeys(("valid", "test"), asdict(Overlap())),
        "mixture": {},
        "learnt": asdict(Learnt(0, 0, 0, 0)),
    },
    "vocab": {"size": 0, "ceiling": 0, "characters_per_token": 0, "unknown_share": 0},
    "prepare": dict.fromkeys(("train", "valid", "test"), NONE_PREPARED),
    "train": {
        **{"train_loss": 2.0, "valid_loss": None, "final_train_loss": 2.0, "epochs": 1, "kept_epoch": 1, "steps": 1},
        **{"stopped_early": False, "parameters": 0, "epochs_planned": 1, "epochs_reason": "given"},
    },
    "evaluate": {"seen": None, "held_out": None},
}
LAYER = {"name": "softmax", "section": 10, "shape": "", "parameters": 0, "role": {"ko": "확률", "en": "shares"}}
RUNTIME = {"device": "cpu", "precision": "fp32", "threads": 1}


def read(folder: Path, sentences: list[dict[str, Any]], pictures: list[str]) -> Reports:
    """Reports that hold next to nothing but these sentences, with these pictures."""
    for stage, metrics in METRICS.items():
        write_json(folder / f"reports/{stage}/metrics.json", metrics)
    for name, text in {
        "reports/train/history.csv": "epoch,train_loss,valid_loss\n1,2.0,\n",
        "a.csv": "input,output,n_tokens,finish_reason\nhi,hello,1,stop\n",
        "a.jsonl": '{"input": "hi", "mean_logprob": -0.5}\n',
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    shape = dict.fromkeys(("vocab_size", "embed_dim", "n_layers", "n_heads", "ffn_dim", "max_len"), 8)
    write_json(folder / "model/config.json", {"architecture": "classic", **shape})
    write_json(folder / "model/training.json", {"model": shape, "train": {}, "runtime": RUNTIME, "torch": "2"})
    write_json(folder / "reports/layers/layers.json", {"layers": [LAYER], "sentences": sentences})
    for name in pictures:
        (folder / f"reports/layers/{name}.svg").write_text(SVG.format(f"picture of {name}"), encoding="utf-8")
    write_json(folder / "overview/sources.json", {})
    write_json(folder / "overview/places.json", {key: {} for key in LEFT_OUT})
    return read_reports(
        reports=folder / "reports",
        overview=folder / "overview",
        model=folder / "model",
        table=folder / "a.csv",
        replies=folder / "a.jsonl",
    )


def view_of(reports: Reports, words: Any, language: Any) -> View:
    """A view that shows nothing but the sentences."""
    blank: dict[str, Any] = {field.name: [] for field in fields(View)}
    sentences = [view_sentence(sentence, words, language) for sentence in reports.sentences]
    asked = {"held_out": None, "seen": None}
    return View(
        **(
            blank
            | {
                "lead": "",
                "first_prompt": "",
                "corpus_table": ([], []),
                "sources": ([], []),
                "outlook": Outlook("", Chart("", "", [])),
                "asked": asked,
                "sentences": sentences,
            }
        )
    )


SENTENCE = {
    "prompt": "난 지우 / 네 / 내 이름은?",
    "reply": "지우님",
    "norms": {"softmax": {"before": 1.0, "after": 1.0}},
    "n_prompt_tokens": 1,
    "tokens": ["<bot>"],
    "states": ["input_layer", "decoder_layers.0"],
    "early_predictions": [[[{"token": "<eos>", "probability": 0.5}]]] * 2,
    "heads": [[{"role": None, "share": 0.0}]],
}
USUAL = [f"{name}-{number}" for number in (1, 2) for name in PICTURES]


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_page_shows_the_picture_its_words_and_the_best_head_of_each_layer(tmp_path: Path, language: Any) -> None:
    sentences = [{**SENTENCE, "copied_text": None}, {**SENTENCE, "copied_text": found(text="<b>지우")}]
    words = words_of(language)
    reports = read(tmp_path, sentences, [*USUAL, "copied_text-2"])
    html = to_html(reports, view_of(reports, words, language), words, language)
    first, second = html.split('<details class="sentence"')[1:]
    assert "picture of copied_text-2" in second and "picture of copied_text" not in first
    assert words("copied_text") in second and words("copied_text") not in first
    view = copied_text_view(found(text="&lt;b&gt;지우"), words, language)
    assert view is not None and view.description in second and "<b>지우" not in html
    rows = re.findall(r"<th scope=\"row\">(.*?)</th><td>(.*?)</td><td class=\"number\">(.*?)</td>", second)
    names = {"ko": [("1층", "8번"), ("5층", "4번")], "en": [("layer 1", "head 8"), ("layer 5", "head 4")]}[language]
    assert rows == [(*names[0], "10%"), (*names[1], "<b>92%</b>")]
    assert 'href="../outputs/tinychat.html#example=2&amp;step=attention&amp;layer=5&amp;head=4"' in second


def test_reports_of_before_it_was_looked_for_are_shown_as_they_are(tmp_path: Path) -> None:
    reports = read(tmp_path, [SENTENCE], USUAL)
    html = to_html(reports, view_of(reports, KOREAN, "ko"), KOREAN, "ko")
    assert all(f"picture of {name}-1" in html for name in PICTURES)
    assert KOREAN("copied_text") not in html


def test_a_missing_picture_of_copied_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(str(tmp_path / "reports/layers/copied_text-1.svg"))):
        read(tmp_path, [{**SENTENCE, "copied_text": found()}], USUAL)
