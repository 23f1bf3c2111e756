"""A trained model to talk with, from Python: `tinychat.load("models/dialogue").reply("안녕")`."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, overload

from tinychat.corpus.turns import prompt_of
from tinychat.errors import InputError
from tinychat.generation.engine import Engine, ReplyStream
from tinychat.generation.loading import SLOTS, load_engine
from tinychat.generation.request import Reply
from tinychat.generation.sampling import SamplingOptions
from tinychat.safety.help import help_in_danger
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.chat import Messages

OPTIONS = tuple(field.name for field in fields(SamplingOptions))
SAMPLING = ("temperature", "top_k", "top_p", "min_p", "seed")  # any of these options implies method="sample"


def load(folder: str | Path = "models/dialogue", *, batch_size: int = SLOTS, safety: bool = True) -> "Bot":
    """The model in `folder`, ready to answer at most `batch_size` dialogues at once (others wait for a free slot).

    With `safety`, messages about self-harm are answered with the help lines, as in `tinychat chat`.

    Raises InputError where the folder is missing, damaged, of a newer version, or not ours.
    """
    return Bot(load_engine(folder, batch_size), Path(folder), safety=safety)


class Bot:
    """A trained model to talk with. It is stateless: earlier turns are passed with each question.

    With `safety`, a dialogue whose last message speaks of self-harm, by itself or with the one before, is answered with
    the help lines in place of the model's reply; its finish_reason is "safety".

    It is thread-safe.
    """

    def __init__(self, engine: Engine, folder: Path, *, safety: bool = True) -> None:
        self.engine, self.folder, self.safety = engine, folder, safety

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's vocabulary."""
        return self.engine.tokenizer

    @property
    def max_len(self) -> int:
        """The maximum number of tokens in a dialogue, the reply included."""
        return self.engine.decoder.max_len

    @property
    def single_exchange(self) -> bool:
        """Whether it answers each message without those before, since its training dialogues had no second question."""
        return self.engine.generation is not None and self.engine.generation.single_exchange

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
        given = self.options(**options)
        helped = [self._help(dialogue) for dialogue in dialogues]
        rest = [dialogue for dialogue, help_lines in zip(dialogues, helped, strict=True) if help_lines is None]
        generated = iter(self.engine.reply(rest, given))
        replies = [next(generated) if help_lines is None else help_lines for help_lines in helped]
        return replies if many else replies[0]

    def stream(self, question: str | Messages, **options: Any) -> ReplyStream:
        """Stream one reply, sentence by sentence. Options as for `reply`."""
        dialogues, many = dialogues_of(question)
        if many:
            raise InputError("stream answers one text or one dialogue; reply answers a list of them")
        given = self.options(**options)
        if help_lines := self._help(dialogues[0]):
            return HelpStream(help_lines)
        return self.engine.stream(dialogues[0], given)

    def _help(self, dialogue: Messages) -> Reply | None:
        """The help lines as a reply, if safety is on and the dialogue needs them."""
        if not self.safety:
            return None
        said = [message["content"] for message in dialogue if message["role"] == "user"]
        lines = help_in_danger(*reversed(said[-2:]))
        return Reply(lines, (), "safety", (), ()) if lines else None

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


class HelpStream(ReplyStream):
    """The help lines as a stream of one piece."""

    def __init__(self, help_lines: Reply) -> None:
        self._help_lines = help_lines

    def __iter__(self) -> Iterator[str]:
        yield self._help_lines.text

    def close(self) -> None:
        """There is nothing to cancel."""

    @property
    def reply(self) -> Reply:
        """The help lines."""
        return self._help_lines


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
