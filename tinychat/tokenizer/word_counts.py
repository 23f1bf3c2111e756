"""How often each word occurs in a corpus: exact, in a memory that does not grow with the corpus."""

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import IO

import orjson

from tinychat.corpus.dialogue import slot_values
from tinychat.corpus_shards import dialogues_in
from tinychat.files import add_path_to_disk_full_error, temporary_file
from tinychat.shards import Shard
from tinychat.tokenizer.words import CountedWord, words_of

MAX_WORDS = 1_500_000  # different words in memory, about 300 MB; a corpus of 100 million words has more


Split = Callable[[str], list[str]]  # of a text into words


class WordCounter:
    """Adds up counts of words. Where there are more than `limit` words, they go to sorted temporary files."""

    def __init__(self, folder: Path | None = None, limit: int = MAX_WORDS) -> None:
        self._folder, self._limit = folder, limit
        self._counts: dict[str, int] = {}
        self._first = 0  # of the first word in `_counts`
        self._runs: list[IO[bytes]] = []

    @property
    def exceeds_memory(self) -> bool:
        """Whether there are more words than the limit."""
        return bool(self._runs)

    def add(self, counts: Mapping[str, int]) -> None:
        """Add counts, whose words are in the order of their first appearance."""
        known = self._counts
        for word, count in counts.items():
            known[word] = known.get(word, 0) + count
        if len(known) > self._limit:
            self._runs.append(self._written(self._sorted()))
            self._first += len(known)
            self._counts = {}

    def __iter__(self) -> Iterator[CountedWord]:
        """Each word once, sorted."""
        if self._runs and (self._counts or len(self._runs) > 1):
            # Read several times, so merged once.
            merged = self._written(_summed([*map(_read, self._runs), self._sorted()]))
            for run in self._runs:
                run.close()
            self._runs, self._counts = [merged], {}
        return _read(self._runs[0]) if self._runs else self._sorted()

    def _sorted(self) -> Iterator[CountedWord]:
        numbered = ((word, count, number) for number, (word, count) in enumerate(self._counts.items(), self._first))
        return map(CountedWord._make, sorted(numbered))

    def _written(self, words: Iterable[CountedWord]) -> IO[bytes]:
        """A temporary file that is gone when it is closed, even by a kill."""
        with add_path_to_disk_full_error(self._folder or Path()):
            file = temporary_file(self, self._folder)
            for word in words:
                file.write(orjson.dumps(tuple(word)) + b"\n")
        return file


def _read(run: IO[bytes]) -> Iterator[CountedWord]:
    run.seek(0)
    return map(CountedWord._make, map(orjson.loads, run))


def _summed(sorted_words: Iterable[Iterator[CountedWord]]) -> Iterator[CountedWord]:
    """Sorted words as one, each once."""
    for word, same in groupby(heapq.merge(*sorted_words), itemgetter(0)):
        _, counts, firsts = zip(*same, strict=True)
        yield CountedWord(word, sum(counts), min(firsts))


@dataclass
class PartCounts:
    """The counts of some texts of a corpus.

    words       how often each word occurs, in the order of first appearance
    correction  what to add for the counts of the texts without the values of their slots, on which pairs are learnt
    characters  of all texts
    """

    words: dict[str, int]
    correction: dict[str, int]
    characters: int
    dialogues: int = 0


class TextCounts:
    """The counts of a corpus, added up part by part. `folder` is for temporary files, where there are many words."""

    def __init__(self, folder: Path | None = None, limit: int = MAX_WORDS) -> None:
        self.words, self._correction = WordCounter(folder, limit), WordCounter(folder, limit)
        self._limit = limit
        self.characters = 0

    def add(self, part: PartCounts) -> None:
        """Add the counts of the next part."""
        self.words.add(part.words)
        self._correction.add(part.correction)
        self.characters += part.characters

    def without_values(self) -> Iterator[tuple[str, int]]:
        """Words, sorted, and how often they occur in the texts without the values of their slots."""
        counted = _summed([iter(self.words), iter(self._correction)])
        return ((word, count) for word, count, _ in counted if count > 0)

    def least_count(self) -> int:
        """Words that occur less often are more than `limit` together with the others, so no pairs are learnt on them.

        They change which pairs are the most frequent, but little: they are a small share of a text.
        """
        if not self.words.exceeds_memory:
            return 1
        frequency = Counter(count for _, count in self.without_values())
        kept = 0
        for count in sorted(frequency, reverse=True):
            kept += frequency[count]
            if kept > self._limit:
                return count + 1
        return 1


def count_words(texts: Iterable[tuple[str, Collection[str]]], split: Split = words_of) -> PartCounts:
    """Count the words of texts, each with the values of its slots."""
    characters = 0
    correction: Counter[str] = Counter()

    def words() -> Iterator[list[str]]:
        nonlocal characters
        for text, values in texts:
            characters += len(text)
            found = split(text)
            yield found
            if any(value in text for value in values):
                for value in values:
                    text = text.replace(value, "\n")
                correction.subtract(found)
                correction.update(split(text))

    counts = Counter(chain.from_iterable(words()))
    return PartCounts(dict(counts), dict(correction), characters)


def counting(split: Split) -> Callable[[Shard], PartCounts]:
    """What counts the words in a shard of a corpus file."""

    def count_shard(shard: Shard) -> PartCounts:
        dialogues = 0

        def texts() -> Iterator[tuple[str, Collection[str]]]:
            nonlocal dialogues
            for record in dialogues_in(shard):
                dialogues += 1
                values = slot_values(record.get("metadata"))
                for message in record["messages"]:
                    yield message["content"], values

        counts = count_words(texts(), split)
        counts.dialogues = dialogues
        return counts

    return count_shard


def counts_of(
    texts: Iterable[str], slots: Iterable[Collection[str]] | None = None, split: Split = words_of
) -> TextCounts:
    """The counts of texts in memory; `slots`: the values of each one's."""
    texts, counts = list(texts), TextCounts()
    counts.add(count_words(zip(texts, [()] * len(texts) if slots is None else slots, strict=True), split))
    return counts
