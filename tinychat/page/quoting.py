"""The training questions that a page quotes, with their answers: the page finds those that are nearest to a message."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tinychat.corpus.dialogue import CorpusFile
from tinychat.page.calibrating import evenly_spaced
from tinychat.page.packing import deflated
from tinychat.training_pairs import training_pairs

MOST_DIALOGUES = 100_000  # that are read of a larger corpus, in about 100 MB
MOST_SHARE = 0.2  # of the rest of the page, which the quotes may add to it
MARGIN = 0.97  # a sample is a little smaller than the size of the whole suggests


@dataclass(frozen=True)
class Quotes:
    """The questions of training dialogues in the order of their characters, each with the answers to it.

    is_sample   whether the corpus has more dialogues than these are of
    """

    answers: dict[str, list[str]]
    is_sample: bool


@dataclass(frozen=True)
class PackedQuotes:
    """What a page carries of them: so many questions, as JSON that is deflated, in base85."""

    questions: int
    text: str


def read_quotes(path: Path) -> Quotes:
    """Those of a corpus file; of a large one, of evenly spaced dialogues. Raises InputError where it is damaged."""
    corpus = CorpusFile(path)
    some = evenly_spaced(len(corpus), MOST_DIALOGUES)
    is_sample = len(some) < len(corpus)
    answers: dict[str, list[str]] = {}
    for question, answer in training_pairs((corpus[n] for n in some) if is_sample else corpus):
        answers.setdefault(question, []).append(answer)
    return Quotes(dict(sorted(answers.items())), is_sample)


def pack_quotes(quotes: Quotes, most: int) -> PackedQuotes:
    """As many of the questions, evenly spaced, as take at most so many characters."""
    items = list(quotes.answers.items())
    packed = _pack(quotes.answers)
    while len(packed.text) > most and packed.questions:
        n = int(packed.questions * MARGIN * most / len(packed.text))
        packed = _pack(dict(items[place] for place in evenly_spaced(len(items), n)))
    return packed


def _pack(answers: Mapping[str, list[str]]) -> PackedQuotes:
    """{questions, answers, of}: `of` each question, the numbers of its answers. What is alike stands side by side."""
    different = sorted({answer for some in answers.values() for answer in some})
    numbers = {answer: n for n, answer in enumerate(different)}
    of = [[numbers[answer] for answer in some] for some in answers.values()]
    content = {"questions": list(answers), "answers": different, "of": of}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return PackedQuotes(len(answers), deflated(text.encode()))
