"""Pictures of one sentence in the layers, each an SVG: attention of chosen heads, norms.

They take a record of `tinychat.inspection.export.sentence_record` and the words of the reader's language
(`tinychat.inspection.words`). L decoder layers, H heads, T tokens.
"""

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from tinychat.inspection.drawing import cells, picture, write
from tinychat.inspection.labels import em, label
from tinychat.inspection.svg import ACCENT, LINE, MUTED, PAPER
from tinychat.inspection.words import Words, name_head, name_layer, split_layer_name

MARGIN: Final = 16
MIN_SHADE: Final = 0.07  # the shade of a weight of 0, so that its cell is visible
PICTURED_ROLES: Final = ("previous", "same", "first")  # a map of the clearest head of each
FONT: Final = 11.5  # of labels
CELL: Final = 14
MAX_WIDTH: Final = 1080  # with more than one map in a row


def pictured_heads(sentence: dict[str, Any]) -> list[tuple[int, int]]:
    """The heads (layer, head) that have a map, one or more: first the one that copies text, as the summary names it,
    then the clearest of each role.
    """
    heads = [
        (role["role"], role["share"], layer, head)
        for layer, roles in enumerate(sentence["heads"])
        for head, role in enumerate(roles)
    ]
    copied = sentence["copied_text"]
    chosen = [(copied["layer"], copied["head"])] if copied else []
    for wanted in PICTURED_ROLES:
        named = [(share, -layer, -head) for role, share, layer, head in heads if role == wanted]
        if named:
            _, layer, head = max(named)
            chosen.append((-layer, -head))
    return list(dict.fromkeys(chosen)) or [(len(sentence["heads"]) - 1, 0)]


def draw_attention(sentence: dict[str, Any], words: Words) -> str:
    """A map for each of the chosen heads, at most two in a row: row t shows the attention weights of token t.

    The upper right half is empty (causal mask): each row's label is there, at its end.
    """
    heads = pictured_heads(sentence)
    names = [label(token) for token in sentence["tokens"]]
    titles = [_head_title(sentence, layer, head, words) for layer, head in heads]
    side = len(names) * CELL
    # The right end of the longest label or title, from the left edge of its map.
    reach = max((position + 1) * CELL + 4 + em(name) * FONT for position, name in enumerate(names))
    across = max(reach, side, *(em(title) * 1.1 * FONT for title in titles)) + 28
    down = side + 62
    columns = 2 if len(heads) > 1 and 2 * across + 2 * MARGIN <= MAX_WIDTH else 1
    top = MARGIN + 68
    width = max(columns * across + 2 * MARGIN, 300)
    height = top + down * -(-len(heads) // columns) - 62 + MARGIN
    lower = np.tril(np.ones((len(names), len(names)), dtype=bool))

    def paint(axes: Axes) -> None:
        _scale(axes, MARGIN, MARGIN + 6, words("attention_weight"))
        for number, ((layer, head), title) in enumerate(zip(heads, titles, strict=True)):
            left, above = MARGIN + number % columns * across, top + number // columns * down
            weights = np.array(sentence["attention"][layer][head], dtype=np.float64)  # (T, T)
            shades = np.where(lower, MIN_SHADE + (1 - MIN_SHADE) * weights.clip(0, 1), np.nan)
            write(axes, left, above - 18, title, size=12.5, bold=True)
            cells(axes, shades, left, above, CELL)
            for position, name in enumerate(names):
                write(axes, left + (position + 1) * CELL + 4, above + (position + 0.5) * CELL, name, size=FONT)

    return picture(width, height, paint)


def _head_title(sentence: dict[str, Any], layer: int, head: int, words: Words) -> str:
    """The head's name, and what it looks at where that stands out."""
    name, role = name_head(sentence["states"][layer + 1], head, words), sentence["heads"][layer][head]
    return name if role["role"] is None else f"{name}: {words('role.' + role['role'])} {role['share']:.0%}"


def _scale(axes: Axes, x: float, y: float, title: str) -> None:
    """The legend of the shades: attention weights from 0 to 1."""
    steps = np.linspace(MIN_SHADE, 1, 11)[None, :]
    write(axes, x, y, title, size=FONT, color=MUTED)
    x += em(title) * FONT + 14
    write(axes, x, y, "0", size=FONT, color=MUTED)
    cells(axes, steps, x + 12, y - 5, 10)
    write(axes, x + 128, y, "1", size=FONT, color=MUTED)


def draw_norms(sentence: dict[str, Any], words: Words) -> str:
    """A row for each layer, the first on top: the mean norm of the tokens' vectors before and after it."""
    norms: dict[str, dict[str, float | None]] = sentence["norms"]
    modules = list(norms)
    names = [name_layer(module, words) for module in modules]
    high, plot = 19, 300
    left = MARGIN + 24 + max(em(name) for name in names) * FONT
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
        ticks = [(x_of(10.0**power), f"{10.0**power:g}") for power in range(first, last + 1)]
        _norm_axis(axes, ticks, top, height, words)
        lines, hollow, full = [], [], []
        for number, (name, norm) in enumerate(zip(names, norms.values(), strict=True)):
            y = top + (number + 0.5) * high
            if number and _group(modules[number]) != _group(modules[number - 1]):
                axes.plot([MARGIN, width - MARGIN], [y - high / 2] * 2, color=LINE, linewidth=0.8)
            after = norm["after"] or 0.0
            write(axes, MARGIN, y, name, size=FONT)
            if norm["before"] is None:
                figures = _length(after)
            else:
                figures = f"{_length(norm['before'])} → {_length(after)}"
                lines.append([(x_of(norm["before"]), y), (x_of(after), y)])
                hollow.append((x_of(norm["before"]), y))
            full.append((x_of(after), y))
            write(axes, width - MARGIN, y, figures, size=FONT, align="right", color=MUTED)
        axes.add_collection(LineCollection(lines, colors=ACCENT, linewidths=1.5, alpha=0.5))
        _dots(axes, hollow, PAPER)
        _dots(axes, full, ACCENT)

    return picture(width, height, paint)


def _dots(axes: Axes, points: list[tuple[float, float]], color: str) -> None:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    axes.scatter(xs, ys, s=26, color=color, edgecolor=ACCENT, linewidth=1.3, zorder=3)


def _group(name: str) -> tuple[str, int]:
    """The group of a row: the input layer, each decoder layer, the output."""
    split = split_layer_name(name)
    if split is not None:
        return split[:2]
    part, _, rest = name.partition(".")
    return (part if rest else "", 0)


def _length(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _norm_axis(axes: Axes, ticks: list[tuple[float, str]], top: float, height: float, words: Words) -> None:
    write(axes, MARGIN, MARGIN + 6, words("length"), size=FONT, color=MUTED)
    x = MARGIN + 20 + em(words("length")) * FONT
    for name, color in (("before", PAPER), ("after", ACCENT)):
        _dots(axes, [(x, MARGIN + 6)], color)
        write(axes, x + 9, MARGIN + 6, words(name), size=FONT, color=MUTED)
        x += 28 + em(words(name)) * FONT
    for x, name in ticks:
        axes.plot([x, x], [top - 4, height - MARGIN], color=LINE, linewidth=0.8, zorder=0)
        write(axes, x, top - 12, name, size=FONT, color=MUTED, align="center")
