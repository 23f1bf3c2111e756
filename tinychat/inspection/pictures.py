"""Three pictures of one sentence in the layers, each an SVG: attention, early predictions, norms.

They take a record of `tinychat.inspection.export.sentence_record`. L decoder layers, H heads, T tokens.
Words on them are few and English, as the layers' names are; the summary page explains them in the reader's language.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.patches import Rectangle

from tinychat.inspection.drawing import cells, em, label, picture, write
from tinychat.inspection.svg import ACCENT, INK, LINE, MUTED, PAPER

MARGIN = 16
MAX_LABELS = 1500  # with more, only the first map of each layer has labels: a browser becomes slow
MIN_SHADE = 0.07  # the shade of a weight of 0, so that its cell is visible


def draw_attention(sentence: dict[str, Any]) -> str:
    """A map for each layer (rows) and head (columns): row t shows the attention weights of token t.

    The upper right half is empty (causal mask): each row's label is there, at its end.
    """
    weights = np.array(sentence["attention"], dtype=np.float64)  # (L, H, T, T)
    n_layers, n_heads, n_tokens, _ = weights.shape
    names = [label(token, 5) for token in sentence["tokens"]]
    cell = 12 if n_tokens <= 12 else 10
    size = 0.8 * cell
    side = n_tokens * cell
    # The right end of the longest label, from the left edge of its map.
    reach = max((position + 1) * cell + 4 + em(name) * size for position, name in enumerate(names))
    # Maps are a whole number of cells apart, so that one image holds them all.
    across = int(np.ceil((max(reach, side, 44) + 14) / cell))
    down = int(np.ceil((side + 50) / cell))
    left, top = MARGIN, MARGIN + 66
    width = left + across * cell * n_heads + MARGIN
    height = top + down * cell * n_layers - 50 + MARGIN
    sheet = np.full((down * n_layers, across * n_heads), np.nan)
    lower = np.tril(np.ones((n_tokens, n_tokens), dtype=bool))
    for layer in range(n_layers):
        for head in range(n_heads):
            shades = MIN_SHADE + (1 - MIN_SHADE) * weights[layer, head].clip(0, 1)
            block = (slice(layer * down, layer * down + n_tokens), slice(head * across, head * across + n_tokens))
            sheet[block] = np.where(lower, shades, np.nan)

    def paint(axes: Axes) -> None:
        _scale(axes, left, MARGIN + 6)
        cells(axes, sheet, left, top, cell)
        for layer in range(n_layers):
            above = top + layer * down * cell
            write(axes, left, above - 27, sentence["states"][layer + 1], size=11, bold=True)
            for head in range(n_heads):
                map_left = left + head * across * cell
                write(axes, map_left, above - 9, f"head {head}", size=9.5, color=MUTED)
                if head and n_layers * n_heads * n_tokens > MAX_LABELS:
                    continue
                for position, name in enumerate(names):
                    x, y = map_left + (position + 1) * cell + 3, above + (position + 0.5) * cell
                    write(axes, x, y, name, size=size)

    return picture(max(width, 260), height, paint)


def _scale(axes: Axes, x: float, y: float) -> None:
    """The legend of the shades: attention weights from 0 to 1."""
    steps = np.linspace(MIN_SHADE, 1, 11)[None, :]
    write(axes, x, y, "attention weight", size=9.5, color=MUTED)
    write(axes, x + 90, y, "0", size=9.5, color=MUTED)
    cells(axes, steps, x + 100, y - 4, 8)
    write(axes, x + 193, y, "1", size=9.5, color=MUTED)


def draw_early_predictions(sentence: dict[str, Any]) -> str:
    """The logit lens as a table: the likeliest next token of each token (columns) after each layer (rows).

    The shade and the number are the probability; bold is what the model predicts after the last layer.
    """
    tokens, n_prompt = sentence["tokens"], sentence["n_prompt_tokens"]
    early = sentence["early_predictions"]  # [L + 1][T][best first]
    best = [[predictions[t][0] for t in range(len(tokens))] for predictions in early]
    rows = sentence["states"]
    wide, high, size = 66, 36, 11
    left, top = MARGIN + 112, MARGIN + 58
    width, height = left + wide * len(tokens) + MARGIN, top + high * len(rows) + MARGIN

    def paint(axes: Axes) -> None:
        write(axes, MARGIN, top - 50, "likeliest next token", size=9.5, color=MUTED)
        write(axes, MARGIN, top - 28, "after the token →", size=9.5, color=MUTED)
        write(axes, MARGIN, top - 10, "after the layer ↓", size=9.5, color=MUTED)
        for start, end, name, color in ((0, n_prompt, "prompt", MUTED), (n_prompt, len(tokens), "reply", ACCENT)):
            if start < end:
                x0, x1 = left + start * wide + 2, left + end * wide - 2
                write(axes, x0, top - 50, name, size=9.5, color=color)
                axes.add_collection(LineCollection([[(x0, top - 42), (x1, top - 42)]], colors=color, linewidths=1.5))
        for position, token in enumerate(tokens):
            middle = left + (position + 0.5) * wide
            write(axes, middle, top - 20, label(token, 5), size=size, align="center", bold=True)
        _shaded_cells(axes, best, left, top, wide, high)
        for row, name in enumerate(rows):
            y, last = top + (row + 0.5) * high, row == len(rows) - 1
            write(axes, MARGIN, y, name, size=size, bold=last)
            for position in range(len(tokens)):
                guess, middle = best[row][position], left + (position + 0.5) * wide
                same = guess["token"] == best[-1][position]["token"]
                color = INK if same or guess["probability"] > 0.3 else MUTED
                write(
                    axes, middle, y - 6, label(guess["token"], 5.2), size=size, align="center", bold=same, color=color
                )
                write(axes, middle, y + 9, _percent(guess["probability"]), size=8.5, align="center", color=color)

    return picture(width, height, paint)


def _shaded_cells(
    axes: Axes, best: list[list[dict[str, Any]]], left: float, top: float, wide: float, high: float
) -> None:
    boxes = [
        (Rectangle((left + position * wide + 1.5, top + row * high + 1.5), wide - 3, high - 3), guess["probability"])
        for row, guesses in enumerate(best)
        for position, guess in enumerate(guesses)
    ]
    # At most half, so that the text is readable on light and dark backgrounds.
    shades = [round(0.05 + 0.45 * probability, 3) for _, probability in boxes]
    axes.add_collection(PatchCollection([box for box, _ in boxes], facecolors=ACCENT, alpha=shades, linewidths=0))


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"


def draw_norms(sentence: dict[str, Any]) -> str:
    """A row for each layer, the first on top: the mean norm of the tokens' vectors before and after it."""
    norms: dict[str, dict[str, float | None]] = sentence["norms"]
    names = list(norms)
    high, left, plot = 17, MARGIN + 176, 300
    top = MARGIN + 44
    width, height = left + plot + 130 + MARGIN, top + high * len(norms) + MARGIN
    values = [v for norm in norms.values() for v in (norm["before"], norm["after"]) if v]
    powers = (int(np.floor(np.log10(min(values, default=1)))), int(np.ceil(np.log10(max(values, default=1)) + 1e-9)))
    first, last = powers[0], max(powers[1], powers[0] + 1)

    def x_of(value: float) -> float:
        """The x of a length on the logarithmic axis; 0 is at the left edge."""
        share = (np.log10(value) - first) / (last - first) if value > 0 else 0.0
        return float(left + plot * share)

    def paint(axes: Axes) -> None:
        _norm_axis(axes, [(x_of(10.0**power), f"{10.0**power:g}") for power in range(first, last + 1)], top, height)
        lines, hollow, full = [], [], []
        for number, (name, norm) in enumerate(norms.items()):
            y = top + (number + 0.5) * high
            if number and _group(name) != _group(names[number - 1]):
                axes.plot([MARGIN, width - MARGIN], [y - high / 2] * 2, color=LINE, linewidth=0.8)
            after = norm["after"] or 0.0
            write(axes, MARGIN, y, name, size=10)
            if norm["before"] is None:
                figures = _length(after)
            else:
                figures = f"{_length(norm['before'])} → {_length(after)}"
                lines.append([(x_of(norm["before"]), y), (x_of(after), y)])
                hollow.append((x_of(norm["before"]), y))
            full.append((x_of(after), y))
            write(axes, width - MARGIN, y, figures, size=10, align="right", color=MUTED)
        axes.add_collection(LineCollection(lines, colors=ACCENT, linewidths=1.5, alpha=0.5))
        _dots(axes, hollow, PAPER)
        _dots(axes, full, ACCENT)

    return picture(width, height, paint)


