"""The live page as a file: what it holds, and what cannot break out of it."""

import json
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.page.base85 import from_base85
from tests.page.projects import REPLY, SUMMARY
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.generation_config import GenerationConfig
from tinychat.page.building import PageInputs, build_page
from tinychat.page.calibrating import input_moments
from tinychat.page.formats import ReplyRecord, SummaryRecord
from tinychat.page.packing import round_weights
from tinychat.page.quantizing import _entropy, quantize_matrix, round_for_inputs
from tinychat.safety.danger import RULES
from tinychat.schemas import HistoryRow, parse
from tinychat.tokenizer import Tokenizer

HOSTILE = "</script><script>alert(1)</script><!--<script>\u2028"


@pytest.fixture
def inputs(bpe: Tokenizer) -> PageInputs:
    config = ClassicConfig(vocab_size=bpe.size, embed_dim=32, n_layers=2, n_heads=4, ffn_dim=64, max_len=48)
    random = np.random.default_rng(0)
    shapes = config.weight_shapes().items()
    return PageInputs(
        config=config,
        weights={name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes},
        tokenizer=bpe,
        generation=GenerationConfig(15),
        replies=[parse(REPLY, ReplyRecord)],
        history=[parse({"epoch": "1", "train_loss": "1.0", "valid_loss": ""}, HistoryRow)],
        summary=parse(SUMMARY, SummaryRecord),
        prompts=[["안녕"]],
        language="ko",
    )


