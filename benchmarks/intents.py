"""The starter corpus without a Transformer: two intent classifiers as baselines.

    python -m benchmarks.intents [--seed 0] [--model models/dialogue]
    pip install scikit-learn                  for the logistic regression; it says where that is not installed

Each predicts the intent of a question, or that it is out of scope: the nearest known question by TF-IDF over character
1- to 3-grams, and a logistic regression on the same TF-IDF. Each learns from the training phrasings of data/starter,
templates filled FILLINGS times, and, as a second variant, from the first user turns of the training dialogues, typing
noise included. Each answers the corpus's measures and is right where its intent has an accepted answer; a model says
its answer itself, greedily. The model must have been trained on the corpus of the same seed. The regression's C is
chosen by cross-validation on the phrasings.
"""

import argparse
import importlib
import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import tinychat
from tinychat.evaluation.retrieval import NearestQuestion
from tinychat.params.loading import load_params
from tinychat.starter.evaluation_set import EvalDialogue, evaluation_set
from tinychat.starter.expanding import Expansion
from tinychat.starter.reading import read_starter

STARTER = Path("data/starter")
UNKNOWN = "unknown"
MEASURES = ("seen", "near", "far", "taken_for_unknown", "unknown_by_hand", "unknown_by_template")
FILLINGS = 8  # of a template: about as many questions as were written by hand
PENALTIES = (10.0, 100.0)  # C: the greater, the weaker the regularisation
FOLDS = 3

Classify = Callable[[Sequence[str]], Sequence[str]]  # questions → an intent or UNKNOWN for each


@dataclass(frozen=True)
class Labelled:
    """Questions, and the intent of each, or UNKNOWN."""

    questions: tuple[str, ...]
    intents: tuple[str, ...]


def labelled(pairs: Iterable[tuple[str, str]]) -> Labelled:
    """Each pair of question and intent once."""
    questions, intents = zip(*dict.fromkeys(pairs), strict=True)
    return Labelled(questions, intents)


def training_phrasings(expansion: Expansion) -> Iterator[tuple[str, str]]:
    """The phrasings that are trained on, and out-of-scope questions: by hand, and of templates."""
    for name, split in expansion.phrasings.items():
        yield from ((phrasing, name) for phrasing in (*split.train, *expansion.with_details[name].train))
    for split in expansion.out_of_scope["unknown"].by_hand:
        yield from ((text, UNKNOWN) for text in split.train)
    rng = expansion.rng("benchmark")
    for template in expansion.out_of_scope["unknown"].templates.train:
        yield from (
            (expansion.out_of_scope["unknown"].from_template([template], rng), UNKNOWN) for _ in range(FILLINGS)
        )


def first_turns(expansion: Expansion) -> Iterator[tuple[str, str]]:
    """The first question of each training dialogue. The answer tells the intent; a scene's own answers have none."""
    intent_of = {answer: name for name, answers in answers_of(expansion).items() for answer in answers}
    for dialogue in expansion.training(load_params(Path()).corpus.starter.dialogues):
        question, answer, *_ = dialogue.turns
        if answer.content in intent_of:
            yield question.content, intent_of[answer.content]


def answers_of(expansion: Expansion) -> dict[str, frozenset[str]]:
    """The answers of each intent, and of UNKNOWN."""
    intents = expansion.starter.intents
    if UNKNOWN in intents:
        raise AssertionError(f"an intent is called {UNKNOWN}, as all that lies outside is here")
    found = {name: frozenset(intent.answers) for name, intent in intents.items()}
    return {**found, UNKNOWN: frozenset(expansion.starter.out_of_scope["unknown"].answers)}


def nearest(known: Labelled) -> Classify:
    """The intent of the question that is most similar."""
    retrieval = NearestQuestion(known.questions, known.intents)
    return lambda questions: [retrieval.answer(question) for question in questions]


def regression(known: Labelled, penalty: float) -> Classify:
    """Logistic regression on TF-IDF, with this C."""
    fitted = pipeline(penalty).fit(known.questions, known.intents)
    return lambda questions: list(fitted.predict(questions))


