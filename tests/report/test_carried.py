"""What the summary says of a word that the reply has from the prompt."""

import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from tinychat.corpus.splitting import Overlap
from tinychat.errors import InputError
from tinychat.files import write_json
from tinychat.report.carried import carried_view
from tinychat.report.inputs import PICTURES, Reports, read_reports
from tinychat.report.page import to_html
from tinychat.report.view import View
from tinychat.report.words import words_of

KOREAN, ENGLISH = words_of("ko"), words_of("en")
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" viewBox="0 0 9 9"><text>{}</text></svg>'


def found(weight: float = 0.92, *, bot: float = 0.0, text: str = "지우") -> dict[str, Any]:
    """A record of a head that looks with `weight` at the name, `bot` of it at the bot's own answer."""
    sources = [{"turn": 0, "role": "user", "places": [3], "weights": [weight - bot]}]
    sources += [{"turn": 1, "role": "bot", "places": [9], "weights": [bot]}] if bot else []
    heads = [(0, 7, 0.1), (4, 3, weight)]
    layers = [{"layer": layer, "head": head, "weight": w, "weights": [w]} for layer, head, w in heads]
    return {"text": text, "seen": weight >= 0.3, "sources": sources, "layers": layers, **layers[1]}


def test_a_head_that_is_seen_to_carry_a_word_is_told_with_its_layer_and_weight() -> None:
    korean, english = carried_view(found(), KOREAN), carried_view(found(), ENGLISH)
    assert korean is not None and english is not None
    assert korean.told == (
        "대답의 “지우” 부분은 앞에서 나온 말을 가져온 것이다. 5번째 디코더 층(decoder_layers.4)의 3번 헤드는 "
        "이 부분의 토큰을 하나씩 쓰기 직전에, 앞에 나온 바로 그 토큰을 평균 92%의 무게로 보고 있다."
    )
    assert english.told == (
        "“지우” in the reply comes from earlier in the dialogue. Just before it writes each token of it, head 3 of "
        "decoder layer 5 (decoder_layers.4) looks at that same token where it stood before, with 92% of its attention "
        "on average."
    )


def test_where_the_bot_said_it_too_both_parts_of_the_weight_are_told() -> None:
    korean, english = carried_view(found(bot=0.3), KOREAN), carried_view(found(bot=0.3), ENGLISH)
    assert korean is not None and korean.told.endswith(
        "그 가운데 62%는 사용자가 한 말에, 30%는 그 말을 되받은 봇의 앞선 대답에 있다."
    )
    assert english is not None and english.told.endswith(
        "Of the whole, 62% lie on what the user said, and 30% on the bot's earlier answer that took it up."
    )


def test_the_parts_add_up_to_the_whole_in_per_cent() -> None:
    view = carried_view(found(0.994, bot=0.859), ENGLISH)
    assert view is not None and "with 99% of" in view.told and "14% lie" in view.told and "85% on" in view.told


def test_where_no_single_head_does_it_the_words_say_so() -> None:
    korean, english = carried_view(found(0.21, bot=0.1), KOREAN), carried_view(found(0.21, bot=0.1), ENGLISH)
    assert korean is not None and "어느 헤드 하나가 옮겨 왔다고 볼 수는 없다" in korean.told
    assert "21%" in korean.told and "가져온" not in korean.told
    assert english is not None and "no single head is seen to carry it over" in english.told
    assert "21%" in english.told and "comes from" not in english.told


def test_nothing_is_told_where_nothing_was_carried() -> None:
    assert carried_view(None, KOREAN) is None


NONE_SIZES = {"dialogues": 0, "turns": 0, "characters": 0}
NONE_PREPARED = {"tokens": 0, "tokens_with_loss": 0, "dialogues_cut": 0, "dialogues_dropped_too_long": 0}
METRICS: dict[str, dict[str, Any]] = {
    "corpus": {
        **{"rows_read": 0, "rows_kept": 0, "rows_dropped": {}, "readers": {}},
        "splits": dict.fromkeys(("train", "valid", "test"), NONE_SIZES),
        "groups": {"count": 0},
        "overlap": dict.fromkeys(("valid", "test"), asdict(Overlap())),
    },
    "vocab": {"size": 0, "ceiling": 0, "characters_per_token": 0, "unknown_share": 0},
    "prepare": dict.fromkeys(("train", "valid", "test"), NONE_PREPARED),
    "train": {
        **{"train_loss": 2.0, "valid_loss": None, "final_train_loss": 2.0, "epochs": 1, "kept_epoch": 1, "steps": 1},
        **{"stopped_early": False, "parameters": 0},
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
    return read_reports(
        reports=folder / "reports", model=folder / "model", table=folder / "a.csv", replies=folder / "a.jsonl"
    )


def view_of(reports: Reports, words: Any) -> View:
    """A view that shows nothing but the sentences."""
    blank: dict[str, Any] = {field.name: [] for field in fields(View)}
    carried = [carried_view(sentence.carried, words) for sentence in reports.sentences]
    asked = {"held_out": None, "seen": None}
    return View(
        **(blank | {"lead": "", "first_prompt": "", "corpus_table": ([], []), "asked": asked, "carried": carried})
    )


SENTENCE = {
    "prompt": "난 지우 / 네 / 내 이름은?",
    "reply": "지우님",
    "norms": {"softmax": {"before": 1.0, "after": 1.0}},
}
USUAL = [f"{name}-{number}" for number in (1, 2) for name in PICTURES]


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_page_shows_the_picture_its_words_and_the_best_head_of_each_layer(tmp_path: Path, language: Any) -> None:
    sentences = [{**SENTENCE, "carried": None}, {**SENTENCE, "carried": found(text="<b>지우")}]
    words = words_of(language)
    reports = read(tmp_path, sentences, [*USUAL, "carried-2"])
    html = to_html(reports, view_of(reports, words), words, language)
    first, second = html.split('<details class="sentence"')[1:]
    assert "picture of carried-2" in second and "picture of carried" not in first
    assert words("carried") in second and words("carried") not in first
    told = carried_view(found(text="&lt;b&gt;지우"), words)
    assert told is not None and told.told in second and "<b>지우" not in html
    rows = re.findall(
        r"<code>(decoder_layers\.\d)</code></td><td>head (\d)</td><td class=\"number\">(.*?)</td>", second
    )
    assert rows == [("decoder_layers.0", "7", "10%"), ("decoder_layers.4", "3", "<b>92%</b>")]


def test_reports_of_before_it_was_looked_for_are_shown_as_they_are(tmp_path: Path) -> None:
    reports = read(tmp_path, [SENTENCE], USUAL)
    html = to_html(reports, view_of(reports, KOREAN), KOREAN, "ko")
    assert all(f"picture of {name}-1" in html for name in PICTURES)
    assert KOREAN("carried") not in html


def test_a_missing_picture_of_what_was_carried_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(str(tmp_path / "reports/layers/carried-1.svg"))):
        read(tmp_path, [{**SENTENCE, "carried": found()}], USUAL)
