"""Replies for evaluation, each dialogue answered once."""

from collections.abc import Sequence

from tinychat.generation.engine import Engine
from tinychat.generation.request import Reply
from tinychat.generation.sampling import SamplingOptions
from tinychat.tokenizer.chat import Messages

GREEDY = SamplingOptions(method="greedy", max_tokens=64)


class CachingEngine:
    """An engine with a cache of replies."""

    def __init__(self, engine: Engine, options: SamplingOptions = GREEDY) -> None:
        self.engine, self.options = engine, options
        self._replies: dict[tuple[tuple[str, str], ...], Reply | None] = {}

    def reply(self, dialogues: Sequence[Messages]) -> list[Reply | None]:
        """A reply to each; None where the last turn is too long for the model."""
        keys = [tuple((message["role"], message["content"]) for message in messages) for messages in dialogues]
        new = {key: messages for key, messages in zip(keys, dialogues, strict=True) if key not in self._replies}
        fitting = {key: messages for key, messages in new.items() if self.engine.fits(messages, self.options)}
        self._replies |= dict.fromkeys(new)
        self._replies |= zip(fitting, self.engine.reply([*fitting.values()], self.options), strict=True)
        return [self._replies[key] for key in keys]
