"""All measures of a model on training dialogues and on held-out dialogues."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np

from tinychat.batches.prepared import Window, to_arrays, windows
from tinychat.batches.preparing import LongAnswers, Prepared, prepare_dialogues
from tinychat.corpus.dialogue import Dialogue, to_record
from tinychat.corpus.text_keys import text_key
from tinychat.evaluation.answers import Answers
from tinychat.evaluation.caching_engine import GREEDY, CachingEngine
from tinychat.evaluation.likelihood import Likelihood, measure_likelihood, unigram_likelihood
from tinychat.evaluation.measures import accepted_replies, measure_by_name, new_dialogues
from tinychat.evaluation.reply_metrics import copied_share, distinct, exact_share, mean_char_f1
from tinychat.evaluation.retrieval import NearestQuestion
from tinychat.files import rounded
from tinychat.generation.engine import Engine
from tinychat.model.base import LanguageModel
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.chat import Messages

Item = TypeVar("Item")

MAX_IN_MEMORY = 50_000  # training dialogues that the baselines know, in about 1 GB


@dataclass(frozen=True)
class Question:
    """The last question of a dialogue with its context, and the reference answer."""

    messages: tuple[dict[str, Any], ...]
    answer: str
    accept: frozenset[str] = frozenset()  # further right answers
    source: int = 1  # the number of its source in the corpus

    @property
    def text(self) -> str:
        """The last message of the user."""
        return str(self.messages[-1]["content"])

    @property
    def dialogue(self) -> str:
        """All messages, the question last, one per line."""
        return "\n".join(str(message["content"]) for message in self.messages)

    @property
    def key(self) -> tuple[str, ...]:
        """Equal for questions that differ only in case, spaces and punctuation."""
        return tuple(text_key(message["content"]) for message in self.messages)


def evaluate(
    engine: Engine,
    model: LanguageModel,
    train: Sequence[Dialogue],
    held_out: Sequence[Dialogue],
    max_dialogues: int,
    long_answers: LongAnswers,
) -> dict[str, Any]:
    """Measures on evenly spaced training dialogues (`seen`) and on `held_out` (None where that is empty).

    The likelihood is computed by `model`, the replies by `engine`, both of the same weights. Two baselines copy an
    answer: that of the nearest question (`nearest_question`), and that of the nearest dialogue with all its context
    (`nearest_dialogue`). Of more than MAX_IN_MEMORY training dialogues the baselines have as many, evenly spaced.
    """
    measured, held_out = held_out, new_dialogues(held_out)
    tokenizer, max_len = engine.tokenizer, engine.decoder.max_len
    in_memory = evenly_spaced(train, MAX_IN_MEMORY)
    known, new = (questions_of(dialogues, tokenizer, max_len) for dialogues in (in_memory, held_out))
    answers = Answers(train, new, partial(questions_of, tokenizer=tokenizer, max_len=max_len))
    copied = [question.answer for question in known]
    nearest_question = NearestQuestion([question.text for question in known], copied)
    nearest_dialogue = NearestQuestion([question.dialogue for question in known], copied)
    trained = to_arrays(_prepared(engine, in_memory, long_answers).examples, tokenizer.size)
    report: dict[str, Any] = {"seen": None, "held_out": None}
    responder = CachingEngine(engine)
    if measures := measure_by_name(responder, measured):
        report["measures"] = measures
    for name, dialogues in (("seen", evenly_spaced(train, max_dialogues)), ("held_out", held_out)):
        prepared = _prepared(engine, dialogues, long_answers)
        if not prepared.examples:
            continue
        split, n_bytes = to_arrays(prepared.examples, tokenizer.size), _answer_bytes(prepared)
        likelihood, accuracy = measure_likelihood(model, split, n_bytes, tokenizer.pad_id)
        unigram = unigram_likelihood(trained, split, n_bytes, tokenizer.size)
        found = questions_of(evenly_spaced(dialogues, max_dialogues), tokenizer, max_len)
        asked = [question for question in evenly_spaced(found, max_dialogues) if engine.fits(question.messages, GREEDY)]
        report[name] = {
            "dialogues": prepared.dialogues,
            "answer_tokens": likelihood.tokens,
            **_likelihood_measures(likelihood),
            "bytes_per_token": _bytes_per_token(likelihood, prepared.answers),
            "next_token_accuracy": rounded(accuracy),
            "unknown_share": rounded(_unknown_share(engine, dialogues)),
            "replies": _reply_measures(responder, asked, answers) if asked else None,
            "baselines": {
                "unigram": _likelihood_measures(unigram),
                "nearest_question": _agreement([nearest_question.answer(q.text) for q in asked], asked, answers)
                if asked and known
                else None,
                "nearest_dialogue": _agreement([nearest_dialogue.answer(q.dialogue) for q in asked], asked, answers)
                if asked and known
                else None,
            },
        }
    if len({question.source for question in known}) > 1:  # of one source, all that stands above is its score
        report["sources"] = _score_sources(responder, {"seen": known, "held_out": new}, answers, max_dialogues)
    return report


def _score_sources(
    responder: CachingEngine,
    questions: dict[str, list[Question]],
    answers: Answers,
    limit: int,
) -> dict[str, dict[str, dict[str, float] | None]]:
    """For each source: of its distinct questions of each split, how many were asked, and the share of exact replies.

    At most `limit` questions of a split, divided among the sources. None where a source has no question, as where it is
    too small to hold any out. Sources are `source_1` and so on: metrics are in git, and a file's name may be private.
    """
    numbers = sorted({question.source for split in questions.values() for question in split})
    scores: dict[str, dict[str, dict[str, float] | None]] = {f"source_{number}": {} for number in numbers}
    for name, split in questions.items():
        distinct_questions = {(question.source, question.key): question for question in split}.values()
        for number in numbers:
            own = [question for question in distinct_questions if question.source == number]
            asked = evenly_spaced(own, max(1, limit // len(numbers)))
            replies = responder.reply([question.messages for question in asked])
            # One that is too long for the model has no reply, and so no exact one.
            right = [
                reply is not None and reply.text in answers[question.key]
                for question, reply in zip(asked, replies, strict=True)
            ]
            scores[f"source_{number}"][name] = (
                {"asked": len(asked), "exact": rounded(sum(right) / len(asked))} if asked else None
            )
    return scores


def questions_of(dialogues: Iterable[Dialogue], tokenizer: Tokenizer, max_len: int) -> list[Question]:
    """The last exchange of each dialogue whose answer carries loss, if any.

    Of a dialogue that is longer than `max_len` tokens, that of each window, with the turns of the window before it.
    """
    questions = []
    for dialogue in dialogues:
        messages = to_record(dialogue)["messages"]
        for window in _windows(messages, tokenizer, max_len):
            for i in range(window.end - 1, window.new, -1):
                asked, answer = messages[i - 1], messages[i]
                if asked["role"] == "user" and answer["role"] == "assistant" and answer.get("weight", 1):
                    # `accept` of the corpus is about the last question.
                    accepted = accepted_replies(dialogue) if i == len(messages) - 1 else ()
                    asked_before = tuple(messages[window.start : i])
                    source = dialogue.source_number or 1
                    questions.append(Question(asked_before, answer["content"], frozenset(accepted), source))
                    break
    return questions


def _windows(messages: Messages, tokenizer: Tokenizer, max_len: int) -> Iterable[Window]:
    """The windows of a dialogue."""
    # A token has at least a byte, but for the two that a turn has besides its text.
    if sum(len(message["content"].encode("utf-8")) + 2 for message in messages) <= max_len:
        return [Window(0, 0, len(messages))]
    return windows(tokenizer.encode_turns(messages), max_len)


def evenly_spaced(items: Sequence[Item], limit: int) -> list[Item]:
    """At most `limit` items, evenly spaced."""
    if len(items) <= limit:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, limit).astype(int)]


def _prepared(engine: Engine, dialogues: Sequence[Dialogue], long_answers: LongAnswers) -> Prepared:
    """The dialogues as training has them, whatever `prepare.loss_on` says."""
    messages = (to_record(dialogue)["messages"] for dialogue in dialogues)
    return prepare_dialogues(messages, engine.tokenizer, engine.decoder.max_len, "reply", long_answers)


def _answer_bytes(prepared: Prepared) -> int | None:
    """The UTF-8 bytes of the answers; None where a word of them is unknown."""
    n_bytes = [example.answer_bytes for example in prepared.examples]
    known = [n for n in n_bytes if n is not None]
    return sum(known) if len(known) == len(n_bytes) else None


def _bytes_per_token(likelihood: Likelihood, answers: int) -> float | None:
    """UTF-8 bytes of the answers per token, without each answer's `<eos>`; None where a word of them is unknown."""
    tokens = likelihood.tokens - answers
    return rounded(likelihood.bytes / tokens) if likelihood.bytes and tokens else None


