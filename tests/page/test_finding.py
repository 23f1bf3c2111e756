"""The question which head carries the user's name, and the way that the page leads to its answer."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.page import test_building
from tests.page.browsers import Opened
from tests.page.conftest import Open
from tinychat.model.classic_config import OUTPUT
from tinychat.page.building import PageInputs, build_page
from tinychat.tokenizer import Tokenizer

pytestmark = pytest.mark.slow

inputs = test_building.inputs  # a fixture
PHONE = {"width": 390, "height": 844}
CARD, TRY, RESULT = ".finding", ".head-map .row", ".head-map .row .strong"


@pytest.fixture
def name_file(inputs: PageInputs, bpe: Tokenizer, tmp_path: Path) -> Path:
    """The page of a model that says one word again and again, which was told as a name; it looks everywhere alike."""
    (said,) = bpe.encode("안녕")[:1]
    config = replace(inputs.config, max_len=64)
    weights = {name: np.zeros(shape, dtype=np.float32) for name, shape in config.weight_shapes().items()}
    _, bias = OUTPUT
    weights[bias][said] = 8  # so that it is likely
    prompts = [[f"내 이름은 {bpe.decode([said])}야"], ["뭐 해?"]]
    file = tmp_path / "tinychat.html"
    page = build_page(replace(inputs, config=config, weights=weights, prompts=prompts), 6)
    file.write_text(page, encoding="utf-8")
    return file


def goes_to_the_head(page: Opened) -> None:
    """What tries each head off leads to the one that was found, whose lines are in sight."""
    page.page.locator(RESULT).wait_for()
    assert "1층 헤드 1" in page.page.locator(TRY).inner_text()
    assert page.page.locator(".head-map td button.most").count() == 1
    assert page.page.evaluate("document.activeElement.closest('.head-map') !== null")
    page.page.locator(RESULT).click()
    head = page.page.locator(".head[aria-pressed=true]")
    assert "헤드 1" in head.inner_text()
    page.page.wait_for_function("document.querySelector('.heads').getBoundingClientRect().top < innerHeight / 2")
    # The walk stands at the token before the name.
    assert page.page.locator(".chip.here .text").inner_text() == "<bot>"


def test_the_page_asks_which_head_carries_the_name_and_leads_to_it(open_page: Open, name_file: Path) -> None:
    page = open_page(name_file)
    card = page.page.locator(CARD)
    assert "이름은 어느 헤드가 나를까?" in card.inner_text()
    card.locator("button").click()
    goes_to_the_head(page)
    assert page.page.locator(CARD).count() == 0


def test_what_was_found_is_of_the_heads_that_were_on_then(open_page: Open, name_file: Path) -> None:
    page = open_page(name_file)
    page.page.locator(CARD).locator("button").click()
    result = page.page.locator(TRY)
    page.page.locator(RESULT).wait_for()
    # Its heads do nothing: the first is named, and takes nothing away.
    said = re.search(r"혼자 나르는 헤드는 없다.* (\S+%) → (\S+%)다\.", result.inner_text())
    assert said is not None and said[1] == said[2]
    page.page.get_by_role("button", name="이 헤드 끄기").click()
    page.page.locator(RESULT).wait_for(state="detached")
    assert page.page.locator(".head-map td i").count() == page.page.locator(".head-map .most").count() == 0
    result.get_by_role("button", name="하나씩 꺼 보기").click()
    page.page.locator(RESULT).wait_for()
    assert "1층 헤드 1을 꺼 둔 채 잰 것이다." in result.inner_text()
    page.page.locator(".walk .warning button").click()
    page.page.locator(RESULT).wait_for(state="detached")


def test_on_a_telephone_the_way_begins_under_the_reply(open_page: Open, name_file: Path) -> None:
    page = open_page(name_file, viewport=PHONE, has_touch=True)
    page.tap(page.page.locator(".message").last.get_by_role("button", name="이름을 나르는 헤드 찾기"))
    page.page.locator(RESULT).wait_for()
    top, bottom = page.page.evaluate(
        f"(({{top, bottom}}) => [top, bottom])(document.querySelector('{RESULT}').getBoundingClientRect())"
    )
    assert top >= 0 and bottom <= PHONE["height"]
    goes_to_the_head(page)


def test_where_no_name_is_said_nothing_is_asked(page: Opened) -> None:
    assert page.page.locator(CARD).count() == 0
    assert page.page.get_by_role("button", name="이름을 나르는 헤드 찾기").count() == 0