class Parts(HTMLParser):
    """The scripts and templates of a page, as a browser sees them: attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str | None], str]] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag in ("script", "template")
        if self._inside:
            self.found.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            attributes, text = self.found[-1]
            self.found[-1] = (attributes, text + data)


def carried(page: str) -> dict[str, Any]:
    (text,) = [text for attributes, text in Parts(page).found if attributes.get("id") == "carried"]
    found: dict[str, Any] = json.loads(text)
    return found


def tables(page: str) -> dict[str, Any]:
    (text,) = [text for attributes, text in Parts(page).found if attributes.get("id") == "tables"]
    found: dict[str, Any] = json.loads(zlib.decompress(from_base85(text)))
    return found


def test_no_text_of_the_data_ends_its_element_or_begins_a_comment(inputs: PageInputs) -> None:
    reply = parse(REPLY | {"input": HOSTILE, "output": HOSTILE}, ReplyRecord)
    page = build_page(replace(inputs, replies=[reply], prompts=[[HOSTILE]]), 6)
    assert len(Parts(page).found) == len(Parts(build_page(inputs, 6)).found) == 7
    assert carried(page)["replies"][0]["output"] == HOSTILE
    assert carried(page)["examples"][0] == [HOSTILE]


def test_the_page_forbids_itself_every_connection(inputs: PageInputs) -> None:
    page = build_page(inputs, 6)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy and "*" not in policy
    assert page.index(policy) < page.index("<style>")


def test_a_page_is_ascii_whatever_was_said(inputs: PageInputs) -> None:
    page = build_page(replace(inputs, replies=[parse(REPLY | {"output": "안녕 😀\u2028"}, ReplyRecord)]), 6)
    assert page.isascii() and carried(page)["replies"][0]["output"] == "안녕 😀\u2028"


def test_the_same_inputs_give_the_same_page(inputs: PageInputs) -> None:
    assert build_page(inputs, 6) == build_page(inputs, 6)


def test_rules_and_classifier_of_danger_are_carried_unless_they_are_switched_off(inputs: PageInputs) -> None:
    with_help, without = build_page(inputs, 6), build_page(inputs, 6, help_in_danger=False)
    assert (carried(with_help)["help_in_danger"], carried(without)["help_in_danger"]) == (True, False)
    assert len(tables(with_help)["safety"]["rules"]) == len(RULES)
    assert tables(without)["safety"] is None
    assert len(without) < len(with_help) - 100_000


def test_a_page_carries_replies_without_what_it_does_not_show(inputs: PageInputs) -> None:
    (reply,) = carried(build_page(inputs, 6))["replies"]
    assert set(reply) == {"input", "output", "n_tokens", "mean_logprob"}


@pytest.mark.parametrize("bits", [6, 8])
def test_a_page_with_a_word_vocabulary_is_built(inputs: PageInputs, words: Tokenizer, bits: int) -> None:
    config = replace(inputs.config, vocab_size=words.size)
    weights = {name: np.zeros(shape, dtype=np.float32) for name, shape in config.weight_shapes().items()}
    page = build_page(replace(inputs, config=config, weights=weights, tokenizer=words), bits)
    assert tables(page)["tokenizer"]["kind"] == "word"


def test_both_languages_have_the_same_texts_with_the_same_values() -> None:
    folder = Path(__file__).parents[2] / "web" / "src" / "texts"
    texts = {}
    for language in ("ko", "en"):
        source = (folder / f"{language}.js").read_text(encoding="utf-8")
        lines = re.findall(r'^  "?([\w.]+)"?: "(.*)",$', source, re.MULTILINE)
        texts[language] = {key: sorted(re.findall(r"\{(\w+)", text)) for key, text in lines}
        assert len(texts[language]) == source.count('",\n')
    assert texts["ko"] == texts["en"]


def test_a_matrix_is_rounded_to_the_entropy_that_is_asked_for() -> None:
    weight = np.random.default_rng(0).normal(0, 0.1, (64, 256)).astype(np.float32)
    errors = []
    for bits in (4.0, 5.0, 6.0):
        whole, scale = quantize_matrix(weight, bits)
        assert bits - 0.05 < _entropy(whole) <= bits
        errors.append(float(np.square(whole * scale - weight).mean()))
    assert errors == sorted(errors, reverse=True)


def test_rounded_for_its_inputs_a_product_changes_less() -> None:
    random = np.random.default_rng(0)
    weight = random.normal(0, 0.1, (64, 200)).astype(np.float32)
    x = (random.normal(0, 1, (2000, 20)) @ random.normal(0, 1, (20, 200)) + random.normal(0, 0.1, (2000, 200))).astype(
        np.float32
    )
    nearest, scale = quantize_matrix(weight, 4.0)
    whole = round_for_inputs(weight, scale, (x.T @ x).astype(np.float64))
    assert whole.dtype == np.int8 and whole.shape == weight.shape
    errors = [np.square(x @ (each * scale - weight).T).mean() for each in (nearest, whole)]
    assert errors[1] < errors[0] / 4


def test_weights_are_rounded_for_the_training_dialogues_that_are_given(inputs: PageInputs) -> None:
    sequences = [inputs.tokenizer.encode("고마워 내일 또 만나요"), inputs.tokenizer.encode("안녕")]
    plain = round_weights(inputs.config, inputs.weights)
    rounded = round_weights(inputs.config, inputs.weights, sequences)
    assert plain.keys() == rounded.keys()
    same = {name for name in plain if np.array_equal(plain[name][0], rounded[name][0])}
    assert same == {"input_layer.word_embedding.weight"}
    assert all(np.array_equal(plain[name][1], rounded[name][1]) for name in plain)


def test_what_products_are_given_is_summed_over_all_tokens(inputs: PageInputs) -> None:
    sequences = [[5, 6, 7], [8, 9]]
    moments = input_moments(inputs.config, inputs.weights, sequences)
    assert moments.keys() == {n for n, w in inputs.weights.items() if w.ndim == 2 and "embedding" not in n}
    each = [input_moments(inputs.config, inputs.weights, [one]) for one in sequences]
    for name, found in moments.items():
        np.testing.assert_allclose(found, each[0][name] + each[1][name], rtol=1e-4, atol=1e-6)
        assert np.linalg.eigvalsh(found).min() > -1e-3
