"""A reply while it is generated, and when it has ended."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tinychat.generation.sampling import SamplingOptions
from tinychat.generation.text import ReplyText
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.called_names import NAME_WORD
from tinychat.tokenizer.told_facts import ToldFacts
from tinychat.tokenizer.told_names import ToldNames

FinishReason = Literal["stop", "length", "cancelled", "safety"]


@dataclass(frozen=True)
class Choice:
    """One chosen token with log-probabilities of the model's own distribution, before temperature and the like.

    logprob       its log-probability, nats
    alternatives  id and log-probability of the likeliest tokens, the likeliest first (`SamplingOptions.alternatives`)
    """

    token_id: int
    logprob: float
    alternatives: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Reply:
    """What the model answers.

    text           without the stop text that ended it, if one did
    token_ids      without `<eos>`
    finish_reason  stop: `<eos>` or a stop text was generated, or the next sentence would call a name that nobody told;
                   length: `max_tokens` or the model's `max_len` was reached; cancelled: by the caller; safety: the
                   help lines in place of a reply of the model
    choices        one for each token, `<eos>` included if it was generated
    prompt_ids     the prompt, in the chat template
    """

    text: str
    token_ids: tuple[int, ...]
    finish_reason: FinishReason
    choices: tuple[Choice, ...]
    prompt_ids: tuple[int, ...]

    @property
    def logprobs(self) -> tuple[float, ...]:
        """Log-probability (nats) of each choice."""
        return tuple(choice.logprob for choice in self.choices)

    @property
    def mean_logprob(self) -> float:
        """Mean log-probability (nats) of the choices; 0 where there is none."""
        return sum(self.logprobs) / len(self.choices) if self.choices else 0.0


@dataclass(frozen=True)
class TakenBack:
    """The end of a reply that is taken back while it is generated.

    n_kept   how many of its tokens stay
    refused  the token that must not follow them, if there is one
    forced   the tokens that must
    may_end  whether what stays may be the whole reply
    among    where there are any: the whole reply is one of these
    """

    n_kept: int
    refused: int | None
    forced: tuple[int, ...] = ()
    may_end: bool = False
    among: tuple[tuple[int, ...], ...] = ()


class Request:
    """A reply while it is generated."""

    def __init__(
        self,
        prompt_ids: Sequence[int],
        options: SamplingOptions,
        tokenizer: Tokenizer,
        names: ToldNames | None = None,
        facts: ToldFacts | None = None,
        earlier: Sequence[str] = (),
    ) -> None:
        """`names`: those that the reply may call; None: they are not looked at.

        `facts`: what the reply has to say where the user asks for what they told.

        `earlier`: the bot's replies in it, none of which is said again where another is about as likely.
        """
        self.prompt_ids, self.options, self.earlier = tuple(prompt_ids), options, frozenset(earlier)
        self.names, self.facts = names, facts
        self.ids = list(prompt_ids)  # of prompt and reply
        self.choices: list[Choice] = []
        self.pending = b""  # bytes of an incomplete character
        self.finish_reason: FinishReason | None = None
        self.rng = np.random.default_rng(options.seed)
        self.refused: list[tuple[int, int]] = []  # after so many tokens, the reply must not go on with this one
        self.forced: list[int] = []  # the next tokens, whatever the model finds likely
        self.among: tuple[tuple[int, ...], ...] = ()  # if not empty, the reply is one of these, each with `<eos>`
        self.n_names_refused = self.n_facts_refused = self.n_runs_refused = self.n_repeats_refused = 0
        self.has_denied_name = False
        self.margins: list[float] = []  # of each choice: how much likelier it was than any other token, in nats
        # Where nobody told a name, a sentence that speaks of one may be taken back when the next one calls it.
        held = NAME_WORD if names is not None and names.name is None else None
        # Where the user asks for what they told, a reply that does not say it is taken back as a whole.
        says = facts.are_said if facts is not None else None
        self._text = ReplyText(
            tokenizer.decode, options.stop, earlier, whole_sentences=names is not None, held=held, complete=says
        )
        self._pieces: list[str] = []
        self._reading = threading.Lock()  # one thread may append to the reply while another asks for its text

    @property
    def reply_ids(self) -> list[int]:
        """The tokens of the reply so far."""
        return self.ids[len(self.prompt_ids) :]

    @property
    def n_new(self) -> int:
        """How many they are."""
        return len(self.ids) - len(self.prompt_ids)

    def next_among(self) -> list[int]:
        """The tokens with which the replies that it may be go on; none where it may be any."""
        reply = tuple(self.reply_ids)
        return sorted({ids[len(reply)] for ids in self.among if ids[: len(reply)] == reply})

    def append(self, choice: Choice) -> None:
        """Append a token to the reply."""
        self.choices.append(choice)
        self.ids.append(choice.token_id)
        # Without stop texts, the text is decoded when it is asked for, from all new tokens at once.
        if self.options.stop:
            self._read()
            if self._text.stopped:
                self.finish("stop")

    def take_back(self, shorter: TakenBack) -> None:
        """Take the end of the reply back."""
        n_kept = shorter.n_kept
        with self._reading:
            del self.ids[len(self.prompt_ids) + n_kept :], self.choices[n_kept:], self.margins[n_kept:]
        # What was refused later in the reply was refused after tokens that are gone.
        self.refused = [(n, token) for n, token in self.refused if n <= n_kept]
        if shorter.refused is not None:
            self.refused.append((n_kept, shorter.refused))
        self.forced = list(shorter.forced)
        self.among = shorter.among

    def finish(self, reason: FinishReason, eos: Choice | None = None) -> None:
        """End the reply."""
        self.choices += [eos] if eos else []
        self.finish_reason = reason  # last: a thread that sees it finds the whole reply

    def new_text(self) -> str:
        """The text that has become final since the last call."""
        self._read()
        with self._reading:
            pieces, self._pieces = self._pieces, []
        return "".join(pieces)

    def _read(self) -> None:
        """Decode the tokens since the last call."""
        with self._reading:
            ended = self.finish_reason  # read before the tokens: a finished reply gets no more
            piece = self._text.grow_to(self.reply_ids)
            self._pieces.append(piece + self._text.end(cut=ended != "stop") if ended else piece)

    def reply(self) -> Reply:
        """The reply, once it has ended."""
        if self.finish_reason is None:
            raise ValueError("this reply has not ended")
        self._read()
        token_ids = tuple(self.reply_ids)
        return Reply(self._text.text, token_ids, self.finish_reason, tuple(self.choices), self.prompt_ids)
