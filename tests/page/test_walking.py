"""The walk through the layers, and the page for all people and screens, in real browsers."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinychat
from tests.generation.models import needs_compiler, random_sample, save_sample
from tests.page.browsers import Opened, axe_script
from tests.page.conftest import Open
from tests.page.projects import write_reports
from tests.page.test_quoting import write_corpus
from tinychat.model.classic_config import ClassicConfig
from tinychat.page.building import TRAINED_ON
from tinychat.tokenizer import Tokenizer

pytestmark = pytest.mark.slow

TABS = ("walk", "map", "training", "replies", "file")
LAYER = ["어텐션", "정리", "FFN", "정리"]
PHONE = {"width": 360, "height": 740}
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
GROUND = "getComputedStyle(document.body).backgroundColor"
# What a person who uses a keyboard alone stands at.
FOCUSED = """(() => {
  const { activeElement: element } = document;
  return element.id || element.className || element.type || element.tagName;
})()"""


def step_of(page: Opened) -> tuple[str, str]:
    """Which step the walk stands at, as the row of the whole model says it, and the number beside the slider."""
    here = page.page.locator(".ribbon [aria-current=step] span").first
    return here.inner_text(), page.page.locator(".scrub .muted").inner_text()


def press(page: Opened, *keys: str) -> None:
    for key in keys:
        page.page.keyboard.press(key)


def focus(page: Opened, wanted: str) -> None:
    """Press Tab until this has the focus."""
    for _ in range(200):
        press(page, "Tab")
        if wanted in page.page.evaluate(FOCUSED):
            return
    raise AssertionError(f"Tab does not come to {wanted}")


def test_the_walk_goes_by_keyboard_from_the_first_step_to_the_last(page: Opened) -> None:
    focus(page, "tab-walk")
    press(page, "Tab", "Home")
    steps = ["토큰", "입력", *LAYER, *LAYER, "점수", "확률", "단어"]
    for number, name in enumerate(steps, start=1):
        assert step_of(page) == (name, f"{number}/{len(steps)}")
        heading = page.page.locator(".step-head h2").inner_text()
        assert heading and page.page.locator(".step-head h2 + p").inner_text()
        forward = page.page.locator(".controls button.strong").inner_text()
        assert forward == ("다음 →" if number < len(steps) else "다음 토큰 →")
        if number < len(steps):
            press(page, "ArrowRight")
    press(page, "ArrowLeft")
    assert step_of(page)[0] == "확률"
    at = page.page.locator(".token-at").inner_text()
    press(page, "Shift+ArrowLeft")
    assert page.page.locator(".token-at").inner_text() != at
    press(page, "Shift+ArrowRight", "End")
    assert page.page.locator(".token-at").inner_text() == at
    assert step_of(page)[0] == "단어"


def test_all_is_reached_by_tab(page: Opened) -> None:
    found = set()
    for _ in range(120):
        press(page, "Tab")
        found.add(page.page.evaluate(FOCUSED))
    assert {"textarea", "tab-walk", "range", "strong", "messages"} <= found


def has_focus(page: Opened, number: int) -> None:
    """Wait until a step in the row of the whole model has the focus."""
    page.page.locator(".ribbon .box").nth(number).and_(page.page.locator(":focus")).wait_for()


def test_the_row_of_the_whole_model_is_one_stop_of_tab_and_the_arrows_go_along_it(page: Opened) -> None:
    page.page.locator(".ribbon .box").nth(3).click()
    press(page, "ArrowRight", "ArrowRight")
    has_focus(page, 5)
    press(page, "ArrowLeft")
    has_focus(page, 4)
    assert step_of(page) == (LAYER[2], "5/13")
    press(page, "Tab")
    assert page.page.evaluate("document.activeElement.closest('.ribbon')") is None
    press(page, "Shift+Tab")
    assert "box" in page.page.evaluate(FOCUSED)
    press(page, "End")
    has_focus(page, 12)
    press(page, "Shift+Tab")
    assert page.page.evaluate(FOCUSED) == "tab-walk"


def test_the_list_of_half_layers_shows_where_the_step_ends(page: Opened) -> None:
    here = page.page.locator(".lens [aria-current=step] .place")
    places = ["입력", *("1층 어텐션 뒤",) * 2, *("1층 FFN 뒤",) * 2, *("2층 어텐션 뒤",) * 2, *("2층 FFN 뒤",) * 5]
    for n, place in enumerate(places, start=1):
        page.page.locator(".ribbon .box").nth(n).click()
        assert here.inner_text() == place, n


def test_only_where_something_can_point_a_mouse_is_spoken_of(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file, viewport=PHONE, has_touch=True)
    page.page.locator(".ribbon .layer .box").first.click()
    can_point = page.page.evaluate("matchMedia('(any-hover: hover)').matches")
    assert page.page.locator(".pointed").is_visible() == can_point
    assert "마우스" not in page.page.locator(".walk").inner_text().replace(
        page.page.locator(".pointed").inner_text(), ""
    )


def test_nobody_points_at_what_scrolls_under_a_mouse_that_rests(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file, viewport={"width": 1000, "height": 420})
    page.page.locator(".ribbon .layer .box").first.click()
    page.page.evaluate("window.scrollTo(0, 0)")
    chip = page.page.locator(".flow .chip").first
    place = chip.bounding_box()
    assert place
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.page.mouse.move(x, 150)
    begins_at = page.page.locator(".chip.from").get_attribute("data-at")
    page.page.evaluate(f"window.scrollTo(0, {y - 150})")
    page.page.wait_for_selector(".chip[data-at='0']:hover")
    page.page.wait_for_timeout(200)
    assert page.page.locator(".chip.from").get_attribute("data-at") == begins_at != "0"
    page.page.mouse.move(x + 2, 151)
    page.page.wait_for_selector(".chip.from[data-at='0']")


def test_the_tabs_are_chosen_by_arrows(page: Opened) -> None:
    focus(page, "tab-walk")
    for name in (*TABS[1:], "walk"):
        press(page, "ArrowRight")
        assert page.page.evaluate(FOCUSED) == f"tab-{name}"
        assert page.page.locator(f"#tab-{name}").get_attribute("aria-selected") == "true"
        assert page.page.locator("#panel").inner_text().strip()


def test_on_a_telephone_nothing_is_wider_than_the_screen(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file, viewport=PHONE)
    page.say("<script>" + "긴" * 8)
    for tab in TABS:
        page.show(tab)
        assert page.page.evaluate(WIDER) <= 0, tab
    page.show("walk")
    page.page.locator(".scrub input").focus()
    press(page, "Home")
    for number in range(13):
        assert page.page.evaluate(WIDER) <= 0, number
        press(page, "ArrowRight")


def lines_drawn(page: Opened) -> dict[str, int]:
    """How many lines of attention there are of each kind."""
    return {kind: page.page.locator(f".lines .{kind}").count() for kind in ("looks", "watched")}


def direction(page: Opened, name: str) -> Any:
    """The button that shows or hides lines of one kind."""
    return page.page.get_by_role("group", name="의 선").get_by_role("button", name=name, exact=True)


LOOKS, WATCHED = "이 단어가 보는 단어", "이 단어를 보는 단어"
SAYS_LOOKS, SAYS_WATCHED = (re.compile(rf"‘(\S+)’{particle} 보는 단어는") for particle in ("[이가]", "[을를]"))


def test_with_a_finger_a_word_is_held_and_one_sees_what_it_looks_at_and_what_looks_at_it(
    open_page: Open, page_file: Path
) -> None:
    page = open_page(page_file, viewport=PHONE, has_touch=True)
    page.tap(page.page.locator(".ribbon .layer .box").first)
    chips, says = page.page.locator(".flow .chip"), page.page.locator(".says")
    for at in (1, 2):
        page.tap(chips.nth(at))
        assert page.page.locator(".chip.from").get_attribute("data-at") == str(at)
        assert all(lines_drawn(page).values())
        word = chips.nth(at).locator(".text").inner_text()
        assert SAYS_LOOKS.findall(says.inner_text()) == SAYS_WATCHED.findall(says.inner_text()) == [word]
    page.tap(direction(page, LOOKS))
    assert lines_drawn(page)["looks"] == 0 < lines_drawn(page)["watched"]
    assert not SAYS_LOOKS.search(says.inner_text())
    assert page.page.locator(".chip.from").get_attribute("data-at") == "2"
    page.tap(direction(page, WATCHED))
    assert lines_drawn(page) == {"looks": 0, "watched": 0}
    page.tap(direction(page, LOOKS))
    assert lines_drawn(page)["looks"] > 0 == lines_drawn(page)["watched"]
    last = chips.count() - 1
    page.tap(chips.nth(last))  # <eos>, from which no word is made
    assert page.page.locator(".chip.from").get_attribute("data-at") == str(last)
    assert page.page.evaluate(WIDER) <= 0


def test_by_keyboard_the_same_is_said_and_each_thing_has_its_name(page: Opened) -> None:
    page.page.locator(".ribbon .layer .box").first.click()
    focus(page, "chip")
    press(page, *["ArrowLeft"] * 50, "ArrowRight")
    assert page.page.locator(".chip.from").get_attribute("data-at") == "1"
    assert all(lines_drawn(page).values())
    assert page.page.locator(".says[aria-live=polite]").inner_text().count("‘") >= 3
    chip = page.page.locator(".chip").nth(0)
    assert "1번째 토큰" in chip.inner_text() and "보는 정도" in chip.inner_text()
    press(page, "Enter")
    assert page.page.locator(".token-at .muted").inner_text().startswith("2/")
    press(page, "Shift+Tab")
    assert page.page.evaluate(FOCUSED) == "watched"
    press(page, " ")
    assert direction(page, WATCHED).get_attribute("aria-pressed") == "false"
    assert lines_drawn(page)["looks"] > 0 == lines_drawn(page)["watched"]


def test_lines_do_not_tell_the_word_that_is_to_be_guessed(page: Opened) -> None:
    page.page.locator(".ribbon .layer .box").first.click()
    first_word = page.page.get_by_role("button", name="첫 단어", exact=True)
    if first_word.is_enabled():
        first_word.click()
    assert SAYS_WATCHED.search(page.page.locator(".says").inner_text())
    page.page.get_by_label("먼저 맞혀 보기").check()
    assert "눈여겨보는 단어는 없다" in page.page.locator(".says").inner_text()
    assert lines_drawn(page)["watched"] == 0


def test_the_theme_is_the_systems_or_the_one_that_is_chosen(page: Opened) -> None:
    button = page.page.locator(".top button").first
    light = page.page.evaluate(GROUND)
    button.click()  # light
    assert page.page.evaluate(GROUND) == light
    button.click()
    page.page.locator("html[data-theme=dark]").wait_for()
    dark = page.page.evaluate(GROUND)
    assert dark != light and brightness(dark) < 60 < 200 < brightness(light)


def test_where_the_system_is_dark_the_page_is(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file, color_scheme="dark")
    if not page.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"):
        pytest.skip("this browser cannot be told that the system is dark")
    assert brightness(page.page.evaluate(GROUND)) < 60


def brightness(colour: str) -> float:
    """The mean of red, green and blue of `rgb(…)`."""
    return float(np.mean([int(part) for part in colour.strip("rgb()").split(",")[:3]]))


def test_the_page_speaks_english_too(page: Opened) -> None:
    page.page.locator(".top button").nth(1).click()
    assert page.page.locator("html").get_attribute("lang") == "en"
    for tab in TABS:
        page.show(tab)
        page.page.locator(f"#tab-{tab}[aria-selected=true]").wait_for()
    shown = page.page.locator(".network").inner_text()
    assert not any("가" <= char <= "힣" for char in shown)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_serious(repo: Path, open_page: Open, page_file: Path, theme: str, width: int) -> None:
    script = axe_script(repo)
    page = open_page(page_file, viewport={"width": width, "height": 800})
    button = page.page.locator(".top button").first
    for _ in range(1 + (theme == "dark")):
        button.click()
    page.say("고마워")
    page.page.locator(".message").last.locator(".actions button").first.click()
    page.page.evaluate(script)
    found = {}
    for tab in TABS:
        page.show(tab)
        found[tab] = serious(page)
    page.show("walk")
    page.page.locator(".scrub input").focus()
    press(page, "Home")
    for number in range(13):
        found[str(number)] = serious(page)
        press(page, "ArrowRight")
    assert {place: faults for place, faults in found.items() if faults} == {}


def serious(page: Opened) -> list[str]:
    """What axe calls serious or critical."""
    faults: list[dict[str, Any]] = page.page.evaluate("axe.run(document).then((result) => result.violations)")
    return [
        f"{fault['id']}: {fault['nodes'][0]['html'][:120]} {fault['nodes'][0]['failureSummary'][:200]}"
        for fault in faults
        if fault["impact"] in ("serious", "critical")
    ]


def test_the_page_and_the_summary_lead_to_each_other(page: Opened) -> None:
    page.show("training")
    link = page.page.locator("#panel a")
    assert link.inner_text() == "reports/summary.html"
    link.click()
    page.page.wait_for_url("**/reports/summary.html")
    assert page.page.title() == "the summary"
    page.requests = [url for url in page.requests if url != page.page.url]


@needs_compiler
def test_a_model_of_another_size_with_words_as_tokens_answers_as_python_does(
    open_page: Open, repo: Path, words: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stages import build_page

    config = ClassicConfig(words.size, embed_dim=40, n_layers=3, n_heads=5, ffn_dim=72, max_len=32)
    (tmp_path / "models").mkdir()
    folder = save_sample(random_sample(config, 0), words, tmp_path / build_page.MODEL)
    write_reports(tmp_path)
    (tmp_path / TRAINED_ON).parent.mkdir(parents=True)
    write_corpus(tmp_path / TRAINED_ON, ["안녕", "반가워"])
    params = (repo / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(params.replace("bits: 6", "bits: 8"), encoding="utf-8")
    build_page.run(tmp_path)
    monkeypatch.setenv("TINYCHAT_WEIGHTS", "int8")
    bot = tinychat.load(folder)
    page = open_page(tmp_path / build_page.PAGE)
    for text in ("안녕", "나 기분 좋아", "모르는 말"):
        page.new_talk()
        assert page.say(text) == bot.reply(text, max_tokens=64).text
    page.page.locator(".scrub input").focus()
    press(page, "End")
    assert step_of(page) == ("단어", "17/17")


def test_the_page_of_a_model_that_is_too_large_says_so(open_page: Open, repo: Path, tmp_path: Path) -> None:
    from tinychat.page.fitting import Unfit
    from tinychat.page.without_model import page_without_model

    file = tmp_path / "tinychat.html"
    unfit = Unfit("memory", {"weights": 217_000_000, "needed": 1326, "most": 1000})
    file.write_text(page_without_model(unfit, "ko"), encoding="utf-8")
    page = open_page(file, talks=False)
    assert "217,000,000개" in page.page.locator("main").inner_text()
    page.page.evaluate(axe_script(repo))
    assert serious(page) == []
