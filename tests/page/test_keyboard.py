"""Groups of many buttons in the page are one stop of the Tab key each, and the arrows go through them."""

from typing import Any

import pytest

from tests.page.browsers import Opened
from tests.page.test_walking import press, step_of

pytestmark = pytest.mark.slow

MAP, LENS = ".head-map td button", ".lens li button"
DRAWN = "new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
STOPS = "(buttons) => buttons.map((_, n) => n).filter((n) => buttons[n].tabIndex >= 0)"
FOCUS = "(buttons) => buttons.findIndex((button) => button === document.activeElement)"


def go_to_attention(page: Opened) -> None:
    """The walk at the first attention, with head 2 of it."""
    page.page.locator(".ribbon .layer .box").first.click()
    page.page.locator(".head").nth(1).click()


def focused(page: Opened, buttons: str) -> int:
    """Which of these buttons has the focus, or -1."""
    found: int = page.page.locator(buttons).evaluate_all(FOCUS)
    return found


def stops(page: Opened, buttons: str) -> list[int]:
    """At which of these Tab stops."""
    found: list[int] = page.page.locator(buttons).evaluate_all(STOPS)
    return found


def along(page: Opened, buttons: str, keys: list[str]) -> list[int]:
    """Where each key leads."""
    found = []
    for key in keys:
        press(page, key)
        page.page.evaluate(DRAWN)
        found.append(focused(page, buttons))
    return found


def test_the_map_of_heads_is_one_stop_and_the_arrows_go_through_its_rows_and_columns(page: Opened) -> None:
    go_to_attention(page)
    assert stops(page, MAP) == [1]  # the head whose lines are drawn
    n_heads, n_all = page.page.locator(".head-map thead th").count(), page.page.locator(MAP).count()
    assert n_all == 2 * n_heads
    page.page.locator(MAP).nth(1).focus()
    down, last = n_heads + 1, n_heads - 1
    assert along(page, MAP, ["ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp"]) == [down, down, 1, 1]
    assert along(page, MAP, ["ArrowLeft", "ArrowLeft", "ArrowRight"]) == [0, 0, 1]
    assert along(page, MAP, ["End", "ArrowRight", "Home"]) == [last, last, 0]
    assert along(page, MAP, ["Control+End", "Home", "Control+Home"]) == [n_all - 1, n_heads, 0]
    assert step_of(page)[1] == "3/13"  # of all this the walk knows nothing
    assert along(page, MAP, ["ArrowDown", "ArrowRight", "Shift+Tab", "Tab"]) == [n_heads, down, -1, down]
    assert along(page, MAP, ["Enter"]) == [down]
    assert step_of(page)[1] == "7/13"
    assert "헤드 2" in page.page.locator(".head[aria-pressed=true]").inner_text()


def test_where_the_map_stands_by_itself_it_is_one_stop_too(page: Opened) -> None:
    page.show("map")
    page.page.locator(MAP).first.focus()
    assert along(page, MAP, ["Shift+Tab", "Tab", "ArrowRight"]) == [-1, 0, 1]


def test_the_list_of_half_layers_is_one_stop_and_the_arrows_go_up_and_down(page: Opened) -> None:
    go_to_attention(page)
    assert stops(page, LENS) == [1]  # where the step ends
    page.page.locator(LENS).nth(1).focus()
    assert along(page, LENS, ["ArrowDown", "ArrowDown", "ArrowUp"]) == [2, 3, 2]
    assert along(page, LENS, ["Home", "ArrowUp", "End", "ArrowDown"]) == [0, 0, 4, 4]
    assert step_of(page)[1] == "3/13"
    assert along(page, LENS, ["ArrowUp", "Shift+Tab", "Tab"]) == [3, -1, 3]
    assert along(page, LENS, ["Enter"]) == [3]
    assert step_of(page)[1] == "8/13"
    assert along(page, LENS, ["ArrowRight"]) == [3]  # a step, as everywhere in the walk
    assert step_of(page)[1] == "9/13"


def test_a_screen_reader_is_told_what_they_are(page: Opened) -> None:
    go_to_attention(page)
    grid: Any = page.page.get_by_role("grid", name="헤드 지도")
    assert grid.get_by_role("row").count() == 3
    assert grid.get_by_role("rowheader").all_inner_texts() == ["1층", "2층"]
    cells = grid.get_by_role("gridcell").get_by_role("button")
    assert cells.count() == page.page.locator(MAP).count()
    assert grid.get_by_role("button", name="1층 헤드 2").get_attribute("aria-current") == "true"
    toolbar: Any = page.page.get_by_role("toolbar", name="위아래 화살표")
    assert toolbar.get_attribute("aria-orientation") == "vertical"
    assert toolbar.get_by_role("listitem").count() == toolbar.get_by_role("button").count() == 5
