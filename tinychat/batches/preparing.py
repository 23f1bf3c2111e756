"""Dialogues as training examples: in the chat template, at most `max_len` tokens long."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tinychat.batches.prepared import EncodedDialogue, fitting_turns
from tinychat.errors import InputError
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.chat import EncodedTurn, Message


@dataclass(frozen=True)
class Prepared:
    """The dialogues of one split, and what did not fit."""

    dialogues: list[EncodedDialogue]
    cut_dialogues: int  # shortened: by the oldest turns, or by a last pair that does not fit
    cut_turns: int
    dropped_dialogues: int  # no question with its answer fits
    without_loss: int  # left out, since none of their answers carries loss

    def counts(self) -> dict[str, int]:
        """Numbers for the metrics file."""
        return {
            "dialogues": len(self.dialogues),
            "tokens": sum(len(d.ids) for d in self.dialogues),
            "tokens_with_loss": sum(sum(d.loss_mask) for d in self.dialogues),
            "longest_dialogue": max((len(d.ids) for d in self.dialogues), default=0),
            "dialogues_cut": self.cut_dialogues,
            "turns_cut": self.cut_turns,
            "dialogues_dropped_too_long": self.dropped_dialogues,
            "dialogues_without_loss": self.without_loss,
        }

    def summary(self) -> str:
        """The counts as a line of text."""
        counts = self.counts()
        text = f"{counts['dialogues']} dialogues, {counts['tokens']} tokens"
        if self.cut_dialogues:
            text += f"; {self.cut_dialogues} lost {self.cut_turns} turns to fit"
        if self.dropped_dialogues:
            text += f"; {self.dropped_dialogues} dropped, their question and answer do not fit"
        if self.without_loss:
            text += f"; {self.without_loss} left out, all of their answers were trained on"
        return text

    def refuse_if_empty(self, max_len: int) -> None:
        """Raise InputError where nothing is left to train on."""
        if not self.dialogues:
            raise InputError(
                "no training dialogue fits into {max_len} tokens ({longer} are longer); raise model.max_len in "
                "params.yaml",
                max_len=max_len,
                longer=self.dropped_dialogues,
            )


def _loss_mask_on_all(turn: EncodedTurn, message: Message, unknown_ids: Collection[int]) -> tuple[bool, ...]:
    """The loss mask of a turn under `loss_on: all`."""
    return tuple(bool(message.get("weight", 1)) and token_id not in unknown_ids for token_id in turn.ids)


def prepare_dialogues(
    dialogues: Iterable[Sequence[Message]], tokenizer: Tokenizer, max_len: int, loss_on: Literal["reply", "all"]
) -> Prepared:
    """Encode dialogues and cut them to `max_len` tokens.

    `loss_on` reply: the bot's tokens and its `<eos>` carry loss; all: every token but the first. A message of weight 0
    and an unknown word carry no loss in either.
    """
    unknown = tokenizer.unknown_ids
    kept: list[EncodedDialogue] = []
    cut_dialogues = cut_turns = dropped = without_loss = 0
    for messages in dialogues:
        turns = tokenizer.encode_turns(messages)
        if not any(any(turn.loss_mask) for turn in turns):
            without_loss += 1
            continue
        start, end = fitting_turns(turns, max_len)
        if start == end:
            dropped += 1
            continue
        fitting = turns[start:end]
        cut_dialogues += len(fitting) < len(turns)
        cut_turns += len(turns) - len(fitting)
        ids = tuple(i for turn in fitting for i in turn.ids)
        fitting_messages = messages[start:end]
        if loss_on == "reply":
            masks = [turn.loss_mask for turn in fitting]
        else:
            masks = [_loss_mask_on_all(turn, m, unknown) for turn, m in zip(fitting, fitting_messages, strict=True)]
        loss_mask = (False, *[has_loss for mask in masks for has_loss in mask][1:])  # the first token has no context
        texts = [m["content"] for m, mask in zip(fitting_messages, masks, strict=True) if any(mask)]
        knows_all = all(unknown.isdisjoint(turn.ids) for turn, mask in zip(fitting, masks, strict=True) if any(mask))
        n_bytes = sum(len(text.encode("utf-8")) for text in texts)
        kept.append(EncodedDialogue(ids, loss_mask, n_bytes if knows_all else None))
    return Prepared(kept, cut_dialogues, cut_turns, dropped, without_loss)
