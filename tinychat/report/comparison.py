"""The measures of the stage evaluate as the rows of a table, the model next to its baselines."""

from dataclasses import dataclass
from typing import Any, Literal

MEASURED_ON = ("held_out", "seen")
NONE = "–"


@dataclass(frozen=True)
class Measure:
    """One measure: which direction is better (None: neither), and the format of its number, or `share`."""

    key: str
    better: Literal["lower", "higher"] | None
    form: str


@dataclass(frozen=True)
class Cell:
    """A number of the model and of the baseline, as text; `model_wins` says whether the model is the better one."""

    model: str
    baseline: str
    model_wins: bool | None


@dataclass(frozen=True)
class MeasureGroup:
    """Measures that share one baseline; a cell for each of MEASURED_ON, in their order."""

    key: str
    baseline: str
    rows: list[tuple[Measure, list[Cell]]]


PREDICTION = (
    Measure("loss", "lower", ",.3f"),
    Measure("perplexity", "lower", ",.2f"),
    Measure("bits_per_byte", "lower", ",.3f"),
    Measure("next_token_accuracy", "higher", "share"),
)
REPLIES = (
    Measure("exact", "higher", "share"),
    Measure("char_f1", "higher", ".3f"),
    Measure("copied", None, "share"),
    Measure("distinct_1", "higher", ".3f"),
    Measure("distinct_2", "higher", ".3f"),
    Measure("ends_by_itself", "higher", "share"),
)

# The measures of the starter corpus, in the order of the page.
ABILITIES = (
    Measure("seen", "higher", "share"),
    Measure("near", "higher", "share"),
    Measure("far", "higher", "share"),
    Measure("taken_for_unknown", "lower", "share"),
    Measure("with_details", "higher", "share"),
    Measure("follow_up", "higher", "share"),
    Measure("follow_up_new_topic", "higher", "share"),
    Measure("unknown_by_hand", "higher", "share"),
    Measure("unknown_by_template", "higher", "share"),
    Measure("statement_by_hand", "higher", "share"),
    Measure("statement_by_template", "higher", "share"),
    Measure("advice_by_hand", "higher", "share"),
    Measure("advice_by_template", "higher", "share"),
    Measure("hard_negative", "higher", "share"),
    Measure("near_later", "higher", "share"),
    Measure("unknown_later", "higher", "share"),
    Measure("statements_later", "higher", "share"),
    Measure("advice_later", "higher", "share"),
    Measure("name_told", "higher", "share"),
    Measure("name", "higher", "share"),
    Measure("name_asked_anew", "higher", "share"),
    Measure("name_corrected", "higher", "share"),
    Measure("name_other", "higher", "share"),
    Measure("name_odd", "higher", "share"),
)


@dataclass(frozen=True)
class Ability:
    """A measure that the corpus defines, with its numbers as text; `known` where the summary has a text for it."""

    measure: Measure
    known: bool
    asked: str
    share: str
    well_formed: str


def abilities(evaluation: dict[str, Any]) -> list[Ability]:
    """Those of ABILITIES that were measured, then the corpus's own."""
    measured = evaluation.get("measures", {})
    known = [measure for measure in ABILITIES if measure.key in measured]
    names = {measure.key for measure in known}
    own = [Measure(name, "higher", "share") for name in measured if name not in names]
    return [
        Ability(
            measure,
            known=measure.key in names,
            asked=f"{measured[measure.key]['asked']:,}",
            share=share(measured[measure.key]["accepted"]),
            well_formed=_formatted(measured[measure.key].get("well_formed"), measure),
        )
        for measure in (*known, *own)
    ]


def measure_groups(evaluation: dict[str, Any]) -> list[MeasureGroup]:
    """Every measure on held-out and on seen dialogues; NONE where there is no number."""
    splits = [evaluation[split] or {} for split in MEASURED_ON]
    predicted = [(split, (split.get("baselines") or {}).get("unigram") or {}) for split in splits]
    replied = [(split.get("replies") or {}, better_copy(split) or {}) for split in splits]
    return [
        MeasureGroup("prediction", "unigram", [(m, [_cell(m, *pair) for pair in predicted]) for m in PREDICTION]),
        MeasureGroup("replies.group", "copy", [(m, [_cell(m, *pair) for pair in replied]) for m in REPLIES]),
    ]


def better_copy(split: dict[str, Any]) -> dict[str, float] | None:
    """The better one of the two baselines that copy an answer."""
    copies = [(split.get("baselines") or {}).get(name) for name in ("nearest_question", "nearest_dialogue")]
    return max(filter(None, copies), key=lambda copy: copy["char_f1"], default=None)


def _cell(measure: Measure, model: dict[str, float], baseline: dict[str, float]) -> Cell:
    ours, theirs = model.get(measure.key), baseline.get(measure.key)
    cells = _formatted(ours, measure), _formatted(theirs, measure)
    wins = None
    if ours is not None and theirs is not None and measure.better is not None and cells[0] != cells[1]:
        wins = (ours < theirs) == (measure.better == "lower")
    return Cell(*cells, wins)


def _formatted(value: float | None, measure: Measure) -> str:
    if value is None:
        return NONE
    return share(value) if measure.form == "share" else format(value, measure.form)


def share(value: float) -> str:
    """A share, 0 to 1, in per cent."""
    return f"{value:.0%}" if value in (0, 1) else f"{value:.1%}"
