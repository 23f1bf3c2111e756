"""Whether a name that was never seen is the same tokens in question and answer, by how the vocabulary is built.

    python -m benchmarks.name_tokens [--size 5000]

On the starter corpus: the byte-level BPE of the stage build_vocab, and one whose merges make the characters whole
before pairs are learnt on characters; each on the texts as they are, and cut at the values of slots. The names are
those that the corpus holds out. The fewer tokens a corpus takes, the faster the training.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers, trainers

from tinychat.corpus.starter.expanding import NAME, Expansion, Sample
from tinychat.corpus.starter.files import read_starter
from tinychat.corpus.starter.particles import with_particle
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.building import QWEN2_SPLIT, build_bpe
from tinychat.tokenizer.chat import CONTROL_TOKENS
from tinychat.tokenizer.vocabulary import BYTE_OF

DIALOGUES = 20_000
MEASURED = 3_000
MIN_FREQUENCY = 2
N_ASCII = 128
CHAR_OF = {byte: char for char, byte in BYTE_OF.items()}


def build_characters_first(texts: Sequence[str], max_size: int) -> Tokenizer:
    """Byte-level BPE: all bytes, then the characters, then the most frequent pairs of what there is."""
    vocabulary = {token: place for place, token in enumerate((*CONTROL_TOKENS, *sorted(BYTE_OF)))}
    merges: list[tuple[str, str]] = []

    def learn(left: str, right: str) -> None:
        if left + right not in vocabulary and len(vocabulary) < max_size:
            vocabulary[left + right] = len(vocabulary)
            merges.append((left, right))

    counts = Counter(char for text in texts for char in text if not char.isascii())
    frequent = [char for char, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n >= MIN_FREQUENCY]
    for char in frequent:
        parts = as_bytes(char)
        for n in range(1, len(parts)):
            learn(parts[:n], parts[n])
    for left, right in frequent_pairs(texts, set(frequent), max_size - len(vocabulary)):
        learn(as_bytes(left), as_bytes(right))
    engine = tokenizers.Tokenizer(models.BPE(vocabulary, merges))
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
        ]
    )
    engine.decoder = decoders.ByteLevel()
    engine.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL_TOKENS])
    return Tokenizer(engine)


def frequent_pairs(texts: Sequence[str], known: set[str], most: int) -> Iterator[tuple[str, str]]:
    """What to join, in its order: characters, and what was joined before. At an unknown character a text is cut."""
    learner = tokenizers.Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated")
    cut = ("".join(char if char.isascii() or char in known else "\n" for char in text) for text in texts)
    size = len(known) + N_ASCII + max(0, most)
    learner.train_from_iterator(
        cut, trainers.BpeTrainer(vocab_size=size, min_frequency=MIN_FREQUENCY, show_progress=False)
    )
    yield from map(tuple, json.loads(learner.to_str())["model"]["merges"])


def as_bytes(text: str) -> str:
    """`text` in the byte-level alphabet: a character for each byte of its UTF-8."""
    return "".join(CHAR_OF[byte] for byte in text.encode("utf-8"))


def texts_of(samples: Sequence[Sample], *, cut: bool) -> list[str]:
    """Every turn with a space before it; with `cut`, a line break in the place of each slot's value."""
    texts = []
    for sample in samples:
        for turn in sample.turns:
            text = turn.content
            for value in sample.values.values() if cut else ():
                text = text.replace(value, "\n")
            texts.append(f" {text}")
    return texts


def share_cut_alike(tokenizer: Tokenizer, names: Sequence[str]) -> float:
    """Share of names that are the same tokens wherever they stand."""
    return sum(is_cut_alike(tokenizer, name) for name in names) / len(names)


def is_cut_alike(tokenizer: Tokenizer, name: str) -> bool:
    """Whether a name's tokens stand in each of four sentences."""
    wanted = tokenizer.encode(f" {name}")
    sentences = (
        f" 내 이름은 {with_particle(name, '이야/야')}",
        f" {with_particle(name, '이라고/라고')} 불러 줘",
        f" 저는 {with_particle(name, '이에요/예요')}",
        f" {name}님이에요!",
    )
    return all(
        any(ids[i : i + len(wanted)] == wanted for i in range(len(ids))) for ids in map(tokenizer.encode, sentences)
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Are unseen names the same tokens in question and answer?")
    parser.add_argument("--size", type=int, default=5000, help="tokens of the vocabulary")
    size: int = parser.parse_args().size
    expansion = Expansion(read_starter(Path("data/starter")), seed=0)
    samples = list(expansion.training(DIALOGUES))
    measured = texts_of(samples[:MEASURED], cut=False)
    builders: dict[str, Callable[[list[str]], Tokenizer]] = {
        "pairs of bytes": lambda texts: build_bpe(texts, max_size=size, min_frequency=MIN_FREQUENCY),
        "characters first": lambda texts: build_characters_first(texts, size),
    }
    print(f"{len(expansion.names.held_out)} held-out {NAME}s, {size} tokens; tokens of {MEASURED} dialogues")
    for title, build in builders.items():
        for cut in (False, True):
            tokenizer = build(texts_of(samples, cut=cut))
            n = sum(len(ids) for ids in tokenizer.encode_batch(measured))
            share = share_cut_alike(tokenizer, expansion.names.held_out)
            print(f"{title:17} {'cut at slots' if cut else 'as they are':13} alike {share:6.1%}  tokens {n:,}")


if __name__ == "__main__":
    main()
