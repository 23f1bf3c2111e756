"""Continuous batching: replies of different lengths in one batch, each entering and leaving at any step."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np

from tinychat.errors import InputError
from tinychat.generation.decoder import Decoder, Floats
from tinychat.generation.reply_rules import ReplyRules
from tinychat.generation.request import Choice, Reply, Request
from tinychat.generation.sampling import SamplingOptions, SequenceState, choose_tokens, margin, top_logprobs
from tinychat.model.generation_config import GenerationConfig
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.chat import Message
from tinychat.tokenizer.told_facts import ToldFacts
from tinychat.tokenizer.told_names import ToldNames
from tinychat.tokenizer.utf8 import utf8_of


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
        common = generation.common_replies if generation else ()
        self._rules = ReplyRules(tokenizer, decoder.vocab_size, common)
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
        wanted, names, facts, earlier = options.max_tokens, None, None, []
        if self.generation is not None:
            if self.generation.single_exchange:
                messages = messages[-1:]
            wanted = max(min(wanted, self.generation.reply_tokens), options.min_tokens)
            earlier = [message["content"] for message in messages if message["role"] == "assistant"]
        prompt = self.tokenizer.encode_prompt(messages, max_len=self.decoder.max_len, reply_tokens=wanted)
        if self.generation is not None:
            names, facts = ToldNames(messages, self.generation.titles), ToldFacts(messages)
        return Request(prompt, options, self.tokenizer, names, facts, earlier)

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
            if among := request.next_among():
                likely = out[among]
                if np.isfinite(likely).any():
                    out[:] = -np.inf
                    out[among] = likely
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
            if shorter := self._rules.take_back(request, token):
                request.take_back(shorter)
                if shorter.may_end and self._rules.is_reply(request):
                    request.finish("stop")
                    continue
                if self._utf8:
                    request.pending = self._utf8.pending_after(request.reply_ids)
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
