"""Continuous batching: replies of different lengths in one batch, each entering and leaving at any step."""

import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from tinychat.errors import InputError
from tinychat.generation.decoder import Decoder, Floats
from tinychat.generation.sampling import SamplingOptions, SequenceState, choose_tokens
from tinychat.generation.text import ReplyText, end_of_sentences, is_start_of_sentence
from tinychat.model.generation_config import GenerationConfig
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.called_names import HONORIFIC
from tinychat.tokenizer.chat import Message
from tinychat.tokenizer.told_names import ToldNames
from tinychat.tokenizer.utf8 import utf8_of

FinishReason = Literal["stop", "length", "cancelled", "safety"]
MAX_UNTOLD_NAMES = 20  # after so many tries for a reply without, a name may stay
TRIES_AT_A_PLACE = 3  # for a reply without, before it is taken back to an earlier token, where one has no text
MAX_REPEATS = 4  # after so many tries for another reply, one that was said before may stay
MAX_MARGIN = 1.6  # nats: another token is about as likely where it has at least a fifth of the probability


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
    finish_reason  stop: `<eos>` or a stop text was generated, or a later sentence had a name that nobody told; length:
                   `max_tokens` or the model's `max_len` was reached; cancelled: by the caller; safety: the help lines
                   in place of a reply of the model
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
    refused  the token that must not follow them
    forced   the tokens that must
    may_end  whether what stays may be the whole reply
    """

    n_kept: int
    refused: int
    forced: tuple[int, ...] = ()
    may_end: bool = False


class Request:
    """A reply while it is generated."""

    def __init__(
        self,
        prompt_ids: Sequence[int],
        options: SamplingOptions,
        tokenizer: Tokenizer,
        names: ToldNames | None = None,
        earlier: Sequence[str] = (),
    ) -> None:
        """`names`: those that the reply may call; None: they are not looked at.

        `earlier`: the bot's replies in it, none of which is said again where another is about as likely.
        """
        self.prompt_ids, self.options, self.earlier = tuple(prompt_ids), options, frozenset(earlier)
        self.names = names
        self.ids = list(prompt_ids)  # of prompt and reply
        self.choices: list[Choice] = []
        self.pending = b""  # bytes of an incomplete character
        self.finish_reason: FinishReason | None = None
        self.rng = np.random.default_rng(options.seed)
        self.refused: list[tuple[int, int]] = []  # after so many tokens, the reply must not go on with this one
        self.forced: list[int] = []  # the next tokens, whatever the model finds likely
        self.n_names_refused = self.n_repeats_refused = 0
        self.has_denied_name = False
        self.margins: list[float] = []  # of each choice: how much likelier it was than any other token, in nats
        self._text = ReplyText(tokenizer.decode, options.stop, earlier, whole_sentences=names is not None)
        self._pieces: list[str] = []
        self._reading = threading.Lock()  # one thread may append to the reply while another asks for its text

    @property
    def n_new(self) -> int:
        """Tokens of the reply so far."""
        return len(self.ids) - len(self.prompt_ids)

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
        self.refused = [*((n, token) for n, token in self.refused if n <= n_kept), (n_kept, shorter.refused)]
        self.forced = list(shorter.forced)

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
            piece = self._text.grow_to(self.ids[len(self.prompt_ids) :])
            self._pieces.append(piece + self._text.end(cut=ended != "stop") if ended else piece)

    def reply(self) -> Reply:
        """The reply, once it has ended."""
        if self.finish_reason is None:
            raise ValueError("this reply has not ended")
        self._read()
        token_ids = tuple(self.ids[len(self.prompt_ids) :])
        return Reply(self._text.text, token_ids, self.finish_reason, tuple(self.choices), self.prompt_ids)


class Engine:
    """A model with its vocabulary, ready to answer many at once.

    folder      named in errors
    generation  what replies need; without it a prompt leaves free the reply's `max_tokens`, and names are not looked at
    """

    def __init__(
        self,
        decoder: Decoder,
        tokenizer: Tokenizer,
        folder: Path | None = None,
        generation: GenerationConfig | None = None,
    ) -> None:
        self.decoder, self.tokenizer, self.folder, self.generation = decoder, tokenizer, folder, generation
        self._utf8 = utf8_of(tokenizer, decoder.vocab_size)
        last_byte = HONORIFIC.encode()[-1:]
        self._may_end_name = [
            last_byte in data
            for data in tokenizer.bytes_of(decoder.vocab_size)
            or [tokenizer.decode([token_id]).encode() for token_id in range(decoder.vocab_size)]
        ]
        self._suppressed = cache(self._suppressed_after)
        self.lock = threading.RLock()  # for threads that share a model; a step advances the replies of all
        self._running: dict[int, Request] = {}  # by slot, lowest first: adjacent slots need no copy

    def reply(self, dialogues: Sequence[Sequence[Message]], options: SamplingOptions) -> list[Reply]:
        """Answer dialogues that end with a user's turn, in order, as many at once as the decoder has slots.

        Raises InputError where a user's turn is too long for the model.
        """
        requests = [self.request(messages, options) for messages in dialogues]
        waiting = deque(requests)
        try:
            while waiting or any(request.finish_reason is None for request in requests):
                with self.lock:
                    self.admit([waiting.popleft() for _ in range(min(self.free_slots, len(waiting)))])
                    self.step()
        finally:
            for request in requests:
                self.cancel(request)
        return [request.reply() for request in requests]

    def stream(self, messages: Sequence[Message], options: SamplingOptions) -> "ReplyStream":
        """Stream a reply. Raises InputError where the user's turn is too long."""
        return ReplyStream(self, self.request(messages, options))

    def fits(self, messages: Sequence[Message], options: SamplingOptions) -> bool:
        """Whether the last turn is short enough for the model to answer it."""
        try:
            self.request(messages, options)
        except InputError:
            return False
        return True

    def request(self, messages: Sequence[Message], options: SamplingOptions) -> Request:
        """A reply that has not begun. Raises InputError where the user's turn is too long for the model."""
        wanted, names, earlier = options.max_tokens, None, []
        if self.generation is not None:
            if self.generation.single_exchange:
                messages = messages[-1:]
            wanted = max(min(wanted, self.generation.reply_tokens), options.min_tokens)
            earlier = [message["content"] for message in messages if message["role"] == "assistant"]
        prompt = self.tokenizer.encode_prompt(messages, max_len=self.decoder.max_len, reply_tokens=wanted)
        if self.generation is not None:
            names = ToldNames(messages, self.generation.titles)
        return Request(prompt, options, self.tokenizer, names, earlier)

    @property
    def free_slots(self) -> int:
        """How many more requests may be admitted now."""
        return self.decoder.slots - len(self._running)

    def admit(self, requests: Sequence[Request]) -> None:
        """Prefill the prompts, while other replies are running, and choose the first token of each reply.

        Cancelled requests are skipped. Raises ValueError for more requests than there are `free_slots`.
        """
        with self.lock:
            requests = [request for request in requests if request.finish_reason is None]
            if len(requests) > self.free_slots:
                raise ValueError(f"{len(requests)} requests; {self.free_slots} may be admitted now")
            if not requests:
                return
            free = (slot for slot in range(self.decoder.slots) if slot not in self._running)
            admitted = {next(free): request for request in requests}
            with self._reset_on_error(), np.errstate(over="ignore", invalid="ignore"):
                logits = self.decoder.prefill([request.prompt_ids for request in requests], list(admitted))
                self._running = dict(sorted((self._running | admitted).items()))
                self._choose(requests, logits)

    def step(self) -> None:
        """Append a token to every running reply."""
        with self.lock:
            if not self._running:
                return
            requests = list(self._running.values())
            with self._reset_on_error(), np.errstate(over="ignore", invalid="ignore"):
                logits = self.decoder.step([request.ids[-1] for request in requests], list(self._running))
                self._choose(requests, logits)

    def cancel(self, request: Request) -> None:
        """Cancel a reply, running or not yet admitted; a finished one stays as it is."""
        with self.lock, self._reset_on_error():
            if request.finish_reason is None:
                request.finish("cancelled")
            self._free_finished()

    @contextmanager
    def _reset_on_error(self) -> Iterator[None]:
        """After Ctrl-C or an error the content of the slots is undefined: cancel all running replies."""
        try:
            yield
        except BaseException:
            for request in self._running.values():
                if request.finish_reason is None:
                    request.finish("cancelled")
            self._running = {}
            self.decoder.free(range(self.decoder.slots))
            raise

    def _choose(self, requests: Sequence[Request], logits: Floats) -> None:
        """A token for each request, from its row of `logits` (B, V). Raises InputError where one is not finite."""
        if not np.isfinite(logits).all():
            raise InputError(
                "{model}: its logits are not finite (inf or nan): weights are too large, or damaged; train it again",
                model=self.folder or "the model",
            )
        highest = logits.max(axis=1, keepdims=True)
        totals = np.log(np.exp(logits - highest).sum(axis=1, dtype=np.float64)) + highest[:, 0]  # (B,)
        allowed = np.empty_like(logits)
        for request, own_logits, out in zip(requests, logits, allowed, strict=True):
            np.add(own_logits, self._suppressed(request.pending), out=out)
            out[[token_id for n_kept, token_id in request.refused if n_kept == request.n_new]] = -np.inf
            if request.forced:
                out[:] = -np.inf
                out[request.forced[0]] = own_logits[request.forced[0]]
        sequences = [SequenceState(request.ids, request.n_new, request.options, request.rng) for request in requests]
        tokens = choose_tokens(allowed, sequences, self.tokenizer.eos_id)
        logprobs = (logits[np.arange(len(tokens)), tokens] - totals).tolist()
        taken_back = []
        for row, (request, token, logprob) in enumerate(zip(requests, tokens, logprobs, strict=True)):
            del request.forced[:1]
            if request.earlier:
                request.margins.append(margin(allowed[row], token))
            if shorter := (
                self._other_name(request, token)
                or self._told_name(request, token)
                or self._other_than_earlier(request, token)
            ):
                request.take_back(shorter)
                if shorter.may_end and self._is_reply(request):
                    request.finish("stop")
                    continue
                if self._utf8:
                    request.pending = self._utf8.pending_after(request.ids[len(request.prompt_ids) :])
                taken_back.append(request)
                continue
            choice = Choice(token, logprob, top_logprobs(logits[row], totals[row], request.options.alternatives))
            if token == self.tokenizer.eos_id:
                request.finish("stop", choice)
                continue
            if self._utf8:
                request.pending = self._utf8.pending(request.pending, token)
            request.append(choice)
            full = request.n_new == request.options.max_tokens or len(request.ids) == self.decoder.max_len
            if full and request.finish_reason is None:
                request.finish("length")
        self._free_finished()
        self._prefill_again(taken_back)

    def _is_reply(self, request: Request) -> bool:
        """Whether the sentences before one with a name are a reply of their own."""
        kept = self.tokenizer.decode(request.ids[len(request.prompt_ids) :])
        return kept != "" and kept not in request.earlier and request.n_new >= request.options.min_tokens

    def _other_name(self, request: Request, token: int) -> TakenBack | None:
        """If this token completes a name that nobody told: the one that was told in its place, where there is one; else
        the sentence is taken back.
        """
        if request.names is None or not self._may_end_name[token]:
            return None
        ids = [*request.ids[len(request.prompt_ids) :], token]
        text = self.tokenizer.decode(ids)
        untold = request.names.first_untold(text)
        if untold is None or request.n_names_refused >= MAX_UNTOLD_NAMES:
            return None
        start, name = untold
        request.n_names_refused += 1
        if request.names.name is not None:
            # With what this token has behind the name: the vocabulary may have no other token for it (님이에요).
            called = text[:start] + request.names.name + text[start + len(name) :]
            if shorter := self._instead(ids, called):
                return shorter
        before = text[: end_of_sentences(text[:start])]
        texts = [self.tokenizer.decode(ids[:n]) for n in range(len(ids) + 1)]
        longest = max((kept for kept in texts if before.startswith(kept)), key=len)
        # More than one where a token has no text, such as the space before a rare syllable at the start.
        places = [n for n, kept in enumerate(texts) if kept == longest]
        tries = Counter(n for n, _ in request.refused)
        n_kept = next((n for n in reversed(places) if tries[n] < TRIES_AT_A_PLACE), places[0])
        return TakenBack(n_kept, ids[n_kept], may_end=True)

    def _told_name(self, request: Request, token: int) -> TakenBack | None:
        """If with this token the reply says that it does not know the name that the user told and asks for: how the
        sentence begins with that name instead.
        """
        names = request.names
        if names is None or names.name is None or not names.may_not_deny or request.has_denied_name:
            return None
        ids = [*request.ids[len(request.prompt_ids) :], token]
        text = self.tokenizer.decode(ids)
        start = names.denial(text)
        if start is None:
            return None
        request.has_denied_name = True
        before = text[: end_of_sentences(text[:start])].rstrip()
        return self._instead(ids, f"{before} {names.name}" if before else names.name)

    def _instead(self, ids: Sequence[int], text: str) -> TakenBack | None:
        """What takes a reply of these tokens back to where this text differs, and says that; None where the vocabulary
        has no tokens for it.
        """
        instead = self.tokenizer.encode(text)
        if self.tokenizer.decode(instead) != text:
            return None
        same = zip(ids, instead, strict=False)
        n_kept = next((n for n, (old, new) in enumerate(same) if old != new), min(len(ids), len(instead)))
        return TakenBack(n_kept, ids[n_kept], tuple(instead[n_kept:])) if n_kept < len(ids) else None

    def _other_than_earlier(self, request: Request, token: int) -> TakenBack | None:
        """If this token ends a reply that was said before: where to take it back to.

        It is where a sentence begins and another token was most nearly as likely, if at least a fifth as likely.
        """
        if token != self.tokenizer.eos_id or request.n_repeats_refused >= MAX_REPEATS:
            return None
        ids = [*request.ids[len(request.prompt_ids) :], token]
        if self.tokenizer.decode(ids[:-1]) not in request.earlier:
            return None
        begins = [n for n in range(len(ids)) if is_start_of_sentence(self.tokenizer.decode(ids[:n]))]
        n_kept = min(begins, key=request.margins.__getitem__)
        if request.margins[n_kept] > MAX_MARGIN:
            return None
        request.n_repeats_refused += 1
        return TakenBack(n_kept, ids[n_kept])

    def _prefill_again(self, requests: Sequence[Request]) -> None:
        """Go on with replies that were shortened, from the tokens that are left of them."""
        slots = [slot for slot, running in self._running.items() if running in requests]
        if slots:
            shortened = [self._running[slot] for slot in slots]
            self.decoder.free(slots)
            self._choose(shortened, self.decoder.prefill([request.ids for request in shortened], slots))

    def _suppressed_after(self, pending: bytes) -> Floats:
        """Added to the logits (V,): minus infinity for tokens that may not follow these bytes of an incomplete
        character, 0 for the others.
        """
        suppressed = np.zeros(self.decoder.vocab_size, dtype=bool)
        suppressed[self.tokenizer.suppressed_token_ids(self.decoder.vocab_size)] = True
        if self._utf8:
            suppressed |= self._utf8.breaking(pending)
        return np.where(suppressed, np.float32(-np.inf), np.float32(0))

    def _free_finished(self) -> None:
        """Free the slots of finished replies."""
        finished = [slot for slot, request in self._running.items() if request.finish_reason is not None]
        if finished:
            self.decoder.free(finished)
            self._running = {slot: r for slot, r in self._running.items() if r.finish_reason is None}


