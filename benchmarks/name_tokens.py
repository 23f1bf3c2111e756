"""Whether an unseen name is the same tokens in question and answer, by how the vocabulary is built.

    python -m benchmarks.name_tokens [--size 5000]

On the starter corpus: byte-level BPE as a library trains it, and that of the stage build_vocab, whose merges make the
characters whole before pairs are learnt on them, as it is and without cutting the texts at the values of slots. The
names are those that the corpus holds out. The fewer tokens a corpus takes, the faster the training.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, models, normalizers, pre_tokenizers, trainers

from tinychat.starter.expanding import NAME, Expansion, StarterDialogue
from tinychat.starter.particles import with_particle
from tinychat.starter.reading import read_starter
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.building import build_bpe
from tinychat.tokenizer.byte_level import QWEN2_SPLIT, ByteLevelTokenizer
from tinychat.tokenizer.chat import CONTROL_TOKENS

DIALOGUES = 20_000
MEASURED = 3_000
MIN_FREQUENCY = 2


def build_pairs_of_bytes(texts: Sequence[str], max_size: int) -> Tokenizer:
    """Byte-level BPE as a library trains it: from the first merge on the most frequent pair, of bytes or what became of
    them.
    """
    engine = tokenizers.Tokenizer(models.BPE())
    engine.normalizer = normalizers.Prepend(" ")
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=max_size,
        min_frequency=MIN_FREQUENCY,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in CONTROL_TOKENS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    engine.train_from_iterator(texts, trainer)
    return ByteLevelTokenizer(engine)


def texts_of(dialogues: Sequence[StarterDialogue]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Every turn, and the values of its dialogue's slots."""
    turns = [(turn.content, tuple(dialogue.slot_values.values())) for dialogue in dialogues for turn in dialogue.turns]
    return [text for text, _ in turns], [values for _, values in turns]


def share_cut_alike(tokenizer: Tokenizer, names: Sequence[str]) -> float:
    """Share of names that are the same tokens in every sentence."""
    return sum(is_cut_alike(tokenizer, name) for name in names) / len(names)


def is_cut_alike(tokenizer: Tokenizer, name: str) -> bool:
    """Whether a name's tokens occur in each of four sentences."""
    wanted = tokenizer.encode(name)
    sentences = (
        f"내 이름은 {with_particle(name, '이야/야')}",
        f"{with_particle(name, '이라고/라고')} 불러 줘",
        f"저는 {with_particle(name, '이에요/예요')}",
        f"{name}님이에요!",
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
    texts, values = texts_of(list(expansion.training(DIALOGUES)))
    measured = texts[: round(MEASURED * len(texts) / DIALOGUES)]
    build = partial(build_bpe, texts, max_size=size, min_frequency=MIN_FREQUENCY)
    built = {
        "pairs of bytes": build_pairs_of_bytes(texts, size),
        "characters first": build(),
        "characters first, cut at slots": build(slots=values),
    }
    print(f"{len(expansion.names.held_out)} held-out {NAME}s, {size} tokens; tokens of {len(measured)} turns")
    for title, tokenizer in built.items():
        n = sum(len(ids) for ids in tokenizer.encode_batch(measured))
        print(f"{title:31} alike {share_cut_alike(tokenizer, expansion.names.held_out):6.1%}  tokens {n:,}")


if __name__ == "__main__":
    main()