def pipeline(penalty: float) -> Any:
    """TF-IDF over the n-grams of NearestQuestion, then the regression."""
    text: Any = importlib.import_module("sklearn.feature_extraction.text")
    linear: Any = importlib.import_module("sklearn.linear_model")
    joined: Any = importlib.import_module("sklearn.pipeline")
    return joined.make_pipeline(
        text.TfidfVectorizer(preprocessor=padded, analyzer="char", ngram_range=(1, 3)),
        linear.LogisticRegression(C=penalty, max_iter=300),
    )


def padded(text: str) -> str:
    """Without case, and with a space on either side: how a text begins and ends counts."""
    return f" {' '.join(text.casefold().split())} "


def best_penalty(known: Labelled) -> tuple[float, dict[float, float]]:
    """The C with the best cross-validated accuracy, and the accuracy of each."""
    selection: Any = importlib.import_module("sklearn.model_selection")
    folds = selection.StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    shares = {
        penalty: float(
            selection.cross_val_score(pipeline(penalty), list(known.questions), list(known.intents), cv=folds).mean()
        )
        for penalty in PENALTIES
    }
    return max(shares, key=lambda penalty: shares[penalty]), shares


def question_of(one: EvalDialogue) -> str:
    """The user's only turn."""
    question, _ = one.dialogue.turns
    return question.content


def shares_right(
    asked: Mapping[str, Sequence[EvalDialogue]], replies: Callable[[list[str]], list[set[str]]]
) -> dict[str, float]:
    """For each measure, the share of questions whose replies, one or those of an intent, hold an accepted one."""
    shares = {}
    for name, group in asked.items():
        given = replies([question_of(one) for one in group])
        right = sum(not said.isdisjoint(one.accept) for said, one in zip(given, group, strict=True))
        shares[name] = right / len(group)
    return shares


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a model trained on the corpus of the same seed, to compare with")
    parser.add_argument("--seed", type=int, default=0, help="corpus.starter.seed of params.yaml")
    arguments = parser.parse_args()
    expansion = Expansion(read_starter(STARTER), arguments.seed)
    answers = answers_of(expansion)
    everything = list(evaluation_set(expansion))
    asked = {name: [one for one in everything if one.measure == name] for name in MEASURES}
    variants = {"phrasings": labelled(training_phrasings(expansion)), "first\nturns": labelled(first_turns(expansion))}

    def by_intent(classify: Classify) -> dict[str, float]:
        return shares_right(asked, lambda questions: [set(answers[intent]) for intent in classify(questions)])

    columns = {f"nearest\n{name}": by_intent(nearest(known)) for name, known in variants.items()}
    if importlib.util.find_spec("sklearn") is not None:
        penalty, tried = best_penalty(variants["phrasings"])
        columns |= {f"logistic\n{name}": by_intent(regression(known, penalty)) for name, known in variants.items()}
        each = ", ".join(f"{value:g}: {share:.1%}" for value, share in tried.items())
        remark = f"C of the regression: {penalty:g}; right in {FOLDS}-fold cross-validation: {each}."
    else:
        remark = "Not found, so left out: scikit-learn. To compare: pip install scikit-learn"
    if arguments.model is not None:
        bot = tinychat.load(arguments.model)
        columns["model"] = shares_right(asked, lambda questions: [{reply.text} for reply in bot.reply(questions)])

    table = Table(title=f"share of right replies, seed {arguments.seed}")
    table.add_column("", no_wrap=True)
    for title in ("n", *columns):
        table.add_column(title, justify="right")
    for name, group in asked.items():
        table.add_row(name, str(len(group)), *(f"{shares[name]:.1%}" for shares in columns.values()))
    console = Console()
    console.print(table)
    console.print("taken_for_unknown asks what near asks: how often the answer is one from outside.")
    learnt = ", ".join(f"{' '.join(name.split())} {len(known.questions):,}" for name, known in variants.items())
    console.print(f"Questions learnt from: {learnt}.", remark, highlight=False)


if __name__ == "__main__":
    main()
