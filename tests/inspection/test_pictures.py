import base64
import io
import logging
import random
import re
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from PIL import Image

from tinychat.inspection.copying_picture import HIGH, MIN_WEIGHT, draw_copied_text
from tinychat.inspection.drawing import PIXELS
from tinychat.inspection.labels import em, label
from tinychat.inspection.pictures import draw_attention, draw_norms, pictured_heads
from tinychat.inspection.svg import ACCENT, MUTED, SECOND
from tinychat.inspection.words import words_of_pictures

PICTURES = [draw_attention, draw_norms, draw_copied_text]
ENGLISH, KOREAN = words_of_pictures("en"), words_of_pictures("ko")
SVG = "{http://www.w3.org/2000/svg}"
TOKENS = [
    "<user>",
    "안녕",
    " 누구",
    "\n",
    "<bot>",
    "나",
    "<0xEB>",
    "$x_1$",
    "a_b & <b>",
    " ",
    "\x07",
    "우주만큼아주긴단어",
]


def record(n_tokens: int, n_layers: int, n_heads: int, tokens: list[str] = TOKENS) -> dict[str, Any]:
    """What `sentence_record` makes of a sentence, with numbers by chance."""
    chance = random.Random(0)

    def row(place: int) -> list[float]:
        shares = [chance.random() ** 4 + 1e-3 for _ in range(place + 1)]
        return [share / sum(shares) for share in shares] + [0.0] * (n_tokens - place - 1)

    parts = ("self_attn", "norm1", "ffn", "norm2")
    names = [f"decoder_layers.{layer}.{part}" for layer in range(n_layers) for part in parts]
    return {
        "prompt": "안녕",
        "reply": "나",
        "n_prompt_tokens": min(5, n_tokens),
        "tokens": [tokens[place % len(tokens)] for place in range(n_tokens)],
        "norms": {
            "input_layer.word_embedding": {"before": None, "after": 16.2},
            **{name: {"before": 20 * chance.random(), "after": 20 * chance.random()} for name in names},
            "softmax": {"before": 93.1, "after": 0.0},
        },
        "attention": [[[row(t) for t in range(n_tokens)] for _ in range(n_heads)] for _ in range(n_layers)],
        "heads": [[{"role": "previous", "share": 0.5}] * n_heads for _ in range(n_layers)],
        "states": ["input_layer", *(f"decoder_layers.{layer}" for layer in range(n_layers))],
        "copied_text": {
            "layer": n_layers - 1,
            "name": f"decoder_layers.{n_layers - 1}",
            "head": n_heads - 1,
            "reply_positions": [n_tokens - 1],
            "sources": [{"positions": [min(1, n_tokens - 1)]}],
        },
    }


def copying_record(n_prompt: int, tokens: list[str], source: list[int], written: list[int]) -> dict[str, Any]:
    """A record whose head attends to `source` with 0.9, and to the token after it with 0.1, as it writes `written`."""
    sentence = record(len(tokens), 1, 1, tokens)
    rows = sentence["attention"][0][0]
    for row in rows:
        row[:] = [0.0] * len(tokens)
    for there, place in zip(source, written, strict=True):
        rows[place - 1][there], rows[place - 1][there + 1] = 0.9, 0.1
    found = {
        "layer": 0,
        "name": "decoder_layers.0",
        "head": 0,
        "reply_positions": written,
        "sources": [{"positions": source}],
    }
    return {**sentence, "n_prompt_tokens": n_prompt, "copied_text": found}


def boxes(svg: str) -> dict[str, tuple[float, float]]:
    """The middle of each text."""
    elements = ElementTree.fromstring(svg).iter(f"{SVG}text")
    return {e.text or "": (float(e.attrib["x"]), float(e.attrib["y"])) for e in elements}


def strokes(svg: str, colour: str) -> list[float]:
    """Widths of the lines in a colour that lead from token to token."""
    styles = [
        path.get("style", "") for path in ElementTree.fromstring(svg).iter(f"{SVG}path") if " C " in path.attrib["d"]
    ]
    found = [
        re.search(rf"stroke: {colour}.*stroke-width: ([\d.]+)", style) for style in styles if "fill: none" in style
    ]
    return sorted(float(match[1]) for match in found if match)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("draw", PICTURES)
@pytest.mark.parametrize(
    "size",
    [(1, 1, 1), (3, 1, 1), (3, 12, 16), *(pytest.param(s, marks=pytest.mark.slow) for s in ((24, 6, 8), (24, 12, 16)))],
)
def test_every_size_gives_a_whole_picture_of_moderate_weight(draw: Any, size: tuple[int, int, int]) -> None:
    svg = draw(record(*size), ENGLISH)
    root = ElementTree.fromstring(svg.encode())
    assert root.tag == f"{SVG}svg"
    assert float(root.attrib["width"]) > 0 < float(root.attrib["height"])
    assert len(svg.encode()) < 300_000


