"""All measures of a model on training dialogues and on held-out dialogues."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinychat.batches.prepared import PreparedSplit, to_arrays
from tinychat.batches.preparing import prepare_dialogues
from tinychat.corpus.dialogue import Dialogue, to_record
from tinychat.corpus.text_keys import text_key
from tinychat.evaluation.caching_engine import GREEDY, CachingEngine
from tinychat.evaluation.likelihood import Likelihood, measure_likelihood, unigram_likelihood
from tinychat.evaluation.measures import accepted_replies, measure_by_name, new_dialogues
from tinychat.evaluation.reply_metrics import copied_share, distinct, exact_share, mean_char_f1
from tinychat.evaluation.retrieval import NearestQuestion
from tinychat.files import rounded
from tinychat.generation.engine import Engine
from tinychat.model.base import LanguageModel


@dataclass(frozen=True)
class Question:
    """The last question of a dialogue with its context, and the reference answer."""

    messages: tuple[dict[str, Any], ...]
    answer: str
    accept: frozenset[str] = frozenset()  # further right answers

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
    engine: Engine, model: LanguageModel, train: Sequence[Dialogue], held_out: Sequence[Dialogue], max_dialogues: int
) -> dict[str, Any]:
    """Measures on evenly spaced training dialogues (`seen`) and on `held_out` (None where that is empty).

    The likelihood is computed by `model`, the replies by `engine`, both of the same weights. Two baselines copy an
    answer: that of the nearest question (`nearest_question`), and that of the nearest dialogue with all its context
    (`nearest_dialogue`).
    """
    answers: dict[tuple[str, ...], set[str]] = defaultdict(set)
    measured, held_out = held_out, new_dialogues(held_out)
    for question in questions_of([*train, *held_out]):
        answers[question.key] |= {question.answer, *question.accept}
    known = questions_of(train)
    training_answers = {question.answer for question in known}
    copied = [question.answer for question in known]
    nearest_question = NearestQuestion([question.text for question in known], copied)
    nearest_dialogue = NearestQuestion([question.dialogue for question in known], copied)
    trained, _ = _arrays(engine, train)
    report: dict[str, Any] = {"seen": None, "held_out": None}
    responder = CachingEngine(engine)
    if measures := measure_by_name(responder, measured):
        report["measures"] = measures
    for name, dialogues in (("seen", evenly_spaced(train, max_dialogues)), ("held_out", held_out)):
        split, n_bytes = _arrays(engine, dialogues)
        if not len(split):
            continue
        likelihood, accuracy = measure_likelihood(model, split, n_bytes, engine.tokenizer.pad_id)
        unigram = unigram_likelihood(trained, split, n_bytes, engine.tokenizer.size)
        asked = [q for q in questions_of(evenly_spaced(dialogues, max_dialogues)) if engine.fits(q.messages, GREEDY)]
        report[name] = {
            "dialogues": len(split),
            "answer_tokens": likelihood.tokens,
            **_likelihood_measures(likelihood),
            "next_token_accuracy": rounded(accuracy),
            "unknown_share": rounded(_unknown_share(engine, dialogues)),
            "replies": _reply_measures(responder, asked, answers, training_answers) if asked else None,
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
    return report


def questions_of(dialogues: Sequence[Dialogue]) -> list[Question]:
    """The last exchange of each dialogue whose answer carries loss, if any."""
    questions = []
    for dialogue in dialogues:
        messages = to_record(dialogue)["messages"]
        for i in range(len(messages) - 1, 0, -1):
            asked, answer = messages[i - 1], messages[i]
            if asked["role"] == "user" and answer["role"] == "assistant" and answer.get("weight", 1):
                # `accept` of the corpus is about the last question.
                accepted = accepted_replies(dialogue) if i == len(messages) - 1 else ()
                questions.append(Question(tuple(messages[:i]), answer["content"], frozenset(accepted)))
                break
    return questions


def evenly_spaced(dialogues: Sequence[Dialogue], limit: int) -> list[Dialogue]:
    """At most `limit` dialogues, evenly spaced."""
    if len(dialogues) <= limit:
        return list(dialogues)
    return [dialogues[i] for i in np.linspace(0, len(dialogues) - 1, limit).astype(int)]


def _arrays(engine: Engine, dialogues: Sequence[Dialogue]) -> tuple[PreparedSplit, int | None]:
    """The dialogues as arrays, and the UTF-8 bytes of their answers; None where a word of them is unknown."""
    messages = (to_record(dialogue)["messages"] for dialogue in dialogues)
    prepared = prepare_dialogues(messages, engine.tokenizer, engine.decoder.max_len, loss_on="reply")
    n_bytes = [dialogue.answer_bytes for dialogue in prepared.dialogues]
    known = [n for n in n_bytes if n is not None]
    return to_arrays(prepared.dialogues, engine.tokenizer.size), sum(known) if len(known) == len(n_bytes) else None


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


def _agreement(
    replies: Sequence[str], asked: Sequence[Question], answers: dict[tuple[str, ...], set[str]]
) -> dict[str, float]:
    references = [answers[question.key] for question in asked]
    return {
        "exact": rounded(exact_share(replies, references)),
        "char_f1": rounded(mean_char_f1(replies, references)),
    }


def _reply_measures(
    responder: CachingEngine,
    asked: list[Question],
    answers: dict[tuple[str, ...], set[str]],
    training_answers: set[str],
) -> dict[str, float]:
    replies = [reply for reply in responder.reply([question.messages for question in asked]) if reply is not None]
    texts = [reply.text for reply in replies]
    return {
        "asked": len(asked),
        **_agreement(texts, asked, answers),
        "copied": rounded(copied_share(texts, training_answers)),
        "distinct_1": rounded(distinct(texts, 1)),
        "distinct_2": rounded(distinct(texts, 2)),
        "ends_by_itself": rounded(sum(r.finish_reason == "stop" for r in replies) / len(replies)),
    }
