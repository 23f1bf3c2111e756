"""Stage build_vocab: the training dialogues → a vocabulary."""

from pathlib import Path

from tinychat.corpus_shards import corpus_shards
from tinychat.files import rounded, to_csv, to_json, write_together
from tinychat.language.exit import run_and_exit
from tinychat.params.loading import load_params
from tinychat.printing import say
from tinychat.shards import Shard, run_shards
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.building import bpe_from_counts, count_tokens, to_json_text
from tinychat.tokenizer.word_counts import PartCounts, TextCounts, counting
from tinychat.tokenizer.word_level import words_from_counts
from tinychat.tokenizer.words import words_of

CORPUS = Path("data/corpus")
VOCAB = Path("artifacts/vocab")
METRICS = Path("reports/vocab/metrics.json")


def run(root: Path = Path()) -> None:
    """Build `artifacts/vocab` from the training split, and count how often each token occurs in it."""
    params = load_params(root).vocab
    shards = corpus_shards(root / CORPUS / "train.jsonl")
    (root / VOCAB).parent.mkdir(parents=True, exist_ok=True)
    counts = TextCounts(folder=(root / VOCAB).parent)

    def merge(shard: Shard, part: PartCounts) -> int:
        counts.add(part)
        return part.dialogues

    run_shards("build_vocab", counting, (str.split if params.kind == "word" else words_of,), shards, merge)
    limits = {"max_size": params.max_size, "min_frequency": params.min_frequency}
    tokenizer: Tokenizer
    if params.kind == "word":
        tokenizer = words_from_counts(counts.words, **limits)
    else:
        tokenizer = bpe_from_counts(counts, **limits)
    times = count_tokens(tokenizer, counts.words)
    names = tokenizer.tokens(range(tokenizer.size))

    def fill(folder: Path) -> None:
        (folder / "tokenizer.json").write_text(to_json_text(tokenizer), encoding="utf-8", newline="\n")
        rows = [(i, name, count) for i, (name, count) in enumerate(zip(names, times, strict=True))]
        (folder / "vocab.csv").write_text(to_csv(("id", "token", "count"), rows), encoding="utf-8", newline="\n")

    total = sum(times)
    unknown = sum(times[token_id] for token_id in tokenizer.unknown_ids)
    metrics = {
        "size": tokenizer.size,
        "ceiling": params.max_size,
        "tokens_in_training_text": total,
        "characters_per_token": rounded(counts.characters / total) if total else 0,
        "unknown_share": rounded(unknown / total) if total else 0,
    }
    write_together({root / VOCAB: fill, root / METRICS: to_json(metrics)})
    say(f"vocabulary: {tokenizer.size} tokens ({params.kind}), at most {params.max_size} asked for")
    if params.kind == "bpe" and (least := counts.least_count()) > 1:
        say(f"  learnt on the words that occur {least} times or more: all of them are too many for the memory")


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
