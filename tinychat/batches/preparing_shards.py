"""The token arrays of a shard of a corpus file, many dialogues at once.

What `prepare_dialogues` makes one by one, this makes of dialogues that fit into the model's context in arrays; the
others go through its functions. tests/batches/test_preparing_shards.py compares the two.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tinychat.batches.prepared import PreparedSplit, to_arrays, token_type
from tinychat.batches.preparing import LongAnswers, LossOn, Prepared, prepare_turns
from tinychat.corpus_shards import dialogues_in
from tinychat.shards import Shard
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.word_table import BOT_PIECE, WordTable

CHARACTERS_AT_ONCE = 1 << 19


@dataclass
class Some:
    """Some dialogues of a shard: their messages, one after another.

    sizes  how many messages each dialogue has
    """

    texts: list[str] = field(default_factory=list)
    of_bot: list[bool] = field(default_factory=list)
    weights: list[bool] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Preparing:
    """Makes the arrays of a shard, and its counts without the examples; with the options of `prepare_dialogues`."""

    tokenizer: Tokenizer
    max_len: int
    loss_on: LossOn
    long_answers: LongAnswers
    table: WordTable

    def __call__(self, shard: Shard) -> tuple[PreparedSplit, Prepared]:
        prepared = Prepared()
        parts = [part for some in _some_at_once(dialogues_in(shard)) for part in self._arrays(some, prepared)]
        return joined(parts, self.tokenizer.size), prepared

    def _arrays(self, some: Some, prepared: Prepared) -> Iterator[PreparedSplit]:
        """The arrays of these dialogues, in parts."""
        of_bot, weights = (np.array(flags, dtype=np.bool_) for flags in (some.of_bot, some.weights))  # (M,)
        pieces = self.table.pieces(some.texts, some.of_bot)
        tokens, lengths = pieces.tokens()  # (T,), (P,)
        begins = pieces.pieces <= BOT_PIECE  # (P,) a message
        with_loss = (weights if self.loss_on == "all" else weights & of_bot)[np.cumsum(begins) - 1]  # (P,)
        if self.loss_on == "reply":
            with_loss &= ~begins
        loss_mask = np.repeat(with_loss, lengths)  # (T,)
        if self.tokenizer.unknown_ids:
            loss_mask &= ~np.isin(tokens, list(self.tokenizer.unknown_ids))
        sizes = np.array(some.sizes, dtype=np.int64)
        ends = np.cumsum(sizes)  # (D,) of the messages of each dialogue
        answers = np.add.reduceat(weights & of_bot, ends - sizes, dtype=np.int64)  # (D,)
        messages = np.append((np.cumsum(lengths) - lengths)[begins], len(tokens))  # (M + 1,) their first tokens
        offsets = messages[np.append(0, ends)]  # (D + 1,)
        loss_mask[offsets[:-1]] = False  # the first token has no context
        fits = np.diff(offsets) <= self.max_len
        every = PreparedSplit(tokens.astype(token_type(self.tokenizer.size)), loss_mask, offsets)
        prepared.without_loss += int(np.count_nonzero(answers == 0))
        first = 0
        for n in (*np.flatnonzero(~fits & (answers > 0)), len(fits)):
            yield self._whole(every, answers, first, n, prepared)
            if n < len(fits):
                yield self._windows(some, tokens, messages, range(ends[n] - sizes[n], ends[n]), prepared)
            first = n + 1

    def _whole(
        self, every: PreparedSplit, answers: npt.NDArray[np.int64], first: int, end: int, prepared: Prepared
    ) -> PreparedSplit:
        """Those of the dialogues first to end, all of which fit, that have an answer with loss."""
        offsets, chosen = every.offsets[first : end + 1], answers[first:end] > 0
        lengths = np.diff(offsets)
        within = slice(offsets[0], offsets[-1])
        tokens, loss_mask = every.tokens[within], every.loss_mask[within]
        if not chosen.all():
            kept = np.repeat(chosen, lengths)
            tokens, loss_mask, lengths = tokens[kept], loss_mask[kept], lengths[chosen]
        prepared.dialogues += len(lengths)
        prepared.n_examples += len(lengths)
        prepared.answers += int(answers[first:end].sum())
        prepared.tokens += len(tokens)
        prepared.tokens_with_loss += int(np.count_nonzero(loss_mask))
        prepared.longest = max(prepared.longest, int(lengths.max(initial=0)))
        return PreparedSplit(tokens, loss_mask, np.append(0, np.cumsum(lengths)))

    def _windows(
        self,
        some: Some,
        tokens: npt.NDArray[np.int64],
        starts: npt.NDArray[np.int64],
        numbers: Iterable[int],
        prepared: Prepared,
    ) -> PreparedSplit:
        """A dialogue that does not fit: the messages with these numbers."""
        messages, turns = [], []
        for n in numbers:
            is_bot = some.of_bot[n]
            role = "assistant" if is_bot else "user"
            messages.append({"role": role, "content": some.texts[n], "weight": int(some.weights[n])})
            text_ids = tokens[starts[n] + 1 : starts[n + 1] - is_bot].tolist()  # without control tokens
            turns.append(self.tokenizer.turn(messages[-1], text_ids))
        prepare_turns(prepared, messages, turns, self.tokenizer, self.max_len, self.loss_on, self.long_answers)
        part = to_arrays(prepared.examples, self.tokenizer.size)
        prepared.examples = []
        return part


def preparing(tokenizer: Tokenizer, max_len: int, loss_on: LossOn, long_answers: LongAnswers) -> Preparing:
    """What makes the arrays of shards in one process."""
    return Preparing(tokenizer, max_len, loss_on, long_answers, WordTable(tokenizer))


def joined(parts: list[PreparedSplit], vocab_size: int) -> PreparedSplit:
    """Parts of a split, one after another."""
    lengths = [part.lengths for part in parts]
    return PreparedSplit(
        np.concatenate([np.empty(0, token_type(vocab_size)), *(part.tokens for part in parts)]),
        np.concatenate([np.empty(0, np.bool_), *(part.loss_mask for part in parts)]),
        np.append(0, np.cumsum(np.concatenate([np.empty(0, np.int64), *lengths]))),
    )


def _some_at_once(records: Iterable[dict[str, Any]]) -> Iterator[Some]:
    """Dialogues together, each time of about as much text."""
    some, characters = Some(), 0
    for record in records:
        messages = record["messages"]
        some.sizes.append(len(messages))
        for message in messages:
            text = message["content"]
            characters += len(text)
            some.texts.append(text)
            some.of_bot.append(message["role"] == "assistant")
            some.weights.append(message.get("weight", 1) == 1)
        if characters >= CHARACTERS_AT_ONCE:
            yield some
            some, characters = Some(), 0
    if some.sizes:
        yield some
