"""A talk with the page in real browsers, from its file and without network: what is said, and what is answered."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tinychat
from tests.generation.conftest import SAID
from tests.generation.models import needs_compiler
from tests.page import test_building
from tests.page.browsers import Opened
from tests.page.conftest import Open
from tinychat.model.classic_config import OUTPUT, ClassicConfig
from tinychat.model.registry import load_config
from tinychat.model.storage import save_model
from tinychat.model.weights import load_weights
from tinychat.page.building import PageInputs, build_page
from tinychat.page.calibrating import read_sequences
from tinychat.page.packing import POSITIONS, bfloat16, round_weights
from tinychat.tokenizer import Tokenizer, load_tokenizer

pytestmark = pytest.mark.slow

TALK = [question for question, _ in SAID] + ["오늘 뭐 먹을래?", "ㅎㅇ", "What is your name?", "고마워 잘 자"]
inputs = test_building.inputs  # a fixture
MAX_TOKENS = 64  # of a reply, in the page

# Each token takes longer than the page waits between two pictures, and what is shown meanwhile is kept.
SLOW_TOKENS = """(() => {
  const now = performance.now.bind(performance);
  let calls = 0;
  performance.now = () => now() + 20 * calls++;
  window.shown = [];
  new MutationObserver(() => {
    const text = [...document.querySelectorAll(".message.assistant .bubble")].at(-1)?.textContent;
    if (text !== undefined && text !== window.shown.at(-1)) window.shown.push(text);
  }).observe(document, { childList: true, subtree: true, characterData: true });
})()"""


def replies_of(bot: tinychat.Bot, texts: list[str]) -> list[str]:
    """What Python's model says in a talk of these texts."""
    messages: list[Any] = []
    for text in texts:
        messages.append({"role": "user", "content": text})
        reply = bot.reply(messages, max_tokens=MAX_TOKENS, method="greedy")
        messages.append({"role": "assistant", "content": reply.text})
    return [message["content"] for message in messages[1::2]]


def talk_in(page: Opened, texts: list[str]) -> list[str]:
    page.new_talk()
    return [page.say(text) for text in texts]