def _dots(axes: Axes, points: list[tuple[float, float]], color: str) -> None:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    axes.scatter(xs, ys, s=26, color=color, edgecolor=ACCENT, linewidth=1.3, zorder=3)


def _group(name: str) -> str:
    """The group of a row: the input layer, each decoder layer (`NAME.NUMBER`), the output."""
    part, _, rest = name.partition(".")
    number = rest.partition(".")[0]
    return f"{part}.{number}" if number.isdecimal() else part if rest else ""


def _length(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _norm_axis(axes: Axes, ticks: list[tuple[float, str]], top: float, height: float) -> None:
    write(axes, MARGIN, MARGIN + 6, "mean length of the tokens' vectors", size=9.5, color=MUTED)
    legend = MARGIN + 186
    _dots(axes, [(legend, MARGIN + 6)], PAPER)
    write(axes, legend + 8, MARGIN + 6, "before the layer", size=9.5, color=MUTED)
    _dots(axes, [(legend + 100, MARGIN + 6)], ACCENT)
    write(axes, legend + 108, MARGIN + 6, "after it", size=9.5, color=MUTED)
    for x, name in ticks:
        axes.plot([x, x], [top - 4, height - MARGIN], color=LINE, linewidth=0.8, zorder=0)
        write(axes, x, top - 12, name, size=9.5, color=MUTED, align="center")
