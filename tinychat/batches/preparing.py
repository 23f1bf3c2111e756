"""Dialogues as they are learnt: in the chat template, at most `max_len` tokens long."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tinychat.batches.prepared import EncodedDialogue, fitting_turns
from tinychat.errors import InputError
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.chat import Message


@dataclass(frozen=True)
class Prepared:
    """The dialogues of one split, and what did not fit."""

    dialogues: list[EncodedDialogue]
    cut_dialogues: int  # lost turns, oldest first
    cut_turns: int
    dropped_dialogues: int  # no question with its answer fits

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
        }

    def summary(self) -> str:
        """The same in a line for the person."""
        counts = self.counts()
        text = f"{counts['dialogues']} dialogues, {counts['tokens']} tokens"
        if self.cut_dialogues:
            text += f"; {self.cut_dialogues} lost their oldest {self.cut_turns} turns to fit"
        if self.dropped_dialogues:
            text += f"; {self.dropped_dialogues} dropped, their question and answer do not fit"
        return text

    def refuse_if_empty(self, max_len: int) -> None:
        """Raise InputError where nothing is left to train on."""
        if not self.dialogues:
            raise InputError(
                f"no training dialogue fits into {max_len} tokens ({self.dropped_dialogues} are longer); "
                "raise model.max_len in params.yaml"
            )


def prepare_dialogues(
    dialogues: Iterable[Sequence[Message]], tokenizer: Tokenizer, max_len: int, loss_on: Literal["reply", "all"]
) -> Prepared:
    """Encode dialogues and cut them to `max_len` tokens.

    `loss_on` reply: what the bot says and its `<eos>` is learnt; all: every token but the first.
    """
    kept: list[EncodedDialogue] = []
    cut_dialogues = cut_turns = dropped = 0
    for messages in dialogues:
        turns = tokenizer.encode_turns(messages)
        start, end = fitting_turns(turns, max_len)
        if start == end:
            dropped += 1
            continue
        fitting = turns[start:end]
        cut_dialogues += len(fitting) < len(turns)
        cut_turns += len(turns) - len(fitting)
        ids = tuple(i for turn in fitting for i in turn.ids)
        learnt = tuple(m for turn in fitting for m in turn.loss_mask)
        texts = [
            message["content"]
            for message, turn in zip(messages[start:end], fitting, strict=True)
            if loss_on == "all" or any(turn.loss_mask)
        ]
        kept.append(
            EncodedDialogue(
                ids=ids,
                loss_mask=learnt if loss_on == "reply" else (False, *((True,) * (len(ids) - 1))),
                answer_bytes=sum(len(text.encode("utf-8")) for text in texts),
            )
        )
    return Prepared(kept, cut_dialogues, cut_turns, dropped)
