"""What was said, and how replies are chosen: the state of a conversation, without a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tinychat.corpus.turns import prompt_of

if TYPE_CHECKING:
    from tinychat.generation.engine import Reply
    from tinychat.generation.sampling import SamplingOptions

RETRY_TEMPERATURE = 0.8  # where replies are greedy, which would only say the same again
TRIES = 20  # draws of another reply until the model is taken to have none
WARMING = 1.05  # of the temperature from try to try: the last one is 2.5 times as hot as the first

Given = dict[str, Any]  # sampling options as `Bot.stream` takes them


@dataclass(frozen=True)
class Exchange:
    """A question and its reply, and the texts of the replies that this one took the place of."""

    question: str
    reply: "Reply"
    earlier: tuple[str, ...] = ()

    @property
    def heard(self) -> tuple[str, ...]:
        """All that was replied to the question."""
        return (*self.earlier, self.reply.text)


class Conversation:
    """The exchanges so far, oldest first, and the sampling options that the person gave."""

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        self.exchanges: list[Exchange] = []
        self.given: Given = dict(given or {})
        self._retries = 0

    @property
    def last(self) -> Exchange | None:
        """The last exchange, if there is one."""
        return self.exchanges[-1] if self.exchanges else None

    def messages(self, question: str) -> list[dict[str, str]]:
        """What the model reads to answer `question`."""
        return messages_of(self.exchanges, question)

    def messages_again(self) -> list[dict[str, str]]:
        """What the model reads to answer the last question once more."""
        return messages_of(self.exchanges[:-1], self.exchanges[-1].question)

    def options_again(self, options: "SamplingOptions", tries: int = 0) -> Given:
        """Options for another reply to the last question: by chance, with the next seed at each retry.

        After so many `tries` that gave nothing new, it is drawn at a higher temperature.
        """
        self._retries += 1
        greedy = options.method == "greedy"
        temperature = RETRY_TEMPERATURE if greedy else options.temperature
        chance = {"temperature": temperature} if greedy else {}
        if tries:
            chance = {"temperature": min(100.0, round(temperature * WARMING**tries, 2))}
        return self.given | chance | {"seed": options.seed + self._retries}

    def add(self, question: str, reply: "Reply") -> None:
        """Remember an exchange."""
        self.exchanges.append(Exchange(question, reply))

    def replace_last(self, reply: "Reply") -> None:
        """Another reply to the last question."""
        last = self.exchanges[-1]
        self.exchanges[-1] = Exchange(last.question, reply, last.heard)

    def undo(self) -> Exchange | None:
        """Forget the last exchange, and give it."""
        return self.exchanges.pop() if self.exchanges else None

    def reset(self) -> None:
        """Forget what was said; the options stay."""
        self.exchanges.clear()


def messages_of(exchanges: Sequence[Exchange], question: str) -> list[dict[str, str]]:
    """Exchanges and a question as the messages that the model reads: where it said nothing, a question goes on."""
    said = [
        message
        for exchange in exchanges
        for message in (
            {"role": "user", "content": exchange.question},
            {"role": "assistant", "content": exchange.reply.text},
        )
    ]
    return prompt_of([*said, {"role": "user", "content": question}])[0]
