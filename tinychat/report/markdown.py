"""The summary as Markdown: short, and readable as it is in a terminal."""

import re
from collections.abc import Iterable, Sequence

from tinychat.report.carried import CarriedView
from tinychat.report.measures import SPLITS, MeasureGroup
from tinychat.report.view import ARROWS, View, printable
from tinychat.report.words import Words

# An underscore within a word and an ampersand that begins no entity mean nothing.
SPECIAL = re.compile(r"([\\`*\[\]<~$|]|(?<!\w)_|_(?!\w)|&(?=#?\w+;))")


def to_markdown(view: View, words: Words) -> str:
    """summary.md."""
    parts = [
        f"# {words('title')}",
        escape(view.lead),
        _table(*_transposed([(name, value) for name, value, _ in view.headline])),
    ]
    parts += [f"## {words('findings')}", "\n".join(f"- {escape(sentence)}" for _, sentence in view.findings)]
    header = [words(key) for key in ("prompt", "reply", "tokens", "finish", "probability")]
    replies = [(r.prompt, r.text or words("reply.empty"), r.n_tokens, r.finish, r.probability) for r in view.replies]
    parts += [f"## {words('replies')}", _table(header, replies, numbers=(2, 4))]
    if view.abilities:
        parts += [f"## {words('abilities')}", escape(words("abilities.about")), _abilities(view, words)]
    parts += [f"## {words('corpus')}", escape(" ".join(view.corpus_notes))]
    parts.append(_table(*view.corpus_table, numbers=range(1, 9)))
    parts += [f"## {words('training')}", _table(*_transposed(view.training)), *map(escape, view.training_notes)]
    parts += [f"## {words('measures')}", escape(words("measures.about"))]
    for group in view.measures:
        parts += [f"### {words(group.key)}", escape(words(f"{group.baseline}.about")), _measures(group, view, words)]
    about = escape(words("layers.about", prompt=view.first_prompt))
    parts += [f"## {words('layers')}", about, _layers(view, words)]
    decoders = [block.name for section in view.sections for block in section.blocks if block.name]
    if len(decoders) > 1:
        parts.append(escape(words("layers.alike", first=decoders[1], last=decoders[-1])))
    for carried in filter(None, view.carried):
        parts += [f"### {words('carried')}", escape(carried.sentence), escape(carried.told), _heads(carried, words)]
    parts += [f"## {words('runtime')}", "\n".join(f"- {escape(f'{name}: {value}')}" for name, value in view.runtime)]
    parts.append(escape(words("private")))
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Text that means nothing to Markdown, as one line of printable characters."""
    return SPECIAL.sub(r"\\\1", printable(text)).replace("\n", " ⏎ ")


def _abilities(view: View, words: Words) -> str:
    header = [words("measure"), "", *(words(f"abilities.{column}") for column in ("asked", "share", "well_formed"))]
    rows = [(a.name, ARROWS[a.better], a.asked, a.share, a.well_formed) for a in view.abilities]
    return _table(header, rows, numbers=(2, 3, 4))


def _layers(view: View, words: Words) -> str:
    """The layers of each section; of the decoder layers the first, since all are alike."""
    header = [words(key) for key in ("layer", "shape", "parameters", "norm", "role")]
    rows = [
        [f"`{layer.name}`", f"`{layer.shape}`", layer.parameters, layer.norm, escape(layer.role)]
        for section in view.sections
        for layer in section.blocks[0].layers
    ]
    return _raw_table(header, rows, numbers=(2, 3))


def _heads(carried: CarriedView, words: Words) -> str:
    header = [words(key) for key in ("layer", "carried.head", "carried.weight")]
    rows = [[f"`{h.layer}`", f"head {h.head}", f"**{h.weight}**" if h.best else h.weight] for h in carried.heads]
    return _raw_table(header, rows, numbers=(2,))


def _measures(group: MeasureGroup, view: View, words: Words) -> str:
    shown = [number for number, split in enumerate(SPLITS) if view.asked[split]]
    header = [words("measure"), ""]
    for number in shown:
        name = words(SPLITS[number])
        header += [f"{name}: {words('model')}", f"{name}: {words(group.baseline)}"]
    lines = []
    for measure, cells in group.rows:
        line = [escape(words(measure.key)), ARROWS[measure.better]]
        for number in shown:
            cell = cells[number]
            model, baseline = escape(cell.model), escape(cell.baseline)
            line += [f"**{model}**" if cell.wins else model, f"**{baseline}**" if cell.wins is False else baseline]
        lines.append(line)
    return _raw_table(header, lines, numbers=range(2, len(header)))


def _transposed(pairs: Sequence[tuple[str, str]]) -> tuple[list[str], list[list[str]]]:
    return [name for name, _ in pairs], [[value for _, value in pairs]]


def _table(header: Sequence[str], rows: Iterable[Sequence[object]], numbers: Iterable[int] = ()) -> str:
    cells = [[escape(str(cell)) for cell in row] for row in rows]
    return _raw_table([escape(name) for name in header], cells, numbers)


def _raw_table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int]) -> str:
    """A table of cells that are Markdown already; the columns in `numbers` are set to the right."""
    right = set(numbers)
    rule = ["--:" if column in right else "---" for column in range(len(header))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))
