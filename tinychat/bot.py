"""A trained model to talk with, from Python: `tinychat.load("models/dialogue").reply("안녕")`."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, overload

from tinychat.corpus.turns import prompt_of
from tinychat.errors import InputError
from tinychat.generation.engine import Engine, Reply, ReplyStream
from tinychat.generation.loading import SLOTS, load_engine
from tinychat.generation.sampling import SamplingOptions
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.chat import Messages

OPTIONS = tuple(field.name for field in fields(SamplingOptions))
SAMPLING = ("temperature", "top_k", "top_p", "min_p", "seed")  # any of these options implies method="sample"


def load(folder: str | Path = "models/dialogue", *, batch_size: int = SLOTS) -> "Bot":
    """The model in `folder`, ready to answer at most `batch_size` dialogues at once (others wait for a free slot).

    Raises InputError where the folder is missing, damaged, of a newer version, or not ours.
    """
    return Bot(load_engine(folder, batch_size), Path(folder))


class Bot:
    """A trained model to talk with. It is stateless: earlier turns are passed with each question.

    It does not filter messages: an application should call `tinychat.safety.help.help_in_danger` first, as
    `tinychat chat` does.

    It is thread-safe.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's vocabulary."""
        return self.engine.tokenizer

    @property
    def max_len(self) -> int:
        """The maximum number of tokens in a dialogue, the reply included."""
        return self.engine.decoder.max_len

    @overload
    def reply(self, question: str, **options: Any) -> Reply: ...

    @overload
    def reply(self, question: Messages, **options: Any) -> Reply: ...

    @overload
    def reply(self, question: Sequence[str] | Sequence[Messages], **options: Any) -> list[Reply]: ...

    def reply(
        self, question: str | Messages | Sequence[str] | Sequence[Messages], **options: Any
    ) -> Reply | list[Reply]:
        """Answer a text, or a dialogue (messages with `role` and `content`) that ends with the user's turn.

        Messages are preprocessed as in training: cleaned; blank ones are left out, and with a warning system,
        developer, tool and function messages; consecutive ones of one side are joined.

        A list of texts or of dialogues gives a list of replies, generated in one batch. Options are the fields of
        SamplingOptions; without any, decoding is greedy. temperature, top_k, top_p, min_p or seed imply sampling,
        unless `method` or temperature 0 says greedy. The same question, options and `seed` (default 0) give the same
        reply, in a batch and among threads too. (Not on a GPU or in bf16, which only TINYCHAT_DEVICE and
        TINYCHAT_PRECISION select.)

        Raises InputError for an invalid option or question, for a question that is too long, and for a model whose
        logits are not finite.
        """
        dialogues, many = dialogues_of(question)
        replies = self.engine.reply(dialogues, self.options(**options))
        return replies if many else replies[0]

    def stream(self, question: str | Messages, **options: Any) -> ReplyStream:
        """Stream one reply in pieces of whole characters. Options as for `reply`."""
        dialogues, many = dialogues_of(question)
        if many:
            raise InputError("stream answers one text or one dialogue; reply answers a list of them")
        return self.engine.stream(dialogues[0], self.options(**options))

    @staticmethod
    def options(**given: Any) -> SamplingOptions:
        """The options with their defaults. Raises InputError that names the option and what would be right."""
        if unknown := [name for name in given if name not in OPTIONS]:
            raise InputError("unknown option {name}; there are: {names}", name=unknown[0], names=", ".join(OPTIONS))
        if isinstance(given.get("stop"), str):
            given["stop"] = (given["stop"],)
        elif isinstance(given.get("stop"), list):
            given["stop"] = tuple(given["stop"])
        samples = any(name in given for name in SAMPLING)
        given.setdefault("method", "sample" if samples else "greedy")
        return SamplingOptions(**given)


def dialogues_of(question: object) -> tuple[list[Messages], bool]:
    """The dialogues to answer, preprocessed as in training, and whether `question` was a list of questions.

    Raises InputError where it is invalid, or does not end with the user's turn.
    """
    if isinstance(question, str):
        return [_dialogue(question)], False
    if not isinstance(question, Sequence) or isinstance(question, bytes):
        raise InputError("a question is a text or a list, not {kind}", kind=type(question).__name__)
    if question and all(isinstance(item, Mapping) for item in question):
        return [_dialogue(question)], False
    return [_dialogue(item) for item in question], True


def _dialogue(question: object) -> Messages:
    """A text or messages, preprocessed. Warns of messages that are left out, unless they are blank."""
    messages = [{"role": "user", "content": question}] if isinstance(question, str) else question
    if not isinstance(messages, Sequence) or not messages:
        raise InputError("a dialogue is a list of messages with role and content, not {found!r}", found=messages)
    kept, left_out = prompt_of(messages)
    if lines := [line for line in left_out.lines() if not line.startswith("blank:")]:
        warnings.warn(f"left out, as training does: {'; '.join(lines)}", stacklevel=4)
    return kept
