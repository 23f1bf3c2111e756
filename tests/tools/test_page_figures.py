"""The table of the live page's figures."""

import pytest

from benchmarks.page import AIMS
from tools.page_figures import INTERACTION, OPENING, SPEEDS, page_rows


def browser(seconds: float) -> dict[str, object]:
    loads = {load: {mark: 1000 * seconds for of, mark in OPENING if of == load} for load in ("idle", "busy")}
    return {
        "version": "150.0",
        "opening": loads,
        "tokens_per_second": dict.fromkeys(SPEEDS, 1234.4),
        "interaction": {kind: {"median": 20.2, "worst": 41} for kind in INTERACTION},
    }


@pytest.fixture
def saved() -> dict[str, object]:
    return {
        "machine": "a machine",
        "rounds": 5,
        "context": 128,
        "aims": AIMS,
        "size_mb": {"6": 8.149, "8": 11.495},
        "build": {"seconds": 2.04, "peak_mb": 144},
        "browsers": {"chromium": browser(0.5)},
        "left_out": {"firefox": "too old"},
    }


@pytest.mark.parametrize("korean", [0, 1])
def test_each_figure_stands_beside_its_aim(saved: dict[str, object], korean: int) -> None:
    head, *rows = page_rows(saved, korean)
    assert {len(row) for row in rows} == {len(head)}
    assert sum(aim[0] in "≤≥" for _, aim, _ in rows) == len(AIMS)
    second = (" s", "초")[korean]
    cells = {figure for _, _, figure in rows}
    assert {"8.15 MB", f"0.50{second}", "1,234", f"2.0{second}", "144 MB"} <= cells
    assert ("128 tokens" in str(rows)) is not bool(korean)


def test_two_browsers_stand_beside_each_other_and_one_that_was_left_out_is_named(saved: dict[str, object]) -> None:
    assert page_rows(saved, 0)[-1][-1] == "a machine; Chromium 150.0; 5 rounds; not measured: Firefox"
    both = {**saved, "browsers": {"chromium": browser(0.5), "firefox": browser(0.6)}, "left_out": {}}
    assert "Chromium 0.50 s, Firefox 0.60 s" in {row[-1] for row in page_rows(both, 0)}
    assert page_rows(both, 0)[-1][-1] == "a machine; Chromium 150.0; Firefox 150.0; 5 rounds"
