"""The picture of a copying head: where it attends at the positions that predict the copied tokens.

It takes a record of `tinychat.inspection.export.sentence_record` whose `copied_text` is not null.
"""

from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path

from tinychat.inspection.drawing import picture, write
from tinychat.inspection.labels import em, label
from tinychat.inspection.svg import ACCENT, INK, LINE, MUTED, PAPER, SECOND
from tinychat.inspection.words import Words, name_head

MARGIN: Final = 16
MAX_LINE_WIDTH: Final = 720  # of a line of tokens
SIZE: Final = 13.5  # of the font of tokens
SMALL: Final = 11.5  # of weights and the legend
HIGH, GAP, BETWEEN = 42, 5, 36  # a box, between boxes, between lines
INDENT: Final = 24  # of a turn's further lines
TOP: Final = MARGIN + 56
MIN_WEIGHT: Final = 0.02  # a smaller weight is not drawn
CONTROL_TOKENS = ("<user>", "<bot>", "<eos>")


@dataclass(frozen=True)
class _Box:
    """The box of a token."""

    left: float
    top: float
    width: float
    line: int

    @property
    def middle(self) -> float:
        return self.left + self.width / 2


def draw_copied_text(sentence: dict[str, Any], words: Words) -> str:
    """One row of tokens per turn, the reply last, and the attention weights of the head of `copied_text`.

    Each line goes from the token before a copied one to a token that the head attends to; thicker for a larger weight.
    Sources and copied tokens are marked.
    """
    copied, tokens = sentence["copied_text"], sentence["tokens"]
    positions: list[int] = copied["reply_positions"]
    rows = sentence["attention"][copied["layer"]][copied["head"]]  # [T][T]
    sources = {position for source in copied["sources"] for position in source["positions"]}
    boxes = _layout(tokens, sentence["n_prompt_tokens"])
    title = name_head(copied["name"], copied["head"], words)
    width = max(*(box.left + box.width for box in boxes), MARGIN + 330) + MARGIN
    height = boxes[-1].top + HIGH + MARGIN

    def paint(axes: Axes) -> None:
        write(axes, MARGIN, MARGIN + 6, title, size=12.5, bold=True)
        _legend(axes, words)
        for start in (position - 1 for position in positions):
            for end, weight in enumerate(rows[start][:start]):
                if weight >= MIN_WEIGHT:
                    _curve(axes, boxes[start], boxes[end], weight, ACCENT if end in sources else MUTED)
        for position, (token, box) in enumerate(zip(tokens, boxes, strict=True)):
            color = ACCENT if position in sources else SECOND if position in positions else LINE
            _frame(axes, box, color)
            ink = MUTED if token in CONTROL_TOKENS else INK
            y = box.top + HIGH / 2
            if position not in sources:
                write(axes, box.middle, y, label(token), size=SIZE, align="center", color=ink, bold=color == SECOND)
                continue
            write(axes, box.middle, y - 8, label(token), size=SIZE, align="center", bold=True)
            maximum = max(rows[row - 1][position] for row in positions)
            write(axes, box.middle, y + 11, f"{maximum:.0%}", size=SMALL, align="center", color=ACCENT)

    return picture(width, height, paint)


def _layout(tokens: list[str], n_prompt: int) -> list[_Box]:
    """One row per turn, wrapped where it is long."""
    boxes: list[_Box] = []
    left, line = float(MARGIN), 0
    for position, token in enumerate(tokens):
        wide = max(em(label(token)) * SIZE + 14, 30)
        if position and position < n_prompt and token in ("<user>", "<bot>"):
            left, line = MARGIN, line + 1
        elif left + wide > MARGIN + MAX_LINE_WIDTH:
            left, line = MARGIN + INDENT, line + 1
        boxes.append(_Box(left, TOP + line * (HIGH + BETWEEN), wide, line))
        left += wide + GAP
    return boxes


def _legend(axes: Axes, words: Words) -> None:
    y, x = MARGIN + 28, float(MARGIN)
    for color, key in ((ACCENT, "source"), (SECOND, "copied")):
        _frame(axes, _Box(x, y - 5, 16, 0), color, high=10)
        write(axes, x + 23, y, words(key), size=SMALL, color=MUTED)
        x += 44 + em(words(key)) * SMALL


def _frame(axes: Axes, box: _Box, color: str, high: float = HIGH) -> None:
    style = "round,pad=0,rounding_size=5"
    corner = (box.left, box.top)
    # White below, so that the token stays readable where a line passes.
    axes.add_patch(FancyBboxPatch(corner, box.width, high, boxstyle=style, facecolor=PAPER, linewidth=0, zorder=2))
    marked = color != LINE
    if marked:
        ground = FancyBboxPatch(corner, box.width, high, boxstyle=style, facecolor=color, linewidth=0, zorder=2)
        ground.set_alpha(0.16)
        axes.add_patch(ground)
    border = FancyBboxPatch(corner, box.width, high, boxstyle=style, facecolor="none", edgecolor=color, zorder=2)
    border.set_linewidth(1.4 if marked else 1)
    axes.add_patch(border)


def _curve(axes: Axes, start: _Box, end: _Box, weight: float, color: str) -> None:
    """A curve from a token to another one above it or in its own row."""
    x0, y0, x1 = start.middle, start.top, end.middle
    if start.line == end.line:
        y1, bend = end.top, min(BETWEEN - 8, 10 + abs(x0 - x1) / 8)
        points = [(x0, y0), (x0, y0 - bend), (x1, y1 - bend), (x1, y1)]
    else:
        y1 = end.top + HIGH
        bend = (y0 - y1) / 2
        points = [(x0, y0), (x0, y0 - bend), (x1, y1 + bend), (x1, y1)]
    path = Path(points, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
    line = PathPatch(path, facecolor="none", edgecolor=color, linewidth=0.8 + 6 * weight, zorder=1)
    line.set_alpha(round(0.25 + 0.6 * weight, 3))
    axes.add_patch(line)
