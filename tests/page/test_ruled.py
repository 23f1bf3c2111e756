"""What a rule put into a reply, and what heads that are off did: the page says of each which it was."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.page import test_building
from tests.page.browsers import Opened
from tests.page.conftest import Open
from tests.page.node import run_in_node
from tinychat.model.classic_config import OUTPUT
from tinychat.page.building import PageInputs, build_page
from tinychat.page.packing import fact_tables, name_patterns
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.chat import Message

inputs = test_building.inputs  # a fixture
ASKED: list[Message] = [{"role": "user", "content": "내 이름은 서연이야"}]
PIECES = ["<pad>", "<user>", "<bot>", "<eos>", *"네 !민수서연님내이름은야"]
RULED = "사용자가 알려 준 것이라 규칙이 넣었다."
PATTERNS = {"patterns": name_patterns(), "facts": fact_tables()}


def test_the_tokens_of_a_name_that_a_rule_put_in_are_marked_and_without_the_rule_the_model_says_its_own() -> None:
    said = [PIECES.index(piece) for piece in "네 민수님!"]
    value = {**PATTERNS, "pieces": PIECES, "said": said, "asked": ASKED}
    ruled, own = run_in_node("ruled.mjs", {**value, "cases": [{}, {"nameRules": False}]})
    assert ruled["text"] == "네 서연님!"
    assert [piece for piece, is_ruled in ruled["tokens"] if is_ruled] == ["서", "연", "님"]
    assert own["text"] == "네 민수님!"
    assert not any(is_ruled for _, is_ruled in own["tokens"])


@pytest.mark.parametrize(
    ("says", "text"), [("아직 이름을 몰라요", "서연 이름을 몰라요"), ("네! 이름을 몰라요", "네! 서연을 몰라요")]
)
def test_a_sentence_that_denies_the_name_which_was_told_begins_with_it(says: str, text: str) -> None:
    """The model of this test goes on as before behind the name: it knows no other text."""
    pieces = ["<pad>", "<user>", "<bot>", "<eos>", *dict.fromkeys("네 !아직이름을몰라요서연내은야?")]
    asked = [*ASKED, {"role": "assistant", "content": "네!"}, {"role": "user", "content": "내 이름은?"}]
    said = [pieces.index(piece) for piece in says]
    value = {**PATTERNS, "pieces": pieces, "said": said, "asked": asked}
    ruled, own = run_in_node("ruled.mjs", {**value, "cases": [{}, {"nameRules": False}]})
    assert ruled["text"] == text
    assert [piece for piece, is_ruled in ruled["tokens"] if is_ruled] == ["서", "연"]
    assert own["text"] == says


def test_the_same_syllables_six_times_in_a_row_stay_twice_and_another_reply_goes_on() -> None:
    pieces = ["<pad>", "<user>", "<bot>", "<eos>", *dict.fromkeys("네 로요!내이름은서연야")]
    texts = [[pieces.index(piece) for piece in says] for says in ("네 로로로로로로로로", "네 로로요!")]
    value = {**PATTERNS, "pieces": pieces, "texts": texts, "asked": ASKED}
    ruled, own = run_in_node("ruled.mjs", {**value, "cases": [{}, {"nameRules": False}]})
    assert ruled["text"] == "네 로로요!"
    assert not any(is_ruled for _, is_ruled in ruled["tokens"])
    assert own["text"] == "네 로로로로로로로로"


@pytest.mark.parametrize(
    ("says", "text", "ruled_tokens"),
    [
        (["몰라요", "초밥이에요!"], "초밥이에요!", "초밥"),
        (["아까 김밥이죠", "초밥집", "초밥을 먹어", "초밥을 좋아한대"], "초밥을 좋아한대", "초밥"),
        (["몰라요", *(f"초밥{wrong}" for wrong in "집님도는가에국알말맛값물")], "초밥이에요", "초밥이에요"),
        (["아까 초밥이죠"], "아까 초밥이죠", ""),
    ],
)
def test_a_reply_that_does_not_say_what_the_user_told_and_asks_for_begins_with_it(
    says: list[str], text: str, ruled_tokens: str
) -> None:
    pieces = ["<pad>", "<user>", "<bot>", "<eos>", *dict.fromkeys("".join(says) + "나는 초밥 좋아해이에요내가뭐했지?")]
    asked = [
        {"role": role, "content": content}
        for role, content in (("user", "나는 초밥 좋아해"), ("assistant", "네"), ("user", "내가 뭐 좋아한다고 했지?"))
    ]
    texts = [[pieces.index(piece) for piece in one] for one in says]
    value = {**PATTERNS, "pieces": pieces, "texts": texts, "asked": asked}
    ruled, own = run_in_node("ruled.mjs", {**value, "cases": [{}, {"nameRules": False}]})
    assert ruled["text"] == text
    assert "".join(piece for piece, is_ruled in ruled["tokens"] if is_ruled) == ruled_tokens
    assert own["text"] == says[0]


def test_a_sentence_about_a_name_that_nobody_told_is_taken_back_with_the_next_one() -> None:
    pieces = ["<pad>", "<user>", "<bot>", "<eos>", *dict.fromkeys("네. 좋은이름민수님!안녕")]
    said = [pieces.index(piece) for piece in "네. 좋은 이름. 민수님!"]
    asked = [{"role": "user", "content": "안녕"}]
    value = {**PATTERNS, "pieces": pieces, "said": said, "asked": asked}
    ruled, own = run_in_node("ruled.mjs", {**value, "cases": [{}, {"nameRules": False}]})
    assert (ruled["text"], own["text"]) == ("네.", "네. 좋은 이름. 민수님!")


@pytest.mark.parametrize(
    ("texts", "asked", "text"),
    [
        (["민수님!", "좋은 이름이네!", "안녕"], "저는 얼죽아예요", "안녕"),
        (["민수님!", "좋은 이름이네!", "안녕"], "저는 서연이에요", "좋은 이름이네!"),
        (["좋은 이름이네!", "안녕"], "저는 얼죽아예요", "좋은 이름이네!"),
        (["네 서 연님!"], "내 이름은 서연이야", "네 서연님!"),
        (["네 서 서연님!"], "내 이름은 서연이야", "네 서연님!"),
    ],
)
def test_no_other_name_is_praised_and_the_users_is_said_whole(texts: list[str], asked: str, text: str) -> None:
    pieces = ["<pad>", "<user>", "<bot>", "<eos>", *dict.fromkeys("".join(texts) + "서연 내은야에요저얼죽아예")]
    said = [[pieces.index(piece) for piece in text] for text in [*texts, text]]
    value = {
        **PATTERNS,
        "pieces": pieces,
        "texts": said,
        "asked": [{"role": "user", "content": asked}],
    }
    [ruled] = run_in_node("ruled.mjs", {**value, "cases": [{}]})
    assert ruled["text"] == text


@pytest.mark.parametrize(
    ("asked", "text", "n_common"),
    [(["안녕"], "오!", 3), (["안녕", "오!", "안녕"], "아, 네!", 6), (["내 이름은 서연이야"], "네, 서연님", 0)],
)
def test_a_common_reply_is_said_where_the_first_sentence_calls_a_name_that_nobody_told(
    asked: list[str], text: str, n_common: int
) -> None:
    texts, common = ["네, 민수님!", "음!", "오!", "아, 네!"], ["네!", "오!", "아, 네!"]
    pieces = ["<pad>", "<user>", "<bot>", "<eos>", *dict.fromkeys("".join([*texts, *common]) + "서연 내이름은야안녕")]
    said = [[pieces.index(piece) for piece in one] for one in texts]
    messages = [{"role": ("user", "assistant")[n % 2], "content": one} for n, one in enumerate(asked)]
    value = {**PATTERNS, "pieces": pieces, "texts": said, "asked": messages, "common": common}
    ruled, own = run_in_node("ruled.mjs", {**value, "cases": [{}, {"nameRules": False}]})
    assert (ruled["text"], ruled["nCommon"]) == (text, n_common)
    assert own["nCommon"] == 0


def test_a_common_reply_is_whole_and_where_none_may_stand_the_reply_begins_otherwise() -> None:
    texts, common = ["민수님!", "음!"], ["아, 네, 그래!", "오!"]
    pieces = ["<pad>", "<user>", "<bot>", "<eos>", *dict.fromkeys("".join([*texts, *common]) + "안녕")]
    said = [[pieces.index(piece) for piece in one] for one in [*texts, *common]]
    value = {
        **PATTERNS,
        "pieces": pieces,
        "texts": said,
        "asked": [{"role": "user", "content": "안녕"}],
    }
    cases = [{}, {"maxTokens": 3}, {"temperature": 0.1, "seed": 1}]
    either, short, drawn = run_in_node("ruled.mjs", {**value, "common": common, "cases": cases})
    assert (either["text"], short["text"]) == ("아, 네, 그래!", "오!")
    assert drawn["text"] in common and drawn["nCommon"]
    [none] = run_in_node("ruled.mjs", {**value, "common": common[:1], "cases": cases[1:2]})
    assert (none["text"], none["nCommon"]) == ("음!", 0)


def test_a_head_carries_a_word_alone_only_where_the_word_was_likely_and_is_much_less_so_without_it() -> None:
    shares = [(0.87, 0.46), (0.87, 0.83), (0.9, 0.95), (0.04, 0.0), (0.001, 0.001)]
    assert run_in_node("carrying.mjs", shares) == [
        *("headmap.most", "headmap.shared", "headmap.shared", "headmap.unlikely", "headmap.unlikely")
    ]


def saying(inputs: PageInputs, bpe: Tokenizer, reply: str, asked: list[Message] = ASKED) -> PageInputs:
    """The inputs of the page of a model that says this to `asked`, whatever its heads do: each place has its word."""
    config = replace(inputs.config, max_len=64)
    weights = {name: np.zeros(shape, dtype=np.float32) for name, shape in config.weight_shapes().items()}
    for name in weights:
        if "norm" in name and name.endswith("weight"):
            weights[name][:] = 1
    first = len(bpe.encode_prompt(asked, max_len=64, reply_tokens=16)) - 1
    output, bias = OUTPUT
    weights[bias][3] = 1
    for n, token in enumerate(bpe.encode(reply)):
        weights["input_layer.pos_embedding.weight"][first + n, n] = 1
        weights[output][token, n] = 1
    prompts = [[message["content"] for message in asked]]
    return replace(inputs, config=config, weights=weights, prompts=prompts)


@pytest.fixture
def ruled_page(open_page: Open, inputs: PageInputs, bpe: Tokenizer, tmp_path: Path) -> Opened:
    """The page of a model that calls 서연 by another name, of which the rules make hers."""
    file = tmp_path / "tinychat.html"
    file.write_text(build_page(saying(inputs, bpe, "민수님!"), 6), encoding="utf-8")
    return open_page(file)


def go_to_the_step(page: Opened, name: str) -> None:
    page.page.locator(".ribbon .box").filter(has_text=name).last.click()


@pytest.mark.slow
def test_a_name_that_a_rule_put_in_is_marked_wherever_the_page_says_why_it_was_said(ruled_page: Opened) -> None:
    page = ruled_page
    assert page.talk()[-1].startswith("서연님")
    assert "규칙이 넣었다" in page.page.locator(".finding").inner_text()
    page.page.locator(".message").last.get_by_role("button", name="왜 이 말?").click()
    row = page.page.locator(".why tbody tr").filter(has_text=RULED).first
    row.get_by_role("button").click()  # to the probabilities
    assert page.page.locator(".main p.ruled").inner_text() == RULED
    go_to_the_step(page, "단어")
    reason = page.page.locator(".choice p.ruled").inner_text()
    assert reason.startswith(RULED) and "지금 확률이 가장 높은 것은" in reason
    go_to_the_step(page, "어텐션")
    page.page.get_by_role("button", name="이 헤드 끄기").click()
    assert RULED in page.page.locator(".change").inner_text()


@pytest.mark.slow
def test_where_only_the_common_replies_are_left_the_page_says_so(
    open_page: Open, inputs: PageInputs, bpe: Tokenizer, tmp_path: Path
) -> None:
    file = tmp_path / "tinychat.html"
    asked: list[Message] = [{"role": "user", "content": "안녕"}]
    of_page = saying(inputs, bpe, "민수님!", asked)
    generation = replace(of_page.generation, common_replies=("민수 이야기네요.", "그렇군요."))
    file.write_text(build_page(replace(of_page, generation=generation), 6), encoding="utf-8")
    page = open_page(file)
    assert page.talk()[-1] == "그렇군요."
    go_to_the_step(page, "단어")
    page.page.get_by_role("button", name="처음부터").click()  # the first token is a space, as that of the name would be
    go_to_the_step(page, "단어")
    reason = page.page.locator(".choice").inner_text()
    assert "학습할 때 가장 자주 나온 대답 가운데 하나" in reason and "이미 한 대답" not in reason


@pytest.mark.slow
def test_with_heads_off_the_model_answers_without_the_rules_of_names_beside_what_all_heads_said(
    ruled_page: Opened,
) -> None:
    page = ruled_page
    all_on = page.talk()[-1]
    go_to_the_step(page, "어텐션")
    page.page.locator(".head").nth(2).click()
    page.page.get_by_role("button", name="이 헤드 끄기").click()
    assert "2층 헤드 3을 꺼 두었다" in page.page.locator(".walk .warning").inner_text()
    for _ in range(2):
        page.page.get_by_role("button", name="꺼 둔 채 다시 대답").click()
        page.page.locator(".message").last.get_by_text("2층 헤드 3을 끈 대답").wait_for()
        page.wait()
        assert page.talk()[-1] == "민수님!"
        assert page.page.locator(".message .before").inner_text() == f"모두 켰을 때의 대답: {all_on}"
    page.page.locator(".message").last.get_by_role("button", name="왜 이 말?").click()
    assert page.page.locator(".ruled").count() == 0
    page.page.locator(".walk .warning button").click()
    page.say("안녕")
    assert page.page.locator(".message .before").count() == 1
    assert "헤드" not in page.page.locator(".message").last.inner_text().replace("어느 헤드", "")


@pytest.mark.slow
def test_a_reply_that_stays_the_same_without_a_head_says_so(
    open_page: Open, inputs: PageInputs, bpe: Tokenizer, tmp_path: Path
) -> None:
    file = tmp_path / "tinychat.html"
    file.write_text(build_page(saying(inputs, bpe, "서연님!"), 6), encoding="utf-8")
    page = open_page(file)
    go_to_the_step(page, "어텐션")
    page.page.get_by_role("button", name="이 헤드 끄기").click()
    page.page.get_by_role("button", name="꺼 둔 채 다시 대답").click()
    assert page.page.locator(".message .before").inner_text().startswith("모두 켰을 때와 같은 대답이다.")
