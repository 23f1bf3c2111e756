"""Shared settings of pictures: text as text, the same bytes on every machine, and colours that a page can change."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

# All colours that a picture may use: the summary page has a second value for each, for dark screens.
INK: Final = "#1f2430"
MUTED: Final = "#697180"
LINE: Final = "#d9dce3"
PAPER: Final = "#ffffff"
ACCENT: Final = "#4666e5"
SECOND: Final = "#c8641b"

SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tinychat",
    "svg.image_inline": True,
    "text.parse_math": False,
    "text.color": INK,
    # It comes with matplotlib, so the layout is the same everywhere; the viewer draws in its own fonts.
    "font.family": "DejaVu Sans",
}
NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


@contextmanager
def picture_settings(more: dict[Any, Any] | None = None) -> Iterator[None]:
    """Within this context, matplotlib's settings for our pictures, and `more` of a picture's own.

    All others are matplotlib's defaults, without any `matplotlibrc`.
    """
    defaults: dict[Any, Any] = {name: value for name, value in mpl.rcParamsDefault.items() if name != "backend"}
    with mpl.rc_context({**defaults, **SETTINGS, **(more or {})}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # nothing is drawn in that font
        yield


def blank_figure(width: float, height: float) -> Figure:
    """An empty figure, its size in pixels; not registered with pyplot."""
    return Figure(figsize=(width / 72, height / 72), dpi=72, facecolor=PAPER)


def to_svg(figure: Figure) -> str:
    """The figure as SVG without date or maker; to be called within `picture_settings`."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=NO_METADATA)
    return buffer.getvalue()
