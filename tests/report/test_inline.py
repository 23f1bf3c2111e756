import re
from xml.etree import ElementTree

from tinychat.inspection import svg as pictures
from tinychat.report.charts import WIDTH, draw_loss_curve
from tinychat.report.inline import COLOURS, inline
from tinychat.report.inputs import Epoch
from tinychat.report.words import words_of

CURVE = draw_loss_curve([Epoch(1, 3.0, 3.5), Epoch(2, 1.0, 2.5)], 1, words_of("ko"))


def small(content: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" viewBox="0 0 9 9">{content}</svg>'


def test_every_colour_of_a_picture_has_its_counterpart_on_the_page() -> None:
    palette = {"INK", "MUTED", "LINE", "PAPER", "ACCENT", "SECOND"}
    used = {getattr(pictures, name) for name in palette}
    assert used == set(COLOURS)
    assert not re.search(r"#[0-9a-f]{6}\b", inline(CURVE, "loss", ""))


def test_names_are_of_this_picture_alone_and_every_reference_is_met() -> None:
    root = ElementTree.fromstring(inline(CURVE, "loss", ""))
    names = [element.get("id", "") for element in root.iter() if element.get("id")]
    assert names and all(name.startswith("loss-") for name in names) and len(set(names)) == len(names)
    targets = [
        target
        for element in root.iter()
        for value in element.attrib.values()
        for target in re.findall(r"#([\w-]+)", value)
    ]
    assert targets and set(targets) <= set(names)


def test_the_page_decides_on_fonts_and_width() -> None:
    svg = inline(CURVE, "loss", "")
    assert "font-family" not in svg and "DejaVu" not in svg
    root = ElementTree.fromstring(svg)
    assert "width" not in root.attrib and f"--width: {WIDTH}px" in root.attrib["style"]


def test_styles_for_the_whole_page_scripts_and_metadata_are_left_out() -> None:
    svg = small("<style>*{color:red}</style><script>x()</script><metadata/>")
    assert not re.search("style>|script|metadata", inline(svg, "a", ""))


def test_who_cannot_see_it_is_told_what_it_is() -> None:
    root = ElementTree.fromstring(inline(CURVE, "loss", 'loss & "more"'))
    assert (root.get("role"), root.get("aria-label")) == ("img", 'loss & "more"')


def test_the_font_shorthand_of_older_matplotlib_keeps_its_size_and_weight() -> None:
    svg = small("<text style=\"font: 700 11px 'DejaVu Sans'; fill: #1f2430\">가</text>")
    assert "font-weight: 700; font-size: 11px; fill: var(--ink)" in inline(svg, "a", "")
