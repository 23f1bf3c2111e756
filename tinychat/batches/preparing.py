"""Dialogues as training examples: in the chat template, at most `max_len` tokens long."""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal

from tinychat.batches.prepared import EncodedDialogue, Window, windows
from tinychat.errors import InputError
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.chat import EncodedTurn, Message

# Behind a sentence, before a space or a line break.
SENTENCE_ENDS = re.compile(r"(?<![.!?…~])[.!?…~]++[^\w\s]*+(?=\s)|(?=\n)")

LossOn = Literal["reply", "all"]
LongAnswers = Literal["cut", "drop"]


@dataclass
class Prepared:
    """The training examples of dialogues, and what did not fit.

    A dialogue that is longer than the model's context is several windows, that is, examples.
    """

    examples: list[EncodedDialogue] = field(default_factory=list)
    dialogues: int = 0  # of which there is an example
    long_dialogues: int = 0  # longer than the model's context
    n_examples: int = 0
    answers: int = 0  # that are learnt, each in one example
    answers_cut: int = 0  # of these, those cut at the end of a sentence
    answers_dropped: int = 0  # too long, with their question, for the model
    tokens: int = 0
    tokens_with_loss: int = 0
    longest: int = 0  # tokens of the longest example
    dialogues_dropped: int = 0  # all of their answers are too long
    without_loss: int = 0  # dialogues left out, since none of their answers carries loss

    def add_example(self, example: EncodedDialogue) -> None:
        """Add an example and count it."""
        self.examples.append(example)
        self.n_examples += 1
        self.tokens += len(example.ids)
        self.tokens_with_loss += sum(example.loss_mask)
        self.longest = max(self.longest, len(example.ids))

    def add_counts(self, other: "Prepared") -> None:
        """Add the counts of other dialogues of the split, not their examples."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.longest = max(self.longest, other.longest)

    @property
    def read(self) -> int:
        """The dialogues, those without an example included."""
        return self.dialogues + self.dialogues_dropped + self.without_loss

    def counts(self) -> dict[str, int]:
        """Numbers for the metrics file."""
        return {
            "dialogues": self.dialogues,
            "long_dialogues": self.long_dialogues,
            "examples": self.n_examples,
            "answers": self.answers,
            "answers_cut": self.answers_cut,
            "answers_dropped_too_long": self.answers_dropped,
            "tokens": self.tokens,
            "tokens_with_loss": self.tokens_with_loss,
            "longest_example": self.longest,
            "dialogues_dropped_too_long": self.dialogues_dropped,
            "dialogues_without_loss": self.without_loss,
        }

    def summary(self) -> str:
        """The counts as a line of text."""
        text = f"{self.dialogues} dialogues, {self.answers} answers, {self.tokens} tokens"
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
        if not self.n_examples:
            raise InputError(
                "no training dialogue fits into {max_len} tokens ({longer} are longer); raise model.max_len in "
                "params.yaml",
                max_len=max_len,
                longer=self.dialogues_dropped,
            )


COUNTS = [name for name, kind in Prepared.__annotations__.items() if kind is int and name != "longest"]


def _loss_mask_on_all(turn: EncodedTurn, message: Message, unknown_ids: Collection[int]) -> tuple[bool, ...]:
    """The loss mask of a turn under `loss_on: all`."""
    return tuple(bool(message.get("weight", 1)) and token_id not in unknown_ids for token_id in turn.ids)


def prepare_dialogues(
    dialogues: Iterable[Sequence[Message]],
    tokenizer: Tokenizer,
    max_len: int,
    loss_on: LossOn,
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
        prepare_turns(prepared, messages, turns, tokenizer, max_len, loss_on, long_answers)
    return prepared


def prepare_turns(
    prepared: Prepared,
    messages: Sequence[Message],
    turns: list[EncodedTurn],
    tokenizer: Tokenizer,
    max_len: int,
    loss_on: LossOn,
    long_answers: LongAnswers,
) -> None:
    """Add the examples of a dialogue, whose messages are encoded as `turns`, to `prepared`, and count it."""
    if not any(True in turn.loss_mask for turn in turns):
        prepared.without_loss += 1
        return
    whole = turns
    if sum(len(turn.ids) for turn in turns) > max_len:
        prepared.long_dialogues += 1
        if long_answers == "cut":
            messages, turns = _with_long_answers_cut(messages, turns, tokenizer, max_len)
    found = list(windows(turns, max_len))
    learnt = 0
    for window in found:
        prepared.add_example(_example(messages, turns, window, loss_on, tokenizer.unknown_ids))
        learnt += _n_answers(turns[window.new : window.end])
        prepared.answers_cut += sum(turns[n] is not whole[n] for n in range(window.new, window.end))
    prepared.answers += learnt
    prepared.answers_dropped += _n_answers(turns) - learnt
    prepared.dialogues += bool(found)
    prepared.dialogues_dropped += not found


def _n_answers(turns: Sequence[EncodedTurn]) -> int:
    """How many of these turns are answers with loss."""
    return sum(True in turn.loss_mask for turn in turns)


def _example(
    messages: Sequence[Message],
    turns: Sequence[EncodedTurn],
    window: Window,
    loss_on: LossOn,
    unknown: Collection[int],
) -> EncodedDialogue:
    """The example of a window."""
    masks = [(False,) * len(turn.ids) for turn in turns[window.start : window.new]]
    for n in range(window.new, window.end):
        masks.append(turns[n].loss_mask if loss_on == "reply" else _loss_mask_on_all(turns[n], messages[n], unknown))
    ids = tuple(chain.from_iterable(turn.ids for turn in turns[window.start : window.end]))
    loss_mask = tuple(chain.from_iterable(masks))
    if loss_mask[0]:
        loss_mask = (False, *loss_mask[1:])  # the first token has no context
    with_loss = [n for n, mask in enumerate(masks, window.start) if True in mask]
    n_bytes = sum(len(messages[n]["content"].encode("utf-8")) for n in with_loss)
    knows_all = not unknown or not any(token_id in unknown for n in with_loss for token_id in turns[n].ids)
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
        most = 1  # doubled, so that no text much longer than what fits is encoded
        while most < len(ends) and asked + len(encoded(ends[most - 1]).ids) <= max_len:
            most *= 2
        fitting = bisect_right(ends, max_len - asked, hi=min(most, len(ends)), key=lambda end: len(encoded(end).ids))
        if fitting:
            messages[n] = {**messages[n], "content": content[: ends[fitting - 1]]}
            turns[n] = encoded(ends[fitting - 1])
    return messages, turns
