import re
import warnings
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from tinychat.inspection.svg import ACCENT, SECOND
from tinychat.report.charts import draw_loss_curve
from tinychat.report.inputs import Epoch
from tinychat.report.words import words_of

SVG = "{http://www.w3.org/2000/svg}"
BOTH = [Epoch(1, 7.0, 6.5), Epoch(2, 3.0, 5.0), Epoch(3, 1.0, 5.5)]
TRAINING_ONLY = [Epoch(epoch.number, epoch.train_loss, None) for epoch in BOTH]
KOREAN = words_of("ko")


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def lines(svg: str) -> list[str]:
    """Colours of the curves."""
    paths = ElementTree.fromstring(svg).iter(f"{SVG}path")
    styles = [path.get("style", "") for path in paths]
    return [colour for style in styles for colour in (ACCENT, SECOND) if f"stroke: {colour}; stroke-width: 2" in style]


def test_both_curves_are_named_with_their_last_loss_in_real_text() -> None:
    svg = draw_loss_curve(BOTH, 3, KOREAN)
    assert {"학습", "1.000", "검증", "5.500", "에폭", "손실(토큰당 nat)"} <= set(texts(svg))
    assert lines(svg) == [ACCENT, SECOND]


def test_without_validation_there_is_one_curve() -> None:
    svg = draw_loss_curve(TRAINING_ONLY, 3, KOREAN)
    assert "검증" not in texts(svg)
    assert lines(svg) == [ACCENT]


def test_an_epoch_that_was_kept_and_is_not_the_last_is_marked() -> None:
    assert "남긴 가중치" in texts(draw_loss_curve(BOTH, 2, KOREAN))
    assert "남긴 가중치" not in texts(draw_loss_curve(BOTH, 3, KOREAN))


@pytest.mark.parametrize("history", [BOTH[:1], [Epoch(1, 0.0, 0.0)], [Epoch(n, 5 / n, 5.0) for n in range(1, 2001)]])
def test_one_epoch_a_loss_of_nothing_and_thousands_of_epochs_can_be_drawn(history: list[Epoch]) -> None:
    assert len(draw_loss_curve(history, len(history), KOREAN)) < 100_000


def test_names_of_lines_that_end_together_do_not_cover_each_other() -> None:
    svg = draw_loss_curve([Epoch(1, 3.0, 3.0), Epoch(2, 1.0, 1.0)], 2, KOREAN)
    places = {e.text: float(e.get("y", "nan")) for e in ElementTree.fromstring(svg).iter(f"{SVG}text")}
    assert abs(places["학습"] - places["검증"]) > 25


def test_drawing_warns_of_nothing_leaves_matplotlib_as_it_was_and_gives_the_same_bytes() -> None:
    before = dict(mpl.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert draw_loss_curve(BOTH, 2, KOREAN) == draw_loss_curve(BOTH, 2, KOREAN)
    assert dict(mpl.rcParams) == before
    assert not re.search(r"\d\d:\d\d|20\d\d-", draw_loss_curve(BOTH, 2, KOREAN))
