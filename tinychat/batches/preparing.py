"""Dialogues as training examples: in the chat template, at most `max_len` tokens long."""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tinychat.batches.prepared import EncodedDialogue, Window, windows
from tinychat.errors import InputError
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.chat import EncodedTurn, Message

# Behind a sentence, before a space or a line break.
SENTENCE_ENDS = re.compile(r"(?<![.!?…~])[.!?…~]++[^\w\s]*+(?=\s)|(?=\n)")

LongAnswers = Literal["cut", "drop"]


@dataclass
class Prepared:
    """The training examples of one split, and what did not fit.

    A dialogue that is longer than the model's context is several windows, that is, examples.
    """

    examples: list[EncodedDialogue] = field(default_factory=list)
    dialogues: int = 0  # of which there is an example
    long_dialogues: int = 0  # longer than the model's context
    answers: int = 0  # that are learnt, each in one example
    answers_cut: int = 0  # of these, those cut at the end of a sentence
    answers_dropped: int = 0  # too long, with their question, for the model
    dialogues_dropped: int = 0  # all of their answers are too long
    without_loss: int = 0  # dialogues left out, since none of their answers carries loss

    def counts(self) -> dict[str, int]:
        """Numbers for the metrics file."""
        return {
            "dialogues": self.dialogues,
            "long_dialogues": self.long_dialogues,
            "examples": len(self.examples),
            "answers": self.answers,
            "answers_cut": self.answers_cut,
            "answers_dropped_too_long": self.answers_dropped,
            "tokens": sum(len(d.ids) for d in self.examples),
            "tokens_with_loss": sum(sum(d.loss_mask) for d in self.examples),
            "longest_example": max((len(d.ids) for d in self.examples), default=0),
            "dialogues_dropped_too_long": self.dialogues_dropped,
            "dialogues_without_loss": self.without_loss,
        }

    def summary(self) -> str:
        """The counts as a line of text."""
        counts = self.counts()
        text = f"{self.dialogues} dialogues, {self.answers} answers, {counts['tokens']} tokens"
        if self.long_dialogues:
            text += f"; {self.long_dialogues} are longer than the model's context and split into windows"
        if self.answers_cut:
            text += f"; {self.answers_cut} answers cut at the end of a sentence to fit"
        if self.answers_dropped:
            text += f"; {self.answers_dropped} answers dropped, they do not fit with their question"
        if self.without_loss:
            text += f"; {self.without_loss} left out, all of their answers were trained on"
        return text

    def refuse_if_empty(self, max_len: int) -> None:
        """Raise InputError where nothing is left to train on."""
        if not self.examples:
            raise InputError(
                "no training dialogue fits into {max_len} tokens ({longer} are longer); raise model.max_len in "
                "params.yaml",
                max_len=max_len,
                longer=self.dialogues_dropped,
            )


def _loss_mask_on_all(turn: EncodedTurn, message: Message, unknown_ids: Collection[int]) -> tuple[bool, ...]:
    """The loss mask of a turn under `loss_on: all`."""
    return tuple(bool(message.get("weight", 1)) and token_id not in unknown_ids for token_id in turn.ids)


def prepare_dialogues(
    dialogues: Iterable[Sequence[Message]],
    tokenizer: Tokenizer,
    max_len: int,
    loss_on: Literal["reply", "all"],
    long_answers: LongAnswers,
) -> Prepared:
    """Encode dialogues as examples of at most `max_len` tokens; a longer dialogue is windows (`windows`).

    `loss_on` reply: the bot's tokens and its `<eos>` carry loss; all: every token but the first. A message of weight 0,
    an unknown word, and what is only context in a window carry no loss in either. `long_answers`: an answer that does
    not fit with its question is cut at the end of a sentence, or dropped, as it is where no sentence fits.
    """
    prepared = Prepared()
    for messages in dialogues:
        turns = tokenizer.encode_turns(messages)
        if not any(any(turn.loss_mask) for turn in turns):
            prepared.without_loss += 1
            continue
        prepared.long_dialogues += sum(len(turn.ids) for turn in turns) > max_len
        whole = turns
        if long_answers == "cut":
            messages, turns = _with_long_answers_cut(messages, turns, tokenizer, max_len)
        found = list(windows(turns, max_len))
        examples = [_example(messages, turns, window, loss_on, tokenizer.unknown_ids) for window in found]
        learnt = sum(_n_answers(turns[window.new : window.end]) for window in found)
        prepared.answers += learnt
        prepared.answers_cut += sum(turns[n] is not whole[n] for window in found for n in range(window.new, window.end))
        prepared.answers_dropped += _n_answers(turns) - learnt
        prepared.examples += examples
        prepared.dialogues += bool(found)
        prepared.dialogues_dropped += not found
    return prepared


def _n_answers(turns: Sequence[EncodedTurn]) -> int:
    """How many of these turns are answers with loss."""
    return sum(any(turn.loss_mask) for turn in turns)


def _example(
    messages: Sequence[Message],
    turns: Sequence[EncodedTurn],
    window: Window,
    loss_on: Literal["reply", "all"],
    unknown: Collection[int],
) -> EncodedDialogue:
    """The example of a window."""
    masks = [(False,) * len(turn.ids) for turn in turns[window.start : window.new]]
    new = range(window.new, window.end)
    masks += [
        turns[n].loss_mask if loss_on == "reply" else _loss_mask_on_all(turns[n], messages[n], unknown) for n in new
    ]
    ids = tuple(i for turn in turns[window.start : window.end] for i in turn.ids)
    loss_mask = (False, *[has_loss for mask in masks for has_loss in mask][1:])  # the first token has no context
    with_loss = [n for n, mask in enumerate(masks, window.start) if any(mask)]
    n_bytes = sum(len(messages[n]["content"].encode("utf-8")) for n in with_loss)
    knows_all = not any(token_id in unknown for n in with_loss for token_id in turns[n].ids)
    return EncodedDialogue(ids, loss_mask, n_bytes if knows_all else None)


def _with_long_answers_cut(
    messages: Sequence[Message], turns: Sequence[EncodedTurn], tokenizer: Tokenizer, max_len: int
) -> tuple[list[Message], list[EncodedTurn]]:
    """Messages and turns; an answer that does not fit with its question is cut behind the last sentence that does."""
    messages, turns = list(messages), list(turns)
    for n, turn in enumerate(turns):
        asked = len(turns[n - 1].ids) if n and turns[n - 1].role == "user" else 0
        if turn.role != "assistant" or not any(turn.loss_mask) or asked + len(turn.ids) <= max_len:
            continue
        content = messages[n]["content"]

        def encoded(end: int, message: Message = messages[n], content: str = content) -> EncodedTurn:
            return tokenizer.encode_turns([{**message, "content": content[:end]}])[0]

        begins = len(content) - len(content.lstrip())
        ends = [found.end() for found in SENTENCE_ENDS.finditer(content, begins) if found.end() > begins]
        fitting = bisect_right(ends, max_len - asked, key=lambda end: len(encoded(end).ids))
        if fitting:
            messages[n] = {**messages[n], "content": content[: ends[fitting - 1]]}
            turns[n] = encoded(ends[fitting - 1])
    return messages, turns
