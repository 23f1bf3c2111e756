"""Stage build_vocab: the training dialogues → a vocabulary."""

from pathlib import Path

from tinychat.corpus.dialogue import read_corpus, slot_values
from tinychat.files import rounded, to_csv, to_json, write_together
from tinychat.language.exit import run_and_exit
from tinychat.params.loading import load_params
from tinychat.printing import say
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.building import build_bpe, count_tokens, to_json_text
from tinychat.tokenizer.word_level import build_words

CORPUS = Path("data/corpus")
VOCAB = Path("artifacts/vocab")
METRICS = Path("reports/vocab/metrics.json")


def run(root: Path = Path()) -> None:
    """Build `artifacts/vocab` from the training split, and count how often each token occurs in it."""
    params = load_params(root).vocab
    turns = [(turn, dialogue) for dialogue in read_corpus(root / CORPUS / "train.jsonl") for turn in dialogue.turns]
    texts = [turn.content for turn, _ in turns]
    limits = {"max_size": params.max_size, "min_frequency": params.min_frequency}
    tokenizer: Tokenizer
    if params.kind == "word":
        tokenizer = build_words(texts, **limits)
    else:
        tokenizer = build_bpe(texts, **limits, slots=[slot_values(dialogue) for _, dialogue in turns])
    counts = count_tokens(tokenizer, texts)
    names = tokenizer.tokens(range(tokenizer.size))

    def fill(folder: Path) -> None:
        (folder / "tokenizer.json").write_text(to_json_text(tokenizer), encoding="utf-8", newline="\n")
        rows = [(i, name, count) for i, (name, count) in enumerate(zip(names, counts, strict=True))]
        (folder / "vocab.csv").write_text(to_csv(("id", "token", "count"), rows), encoding="utf-8", newline="\n")

    total = sum(counts)
    unknown = sum(counts[token_id] for token_id in tokenizer.unknown_ids)
    metrics = {
        "size": tokenizer.size,
        "ceiling": params.max_size,
        "tokens_in_training_text": total,
        "characters_per_token": rounded(sum(map(len, texts)) / total) if total else 0,
        "unknown_share": rounded(unknown / total) if total else 0,
    }
    write_together({root / VOCAB: fill, root / METRICS: to_json(metrics)})
    say(f"vocabulary: {tokenizer.size} tokens ({params.kind}), at most {params.max_size} asked for")


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
