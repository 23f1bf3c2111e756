"""Train, valid and test without leaks: dialogues that share a text stay together.

The split of a group is decided by a hash of its own texts, not by a random draw: adding other dialogues does not move
it, unless they join it to another group. Remaining overlap is counted, and a held-out answer is not scored where train
has the same question with the same answer.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tinychat.corpus.amount import Learnt, count_learnt
from tinychat.corpus.dialogue import SPLITS, Dialogue
from tinychat.corpus.text_keys import letters_of, text_key, text_number
from tinychat.params.sections import Shares

# In multi-turn sources short texts (네, 안녕) join no groups: on the package chitchat-dataset, joining by any turn
# puts 3,880 of 7,168 dialogues into one group.
MIN_JOINING_LETTERS = 15
MAX_GROUP_SHARE = 0.01  # of all dialogues; a larger group goes to train


@dataclass(frozen=True)
class SplitSize:
    dialogues: int
    turns: int
    characters: int


@dataclass
class Overlap:
    """What the dialogues of a held-out split share with train, ignoring case, spaces and punctuation.

    A dialogue of train counts however often it is written, even where it is never written.

    any_text         dialogues with a text that occurs in train
    last_question    dialogues whose last question occurs in train as a question
    last_answer      dialogues whose last answer occurs in train as an answer
    exchange         dialogues with a question and its answer that occur together in train
    answers_skipped  answers of such exchanges: they carry no loss
    """

    any_text: int = 0
    last_question: int = 0
    last_answer: int = 0
    exchange: int = 0
    answers_skipped: int = 0


@dataclass(frozen=True)
class Splits:
    """The split of each dialogue, in input order, and how they were grouped.

    trained_answers  for held-out dialogues, by their index: the turns whose question and answer are in train too
    """

    names: list[str]
    sizes: dict[str, SplitSize]
    groups: int
    largest_group: int
    groups_sent_to_train: int
    dialogues_sent_to_train: int
    overlap: dict[str, Overlap]
    learnt: Learnt
    trained_answers: dict[int, list[int]] = field(default_factory=dict)


class SplitIndex:
    """What splitting needs of each dialogue, as integers, so that a corpus larger than the memory takes one pass."""

    def __init__(self) -> None:
        self._files: dict[str, int] = {}
        self._multi_turn: set[int] = set()  # files with a dialogue of more than two turns
        self._fixed: dict[int, str] = {}  # dialogues whose source chose the split
        self._file = array("Q")
        self._characters = array("Q")
        self._end = array("Q", [0])  # where a dialogue's turns end in the arrays below
        self._keys = array("Q")
        self._long = bytearray()
        self._answers = bytearray()  # whether a turn is the assistant's
        self._has_loss = bytearray()  # whether a turn is the assistant's and carries loss

    def __len__(self) -> int:
        return len(self._file)

    def add(self, dialogue: Dialogue) -> None:
        """Add the next dialogue."""
        if dialogue.split is not None:
            self._fixed[len(self)] = dialogue.split
        file = self._files.setdefault(dialogue.file, len(self._files))
        if len(dialogue.turns) > 2:
            self._multi_turn.add(file)
        for turn in dialogue.turns:
            self._keys.append(text_number(text_key(turn.content)))
            self._long.append(len(letters_of(turn.content)) >= MIN_JOINING_LETTERS)
            self._answers.append(turn.role == "assistant")
            self._has_loss.append(turn.role == "assistant" and turn.has_loss)
        self._file.append(file)
        self._characters.append(sum(len(turn.content) for turn in dialogue.turns))
        self._end.append(len(self._keys))

    def split(self, shares: Shares, seed: int, in_train: Iterable[int] = ()) -> Splits:
        """Group the dialogues by shared questions and answers, and give each group to a split by its hash.

        In multi-turn files only texts of 15 letters or more join. A group of more than one dialogue and more than 1% of
        all goes to train, and so does the group of a dialogue of `in_train`.
        """
        roots, smallest_key = self._group()
        members = Counter(roots)
        too_large = {root: n for root, n in members.items() if n > max(1, MAX_GROUP_SHARE * len(self))}
        trained = too_large.keys() | {roots[i] for i in in_train}
        split_of = {
            root: "train" if root in trained else _split_of(smallest_key[root], shares, seed) for root in members
        }
        names = [self._fixed.get(i) or split_of[root] for i, root in enumerate(roots)]
        exchanges = self._trained_exchanges(names)
        overlap, trained_answers = self._overlap(names, exchanges)
        return Splits(
            names=names,
            sizes=self._sizes(names),
            groups=len(members),
            largest_group=max(members.values(), default=0),
            groups_sent_to_train=len(too_large),
            dialogues_sent_to_train=sum(too_large.values()),
            overlap=overlap,
            learnt=count_learnt(exchanges),
            trained_answers=trained_answers,
        )

    def _keys_of(self, i: int) -> "array[int]":
        return self._keys[self._end[i] : self._end[i + 1]]

    def _joining_keys(self, i: int) -> list[int]:
        """The keys by which dialogue i joins others; where it has none, a unique one."""
        keys = list(self._keys_of(i))
        if self._file[i] not in self._multi_turn:
            return keys
        long = self._long[self._end[i] : self._end[i + 1]]
        return [key for key, joins in zip(keys, long, strict=True) if joins] or [text_number(f"dialogue {keys}")]

    def _group(self) -> tuple[list[int], list[int]]:
        """Union-find: for each dialogue the first of its group, and for that one the group's smallest key."""
        parent = list(range(len(self)))
        smallest_key = [0] * len(self)

        def root_of(i: int) -> int:
            while parent[i] != i:
                parent[i] = parent[parent[i]]
                i = parent[i]
            return i

        owner: dict[int, int] = {}
        for i in range(len(self)):
            if i in self._fixed:
                continue
            keys = self._joining_keys(i)
            smallest_key[i] = min(keys)
            for key in keys:
                first, second = sorted((root_of(owner.setdefault(key, i)), root_of(i)))
                parent[second] = first
                smallest_key[first] = min(smallest_key[first], smallest_key[second])
        return [root_of(i) for i in range(len(self))], smallest_key

    def _trained_exchanges(self, names: list[str]) -> set[tuple[int, int]]:
        """The exchanges whose answers are trained on, each once."""
        return {
            self._exchange(turn)
            for i, name in enumerate(names)
            if name == "train"
            for turn in self._answered(i)
            if self._has_loss[turn]
        }

    def _overlap(
        self, names: list[str], exchanges: set[tuple[int, int]]
    ) -> tuple[dict[str, Overlap], dict[int, list[int]]]:
        """What is shared with train, by split, and the answers that are therefore not scored."""
        texts = {key for i, name in enumerate(names) if name == "train" for key in self._keys_of(i)}
        questions, answers = ({exchange[side] for exchange in exchanges} for side in (0, 1))
        overlap: dict[str, Overlap] = {name: Overlap() for name in SPLITS if name != "train"}
        skipped: dict[int, list[int]] = {}
        for i, name in enumerate(names):
            if name == "train":
                continue
            own, answered = overlap[name], self._answered(i)
            own.any_text += not texts.isdisjoint(self._keys_of(i))
            if answered:
                question, answer = self._exchange(answered[-1])
                own.last_question += question in questions
                own.last_answer += answer in answers
            repeated = [turn for turn in answered if self._exchange(turn) in exchanges]
            if repeated:
                own.exchange += 1
                own.answers_skipped += len(repeated)
                skipped[i] = [turn - self._end[i] for turn in repeated]
        return overlap, skipped

    def _answered(self, i: int) -> list[int]:
        """The answers of dialogue i that follow a question, as indices into the turns of all dialogues."""
        begin, end = self._end[i], self._end[i + 1]
        return [turn for turn in range(begin + 1, end) if self._answers[turn] and not self._answers[turn - 1]]

    def _exchange(self, turn: int) -> tuple[int, int]:
        """The keys of the question and of the answer, which is this turn."""
        return self._keys[turn - 1], self._keys[turn]

    def _sizes(self, names: list[str]) -> dict[str, SplitSize]:
        dialogues: Counter[str] = Counter(names)
        turns: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        for i, name in enumerate(names):
            turns[name] += self._end[i + 1] - self._end[i]
            characters[name] += self._characters[i]
        return {name: SplitSize(dialogues[name], turns[name], characters[name]) for name in SPLITS}


def _split_of(key: int, shares: Shares, seed: int) -> str:
    """The split in whose interval of [0, 1) the hash of seed and key falls."""
    digest = hashlib.sha256(f"{seed}\n{key}".encode()).digest()
    fraction = int.from_bytes(digest[:8], "big") / 2**64
    wanted = [(name, share) for name in SPLITS if (share := getattr(shares, name)) > 0]
    edge = 0.0
    for name, share in wanted:
        edge += share
        if fraction < edge:
            return name
    return wanted[-1][0]