@pytest.mark.slow
@pytest.mark.parametrize("words", [KOREAN, ENGLISH], ids=["ko", "en"])
@pytest.mark.parametrize("draw", PICTURES)
def test_no_text_lies_beyond_the_picture_and_none_is_small(draw: Any, words: Any) -> None:
    root = ElementTree.fromstring(draw(record(12, 2, 2), words))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for element in root.iter(f"{SVG}text"):
        x, y = float(element.attrib["x"]), float(element.attrib["y"])
        size = float(re.findall(r"font-size: ([\d.]+)px", element.attrib["style"])[0])
        wide = size * sum(1 if char > "ᄀ" else 0.6 for char in element.text or "")
        end = x if "text-anchor: end" in element.attrib["style"] else x + wide
        end = x + wide / 2 if "text-anchor: middle" in element.attrib["style"] else end
        assert 0 <= x < width and 0 < y <= height and end <= width
        assert size >= 11


def test_the_head_that_copies_stands_first_then_the_clearest_of_each_role() -> None:
    sentence = record(12, 2, 3)
    roles = [("previous", 0.4), ("self", 0.9), ("first", 0.5)], [("previous", 0.6), ("same", 0.3), ("copied", 0.8)]
    sentence["heads"] = [[{"role": role, "share": share} for role, share in layer] for layer in roles]
    assert pictured_heads(sentence) == [(1, 2), (1, 0), (1, 1), (0, 2)]
    titles = [text for text in texts(draw_attention(sentence, ENGLISH)) if ":" in text]
    assert titles == [
        "layer 2, head 3: copied text 80%",
        "layer 2, head 1: token before 60%",
        "layer 2, head 2: same token 30%",
        "layer 1, head 3: first token 50%",
    ]
    assert "2층의 3번 헤드: 복사할 말 80%" in texts(draw_attention(sentence, KOREAN))
    assert pictured_heads({**sentence, "copied_text": None})[0] == (1, 0)


def test_where_no_head_stands_out_one_is_shown() -> None:
    sentence = record(12, 2, 3)
    sentence |= {"copied_text": None, "heads": [[{"role": None, "share": 0.0}] * 3] * 2}
    assert pictured_heads(sentence) == [(1, 0)]
    assert "layer 2, head 1" in texts(draw_attention(sentence, ENGLISH))


def test_attention_names_each_token_as_real_text_once_a_map() -> None:
    found = texts(draw_attention(record(12, 2, 3), ENGLISH))
    assert {"안녕", "␣누구", "⏎", "<0xEB>", "$x_1$", "␣", "<0x07>"} <= set(found)
    assert found.count("안녕") == 2  # the head that copies, and one that looks at the token before


def test_no_word_of_ours_is_english_on_a_korean_picture() -> None:
    sentence = record(12, 2, 2)
    ours = {re.sub(r"[\d.,:%→ <>-]", "", text) for draw in PICTURES for text in texts(draw(sentence, KOREAN))}
    modules = {"self_attn", "norm", "ffn", "softmax", "input_layerword_embedding"}
    given = {re.sub(r"[\d.,:%→ <>-]", "", label(token)) for token in TOKENS}
    latin = {text for text in ours - given if re.search("[A-Za-z]", text)}
    assert {re.sub("[가-힣 ]", "", text) for text in latin} <= modules


def test_a_larger_weight_has_the_stronger_colour_and_no_token_sees_a_later_one() -> None:
    sentence = record(3, 1, 1)
    sentence["attention"][0][0] = [[1, 0, 0], [0.5, 0.5, 0], [0.1, 0.2, 0.7]]
    pictures = re.findall(r"base64,\s*([A-Za-z0-9+/=]+)", draw_attention(sentence, ENGLISH))
    cells = Image.open(io.BytesIO(base64.b64decode(pictures[-1])))  # the first is the scale
    middles = [[(PIXELS * column + 1, PIXELS * row + 1) for column in range(3)] for row in range(3)]
    opacity = [[cells.getpixel(place)[3] for place in row] for row in middles]
    assert opacity[0] == [255, 0, 0]
    assert opacity[1][0] == opacity[1][1] and opacity[1][2] == 0
    assert 0 < opacity[2][0] < opacity[2][1] < opacity[1][0] < opacity[2][2] < 255


def test_norms_name_every_layer_and_its_lengths() -> None:
    sentence = record(3, 2, 1)
    found = texts(draw_norms(sentence, ENGLISH))
    parts = [f"layer {layer} {part}" for layer in (1, 2) for part in ("self_attn", "norm1", "ffn", "norm2")]
    assert {"input_layer.word_embedding", *parts, "softmax"} <= set(found)
    assert "16.2" in found and "93.1 → 0.00" in found