def _unknown_share(engine: Engine, dialogues: Sequence[Dialogue]) -> float:
    """The share of unknown tokens in the answers."""
    answers = [turn.content for dialogue in dialogues for turn in dialogue.turns if turn.role == "assistant"]
    ids = [i for answer in engine.tokenizer.encode_batch(answers) for i in answer]
    return sum(i in engine.tokenizer.unknown_ids for i in ids) / len(ids) if ids else 0.0


def _likelihood_measures(likelihood: Likelihood) -> dict[str, float | None]:
    measures = {
        "loss": likelihood.loss,
        "perplexity": likelihood.perplexity,
        "bits_per_byte": likelihood.bits_per_byte,
    }
    return {name: None if value is None else rounded(value) for name, value in measures.items()}


def _agreement(replies: Sequence[str], asked: Sequence[Question], answers: Answers) -> dict[str, float]:
    references = [answers[question.key] for question in asked]
    return {
        "exact": rounded(exact_share(replies, references)),
        "char_f1": rounded(mean_char_f1(replies, references)),
    }


def _reply_measures(
    responder: CachingEngine,
    asked: list[Question],
    answers: Answers,
) -> dict[str, float]:
    replies = [reply for reply in responder.reply([question.messages for question in asked]) if reply is not None]
    texts = [reply.text for reply in replies]
    return {
        "asked": len(asked),
        **_agreement(texts, asked, answers),
        "copied": rounded(copied_share(texts, answers.trained)),
        "distinct_1": rounded(distinct(texts, 1)),
        "distinct_2": rounded(distinct(texts, 2)),
        "ends_by_itself": rounded(sum(r.finish_reason == "stop" for r in replies) / len(replies)),
    }
