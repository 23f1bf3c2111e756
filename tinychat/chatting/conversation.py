"""The state of a conversation: exchanges and sampling options. Without a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tinychat.corpus.turns import prompt_of

if TYPE_CHECKING:
    from tinychat.generation.request import Reply
    from tinychat.generation.sampling import SamplingOptions

RETRY_TEMPERATURE = 0.8  # where decoding is greedy, which would only repeat the reply
MAX_RETRY_DRAWS = 20  # draws of another reply before giving up
TEMPERATURE_GROWTH = 1.05  # per try: the last temperature is 2.5 times the first

GivenOptions = dict[str, Any]  # the given sampling options, keyword arguments of `Bot.stream`


@dataclass(frozen=True)
class Exchange:
    """A question and its reply, and the texts of earlier replies that /retry replaced."""

    question: str
    reply: "Reply"
    earlier: tuple[str, ...] = ()

    @property
    def known_replies(self) -> tuple[str, ...]:
        """The texts of all replies to the question."""
        return (*self.earlier, self.reply.text)


class Conversation:
    """The exchanges so far, oldest first, and the sampling options that the person gave."""

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        self.exchanges: list[Exchange] = []
        self.given: GivenOptions = dict(given or {})
        self._retries = 0

    @property
    def last(self) -> Exchange | None:
        """The last exchange, if there is one."""
        return self.exchanges[-1] if self.exchanges else None

    def messages(self, question: str) -> list[dict[str, str]]:
        """The messages of the prompt for `question`."""
        return messages_of(self.exchanges, question)

    def retry_messages(self) -> list[dict[str, str]]:
        """The messages of the prompt for the last question."""
        return messages_of(self.exchanges[:-1], self.exchanges[-1].question)

    def retry_options(self, options: "SamplingOptions", tries: int = 0) -> GivenOptions:
        """Options for another reply to the last question: sampling, with the next seed at each retry.

        After `tries` draws without a new reply, the temperature is higher.
        """
        self._retries += 1
        greedy = options.method == "greedy"
        temperature = RETRY_TEMPERATURE if greedy else options.temperature
        sampling = {"temperature": temperature} if greedy else {}
        if tries:
            sampling = {"temperature": min(100.0, round(temperature * TEMPERATURE_GROWTH**tries, 2))}
        return self.given | sampling | {"seed": options.seed + self._retries}

    def add(self, question: str, reply: "Reply") -> None:
        """Append an exchange."""
        self.exchanges.append(Exchange(question, reply))

    def replace_last(self, reply: "Reply") -> None:
        """Replace the reply to the last question."""
        last = self.exchanges[-1]
        self.exchanges[-1] = Exchange(last.question, reply, last.known_replies)

    def undo(self) -> Exchange | None:
        """Remove and return the last exchange."""
        return self.exchanges.pop() if self.exchanges else None

    def reset(self) -> None:
        """Remove all exchanges; the options stay."""
        self.exchanges.clear()


def messages_of(exchanges: Sequence[Exchange], question: str) -> list[dict[str, str]]:
    """Exchanges and a question as messages of the prompt; questions without a reply are joined."""
    earlier = [
        message
        for exchange in exchanges
        for message in (
            {"role": "user", "content": exchange.question},
            {"role": "assistant", "content": exchange.reply.text},
        )
    ]
    return prompt_of([*earlier, {"role": "user", "content": question}])[0]