TALK = ["<user>", "난", " 지", "우", "야", "<bot>", "네", "<eos>", "<user>", "난", "?", "<bot>", " 지", "우", "님"]


def test_copied_text_is_drawn_in_a_line_for_each_turn_with_the_head_and_its_weights() -> None:
    svg = draw_copied_text(copying_record(12, TALK, [2, 3], [12, 13]), ENGLISH)
    assert texts(svg).count("90%") == 2 and "layer 1, head 1" in texts(svg)
    lines = sorted({y for text, (_, y) in boxes(svg).items() if text in ("<eos>", "?", "님")})
    assert len(lines) == 3 and min(b - a for a, b in pairwise(lines)) > HIGH
    assert boxes(svg)["야"][1] < lines[0]


def test_a_line_leads_to_everything_looked_at_and_is_thicker_for_more() -> None:
    svg = draw_copied_text(copying_record(12, TALK, [2], [12]), ENGLISH)
    (to_source,), (to_other,) = strokes(svg, ACCENT), strokes(svg, MUTED)
    assert to_source > 2 * to_other
    faint = copying_record(12, TALK, [2], [12])
    faint["attention"][0][0][11][3] = MIN_WEIGHT / 2
    assert strokes(draw_copied_text(faint, ENGLISH), MUTED) == []


def test_source_and_written_tokens_are_marked_each_in_its_colour() -> None:
    def marked(svg: str, colour: str) -> int:
        grounds = [path.get("style", "") for path in ElementTree.fromstring(svg).iter(f"{SVG}path")]
        return sum(f"fill: {colour}" in style for style in grounds) - 1  # one is in the legend

    svg = draw_copied_text(copying_record(12, TALK, [2, 3], [12, 13]), ENGLISH)
    assert (marked(svg, ACCENT), marked(svg, SECOND)) == (2, 2)


def test_a_long_turn_is_wrapped_and_no_token_covers_another() -> None:
    words = [f"{n:03}낱말" for n in range(40)]
    svg = draw_copied_text(copying_record(42, ["<user>", *words, "<bot>", "낱말"], [5], [42]), ENGLISH)
    assert float(ElementTree.fromstring(svg).attrib["width"]) < 800
    found = boxes(svg)
    for (x0, y0), (x1, y1) in pairwise(found[word] for word in words):
        assert y1 - y0 > HIGH / 2 or x1 - x0 > 13 * em("000낱말")


@pytest.mark.slow
@pytest.mark.parametrize("draw", PICTURES)
def test_the_same_sentence_gives_the_same_bytes(draw: Any) -> None:
    assert draw(record(12, 2, 2), KOREAN) == draw(record(12, 2, 2), KOREAN)


@pytest.mark.parametrize("draw", PICTURES)
def test_hostile_tokens_stay_text(draw: Any) -> None:
    hostile = ["<script>", "]]>", "&amp;", "--", '"', "$\\frac{1}{2}$", "\ud800", "\u202eabc", "\x00"]
    svg = draw(record(9, 2, 2, hostile), ENGLISH)
    tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg.encode()).iter()}
    assert tags <= {"svg", "g", "defs", "path", "image", "use", "text", "clipPath", "rect"}
    assert "\u202e" not in svg and "\x00" not in svg


@pytest.mark.parametrize("draw", PICTURES)
def test_drawing_warns_of_nothing_and_leaves_matplotlib_as_it_was(draw: Any, caplog: pytest.LogCaptureFixture) -> None:
    before = dict(mpl.rcParams)
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        draw(record(12, 2, 2), KOREAN)
    assert caplog.records == []
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("draw", PICTURES)
def test_fonts_for_hangul_are_named_first_and_nothing_is_loaded(draw: Any, tmp_path: Path) -> None:
    svg = draw(record(12, 2, 2), ENGLISH)
    assert "font-family: Noto Sans KR, Noto Sans CJK KR," in svg and "DejaVu" not in svg
    assert set(re.findall(r'(?:href|src)="([^#"]{5})', svg)) <= {"data:"}
    assert set(re.findall(r"http[^\"]*", svg)) == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (" 누구", "␣누구"),
        ("\n", "⏎"),
        ("\t", "<0x09>"),
        ("\u200d", "<0x200D>"),
        ("아주긴단어입니다", "아주긴단어…"),
        ("antidisestablishment", "antidise…"),
        ("ㅋㅋ", "ㅋㅋ"),
        ("", ""),
    ],
)
def test_a_token_is_labelled_as_one_visible_line(token: str, shown: str) -> None:
    assert label(token) == shown
