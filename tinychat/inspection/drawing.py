"""SVG pictures with real text. The same data gives the same bytes on every machine, with or without Korean fonts."""

import re
from collections.abc import Callable
from typing import Final
from xml.dom import minidom

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from tinychat.inspection.svg import ACCENT, INK, blank_figure, picture_settings, to_svg

FONTS = "Noto Sans KR, Noto Sans CJK KR, Apple SD Gothic Neo, Malgun Gothic, NanumGothic, sans-serif"

PIXELS: Final = 4  # of a cell's side in an embedded image

FONT_FAMILY = re.compile(r"font-family: [^;]*;? ?")
FONT_SHORTHAND = re.compile(r"font: (?:(\d+|bold) )?([\d.]+px) [^;]*")


def picture(width: float, height: float, paint: Callable[[Axes], None]) -> str:
    """What `paint` draws, as SVG. Its axes are in pixels from the upper left corner.

    No figure stays open, and matplotlib's settings are restored.
    """
    with picture_settings():
        figure = blank_figure(width, height)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        paint(axes)
        return _tidy(to_svg(figure), width, height)


def write(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    *,
    size: float,
    color: str = INK,
    align: str = "left",
    bold: bool = False,
) -> None:
    """One line of text; `y` is the middle of its height."""
    # The baseline is set here: matplotlib would measure in a font that the browser does not use.
    axes.text(x, y + 0.36 * size, text, fontsize=size, color=color, ha=align, weight="bold" if bold else "normal")


def cells(axes: Axes, shades: np.ndarray, left: float, top: float, size: float) -> None:
    """A map of square cells as an embedded image: `shades` 0 (nothing) to 1 (full colour), NaN: none.

    The shade is opacity, so that a map looks right on a light and on a dark ground.
    """
    rows, columns = shades.shape
    colours = np.empty((rows, columns, 4), dtype=np.uint8)
    colours[..., :3] = np.round(np.array(to_rgb(ACCENT)) * 255)
    colours[..., 3] = np.round(np.nan_to_num(shades) * 255)
    extent = (left, left + columns * size, top + rows * size, top)
    # Some viewers blur an image that they enlarge; with several pixels a cell, only its edge.
    colours = colours.repeat(PIXELS, axis=0).repeat(PIXELS, axis=1)
    axes.imshow(colours, extent=extent, interpolation="none", aspect="auto")


def _tidy(svg: str, width: float, height: float) -> str:
    """Matplotlib's SVG in half the bytes: fonts named once, no comments, no unused ids."""
    root = minidom.parseString(svg).documentElement
    assert root is not None
    used = set(re.findall(r"#([\w-]+)", " ".join(_references(root))))
    for element in [root, *root.getElementsByTagName("*")]:
        if element.hasAttribute("id") and element.getAttribute("id") not in used:
            element.removeAttribute("id")
        if element.tagName == "text":
            style = FONT_SHORTHAND.sub(_long_font, element.getAttribute("style"))
            element.setAttribute("style", FONT_FAMILY.sub("", style).strip("; "))
            if element.getAttribute("transform").startswith("rotate(-0 "):
                element.removeAttribute("transform")
    _drop_blank(root)
    root.setAttribute("width", f"{width:g}")
    root.setAttribute("height", f"{height:g}")
    root.setAttribute("style", f"font-family: {FONTS}; stroke-linejoin: round; stroke-linecap: butt")
    return f"{root.toxml()}\n"


def _references(root: minidom.Element) -> list[str]:
    return [
        value
        for element in root.getElementsByTagName("*")
        for name, value in element.attributes.items()
        if name in ("xlink:href", "clip-path") and not value.startswith("data:")
    ]


def _long_font(match: re.Match[str]) -> str:
    weight, size = match.groups()
    return (f"font-weight: {weight}; " if weight else "") + f"font-size: {size}"


def _drop_blank(node: minidom.Element) -> None:
    """Take out comments, white space between elements, styles for all of a page, and groups without attributes."""
    for child in list(node.childNodes):
        if isinstance(child, minidom.Element) and child.tagName != "style":
            _drop_blank(child)
            if child.tagName == "g" and not child.attributes:
                for grandchild in list(child.childNodes):
                    node.insertBefore(grandchild, child)
                node.removeChild(child)
        elif node.tagName != "text":
            node.removeChild(child)
