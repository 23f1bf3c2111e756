"""What of the out-of-scope texts is trained on, and what is held out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from tinychat.starter.drawing import Rng
from tinychat.starter.holdout import HoldOut, hold_out
from tinychat.starter.particles import fill, slots_in
from tinychat.starter.reading import OutOfScope

HELD_OUT_OF_SCOPE_SHARE = 0.20


@dataclass(frozen=True)
class OutOfScopeSplit:
    """Out-of-scope questions, or statements, with what of them is held out: the same share of each subject, of each
    list of hard negatives, and of the templates.
    """

    texts: OutOfScope
    by_subject: Mapping[str, HoldOut]
    hard_negatives: Mapping[str, HoldOut]
    templates: HoldOut

    @classmethod
    def of(cls, texts: OutOfScope, seed: int) -> "OutOfScopeSplit":
        """Hold out the same share of each."""

        def hold_out_each(lists: Mapping[str, Sequence[str]]) -> dict[str, HoldOut]:
            return {name: hold_out(one, HELD_OUT_OF_SCOPE_SHARE, seed) for name, one in lists.items()}

        templates = hold_out(texts.templates, HELD_OUT_OF_SCOPE_SHARE, seed)
        return cls(texts, hold_out_each(texts.ask), hold_out_each(texts.hard_negatives), templates)

    @cached_property
    def by_hand(self) -> tuple[HoldOut, ...]:
        """All texts that are of no template: subject by subject, then the hard negatives."""
        return (*self.by_subject.values(), *self.hard_negatives.values())

    @cached_property
    def train_by_hand(self) -> tuple[str, ...]:
        """Those of them to train on: drawn without replacement, each as often as the others, however long its list."""
        return tuple(text for texts in self.by_hand for text in texts.train)

    def from_template(self, templates: Sequence[str], rng: Rng) -> str:
        """A text from one of these templates."""
        template = rng.draw_without_replacement(templates)
        return fill(template, {slot: rng.choice(self.texts.slots[slot]) for slot, _ in slots_in(template)})