class ReplyStream:
    """A streamed reply: its pieces, each of whole sentences or characters; joined they are the reply's text.

    As a context manager it cancels an unfinished reply when the block ends.
    """

    def __init__(self, engine: Engine, request: Request) -> None:
        self._engine, self._request, self._admitted = engine, request, False

    def __iter__(self) -> Iterator[str]:
        try:
            while True:
                ended = self._request.finish_reason is not None  # read first: another thread may finish it
                if piece := self._request.new_text():
                    yield piece
                elif ended:
                    return
                else:
                    self._advance()
        finally:
            self.close()

    def _advance(self) -> None:
        with self._engine.lock:
            if (
                self._admitted or not self._engine.free_slots
            ):  # without a free slot, the others advance until there is one
                self._engine.step()
            else:
                self._admitted = True
                self._engine.admit([self._request])

    def __enter__(self) -> "ReplyStream":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Cancel the reply, if it has not finished."""
        self._engine.cancel(self._request)

    @property
    def reply(self) -> Reply:
        """The reply, once it has ended or was closed. Raises ValueError before."""
        return self._request.reply()


def margin(logits: Floats, token: int) -> float:
    """How much likelier, in nats, this token was than the likeliest other one; logits (V,)."""
    two = np.argpartition(logits, -2)[-2:]
    return float(logits[token] - max(logits[other] for other in two if other != token))


def top_logprobs(logits: Floats, logsumexp: float, n: int) -> tuple[tuple[int, float], ...]:
    """Id and log-probability of the `n` likeliest tokens; `logsumexp` is that of the logits."""
    if not n:
        return ()
    # Avoids sorting the whole vocabulary.
    near = np.flatnonzero(logits >= np.partition(logits, -n)[-n]) if n < len(logits) else np.arange(len(logits))
    likeliest = near[np.argsort(-logits[near], kind="stable")][:n]
    return tuple((int(token), float(logits[token] - logsumexp)) for token in likeliest)
