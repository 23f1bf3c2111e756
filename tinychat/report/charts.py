"""The loss curve."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tinychat.inspection.svg import ACCENT, LINE, MUTED, PAPER, SECOND, blank_figure, picture_settings, to_svg
from tinychat.report.inputs import Epoch
from tinychat.report.words import Words

WIDTH, HEIGHT = 390, 270  # readable on a phone, slightly reduced, and on a desktop, enlarged
LABEL_HEIGHT = 15

SETTINGS: dict[Any, Any] = {
    "font.size": 11,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 2,
    "lines.solid_capstyle": "round",
}


def draw_loss_curve(history: list[Epoch], kept_epoch: int, words: Words) -> str:
    """Training and validation loss by epoch, as SVG; each line is labelled at its end."""
    lines = [("train", ACCENT, [(epoch.number, epoch.train_loss) for epoch in history])]
    valid = [(epoch.number, epoch.valid_loss) for epoch in history if epoch.valid_loss is not None]
    if valid:
        lines.append(("valid", SECOND, valid))
    with picture_settings(SETTINGS):
        figure = blank_figure(WIDTH, HEIGHT)
        axes = figure.add_axes((40 / WIDTH, 36 / HEIGHT, (WIDTH - 104) / WIDTH, (HEIGHT - 66) / HEIGHT))
        axes.set_facecolor(PAPER)
        axes.set_axisbelow(True)
        axes.set_ylim(0, 1.04 * max(loss for _, _, points in lines for _, loss in points) or 1)
        margin = max(0.5, 0.01 * len(history))
        axes.set_xlim(history[0].number - margin, history[-1].number + margin)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
        for _, color, points in lines:
            axes.plot(*zip(*points, strict=True), color=color, marker="o" if len(points) == 1 else "", clip_on=False)
        if kept_epoch != history[-1].number:
            axes.axvline(kept_epoch, color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
            axes.text(kept_epoch, axes.get_ylim()[1], words("kept_weights"), ha="center", va="bottom", color=MUTED)
        _name_lines(axes, [(words(name), color, points[-1][1]) for name, color, points in lines])
        axes.text(0, 1 + 18 / (HEIGHT - 66), words("loss_axis"), transform=axes.transAxes, color=MUTED)
        axes.text(1, -28 / (HEIGHT - 66), words("epoch"), transform=axes.transAxes, color=MUTED, ha="right")
        return to_svg(figure)


def _name_lines(axes: Axes, ends: list[tuple[str, str, float]]) -> None:
    """Label each line's end with its name and last value, without overlap."""
    top = axes.get_ylim()[1]
    pixel = top / (HEIGHT - 66)
    floor = 0.0
    for name, color, loss in sorted(ends, key=lambda end: end[2]):
        y = max(loss - 2 * pixel, floor)
        floor = y + 2 * LABEL_HEIGHT * pixel
        for row, text in ((1, name), (0, f"{loss:.3f}")):
            position = (1 + 10 / (WIDTH - 104), (y + row * LABEL_HEIGHT * pixel) / top)
            axes.text(*position, text, transform=axes.transAxes, color=color, weight="bold" if row else "normal")