@pytest.fixture(scope="session")
def rounded(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model with the weights that the page carries in 6 bits."""
    folder = project / "models/dialogue"
    copy = tmp_path_factory.mktemp("rounded") / "dialogue"
    copy.mkdir()
    for name in ("tokenizer.json", "generation_config.json"):
        (copy / name).write_bytes((folder / name).read_bytes())
    config, tokenizer = load_config(folder), load_tokenizer(folder)
    assert isinstance(config, ClassicConfig)
    weights = load_weights(folder, config)
    sequences = read_sequences(project / "data/corpus/train.jsonl", tokenizer, config.max_len)
    rounded = round_weights(config, weights, sequences).items()
    weights |= {name: whole * scales[:, None] for name, (whole, scales) in rounded}
    weights[POSITIONS] = bfloat16(weights[POSITIONS])
    save_model(copy, config, {name: torch.from_numpy(weight) for name, weight in weights.items()})
    return copy


def test_a_talk_is_answered_as_python_answers_with_the_same_weights(page: Opened, rounded: Path) -> None:
    assert talk_in(page, TALK) == replies_of(tinychat.load(rounded), TALK)


@needs_compiler
def test_in_8_bits_it_answers_as_tinychat_weights_int8_does(
    open_page: Open, page_file_int8: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYCHAT_WEIGHTS", "int8")
    expected = replies_of(tinychat.load(project / "models/dialogue"), TALK)
    assert expected[0] == SAID[0][1]
    assert talk_in(open_page(page_file_int8), TALK) == expected


def test_a_model_of_single_exchanges_reads_each_message_alone_and_says_so(
    open_page: Open, page: Opened, page_file_alone: Path
) -> None:
    note = "앞의 말은 보지 않음: 한 번 묻고 답하는 말만 배움"
    asked = [*TALK, "안녕하세요", "뭐 먹었어?", "오늘 기분이 좋아", "내일 만나요", "밥 먹을래?", "기분이 어때?"]
    by_text = {text: talk_in(page, [text])[0] for text in asked}
    asked = [text for text in asked if by_text[text]]  # to what no dialogue is like, this model says nothing
    alone = [by_text[text] for text in asked]
    other = open_page(page_file_alone)
    replies = talk_in(other, asked)
    first = [reply not in alone[:n] for n, reply in enumerate(alone)]  # what was said before may be said otherwise
    assert sum(first) > 8
    assert all(reply == one for reply, one, is_first in zip(replies, alone, first, strict=True) if is_first)
    assert other.page.locator(".message.assistant").first.locator(".note").count() == 0
    assert note in other.page.locator(".message.assistant .note").last.inner_text()
    assert talk_in(page, asked) != alone
    assert page.page.get_by_text(note).count() == 0


def test_the_file_opens_with_an_example_whose_last_line_the_model_says(page: Opened) -> None:
    assert page.talk() == list(SAID[0])


def test_a_reply_is_shown_without_the_space_before_its_first_word(
    open_page: Open, inputs: PageInputs, bpe: Tokenizer, tmp_path: Path
) -> None:
    # The last token of the prompt is followed by a space, each other one by a word.
    space, word = bpe.encode(" 안녕")
    config = replace(inputs.config, max_len=24)
    weights = {
        name: np.full(shape, "norm" in name and "weight" in name, dtype=np.float32)
        for name, shape in config.weight_shapes().items()
    }
    signs = np.resize(np.float32([1, -1]), config.embed_dim)
    weights[POSITIONS][:] = -signs
    weights[POSITIONS][len(bpe.encode("안녕")) + 1] = signs
    output, _ = OUTPUT
    weights[output][[space, word]] = signs, -signs
    file = tmp_path / "tinychat.html"
    file.write_text(build_page(replace(inputs, config=config, weights=weights), 6), encoding="utf-8")
    assert open_page(file).talk()[-1].startswith("안녕 안녕")


def test_a_reply_streams_in(page: Opened) -> None:
    page.page.add_init_script(SLOW_TOKENS)
    page.open()
    page.new_talk()
    reply = page.say(SAID[2][0])
    shown: list[str] = page.page.evaluate("window.shown")
    steps = shown[shown.index("") if "" in shown else 0 :]
    growing = [text for text in steps if text and reply.startswith(text)]
    assert growing[-1] == reply and len(growing) >= 4
    assert [len(text) for text in growing[-4:]] == sorted(len(text) for text in growing[-4:])


def test_what_looks_like_markup_is_said_as_text(page: Opened) -> None:
    page.new_talk()
    page.page.on("dialog", lambda dialog: page.complaints.append(dialog.message))
    page.page.locator("#tab-walk").click()
    for hostile in ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&lt;b&gt;"):
        page.say(hostile)
        assert page.talk()[-2] == hostile
        page.page.keyboard.press("Home")
    assert page.page.locator(".messages script, .messages img, .walk script, .walk img").count() == 0


def test_a_reload_begins_anew_and_nothing_is_stored(page: Opened) -> None:
    opening = page.talk()
    page.new_talk()
    page.say("비밀이야")
    page.page.reload()
    page.wait()
    assert page.talk() == opening
    stored = page.page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
    assert stored == [0, 0, ""]


def test_the_browser_asks_before_a_talk_of_ones_own_is_lost_that_was_not_saved(page: Opened) -> None:
    asked: list[str] = []

    def stay_or_go(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.accept()

    def asked_at_reload() -> list[str]:
        asked.clear()
        page.page.reload()
        page.wait()
        return list(asked)

    page.page.on("dialog", stay_or_go)
    page.page.locator(".messages").click()  # browsers ask only people who did something in the page
    assert asked_at_reload() == []  # its example is nobody's talk
    page.say("안녕")
    assert asked_at_reload() == ["beforeunload"]
    page.say("안녕")
    page.download(page.page.get_by_role("button", name="대화 저장"))
    assert asked_at_reload() == []
    page.say("안녕")
    page.page.get_by_role("button", name="대화 저장").click()
    page.say("고마워")
    assert asked_at_reload() == ["beforeunload"]
    page.say("안녕")
    page.new_talk()
    assert asked_at_reload() == []


def test_a_reply_can_be_drawn_again_edited_and_explained(page: Opened) -> None:
    page.new_talk()
    page.say(SAID[0][0])
    last = page.page.locator(".message").last
    last.locator(".actions button").first.click()
    rows = last.locator(".why tbody tr")
    assert rows.count() > 2
    shares = [float(cell.rstrip("%")) for cell in rows.locator(".value").all_text_contents()]
    assert all(0 < share <= 100 for share in shares)
    question = page.page.locator(".message.user").last
    question.locator(".actions button").first.click()
    assert page.field.input_value() == SAID[0][0]
    page.say(SAID[1][0], adds=0)
    assert page.talk() == list(SAID[1])


# Hangul is composed. Enter ends the last syllable, and sends: its keydown comes before `compositionend` in Chromium
# and Firefox, on some systems once more behind it, and in Safari only behind it.
COMPOSE = """(order) => {
  const field = document.querySelector(".composer textarea");
  const key = (composing) => field.dispatchEvent(new KeyboardEvent("keydown", {
    key: composing ? "Process" : "Enter", code: "Enter", keyCode: 229, isComposing: composing,
    bubbles: true, cancelable: true,
  }));
  const compose = (type, data) => field.dispatchEvent(new CompositionEvent(type, { data, bubbles: true }));
  const put = (text) => {
    field.value = text;
    field.dispatchEvent(new InputEvent("input", { data: text, isComposing: true, bubbles: true }));
  };
  field.focus();
  put("안");
  compose("compositionstart", "");
  for (const syllable of ["ㄴ", "녀", "녕"]) {
    compose("compositionupdate", syllable);
    put("안" + syllable);
  }
  if (order !== "behind") key(true);
  compose("compositionend", "녕");
  put("안녕");
  if (order !== "during") key(false);
}"""


@pytest.mark.parametrize("order", ["during", "behind", "both"])
def test_enter_while_hangul_is_composed_sends_the_whole_text_once(page: Opened, order: str) -> None:
    page.new_talk()
    page.page.evaluate(COMPOSE, order)
    page.wait_for_talk(2, "안녕")
    page.page.wait_for_timeout(200)  # a second one would be sent by now
    assert page.talk()[0] == "안녕" and len(page.talk()) == 2
    assert page.field.input_value() == ""


def test_the_input_method_of_chromium_sends_once(page: Opened) -> None:
    if page.browser != "chromium":
        pytest.skip("only Chromium lets a test compose")
    page.new_talk()
    page.field.focus()
    ime = page.page.context.new_cdp_session(page.page)
    ime.send("Input.insertText", {"text": "안"})
    for syllable in ("ㄴ", "녀", "녕"):
        ime.send("Input.imeSetComposition", {"text": syllable, "selectionStart": 1, "selectionEnd": 1})
    enter = {"key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229}
    ime.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter})
    ime.send("Input.insertText", {"text": "녕"})
    ime.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter})
    page.wait_for_talk(2, "안녕")


def test_the_same_seed_draws_the_same_reply_whatever_the_browser(page: Opened, tmp_path_factory: Any) -> None:
    drawn = tmp_path_factory.getbasetemp() / "drawn.json"
    page.page.locator(".options summary").click()
    for name, value in (("temperature", "1.5"), ("seed", "7")):
        field = page.page.locator(".options input").nth(["temperature", "topK", "topP", "seed"].index(name))
        field.fill(value)
        field.press("Enter")
    replies = talk_in(page, TALK)
    assert replies == talk_in(page, TALK)
    if drawn.exists():
        assert replies == json.loads(drawn.read_text(encoding="utf-8"))
    drawn.write_text(json.dumps(replies), encoding="utf-8")
