"""The text on a word that the reply copies from the prompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tinychat.report.words import Words


@dataclass(frozen=True)
class HeadView:
    """A head and its mean weight; `best` is the one that the picture shows."""

    layer: str
    head: str
    weight: str
    best: bool


@dataclass(frozen=True)
class CarriedView:
    """A copied text: a sentence about it, and the best head of each layer."""

    told: str
    heads: list[HeadView]


def carried_view(carried: dict[str, Any] | None, words: Words) -> CarriedView | None:
    """A record's `carried` (tinychat.inspection.export) as text; None where nothing was copied."""
    if carried is None:
        return None
    text, layer, head = carried["text"], carried["layer"], carried["head"]
    told = words(
        "carried.seen" if carried["seen"] else "carried.not_seen",
        text=text,
        number=layer + 1,
        layer=layer,
        head=head,
        weight=f"{carried['weight']:.0%}",
    )
    whole, user = round(100 * carried["weight"]), round(100 * _users_share(carried["sources"]))
    if carried["seen"] and whole > user:  # in whole per cent the two add up to the sum before
        told += " " + words("carried.where", user=f"{user}%", bot=f"{whole - user}%")
    heads = [
        HeadView(f"decoder_layers.{best['layer']}", str(best["head"]), f"{best['weight']:.0%}", best["layer"] == layer)
        for best in carried["layers"]
    ]
    return CarriedView(told, heads)


def _users_share(sources: Sequence[dict[str, Any]]) -> float:
    """The head's attention weight on the user's turns, the mean over the written tokens."""
    means = [sum(source["weights"]) / len(source["weights"]) for source in sources if source["role"] == "user"]
    return float(sum(means))
