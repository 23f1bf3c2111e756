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
from tinychat.tokenizer.chat import Message

Dialogue = Sequence[Message]
OPTIONS = tuple(field.name for field in fields(SamplingOptions))
SAMPLING = ("temperature", "top_k", "top_p", "min_p", "seed")  # any of these options implies method="sample"


def load(folder: str | Path = "models/dialogue", *, batch_size: int = SLOTS) -> "Bot":
    """The model in `folder`, ready to answer at most `batch_size` dialogues at once (more wait for a place).

    Raises InputError in one line where the folder is not there, damaged, of a newer version, or not ours.
    """
    return Bot(load_engine(folder, batch_size), Path(folder))


class Bot:
    """A trained model to talk with. It remembers nothing: what was said before is given with each question.

    It is the model and nothing else: who lets people talk with it asks `tinychat.safety.help.help_in_danger` first, as
    `tinychat chat` does.

    Threads may share one.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's vocabulary."""
        return self.engine.tokenizer

    @property
    def max_len(self) -> int:
        """The most tokens that a dialogue may have, the reply included."""
        return self.engine.decoder.max_len

    @overload
    def reply(self, question: str, **options: Any) -> Reply: ...

    @overload
    def reply(self, question: Dialogue, **options: Any) -> Reply: ...

    @overload
    def reply(self, question: Sequence[str] | Sequence[Dialogue], **options: Any) -> list[Reply]: ...

    def reply(
        self, question: str | Dialogue | Sequence[str] | Sequence[Dialogue], **options: Any
    ) -> Reply | list[Reply]:
        """Answer a text, or a dialogue (messages with `role` and `content`) that ends with the user's turn.

        The model reads what training would have made of the messages: they are cleaned; blank ones are left out, and
        with a warning those of system, developer, tool and function; those of one side in a row are joined.

        A list of texts or of dialogues gives a list of replies, all made in one batch. Options are the fields of
        SamplingOptions; without any the reply is the likeliest one. temperature, top_k, top_p, min_p or seed make it
        one by chance, unless `method` or temperature 0 says greedy. By chance means by `seed` (0 unless given): the
        same question, options and seed give the same reply, in a list and among threads too. (On a GPU and in bf16,
        which only TINYCHAT_DEVICE and TINYCHAT_PRECISION ask for, that is not promised.)

        Raises InputError for an option or a question that will not do, for a question that is too long, and for a model
        whose logits are not finite.
        """
        dialogues, many = dialogues_of(question)
        replies = self.engine.reply(dialogues, self.options(**options))
        return replies if many else replies[0]

    def stream(self, question: str | Dialogue, **options: Any) -> ReplyStream:
        """One reply while it is made: pieces of whole characters, to be shown at once. Options as for `reply`."""
        dialogues, many = dialogues_of(question)
        if many:
            raise InputError("stream answers one text or one dialogue; reply answers a list of them")
        return self.engine.stream(dialogues[0], self.options(**options))

    @staticmethod
    def options(**given: Any) -> SamplingOptions:
        """The options as they will be used. Raises InputError that names the option and what would be right."""
        if unknown := [name for name in given if name not in OPTIONS]:
            raise InputError("unknown option {name}; there are: {names}", name=unknown[0], names=", ".join(OPTIONS))
        if isinstance(given.get("stop"), str):
            given["stop"] = (given["stop"],)
        elif isinstance(given.get("stop"), list):
            given["stop"] = tuple(given["stop"])
        by_chance = any(name in given for name in SAMPLING)
        given.setdefault("method", "sample" if by_chance else "greedy")
        return SamplingOptions(**given)


def dialogues_of(question: object) -> tuple[list[Dialogue], bool]:
    """What is to be answered, made as the training dialogues were, and whether it was a list of questions.

    Raises InputError where it is none, or does not end with the user's turn.
    """
    if isinstance(question, str):
        return [_dialogue(question)], False
    if not isinstance(question, Sequence) or isinstance(question, bytes):
        raise InputError("a question is a text or a list, not {kind}", kind=type(question).__name__)
    if question and all(isinstance(item, Mapping) for item in question):
        return [_dialogue(question)], False
    return [_dialogue(item) for item in question], True


def _dialogue(question: object) -> Dialogue:
    """A text or messages as the model reads them. What is left out is warned of, unless there was nothing in it."""
    messages = [{"role": "user", "content": question}] if isinstance(question, str) else question
    if not isinstance(messages, Sequence) or not messages:
        raise InputError("a dialogue is a list of messages with role and content, not {found!r}", found=messages)
    kept, left_out = prompt_of(messages)
    if told := [line for line in left_out.lines() if not line.startswith("blank:")]:
        warnings.warn(f"left out, as training does: {'; '.join(told)}", stacklevel=4)
    return kept
