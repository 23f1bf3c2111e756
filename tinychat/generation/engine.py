"""Replies: prompts of different lengths in one batch, each until its `<eos>` or its length limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from tinychat.errors import InputError
from tinychat.generation.sampling import SamplingOptions, choose_token
from tinychat.model.classic import DialogueModel
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.chat import Message

MAX_BATCH = 64


@dataclass(frozen=True)
class Reply:
    """What the model answers.

    prompt_ids     what it read, in the chat template
    token_ids      what it said, without `<eos>`
    finish_reason  stop: it said `<eos>`; length: `max_tokens` or the model's `max_len` was reached
    mean_logprob   mean log-probability (nats) that the model itself gave to each chosen token, `<eos>` included
    """

    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    text: str
    finish_reason: Literal["stop", "length"]
    mean_logprob: float


class Engine:
    """A model with its vocabulary, ready to answer."""

    def __init__(self, model: DialogueModel, tokenizer: Tokenizer) -> None:
        self.model, self.tokenizer = model.eval(), tokenizer
        self._never = torch.tensor(tokenizer.never_said(model.vocab_size), device="cpu")

    def reply(self, dialogues: Sequence[Sequence[Message]], options: SamplingOptions) -> list[Reply]:
        """Answer dialogues that end with a user's turn, in their order; at most 64 at a time go in one batch.

        Raises InputError where a user's turn is too long for the model.
        """
        prompts = [self._encode(messages, options) for messages in dialogues]
        replies: list[Reply] = []
        for start in range(0, len(prompts), MAX_BATCH):
            replies += self._reply_batch(prompts[start : start + MAX_BATCH], options)
        return replies

    def fits(self, messages: Sequence[Message], options: SamplingOptions) -> bool:
        """Whether the last turn is short enough for the model to answer it."""
        try:
            self._encode(messages, options)
        except InputError:
            return False
        return True

    def _encode(self, messages: Sequence[Message], options: SamplingOptions) -> list[int]:
        return self.tokenizer.encode_prompt(messages, max_len=self.model.max_len, reply_tokens=options.max_tokens)

    @torch.inference_mode()
    def _reply_batch(self, prompts: list[list[int]], options: SamplingOptions) -> list[Reply]:
        """The plain path: each step reads every sentence from its beginning."""
        pad = self.tokenizer.pad_id
        rows = [list(prompt) for prompt in prompts]
        logprobs: list[list[float]] = [[] for _ in prompts]
        generators = [torch.Generator().manual_seed(options.seed) for _ in prompts]
        finish: dict[int, Literal["stop", "length"]] = {}
        while len(finish) < len(rows):
            active = [i for i in range(len(rows)) if i not in finish]
            width = max(len(rows[i]) for i in active)
            ids = torch.tensor([rows[i] + [pad] * (width - len(rows[i])) for i in active], device=self.model.device)
            last = torch.tensor([len(rows[i]) - 1 for i in active], device=self.model.device)
            hidden = self.model.hidden(ids)[torch.arange(len(active), device=self.model.device), last]  # (B, D)
            logits = self.model.output_layer(hidden).float().cpu()  # (B, V)
            own_logprobs = logits.log_softmax(dim=1)
            logits[:, self._never] = -torch.inf
            for place, i in enumerate(active):
                token = choose_token(logits[place], torch.tensor(rows[i], device="cpu"), options, generators[i])
                logprobs[i].append(float(own_logprobs[place, token]))
                if token == self.tokenizer.eos_id:
                    finish[i] = "stop"
                    continue
                rows[i].append(token)
                if len(rows[i]) - len(prompts[i]) == options.max_tokens or len(rows[i]) == self.model.max_len:
                    finish[i] = "length"
        return [
            self._make_reply(prompt, row[len(prompt) :], finish[i], logprobs[i])
            for i, (prompt, row) in enumerate(zip(prompts, rows, strict=True))
        ]

    def _make_reply(
        self, prompt: list[int], said: list[int], finish: Literal["stop", "length"], logprobs: list[float]
    ) -> Reply:
        text = self.tokenizer.decode(said)
        if finish == "length":  # the limit may fall inside a character
            text = text.rstrip("\ufffd")
        return Reply(tuple(prompt), tuple(said), text, finish, sum(logprobs) / len(logprobs))
