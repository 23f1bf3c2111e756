"""Two tables of a sentence in the layers: what each layer would say at each word of the reply, what the heads do."""

from dataclasses import dataclass
from typing import Any

from tinychat.inspection.labels import label
from tinychat.inspection.words import Language, name_layer, words_of_pictures

WIDTH = 6.5  # of a token's label, in ems


@dataclass(frozen=True)
class Guess:
    """The likeliest token after a layer; `same` where the last layer says it too."""

    token: str
    probability: float
    percent: str
    same: bool


@dataclass(frozen=True)
class PredictionTable:
    """A column for each word of the reply, and one for the token that ends it; a row for each layer, the last below."""

    words: list[str]
    rows: list[tuple[str, list[Guess]]]


@dataclass(frozen=True)
class HeadCell:
    """What a head does; `named` is the head that copies, of which the text speaks."""

    role: str
    share: float
    percent: str
    named: bool


@dataclass(frozen=True)
class HeadTable:
    """A row for each decoder layer, a column for each head."""

    heads: list[str]
    rows: list[tuple[str, list[HeadCell]]]


def prediction_table(sentence: dict[str, Any], language: Language) -> PredictionTable:
    """The logit lens where the tokens of the reply are predicted, that is at the token before each."""
    words = words_of_pictures(language)
    positions = range(sentence["n_prompt_tokens"] - 1, len(sentence["tokens"]))
    said = [[layer[position][0] for position in positions] for layer in sentence["early_predictions"]]
    return PredictionTable(
        [label(token, WIDTH) for token in (*sentence["tokens"][positions.start + 1 :], said[-1][-1]["token"])],
        [
            (
                name_layer(name, words),
                [
                    Guess(
                        label(best["token"], WIDTH),
                        best["probability"],
                        _percent(best["probability"]),
                        best["token"] == last["token"],
                    )
                    for best, last in zip(row, said[-1], strict=True)
                ],
            )
            for name, row in zip(sentence["states"], said, strict=True)
        ],
    )


def head_table(sentence: dict[str, Any], language: Language) -> HeadTable:
    """Where each head looks most clearly."""
    words, copied = words_of_pictures(language), sentence.get("copied_text")
    named = (copied["layer"], copied["head"]) if copied else None
    return HeadTable(
        [words("head_number", head=number) for number in range(1, len(sentence["heads"][0]) + 1)],
        [
            (
                name_layer(sentence["states"][layer + 1], words),
                [
                    HeadCell(
                        words(f"role.{cell['role'] or 'none'}"),
                        cell["share"],
                        f"{cell['share']:.0%}" if cell["role"] else "",
                        (layer, head) == named,
                    )
                    for head, cell in enumerate(row)
                ],
            )
            for layer, row in enumerate(sentence["heads"])
        ],
    )


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"
