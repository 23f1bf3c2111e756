"""The description of a text that the reply copies from the prompt, and of the heads that copy it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tinychat.inspection.words import Language, name_layer, words_of_pictures
from tinychat.report.words import Words


@dataclass(frozen=True)
class HeadView:
    """A head and its mean weight; `best` is the one that the picture shows."""

    layer: str
    head: str
    weight: str
    best: bool


@dataclass(frozen=True)
class CopiedTextView:
    """A copied text: sentences about it, and for each layer the head with the most attention on it.

    place  of the head that is shown, as a link to the live page names it (web/src/link.js)
    """

    description: str
    place: str
    heads: list[HeadView]


def copied_text_view(copied: dict[str, Any] | None, words: Words, language: Language) -> CopiedTextView | None:
    """The view of a record's `copied_text` (tinychat.inspection.export); None where nothing was copied."""
    if copied is None:
        return None
    naming = words_of_pictures(language)
    description = words(
        "copied_text.copying_head" if copied["has_copying_head"] else "copied_text.no_copying_head",
        text=copied["text"],
        layer=name_layer(copied["name"], naming),
        head=copied["head"] + 1,
        weight=f"{copied['weight']:.0%}",
    )
    whole, user = round(100 * copied["weight"]), round(100 * _users_share(copied["sources"]))
    if copied["has_copying_head"] and whole > user:  # rounded so that the two add up to the weight above
        description += " " + words("copied_text.by_role", user=f"{user}%", bot=f"{whole - user}%")
    heads = [
        HeadView(
            name_layer(best["name"], naming),
            naming("head_number", head=best["head"] + 1),
            f"{best['weight']:.0%}",
            best["layer"] == copied["layer"],
        )
        for best in copied["layers"]
    ]
    place = f"step=attention&layer={copied['layer'] + 1}&head={copied['head'] + 1}"
    return CopiedTextView(description, place, heads)


def _users_share(sources: Sequence[dict[str, Any]]) -> float:
    """The head's attention weight on the user's turns, the mean over the copied tokens."""
    means = [sum(source["weights"]) / len(source["weights"]) for source in sources if source["role"] == "user"]
    return float(sum(means))
