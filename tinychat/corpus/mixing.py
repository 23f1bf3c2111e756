"""How much of what is trained on each source is: by its weight, or by its share of all answers.

A source is known by its number, from 1, in the order in which sources are read. Its name may be private: it is in the
log and in `data/overview/sources.json`, which git ignores; the metrics have the number.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.dialogue import SPLITS
from tinychat.corpus.features import LOSS, Columns
from tinychat.corpus.scratch import parts_of
from tinychat.corpus.sources import as_yaml
from tinychat.corpus.splitting import Splits
from tinychat.errors import InputError
from tinychat.files import rounded
from tinychat.params.sections import SourceParams

# Tried with 40 rows beside the starter corpus: 0.07% is not learnt, 2.2% is, mostly (docs/experiments.md).
LOW_SHARE = 0.02
SUGGESTED_SHARE = 0.05


@dataclass(frozen=True)
class GatheredSource:
    """A source that was read: its params, its name for the person, and its reader.

    `parts`: the sources in params.yaml, where several files are read as one.
    """

    params: SourceParams
    name: str
    reader: str
    parts: tuple[SourceParams, ...] = ()


@dataclass(frozen=True)
class MixedSource:
    """A source in the corpus.

    dialogues    by split, each counted once
    answers      with loss, of the training dialogues, each counted once
    repetitions  how often each training dialogue is written; below 1, only some are
    share        of all training answers, with their repetitions, that are this source's
    kept_whole   whether all of it went to train, since it is too small to hold dialogues out
    """

    number: int
    source: GatheredSource
    dialogues: Counter[str]
    answers: int
    repetitions: float
    share: float
    kept_whole: bool

    @property
    def key(self) -> str:
        """Its name in the metrics."""
        return f"source_{self.number}"

    def metrics(self) -> dict[str, Any]:
        return {
            **{split: self.dialogues[split] for split in SPLITS},
            "answers": self.answers,
            "repetitions": rounded(self.repetitions),
            "share": rounded(self.share),
            "kept_whole": self.kept_whole,
        }

    def as_yaml(self, share: float | None) -> str:
        """How params.yaml names it, or its parts; with another share, where one is given."""
        written = []
        for part in self.source.parts or (self.source.params,):
            named = part.model_dump(exclude_unset=True)
            if share is not None:
                part_share = rounded(share / len(self.source.parts or (part,)))
                named = {key: value for key, value in named.items() if key != "weight"} | {"share": part_share}
            written.append(as_yaml(named))
        return ", ".join(written)


def too_small_to_hold_out(columns: Columns, hold_out_from: int) -> NDArray[np.bool_]:
    """Which dialogues are of a source of question-answer pairs that has fewer than `hold_out_from`.

    Whoever has 40 answers expects all 40 to be learnt, and 5% of them would measure nothing. Many small sources
    are one large: where they have `hold_out_from` pairs together, there are none.
    """
    n, answers = int(columns.sources.max(initial=0)) + 1, columns.answers()
    sizes = np.zeros(n, np.int64)
    pairs = np.ones(n, bool)  # not sources with a dialogue of several answers, or that assign splits
    for part in parts_of(len(columns)):
        sizes += np.bincount(columns.sources[part], minlength=n)
        pairs[columns.sources[part][(answers[part] > 1) | (columns.fixed[part] > 0)]] = False
    small = pairs & (sizes < hold_out_from)
    found = columns.scratch.zeros(len(columns), bool)
    if sizes[small].sum() < hold_out_from:
        for part in parts_of(len(columns)):
            found[part] = small[columns.sources[part]]
    return found


def mix(
    columns: Columns, sources: Sequence[GatheredSource], splits: Splits, kept_whole: NDArray[np.bool_]
) -> "Mixture":
    """The sources with their repetitions, after splitting.

    Raises InputError where of a source that is to be trained on no dialogue would be written.
    """
    size = len(sources) + 1
    learnt = columns.answers(LOSS)
    for part in parts_of(len(splits.weightless[0])):
        np.subtract.at(learnt, splits.weightless[0][part], 1)
    dialogues = np.zeros((len(SPLITS) + 1) * size, np.int64)
    answers, whole = np.zeros(size, np.int64), np.zeros(size, bool)
    for part in parts_of(len(columns)):
        source, split = columns.sources[part], splits.of[part]
        dialogues += np.bincount(split * np.int64(size) + source, minlength=len(dialogues))
        trained = split == SPLITS.index("train")
        answers += np.bincount(source[trained], learnt[part][trained], size).astype(np.int64)
        whole[source[kept_whole[part]]] = True
    counted = answers[1:].tolist()
    repetitions = find_repetitions(sources, counted)
    written = [times * n for times, n in zip(repetitions, counted, strict=True)]
    mixed = [
        MixedSource(
            number=number,
            source=source,
            dialogues=Counter(
                {name: int(n[number]) for name, n in zip(SPLITS, dialogues.reshape(-1, size), strict=False)}
            ),
            answers=counted[number - 1],
            repetitions=repetitions[number - 1],
            share=written[number - 1] / (sum(written) or 1),
            kept_whole=bool(whole[number]),
        )
        for number, source in enumerate(sources, start=1)
    ]
    for one in mixed:
        _refuse_if_nothing_is_written(one)
    return Mixture(mixed)


@dataclass(frozen=True)
class Mixture:
    """All sources of the corpus."""

    sources: list[MixedSource]

    def names(self) -> dict[str, dict[str, str]]:
        """What the numbers of the metrics stand for: name and format by key."""
        return {one.key: {"name": one.source.name, "format": one.source.reader} for one in self.sources}

    def metrics(self) -> dict[str, Any]:
        """Numbers only."""
        return {one.key: one.metrics() for one in self.sources}

    def lines(self) -> list[str]:
        """What a person is told of each source; nothing of one that is all there is and has a part held out."""
        lines = []
        for one in self.sources:
            if len(self.sources) > 1:
                lines.append(
                    f"  {one.key}, {one.source.name}: {one.dialogues['train']:,} training dialogues{_times(one)}: "
                    f"{one.share:.2%} of what is trained on"
                )
            if one.kept_whole:
                lines.append(
                    f"  {one.source.name} is trained on as a whole, none of its {one.dialogues['train']:,} pairs is "
                    "held out, since a part would be too small to measure anything (corpus.hold_out_from)"
                )
        return lines

    def warnings(self) -> list[str]:
        """A line for all sources that are too small a part of the corpus to be learnt, with what to write."""
        # Of many sources, no one has a large share.
        low = [one for one in self.sources if one.share < min(LOW_SHARE, 1 / (4 * len(self.sources)))]
        if not low or len(self.sources) == 1:
            return []
        share = min(SUGGESTED_SHARE, 1 / (2 * len(self.sources)))
        written = [one.as_yaml(share if one in low else None) for one in self.sources]
        named = ", ".join(f"{one.source.name} ({one.share:.2%}, {one.answers:,} answers)" for one in low[:5])
        return [
            f"warning: too small a part of what is trained on to be learnt well: {named}"
            f"{', …' if len(low) > 5 else ''}. In params.yaml: corpus.sources: [{', '.join(written[:10])}"
            f"{', …' if len(written) > 10 else ''}]"
        ]


def _times(one: MixedSource) -> str:
    if one.repetitions == 1:
        return ""
    return (
        f", each {one.repetitions:.4g} times" if one.repetitions > 1 else f", of which {one.repetitions:.2%} are taken"
    )


def find_repetitions(sources: Sequence[GatheredSource], answers: Sequence[int]) -> list[float]:
    """How often the training dialogues of each source are written, which has so many answers.

    A source without a share is written as often as its weight says. Those with shares are then repeated, or taken in
    part, until each has its share of all answers. Where every source has a share, the one that needs the fewest
    repetitions is written once.
    """
    shares = [source.params.share for source in sources]
    rest = sum(
        source.params.weight * n for source, n, share in zip(sources, answers, shares, strict=True) if share is None
    )
    needed = [n / share for n, share in zip(answers, shares, strict=True) if share is not None]
    left = 1 - sum(share for share in shares if share is not None)
    total = rest / left if rest and left > 0 else max(needed, default=0.0)
    return [
        source.params.weight if share is None else share * total / n if n else 0.0
        for source, n, share in zip(sources, answers, shares, strict=True)
    ]


def _refuse_if_nothing_is_written(one: MixedSource) -> None:
    params, count = one.source.params, one.dialogues["train"]
    if params.share is not None and not count:
        raise InputError(
            "params.yaml: corpus.sources: {name} has a share, but no dialogue of it is trained on; leave it out, or "
            "its share",
            name=one.source.name,
        )
    if not count or math.floor(one.repetitions * count) >= 1:
        return
    if params.share is not None:
        raise InputError(
            "params.yaml: corpus.sources: of {count:,} training dialogues of {name} none would be in the corpus with a "
            "share of {share:g}; take a larger one, or leave the source out",
            count=count,
            name=one.source.name,
            share=params.share,
        )
    raise InputError(
        "params.yaml: corpus.sources: of {count:,} training dialogues of weight {weight:g} none would be "
        "in the corpus; take a weight of {minimum:g} or more, or leave the source out",
        count=count,
        weight=params.weight,
        minimum=math.ceil(1e4 / count) / 1e4,
    )
