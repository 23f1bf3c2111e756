"""Questions, and how they are put to an engine."""

from collections.abc import Iterable, Sequence

from tinychat.generation.engine import Engine
from tinychat.generation.request import Reply, Request
from tinychat.generation.sampling import SamplingOptions
from tinychat.tokenizer.chat import Message

GREEDY = SamplingOptions(max_tokens=12)
SAMPLED = SamplingOptions("sample", seed=7, max_tokens=12)
PROMPTS = ["안녕", "What is your name?", "뭐 먹을래? 나는", "고마워", "잘 자요. 내일 또 만나요"]


def asked(*texts: str) -> list[Message]:
    """A dialogue: the user's turn, the bot's, …, the user's."""
    return [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]


def ask(engine: Engine, prompts: Iterable[str], options: SamplingOptions = GREEDY) -> list[Reply]:
    return engine.reply([asked(prompt) for prompt in prompts], options)


def ids_of(replies: Iterable[Reply]) -> list[tuple[int, ...]]:
    return [reply.token_ids for reply in replies]


def run(engine: Engine, requests: Sequence[Request]) -> list[Reply]:
    """Let requests that have entered come to their end."""
    while any(request.finish_reason is None for request in requests):
        engine.step()
    return [request.reply() for request in requests]
